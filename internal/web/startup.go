package web

import (
	"context"
	"log/slog"
	"net/http"

	"afloat/internal/figures"
	"afloat/internal/policy"
)

// CompressStatic compresses what is under /static/, until it is done or ctx
// ends. Meanwhile it is served uncompressed.
func (s *Server) CompressStatic(ctx context.Context) error { return s.assets.Compress(ctx) }

// DrawFigures draws what articles show, so that no reader waits for it. Some of
// it is simulated, which takes up to a fifth of a second.
func (s *Server) DrawFigures() {
	for _, f := range figures.All() {
		f.Chart()
	}
}

// HTTPServer returns the server with every limit set.
func HTTPServer(h http.Handler, p policy.Server, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: p.ReadHeaderTimeout,
		ReadTimeout:       p.ReadTimeout,
		WriteTimeout:      p.WriteTimeout,
		IdleTimeout:       p.IdleTimeout,
		MaxHeaderBytes:    p.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
