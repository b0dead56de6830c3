package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// published is what a publication took.
type published struct {
	took   time.Duration
	memory float64 // most that was resident, in MB
}

// publish runs blog publish on a directory.
func (f *fleet) publish(ctx context.Context, dir, postgres string) (published, error) {
	cmd := f.command("publish", "DATABASE_URL="+postgres)
	cmd.Args = append(cmd.Args, dir)
	p, err := startProcess("publish", "", cmd)
	if err != nil {
		return published{}, err
	}
	var done published
	const look = 20 * time.Millisecond // the system tells a peak only of a process that still runs
	for {
		done.memory = max(done.memory, p.memory("VmHWM"))
		select {
		case <-ctx.Done():
			p.stop()
			return done, ctx.Err()
		case <-time.After(look):
			continue
		case <-p.ended:
		}
		break
	}
	done.took = time.Since(p.began)
	if !cmd.ProcessState.Success() {
		return done, fmt.Errorf("blog publish after %.1f s: %s", done.took.Seconds(), p.output)
	}
	return done, nil
}

// database makes an empty database beside the blog's own.
func (f *fleet) database(ctx context.Context, name string) (string, error) {
	if err := execSQL(ctx, f.postgres, "create database "+name); err != nil {
		return "", err
	}
	u, err := url.Parse(f.postgres)
	if err != nil {
		return "", err
	}
	u.Path = name
	return u.String(), nil
}

// comment gives each article three comments.
func (f *fleet) comment(ctx context.Context, postgres string) error {
	return execSQL(ctx, postgres, `insert into comments (slug, author, body, html, key, hash)
		select slug, 'Reader ' || n, title, '<p>' || summary || '</p>', slug || '/' || n, ''
		from posts, generate_series(1, 3) n; analyze`)
}

func execSQL(ctx context.Context, database, sql string) error {
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	_, err = db.Exec(ctx, sql)
	return err
}
