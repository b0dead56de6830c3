package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"afloat/test/fleet/state"
)

// comments prints those whose text begins with prefix, in the order in which an article shows them. They are read where
// writes go, so that no standby's lag is taken for a loss.
func comments(ctx context.Context, urlFile, prefix string, out io.Writer) error {
	conn, err := leader(ctx, urlFile)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // the process ends with it
	rows, err := conn.Query(ctx, `select slug, body as text from comments where starts_with(body, $1) order by slug, id`, prefix)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[state.Comment])
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(all)
}

// forget deletes the comments whose text begins with prefix.
func forget(ctx context.Context, urlFile, prefix string) error {
	conn, err := leader(ctx, urlFile)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // the process ends with it
	_, err = conn.Exec(ctx, `delete from comments where starts_with(body, $1)`, prefix)
	return err
}

// leader connects to where writes go.
func leader(ctx context.Context, urlFile string) (*pgx.Conn, error) {
	url, err := os.ReadFile(urlFile)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(strings.TrimSpace(string(url)))
	if err != nil {
		return nil, errors.New("DATABASE_URL_FILE holds no PostgreSQL URL") // the parser's error might quote a password
	}
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return pgx.ConnectConfig(ctx, config)
}
