package web

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"time"

	"afloat/internal/store"
)

const feedSize = 20

// Atom, RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Title   string      `xml:"title"`
	ID      string      `xml:"id"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Title     string         `xml:"title"`
	ID        string         `xml:"id"`
	Published string         `xml:"published"`
	Updated   string         `xml:"updated"`
	Links     []atomLink     `xml:"link"`
	Summary   string         `xml:"summary"`
	Category  []atomCategory `xml:"category"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

func (s *Server) atomFeed(w http.ResponseWriter, r *http.Request) error {
	return s.serveFeed(w, r, "application/atom+xml; charset=utf-8", atom)
}

// serveFeed serves the newest articles. Readers of feeds ask often and mostly
// in vain: both validators spare them the answer.
func (s *Server) serveFeed(w http.ResponseWriter, r *http.Request, contentType string, encode func(*http.Request, []store.Summary) ([]byte, error)) error {
	published := s.lastPublished() // asked before the list is read: it may be too old, never too new
	listing, prov, err := s.Posts.List(r.Context(), "", 1, feedSize)
	if err != nil {
		return err
	}
	s.note(r, "list", prov)
	body, err := encode(r, listing.Items)
	if err != nil {
		return err
	}
	keep := !prov.State.Degraded()
	provenanceHeaders(w.Header(), keep, named{"list", prov})
	serveDated(w, r, contentType, body, keep, published)
	return nil
}

// lastPublished is when anything was published or withdrawn last: the site's
// version counts its milliseconds (store.Publish). The newest article's own
// date would not do: a withdrawal turns it back, and two articles of one day
// share it, so that a client which sends nothing but If-Modified-Since would
// miss the second.
func (s *Server) lastPublished() time.Time {
	version, _ := s.Posts.Version()
	at, now := time.UnixMilli(version), time.Now()
	switch {
	case version == 0:
		return time.Time{} // not known yet
	case at.After(now):
		return now // RFC 9110, section 8.8.2.1: never in the future
	}
	return at
}

func atom(r *http.Request, items []store.Summary) ([]byte, error) {
	feed := atomFeed{
		Title: "Afloat", ID: absolute(r, "/"), Author: "Afloat",
		Links: []atomLink{{Rel: "self", Type: "application/atom+xml", Href: absolute(r, "/feed.xml")}, {Rel: "alternate", Type: "text/html", Href: absolute(r, "/")}},
	}
	var newest time.Time
	for _, a := range items {
		if a.Updated.After(newest) {
			newest = a.Updated
		}
		entry := atomEntry{
			Title: a.Title, ID: absolute(r, postURL(a.Slug)), Summary: a.Summary,
			Published: a.Published.UTC().Format(time.RFC3339), Updated: a.Updated.UTC().Format(time.RFC3339),
			Links: []atomLink{{Rel: "alternate", Type: "text/html", Href: absolute(r, postURL(a.Slug))}},
		}
		for _, t := range a.Tags {
			entry.Category = append(entry.Category, atomCategory{t})
		}
		feed.Entries = append(feed.Entries, entry)
	}
	feed.Updated = newest.UTC().Format(time.RFC3339)
	b := bytes.NewBufferString(xml.Header)
	if err := xml.NewEncoder(b).Encode(feed); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
