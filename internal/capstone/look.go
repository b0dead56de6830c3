package capstone

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"afloat/internal/load"
)

// A Look is what one load of a page with its X-ray on was like.
type Look struct {
	Status int           // of HTTP; 0 where no whole page came in time
	Took   time.Duration // until the last byte, or until it was given up
	Parts  map[string]Seen
}

// Seen is what a page and its X-ray say of one part.
type Seen struct {
	State   string // as resilience.State has it
	Source  string
	Tries   int           // 0: none was needed, or none was made
	Took    time.Duration // of the call; 0 as for Tries
	Breaker string        // "" where it has none, or none was asked
	Error   string        // class; "" where all is well
}

// Everything is read from the text that readers see: what they can't see is no evidence.
var (
	partTag   = regexp.MustCompile(`data-part="([a-z]+)" data-state="([a-z]+)"`)
	captionOf = regexp.MustCompile(`(?s)<details class="xray"[^>]*>\s*<summary>(.*?)</summary>(.*?)</details>`)
	triesIn   = regexp.MustCompile(`(\d+) tr(?:y|ies), ([0-9.]+) ms`)
	breakerIn = regexp.MustCompile(`breaker ([a-z-]+)`)
	entryIn   = regexp.MustCompile(`<dt>(source|error)</dt><dd>([^<]*)</dd>`)
)

// lookAt loads a page, and waits for it no longer than patience.
func lookAt(ctx context.Context, client *http.Client, page string, patience time.Duration) Look {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	status, body := fetch(ctx, client, page)
	return Look{Status: status, Took: time.Since(began), Parts: parse(body)}
}

// fetch returns 0 where the page did not come whole.
func fetch(ctx context.Context, client *http.Client, page string) (status int, body []byte) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, nil
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(res.Body, load.MaxPage)); err != nil {
		return 0, nil
	}
	return res.StatusCode, body
}

// parse reads each part's state and, where the X-ray is on, its caption.
func parse(body []byte) map[string]Seen {
	parts := map[string]Seen{}
	tags := partTag.FindAllSubmatchIndex(body, -1)
	for i, tag := range tags {
		end := len(body)
		if i+1 < len(tags) {
			end = tags[i+1][0]
		}
		seen := Seen{State: string(body[tag[4]:tag[5]])}
		if caption := captionOf.FindSubmatch(body[tag[0]:end]); caption != nil {
			seen.read(caption[1], caption[2])
		}
		parts[string(body[tag[2]:tag[3]])] = seen
	}
	return parts
}

func (s *Seen) read(summary, list []byte) {
	if m := triesIn.FindSubmatch(summary); m != nil {
		s.Tries, _ = strconv.Atoi(string(m[1])) // the pattern takes digits only
		ms, _ := strconv.ParseFloat(string(m[2]), 64)
		s.Took = time.Duration(ms * float64(time.Millisecond))
	}
	if m := breakerIn.FindSubmatch(summary); m != nil {
		s.Breaker = string(m[1])
	}
	for _, m := range entryIn.FindAllSubmatch(list, -1) {
		if string(m[1]) == "source" {
			s.Source = string(m[2])
		} else {
			s.Error = string(m[2])
		}
	}
}
