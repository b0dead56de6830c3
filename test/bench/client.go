package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// conn is one keep-alive HTTP/1.1 connection to the loopback. net/http's own
// client takes more time for a request than the server under measurement, so
// this one does only what measuring needs: it sends bytes made beforehand, and
// finds the end of the answer.
type conn struct {
	net.Conn
	r *bufio.Reader
}

// answer is what came for one request.
type answer struct {
	status int
	bytes  int // of the body, as sent
}

// patience is the longest wait for one answer.
const patience = 20 * time.Second

func dial(addr string) (*conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// getRequest is what a browser asks for, cut to what matters here.
func getRequest(addr, path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: afloat-bench\r\nAccept-Encoding: gzip\r\n\r\n")
}

// get sends a request and reads the answer to its last byte. The body goes to
// keep, or nowhere where that is nil.
func (c *conn) get(request []byte, keep *bytes.Buffer) (answer, error) {
	if _, err := c.Write(request); err != nil {
		return answer{}, err
	}
	line, err := c.line()
	if err != nil {
		return answer{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return answer{}, fmt.Errorf("no answer in HTTP/1.1: %q", line)
	}
	a := answer{}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	length, chunked, err := c.header()
	switch {
	case err != nil:
		return a, err
	case chunked:
		a.bytes, err = c.chunks(keep)
	case length < 0:
		err = errors.New("an answer without a length")
	default:
		a.bytes, err = length, c.body(length, keep)
	}
	return a, err
}

// line reads up to the next line feed; the bytes are good until the next read.
func (c *conn) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), err
}

// header reads the header fields that say where the body ends.
func (c *conn) header() (length int, chunked bool, err error) {
	for length = -1; ; {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, chunked, err
		}
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, false, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
}

func (c *conn) chunks(keep *bytes.Buffer) (total int, err error) {
	for {
		line, err := c.line()
		if err != nil {
			return total, err
		}
		size, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return total, err
		}
		if err := c.body(int(size), keep); err != nil {
			return total, err
		}
		if _, err := c.line(); err != nil { // the end of the chunk, or of the empty trailer
			return total, err
		}
		if size == 0 {
			return total, nil
		}
		total += int(size)
	}
}

func (c *conn) body(n int, keep *bytes.Buffer) error {
	if keep == nil {
		_, err := c.r.Discard(n)
		return err
	}
	_, err := io.CopyN(keep, c.r, int64(n))
	return err
}

// degraded reports whether a page, compressed or not, has a part that is
// stale, a fallback or missing.
func degraded(page []byte) bool {
	if z, err := gzip.NewReader(bytes.NewReader(page)); err == nil {
		if page, err = io.ReadAll(z); err != nil {
			return true
		}
	}
	for _, state := range []string{"stale", "fallback", "missing"} {
		if bytes.Contains(page, []byte(`data-state="`+state+`"`)) {
			return true
		}
	}
	return false
}
