package afloat_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"afloat"
	"afloat/internal/config"
	"afloat/internal/content"
	"afloat/internal/source"
	"afloat/internal/web"
)

// mayImport is the house's floor plan: which packages of ours each package
// may use. Whatever isn't named here stands alone, but for cmd/, which wires
// everything together.
var mayImport = map[string][]string{
	"internal/config":          {"fleet"},
	"internal/web":             {"fleet", "lab", "widgets", "store", "policy", "telemetry", "resilience", "content", "source", "fault", "assets", "chart", "availability", "lab/experiments", "load", "figures", "capstone", "lessons"},
	"internal/widgets":         {"store", "policy", "resilience"},
	"internal/store":           {"policy", "resilience", "content"},
	"internal/edge":            {"policy"},
	"internal/policy":          {"resilience"},
	"internal/lab":             {"fault", "load", "policy", "availability", "telemetry"},
	"internal/lab/experiments": {"lab", "alert", "availability", "chart", "fault", "load", "policy", "resilience", "sim", "recorded"},
	"internal/figures":         {"availability", "chart", "policy", "recorded", "resilience", "sim"},
	"internal/recorded":        {"chart"},
	"internal/capstone":        {"lab", "load", "fault", "policy", "resilience"},
	"internal/telemetry":       {"resilience"},
	"internal/metrics":         {"telemetry", "resilience", "fault"},
	"internal/testenv":         {"local", "policy", "resilience"},
	"test/soak":                {"load"},
	"test/bench":               {"local"},
	"test/prove":               {"lab", "policy"},
	"test/fleet":               {"load", "recorded", "store"},
}

func TestImportGraph(t *testing.T) {
	checked := 0
	for file, tree := range goFiles(t, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		pkg := path.Dir(file)
		checked++
		for _, spec := range tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours, internal := strings.CutPrefix(imported, "afloat/internal/")
			root, _, _ := strings.Cut(imported, "/")
			switch {
			case pkg == "internal/resilience" && (internal || strings.Contains(root, ".")):
				t.Errorf("%s imports %s: the patterns rest on the standard library only", file, imported)
			case internal && !strings.HasPrefix(pkg, "cmd/") && !slices.Contains(mayImport[pkg], ours):
				t.Errorf("%s imports %s, which the floor plan does not have", file, imported)
			case imported == "afloat" && !strings.HasPrefix(pkg, "cmd/"):
				t.Errorf("%s imports the embedded files: they are passed in, by cmd/", file)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d files were looked at", checked)
	}
}

// TestNothingIsSkipped: a test that needs something says so by failing.
func TestNothingIsSkipped(t *testing.T) {
	checked := 0
	for file, tree := range goFiles(t, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
		checked++
		ast.Inspect(tree, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncLit); ok && takesRapid(fn) {
				return false // a property's own Skip only draws another action
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, f.Sel.Name) {
				t.Errorf("%s skips a test", file)
			}
			return true
		})
	}
	if checked < 10 {
		t.Errorf("only %d files were looked at", checked)
	}
}

// takesRapid reports whether a function's parameter is a *rapid.T.
func takesRapid(fn *ast.FuncLit) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(p *ast.Field) bool {
		star, ok := p.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		sel, ok := star.X.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && pkg.Name == "rapid"
	})
}

// goFiles parses the repository's Go files whose base names are wanted, by path.
func goFiles(t *testing.T, wanted func(name string) bool) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" || !wanted(d.Name()) {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestReadmeTellsTheConfiguration: the README's table is the program's own.
func TestReadmeTellsTheConfiguration(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` *\\| *(.*?) *\\| *(.*?) *\\|$")
	var told []config.Var
	for _, m := range row.FindAllSubmatch(bytes.ReplaceAll(readme, []byte("\r\n"), []byte("\n")), -1) {
		plain := func(b []byte) string { return strings.ReplaceAll(string(b), "`", "") }
		told = append(told, config.Var{Name: plain(m[1]), Default: plain(m[2]), Meaning: plain(m[3])})
	}
	if want := config.Table(); !slices.Equal(told, want) {
		t.Errorf("README.md has the rows\n%q\nwant\n%q", told, want)
	}
}

// TestArticlesEmbedWhatExists: code in an article is the program's own, put in when it is shown. Go that stands in the
// article itself would age, so there is none but what is not ours.
func TestArticlesEmbedWhatExists(t *testing.T) {
	if _, err := content.Load(afloat.Content(), web.CheckEmbed(source.New(afloat.Source()))); err != nil {
		t.Error(err)
	}
	counterexamples := map[string]int{"02-critical-path.md": 1} // how not to do it
	embedded := 0
	for file, text := range articles(t) {
		embedded += strings.Count(text, "```source\n")
		if got := strings.Count(text, "```go\n"); got != counterexamples[file] {
			t.Errorf("%s has %d blocks of Go of its own, want %d: embed them with ```source", file, got, counterexamples[file])
		}
	}
	if embedded < 5 {
		t.Errorf("only %d excerpts were found", embedded)
	}
}

// TestArticlesLinkToWhatExists: to articles, and to files that are shown.
func TestArticlesLinkToWhatExists(t *testing.T) {
	published, err := content.Load(afloat.Content(), nil)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(/(posts|source)/([^)#?\s]+)`)
	checked := 0
	for file, text := range articles(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			checked++
			if m[1] == "posts" {
				if !slices.ContainsFunc(published, func(a content.Article) bool { return a.Slug == m[2] }) {
					t.Errorf("%s links to /posts/%s, which is no article", file, m[2])
				}
			} else if _, err := fs.Stat(afloat.Source(), m[2]); err != nil {
				t.Errorf("%s links to /source/%s, which is not shown", file, m[2])
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d links were found", checked)
	}
}

// articles are the Markdown files of the articles, by name.
func articles(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(afloat.Content(), "[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range names {
		b, err := fs.ReadFile(afloat.Content(), name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	return texts
}

// TestBuildContextHoldsWhatIsEmbedded: an image is built from what .dockerignore lets in, and lacks what it does not.
func TestBuildContextHoldsWhatIsEmbedded(t *testing.T) {
	ignore, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for line := range strings.Lines(string(ignore)) {
		if pattern, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			allowed = append(allowed, pattern)
		}
	}
	checked := 0
	err = fs.WalkDir(afloat.Source(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		checked++
		if !slices.ContainsFunc(allowed, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }) {
			t.Errorf("%s is embedded, and .dockerignore leaves it out", name)
		}
		return nil
	})
	if err != nil || checked < 100 {
		t.Errorf("%d files were looked at: %v", checked, err)
	}
}
