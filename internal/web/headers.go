package web

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// policyBut is the content security policy without its frame-ancestors. Nothing
// inline and nothing foreign may run; what this site serves itself is all there
// is. The parts that are streamed need no exception: declarative shadow DOM is
// markup, and its style sheet is a link.
const policyBut = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors "

// securityHeaders are on every answer.
func (s *Server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policyBut+s.frameAncestors(r))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // a site that an article links to doesn't learn which one
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")   // a window that opened this one gets no hold of it
		h.Set("Cross-Origin-Resource-Policy", "same-origin") // and no other site's page loads what is here
		next.ServeHTTP(w, r)
	})
}

// frameAncestors says whose pages may show this one in a frame: the site's own.
// A twin's may be shown by its blog alone, side by side with the blog's.
func (s *Server) frameAncestors(r *http.Request) string {
	if !s.isTwin() {
		return "'self'"
	}
	host := strings.ToLower(hostname(r))
	if s.Other.Port == "" || strings.Contains(host, ":") || !slices.Contains(s.LabHosts, host) {
		return "'none'" // no blog, an address that a policy can't name, or a Host that anybody may have made up
	}
	return "http://" + net.JoinHostPort(host, s.Other.Port)
}
