package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"afloat/internal/policy"
)

// Migrate brings the schema up to date and returns how many migrations ran.
// A session lock makes several servers that start at once take turns; without
// it, two of four failed with a unique violation.
func Migrate(ctx context.Context, db *DB, migrations fs.FS) (ran int, err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(policy.MigrationTurnEvery, policy.MigrationTurns))
	if err != nil {
		return 0, err
	}
	sql := stdlib.OpenDBFromPool(db.Pool)
	defer func() { err = errors.Join(err, sql.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, sql, migrations, goose.WithSessionLocker(locker))
	if err != nil {
		return 0, err
	}
	done, err := provider.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrating the database: %w", err)
	}
	return len(done), nil
}
