// Package sqlite is the embedded catalog: one file, pure Go, shared safely by several processes.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/bighead-ml/bighead/catalog"
)

// schema is applied statement by statement from the version that the file's user_version names. Only ever append.
var schema = []string{
	`create table versions (
		id integer primary key,
		at integer not null,           -- ms since the epoch
		by text not null,
		entries text not null,         -- JSON of []catalog.Entry
		definitions blob not null
	) strict`,
	`create table leases (
		name text primary key,
		holder text not null,          -- '' where it was released
		epoch integer not null,
		until integer not null         -- ms since the epoch
	) strict`,
	`create table typical (
		fingerprint text primary key,
		value blob not null,
		at integer not null,           -- ms since the epoch
		training_set text not null,
		rows integer not null
	) strict`,
	`create table model_versions (
		model text not null,
		number integer not null,
		at integer not null,           -- ms since the epoch
		record text not null,          -- JSON of catalog.ModelVersion
		primary key (model, number)
	) strict`,
	`create table model_aliases (
		id integer primary key,        -- the order of the changes
		model text not null,
		alias text not null,
		number integer not null,
		at integer not null,           -- ms since the epoch; never before the change before
		by text not null,
		reason text not null
	) strict`,
	`create index model_aliases_of on model_aliases (model, alias, id)`,
	`create table traffic (
		id integer primary key,        -- the order of the changes
		endpoint text not null,
		at integer not null,           -- ms since the epoch; never before the change before
		record text not null           -- JSON of catalog.Traffic
	) strict`,
	`create index traffic_of on traffic (endpoint, id)`,
}

// Catalog is a catalog in a SQLite file.
type Catalog struct {
	db   *sql.DB
	path string
}

// fail says of which file it is: what a damaged one comes to is the database's words.
func (c *Catalog) fail(what string, err error) error {
	return fmt.Errorf("catalog %s: %s: %w", c.path, what, err)
}

// Open opens or makes the file, and brings an older one up to date.
func Open(ctx context.Context, path string) (*Catalog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	c := &Catalog{db, path}
	if err := c.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, err), db.Close())
	}
	return c, nil
}

// Stamp tells one state of a catalog's files from another, without opening them: it changes with whatever is written, and before that can be
// read, since a commit is seen only once the log is on the disk. Who reads what a stamp stands for calls Settle in between. A file that is
// not there has a stamp too.
func Stamp(path string) string {
	out := ""
	for _, p := range []string{path, path + "-wal"} {
		if info, err := os.Stat(p); err == nil && info.Size() > 0 { // an empty log is there while somebody has the catalog open
			out += fmt.Sprint(info.Size(), " ", info.ModTime().UnixNano(), " ")
		}
		out += "/ "
	}
	return out
}

// migrate brings the file up to date. Where it is, nothing is written.
func (c *Catalog) migrate(ctx context.Context) error {
	have := 0
	err := c.db.QueryRowContext(ctx, "pragma user_version").Scan(&have)
	if err != nil || have == len(schema) {
		return err
	}
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := tx.QueryRowContext(ctx, "pragma user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(schema) {
		return fmt.Errorf("it was written by a newer bighead (format %d, this one knows %d): use that one", have, len(schema))
	}
	for _, s := range schema[have:] {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("pragma user_version = %d", len(schema))); err != nil {
		return err
	}
	return tx.Commit()
}

// Current is the newest version, or catalog.ErrNone.
func (c *Catalog) Current(ctx context.Context) (*catalog.Version, error) {
	row := c.db.QueryRowContext(ctx, "select id, at, by, entries, definitions from versions order by id desc limit 1")
	v, err := scan(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, catalog.ErrNone
	}
	if err != nil {
		return nil, c.fail("read a version", err)
	}
	return v, nil
}

// Version is one of those that were registered, or catalog.ErrNone.
func (c *Catalog) Version(ctx context.Context, id int64) (*catalog.Version, error) {
	row := c.db.QueryRowContext(ctx, "select id, at, by, entries, definitions from versions where id = ?", id)
	v, err := scan(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, catalog.ErrNone
	}
	if err != nil {
		return nil, c.fail("read a version", err)
	}
	return v, nil
}

