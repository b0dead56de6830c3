package experiments

import (
	"context"
	"errors"
	"fmt"

	"afloat/internal/lab"
)

var (
	stripeKeys  = lab.Reference{Text: "Stripe API reference, v1: Idempotent requests", URL: "https://docs.stripe.com/api/idempotent_requests"}
	ourComments = lab.Reference{Text: "internal/store/comments.go", URL: "/source/internal/store/comments.go"}
	ourPosting  = lab.Reference{Text: "internal/lab/experiments/idempotency_writes.go", URL: "/source/internal/lab/experiments/idempotency_writes.go"}
)

// The three ways to post that are compared; each differs in one thing from the one before.
var posters = []struct {
	name          string
	keyed, pruned bool
}{
	{name: "no key"},
	{name: "key, kept for good", keyed: true},
	{name: "key, pruned too soon", keyed: true, pruned: true},
}

var _ = register(70, &lab.Experiment{
	Name: "idempotency", Code: "E11", Title: "Did I post twice?",
	Question: "A hundred readers send a comment each. In one case of five the comment is written and the answer gets lost on its way back, so the reader's client sends it again, up to three times in all. How many comments are there?",
	Choices:  []string{"100: what failed was not written", "About 120", "About 124, and about one reader was told that it failed"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Callers write comments into a table of the experiment's own, in a schema that is made and dropped, by the statement by which the blog writes its own. A share of the replies, drawn with the seed, is lost after the commit: it has arrived, and the connection is reset before it is read. Clients then wait and try again, through the blog's own resilience.Guard. The same callers come, at the same moments and with the same replies lost, without an idempotency key, with one that is kept for good, and with one that the server forgets before the client tries again.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of each way", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "20"},
		{Name: "lost", Label: "share of tries whose reply is lost", Unit: "%", Kind: lab.Float, Default: "20", Min: "1", Max: "60"},
		{Name: "attempts", Label: "attempts of a call, the first included", Unit: "attempts", Kind: lab.Int, Default: "3", Min: "1", Max: "5"},
		{Name: "rate", Label: "callers", Unit: "calls/s", Kind: lab.Float, Default: "100", Min: "10", Max: "200"},
		{Name: "for", Label: "time of each run", Kind: lab.Duration, Default: "4s", Quick: "1500ms", Min: "1s", Max: "30s"},
		{Name: "wait", Label: "wait before trying again", Kind: lab.Duration, Default: "300ms", Min: "300ms", Max: "2s"},
		{Name: "keep", Label: "how long keys are kept that are pruned too soon", Kind: lab.Duration, Default: "80ms", Min: "20ms", Max: "100ms"},
	},
	Load:     lab.Load{Callers: "callers who write one comment each", Rate: 100, Words: "open loop, Poisson arrivals, the same for each way"},
	Measures: []string{"callers who were told that their comment was written", "statements carried out at Postgres, rows written, and duplicates for 100 calls"},

	Expect: []lab.Expectation{
		{Claim: "without a key, duplicates for 100 calls: 100 × (p + p² + …), a further row for each attempt after the first; 24 with p = 20 % and 3 attempts", Tolerance: "± 4 standard errors of the calls made", Source: ourPosting},
		{Claim: "without a key there is a row for each try", Tolerance: "exact", Source: ourPosting},
		{Claim: "with a key that is kept: none", Tolerance: "exact", Source: ourComments},
		{Claim: "with a key that is pruned before the client tries again: as many as without", Tolerance: "± 4 standard errors and a tenth", Source: stripeKeys},
		{Claim: "in each way the callers are told the same: 1 − p^attempts of them, that it succeeded", Tolerance: "± 4 standard errors, and equal", Source: ourPosting},
	},
	Explain: []string{
		"A lost answer is not a lost write. The client can't tell a statement that never arrived from one whose answer didn't: both are silence. If it doesn't try again, some comments are missing; if it does, some are there twice. With p of the replies lost, a call makes 1 + p + p² tries on average, and without a key each try is a row.",
		"A key makes trying again harmless. It is made once, where the comment is written, and sent with each try; the server has a unique constraint on it, and a try whose key is there finds its own row. One statement does both, so two tries at the same moment can't slip through between a look and a write.",
		"What the callers are told is the same with and without a key: of 1,000 callers 8 lose all three replies, and believe that it failed. All of theirs are written. A key doesn't tell them; it makes it safe to press the button once more.",
		"The key also says which content it stands for: the blog keeps a hash of it, and refuses the key with another comment. So does Stripe, see the last table.",
	},
	Hurts: []string{
		"Keys expire. Here they are pruned before the clients try again, and the duplicates are back: see the third row. Keep keys for longer than anybody's client keeps trying, queues and offline phones included. The blog's keys are in the rows of its comments, and live as long.",
		"Stored errors replay. A server that saves its first answer gives it again, a 500 included: Stripe's API v1 does so once execution has begun. The client that tries again with the same key gets the same error, long after its cause has gone, and the one that takes a new key may do the work twice.",
		"A key made anew for each try is none. It has to be made before the first one, and live where a reload or a restart finds it.",
		"It covers what is in its transaction. An e-mail sent beside it, or a call to somebody else's service, needs a key of its own.",
	},
	Sources: []lab.Reference{stripeKeys, ourComments, ourPosting, {Text: "migrations/00001_blog.sql", URL: "/source/migrations/00001_blog.sql"}},
	Run:     idempotency,
})

func idempotency(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	retries := v.Int("attempts") - 1
	if err := bearable(v.Float("rate"), v.Float("lost")/100, retries); err != nil {
		return lab.Result{}, err
	}
	book, err := newGuestbook(ctx, rig)
	if err != nil {
		return lab.Result{}, err
	}
	defer book.close()
	all, trials := make([]posted, len(posters)), v.Int("trials")
	per100 := make([][]float64, len(posters))
	for trial := range trials {
		seed := v.Seed()<<8 + uint64(trial)
		at, err := arrivals(seed, span{v.Float("rate"), v.Duration("for")})
		if err != nil {
			return lab.Result{}, err
		}
		for i, way := range posters {
			p := posting{at: at, seed: seed, lost: v.Float("lost") / 100, attempts: v.Int("attempts"), wait: v.Duration("wait"), keyed: way.keyed}
			if way.pruned {
				p.keep = v.Duration("keep")
			}
			say := fmt.Sprintf("%s, trial %d of %d", way.name, trial+1, trials)
			err := during(tell, stageOf(trial*len(posters)+i, trials*len(posters), v.Duration("for"), say), func() error {
				got, err := book.post(ctx, p)
				all[i].add(got)
				per100[i] = append(per100[i], got.per100())
				return err
			})
			if err != nil {
				return lab.Result{}, err
			}
		}
	}
	if all[0].calls == 0 {
		return lab.Result{}, errors.New("no caller came in the time given: raise the rate or the time")
	}
	return postedTold(all, per100, v), nil
}
