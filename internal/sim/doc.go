// Package sim computes published models again, event by event, with their authors' parameters.
//
//	backoff and jitter among clients that contend for a row      jitter.go          AWS Architecture Blog, 2015
//	retry policies against a dependency that fails at random     retrypolicies.go   Marc Brooker, 2022
//	a server that stays down after a spike of load has gone      metastable.go      Marc Brooker's collapse simulation
//	clients that refuse what an overloaded backend would refuse  throttle.go        SRE book, chapter 21
//	second copies of what is late, for pages of many parts       hedge.go           "The Tail at Scale", 2013
//
// What they hold is a model: no network, no clock, no resilience package, only what the author's model has. The
// parameters are in published.go; they are the sources', not this blog's, and any of them can be changed. The same
// parameters give the same result: the seed is one of them, and each trial draws from a stream of its own.
package sim
