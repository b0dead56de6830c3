package capstone

import (
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// The cases that cost a part of the page.

func cutWithoutStale() Case {
	return Case{
		Fault: lab.Order{Link: "postgres", Kind: string(fault.Reset)}, Part: "postgres", Lacks: policy.Stale, Page: articlePage, Warm: true,
		Finding: "Connections to Postgres are cut, and without stale copies the comments are gone as soon as their last copy is older than a second and a half.",
		Clues: []Clue{
			{
				"The patient’s X-ray:", "“comments” are missing at this reload and at the next, and don’t come back, though this patient ran before the link broke and had them.",
				func(e Evidence) bool {
					c := e.Patient.Parts["comments"]
					return c.Looks > 0 && c.share("missing") > 0.6 && c.Back == 0 || e.Patient.mostly(e.Patient.Errors)
				},
			},
			{
				"The protected blog’s X-ray:", "the same comments are stale, with their age. It asks the same Postgres, so what it has beyond the patient is an old copy that may stand in.",
				func(e Evidence) bool {
					return e.Blog.mostly(e.Blog.OK) && e.Blog.Parts["comments"].share("stale") > 0.6
				},
			},
			{
				"The error and the breaker:", "“reset” or “closed” at first, then “breaker open”, on both. So calls do end, quickly, and the breaker is there: deadlines and breaker are not what is missing.",
				func(e Evidence) bool {
					p, b := e.Patient.Parts["comments"], e.Blog.Parts["comments"]
					return (p.cut() || p.Errs["breaker open"] > 0) && (b.cut() || b.Errs["breaker open"] > 0)
				},
			},
		},
		Story: []string{
			"Wait for a minute, and the patient’s article goes too: its copies live for half a minute, in memory and in Redis, and when they are over there is no older one and no snapshot. The protected blog serves the article all the while.",
		},
		Read: []lab.Reference{lesson("is-old-good-enough", "Is old good enough?")},
	}
}

func flakyWithoutStale() Case {
	return Case{
		Fault: lab.Order{Link: "postgres", Kind: string(fault.Flaky), Rate: 0.2}, Part: "postgres", Lacks: policy.Stale, Page: articlePage, Warm: true,
		Finding: "One of five exchanges with Postgres fails, and without stale copies each failure leaves a gap where the comments were a moment ago.",
		Clues: []Clue{
			{
				"Several reloads of the patient:", "“comments” come and go. A link that refuses, hangs or cuts everything does not come back for one reload; a slow one does not fail.",
				func(e Evidence) bool {
					c := e.Patient.Parts["comments"]
					return c.share("missing") > 0.05 && c.Back > 0
				},
			},
			{
				"Its X-ray:", "where they are missing, the error is “reset” or “closed” after a moment: the connection broke in the middle of an exchange.",
				func(e Evidence) bool { return e.Patient.Parts["comments"].cut() },
			},
			{
				"The protected blog’s X-ray:", "where the same exchange fails there, “comments” are stale, with their age, and never missing. What the patient lacks is the old copy.",
				func(e Evidence) bool {
					c := e.Blog.Parts["comments"]
					return e.Blog.mostly(e.Blog.OK) && c.share("stale") > 0 && c.share("missing") == 0
				},
			},
		},
		Story: []string{
			"Was it not the retries? Look at the tries: both blogs mostly make 1. A retry is paid out of a budget, to which each call adds a tenth, and one reader’s calls are few: at such a rate neither blog can afford many. The budget keeps retries from drowning a dependency; that it spares thin traffic nothing is its price.",
		},
		Read: []lab.Reference{lesson("is-old-good-enough", "Is old good enough?"), lesson("why-is-it-still-down", "Why is it still down?")},
	}
}

func hangsWithoutBreaker() Case {
	return Case{
		Fault: lab.Order{Link: "recommendations", Kind: string(fault.Hang)}, Part: "recommendations", Lacks: policy.Breaker, Page: articlePage,
		Finding: "The recommendations service accepts connections and never answers, and without a breaker every reader’s page asks it once more and waits in vain.",
		Clues: []Clue{
			{
				"The patient’s X-ray:", "“recommendations” are missing, and no other part is. So it is this one dependency.",
				func(e Evidence) bool {
					return e.Patient.mostly(e.Patient.OK) && e.Patient.Parts["recommendations"].share("missing") > 0.8 && e.Patient.Parts["comments"].share("missing") < 0.5
				},
			},
			{
				"Tries and time:", "100 ms for each try, with the error “timeout”, at this reload, at the next and at every one after it. A try waits for the whole of its deadline: nothing comes back, not even a refusal.",
				func(e Evidence) bool {
					r := e.Patient.Parts["recommendations"]
					return r.mostlyAsked() && r.typical() >= 90*ms && r.Errs["timeout"] > 0
				},
			},
			{
				"The breaker in the caption:", "there is none, on any part. After so many failures in a row one would be open, and the next reload would be told so in no time.",
				func(e Evidence) bool {
					return e.Patient.Parts["recommendations"].without() && e.Patient.Parts["comments"].without() && !e.Blog.Parts["comments"].without()
				},
			},
		},
		Story: []string{
			"Deadlines are there, or the page would never end; isolation is there, or it would be an error. Stale copies can’t show what they do here: this patient started after the link had broken, and never had one.",
		},
		Read: []lab.Reference{lesson("when-do-i-stop-calling", "When do I stop calling?")},
	}
}
