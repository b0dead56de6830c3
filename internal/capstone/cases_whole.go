package capstone

import (
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

const ms = time.Millisecond

// The cases that cost the whole page: an error, no page at all, a late one.

func refusedWithoutIsolation() Case {
	return Case{
		Fault: lab.Order{Link: "redis", Kind: string(fault.Refuse)}, Part: "popular", Lacks: policy.Isolation, Page: homePage,
		Finding: "Redis refuses connections, what is popular can’t be had, and without isolation the least of the parts takes the whole page with it.",
		Clues: []Clue{
			{
				"The patient’s page:", "an error page in place of a list of articles that is there. Something that a page can do without has taken it down.",
				func(e Evidence) bool { return e.Patient.mostly(e.Patient.Errors) },
			},
			{
				"How soon it comes:", "within milliseconds. Nothing was waited for, so nothing hangs and nothing is slow: it was refused or cut.",
				func(e Evidence) bool { return e.Patient.Median < 200*ms },
			},
			{
				"An article on the patient:", "it does come. It is sent while its parts are still being asked for, so none of them can take it back. Only “popular” is missing there, and its error is “refused”.",
				func(e Evidence) bool {
					p := e.Beside.Parts["popular"]
					return e.Beside.mostly(e.Beside.OK) && p.share("missing") > 0.8 && p.Errs["refused"] > 0 && e.Beside.Parts["comments"].share("missing") < 0.5
				},
			},
			{
				"The same page on the protected blog:", "whole, for “popular” too has a copy there, which counts as cached for half a minute and as stale after that.",
				func(e Evidence) bool { return e.Blog.mostly(e.Blog.OK) },
			},
		},
		Story: []string{"Of the protections only isolation stands between an optional part’s error and the page’s. Had it been there, the page would have come with a gap where “popular now” stands, as it does on the protected blog with a copy in that place."},
		Read:  []lab.Reference{lesson("what-may-fail", "What may fail?")},
	}
}

func hangsWithoutDeadline() Case {
	return Case{
		Fault: lab.Order{Link: "postgres", Kind: string(fault.Hang)}, Part: "postgres", Lacks: policy.Deadline, Page: articlePage,
		Finding: "Postgres accepts connections and never answers, and without deadlines the page waits for as long as it does.",
		Clues: []Clue{
			{
				"The patient’s page:", "it does not come, and neither does an error. A call that is refused, cut or made to fail comes to an end; only one that hangs does not.",
				func(e Evidence) bool { return e.Patient.mostly(e.Patient.Waiting) },
			},
			{
				"The protected blog’s X-ray:", "“comments” are stale. They come from Postgres, and the error is “timeout” or, once enough calls have timed out, “breaker open”.",
				func(e Evidence) bool {
					c := e.Blog.Parts["comments"]
					return e.Blog.mostly(e.Blog.OK) && c.share("stale") > 0.6 && c.Errs["timeout"]+c.Errs["breaker open"] > 0
				},
			},
			{
				"How soon the protected page comes:", "at once, or after a fraction of a second. It gives up on the same link after a fixed time; the patient does not.",
				func(e Evidence) bool { return e.Blog.Longest < time.Second },
			},
		},
		Story: []string{
			"The patient has copies, a breaker and retries. None of them helps: a retry comes after a failure, a breaker counts failures, a stale copy steps in for a failure, and a call without a deadline never fails.",
		},
		Read: []lab.Reference{lesson("how-long-do-i-wait", "How long do I wait?")},
	}
}

// slower is far below the deadline of an attempt even where a ping comes before the query, so that nothing fails.
const slower = 15 * ms

func slowWithoutCache() Case {
	return Case{
		Fault: lab.Order{Link: "postgres", Kind: string(fault.Slow), Latency: slower}, Part: "postgres", Lacks: policy.Cache, Page: homePage, Warm: true,
		Finding: "Each exchange with Postgres takes 15 ms longer, and without a cache every reader waits for it.",
		Clues: []Clue{
			{
				"The patient’s page:", "whole at each reload, and late. Nothing fails, so nothing is refused, cut or hangs.",
				func(e Evidence) bool {
					return e.Patient.mostly(e.Patient.OK) && e.Patient.Median >= slower && e.Patient.Median > 2*e.Blog.Median
				},
			},
			{
				"The patient’s X-ray:", "“list” is asked for at every reload, and each call takes 15 ms or more. A list that somebody has read a moment ago need not be asked for.",
				func(e Evidence) bool {
					l := e.Patient.Parts["list"]
					return l.mostlyAsked() && l.typical() >= slower
				},
			},
			{
				"The protected blog’s X-ray:", "the same list comes from memory, without a try: readers don’t wait for Postgres there, whether it is slow or not.",
				func(e Evidence) bool { l := e.Blog.Parts["list"]; return l.Looks > 0 && 2*l.Asked < l.Looks },
			},
			{
				"“Popular now” on the patient:", "asked for at each reload too, and quick. So Redis is well, and the delay is on the way to Postgres.",
				func(e Evidence) bool {
					p := e.Patient.Parts["popular"]
					return p.mostlyAsked() && p.Quickest < slower
				},
			},
		},
		Story: []string{"A slow dependency is the fault that error rates don’t show. What shows it is the time of a single call, which the X-ray tells for each part."},
		Read:  []lab.Reference{lesson("is-old-good-enough", "Is old good enough?")},
	}
}
