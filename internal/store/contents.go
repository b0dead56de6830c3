package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"afloat/internal/resilience"
)

// Contents is what the blog consists of, in numbers. It leads to any article
// among very many, and is small itself.
type Contents struct {
	Total int         `json:"total"`
	Years []YearCount `json:"years"` // newest first; years without articles are left out
	Tags  []TagCount  `json:"tags"`  // the most used first, maxTags at the most
}

// YearCount is the number of articles published in a year, in UTC.
type YearCount struct {
	Year int `json:"year"`
	N    int `json:"n"`
}

// TagCount is the number of articles with a tag.
type TagCount struct {
	Tag string `json:"tag"`
	N   int    `json:"n"`
}

// maxTags is how many tags are counted; the view in the database has it too.
const maxTags = 200

// Address is what a sitemap says of an article.
type Address struct {
	Slug    string    `json:"slug"`
	Updated time.Time `json:"updated"`
}

// Contents returns the blog's contents. They come down the same ladder as
// articles, and are counted at publication.
func (p *Posts) Contents(ctx context.Context) (Contents, resilience.Provenance, error) {
	return p.contents.get(ctx, "")
}

// Addresses returns a page (from 1) of all articles' addresses, newest first.
// A page without any is ErrNotFound.
func (p *Posts) Addresses(ctx context.Context, page, size int) ([]Address, resilience.Provenance, error) {
	if page < 1 || size < 1 {
		return nil, resilience.Provenance{State: resilience.Missing}, ErrNotFound
	}
	return p.addresses.get(ctx, listKey{page: page, size: size}.String())
}

func (p *Posts) queryContents(ctx context.Context, _ string) (Versioned[Contents], error) {
	got, asOf, err := versioned[Contents](ctx, p.db, `select contents -> 'total' as total, contents -> 'years' as years, contents -> 'tags' as tags from site`)
	if err != nil {
		return Versioned[Contents]{}, err
	}
	return Versioned[Contents]{V: got[0], AsOf: asOf}, nil
}

func (p *Posts) queryAddresses(ctx context.Context, key string) (Versioned[[]Address], error) {
	k := parseListKey(key)
	got, asOf, err := versioned[Address](ctx, p.db, `
		select slug, updated from posts where not withdrawn order by published desc, slug desc limit $1 offset $2`, k.size, (k.page-1)*k.size)
	if err == nil && len(got) == 0 {
		err = ErrNotFound
	}
	return Versioned[[]Address]{V: got, AsOf: asOf}, err
}

// count counts what the snapshot holds.
func (s *Snapshot) count() Contents {
	c := Contents{Total: len(s.Slugs)}
	for _, at := range s.Published { // newest first, and so are the years
		if y := time.Unix(at, 0).UTC().Year(); len(c.Years) == 0 || c.Years[len(c.Years)-1].Year != y {
			c.Years = append(c.Years, YearCount{Year: y})
		}
		c.Years[len(c.Years)-1].N++
	}
	for t, articles := range s.Tags {
		c.Tags = append(c.Tags, TagCount{t, len(articles)})
	}
	slices.SortFunc(c.Tags, func(a, b TagCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Tag, b.Tag)) })
	c.Tags = c.Tags[:min(len(c.Tags), maxTags)]
	return c
}

// Contents is what the snapshot holds, in numbers.
func (s *Snapshot) Contents() Contents { return s.contents }

// Addresses is a page of the articles' addresses.
func (s *Snapshot) Addresses(page, size int) ([]Address, error) {
	var list []Address
	for i := (page - 1) * size; i < min(page*size, len(s.Slugs)); i++ {
		a, err := s.summary(i)
		if err != nil {
			return nil, err
		}
		list = append(list, Address{a.Slug, a.Updated})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w in the snapshot", ErrNotFound)
	}
	return list, nil
}

func (h *snapshotHolder) contents(_ string, above int64) (Versioned[Contents], time.Time, error) {
	s := h.load()
	if s == nil || s.Version <= above {
		return Versioned[Contents]{}, time.Time{}, errNoSnapshot
	}
	return Versioned[Contents]{s.Contents(), s.Version, true}, s.At, nil
}

func (h *snapshotHolder) addresses(key string, above int64) (Versioned[[]Address], time.Time, error) {
	s := h.load()
	if s == nil || s.Version <= above {
		return Versioned[[]Address]{}, time.Time{}, errNoSnapshot
	}
	k := parseListKey(key)
	list, err := s.Addresses(k.page, k.size)
	return Versioned[[]Address]{list, s.Version, true}, s.At, err
}
