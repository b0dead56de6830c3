package lessons

// What is kept: copies, and what they stand in for.
var keptTerms = []Term{
	{ID: "cache-stampede", Name: "cache stampede", Also: []string{"stampede", "dogpile"}, Lesson: "everyone-missed-at-once",
		Means: "A popular copy expires, everybody misses it in the same moment, and all go to its origin with the same question."},
	{ID: "fallback", Name: "fallback", Lesson: "can-a-safety-net-pull-you-under",
		Means: "What is done instead when the main way fails. It is acceptable if it is cheaper than the main way, used all the time, and visible."},
	{ID: "graceful-degradation", Name: "graceful degradation", Lesson: "what-may-fail",
		Means: "Giving less rather than nothing when a part fails: an article without its comments in place of an error page."},
	{ID: "negative-caching", Name: "negative caching", Lesson: "everyone-missed-at-once", Source: "for DNS: RFC 2308",
		Means: "Keeping the answer that there is nothing, so that a missing thing is not looked for at its origin each time."},
	{ID: "request-coalescing", Name: "request coalescing", Also: []string{"coalescing", "singleflight"}, Lesson: "everyone-missed-at-once",
		Means: "Of many callers who want the same thing at once, one fetches it and all get its answer. They share its failure, too."},
	{ID: "stale-if-error", Name: "stale-if-error", Lesson: "is-old-good-enough", Source: "RFC 5861, section 4",
		Means: "For how long after it has become stale a copy may be served in place of an error."},
	{ID: "stale-while-revalidate", Name: "stale-while-revalidate", Lesson: "everyone-missed-at-once", Source: "RFC 5861, section 3",
		Means: "For how long after it has become stale a copy may be served while a newer one is fetched behind the reader’s back."},
	{ID: "thundering-herd", Name: "thundering herd", Lesson: "why-randomness",
		Means: "Many who waited for the same moment, and all act in it: after an outage ends, a lock is released, or a copy expires."},
	{ID: "ttl", Name: "TTL", Also: []string{"time to live"}, Lesson: "is-old-good-enough",
		Means: "Time to live: how long a copy counts as fresh. With a soft one a refresh is tried while the old value serves on; a hard one ends it."},
}
