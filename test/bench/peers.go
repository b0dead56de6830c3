package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peerPage is the blog's own answer, for peers to send as it is.
type peerPage struct {
	Header http.Header
	Body   []byte
}

// capture takes the page once it is finished bytes: complete, and compressed.
func capture(ctx context.Context, addr, path string) (peerPage, error) {
	var p peerPage
	var problem error
	err := waitFor(ctx, "a complete, compressed page", 10*time.Second, func() bool {
		p, problem = fetch(ctx, "http://"+addr+path)
		return problem == nil && p.Header.Get("Etag") != "" && p.Header.Get("Content-Encoding") == "gzip"
	})
	if problem != nil {
		return p, problem
	}
	p.Header.Del("Date") // each server writes its own
	return p, err
}

func fetch(ctx context.Context, url string) (peerPage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return peerPage{}, err
	}
	req.Header.Set("Accept-Encoding", "gzip") // set by us, so that the client leaves it compressed
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return peerPage{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return peerPage{res.Header, body}, err
}

// bareCommand makes this program the bare net/http handler.
const bareCommand = "bare"

// serveBare answers everything with a page from memory.
func serveBare(ctx context.Context, addr, file string) error {
	var p peerPage
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	server := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), p.Header)
		_, _ = w.Write(p.Body) // an error here means that the reader has left
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startBare runs this program once more, as the bare handler.
func (f *fleet) startBare(ctx context.Context, page peerPage) (*process, error) {
	file := filepath.Join(f.dir, "bare.json")
	b, err := json.Marshal(page)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := startProcess("bare net/http", addr, onServerCore(exec.Command(self, bareCommand, addr, file)))
	if err != nil {
		return nil, err
	}
	_, err = p.until200(ctx, "/")
	return p, err
}

const nginxConf = `daemon off; master_process off; pid DIR/nginx.pid; error_log DIR/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; etag off; server_tokens off; keepalive_requests 1000000000;
  open_file_cache max=10 inactive=1h; open_file_cache_valid 1h; types { }
  client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
  server {
    listen ADDR;
    location / { root DIR; try_files /page =404; HEADERS }
  }
}
`

// startNginx makes nginx send the page's bytes from a file that it keeps open:
// the fastest that it serves anything. It is nil where nginx isn't installed.
func (f *fleet) startNginx(ctx context.Context, page peerPage) (*process, error) {
	program, err := exec.LookPath("nginx")
	if errors.Is(err, exec.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(f.dir, "nginx")
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	headers := "default_type " + quote(page.Header.Get("Content-Type")) + `; add_header Last-Modified "";`
	for _, name := range slices.Sorted(maps.Keys(page.Header)) {
		if name != "Content-Type" && name != "Content-Length" {
			headers += " add_header " + name + " " + quote(strings.Join(page.Header[name], ", ")) + ";"
		}
	}
	conf := strings.NewReplacer("DIR", dir, "ADDR", addr, "HEADERS", headers).Replace(nginxConf)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"page": page.Body, "nginx.conf": []byte(conf)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	p, err := startProcess("nginx", addr, onServerCore(exec.Command(program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))))
	if err != nil {
		return nil, err
	}
	_, err = p.until200(ctx, "/")
	return p, err
}
