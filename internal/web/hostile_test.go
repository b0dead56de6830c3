package web

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// hostile is a request as it goes over the wire: no client of ours would send it.
type hostile struct{ name, wire string }

// hostileRequests are what strangers send. Each is answered by an error of the
// sender's, or as if it were nothing special; never by one of ours.
func hostileRequests(slug string) []hostile {
	var all []hostile
	add := func(name, format string, args ...any) {
		all = append(all, hostile{name, fmt.Sprintf(format, args...)})
	}
	get := func(name, target string, headers ...string) {
		add(name, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", target, strings.Join(headers, ""))
	}
	post := func(name, target, kind, body string) {
		add(name, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", target, kind, len(body), body)
	}
	long := strings.Repeat("a", 8<<10)

	for _, segment := range []string{
		"%00", "a%00b", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "....//", "%ff%fe", "%c0%af", "%ed%a0%80", "%F0%9F%9B%9F", "%0d%0aSet-Cookie:a=b",
		"%25%30%30", "%7B%7B.%7D%7D", "'%20or%201=1--", "%5c..%5c", "*", "%20", "+", long, "a%7Cb", "%e2%80%ae", "..%2f..%2fgo.mod", "%3Cscript%3E", "con", "-1",
	} {
		for _, route := range []string{"/", "/posts/", "/tags/", "/source/", "/static/", "/archive/", "/lab/faults/", "/lab/", "/metrics/", "/readyz/"} {
			get("path "+route+segment, route+segment)
		}
		for _, query := range []string{"/?page=", "/archive?page=", "/search?q=", "/search?q=a&page=", "/posts/" + slug + "?comment=", "/posts/" + slug + "?xray=", "/lab/faults?after=", "/lab/bar?back=", "/posts/" + slug + "/comment?fragment="} {
			get("query "+query+segment, query+segment)
		}
	}
	get("many parameters", "/search?"+strings.Repeat("q=a&", 2000))
	get("broken escapes", "/search?q=%zz&%=%&&&==;;")
	get("semicolons", "/search?q=a;page=2")
	get("a huge page", "/?page=9223372036854775807")
	get("a page beyond int64", "/?page=9223372036854775808")
	get("absolute form", "http://other.example/posts/"+slug)
	get("two slashes", "//posts//"+slug)
	get("dots", "/./posts/../posts/"+slug)
	get("a fragment", "/posts/"+slug+"#x")
	get("no target", "")
	get("broken escape in the path", "/posts/%zz")

	for _, method := range []string{"BREW", "TRACE", "OPTIONS", "PUT", "PATCH", "CONNECT", "get", "G\x00T", "G(T", strings.Repeat("M", 4000)} {
		add("method "+method, "%s /posts/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", method, slug)
	}
	for _, header := range []string{
		"Host: evil.example", "X-Forwarded-Proto: javascript", "X-Forwarded-Proto: \"><script>", "X-Forwarded-For: ' or 1=1", "Range: bytes=0-0,0-0,0-0,-1,5-2", "Range: bytes=" + strings.Repeat("0-1,", 2000),
		"If-None-Match: \"", "If-None-Match: *", "If-Modified-Since: never", "Accept-Encoding: gzip;q=nan, br;q=99, *;q=-1", "Accept: " + strings.Repeat("text/html,", 700), "Surrogate-Capability: \x01",
		"Cookie: " + long, "Expect: 200-ok", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: -1", "Content-Length: 99999999999999999999", "Connection: Host, close",
		"Upgrade: websocket\r\nConnection: Upgrade", "No-Colon", " Folded: a", "X: a\rb", "X: \x00", "Origin: null", "Sec-Fetch-Site: cross-site",
	} {
		get("header "+header, "/posts/"+slug, header+"\r\n")
	}
	add("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	add("no host", "GET / HTTP/1.1\r\n\r\n")
	add("a host that is no host", "GET /posts/%s HTTP/1.1\r\nHost: a;script-src*'\"<>\r\n\r\n", slug)
	add("HTTP/0.9", "GET /\r\n\r\n")
	add("HTTP/9.9", "GET / HTTP/9.9\r\nHost: a\r\n\r\n")
	add("HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	add("TLS in clear", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
	add("smuggled", "POST /posts/%s/comments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /lab/faults HTTP/1.1\r\n\r\n", slug)
	add("chunks without end", "POST /posts/%s/comments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", slug, isForm)

	for _, target := range []string{"/posts/" + slug + "/comments", "/posts/%00/comments", "/lab/faults"} {
		post("an empty form to "+target, target, isForm, "")
		post("broken escapes to "+target, target, isForm, "author=%zz&body=%&key=%00")
		post("no text to "+target, target, isForm, "author=%ff%fe&body=%00%00&key=%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff")
		post("no text in each field of "+target, target, isForm, "author=a%00b&body=a%ed%a0%80b&key=aaaaaaaaaaaaaaaa")
		post("many fields to "+target, target, isForm, strings.Repeat("a=b&", 15000))
		post("too much to "+target, target, isForm, "body="+strings.Repeat("a", 100<<10))
		post("multipart to "+target, target, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"body\"; filename=\"../../x\"\r\n\r\nhello\r\n--b--\r\n")
		post("multipart without a boundary to "+target, target, "multipart/form-data", "--b--")
		post("no such type to "+target, target, "text/\x01", "{}")
		post("XML to "+target, target, "application/xml", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`)
		post("another page's back to "+target, target, isForm, "link=none&kind=healthy&back=//evil.example/&author=&body=&key=")
	}
	for name, body := range map[string]string{
		"deep arrays": strings.Repeat("[", 60_000), "deep objects": strings.Repeat(`{"link":`, 8_000), "no end": `{"link": "redis"`, "a number": "1e999999", "null": "null", "twice": `{"link":"x","link":"y"}`,
		"a rate that is none": `{"link":"x","kind":"flaky","rate":1e400}`, "wrong types": `{"link":[],"kind":{},"for":[1]}`, "unknown": `{"__proto__":{}}`, "invalid UTF-8": "{\"link\":\"\xff\"}", "NUL": "{\"link\":\"\\u0000\"}",
		"a long time": `{"link":"redis","kind":"slow","for":"9999999h"}`, "a negative one": `{"link":"redis","kind":"slow","latency":"-1s"}`, "NaN": `{"link":"redis","kind":"flaky","rate":"NaN"}`, "two values": `{} {}`,
	} {
		post("JSON: "+name, "/lab/faults", "application/json", body)
	}
	return all
}

// send writes a request and returns the answer to it; status 0 is none.
func send(t testing.TB, b *blog, h hostile) answer {
	t.Helper()
	c := must(http.DefaultTransport.(*http.Transport).DialContext(t.Context(), "tcp", b.Listener.Addr().String()))(t)
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, h.wire); err != nil {
		return answer{} // refused before it was sent whole
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // or it has closed already
	}
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodGet})
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<20)) // what was cut off is judged as far as it came
	return answer{status: res.StatusCode, header: res.Header, body: string(body)}
}

// unharmed checks one answer to something hostile.
func unharmed(t *testing.T, b *blog, name string, got answer) {
	t.Helper()
	if got.status >= 500 && got.status != http.StatusNotImplemented && got.status != http.StatusHTTPVersionNotSupported {
		t.Errorf("%.100q: status %d", name, got.status)
	}
	if strings.Contains(got.header.Get("Set-Cookie"), "a=b") {
		t.Errorf("%.100q: a header was injected", name)
	}
	to := got.header.Get("Location")
	if u, err := url.Parse(to); err != nil || u.Host != "" || strings.HasPrefix(to, "//") {
		t.Errorf("%.100q: sent to %q", name, to)
	}
	switch { // articles and sources may use the words of an error
	case got.status >= 400:
		leaksNothing(t, b, got)
	default:
		for _, location := range []string{b.postgres, b.redis, b.recommendations} {
			lacks(t, got.body, location, must(url.Parse(location))(t).Host)
		}
	}
}

func TestHostileRequests(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, patient)
	statuses := map[int]int{}
	all := hostileRequests(w.articles[0].Slug)
	for _, h := range all {
		got := send(t, b, h)
		statuses[got.status]++
		unharmed(t, b, h.name, got)
		if t.Failed() {
			t.Fatalf("the first that does harm: %.300q", h.wire)
		}
	}
	t.Logf("%d requests, by status (0: the connection was closed): %v", len(all), statuses)
	stillWell(t, b)
}

// TestRandomRequests: what nobody thought of.
func TestRandomRequests(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, patient)
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"posts", w.articles[0].Slug, "tags", "search", "source", "static", "lab", "faults", "comments", "comment", "feed.xml", "page", "q", "xray", "1", "-1", "..", "\x00", "\xff", "|", "{", "<b>", "\r\n", "%", "'", "\u202e", strings.Repeat("x", 300)}
	text := func(sep string) string {
		var parts []string
		for range 1 + random.IntN(4) {
			parts = append(parts, pieces[random.IntN(len(pieces))])
		}
		return strings.Join(parts, sep)
	}
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	for i := range 3000 {
		r := httptest.NewRequestWithContext(t.Context(), one("GET", "GET", "HEAD", "POST", "DELETE", "PUT"), "/", strings.NewReader(text("&")+"="+text("=")))
		r.URL = &url.URL{Path: "/" + text("/"), RawQuery: text("=") + "&" + text("=")}
		if random.IntN(2) == 0 {
			r.URL.RawPath = "/" + url.PathEscape(text("/"))
		}
		r.RequestURI = r.URL.RequestURI()
		r.Host = one("127.0.0.1", "lab.example", "[::1]:80", "evil.example", "", ":", "[")
		r.RemoteAddr = one("192.0.2.1:1", "", "[::1]:2", "nowhere")
		for range random.IntN(4) {
			r.Header.Set(one("Accept", "Accept-Encoding", "Range", "If-None-Match", "If-Modified-Since", "Content-Type", "X-Forwarded-Proto", "Surrogate-Capability", "Origin", "Sec-Fetch-Site"), one("application/json", isForm, "text/html", "bytes=0-1", "gzip", "*", "same-origin", text(";")))
		}
		answered := httptest.NewRecorder()
		b.Config.Handler.ServeHTTP(answered, r)
		unharmed(t, b, fmt.Sprintf("%d: %s %s", i, r.Method, r.RequestURI), answer{status: answered.Code, header: answered.Header(), body: answered.Body.String()})
		b.board.Clear("")
		if t.Failed() {
			t.Fatal("the first that does harm")
		}
	}
	stillWell(t, b)
}

// stillWell checks that hostility has left nothing behind: no panic, no fault,
// no breaker that strangers opened, no page of ours that failed.
func stillWell(t *testing.T, b *blog) {
	t.Helper()
	for _, line := range []string{"panic", "page failed", "error page failed", "could not be rendered"} {
		if found := b.log.with(line); len(found) > 0 {
			t.Errorf("%d lines of the log say %q; the first: %.500s", len(found), line, found[0])
		}
	}
	for name, kind := range b.kinds(t) {
		if kind != "healthy" {
			t.Errorf("somebody has put the fault %s on %s", kind, name)
		}
	}
	for _, path := range []string{"/", "/posts/" + b.articles[0].Slug, "/search?q=retry", "/about"} {
		got := b.get(t, path)
		got.wantStatus(t, 200)
		for part, state := range got.parts() {
			if !good(state) {
				t.Errorf("%s: %s is %s", path, part, state)
			}
		}
	}
	if !bytes.Contains([]byte(b.get(t, "/about").body), []byte("answering")) {
		t.Error("the about page says nothing of its dependencies")
	}
}
