// Package assets serves the site's style sheets, scripts and images the way a
// CDN wants them: under names that carry a hash of the content, so that a copy
// is right for ever, and compressed once rather than for each reader.
package assets

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/andybalholm/brotli"
)

// Set is the files of one directory. It is safe for concurrent use.
type Set struct {
	hashed map[string]string // name → name with hash
	files  map[string]*file  // by both names
}

type file struct {
	name, hash, contentType string
	plain                   []byte
	gzip, brotli            atomic.Pointer[[]byte] // nil until compressed, or where that gains nothing
}

// New reads every file of fsys.
func New(fsys fs.FS) (*Set, error) {
	s := &Set{hashed: map[string]string{}, files: map[string]*file{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		f := &file{name: name, hash: hex.EncodeToString(sum[:6]), plain: plain, contentType: mime.TypeByExtension(path.Ext(name))}
		if f.contentType == "" {
			return fmt.Errorf("%s: no content type is known for this ending; browsers refuse files without one", name)
		}
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + f.hash + ext
		s.hashed[name] = hashed
		s.files[name], s.files[hashed] = f, f
		return nil
	})
	return s, err
}

// Name returns the name under which a file may be kept for ever. It panics for
// a file that does not exist, which the first rendering of any page would show.
func (s *Set) Name(name string) string {
	hashed, ok := s.hashed[name]
	if !ok {
		panic(fmt.Sprintf("assets: there is no %q", name))
	}
	return hashed
}

// Compress compresses all files, well rather than quickly, once. Until it is
// done they are served as they are, so it may go on behind the first readers.
// It stops between two files where ctx has ended.
func (s *Set) Compress(ctx context.Context) error {
	for name := range s.hashed {
		select {
		case <-ctx.Done():
			return nil // nothing failed: the rest is served as it is
		default:
		}
		f := s.files[name]
		zip, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
		if err != nil {
			return err
		}
		err = errors.Join(
			compress(&f.gzip, f.plain, func(b *bytes.Buffer) io.WriteCloser { zip.Reset(b); return zip }),
			compress(&f.brotli, f.plain, func(b *bytes.Buffer) io.WriteCloser {
				// The best quality, 11, takes three times as long for 2 % less, while first readers are waiting. A window of
				// 256 KiB is larger than any file here; the default of 4 MiB costs 128 MB for a moment.
				return brotli.NewWriterOptions(b, brotli.WriterOptions{Quality: 10, LGWin: 18})
			}),
		)
		if err != nil {
			return fmt.Errorf("compressing %s: %w", name, err)
		}
	}
	return nil
}

// compress keeps the result if it is smaller.
func compress(into *atomic.Pointer[[]byte], plain []byte, writer func(*bytes.Buffer) io.WriteCloser) error {
	var b bytes.Buffer
	w := writer(&b)
	if _, err := w.Write(plain); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if small := b.Bytes(); len(small) < len(plain) {
		into.Store(&small)
	}
	return nil
}

// otherHash takes the hash out of a name, whatever it is.
var otherHash = regexp.MustCompile(`\.[0-9a-f]{12}(\.[a-z0-9]+)$`)

// ServeHTTP serves the file that the URL's path names. Under a hashed name it
// may be kept for ever; under its own it is to be revalidated. So it is under
// the hash of another release: a page that a CDN kept through an outage, or a
// server that is not replaced yet, asks for that, and today's style sheet is
// better than none.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	name := strings.TrimPrefix(r.URL.Path, "/")
	f, ok := s.files[name]
	if !ok {
		f, ok = s.files[otherHash.ReplaceAllString(name, "$1")]
	}
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	h.Set("Cache-Control", "no-cache")
	if name == s.hashed[f.name] {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", f.contentType)
	body, coding := f.plain, ""
	small, best := f.best(strings.Join(r.Header.Values("Accept-Encoding"), ","))
	if f.gzip.Load() != nil || f.brotli.Load() != nil {
		h.Add("Vary", "Accept-Encoding")
	}
	// A range is of the file as it is: nobody asks for the middle of a gzip.
	if best != "" && r.Header.Get("Range") == "" {
		body, coding = small, best
		h.Set("Content-Encoding", coding)
	}
	h.Set("Etag", `"`+f.hash+coding+`"`) // each encoding is another representation
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// best is the smallest encoding that is ready and that the client takes.
func (f *file) best(accept string) (body []byte, coding string) {
	if b := f.brotli.Load(); b != nil && Accepts(accept, "br") {
		return *b, "br"
	}
	if b := f.gzip.Load(); b != nil && Accepts(accept, "gzip") {
		return *b, "gzip"
	}
	return nil, ""
}

// Accepts reports whether an Accept-Encoding header allows a coding (RFC 9110,
// section 12.5.3): named, or covered by *, and not with q=0.
func Accepts(header, coding string) bool {
	named, star := -1.0, -1.0
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				q = 0
			}
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case coding:
			named = q
		case "*":
			star = q
		}
	}
	if named >= 0 {
		return named > 0
	}
	return star > 0
}
