package main

import (
	"context"
	"net"
	"net/http"

	"afloat/internal/edge"
	"afloat/internal/web"
)

// tellEdges has the CDN's edges told of changes: of pages whose comments have
// changed, and of what was published. Edges are no dependency of any page, so
// none of the lab's links is between.
func (a *app) tellEdges(edges []string) {
	if len(edges) == 0 {
		return
	}
	p := a.server.Edge
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: p.Purge.Timeout}).DialContext}}
	a.clients = append(a.clients, client.CloseIdleConnections)
	a.purger = edge.New(edges, client, p, a.log)
	a.web.Outdate = a.purger.Outdate
}

// commented notes that an article's comments have changed, for the web server.
// Where more come than it can take, the copies end by themselves.
func (a *app) commented(slug string) {
	select {
	case a.heard <- slug:
	default:
	}
}

// published purges what was written or withdrawn since a version. The first
// version that a server learns of is no change: a restart purges nothing.
func (a *app) published(ctx context.Context, since int64) {
	if a.purger == nil || since == 0 {
		return
	}
	most := a.server.Edge.Purge.Tags // more are a purge of everything
	slugs, err := a.posts.Changed(ctx, since, most)
	if err != nil {
		a.log.Debug("the edges are not told of a publication: their pages end by themselves", "err", err)
		return
	}
	a.purger.Purge(web.PublicationTags(slugs)...)
}

// announce purges what each publication has changed, until ctx ends.
func (a *app) announce(ctx context.Context, versions <-chan int64) {
	var since int64
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-versions:
			asking, cancel := context.WithTimeout(ctx, a.table.Bulk.Deadline)
			a.published(asking, since)
			cancel()
			since = v
		}
	}
}
