package api

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// chapter is one tag of the document with its operations.
type chapter struct {
	Name, About string
	Operations  []operation
}

type operation struct {
	ID, Method, Path, Summary, About string
	Parameters                       []parameter
	Body                             []parameter
	Answers                          []answer
}

type parameter struct {
	Name, In, About string
	Required        bool
}

type answer struct{ Status, About string }

// docsPage is the page /docs: the operations of the document, self-contained, for
// a machine with no way out.
func docsPage(doc *huma.OpenAPI) []byte {
	var chapters []chapter
	for _, tag := range doc.Tags {
		c := chapter{Name: tag.Name, About: tag.Description}
		for path, item := range doc.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					c.Operations = append(c.Operations, describeOperation(doc, path, op))
				}
			}
		}
		slices.SortFunc(c.Operations, func(a, b operation) int {
			return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
		})
		chapters = append(chapters, c)
	}
	var page bytes.Buffer
	err := template.Must(template.New("docs").Parse(docsHTML)).Execute(&page, map[string]any{
		"Info": doc.Info, "Chapters": chapters,
	})
	if err != nil {
		panic("api: the page /docs cannot be written: " + err.Error())
	}
	return page.Bytes()
}

func describeOperation(doc *huma.OpenAPI, path string, op *huma.Operation) operation {
	o := operation{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, About: op.Description}
	for _, p := range op.Parameters {
		o.Parameters = append(o.Parameters, parameter{Name: p.Name, In: p.In, About: p.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		for _, content := range op.RequestBody.Content { // there is one
			o.Body = fieldsOf(doc, content.Schema)
		}
	}
	for status, r := range op.Responses {
		if status == "default" {
			continue
		}
		about := r.Description
		if types := contentTypes(r); types != "" && status < "400" {
			about += ": " + types
		}
		o.Answers = append(o.Answers, answer{Status: status, About: about})
	}
	slices.SortFunc(o.Answers, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	return o
}

// fieldsOf lists the members of a body, in the order of their names.
func fieldsOf(doc *huma.OpenAPI, s *huma.Schema) []parameter {
	if s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	var fields []parameter
	for name, field := range s.Properties {
		fields = append(fields, parameter{Name: name, In: "body", About: field.Description, Required: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(fields, func(a, b parameter) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

func contentTypes(r *huma.Response) string {
	var types []string
	for t := range r.Content {
		types = append(types, t)
	}
	slices.Sort(types)
	return strings.Join(types, ", ")
}
