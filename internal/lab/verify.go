package lab

import (
	"context"
	"time"

	"afloat/internal/fault"
)

// A line is a wire and what is known about it. The switchboard's mu guards it.
type line struct {
	Wire
	fault    fault.Fault // its zero Kind is a healthy link
	stamp    Stamp       // of the latest order, which may be over
	gen      int         // rises with each change of fault
	expiry   *time.Timer
	poke     chan struct{}      // a probe is due now
	cancel   context.CancelFunc // ends the probe under way
	tally    tally
	verdict  string
	saw      string
	probedAt time.Time
}

// status says what is known; the switchboard's mu is held.
func (l *line) status() Status {
	s := Status{
		Link: l.Link.Name(), Label: l.Label, Kind: Healthy,
		Confirmed: l.verdict == Confirmed, Verdict: l.verdict, Saw: l.saw, ProbedAt: l.probedAt,
		Stamp: l.stamp,
	}
	if f := l.fault; f.Kind != "" {
		s.Kind, s.Latency, s.Jitter, s.Rate = string(f.Kind), f.Latency, f.Jitter, f.Rate
		s.Until, s.Left = f.Until, max(0, time.Until(f.Until))
		s.Hidden = f.Hidden
	}
	return s
}

// put sets l's fault, or clears it where the kind is empty; s.mu is held.
func (s *Switchboard) put(l *line, f fault.Fault) {
	l.gen++
	l.fault, l.verdict, l.saw, l.probedAt, l.tally = f, Checking, "", time.Time{}, tally{}
	if l.expiry != nil {
		l.expiry.Stop()
	}
	if f.Kind == "" {
		l.Link.Clear()
	} else {
		l.Link.Set(f)
		gen := l.gen
		l.expiry = time.AfterFunc(time.Until(f.Until), func() { s.expire(l, gen) })
	}
	if f.Hidden { // the log is on the screen of whoever looks for it
		s.log.Info("link changed", "link", Hidden, "kind", Hidden, "left", l.status().Left)
	} else {
		s.log.Info("link changed", "link", l.Link.Name(), "kind", l.status().Kind, "left", l.status().Left)
	}
	if l.cancel != nil {
		l.cancel()
	}
	select {
	case l.poke <- struct{}{}:
	default: // one is waiting already
	}
}

// expire notes that a fault ended by itself, unless another has replaced it: a timer may fire while it is stopped.
func (s *Switchboard) expire(l *line, gen int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.gen == gen {
		s.put(l, fault.Fault{})
		s.bump()
	}
}

// watch probes l after each change, and every Limits.ProbeEvery, healthy or not, until ctx ends: a dependency may
// also fail without our help.
func (s *Switchboard) watch(ctx context.Context, l *line) {
	for ctx.Err() == nil {
		s.verify(ctx, l)
		select {
		case <-l.poke:
		case <-time.After(s.limits.ProbeEvery):
		case <-ctx.Done():
		}
	}
}

// verify probes l once and writes down what was seen, unless the fault changed meanwhile.
func (s *Switchboard) verify(ctx context.Context, l *line) {
	s.mu.Lock()
	select {
	case <-l.poke: // answered by the probe that begins now
	default:
	}
	gen, f, counts := l.gen, l.fault, l.tally
	within := s.limits.ProbeTimeout + 2*(f.Latency+f.Jitter) // a dial and an exchange are slowed
	probing, cancel := context.WithTimeout(ctx, within)
	l.cancel = cancel
	s.mu.Unlock()
	defer cancel()

	seen := look(probing, l.Probe, f.Kind, &counts)
	seen.within = within

	s.mu.Lock()
	defer s.mu.Unlock()
	over := f.Kind != "" && !time.Now().Before(f.Until) // the link ends its fault itself, before or after expire
	if over || l.gen != gen || ctx.Err() != nil {
		return
	}
	was := l.verdict
	l.verdict, l.saw = judge(f, seen, counts)
	l.tally, l.probedAt = counts, time.Now()
	if l.verdict != was && !f.Hidden {
		s.log.Info("link probed", "link", l.Link.Name(), "verdict", l.verdict, "saw", l.saw, "err", seen.err)
	}
	if l.verdict != was {
		s.bump()
	}
}

// look makes one exchange; on a flaky link it makes as many as count as a sample, and stops at an error that isn't
// the fault's.
func look(ctx context.Context, probe Probe, kind fault.Kind, counts *tally) sight {
	if kind != fault.Flaky {
		return timed(ctx, probe)
	}
	var seen sight
	for range sample {
		seen = timed(ctx, probe)
		if seen.err != nil && !isReset(seen.err) {
			break
		}
		counts.made++
		if seen.err != nil {
			counts.failed++
		}
	}
	return seen
}

// confirm returns the statuses of a link, or of All, once they are verified, ctx ends or Limits.ConfirmWait has passed.
func (s *Switchboard) confirm(ctx context.Context, link string) []Status {
	ctx, cancel := context.WithTimeout(ctx, s.limits.ConfirmWait)
	defer cancel()
	return s.verified(ctx, link)
}

// verified returns the statuses of a link, or of All, as soon as none is Checking or ctx ends.
func (s *Switchboard) verified(ctx context.Context, link string) []Status {
	for {
		s.mu.Lock()
		var statuses []Status
		checking := false
		for _, l := range s.lines {
			if link == All || l.Link.Name() == link {
				statuses = append(statuses, l.status())
				checking = checking || l.verdict == Checking
			}
		}
		changed := s.changed
		s.mu.Unlock()
		if !checking || ctx.Err() != nil {
			return statuses
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}
