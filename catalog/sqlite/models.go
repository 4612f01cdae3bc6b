package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

// The registry's tables are only ever inserted into. A change reads what it follows in the transaction that writes it, which SQLite gives
// to one process at a time.

// RegisterModel adds a version; see catalog.Models.
func (c *Catalog) RegisterModel(ctx context.Context, v *catalog.ModelVersion) error {
	what := "register model " + v.Model
	return c.change(ctx, what, func(tx *sql.Tx) error {
		next := *v
		if err := tx.QueryRowContext(ctx, "select coalesce(max(number), 0) + 1 from model_versions where model = ?", v.Model).Scan(&next.Number); err != nil {
			return err
		}
		record, err := json.Marshal(&next)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "insert into model_versions (model, number, at, record) values (?, ?, ?, ?)", v.Model, next.Number, v.At.UnixMilli(), string(record))
		v.Number = next.Number
		return err
	})
}

// ModelVersion is one of those that were registered, or catalog.ErrNone.
func (c *Catalog) ModelVersion(ctx context.Context, model string, number int64) (*catalog.ModelVersion, error) {
	all, err := c.modelVersions(ctx, "select at, record from model_versions where model = ? and number = ?", model, number)
	if err == nil && len(all) == 0 {
		return nil, catalog.ErrNone
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ModelVersions are a model's, newest first; see catalog.Models.
func (c *Catalog) ModelVersions(ctx context.Context, model string) ([]*catalog.ModelVersion, error) {
	if model == "" {
		return c.modelVersions(ctx, "select at, record from model_versions order by model, number desc")
	}
	return c.modelVersions(ctx, "select at, record from model_versions where model = ? order by number desc", model)
}

func (c *Catalog) modelVersions(ctx context.Context, query string, args ...any) ([]*catalog.ModelVersion, error) {
	return list(ctx, c, "read model versions", func(scan func(...any) error) (*catalog.ModelVersion, error) {
		v, at, record := &catalog.ModelVersion{}, int64(0), ""
		if err := scan(&at, &record); err != nil {
			return nil, err
		}
		err := json.Unmarshal([]byte(record), v)
		v.At = time.UnixMilli(at).UTC()
		return v, err
	}, query, args...)
}

// SetAlias has an alias mean another version; see catalog.Models.
func (c *Catalog) SetAlias(ctx context.Context, a *catalog.AliasChange) error {
	return c.change(ctx, fmt.Sprintf("set alias %s of model %s", a.Alias, a.Model), func(tx *sql.Tx) error {
		if err := registered(ctx, tx, a.Model, a.Number); err != nil {
			return err
		}
		at, err := after(ctx, tx, a.At, "select coalesce(max(at), ?) from model_aliases where model = ?", a.Model)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "insert into model_aliases (model, alias, number, at, by, reason) values (?, ?, ?, ?, ?, ?)",
			a.Model, a.Alias, a.Number, at.UnixMilli(), a.By, a.Reason)
		a.At = at
		return err
	})
}

// Aliases are what a model's aliases meant at a time; see catalog.Models.
func (c *Catalog) Aliases(ctx context.Context, model string, at time.Time) (map[string]int64, error) {
	changes, err := c.aliasChanges(ctx, `select model, alias, number, at, by, reason from model_aliases
		where id in (select max(id) from model_aliases where model = ? and at <= ? group by alias)`, model, at.UnixMilli())
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, a := range changes {
		out[a.Alias] = a.Number
	}
	return out, nil
}

// AliasHistory is every change of a model's aliases, newest first.
func (c *Catalog) AliasHistory(ctx context.Context, model string) ([]*catalog.AliasChange, error) {
	return c.aliasChanges(ctx, "select model, alias, number, at, by, reason from model_aliases where model = ? order by id desc", model)
}

func (c *Catalog) aliasChanges(ctx context.Context, query string, args ...any) ([]*catalog.AliasChange, error) {
	return list(ctx, c, "read aliases of models", func(scan func(...any) error) (*catalog.AliasChange, error) {
		a, at := &catalog.AliasChange{}, int64(0)
		err := scan(&a.Model, &a.Alias, &a.Number, &at, &a.By, &a.Reason)
		a.At = time.UnixMilli(at).UTC()
		return a, err
	}, query, args...)
}

// SetTraffic has an endpoint asked differently; see catalog.Models.
func (c *Catalog) SetTraffic(ctx context.Context, parent int64, t *catalog.Traffic) error {
	return c.change(ctx, "set traffic of endpoint "+t.Endpoint, func(tx *sql.Tx) error {
		var newest int64
		if err := tx.QueryRowContext(ctx, "select coalesce(max(id), 0) from traffic where endpoint = ?", t.Endpoint).Scan(&newest); err != nil {
			return err
		}
		if newest != parent {
			return catalog.ErrStale
		}
		for _, number := range versionsOf(t) {
			if err := registered(ctx, tx, t.Model, number); err != nil {
				return err
			}
		}
		at, err := after(ctx, tx, t.At, "select coalesce(max(at), ?) from traffic where endpoint = ?", t.Endpoint)
		if err != nil {
			return err
		}
		record, err := json.Marshal(t)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, "insert into traffic (endpoint, at, record) values (?, ?, ?)", t.Endpoint, at.UnixMilli(), string(record))
		if err != nil {
			return err
		}
		t.At = at
		t.ID, err = done.LastInsertId()
		return err
	})
}

