package web

import (
	"net"
	"net/http"

	"github.com/go-chi/chi/v5/middleware"
)

// forwarded notes the address of the reader whom the proxies before this
// server pass on: the last one in X-Forwarded-For that is no proxy's. Each
// proxy adds its neighbour at the end, so what stands before that was written
// by the reader, who may write anything. The header counts only on a
// connection that comes from a proxy; without trusted proxies never.
func (s *Server) forwarded(next http.Handler) http.Handler {
	if len(s.TrustedProxies) == 0 {
		return next
	}
	return middleware.ClientIPFromXFF(s.TrustedProxies...)(next)
}

// readerAddress is the address that a request is for. A list of proxies that
// can't be read names nobody: then it is the neighbour's.
func readerAddress(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
