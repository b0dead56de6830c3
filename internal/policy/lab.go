package policy

import "time"

// Lab is the limits of what the lab shows, and how it tells of it.
type Lab struct {
	Timeline  time.Duration // how far back the timeline goes, in whole seconds
	Marks     int           // events kept on the timeline
	Rates     time.Duration // rates are of the last this long, in whole seconds
	Settle    time.Duration // a second's figures are told this long after it has ended
	Heartbeat time.Duration // a stream of events carries a comment this often
	Retry     time.Duration // pause before a browser opens a lost stream again
	Write     time.Duration // a client that doesn't take an event within this long is dropped
	Clients   int           // streams open at once; more get a 503
}

// Capstone is the times of the lab's exercise.
type Capstone struct {
	For      time.Duration // a case is open this long
	Every    time.Duration // between two looks at the patient
	Patience time.Duration // longest wait for one page
	Looks    int           // kept: of more the oldest go
}

// CapstoneTimes is the one value of [Capstone].
func CapstoneTimes() Capstone {
	return Capstone{
		For:      10 * time.Minute, // a page, its X-ray, ten reloads and an answer take five; nobody else can use the lab meanwhile
		Every:    2 * time.Second,  // as a person reloads, above each part's Pause, so that every look asks the dependency again
		Patience: 3 * time.Second,  // ten times a page's budget: what has not come by then does not come
		Looks:    30,               // half a minute: what a part is like now, and not what it was like when the case began
	}
}

// LabLimits is the one value of [Lab].
func LabLimits() Lab {
	return Lab{
		Timeline:  10 * time.Minute, // a fault of the default length, what came before it and the recovery; about 5 MB
		Marks:     500,              // a breaker that flaps under a flaky link changes about once a second
		Rates:     10 * time.Second, // smooth enough to read, short enough to follow a fault
		Settle:    100 * ms,         // what was counted in a second's last instant is in by then, even on a busy machine
		Heartbeat: 10 * time.Second, // under any proxy's idle timeout
		Retry:     2 * time.Second,  // nothing is lost meanwhile: a stream resumes where it broke off
		Write:     5 * time.Second,  // a phone on a train gets over it; a client that sleeps must not hold a connection
		Clients:   50,               // a class of students; each costs a few writes a second
	}
}
