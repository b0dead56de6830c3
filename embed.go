// Package afloat carries the blog's files inside its binary, so that one file
// is the whole deployment and no page depends on a disk.
package afloat

import (
	"embed"
	"io/fs"
)

// Every list is explicit, and each pattern is a file's name or ends in an
// extension: what lies beside these files by accident, such as a key or a .env,
// never gets in.

//go:embed templates/*.html
var templates embed.FS

//go:embed static/*.css static/*.js static/*.svg
var static embed.FS

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed content/*.md
var content embed.FS

//go:embed *.go cmd/*/*.go internal/*/*.go internal/*/*/*.go
//go:embed templates/*.html static/*.css static/*.js static/*.svg
//go:embed migrations/*.sql content/*.md examples/*.go
//go:embed Makefile Dockerfile docker-compose.yml deploy/fleet.json deploy/*/Dockerfile
//go:embed deploy/*/*.cfg deploy/*/*.conf deploy/*/*.sh deploy/*/*.vcl deploy/*/*.yml
var source embed.FS

// Templates returns the page templates.
func Templates() fs.FS { return below(templates, "templates") }

// Static returns the style sheets, scripts and images served under /static/.
func Static() fs.FS { return below(static, "static") }

// Migrations returns the database schema's steps.
func Migrations() fs.FS { return below(migrations, "migrations") }

// Content returns the articles that the blog ships with.
func Content() fs.FS { return below(content, "content") }

// Source returns the blog's own code, which it shows to its readers, with
// paths as in the repository.
func Source() fs.FS { return source }

// below panics for a directory name that fs.Sub refuses, which none here is.
func below(files embed.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err)
	}
	return sub
}
