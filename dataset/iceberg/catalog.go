package iceberg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	"github.com/apache/iceberg-go/catalog/rest"
	icesql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	_ "modernc.org/sqlite" // the driver of the sqlite catalog

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Config says where the catalog is.
type Config struct {
	Kind      string // "sqlite", "hadoop" or "rest"
	URI       string // sqlite: the file; rest: the URL
	Name      string // sqlite: the catalog's name in the file
	Warehouse string // the folder of tables that are made; hadoop: of all
	Token     string // rest: the bearer's
}

// Tables are a catalog's, by their names as definitions write them. It is safe for concurrent use; nothing stays open between calls.
type Tables struct {
	Config  Config
	Parquet dataset.Format
	Stream  dataset.Format // Arrow's stream, in which rows are handed to the library
}

// open connects to the catalog; close ends that.
func (t Tables) open(ctx context.Context) (c catalog.Catalog, done func(), err error) {
	props := iceberg.Properties{}
	if t.Config.Warehouse != "" {
		props["warehouse"] = "file://" + t.Config.Warehouse
	}
	switch t.Config.Kind {
	case "sqlite":
		if _, err := os.Stat(t.Config.URI); err != nil {
			return nil, nil, fmt.Errorf("the Iceberg catalog %s is not there: correct [iceberg] uri in bighead.toml", t.Config.URI)
		}
		db, err := sql.Open("sqlite", "file:"+t.Config.URI+"?_pragma=busy_timeout(10000)")
		if err != nil {
			return nil, nil, fmt.Errorf("the Iceberg catalog %s: %w", t.Config.URI, err)
		}
		c, err = icesql.NewCatalog(t.Config.Name, db, icesql.SQLite, props)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("the Iceberg catalog %s: %w", t.Config.URI, err), db.Close())
		}
		return c, func() { db.Close() }, nil
	case "hadoop":
		c, err = hadoop.NewCatalog("hadoop", t.Config.Warehouse, props)
	case "rest":
		return t.Config.rest(ctx)
	default:
		err = fmt.Errorf("catalog = %q: there are sqlite, hadoop and rest", t.Config.Kind)
	}
	if err != nil {
		return nil, nil, t.Config.failed(err)
	}
	return c, func() {}, nil
}

// rest asks a catalog of REST how it is configured, which tells whether it takes the token.
func (c Config) rest(ctx context.Context) (catalog.Catalog, func(), error) {
	var options []rest.Option
	if c.Token != "" {
		options = append(options, rest.WithOAuthToken(c.Token))
	}
	if c.Warehouse != "" {
		options = append(options, rest.WithWarehouseLocation(c.Warehouse))
	}
	r, err := rest.NewCatalog(ctx, "rest", c.URI, options...)
	if err != nil {
		return nil, nil, c.failed(err)
	}
	return r, func() { _ = r.Close() }, nil // nothing was written through it that Close could lose
}

// failed says what helps where the catalog gives no answer, or no other than that we may not ask.
func (c Config) failed(err error) error {
	if refused(err) {
		return fmt.Errorf("%s refuses the token (%w): set [iceberg] token to one that it takes", c.named(), err)
	}
	return fmt.Errorf("%s does not answer (%w): start it, or correct [iceberg] in bighead.toml", c.named(), err)
}

func refused(err error) bool {
	return errors.Is(err, rest.ErrUnauthorized) || errors.Is(err, rest.ErrForbidden) || errors.Is(err, rest.ErrAuthorizationExpired) || errors.Is(err, rest.ErrOAuthError)
}

// named is the catalog in messages.
func (c Config) named() string {
	switch c.Kind {
	case "hadoop":
		return "the Iceberg catalog in " + c.Warehouse
	case "rest":
		if u, err := url.Parse(c.URI); err == nil {
			return "the Iceberg catalog at " + u.Redacted()
		}
	}
	return "the Iceberg catalog " + c.URI
}

// Ping asks the catalog for its namespaces.
func (t Tables) Ping(ctx context.Context) error {
	c, done, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	if _, err = c.ListNamespaces(ctx, nil); err != nil {
		return t.Config.failed(err)
	}
	return nil
}

// place is a table at a time.
type place struct {
	ident    table.Identifier
	snapshot *int64
	asOf     *int64 // ms
	catalog  string // as messages have it
}

func (p place) name() string { return strings.Join(p.ident, ".") }

// title is the table in messages, with the catalog that it is of.
func (p place) title() string { return "table " + p.name() + " of " + p.catalog }

const placeCure = `write "iceberg:db.table", "iceberg:db.table@7321…" (a snapshot) or "iceberg:db.table@2024-01-31" (what it was then)`

