package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const maxList = 8 << 20 // bytes of an archive or feed that are read

var articleLink = regexp.MustCompile(`href="(?:https?://[^"/]+)?(/posts/[a-z0-9-]+)"`)

// Discover returns the paths of target's articles, as linked from its archive
// and its feed, in the order in which they are listed. One of the two is
// enough; it fails if neither lists an article.
func Discover(ctx context.Context, client *http.Client, target string) ([]string, error) {
	var paths []string
	var errs []error
	for _, list := range []string{"/archive", "/feed.xml"} {
		page, err := get(ctx, client, strings.TrimSuffix(target, "/")+list)
		if err != nil {
			errs = append(errs, err)
		}
		for _, match := range articleLink.FindAllSubmatch(page, -1) {
			if path := string(match[1]); !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	if len(paths) == 0 {
		return nil, errors.Join(append([]error{fmt.Errorf("no articles found at %s: is the blog running and published?", target)}, errs...)...)
	}
	return paths, nil
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("list articles: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("list articles: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("list articles: GET %s: %s", url, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxList))
}
