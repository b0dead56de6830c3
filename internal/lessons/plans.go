package lessons

var shortPlan = Plan{
	ID: "short", Name: "45 minutes", Minutes: 45,
	For: "One room, one screen, one machine. Whoever has written a web service can follow. Nothing needs Docker.",
	Steps: []Step{
		opening(5),
		hangPostgres(8),
		slowOrDead(7),
		jitterRun(8),
		metastableRun(8),
		oldCopies(5),
		{
			Minutes: 4, Title: "What will you change?",
			Do:     []string{"Leave the page of lessons on the screen."},
			Ask:    "Name one call in your own system that has no timeout, one that is retried in two layers, and one fallback that was never tried.",
			Expect: "Silence, then examples. Let each take one home: find it, and write down what it would do in an outage.",
		},
	},
}

var longPlan = Plan{
	ID: "long", Name: "90 minutes", Minutes: 90,
	For: "The same with writes, failover and the capstone, and time to try. Every two people need a machine; the fleet needs Docker on the teacher’s.",
	Steps: []Step{
		opening(6),
		hangPostgres(10),
		slowOrDead(8),
		jitterRun(10),
		metastableRun(10),
		{
			Minutes: 8, Title: "Did I post twice?", Lesson: "did-i-post-twice",
			Do: []string{
				"Write a comment, but do not send it. Postgres: reset, Redis: reset. Send it now.",
				"Make everything healthy. Send the same form again, twice.",
			},
			Ask:    "The form came back. Was the comment written or not? May the reader send it again?",
			Expect: "From outside nobody can tell. The form keeps its text and its idempotency key, so sending it again is safe: there is one comment, however often it was sent.",
		},
		oldCopies(7),
		{Minutes: 5, Title: "Break", Do: []string{"Start the fleet in place of the blog: stop that with Ctrl-C."}, Type: []string{"docker compose up -d"}},
		{
			Minutes: 11, Title: "A server dies", Lesson: "a-server-dies",
			Do:     []string{"Put the lab’s map beside the terminal. The demonstration shows each command before it runs, and goes on at Enter."},
			Type:   []string{"make demo-failover"},
			Ask:    "Before each step: who notices, how long will it take, and what is lost?",
			Expect: "PostgreSQL’s leader: some 20 s until a standby leads; reads go on, and comments wait in the outbox. Redis’s primary: 2 or 3 s. A server: nobody notices. All servers: the edge goes on with its copies, and what needs a server says so.",
		},
		{
			Minutes: 11, Title: "What is broken?", Lesson: "what-is-broken",
			Do:     []string{"In pairs, each on a blog of its own: start a case of the capstone and find the fault from its evidence."},
			Ask:    "Which part is broken, how, and which protection is missing? What told you, and what misled you?",
			Expect: "Several right ways. Have two pairs with the same case compare the evidence that they went by.",
		},
		{
			Minutes: 4, Title: "What will you change?",
			Ask:    "Name one call in your own system that has no timeout, one that is retried in two layers, and one fallback that was never tried.",
			Expect: "Let each take one home: find it, and write down what it would do in an outage.",
		},
	},
}
