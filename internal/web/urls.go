package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"afloat/internal/assets"
)

// Every URL of the site is made here.

func postURL(slug string) string { return "/posts/" + url.PathEscape(slug) }

// commentURL is where a comment is shown, ref being its store.Comment.Ref.
func commentURL(slug, ref string) string {
	return postURL(slug) + "?comment=" + ref + "#comment-" + ref
}

func listURL(tag string, page int) string {
	path := "/"
	if tag != "" {
		path = "/tags/" + url.PathEscape(tag)
	}
	return paged(path, url.Values{}, page)
}

// archiveURL is a page of a year's articles; of all for year 0.
func archiveURL(year, page int) string {
	path := "/archive"
	if year != 0 {
		path += fmt.Sprintf("/%04d", year)
	}
	return paged(path, url.Values{}, page)
}

// staticURL is the address under which a file may be kept for ever.
func staticURL(files *assets.Set, name string) string { return "/static/" + files.Name(name) }

func sitemapPageURL(page int) string { return fmt.Sprintf("/sitemap-%d.xml", page) }

func searchURL(query string, page int) string {
	return paged("/search", url.Values{"q": {query}}, page)
}

func paged(path string, q url.Values, page int) string {
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func sourceURL(path string, line int) string {
	if line == 0 {
		return "/source/" + path
	}
	return fmt.Sprintf("/source/%s#L%d", path, line)
}

// absolute makes a path into a URL as the reader sees it.
func absolute(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host + path
}

// canonical is the one address of what is shown: its path, and which page of a
// list. How it is shown, as by ?xray, and to whom, as by ?comment, is left out.
func canonical(r *http.Request) string {
	page, _ := pageNumber(r) // 0 where there is no such page, which is an error page
	return absolute(r, paged(r.URL.EscapedPath(), url.Values{}, page))
}

// localPath returns s if it is a path on this site, else "/": a form must not
// be able to send its reader anywhere else.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") {
		return "/"
	}
	return s
}

// with returns path and query of the request with one parameter set, or
// removed where value is "".
func with(r *http.Request, name, value string) string {
	q := r.URL.Query()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	if len(q) == 0 {
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + q.Encode()
}
