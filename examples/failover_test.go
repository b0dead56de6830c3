package examples_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

func Example_severalHosts() {
	config, _ := pgconn.ParseConfig("postgres://blog@10.88.0.51,10.88.0.52,10.88.0.53/blog" +
		"?sslmode=disable&target_session_attrs=read-write")
	dials := 0
	config.DialFunc = func(_ context.Context, _, address string) (net.Conn, error) {
		dials++
		return nil, errors.New(address + " refuses")
	}
	for range 3 { // tries of a call, a layer above the driver's turn through its hosts
		_, err := pgconn.ConnectConfig(context.Background(), config)
		var nothingSent *pgconn.ConnectError
		fmt.Println(dials, "dials;", errors.As(err, &nothingSent), pgconn.SafeToRetry(err))
	}
	// Output:
	// 3 dials; true false
	// 6 dials; true false
	// 9 dials; true false
}
