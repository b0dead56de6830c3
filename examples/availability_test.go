package examples_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
)

// Two copies behind one chooser, and the chooser is the driver: pgx dials the
// hosts in turn until one takes the connection.
func Example_secondCopy() {
	config, err := pgx.ParseConfig("postgres://blog@pg1,pg2/blog?sslmode=disable&target_session_attrs=read-write")
	if err != nil {
		fmt.Println(err)
		return
	}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = func(_ context.Context, _, addr string) (net.Conn, error) {
		fmt.Println("dialled", addr)
		return nil, errors.New("refused")
	}
	_, err = pgx.ConnectConfig(context.Background(), config)
	fmt.Println("connected:", err == nil)
	// Output:
	// dialled pg1:5432
	// dialled pg2:5432
	// connected: false
}
