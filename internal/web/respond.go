package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// securityHeaders are on every answer. Nothing inline and nothing foreign may
// run; /static/ is all there is.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		next.ServeHTTP(w, r)
	})
}

func noStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

// writePage sends a finished page that is not to be kept.
func writePage(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error here means that the reader has left
}

// serveWhole sends finished bytes. A complete and healthy page may be kept by
// a CDN, which then serves it through an outage of ours; a degraded one is not,
// so that it never takes the place of a complete copy.
func serveWhole(w http.ResponseWriter, r *http.Request, contentType string, body []byte, keep bool) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if !keep {
		noStore(w)
		writeBody(w, r, body)
		return
	}
	sum := sha256.Sum256(body)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:12])+`"`)
	h.Set("Cache-Control", "public, max-age=0, s-maxage=1, stale-while-revalidate=10, stale-if-error=86400")
	writeBody(w, r, body)
}

// writeBody leaves HEAD and conditional requests to the standard library.
func writeBody(w http.ResponseWriter, r *http.Request, body []byte) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// render makes a page and sends it whole.
func (s *Server) renderWhole(w http.ResponseWriter, r *http.Request, name string, page any, keep bool) error {
	body, err := s.pages.render(name, page)
	if err != nil {
		return err
	}
	serveWhole(w, r, "text/html; charset=utf-8", body, keep)
	return nil
}

// staticFiles serves style, script and marks, revalidated at each use.
func staticFiles(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	etags := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		sum := sha256.Sum256(b)
		etags[path] = `"` + hex.EncodeToString(sum[:12]) + `"`
		return err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		etag, ok := etags[strings.TrimPrefix(r.URL.Path, "/")]
		if err != nil || !ok { // no listings, and nothing outside
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Etag", etag)
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}