// place reads a table's name.
func (t Tables) place(text string) (place, error) {
	name, at, timed := strings.Cut(text, "@")
	p := place{ident: strings.Split(name, "."), catalog: t.Config.named()}
	if len(p.ident) < 2 || slices.Contains(p.ident, "") {
		return p, fmt.Errorf("iceberg table %q: %s", text, placeCure)
	}
	if !timed {
		return p, nil
	}
	if id, err := strconv.ParseInt(at, 10, 64); err == nil {
		p.snapshot = &id
		return p, nil
	}
	ms, ok := value.ParseTimestamp(at)
	if days, isDate := value.ParseDate(at); !ok && isDate {
		ms, ok = days*value.DayMS, true
	}
	if !ok {
		return p, fmt.Errorf("iceberg table %q: %q is neither a snapshot nor a time: %s", text, at, placeCure)
	}
	p.asOf = &ms
	return p, nil
}

// load finds a table, or says which of namespace and table is not there and what was meant.
func load(ctx context.Context, c catalog.Catalog, p place) (*table.Table, error) {
	t, err := c.LoadTable(ctx, p.ident)
	if err == nil {
		return t, nil
	}
	if refused(err) {
		return nil, fmt.Errorf("%s: the token is refused (%w): set [iceberg] token to one that may read it", p.title(), err)
	}
	if !errors.Is(err, catalog.ErrNoSuchTable) && !errors.Is(err, catalog.ErrNoSuchNamespace) {
		return nil, fmt.Errorf("%s: %w", p.title(), err)
	}
	namespace, name := p.ident[:len(p.ident)-1], p.ident[len(p.ident)-1]
	if there, failed := c.CheckNamespaceExists(ctx, namespace); failed == nil && !there {
		all, _ := c.ListNamespaces(ctx, nil)
		return nil, &noNamespace{fmt.Errorf("there is no namespace %q in %s%s", strings.Join(namespace, "."), p.catalog, nearestOf(strings.Join(namespace, "."), all, 0))}
	}
	var all []table.Identifier
	for ident, failed := range c.ListTables(ctx, namespace) {
		if failed != nil {
			break
		}
		all = append(all, ident)
	}
	return nil, &noTable{fmt.Errorf("there is no table %q in namespace %s of %s%s", name, strings.Join(namespace, "."), p.catalog, nearestOf(name, all, -1))}
}

// noTable says that the namespace has no such table, which then may be made.
type noTable struct{ error }

// Is has it found without this package.
func (*noTable) Is(target error) bool { return target == dataset.ErrNoTable }

// noNamespace says that there is not even the namespace; no table is made in it.
type noNamespace struct{ error }

// Is has it found without this package.
func (*noNamespace) Is(target error) bool { return target == dataset.ErrNoTable }

// nearestOf says what was meant, or what there is: whole names, or their last parts.
func nearestOf(name string, all []table.Identifier, part int) string {
	var known []string
	for _, ident := range all {
		if part < 0 {
			ident = ident[len(ident)-1:]
		}
		known = append(known, strings.Join(ident, "."))
	}
	slices.Sort(known)
	if near := expr.Nearest(name, known); len(near) > 0 {
		return fmt.Sprintf("; did you mean %q?", near[0])
	}
	const shown = 20
	if len(known) == 0 {
		return "; there are none"
	}
	if len(known) > shown {
		known = append(known[:shown:shown], "…")
	}
	return "; there are " + strings.Join(known, ", ")
}

// snapshotOf is the snapshot that a place means, nil of a table that has none yet, and its schema.
func snapshotOf(t *table.Table, p place) (*table.Snapshot, *iceberg.Schema, error) {
	s := t.CurrentSnapshot()
	switch {
	case p.snapshot != nil:
		if s = t.SnapshotByID(*p.snapshot); s == nil {
			return nil, nil, fmt.Errorf("%s has no snapshot %d%s", p.title(), *p.snapshot, snapshots(t))
		}
	case p.asOf != nil:
		if s = t.SnapshotAsOf(*p.asOf, true); s == nil {
			return nil, nil, fmt.Errorf("%s had no snapshot at %s%s", p.title(), value.FormatTimestamp(*p.asOf), snapshots(t))
		}
	default:
		return s, t.Schema(), nil
	}
	if s.SchemaID != nil {
		if schema, ok := t.Schemas()[*s.SchemaID]; ok {
			return s, schema, nil
		}
	}
	return s, t.Schema(), nil
}

// snapshots says which there are.
func snapshots(t *table.Table) string {
	all := t.Metadata().Snapshots()
	if len(all) == 0 {
		return "; it has none, so it is empty"
	}
	var out []string
	for _, s := range all[max(0, len(all)-5):] {
		out = append(out, fmt.Sprintf("%d of %s", s.SnapshotID, value.FormatTimestamp(s.TimestampMs)))
	}
	return "; its newest are " + strings.Join(out, ", ")
}
