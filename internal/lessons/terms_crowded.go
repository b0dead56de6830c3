package lessons

// What is crowded: more work than there is room for.
var crowdedTerms = []Term{
	{ID: "adaptive-throttling", Name: "adaptive throttling", Also: []string{"client-side throttling"}, Lesson: "too-much-traffic", Source: "Site Reliability Engineering, O’Reilly, 2016, chapter 21",
		Means: "Clients refuse part of their own requests once too few of them are accepted, so that a server in overload need not even say no."},
	{ID: "backpressure", Name: "backpressure", Lesson: "too-much-traffic",
		Means: "Making whoever sends slow down when the receiver can’t keep up, instead of storing what there is no time for."},
	{ID: "bounded-queue", Name: "bounded queue", Lesson: "too-much-traffic",
		Means: "A queue that refuses what does not fit. An unbounded one grows until everybody in it has stopped waiting, and then serves nobody in time."},
	{ID: "cascading-failure", Name: "cascading failure", Lesson: "why-is-it-still-down",
		Means: "A failure that spreads: the load of the part that died goes to its neighbours, and is too much for them."},
	{ID: "load-shedding", Name: "load shedding", Also: []string{"shedding", "shed load"}, Lesson: "too-much-traffic",
		Means: "Refusing some requests at once and cheaply, the least important first, so that the rest are answered in time."},
	{ID: "metastable-failure", Name: "metastable failure", Also: []string{"metastability", "metastable"}, Lesson: "why-is-it-still-down", Source: "Bronson and others, HotOS 2021",
		Means: "A failure that stays after what triggered it is gone, because its own consequences, such as retries, keep it going."},
}