// versionsOf are the versions that a traffic names.
func versionsOf(t *catalog.Traffic) []int64 {
	out := append([]int64(nil), t.Shadows...)
	for _, r := range t.Routes {
		out = append(out, r.Number)
	}
	if t.Canary != nil {
		out = append(out, t.Canary.Number)
	}
	return out
}

// Traffic is what an endpoint asks now, or catalog.ErrNone.
func (c *Catalog) Traffic(ctx context.Context, endpoint string) (*catalog.Traffic, error) {
	all, err := c.traffic(ctx, "select id, at, record from traffic where endpoint = ? order by id desc limit 1", endpoint)
	if err == nil && len(all) == 0 {
		return nil, catalog.ErrNone
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// TrafficHistory is every change of an endpoint's traffic, newest first; see catalog.Models.
func (c *Catalog) TrafficHistory(ctx context.Context, endpoint string) ([]*catalog.Traffic, error) {
	if endpoint == "" {
		return c.traffic(ctx, "select id, at, record from traffic order by id desc")
	}
	return c.traffic(ctx, "select id, at, record from traffic where endpoint = ? order by id desc", endpoint)
}

func (c *Catalog) traffic(ctx context.Context, query string, args ...any) ([]*catalog.Traffic, error) {
	return list(ctx, c, "read traffic", func(scan func(...any) error) (*catalog.Traffic, error) {
		t, id, at, record := &catalog.Traffic{}, int64(0), int64(0), ""
		if err := scan(&id, &at, &record); err != nil {
			return nil, err
		}
		err := json.Unmarshal([]byte(record), t)
		t.ID, t.At = id, time.UnixMilli(at).UTC()
		return t, err
	}, query, args...)
}

// registered fails with catalog.ErrNone where a model has no such version.
func registered(ctx context.Context, tx *sql.Tx, model string, number int64) error {
	var n int
	if err := tx.QueryRowContext(ctx, "select count(*) from model_versions where model = ? and number = ?", model, number).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return catalog.ErrNone
	}
	return nil
}

// after is at, in whole milliseconds, or where the change before it has a later time that one. The query's first parameter is what is
// there where no change is.
func after(ctx context.Context, tx *sql.Tx, at time.Time, query, of string) (time.Time, error) {
	var last int64
	if err := tx.QueryRowContext(ctx, query, at.UnixMilli(), of).Scan(&last); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(max(last, at.UnixMilli())).UTC(), nil
}

// change carries out a write that is there whole or not at all. The catalog's own errors come back as they are.
func (c *Catalog) change(ctx context.Context, what string, do func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return c.fail(what, err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := do(tx); errors.Is(err, catalog.ErrNone) || errors.Is(err, catalog.ErrStale) {
		return err
	} else if err != nil {
		return c.fail(what, err)
	}
	if err := tx.Commit(); err != nil {
		return c.fail(what, err)
	}
	return nil
}

// list reads all rows of a query.
func list[T any](ctx context.Context, c *Catalog, what string, row func(scan func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := c.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.fail(what, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := row(rows.Scan)
		if err != nil {
			return nil, c.fail(what, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, c.fail(what, err)
	}
	return out, nil
}
