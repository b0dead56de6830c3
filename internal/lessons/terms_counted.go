package lessons

// What is counted: how a system is judged.
var countedTerms = []Term{
	{ID: "availability", Name: "availability", Lesson: "how-available-is-this-page",
		Means: "The share of requests, or of time, in which a system does what it is for. 99.9 % of a month of 30 days leaves 43 minutes without it."},
	{ID: "blast-radius", Name: "blast radius", Lesson: "what-may-fail",
		Means: "How much fails along with a part: which readers, requests and other parts notice."},
	{ID: "block-bootstrap", Name: "block bootstrap", Lesson: "how-available-is-this-page",
		Means: "A way to say how far a measurement may be off, by drawing whole outage cycles again and again. Requests within one outage are not independent, so an interval made from single requests is too narrow."},
	{ID: "correlated-failure", Name: "correlated failure", Also: []string{"common cause", "common-cause failure"}, Lesson: "how-available-is-this-page",
		Means: "A failure that hits several parts at once because they share something: a database, a rack, a release. Formulas that multiply availabilities do not know of it."},
	{ID: "critical-path", Name: "critical path", Lesson: "what-may-fail",
		Means: "The dependencies without which an answer is not worth sending. It belongs to the request: what one needs, another can do without."},
	{ID: "error-budget", Name: "error budget", Lesson: "how-available-is-this-page", Source: "Site Reliability Engineering, O’Reilly, 2016",
		Means: "The failures that a target leaves room for: with 99.9 % promised, one request in a thousand."},
	{ID: "goodput", Name: "goodput", Lesson: "why-is-it-still-down",
		Means: "The requests a second that are answered in time to be of use. Throughput also counts those whose caller has already given up."},
	{ID: "little-s-law", Name: "Little’s law", Also: []string{"Little's law"}, Lesson: "how-long-do-i-wait", Source: "John Little, Operations Research, 1961",
		Means: "Requests in flight = arrival rate × time that each one takes. So a dependency that gets ten times slower holds ten times as many."},
	{ID: "open-loop", Name: "open loop", Also: []string{"open-loop"}, Lesson: "why-randomness", Source: "Schroeder, Wierman and Harchol-Balter, NSDI 2006",
		Means: "Load that arrives whether or not earlier requests have been answered, as readers do. In a closed loop each client waits for its answer first, so a slow server is asked less and looks better than it is."},
	{ID: "p99", Name: "p99", Also: []string{"99th percentile"}, Lesson: "how-long-do-i-wait",
		Means: "The latency that 99 of 100 requests stay below. The one above it is met by anybody who loads a page of a hundred parts."},
	{ID: "provenance", Name: "provenance", Lesson: "how-available-is-this-page",
		Means: "What is known of where a value came from: its source, its age, how many tries it took, and what went wrong on the way. In Afloat each part of a page carries one."},
	{ID: "tail-latency", Name: "tail latency", Lesson: "one-copy-is-slow", Source: "Dean and Barroso, “The Tail at Scale”, CACM 2013",
		Means: "The latency of the slowest few requests in a hundred. A page that waits for many parts is as slow as the slowest of them, so their tail becomes its rule."},
}
