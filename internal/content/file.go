package content

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// File is an article's file before it is rendered: all that it takes to tell
// whether the blog has the article already. Rendering costs a hundred times as
// much, and is for those that have changed.
type File struct {
	Slug string // as far as the file says; Render tells whether it may
	Hash string // as in Article

	name    string
	fsys    fs.FS
	check   Check
	problem error
}

// List reads every *.md file at the root of fsys except README.md and returns
// them in order of file name. A directory without articles is a problem:
// publishing it would withdraw every article. What is wrong with a file its
// Render tells, with check, which may be nil, for what it embeds.
func List(fsys fs.FS, check Check) ([]File, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list articles: %w", err)
	}
	var files []File
	taken := map[string]string{} // slug → name of its file
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || path.Ext(name) != ".md" || name == "README.md" {
			continue
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read article: %w", err)
		}
		f := File{Slug: slugOf(name, src), Hash: hashOf(src), name: name, fsys: fsys, check: check}
		if first, ok := taken[f.Slug]; ok {
			f.problem = &Problem{File: name, Line: 1,
				What:   fmt.Sprintf("slug %q is already used by %s", f.Slug, first),
				Remedy: "give one of them another slug: in its front matter"}
		} else {
			taken[f.Slug] = name
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, &Problem{File: ".", Line: 1, What: "no articles found", Remedy: "name the directory that holds the *.md files"}
	}
	return files, nil
}

// slugOf is an article's slug. The header is parsed only where it names one:
// of many files few do.
func slugOf(name string, src []byte) string {
	if header, _, ok := splitFrontMatter(normalised(src)); ok && bytes.Contains(header, []byte("slug")) {
		if m := parseFrontMatter(&problems{}, header); m.Slug != "" {
			return m.Slug
		}
	}
	return slugFromName(name)
}

// Key is what tells whether an article has changed.
func (f File) Key() (slug, hash string) { return f.Slug, f.Hash }

// Render reads the file again and turns it into an Article. The error joins
// every *Problem found.
func (f File) Render() (Article, error) {
	src, err := fs.ReadFile(f.fsys, f.name)
	if err != nil {
		return Article{}, fmt.Errorf("read article: %w", err)
	}
	a, err := Parse(f.name, src, f.check)
	if err != nil || f.problem != nil {
		return Article{}, errors.Join(f.problem, err)
	}
	if a.Slug != f.Slug {
		return Article{}, fmt.Errorf("%s was written to meanwhile: its slug was %q and is %q; publish again", f.name, f.Slug, a.Slug)
	}
	return a, nil
}

// Key is what tells whether an article has changed.
func (a Article) Key() (slug, hash string) { return a.Slug, a.Hash }

// Render returns the article, which is rendered already.
func (a Article) Render() (Article, error) { return a, nil }

// Load renders every article of a directory, as [List] finds them. It reports
// the problems of all files at once, joined.
func Load(fsys fs.FS, check Check) ([]Article, error) {
	files, err := List(fsys, check)
	if err != nil {
		return nil, err
	}
	var articles []Article
	var errs []error
	for _, f := range files {
		a, err := f.Render()
		articles, errs = append(articles, a), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return articles, nil
}
