package lab

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"afloat/internal/load"
)

// A Rig is the running system as experiments use it. Whatever of it the machine lacks is nil or "", and an experiment
// that needs it says so in its error.
type Rig struct {
	Links *Switchboard

	Blog   string // base URL of the protected blog
	Naive  string // base URL of the naive twin
	Custom Custom

	// Readers sends page readers, from a process of its own, and returns each one's fate. It ends when ctx ends.
	Readers func(ctx context.Context, plan load.Plan) ([]load.Sample, error)

	// Postgres and Redis are clients without any protection but a bounded wait for each read, through the links that
	// the lab can break: for experiments whose callers drive a link without pages.
	Postgres *pgxpool.Pool
	Redis    *redis.Client
	// Services is the base URL of the recommendations service; Service asks it through its link.
	Services string
	Service  *http.Client

	Fleet string // path of the page that shows the fleet which this server is one of; "" where it stands alone

	Ask time.Duration // between two looks whether a server is healthy
	Log *slog.Logger
}

// Custom is the third process: the same blog with whichever protections are on.
type Custom interface {
	// Serve has it run with these protections, by their names in package policy, and critical parts, and returns its base URL once it answers. It
	// replaces the process that ran before.
	Serve(ctx context.Context, on []string, critical []string) (baseURL string, err error)
	// Running says what runs now; "" where nothing does.
	Running() (baseURL string, on []string, critical []string)
	// Stop ends the process.
	Stop()
}
