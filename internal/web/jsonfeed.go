package web

import (
	"encoding/json"
	"net/http"
	"time"

	"afloat/internal/store"
)

// JSON Feed 1.1, https://www.jsonfeed.org/version/1.1/.
type jsonFeed struct {
	Version     string       `json:"version"`
	Title       string       `json:"title"`
	HomePageURL string       `json:"home_page_url"`
	FeedURL     string       `json:"feed_url"`
	Description string       `json:"description"`
	Language    string       `json:"language"`
	Authors     []jsonAuthor `json:"authors"`
	Items       []jsonItem   `json:"items"` // required, also when there are none
}

type jsonAuthor struct {
	Name string `json:"name"`
}

type jsonItem struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Title     string    `json:"title"`
	Text      string    `json:"content_text"` // an item must have a content
	Published time.Time `json:"date_published"`
	Modified  time.Time `json:"date_modified"`
	Tags      []string  `json:"tags,omitempty"`
}

func (s *Server) jsonFeed(w http.ResponseWriter, r *http.Request) error {
	return s.serveFeed(w, r, "application/feed+json", encodeJSONFeed)
}

func encodeJSONFeed(r *http.Request, items []store.Summary) ([]byte, error) {
	feed := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: siteName, HomePageURL: absolute(r, "/"), FeedURL: absolute(r, "/feed.json"),
		Description: siteDescription, Language: "en", Authors: []jsonAuthor{{siteName}}, Items: []jsonItem{},
	}
	for _, a := range items {
		u := absolute(r, postURL(a.Slug))
		feed.Items = append(feed.Items, jsonItem{
			ID: u, URL: u, Title: a.Title, Text: a.Summary, Published: a.Published.UTC(), Modified: a.Updated.UTC(), Tags: a.Tags,
		})
	}
	return json.Marshal(feed)
}
