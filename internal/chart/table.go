package chart

import (
	"html/template"
	"strings"
)

// A Table is a figure's numbers. Rows are as wide as Head.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Note    string // the marks and the reference, in a sentence; may be empty
}

// Table returns the numbers of which the picture is drawn.
func (f Figure) Table() Table {
	t := Table{Caption: f.Title, Note: f.note()}
	if f.Plot != nil && !f.Plot.empty() {
		t.Head, t.Rows = f.Plot.table(f)
	}
	return t
}

var whole = template.Must(template.New("figure").Parse(`<figure class="chart" id="{{.ID}}">
<figcaption><strong>{{.Figure.Title}}</strong>{{with .Figure.Desc}} <span>{{.}}</span>{{end}}</figcaption>
{{.Figure.SVG}}
{{with .Figure.Table}}{{if .Rows}}<details><summary>The figures as a table</summary>
<div class="ch-table" tabindex="0" role="region" aria-label="{{.Caption}}"><table><caption>{{.Caption}}</caption>
<thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>{{range .Rows}}<tr>{{range $i, $cell := .}}{{if $i}}<td>{{$cell}}</td>{{else}}<th scope="row">{{$cell}}</th>{{end}}{{end}}</tr>
{{end}}</tbody></table></div>{{with .Note}}<p>{{.}}</p>{{end}}</details>{{end}}{{end}}
</figure>
`))

// HTML returns the whole figure for a page that links to chart.css: title, description, picture and table.
func (f Figure) HTML() template.HTML {
	var b strings.Builder
	if err := whole.Execute(&b, struct {
		ID     string
		Figure Figure
	}{identifier(f.ID), f}); err != nil {
		panic("chart: its own template failed: " + err.Error()) // a Builder takes everything, and no method in it fails
	}
	return template.HTML(b.String()) // a template escaped it
}
