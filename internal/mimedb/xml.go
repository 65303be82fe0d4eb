package mimedb

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an element, or where name is empty, text.
type node struct {
	space, prefix, name string
	attrs               []attr // as they are written, but for declarations of namespaces
	declares            []attr // of namespaces: prefix and URI
	kids                []*node
	text                string
	comment             bool // text is a comment's
}

type attr struct{ prefix, name, value string }

// get returns an attribute of no namespace.
func (n *node) get(name string) (string, bool) { return n.attr("", name) }

func (n *node) attr(prefix, name string) (string, bool) {
	for _, a := range n.attrs {
		if a.prefix == prefix && a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// elements returns the children that are elements.
func (n *node) elements() []*node {
	var es []*node
	for _, k := range n.kids {
		if k.name != "" {
			es = append(es, k)
		}
	}
	return es
}

// deepest is a bound on nesting, as libxml2 has it.
const deepest = 256

// blanks are what a line break or tab in an attribute's value stands for.
var blanks = strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ", "\r", " ")

// parseXML returns the document element.
func parseXML(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return r, nil
		}
		return nil, fmt.Errorf("encoding %q is not supported", charset)
	}
	top := &node{}
	open := []*node{top}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) > deepest {
				return nil, errors.New("nested too deeply")
			}
			n, err := element(t, open)
			if err != nil {
				return nil, err
			}
			at.kids = append(at.kids, n)
			open = append(open, n)
		case xml.EndElement:
			if len(open) == 1 || at.name != t.Name.Local || at.prefix != t.Name.Space {
				return nil, fmt.Errorf("</%s> ends nothing", t.Name.Local)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			at.kids = append(at.kids, &node{text: string(t)})
		case xml.Comment:
			at.kids = append(at.kids, &node{text: string(t), comment: true})
		case xml.Directive:
			if bytes.Contains(t, []byte("<!ENTITY")) {
				return nil, errors.New("declares entities")
			}
		}
	}
	if es := top.elements(); len(es) == 1 && len(open) == 1 {
		return es[0], nil
	}
	return nil, errors.New("not one whole element")
}

// element resolves the namespace of an element that is opened within others.
func element(t xml.StartElement, open []*node) (*node, error) {
	n := &node{prefix: t.Name.Space, name: t.Name.Local}
	for _, a := range t.Attr {
		v := blanks.Replace(a.Value)
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.declares = append(n.declares, attr{"", "", v})
		case a.Name.Space == "xmlns":
			n.declares = append(n.declares, attr{a.Name.Local, "", v})
		default:
			n.attrs = append(n.attrs, attr{a.Name.Space, a.Name.Local, v})
		}
	}
	n.space = lookup(append(open[:len(open):len(open)], n), n.prefix)
	if n.space == "" && n.prefix != "" {
		return nil, fmt.Errorf("<%s:%s>: no such namespace", n.prefix, n.name)
	}
	return n, nil
}

func lookup(open []*node, prefix string) string {
	for i := len(open) - 1; i >= 0; i-- {
		for _, d := range open[i].declares {
			if d.prefix == prefix {
				return d.value
			}
		}
	}
	return ""
}

var (
	escapeText = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", "\r", "&#13;")
	escapeAttr = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;", `"`, "&quot;")
)

// write is what libxml2 writes with indentation: elements on lines of their own, unless text is among them.
func (n *node) write(b *bytes.Buffer, depth int, indent bool) {
	switch {
	case n.comment:
		b.WriteString("<!--" + n.text + "-->")
		return
	case n.name == "":
		b.WriteString(escapeText.Replace(n.text))
		return
	}
	name := qualified(n.prefix, n.name)
	b.WriteString("<" + name)
	for _, d := range n.declares {
		b.WriteString(" xmlns")
		if d.prefix != "" {
			b.WriteString(":" + d.prefix)
		}
		b.WriteString(`="` + escapeAttr.Replace(d.value) + `"`)
	}
	for _, a := range n.attrs {
		b.WriteString(" " + qualified(a.prefix, a.name) + `="` + escapeAttr.Replace(a.value) + `"`)
	}
	if len(n.kids) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	for _, k := range n.kids {
		indent = indent && (k.name != "" || k.comment)
	}
	for _, k := range n.kids {
		if indent {
			b.WriteString("\n" + strings.Repeat("  ", depth+1))
		}
		k.write(b, depth+1, indent)
	}
	if indent {
		b.WriteString("\n" + strings.Repeat("  ", depth))
	}
	b.WriteString("</" + name + ">")
}

func qualified(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + ":" + name
}
