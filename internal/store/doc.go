// Package store keeps posts and comments in Postgres, and copies in Redis.
//
// Reading goes down one ladder, and every answer says which rung it came from:
//
//	memory → Redis → Postgres → the stale copy → the snapshot → ErrUnavailable
//
// See [Posts] and ladder.go. What holds the ladder together is the site's
// version, raised in each publishing transaction (publish.go) and watched by
// every server (watch.go): a copy read at a lower version never replaces one
// read at a higher, and is no longer served as current.
package store

import (
	"errors"
	"time"
)

// Errors that say something about the question, not about a dependency.
var (
	ErrNotFound    = errors.New("not found")
	ErrWithdrawn   = errors.New("withdrawn")
	ErrKeyReused   = errors.New("this idempotency key was used for another comment")
	ErrUnavailable = errors.New("no rung of the ladder could answer")
)

// Ref points to an article.
type Ref struct {
	Slug  string `json:"slug"`
	Title string `json:"title"`
}

// Heading is an entry of an article's table of contents.
type Heading struct {
	Level int    `json:"level"`
	ID    string `json:"id"`
	Text  string `json:"text"`
}

// Summary is an article as lists show it.
type Summary struct {
	Slug      string    `json:"slug"`
	Title     string    `json:"title"`
	Summary   string    `json:"summary"`
	Tags      []string  `json:"tags"`
	Published time.Time `json:"published"`
	Updated   time.Time `json:"updated"`
	Minutes   int       `json:"minutes"`
}

// Post is an article as its page shows it.
type Post struct {
	Summary
	HTML      string    `json:"html"`
	TOC       []Heading `json:"toc"`
	Version   int64     `json:"version"` // the site's version when it last changed
	Withdrawn bool      `json:"withdrawn,omitempty"`
	Newer     *Ref      `json:"newer,omitempty"`
	Older     *Ref      `json:"older,omitempty"`
}

// Listing is one page of a list, newest first.
type Listing struct {
	Items []Summary `json:"items"`
	Total int       `json:"total"` // on all pages
}

// Versioned is a value with the site's version at which it was read.
type Versioned[T any] struct {
	V    T     `json:"v"`
	AsOf int64 `json:"as_of"`

	lastRung bool // it is out of the snapshot
}

// replaces reports whether v may take the place of a copy: never if it is of a
// lower version, and from the snapshot only if it is of a higher one.
func (v Versioned[T]) replaces(old Versioned[T]) bool {
	return v.AsOf > old.AsOf || v.AsOf == old.AsOf && (old.lastRung || !v.lastRung)
}
