package web

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"time"

	"afloat/internal/policy"
	"afloat/internal/source"
)

// The lab shows each number of the policies table with the reason that stands beside it in the source. Both are read
// from the same file, so a page can't say something else than the code does.

const policyFile = "internal/policy/policy.go"

// A reason is where the table sets a number, and why it is that number: the comment on its line or above it. A number
// without one has that of the group it belongs to.
type reason struct {
	line int
	why  string
}

// readReasons returns the reasons of the table Afloat by field: "PostReads.Retry.Backoff.Base".
func readReasons(tree *source.Tree) (map[string]reason, error) {
	text, err := tree.Text(policyFile)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, policyFile, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read the reasons of the policies: %w", err)
	}
	t := tableReader{files: files, beside: map[int]string{}, locals: map[string]ast.Expr{}, found: map[string]reason{}}
	t.readComments(file, strings.Split(text, "\n"))
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "Afloat" {
			ast.Inspect(f.Body, t.visit)
		}
	}
	if len(t.found) == 0 {
		return nil, fmt.Errorf("the lab finds no table that a function Afloat of %s returns: the source has moved", policyFile)
	}
	return t.found, nil
}

type tableReader struct {
	files  *token.FileSet
	beside map[int]string      // the comment on a line, or above it
	locals map[string]ast.Expr // what a name that several rows share stands for
	found  map[string]reason
}

func (t *tableReader) readComments(file *ast.File, lines []string) {
	above := map[int]string{}
	for _, group := range file.Comments {
		begins, ends := t.files.Position(group.Pos()), t.files.Position(group.End())
		text := strings.Join(strings.Fields(group.Text()), " ")
		if strings.TrimSpace(lines[begins.Line-1][:begins.Column-1]) != "" {
			t.beside[begins.Line] = text
		} else {
			above[ends.Line+1] = text
		}
	}
	for line, text := range above {
		if t.beside[line] == "" {
			t.beside[line] = text
		}
	}
}

func (t *tableReader) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if name, ok := n.Lhs[0].(*ast.Ident); ok && len(n.Rhs) == 1 {
			t.locals[name.Name] = n.Rhs[0]
		}
	case *ast.ReturnStmt:
		t.walk("", n.Results[0], reason{})
	}
	return true
}

// walk notes each field below an expression. at is what is known of the expression itself.
func (t *tableReader) walk(path string, e ast.Expr, at reason) {
	if name, ok := e.(*ast.Ident); ok && t.locals[name.Name] != nil {
		e = t.locals[name.Name]
		line := t.line(e)
		at = reason{line, cmp.Or(t.beside[line], at.why)}
	}
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		t.found[path] = at
		return
	}
	for _, element := range literal.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		line := t.line(field.Key)
		inner := join(path, fmt.Sprint(field.Key))
		if fmt.Sprint(field.Key) == "Policy" { // embedded
			inner = path
		}
		t.walk(inner, field.Value, reason{line, cmp.Or(t.beside[line], at.why)})
	}
}

func (t *tableReader) line(n ast.Node) int { return t.files.Position(n.Pos()).Line }

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// A setting is one field of the table that is on.
type setting struct {
	path  string // as readReasons has it
	value string
}

// settings lists what is on below v, a part of the table: zero is off. What is a name and no number is left out.
func settings(path string, v reflect.Value) []setting {
	if v.Kind() != reflect.Struct {
		if v.IsZero() {
			return nil
		}
		return []setting{{path, inWords(v)}}
	}
	var all []setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case field.Anonymous:
			all = append(all, settings(path, v.Field(i))...)
		case field.Name != "Name" && field.Name != "Link":
			all = append(all, settings(join(path, field.Name), v.Field(i))...)
		}
	}
	return all
}

func inWords(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return value.String()
	case bool:
		return "yes"
	default:
		return fmt.Sprint(value)
	}
}

// A policyRow is a row of the table, or a client's settings.
type policyRow struct {
	field, name string
	value       reflect.Value
}

// policyRows are the rows that concern a dependency, and the settings of its client, in the table's order.
func policyRows(t policy.Table, link string) []policyRow {
	clients := map[string]struct{ link, name string }{
		"Copies": {"redis", "copies in Redis"}, "RedisLib": {"redis", "client"}, "Postgres": {"postgres", "client"}, "HTTP": {"recommendations", "client"},
	}
	var rows []policyRow
	table := reflect.ValueOf(t)
	for i := range table.NumField() {
		field, value := table.Type().Field(i).Name, table.Field(i)
		if row, ok := value.Interface().(policy.Row); ok && row.Link == link {
			rows = append(rows, policyRow{field, row.Name, value})
		} else if client, ok := clients[field]; ok && client.link == link {
			rows = append(rows, policyRow{field, client.name, value})
		}
	}
	return rows
}
