package lessons

// Plan is a class, minute by minute.
type Plan struct {
	ID      string
	Name    string
	Minutes int
	For     string // whom and what for
	Steps   []Step
}

// Step is a part of a plan. Its texts are plain.
type Step struct {
	Minutes int
	Title   string
	Lesson  string   // slug of the lesson that is on the screen; "" for none
	Do      []string // what to click
	Type    []string // what to type, each a command
	Ask     string   // before it is shown
	Expect  string   // what the class should come to, and what is to be seen
}

// Timed is a step with the minute at which it begins and ends.
type Timed struct {
	Step
	From, To int
}

// Plans are those of the teacher's guide, the shorter first.
func Plans() []Plan { return []Plan{shortPlan, longPlan} }

// Timed are the plan's steps with their minutes.
func (p Plan) Timed() []Timed {
	var all []Timed
	from := 0
	for _, s := range p.Steps {
		all = append(all, Timed{s, from, from + s.Minutes})
		from += s.Minutes
	}
	return all
}

// Steps that both plans have. Each ends with healthy links.

func opening(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "The page that will be broken", Lesson: "how-available-is-this-page",
		Do:     []string{"Open the first lesson and scroll once to its end.", "Press x. The X-ray outlines the page’s parts and says where each came from."},
		Ask:    "Which of these parts must work for you to read? If each of three is up 99.9 % of the time, how often is the whole page?",
		Expect: "Only the article must. If all three were needed, 0.999 × 0.999 × 0.999 = 99.7 %, about 129 minutes a month without a page: more than any of them alone.",
	}
}

func hangPostgres(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "The database hangs", Lesson: "what-may-fail",
		Do: []string{
			"Let everybody write down a prediction first.",
			"At the foot: Break something, Postgres, hang. Wait until it says confirmed.",
			"Reload. Then open the naive twin, linked beside it: the same page without protections.",
			"Make everything healthy.",
		},
		Ask:    "What will a reader of this page see, and when? And a reader of the twin?",
		Expect: "The article comes at once, from memory. Within three seconds its sign goes from cached to stale, and the comments say how old they are. The twin’s tab spins.",
	}
}

func slowOrDead(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "Slow is worse than dead", Lesson: "how-long-do-i-wait",
		Do: []string{
			"Recommendations: refuse. Open a lesson that nobody has read since the blog was started, here and on the twin.",
			"Recommendations: hang. Open another such lesson, here and on the twin. Make everything healthy.",
		},
		Ask:    "Which is worse for a server: a dependency that refuses, or one that never answers?",
		Expect: "The one that never answers. A refusal costs next to nothing; a wait holds a request for as long as you are willing. Here the slot closes after 300 ms, and the article was there before that.",
	}
}

func jitterRun(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "Why randomness?", Lesson: "why-randomness",
		Do:     []string{"Scroll to the experiment and start it with Run it here. It draws as it goes.", "Collect predictions while it runs."},
		Ask:    "A hundred clients collide and try again. Who is done first, and who makes the fewest writes: no wait, doubling waits, or random ones?",
		Expect: "Without any wait it is done first, with the most writes: about 2,423 in the simulation. Doubling alone is the slowest, at 63.6 s. Full jitter makes the fewest, about 796. If the row were a struggling server, the writes would be the outage.",
	}
}

func metastableRun(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "The trigger is gone, the failure stays", Lesson: "why-is-it-still-down",
		Do:     []string{"Run the experiment. While it runs, draw the loop on the board: slow, timeout, retry, slower."},
		Ask:    "The spike lasted half a second. Load is what it was before. Why does nobody get an answer? How would you get it going again?",
		Expect: "The retries keep it full: three tries for each caller, and each of them too late. What ends it is less work: a retry budget, shedding, or turning callers away. Throughput is high all the time, goodput is zero.",
	}
}

func oldCopies(minutes int) Step {
	return Step{
		Minutes: minutes, Title: "Is old good enough?", Lesson: "is-old-good-enough",
		Do:     []string{"Hang all three: Postgres, Redis and recommendations. Reload this lesson, and open one that nobody has read.", "Make everything healthy."},
		Ask:    "Everything that the blog depends on is gone. What can it still show? What in your own system must never be shown old?",
		Expect: "Every article, from memory or from a snapshot on the server’s own disk, each with its age. Never old: permissions, prices that bind, a balance, a consent that was withdrawn.",
	}
}
