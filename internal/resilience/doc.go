// Package resilience holds one fault-tolerance pattern a file. Each file opens
// with the problem, the mechanism, when it hurts, and the lesson that shows it.
// An Example beside it shows how it is used.
//
//	pattern                        file                          lesson
//	panic isolation                isolate.go                    2   What may fail?
//	deadline                       deadline.go                   3   How long do I wait?
//	error classification           classify.go                   4   Try again?
//	retry                          retry.go                      4   Try again?
//	backoff and jitter             backoff.go                    5   Why randomness?
//	retry budget                   budget.go                     6   Why is it still down?
//	circuit breaker                breaker.go, breaker_policy.go 8   When do I stop calling?
//	  its sliding window           window.go
//	bulkhead                       bulkhead.go                   8   When do I stop calling?
//	stale-if-error, revalidation   stale.go                      9   Is old good enough?
//	  the cache that applies them  cache.go, cache_options.go, cache_settle.go
//	single flight                  coalesce.go                   10  Everyone missed at once?
//	load shedding                  shed.go                       12  Too much traffic?
//	hedging                        hedge.go                      13  One copy is slow?
//
// All of it together: [Call] in guard.go puts the protections of one [Policy]
// (policy.go) around a call to a dependency, and says in which order and why;
// a [Cache] before it keeps the copies that serve when the call fails. Every
// answer carries its [Provenance] (provenance.go).
//
// The functions take and return a plain func(ctx) (T, error). Every protection
// whose value in the policy is zero is off, and a nil [Budget], [Breaker],
// [Bulkhead] or [Shedder] is one that is off. Constructors refuse a policy that
// makes no sense, and list all that is wrong with it (problems.go).
package resilience