// Register adds a version after parent; see catalog.Catalog.
func (c *Catalog) Register(ctx context.Context, parent int64, v *catalog.Version) error {
	entries, err := json.Marshal(v.Entries)
	if err != nil {
		return err
	}
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return c.fail("register", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	var newest int64
	if err := tx.QueryRowContext(ctx, "select coalesce(max(id), 0) from versions").Scan(&newest); err != nil {
		return c.fail("register", err)
	}
	if newest != parent {
		return catalog.ErrStale
	}
	if _, err := tx.ExecContext(ctx, "insert into versions (id, at, by, entries, definitions) values (?, ?, ?, ?, ?)",
		parent+1, v.At.UnixMilli(), v.By, string(entries), v.Definitions); err != nil {
		return c.fail("register", err)
	}
	if err := tx.Commit(); err != nil {
		return c.fail("register", err)
	}
	v.ID = parent + 1
	return nil
}

// History lists versions, newest first, without their definitions.
func (c *Catalog) History(ctx context.Context, limit int) ([]*catalog.Version, error) {
	rows, err := c.db.QueryContext(ctx, "select id, at, by, entries, x'' from versions order by id desc limit ?", limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*catalog.Version
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Lease gives or renews a lease; see catalog.Catalog.
func (c *Catalog) Lease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (catalog.Lease, error) {
	if holder == "" {
		return catalog.Lease{}, errors.New("lease: a holder needs a name")
	}
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return catalog.Lease{}, c.fail("lease "+name, err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	var l catalog.Lease
	var until int64
	err = tx.QueryRowContext(ctx, "select holder, epoch, until from leases where name = ?", name).Scan(&l.Holder, &l.Epoch, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return catalog.Lease{}, c.fail("lease "+name, err)
	}
	l.Until = time.UnixMilli(until).UTC()
	if l.Holder != holder {
		if l.Holder != "" && now.Before(l.Until) {
			return l, catalog.ErrHeld
		}
		l.Holder, l.Epoch = holder, l.Epoch+1
	}
	l.Until = time.UnixMilli(now.Add(ttl).UnixMilli()).UTC()
	if _, err := tx.ExecContext(ctx, "insert or replace into leases (name, holder, epoch, until) values (?, ?, ?, ?)", name, l.Holder, l.Epoch, l.Until.UnixMilli()); err != nil {
		return catalog.Lease{}, c.fail("lease "+name, err)
	}
	if err := tx.Commit(); err != nil {
		return catalog.Lease{}, c.fail("lease "+name, err)
	}
	return l, nil
}

// Release ends a lease; see catalog.Catalog.
func (c *Catalog) Release(ctx context.Context, name, holder string) error {
	if _, err := c.db.ExecContext(ctx, "update leases set holder = '', until = 0 where name = ? and holder = ?", name, holder); err != nil {
		return c.fail("release lease "+name, err)
	}
	return nil
}

// SetTypical keeps what features usually are; see catalog.Catalog.
func (c *Catalog) SetTypical(ctx context.Context, values []catalog.Typical) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return c.fail("keep typical values", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, v := range values {
		if _, err := tx.ExecContext(ctx, "insert or replace into typical (fingerprint, value, at, training_set, rows) values (?, ?, ?, ?, ?)",
			v.Fingerprint, v.Value, v.At.UnixMilli(), v.TrainingSet, v.Rows); err != nil {
			return c.fail("keep typical values", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return c.fail("keep typical values", err)
	}
	return nil
}

// Typical is all that is kept; see catalog.Catalog.
func (c *Catalog) Typical(ctx context.Context) ([]catalog.Typical, error) {
	rows, err := c.db.QueryContext(ctx, "select fingerprint, value, at, training_set, rows from typical order by fingerprint")
	if err != nil {
		return nil, c.fail("read typical values", err)
	}
	defer rows.Close()
	var out []catalog.Typical
	for rows.Next() {
		var v catalog.Typical
		var at int64
		if err := rows.Scan(&v.Fingerprint, &v.Value, &at, &v.TrainingSet, &v.Rows); err != nil {
			return nil, c.fail("read typical values", err)
		}
		v.At = time.UnixMilli(at).UTC()
		out = append(out, v)
	}
	return out, rows.Err()
}

func scan(into func(...any) error) (*catalog.Version, error) {
	v := &catalog.Version{}
	var at int64
	var entries string
	if err := into(&v.ID, &at, &v.By, &entries, &v.Definitions); err != nil {
		return nil, err
	}
	v.At = time.UnixMilli(at).UTC()
	if err := json.Unmarshal([]byte(entries), &v.Entries); err != nil {
		return nil, fmt.Errorf("catalog version %d: %w", v.ID, err)
	}
	return v, nil
}

// Settle waits for the writer that is at it; see catalog.Catalog. One writes at a time, and lets go when readers see what it wrote.
func (c *Catalog) Settle(ctx context.Context) error {
	tx, err := c.db.BeginTx(ctx, nil) // as one who writes
	if err == nil {
		err = tx.Rollback()
	}
	if err != nil {
		return c.fail("wait for who writes", err)
	}
	return nil
}

// Close closes the file.
func (c *Catalog) Close() error { return c.db.Close() }
