package gschema

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// element is an element with its attributes, elements and text.
type element struct {
	name  string
	attrs map[string]string
	kids  []*element
	text  string
}

// parseXML reads a document. What has a colon in its name is ignored, as GMarkup is told to.
func parseXML(b []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	top := &element{}
	open := []*element{top}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				if a.Name.Space == "" {
					e.attrs[a.Name.Local] = a.Value
				}
			}
			if t.Name.Space == "" {
				at.kids = append(at.kids, e)
			}
			if open = append(open, e); len(open) > 64 {
				return nil, errors.New("nested too deeply")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			at.text += string(t)
		}
	}
	if len(top.kids) != 1 || top.kids[0].name != "schemalist" {
		return nil, errors.New("no <schemalist>")
	}
	return top.kids[0], nil
}

// only reports attributes that an element cannot have, or lacks.
func (e *element) only(needs []string, may ...string) error {
	n := 0
	for _, a := range needs {
		if _, ok := e.attrs[a]; !ok {
			return fmt.Errorf("<%s> has no %s", e.name, a)
		}
		n++
	}
	for _, a := range may {
		if _, ok := e.attrs[a]; ok {
			n++
		}
	}
	if n != len(e.attrs) {
		return fmt.Errorf("<%s> has attributes that it cannot have", e.name)
	}
	return nil
}
