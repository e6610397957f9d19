package report

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var page string

// WriteHTML writes the report as one page that needs nothing else: no file, no
// script, no network. It follows the reader's choice of dark or light.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"grouped": grouped,
		"tidy":    tidy,
		"exact":   exact,
		"lasting": lasting,
		"ranked":  ranked,
	}).Parse(page)
	if err != nil {
		return err
	}
	kept := ""
	if r.Ok != nil {
		kept = map[bool]string{true: "kept", false: "broken"}[*r.Ok]
	}
	return t.Execute(w, struct {
		*Report
		Kept          string // how the verdict looks
		Circumstances string
		Rows          []matrixRow
		Clocks        []titled
		Charts        []chart
	}{r, kept, r.circumstances(), r.matrixRows(), r.Latency.each(), r.charts()})
}
