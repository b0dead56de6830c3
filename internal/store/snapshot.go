package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A snapshot is every article in one file of JSON lines: a header, an article
// a line (newest first, tombstones included), and a trailer with the count and
// a checksum, without which the file is refused. Only the summaries are held
// in memory; articles are read from the file when asked for.
type snapshotHeader struct {
	Format  int       `json:"afloat_snapshot"`
	Version int64     `json:"version"` // the site's
	At      time.Time `json:"at"`
}

type snapshotTrailer struct {
	End *int   `json:"end"`
	Sum uint32 `json:"crc32"` // of all lines before
}

const snapshotFormat = 1

// Article is a post with its plain text: what a snapshot holds of each.
type Article struct {
	Post
	Text string `json:"text"`
}

// Snapshot is an opened snapshot. It is immutable and safe for concurrent use.
type Snapshot struct {
	snapshotHeader
	file      io.ReaderAt
	summaries []Summary      // without tombstones, newest first
	places    map[string]int // slug → index in spans
	spans     []span
	ordinal   map[string]int // slug → index in summaries
}

type span struct{ at, length int64 }

// WriteSnapshot writes one to w. next returns io.EOF after the last article.
func WriteSnapshot(w io.Writer, version int64, at time.Time, next func() (Article, error)) error {
	sum := crc32.NewIEEE()
	out := json.NewEncoder(io.MultiWriter(w, sum))
	if err := out.Encode(snapshotHeader{snapshotFormat, version, at}); err != nil {
		return err
	}
	n := 0
	for {
		a, err := next()
		if errors.Is(err, io.EOF) {
			return out.Encode(snapshotTrailer{&n, sum.Sum32()})
		}
		if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return err
		}
		n++
	}
}

// ReadSnapshot indexes a snapshot of the given size.
func ReadSnapshot(file io.ReaderAt, size int64) (*Snapshot, error) {
	s := &Snapshot{file: file, places: map[string]int{}, ordinal: map[string]int{}}
	lines := bufio.NewReader(io.NewSectionReader(file, 0, size))
	var at int64
	var sum, before uint32
	read := func(v any) error {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the snapshot is cut off: %w", err)
		}
		if err := json.Unmarshal(line, v); err != nil {
			return fmt.Errorf("the snapshot is damaged at byte %d: %w", at, err)
		}
		before, sum = sum, crc32.Update(sum, crc32.IEEETable, line)
		s.spans = append(s.spans, span{at, int64(len(line))})
		at += int64(len(line))
		return nil
	}
	if err := read(&s.snapshotHeader); err != nil {
		return nil, err
	}
	if s.Format != snapshotFormat {
		return nil, fmt.Errorf("the snapshot has format %d, this program reads %d", s.Format, snapshotFormat)
	}
	for {
		var line struct {
			Summary
			snapshotTrailer
			Withdrawn bool `json:"withdrawn"`
		}
		if err := read(&line); err != nil {
			return nil, err
		}
		if line.End != nil {
			if len(s.places) != *line.End {
				return nil, fmt.Errorf("the snapshot holds %d articles and claims %d", len(s.places), *line.End)
			}
			if line.Sum != before {
				return nil, errors.New("the snapshot is damaged: its checksum doesn't match")
			}
			return s, nil
		}
		s.places[line.Slug] = len(s.spans) - 1
		if !line.Withdrawn {
			s.ordinal[line.Slug] = len(s.summaries)
			s.summaries = append(s.summaries, line.Summary)
		}
	}
}

// NewSnapshot makes a snapshot in memory, newest article first.
func NewSnapshot(version int64, at time.Time, articles []Article) (*Snapshot, error) {
	var b bytes.Buffer
	err := WriteSnapshot(&b, version, at, func() (a Article, err error) {
		if len(articles) == 0 {
			return a, io.EOF
		}
		a, articles = articles[0], articles[1:]
		return a, nil
	})
	if err != nil {
		return nil, err
	}
	return ReadSnapshot(bytes.NewReader(b.Bytes()), int64(b.Len()))
}

// Article returns an article, which may be a tombstone, or ErrNotFound.
func (s *Snapshot) Article(slug string) (Article, error) {
	var a Article
	place, ok := s.places[slug]
	if !ok {
		return a, fmt.Errorf("%w in the snapshot", ErrNotFound)
	}
	line := make([]byte, s.spans[place].length)
	if _, err := s.file.ReadAt(line, s.spans[place].at); err != nil {
		return a, fmt.Errorf("reading the snapshot: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("reading the snapshot: %w", err)
	}
	if i, ok := s.ordinal[slug]; ok { // neighbours are where the order is, not in the article
		a.Newer, a.Older = s.ref(i-1), s.ref(i+1)
	}
	return a, nil
}

func (s *Snapshot) ref(i int) *Ref {
	if i < 0 || i >= len(s.summaries) {
		return nil
	}
	return &Ref{s.summaries[i].Slug, s.summaries[i].Title}
}

const unfinished = ".snapshot-*"

// saveSnapshot writes a file atomically: whoever opens path sees the old
// snapshot or the new one, whole, whenever the machine stops.
func saveSnapshot(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once renamed there is nothing to remove
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(buffered), buffered.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
