package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/resilience"
)

// site is what this server knows of the site's version.
type site struct {
	version atomic.Int64
	checked atomic.Int64 // unix nanoseconds of the last look at the database
	vouch   time.Duration
}

// learn notes a version read from the database; it never goes down.
func (s *site) learn(v int64) {
	s.checked.Store(time.Now().UnixNano())
	for known := s.version.Load(); v > known && !s.version.CompareAndSwap(known, v); known = s.version.Load() {
	}
}

// current reports whether a copy read at a version can be vouched for: nothing
// newer is known of, and somebody looked recently. With the database out of
// sight no copy is current, however young: that is what stale means here.
func (s *site) current(asOf int64) bool {
	return asOf > 0 && asOf >= s.version.Load() && time.Since(time.Unix(0, s.checked.Load())) < s.vouch
}

// Watch learns of publications until ctx ends: by NOTIFY at once, and by
// polling where a notification got lost. onChange is called after the version
// rose, including the first time it is known.
//
// The poll goes through the guard of post reads. So it is also the probe that
// closes the breaker after an outage, without any reader having to wait.
func (p *Posts) Watch(ctx context.Context, onChange func(version int64)) {
	if p.db == nil {
		return
	}
	nudge := make(chan struct{}, 1)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		p.listen(ctx, nudge)
	}()
	defer func() { <-listening }()

	var seen int64 // readers learn of versions too, so the site's own can't tell what was announced
	tick := time.NewTicker(p.server.Poll)
	defer tick.Stop()
	for {
		reading, from := BeginReading(ctx)
		v, _, err := resilience.Call(reading, p.guard, func(ctx context.Context) (int64, error) { return read(ctx, p.db, queryVersion) })
		if err == nil && !from.answered().behind {
			p.site.learn(v)
		}
		if v = p.site.version.Load(); v > seen { // of readers too, or of LISTEN, before the replica that was asked had it
			seen = v
			p.log.Info("the site's version rose", "version", v)
			onChange(v)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-nudge:
		}
	}
}

// listen turns notifications of publications into nudges, and tells of those of
// comments. It owns a connection outside the pool, and a lost one costs nothing
// but time: the poll goes on, and copies of comments end by themselves.
func (p *Posts) listen(ctx context.Context, nudge chan<- struct{}) {
	for ctx.Err() == nil {
		err := p.listenOnce(ctx, nudge)
		if ctx.Err() != nil {
			return
		}
		p.log.Debug("LISTEN ended, polling goes on", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(p.server.Reconnect):
		}
	}
}

func (p *Posts) listenOnce(ctx context.Context, nudge chan<- struct{}) error {
	if err := p.db.together.lead.early(); err != nil {
		return err
	}
	dialling, cancel := context.WithTimeout(ctx, p.server.Reconnect)
	defer cancel()
	config := p.db.listen.Copy()
	p.db.together.lead.toLeader(config)
	conn, err := pgx.ConnectConfig(dialling, config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.server.Reconnect)
		defer cancel()
		_ = conn.Close(closing) // it is broken or we are leaving; either way there is nobody to tell
	}()
	if _, err := conn.Exec(dialling, "listen afloat"); err != nil {
		return err
	}
	for {
		if err := p.hear(ctx, conn); err != nil {
			return err
		}
		select {
		case nudge <- struct{}{}:
		default: // one is waiting already
		}
		waiting, cancel := context.WithTimeout(ctx, p.server.Listen)
		heard, err := conn.WaitForNotification(waiting)
		cancel()
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return errors.New("silent for long: reconnecting, in case the other end is gone")
			}
			return err
		}
		if slug, ok := strings.CutPrefix(heard.Payload, "comments "); ok {
			p.commented(slug)
		}
	}
}

// hear learns the version from the leader, which says on this connection that it
// rose: a replica that is asked right after may not have it yet. One server by
// itself is asked by the poll.
func (p *Posts) hear(ctx context.Context, conn *pgx.Conn) error {
	if !p.db.Replicated() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.server.Reconnect)
	defer cancel()
	v, err := queryVersion(ctx, conn)
	if errors.Is(err, errNothingPublished) {
		return nil
	}
	if err == nil {
		p.site.learn(v)
	}
	return err
}
