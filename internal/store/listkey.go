package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxYear is the last year that can be written with four digits.
const maxYear = 9999

// listKey names a page of a list in the caches.
type listKey struct {
	tag              string // "": all
	page, size, year int    // year 0: all
	slugs            string // of the only articles asked for, with commas between; "": all
}

func (k listKey) String() string {
	return fmt.Sprintf("%s|%d|%d|%d|%s", k.tag, k.page, k.size, k.year, k.slugs)
}

func parseListKey(s string) (k listKey) {
	fields := strings.Split(s, "|") // no tag has a | in it
	for i, n := range []*int{&k.page, &k.size, &k.year} {
		*n, _ = strconv.Atoi(fields[i+1]) // String has written it
	}
	k.tag, k.slugs = fields[0], fields[4]
	return k
}

// named are the articles asked for by name.
func (k listKey) named() []string { return strings.Split(k.slugs, ",") }

// span is when the articles were published: from the first instant to before
// the second.
func (k listKey) span() (from, to time.Time) {
	if k.year == 0 {
		return time.Time{}, time.Date(maxYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(k.year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(k.year+1, 1, 1, 0, 0, 0, 0, time.UTC)
}

// mayBeEmpty reports whether the page exists without articles, as the first of
// a new blog does, and one of articles that are all unknown; a tag or a year
// without articles does not.
func (k listKey) mayBeEmpty() bool { return k.tag == "" && k.year == 0 && k.page == 1 }
