package lessons

// path is the syllabus. A lesson stands behind everything that it needs; a test
// holds it to that.
var path = []Lesson{
	{
		Number: 1, Slug: "how-available-is-this-page", Question: "How available is this page?", Pattern: "Availability",
		Learn:       "Work out a page’s availability from its parts, and say when the formula lies.",
		Experiments: []string{"availability"},
	},
	{
		Number: 2, Slug: "what-may-fail", Question: "What may fail?", Pattern: "Critical path",
		Learn:       "Find a request’s critical path, isolate everything else, and notice what you have isolated.",
		Needs:       []string{"how-available-is-this-page"},
		Experiments: []string{"swallowed", "ladder", "paired"},
	},
	{
		Number: 3, Slug: "how-long-do-i-wait", Question: "How long do I wait?", Pattern: "Timeouts",
		Learn:       "Choose a timeout from measured latencies, and pass one deadline down through every call.",
		Needs:       []string{"what-may-fail"},
		Experiments: []string{"timeouts", "paired"},
	},
	{
		Number: 4, Slug: "try-try-again", Question: "Try again?", Pattern: "Retries",
		Learn:       "Retry only what a second try can mend, in one layer, and know the load that it adds.",
		Needs:       []string{"how-long-do-i-wait"},
		Experiments: []string{"retry-policies", "amplification", "paired"},
	},
	{
		Number: 5, Slug: "why-randomness", Question: "Why randomness?", Pattern: "Jitter",
		Learn:       "Disperse a herd with full jitter, and say what no backoff can do.",
		Needs:       []string{"try-try-again"},
		Experiments: []string{"jitter", "backoff-limits"},
	},
	{
		Number: 6, Slug: "why-is-it-still-down", Question: "Why is it still down?", Pattern: "Metastability",
		Learn:       "Recognise a failure that outlasts its trigger, and cap retries with a budget so that it can’t.",
		Needs:       []string{"why-randomness", "try-try-again"},
		Experiments: []string{"metastable"},
	},
	{
		Number: 7, Slug: "did-i-post-twice", Question: "Did I post twice?", Pattern: "Idempotency",
		Learn:       "Make a write safe to repeat when its reply was lost after the commit.",
		Needs:       []string{"try-try-again"},
		Experiments: []string{"idempotency"},
	},
	{
		Number: 8, Slug: "when-do-i-stop-calling", Question: "When do I stop calling?", Pattern: "Breakers",
		Learn:       "Stop calls that are doomed, keep a slow dependency from taking every connection, and give each shard a breaker of its own.",
		Needs:       []string{"try-try-again", "how-long-do-i-wait"},
		Experiments: []string{"breaker", "paired"},
	},
	{
		Number: 9, Slug: "is-old-good-enough", Question: "Is old good enough?", Pattern: "Stale copies",
		Learn:       "Serve a stale copy in place of an error, with its age, and name what must never be served so.",
		Needs:       []string{"what-may-fail"},
		Experiments: []string{"stale", "paired"},
	},
	{
		Number: 10, Slug: "everyone-missed-at-once", Question: "Everyone missed at once?", Pattern: "Coalescing",
		Learn:       "Keep an expired copy from sending everybody to its origin at the same moment.",
		Needs:       []string{"is-old-good-enough", "why-randomness"},
		Experiments: []string{"stampede"},
	},
	{
		Number: 11, Slug: "can-a-safety-net-pull-you-under", Question: "Can a safety net pull you under?", Pattern: "Fallback",
		Learn:       "Tell a fallback that holds from one that turns a small outage into a large one.",
		Needs:       []string{"everyone-missed-at-once", "is-old-good-enough"},
		Experiments: []string{"safety-net", "paired"},
	},
	{
		Number: 12, Slug: "too-much-traffic", Question: "Too much traffic?", Pattern: "Shedding",
		Learn:       "Refuse the right requests early, so that goodput stays up when more comes than can be served.",
		Needs:       []string{"why-is-it-still-down", "how-long-do-i-wait"},
		Experiments: []string{"shedding"},
	},
	{
		Number: 13, Slug: "one-copy-is-slow", Question: "One copy is slow?", Pattern: "Hedging",
		Learn:       "Cut the tail with a second request after the p95, and know when that makes an overload worse.",
		Needs:       []string{"did-i-post-twice", "how-long-do-i-wait"},
		Experiments: []string{"hedging"},
	},
	{
		Number: 14, Slug: "a-server-dies", Question: "A server dies?", Pattern: "Failover",
		Learn:       "Say what a failover costs: failed requests, seconds until recovery, and writes that are lost.",
		Needs:       []string{"is-old-good-enough", "when-do-i-stop-calling"},
		Experiments: []string{"failover", "paired"},
	},
	{
		Number: 15, Slug: "what-is-broken", Question: "What is broken?", Pattern: "Capstone",
		Learn: "Find an unlabelled fault from its evidence, and name the protection that is missing.",
		Needs: []string{"a-server-dies", "one-copy-is-slow", "too-much-traffic", "can-a-safety-net-pull-you-under"},
	},
}
