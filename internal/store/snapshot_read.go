package store

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"
	"strings"
)

// Snapshot is an opened snapshot. It is immutable and safe for concurrent use.
type Snapshot struct {
	snapshotIndex
	file     io.ReaderAt
	contents Contents
}

// ReadSnapshot opens a snapshot of the given size. Articles are read from the
// file when asked for.
func ReadSnapshot(file io.ReaderAt, size int64) (*Snapshot, error) {
	end := size - int64(footerLength)
	if end < 0 {
		return nil, errors.New("the snapshot is cut off")
	}
	raw := make([]byte, footerLength)
	if _, err := file.ReadAt(raw, end); err != nil {
		return nil, fmt.Errorf("reading the snapshot: %w", err)
	}
	var footer snapshotFooter
	if err := json.Unmarshal(raw, &footer); err != nil || footer.Index < 0 || footer.Index > end {
		return nil, errors.New("the snapshot is cut off, or of another format than this program reads")
	}
	s := &Snapshot{file: file}
	index, err := s.raw(footer.Index, end, footer.Sum)
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(index)).Decode(&s.snapshotIndex)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the snapshot: %w", err)
	}
	if s.Format != snapshotFormat {
		return nil, fmt.Errorf("the snapshot has format %d, this program reads %d", s.Format, snapshotFormat)
	}
	s.contents = s.count()
	return s, nil
}

// read decodes the JSON that is between two places of the file, if it has that checksum.
func (s *Snapshot) read(from, to int64, sum uint32, into any) error {
	raw, err := s.raw(from, to, sum)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("reading the snapshot: %w", err)
	}
	return nil
}

func (s *Snapshot) raw(from, to int64, sum uint32) ([]byte, error) {
	raw := make([]byte, to-from)
	if _, err := s.file.ReadAt(raw, from); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(raw) != sum {
		return nil, fmt.Errorf("it is damaged between bytes %d and %d", from, to)
	}
	return raw, nil
}

// line is where a line of an article is, and its checksum.
func (s *Snapshot) line(article, which int) (from, to int64, sum uint32) {
	n := article*linesEach + which
	return s.Lines[n], s.Lines[n+1], s.Sums[n]
}

func (s *Snapshot) summary(article int) (sum Summary, err error) {
	from, to, check := s.line(article, summaryLine)
	return sum, s.read(from, to, check, &sum)
}

// number is an article's place in the order of time.
func (s *Snapshot) number(slug string) (int, bool) {
	i, ok := sort.Find(len(s.BySlug), func(i int) int { return strings.Compare(slug, s.Slugs[s.BySlug[i]]) })
	if !ok {
		return 0, false
	}
	return int(s.BySlug[i]), true
}

func (s *Snapshot) withdrawn(slug string) bool {
	_, ok := slices.BinarySearch(s.Withdrawn, slug)
	return ok
}

// Article returns an article without its text, a tombstone which is nothing but
// that, or ErrNotFound.
func (s *Snapshot) Article(slug string) (Post, error) {
	if s.withdrawn(slug) {
		return Post{Summary: Summary{Slug: slug}, Withdrawn: true}, nil
	}
	i, ok := s.number(slug)
	if !ok {
		return Post{}, fmt.Errorf("%w in the snapshot", ErrNotFound)
	}
	sum, err := s.summary(i)
	if err != nil {
		return Post{}, err
	}
	var page snapshotPage
	from, to, check := s.line(i, pageLine)
	if err := s.read(from, to, check, &page); err != nil {
		return Post{}, err
	}
	a := Post{Summary: sum, HTML: page.HTML, TOC: page.TOC, Version: page.Version}
	a.Newer, a.Older, err = s.neighbours(i)
	return a, err
}

// neighbours are where the order is, not in the article.
func (s *Snapshot) neighbours(i int) (newer, older *Ref, err error) {
	ref := func(i int) (*Ref, error) {
		if i < 0 || i >= len(s.Slugs) {
			return nil, nil
		}
		sum, err := s.summary(i)
		return &Ref{sum.Slug, sum.Title}, err
	}
	newer, err = ref(i - 1)
	if err == nil {
		older, err = ref(i + 1)
	}
	return newer, older, err
}

// List is a page of the articles with a tag, "" for all.
func (s *Snapshot) List(tag string, page, size int) (Listing, error) {
	return s.list(listKey{tag: tag, page: page, size: size})
}

func (s *Snapshot) list(k listKey) (Listing, error) {
	if k.slugs != "" {
		return s.named(k.named())
	}
	l := Listing{Total: len(s.Slugs)}
	first, tagged := 0, []int32(nil)
	if k.year != 0 {
		from, to := k.span()
		after := func(t int64) int {
			return sort.Search(len(s.Published), func(i int) bool { return s.Published[i] < t })
		}
		first = after(to.Unix())
		l.Total = after(from.Unix()) - first
	}
	if k.tag != "" {
		tagged = s.Tags[k.tag]
		l.Total = len(tagged)
	}
	for i := (k.page - 1) * k.size; i < min(k.page*k.size, l.Total); i++ {
		article := first + i
		if k.tag != "" {
			article = int(tagged[i])
		}
		sum, err := s.summary(article)
		if err != nil {
			return Listing{}, err
		}
		l.Items = append(l.Items, sum)
	}
	if len(l.Items) == 0 && !k.mayBeEmpty() {
		return l, fmt.Errorf("%w in the snapshot", ErrNotFound)
	}
	return l, nil
}

// named lists those of the articles that there are, newest first.
func (s *Snapshot) named(slugs []string) (Listing, error) {
	var found []int
	for _, slug := range slugs {
		if i, ok := s.number(slug); ok {
			found = append(found, i)
		}
	}
	slices.Sort(found)
	l := Listing{Total: len(found)}
	for _, i := range found {
		sum, err := s.summary(i)
		if err != nil {
			return Listing{}, err
		}
		l.Items = append(l.Items, sum)
	}
	return l, nil
}
