package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"afloat"
	"afloat/internal/config"
	"afloat/internal/content"
	"afloat/internal/local"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/web"
)

// withDatabase runs a task on the configured database; without one, on the
// private one: that of the blog running from here, or one started for the task.
// The task has to end within limit.
func withDatabase(ctx context.Context, in invocation, limit time.Duration, task func(context.Context, *store.DB) error) (err error) {
	cfg, err := config.FromEnv(in.getenv)
	if err != nil {
		return err
	}
	url := cfg.DatabaseURL.Reveal()
	if url == "" {
		var stop func() error
		if url, stop, err = privateDatabase(ctx, cfg); err != nil {
			return fmt.Errorf("no DATABASE_URL is set, and there is no private database: %w", err)
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	p := policy.Afloat()
	p.Postgres.ReadCap = 0
	db, err := store.OpenPostgres(url, (&net.Dialer{}).DialContext, p.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return task(ctx, db)
}

func privateDatabase(ctx context.Context, cfg config.Config) (url string, stop func() error, err error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	dir, err := local.DataDir(cfg.DataDir, cwd)
	if err != nil {
		return "", nil, err
	}
	home, err := local.Open(dir, childPolicy(policy.Serve().Child), logger(cfg))
	if errors.Is(err, local.ErrInUse) {
		running, err := local.ReadRunning(dir)
		if err == nil && running.PostgresURL == "" {
			err = errors.New("the blog that runs from here has none either")
		}
		return running.PostgresURL, func() error { return nil }, err
	}
	if err != nil {
		return "", nil, err
	}
	stop = func() error { return home.Close(context.WithoutCancel(ctx)) }
	if url, err = home.Postgres(ctx); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return url, stop, nil
}

func publish(ctx context.Context, in invocation) error {
	args, err := in.flags(1, nil)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return fmt.Errorf("name the directory of the articles\n%s", in.usage)
	}
	files, err := content.List(os.DirFS(args[0]), web.CheckEmbed(source.New(afloat.Source())))
	if err != nil {
		return fmt.Errorf("nothing was published from %s:\n%w", args[0], err)
	}
	return withDatabase(ctx, in, policy.Serve().Publish, func(ctx context.Context, db *store.DB) error {
		if _, err := store.Migrate(ctx, db, afloat.Migrations()); err != nil {
			return err
		}
		done, err := store.Publish(ctx, db, files)
		if err != nil {
			return fmt.Errorf("nothing was published from %s:\n%w", args[0], err)
		}
		fmt.Fprintln(in.out, done)
		return nil
	})
}

func migrate(ctx context.Context, in invocation) error {
	if _, err := in.flags(0, nil); err != nil {
		return err
	}
	return withDatabase(ctx, in, policy.Serve().Command, func(ctx context.Context, db *store.DB) error {
		ran, err := store.Migrate(ctx, db, afloat.Migrations())
		if err == nil {
			fmt.Fprintf(in.out, "migrations run: %d; the schema is up to date\n", ran)
		}
		return err
	})
}

func moderate(ctx context.Context, in invocation) error {
	args, err := in.flags(2, nil)
	if err != nil {
		return err
	}
	var id int64
	switch {
	case len(args) == 1 && args[0] == "list":
	case len(args) == 2 && (args[0] == "hide" || args[0] == "show"):
		if id, err = strconv.ParseInt(args[1], 10, 64); err != nil || id < 1 {
			return fmt.Errorf("%q is no comment's id; blog comments list shows them", args[1])
		}
	default:
		return fmt.Errorf("say what to do\n%s", in.usage)
	}
	return withDatabase(ctx, in, policy.Serve().Command, func(ctx context.Context, db *store.DB) error {
		guard, err := resilience.NewGuard(resilience.Policy{Name: "moderation"}, store.Classify, nil)
		if err != nil {
			return err
		}
		comments := store.NewComments(db, guard)
		if args[0] != "list" {
			if err := comments.Hide(ctx, id, args[0] == "hide"); err != nil {
				return err
			}
			fmt.Fprintf(in.out, "comment %d: %s, as readers will see within 2 s\n", id, map[string]string{"hide": "hidden", "show": "shown"}[args[0]])
			return nil
		}
		const latest = 50
		list, err := comments.Latest(ctx, latest)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(in.out, "There are no comments yet.")
		}
		for _, c := range list {
			state := "shown "
			if c.Hidden {
				state = "hidden"
			}
			fmt.Fprintf(in.out, "%6d  %s  %s  %-30s  %q\n", c.ID, state, c.Created.UTC().Format(time.DateTime), c.Slug, c.Author)
		}
		return nil
	})
}
