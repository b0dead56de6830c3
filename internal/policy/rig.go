package policy

import "time"

// Rig is how the lab's own clients, readers and processes are set up: those of
// its experiments, which have none of the table's protections.
type Rig struct {
	Postgres Postgres
	Redis    RedisLib
	HTTP     HTTP
	Patience time.Duration // longest wait for one answer of the recommendations service

	Readers     float64       // built-in readers a second, unless told otherwise
	ReadersFor  time.Duration // and for how long
	ReadersWait time.Duration // longest wait of one reader; also of an experiment's, unless it says otherwise
	Grace       time.Duration // how long the readers' process may take to end when told to
	Follow      time.Duration // between two looks whether the custom server is under the blog's faults
	Warm        time.Duration // how long a whole system of one's own may take until all of it serves
	Ask         time.Duration // between two looks whether it does
	Tell        time.Duration // a run without a terminal says how far it is this often
}

// LabRig is the one value of [Rig].
func LabRig() Rig {
	return Rig{
		// Callers bound their own waits; a second is above all of those, and gives
		// a connection that a link swallowed back two seconds after it heals.
		Postgres: Postgres{ConnectTimeout: time.Second, PingTimeout: time.Second, PingIdle: time.Second, ReadCap: time.Second, MaxConns: 32},
		Redis:    RedisLib{HeedContext: true, DialTimeout: time.Second, ReadTimeout: time.Second, PoolTimeout: time.Second, PoolSize: 64, SentinelTimeout: time.Second / 2, SentinelEvery: time.Second},
		HTTP:     HTTP{DialTimeout: time.Second, MaxIdlePerHost: 256}, // as many connections as there are callers
		Patience: 5 * time.Second,

		Readers:     20, // enough to draw a chart with, and no work for the machine
		ReadersFor:  5 * time.Minute,
		ReadersWait: 30 * time.Second, // as long as browsers and people have patience
		Grace:       2 * time.Second,
		Follow:      50 * ms,
		Warm:        2 * time.Minute, // initdb on a slow disk, and a first publication
		Ask:         100 * ms,
		Tell:        time.Second,
	}
}

// Work is the limits of the lab's stand-in for a server that slows down as it
// fills up, which the recommendations service has where its LAB is on.
type Work struct {
	InFlight int           // requests at once; more get a 503
	Base     time.Duration // longest that a request may ask to take by itself
	Slope    time.Duration // and longer for each one in flight
}

// LabWork is the one value of [Work].
func LabWork() Work {
	return Work{
		InFlight: 5000,        // each a connection and a goroutine, about 100 MB in all
		Base:     time.Second, // with the slope's, 21 s at the most: within the server's WriteTimeout
		Slope:    4 * ms,
	}
}
