package main

import (
	"time"

	"afloat/test/fleet/state"
)

// Kinds of reads: what an edge may answer from its copy, what it has to ask a server for, and what pages are made of.
const (
	cachedReads   = "cached"
	uncachedReads = "uncached"
	assetReads    = "assets"
)

var (
	everyRead = []string{cachedReads, uncachedReads, assetReads}
	fromEdge  = []string{cachedReads, assetReads}
)

// How long things take, and may take.
const (
	short = 20 * time.Second
	long  = 35 * time.Second // the lease of a dead leader ends after 18 to 22 s

	// A page that isn't there after this time is one that did not come.
	readLimit = 5 * time.Second
	// p99 under a fault, in healthy ones.
	p99Times = 3.0
	// What p99 may be at least. Healthy pages take a few milliseconds here, and starting `docker kill` alone keeps a
	// machine with two cores busy for longer.
	p99Floor = 60 * time.Millisecond
	// A balancer waits 1 s for a server before it asks another; see deploy/haproxy.
	slowestPaused = 1500 * time.Millisecond
	// A server answers every comment within 800 ms; the rest is for the way there and back.
	slowestPost = time.Second
)

// bounds are what must hold besides what holds always: no acknowledged comment is lost, doubled or out of order.
type bounds struct {
	reads     []string      // kinds of which none may fail
	inHand    bool          // but for those that were on their way through what was killed
	p99       float64       // under the fault, in healthy ones; 0: any
	slowest   time.Duration // read; 0: any
	post      time.Duration // slowest answer to a comment; 0: any
	direct    time.Duration // until writes are direct again; 0: any
	refused   time.Duration // how long comments may be refused: not at all, or a time, or always
	redis     time.Duration // without Redis writes; 0: any
	exception string        // why nothing more is bounded
}

const always = time.Duration(1<<63 - 1)

func holdOf(r role) time.Duration {
	if r.target == "postgres "+state.Leader {
		return long
	}
	return short
}

// boundsOf are those of the table for one container.
func boundsOf(r role, a action) bounds {
	b := bounds{reads: everyRead}
	if a.name == pause.name {
		b.slowest = slowestPaused
	} else {
		b.p99 = p99Times
	}
	switch r.target {
	case "front":
		return bounds{refused: always, exception: "it holds the published port: on one machine that is a single point"}
	case "front1":
		b.refused = always
		// Nobody stands before a front who could ask again: what it is just answering dies with it.
		b.inHand = a.name == kill.name
		if a.name == pause.name {
			return bounds{refused: always, exception: "two listeners share the port, and a paused one keeps its share of new connections"}
		}
	case "edge1", "balancer1", "blog2":
		b.refused = always // a comment on its way through it gets an error, and its writer sends it again
	default:
		b.post = slowestPost
	}
	switch r.target {
	case "postgres " + state.Leader:
		b.direct = 25 * time.Second
	case "redis " + state.Primary:
		b.redis = 4 * time.Second
	}
	return b
}
