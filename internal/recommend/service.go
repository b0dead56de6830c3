package recommend

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
)

const (
	maxDocuments                       = 1 << 30 // bytes, of which memory holds one document at a time
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
//	PUT /documents?version=N replaces the index by a list of Doc, at most 1 GiB
//	GET /healthz             200, the number of documents and their version
//
// Errors are application/problem+json (RFC 9457). It has no timeouts of its own:
// set them on the http.Server. They count anew with each document of a PUT.
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
	s.building.Lock()
	defer s.building.Unlock()
	b := newBuilder()
	patient := patience(w, r)
	err = decode(http.MaxBytesReader(w, r.Body, s.maxBody), func(doc Doc) {
		patient()
		b.add(doc)
	})
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		s.problem(w, status, fmt.Sprintf("send a JSON list of documents of at most %d bytes: %v", s.maxBody, err))
		return
	}
	index := &loaded{b.index(), version}
	s.index.Store(index)
	patient() // building takes a while
	s.log.InfoContext(r.Context(), "index replaced", "documents", len(index.posts))
	s.count(w, index)
}

// decode reads a JSON list, document by document.
func decode(r io.Reader, use func(Doc)) error {
	in := json.NewDecoder(r)
	if start, err := in.Token(); err != nil {
		return err
	} else if start != json.Delim('[') {
		return errors.New("this is no list")
	}
	for in.More() {
		var doc Doc
		if err := in.Decode(&doc); err != nil {
			return err
		}
		use(doc)
	}
	_, err := in.Token() // the list's end
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// patience returns a function that has the server's timeouts count anew. A
// whole blog takes longer than any other request, but its sender doesn't pause.
func patience(w http.ResponseWriter, r *http.Request) func() {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return func() {}
	}
	conn := http.NewResponseController(w)
	return func() { // a connection that can't set deadlines has none
		if server.ReadTimeout > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(server.ReadTimeout))
		}
		if server.WriteTimeout > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(server.WriteTimeout))
		}
	}
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
