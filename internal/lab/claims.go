package lab

import "afloat/internal/policy"

// A Claim is a statement on how Afloat behaves, with the lines that make it so
// and the test that proves it. The counter-proof is part of it: without the
// protection, that same test has to fail, at the assertion named here. `make
// prove` carries out both.
type Claim struct {
	Says    string            // in one sentence
	Pages   []string          // of the lab, where it is shown
	File    string            // of the source
	Line    string            // text of the line there, which can't rot as a number would
	Package string            // directory of the test
	Test    string            // its function
	Without policy.Protection // what is switched off for the counter-proof
	Fails   string            // text of what the test then reports
}

// The lab's pages that show claims.
const (
	TwinPage         = "twin"
	ProtectionsPage  = "protections"
	AvailabilityPage = "availability"
)

var claims = []Claim{
	{
		Says:    "An optional part that panics costs itself only: the page around it is whole, and a 200.",
		Pages:   []string{TwinPage, ProtectionsPage, AvailabilityPage},
		File:    "internal/resilience/isolate.go",
		Line:    "func Isolate[",
		Package: "internal/web", Test: "TestPanicsStayInTheirPart",
		Without: policy.Isolation, Fails: "status 500, want 200",
	},
	{
		Says:    "A part that hangs has given up, with its reason, before the slots of the page close.",
		Pages:   []string{TwinPage, ProtectionsPage},
		File:    "internal/resilience/deadline.go",
		Line:    "func Deadline[",
		Package: "internal/widgets", Test: "TestWidgetsFailAlone",
		Without: policy.Deadline, Fails: "failed after 1h0m0s, past the slot of 300ms",
	},
	{
		Says:    "Who reads an article again within a second gets the copy in memory, and asks the database nothing.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/cache.go",
		Line:    "func (c *Cache[T]) Get(",
		Package: "internal/store", Test: "TestEveryRungOfTheLadder",
		Without: policy.Cache, Fails: `fresh from postgres (<nil>); want "First.", fresh from memory`,
	},
	{
		Says:    "An article stays readable while Postgres and Redis hang, even on a server that starts in the middle of it.",
		Pages:   []string{TwinPage, ProtectionsPage, AvailabilityPage},
		File:    "internal/store/ladder.go",
		Line:    "func (l *ladder[T]) fetch(",
		Package: "internal/store", Test: "TestStartWithEverythingHung",
		Without: policy.Stale, Fails: "reading one: no rung of the ladder could answer",
	},
	{
		Says:    "200 readers who find an article expired at the same moment cost the database one query.",
		Pages:   []string{TwinPage, ProtectionsPage},
		File:    "internal/resilience/coalesce.go",
		Line:    "func (c *Coalescer[T]) Do(",
		Package: "internal/store", Test: "TestReadersWhoMissTogetherShareOneQuery",
		Without: policy.Coalescing, Fails: "200 readers made 200 queries",
	},
	{
		Says:    "A call that fails once, for a moment’s reason, succeeds all the same, at its second attempt.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/retry.go",
		Line:    "func Retry[",
		Package: "internal/resilience", Test: "TestCallReportsWhatItTook",
		Without: policy.Retry, Fails: "connection refused; want {Attempts:2 Took:20ms Breaker:closed}",
	},
	{
		Says:    "The pauses before further attempts double, up to a limit.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/backoff.go",
		Line:    "func (b Backoff) Ceiling(",
		Package: "internal/resilience", Test: "TestRetryWaitsBetweenAttempts",
		Without: policy.Backoff, Fails: "waited 0s, want 55ms",
	},
	{
		Says:    "A thousand callers who failed together come back spread over the whole of their first pause.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/backoff.go",
		Line:    "func (b Backoff) Delay(",
		Package: "internal/resilience", Test: "TestRetriesOfThoseWhoFailedTogetherAreSpread",
		Without: policy.Jitter, Fails: "1000 of 1000 callers came back within the same 10ms",
	},
	{
		Says:    "When every query fails, retries add no more than a tenth to them.",
		Pages:   []string{TwinPage, ProtectionsPage},
		File:    "internal/resilience/budget.go",
		Line:    "func (b *Budget) Withdraw(",
		Package: "internal/store", Test: "TestRetriesStayWithinTheirBudget",
		Without: policy.RetryBudget, Fails: "3.00 queries a call, want at most 1.1",
	},
	{
		Says:    "An open circuit breaker answers at once and asks the dependency nothing; one good probe closes it.",
		Pages:   []string{TwinPage, ProtectionsPage},
		File:    "internal/resilience/breaker.go",
		Line:    "func (b *Breaker) Allow(",
		Package: "internal/resilience", Test: "TestCallBreakerEndsRetries",
		Without: policy.Breaker, Fails: "want no attempt and no time",
	},
	{
		Says:    "Whoever finds all places of a bulkhead taken is told so after its short wait, 20 ms for an article.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/bulkhead.go",
		Line:    "func (b *Bulkhead) Acquire(",
		Package: "internal/resilience", Test: "TestCallBulkheadHoldsOnePlaceACall",
		Without: policy.Bulkhead, Fails: "<nil>; want ErrFull after 20ms",
	},
	{
		Says:    "Where one copy of a call is stuck, a second one answers, and the slow one is nobody’s failure.",
		Pages:   []string{ProtectionsPage},
		File:    "internal/resilience/hedge.go",
		Line:    "func Hedge[",
		Package: "internal/resilience", Test: "TestGuardHedges",
		Without: policy.Hedge, Fails: "no answer within 100ms: context deadline exceeded; want the second copy's answer",
	},
	{
		Says:    "A server that fills up refuses searches first, then lists, and articles last; the lab and health checks never.",
		Pages:   []string{ProtectionsPage, AvailabilityPage},
		File:    "internal/web/shed.go",
		Line:    "func (s *Server) shed(",
		Package: "internal/web", Test: "TestShedsTheLeastImportantFirst",
		Without: policy.Shedding, Fails: "/search?q=retry: status 200, want 503",
	},
}

// Claims lists all claims, in the order of the protections.
func Claims() []Claim { return claims }
