package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual from the tables that the program itself uses.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual in roff",
		Hidden: true,
		RunE:   func(c *cobra.Command, _ []string) error { return writeMan(c.Root(), a.stdout) },
	}
}

// writeMan writes one page per command, in the order of the help.
func writeMan(root *cobra.Command, w io.Writer) error {
	date := time.Unix(0, 0).UTC() // a page carries no date: it would be the builder's
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c.Hidden || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		h := &doc.GenManHeader{Section: "1", Date: &date, Source: "detinstall", Manual: "detinstall"}
		if err := doc.GenMan(c, h, w); err != nil {
			return err
		}
	}
	return nil
}
