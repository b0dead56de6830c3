package recommend

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
)

const (
	maxDocuments                       = 64 << 20 // bytes
	defaultSuggestions, maxSuggestions = "3", 20
)

// Service serves one index, which the blog replaces whenever its posts change.
// Readers never wait for that: they use the old index until the new one is built.
type Service struct {
	log      *slog.Logger
	maxBody  int64 // bytes
	index    atomic.Pointer[loaded]
	building sync.Mutex // one build at a time bounds memory
}

// loaded is an index and the version of the site that it was made from.
type loaded struct {
	*Index
	version int64
}

// NewService returns a service with an empty index.
func NewService(log *slog.Logger) *Service {
	s := &Service{log: log, maxBody: maxDocuments}
	s.index.Store(&loaded{Index: NewIndex(nil)})
	return s
}

// Handler serves, in JSON,
//
//	GET /similar/{slug}?n=3  the n most similar posts (1 to 20), or 404
//	PUT /documents?version=N replaces the index by a list of Doc, at most 64 MiB
//	GET /healthz             200, the number of documents and their version
//
// Errors are application/problem+json (RFC 9457). It has no timeouts of its own:
// set them on the http.Server.
func (s *Service) Handler() http.Handler {
	r := chi.NewRouter()
	r.Get("/similar/{slug}", s.similar)
	r.Put("/documents", s.replace)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { s.count(w, s.index.Load()) })
	return r
}

func (s *Service) similar(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("n"), defaultSuggestions))
	if err != nil || n < 1 || n > maxSuggestions {
		s.problem(w, http.StatusBadRequest, fmt.Sprintf("n must be a number of posts from 1 to %d", maxSuggestions))
		return
	}
	slug := chi.URLParam(r, "slug")
	similar, ok := s.index.Load().Similar(slug, n)
	if !ok {
		s.problem(w, http.StatusNotFound, "no post with this slug is in the index")
		return
	}
	s.reply(w, http.StatusOK, "application/json", map[string]any{"slug": slug, "similar": similar})
}

func (s *Service) replace(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("version"), "0"), 10, 64)
	if err != nil {
		s.problem(w, http.StatusBadRequest, "version must be a number: the site's version that the documents are of")
		return
	}
	var docs []Doc
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.maxBody)).Decode(&docs); err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		s.problem(w, status, fmt.Sprintf("send a JSON list of documents of at most %d bytes: %v", s.maxBody, err))
		return
	}
	s.building.Lock()
	index := &loaded{NewIndex(docs), version}
	s.index.Store(index)
	s.building.Unlock()
	s.log.InfoContext(r.Context(), "index replaced", "documents", len(index.posts))
	s.count(w, index)
}

func (s *Service) count(w http.ResponseWriter, index *loaded) {
	s.reply(w, http.StatusOK, "application/json", map[string]int64{"documents": int64(len(index.posts)), "version": index.version})
}

func (s *Service) problem(w http.ResponseWriter, status int, detail string) {
	s.reply(w, status, "application/problem+json",
		map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

func (s *Service) reply(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.Debug("reply not delivered", "error", err)
	}
}
