package source_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"afloat"
	"afloat/internal/source"
)

func small() *source.Tree {
	return source.New(fstest.MapFS{
		"main.go":             {Data: []byte("package main\n\nfunc main() {\n\tprintln(\"<b>&\")\n}\n")},
		"internal/a/a.go":     {Data: []byte("package a\n")},
		"templates/post.html": {Data: []byte("{{define \"post\"}}<h1>{{.Title}}</h1>{{end}}\n")},
		"migrations/1.sql":    {Data: []byte("SELECT 1;\n")},
		"Makefile":            {Data: []byte("run:\n\tgo run .\n")},
		"notes.unknown":       {Data: []byte("a <b>\n")},
	})
}

func TestFilesAreSorted(t *testing.T) {
	want := []string{"Makefile", "internal/a/a.go", "main.go", "migrations/1.sql", "notes.unknown", "templates/post.html"}
	if got := small().Files(); !slices.Equal(got, want) {
		t.Errorf("Files() = %q, want %q", got, want)
	}
}

func TestHighlight(t *testing.T) {
	tree := small()
	for _, path := range tree.Files() {
		page, err := tree.Highlight(path)
		if err != nil {
			t.Fatalf("Highlight(%q): %v", path, err)
		}
		if !strings.Contains(string(page), `id="L1"`) || strings.Contains(string(page), "<table") {
			t.Errorf("Highlight(%q) has no line anchors or a table:\n%s", path, page)
		}
	}
	page, _ := tree.Highlight("main.go")
	for _, want := range []string{`id="L4"`, `href="#L4"`, `class="kd"`, "&lt;b&gt;&amp;"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("main.go lacks %s:\n%s", want, page)
		}
	}
	if n := len(regexp.MustCompile(`id="L\d+"`).FindAllString(string(page), -1)); n != 5 {
		t.Errorf("main.go has %d line anchors, want 5:\n%s", n, page)
	}
	if strings.Contains(string(page), "<b>") || strings.Contains(string(page), "style=") {
		t.Errorf("main.go is not escaped, or carries inline styles:\n%s", page)
	}
}

func TestHighlightConcurrently(t *testing.T) {
	tree := small()
	var wg sync.WaitGroup
	for range 8 {
		for _, path := range tree.Files() {
			wg.Go(func() {
				if _, err := tree.Highlight(path); err != nil {
					t.Errorf("Highlight(%q): %v", path, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestOnlyListedPathsAreServed(t *testing.T) {
	tree := source.New(afloat.Source())
	for _, path := range []string{
		"", ".", "..", "/", "go.sum", ".env", "internal", "internal/", "/embed.go", "./embed.go", "internal/../embed.go",
		"../embed.go", "../../etc/passwd", "/etc/passwd", "embed.go/", "embed.go\x00", "EMBED.GO", `internal\source\source.go`,
		".git/config", "%2e%2e/embed.go",
	} {
		if _, err := tree.Highlight(path); !errors.Is(err, source.ErrNotFound) {
			t.Errorf("Highlight(%q): %v, want ErrNotFound", path, err)
		}
		if _, err := tree.Line(path, ""); !errors.Is(err, source.ErrNotFound) {
			t.Errorf("Line(%q): %v, want ErrNotFound", path, err)
		}
		if ref := tree.Find(path, ""); ref != (source.Ref{}) {
			t.Errorf("Find(%q) = %v, want nothing", path, ref)
		}
	}
	if _, err := tree.Highlight("embed.go"); err != nil {
		t.Errorf("Highlight(embed.go): %v", err)
	}
}

func TestLineAndFind(t *testing.T) {
	tree := small()
	tests := []struct {
		path, needle, ref string
		line              int
	}{
		{"main.go", "package main", "main.go:1", 1},
		{"main.go", "func main", "main.go:3", 3},
		{"main.go", "println", "main.go:4", 4},
		{"main.go", "func other", "main.go", 0},
		{"absent.go", "func main", "", 0},
	}
	for _, tt := range tests {
		line, err := tree.Line(tt.path, tt.needle)
		if line != tt.line || (tt.line == 0) != errors.Is(err, source.ErrNotFound) {
			t.Errorf("Line(%q, %q) = %d, %v; want %d", tt.path, tt.needle, line, err, tt.line)
		}
		if got := tree.Find(tt.path, tt.needle).String(); got != tt.ref {
			t.Errorf("Find(%q, %q) = %q, want %q", tt.path, tt.needle, got, tt.ref)
		}
	}
}

// TestNoSecretIsEmbedded builds a program around a copy of the module in which
// secrets lie wherever one might be left, and looks for them in its bytes.
func TestNoSecretIsEmbedded(t *testing.T) {
	// Random, for this file is embedded too: a constant would be found.
	secret, control := rand.Text(), rand.Text()
	root := copyModule(t, filepath.Join("..", ".."))
	planted := []string{
		".env", "secrets.txt", "id_rsa", "internal/web/.env", "internal/store/password.txt", "internal/config/key.pem",
		"deploy/x.pem", "templates/.secret", "templates/.secret.html.swp", "static/.env", "migrations/dump.sql.gz",
		"content/.draft", "cmd/blog/.env", "cmd/blog/secret.json",
	}
	for _, name := range planted {
		write(t, root, name, secret)
	}
	write(t, root, "internal/config/planted.go", "package config // "+control)
	write(t, root, "cmd/carrier/main.go", `package main

import "afloat"

func main() {
	println(afloat.Source(), afloat.Templates(), afloat.Static(), afloat.Migrations(), afloat.Content())
}
`)

	binary := filepath.Join(t.TempDir(), "carrier")
	goCommand(t, root, "build", "-o", binary, "./cmd/carrier")
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(control)) {
		t.Error("the planted Go file is not in the binary, so this test sees nothing")
	}
	if bytes.Contains(data, []byte(secret)) {
		t.Error("a planted secret is in the binary: narrow the patterns in embed.go")
	}

	// What other packages embed is found without building them all.
	embedded := goCommand(t, root, "list", "-e", "-f", "{{range .EmbedFiles}}{{$.Dir}}/{{.}}\n{{end}}", "./...")
	if !strings.Contains(embedded, "internal/config/planted.go") {
		t.Errorf("the planted Go file is not listed as embedded:\n%s", embedded)
	}
	tree := source.New(afloat.Source())
	for _, name := range planted {
		if strings.Contains(embedded, filepath.ToSlash(filepath.Join(root, name))+"\n") {
			t.Errorf("%s is embedded", name)
		}
		if _, err := tree.Highlight(name); !errors.Is(err, source.ErrNotFound) {
			t.Errorf("Highlight(%q): %v, want ErrNotFound", name, err)
		}
	}
}

// copyModule copies a module's files, without what is built, fetched or run
// beside them, and returns the copy's root.
func copyModule(t *testing.T, from string) string {
	t.Helper()
	to, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin", ".afloat"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		write(t, to, rel, string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	name = filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}
