package examples_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Two layers that both try again, and nobody who multiplied: failsafe-go's
// default of 3 tries around go-redis with its defaults.
func Example_twoLayers() {
	dials, retry := 0, retrypolicy.NewWithDefaults[string]()
	get := func(options redis.Options) int {
		dials = 0
		client := redis.NewClient(refusing(&options, &dials))
		defer client.Close()
		_, _ = failsafe.With(retry).Get(func() (string, error) { return client.Get(context.Background(), "key").Result() })
		return dials
	}
	fmt.Println("go-redis as it comes: ", get(redis.Options{}))
	fmt.Println("its commands once:    ", get(redis.Options{MaxRetries: -1}))
	fmt.Println("and its dials as well:", get(redis.Options{MaxRetries: -1, DialerRetries: 1}))
	// Output:
	// go-redis as it comes:  60
	// its commands once:     15
	// and its dials as well: 3
}

// refusing has every dial fail, as at a port where nobody listens, and leaves
// out the waits between tries, which change nothing of their number.
func refusing(o *redis.Options, dials *int) *redis.Options {
	logging.Disable()
	o.PoolSize = 100 // after so many failed dials go-redis stops dialling for a while
	o.MinRetryBackoff, o.MaxRetryBackoff = -1, -1
	o.DialerRetryBackoff = func(int) time.Duration { return 0 }
	o.Dialer = func(context.Context, string, string) (net.Conn, error) {
		*dials++
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	return o
}

// Which errors are worth another try is for the caller to say: by default
// failsafe-go tries again after any.
func Example_permanent() {
	errSyntax := errors.New("syntax error")
	tries := func(retry retrypolicy.RetryPolicy[string]) (n int) {
		_, _ = failsafe.With(retry).Get(func() (string, error) { n++; return "", errSyntax })
		return n
	}
	fmt.Println("as it comes:", tries(retrypolicy.NewWithDefaults[string]()))
	fmt.Println("told so:    ", tries(retrypolicy.NewBuilder[string]().AbortOnErrors(errSyntax).Build()))
	// Output:
	// as it comes: 3
	// told so:     1
}
