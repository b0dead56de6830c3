package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"afloat/internal/policy"
)

// cacheable lets a CDN serve a page for a second, refresh it behind its
// readers, and keep it for a day in case we are gone (RFC 5861).
var cacheable = cacheControl(policy.Serve().Edge)

func cacheControl(p policy.Edge) string {
	seconds := func(d time.Duration) int { return int(d.Seconds()) }
	return fmt.Sprintf("public, max-age=0, s-maxage=%d, stale-while-revalidate=%d, stale-if-error=%d", seconds(p.Fresh), seconds(p.Behind), seconds(p.Keep))
}

// mayKeep lets a CDN keep an answer, and names what it depends on: a purge of
// any of the tags removes it there.
func mayKeep(h http.Header, r *http.Request) {
	h.Set("Cache-Control", cacheable)
	h.Set("Cache-Tag", tagsOf(r.URL.Path))
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
	serveDated(w, r, contentType, body, keep, time.Time{})
}

// serveDated is serveWhole for what is known to be unchanged since a time.
func serveDated(w http.ResponseWriter, r *http.Request, contentType string, body []byte, keep bool, modified time.Time) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if !keep {
		noStore(w)
		writeBody(w, r, body, time.Time{})
		return
	}
	sum := sha256.Sum256(body)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:12])+`"`)
	mayKeep(h, r)
	writeBody(w, r, body, modified)
}

// writeBody leaves HEAD and conditional requests to the standard library.
func writeBody(w http.ResponseWriter, r *http.Request, body []byte, modified time.Time) {
	http.ServeContent(w, r, "", modified, bytes.NewReader(body))
}

// render makes a page and sends it whole.
func (s *Server) renderWhole(w http.ResponseWriter, r *http.Request, name string, page any, keep bool) error {
	body, err := s.pages.render(name, page)
	if err != nil {
		return err
	}
	if keep {
		s.serveFinished(w, r, body, true, nil)
		return nil
	}
	serveWhole(w, r, "text/html; charset=utf-8", body, false)
	return nil
}
