package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"afloat/test/fleet/state"
)

const (
	before = 8 * time.Second  // healthy, to compare with
	after  = 12 * time.Second // after the heal; the last readLimit of it is not judged
	most   = 5 * time.Minute  // of one case's readers; the commands themselves may take long
	drains = 3 * time.Minute  // for the outbox to be empty when the fleet is whole: on a busy machine it takes its time, and what waits is not lost
)

// commentsBegin is the beginning of every comment's text. The moment of the case follows, since a case may be tried again,
// and a key that comes again is no new comment. Those of earlier cases are forgotten: pages with hundreds of them would
// make each case slower than the one before.
const commentsBegin = "fleet-test"

// run carries out one case: settle, warm, inject, hold, heal, wait until whole, reckon, judge.
func (h *harness) run(ctx context.Context, s scenario) (r result, err error) {
	r = result{Name: s.Name, Does: s.Does, Began: time.Now().UTC(), Revision: h.report.Revision}
	if _, err := h.watch.whole(ctx); err != nil {
		return r, err
	}
	if s.twin {
		if err := h.home(ctx); err != nil {
			return r, err
		}
	}
	if _, err := h.docker.exec(ctx, "probe", "/probe", "forget", commentsBegin); err != nil {
		return r, err
	}
	if err := h.readers.warm(ctx); err != nil {
		return r, err
	}
	if r.Targets, err = h.watch.resolve(s.targets); err != nil {
		return r, err
	}

	coming, enough := context.WithCancel(ctx)
	defer enough()
	w := &writers{articles: h.readers.articles, prefix: fmt.Sprintf("%s %x %s no", commentsBegin, r.Began.UnixMilli(), s.Name), seed: h.readers.seed}
	reads, comments := make(chan []read, 1), make(chan []*comment, 1)
	t := times{begin: time.Now()}
	go func() { reads <- h.readers.come(coming, most) }()
	go func() { comments <- w.come(ctx, coming) }()

	err = h.inject(ctx, s, r.Targets, &t)
	enough()
	gotReads, gotComments := <-reads, <-comments
	if err = errors.Join(err, ctx.Err()); err != nil {
		return r, err
	}

	whole, err := h.watch.whole(ctx)
	if err != nil {
		r.Broken = append(r.Broken, err.Error())
		return r, err
	}
	rows, err := h.rows(ctx, w.prefix, gotComments)
	if err != nil {
		return r, err
	}
	r.read(gotReads, t)
	passed, err := h.docker.passedOutbox(ctx, r.Began)
	if err != nil {
		return r, err
	}
	r.Comments = reckon(gotComments, rows, passed)
	r.SlowestPost = ms(slowestAnswer(gotComments))
	r.DirectAfter = seconds(directAgain(gotComments, t.fault))
	r.RefusedUntil = seconds(refusedUntil(gotComments, t.fault))
	r.RedisGap = seconds(h.watch.redisGap(t.fault, t.end))
	r.HealthyAfter = seconds(h.watch.wholeAfter(t.healed, whole).Sub(t.healed))
	r.FaultAt, r.HealAt = seconds(t.fault.Sub(t.begin)), seconds(t.heal.Sub(t.begin))
	r.Seconds = timeline(gotReads, gotComments, t)
	r.judge(s.bounds)
	return r, h.report.draw(h.out, r)
}

// inject breaks, holds and heals, and notes when.
func (h *harness) inject(ctx context.Context, s scenario, services []string, t *times) (err error) {
	if err := wait(ctx, before); err != nil {
		return err
	}
	t.fault = time.Now()
	heal, err := s.action.do(ctx, h.docker, services)
	t.faulted = time.Now()
	if heal == nil {
		heal = nothing
	}
	if err == nil {
		err = h.hold(ctx, s)
	}
	t.heal = time.Now()
	// What is broken is mended even if we are told to end: -keep must not keep a broken fleet.
	mending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err = errors.Join(err, heal(mending))
	t.healed = time.Now()
	err = errors.Join(err, wait(ctx, after))
	t.end = time.Now()
	t.until = t.end.Add(-readLimit)
	return err
}

func (h *harness) hold(ctx context.Context, s scenario) error {
	if s.restart == "" {
		return wait(ctx, s.hold)
	}
	if err := wait(ctx, s.hold/4); err != nil {
		return err
	}
	if err := h.docker.do(ctx, []string{s.restart}, "restart"); err != nil {
		return err
	}
	return wait(ctx, s.hold*3/4)
}

// rows reads the leader's table, again while an acknowledged comment may still be in the outbox.
func (h *harness) rows(ctx context.Context, prefix string, comments []*comment) (rows []state.Comment, err error) {
	for until := time.Now().Add(drains); ; {
		out, err := h.docker.exec(ctx, "probe", "/probe", "comments", prefix)
		if err == nil {
			err = json.Unmarshal([]byte(out), &rows)
		}
		if err == nil && reckon(comments, rows, nil).Lost == 0 || time.Now().After(until) {
			return rows, err
		}
		if err := wait(ctx, 2*tick); err != nil {
			return rows, err
		}
	}
}

// home brings leader and primary back to the addresses that the naive twin knows, or a case would hit what it doesn't
// stand on.
func (h *harness) home(ctx context.Context) error {
	leader, err := h.watch.resolve([]string{"postgres " + state.Leader, "redis " + state.Primary})
	if err != nil {
		return err
	}
	if leader[0] != "postgres1" {
		if err := h.docker.switchover(ctx, leader[0], "postgres1"); err != nil {
			return err
		}
	}
	if leader[1] != "redis1" {
		if _, err := h.docker.exec(ctx, "probe", "/probe", "promote", "redis1"); err != nil {
			return err
		}
	}
	_, err = h.watch.whole(ctx)
	return err
}
