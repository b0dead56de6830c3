package content

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestList(t *testing.T) {
	good := file(validHeader, "Hello.\n")
	fsys := fstest.MapFS{
		"01-a.md": {Data: good}, "02-b.md": {Data: file(validHeader+"slug: other\n", "Hello.\n")},
		"03-c.md": {Data: []byte("x")}, "04-a.md": {Data: good}, "05-e.md": {Data: file("title: A slug in its title\n", "Hello.\n")},
	}
	files, err := List(fsys, nil)
	if err != nil || len(files) != len(fsys) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, want := range []struct{ slug, problem string }{
		{"a", ""}, {"other", ""}, {"c", "03-c.md:1: no front matter"}, {"a", `04-a.md:1: slug "a" is already used by 01-a.md`}, {"e", "05-e.md:1: summary is missing"},
	} {
		f := files[i]
		slug, hash := f.Key()
		a, err := f.Render()
		switch {
		case slug != want.slug || slug != f.Slug || hash != f.Hash:
			t.Errorf("%s has the key %q, %q; want %q", f.name, slug, hash, want.slug)
		case want.problem == "" && (err != nil || a.Slug != slug || a.Hash != hash || a.HTML == ""):
			t.Errorf("%s is rendered as %+v, %v", f.name, a, err)
		case want.problem != "" && (err == nil || !strings.Contains(err.Error(), want.problem)):
			t.Errorf("%s: %v; want %q", f.name, err, want.problem)
		}
	}
}

// Publishing compares by what List has read, so what Render reads must be of the same article.
func TestRenderNoticesAnotherSlug(t *testing.T) {
	fsys := fstest.MapFS{"01-a.md": {Data: file(validHeader, "Hello.\n")}}
	files, err := List(fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	fsys["01-a.md"] = &fstest.MapFile{Data: file(validHeader+"slug: b\n", "Hello.\n")}
	if a, err := files[0].Render(); err == nil || !strings.Contains(err.Error(), `its slug was "a" and is "b"`) {
		t.Errorf("rendered as %+v, %v", a, err)
	}
	delete(fsys, "01-a.md")
	if a, err := files[0].Render(); err == nil {
		t.Errorf("a file that is gone is rendered as %+v", a)
	}
}
