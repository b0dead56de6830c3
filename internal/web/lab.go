package web

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
	"afloat/internal/store"
)

// labHostsOnly refuses requests that name another Host: a page anywhere could
// otherwise reach a lab on this machine through a DNS name of its own.
func (s *Server) labHostsOnly(next http.Handler) http.Handler {
	return s.answer(func(w http.ResponseWriter, r *http.Request) error {
		if !slices.Contains(s.LabHosts, strings.ToLower(hostname(r))) {
			return errHost
		}
		noStore(w)
		next.ServeHTTP(w, r)
		return nil
	})
}

// listFaults is GET /lab/faults: the state of all links, at once, or with
// ?after=REV as soon as it is newer (a long poll, for the twin).
func (s *Server) listFaults(w http.ResponseWriter, r *http.Request) error {
	if s.Lab == nil {
		return writeJSON(w, http.StatusOK, lab.State{Faults: s.faults()})
	}
	after := r.URL.Query().Get("after")
	if after == "" {
		return writeJSON(w, http.StatusOK, s.shown(r, s.Lab.Status()))
	}
	rev, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return &lab.BadOrder{Fields: []lab.BadField{{Field: "after", Range: "a rev as in an earlier answer", Got: after}}}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.Options.Server.LongPoll)
	defer cancel()
	defer context.AfterFunc(s.Stopping, cancel)() // a shutdown must not wait for a poll to end
	return writeJSON(w, http.StatusOK, s.shown(r, s.Lab.Changed(ctx, rev)))
}

// shown is a state as whoever asks may see it: a twin, which has the key, has to be under a hidden fault like any
// other.
func (s *Server) shown(r *http.Request, state lab.State) lab.State {
	key := r.URL.Query().Get(FollowKey)
	if s.FollowKey != "" && subtle.ConstantTimeCompare([]byte(key), []byte(s.FollowKey)) == 1 {
		return state
	}
	return state.Masked()
}

// FollowKey is the parameter of GET /lab/faults by which a twin shows Options.FollowKey.
const FollowKey = "key"

// setFault is POST /lab/faults, from a form or a script.
func (s *Server) setFault(w http.ResponseWriter, r *http.Request) error {
	var body bytes.Buffer
	r.Body = io.NopCloser(io.TeeReader(r.Body, &body))
	order, err := s.Lab.ParseOrder(r)
	r.Body = io.NopCloser(&body) // "back" is in the same form, and no part of the order
	if err != nil {
		return err
	}
	if err := s.order(r.Context(), order); err != nil {
		return err
	}
	if wantsHTML(r) {
		http.Redirect(w, r, localPath(r.PostFormValue("back")), http.StatusSeeOther)
		return nil
	}
	return writeJSON(w, http.StatusOK, s.Lab.Status().Masked())
}

// clearFaults is DELETE /lab/faults and /lab/faults/{link}.
func (s *Server) clearFaults(w http.ResponseWriter, r *http.Request) error {
	err := s.clear(chi.URLParam(r, "link"))
	if busy := (*lab.Busy)(nil); errors.As(err, &busy) || errors.Is(err, lab.ErrStopping) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	return writeJSON(w, http.StatusOK, s.Lab.Status().Masked())
}

// refuseOrder answers an order that is out of range: 400, naming each field,
// its range and its unit.
func (s *Server) refuseOrder(w http.ResponseWriter, r *http.Request, bad *lab.BadOrder) {
	if wantsHTML(r) {
		if err := s.renderFaultBar(w, r, http.StatusBadRequest, localPath(r.PostFormValue("back")), bad.Error()); err == nil {
			return
		}
	}
	_ = writeJSON(w, http.StatusBadRequest, bad) // what is left to do if the reader is gone
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	noStore(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
	return nil
}

// wantsHTML tells a browser's form from a script.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// hostname is the request's Host without a port, and without the brackets of
// an IPv6 address.
func hostname(r *http.Request) string {
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		return h
	}
	return strings.Trim(r.Host, "[]")
}

// otherURL is the same page in the other twin: same name, other port.
func otherURL(r *http.Request, port string) string {
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(hostname(r), port)}
	return u.String() + r.URL.RequestURI()
}
