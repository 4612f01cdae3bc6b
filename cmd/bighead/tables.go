package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// tables are what "hive:db.table" and the like stand for: a catalog that knows a table's columns, and opens its rows.
type tables interface {
	// Schema is a table's columns, and what is to be said of them, without its files being looked at.
	Schema(ctx context.Context, table string, o dataset.Options) (value.Schema, []dataset.Warning, error)
	Open(ctx context.Context, table string, o dataset.Options) (dataset.Table, error)
	// Create starts writing rows into a table, which is made where it is not there. The writer's Close commits them. of names what is written:
	// what was written of it before is replaced.
	Create(ctx context.Context, table, of string, s value.Schema, m dataset.Metadata) (dataset.Writer, error)
	// Ping says whether it answers.
	Ping(ctx context.Context) error
}

// tableOf finds the catalog of a table's name, and the name there.
func tableOf(p *project.Project, name string) (tables, string, error) {
	kind, rest, ok := strings.Cut(name, ":")
	if !ok {
		return nil, "", fmt.Errorf("table %q does not say whose it is; write \"hive:%s\"", name, name)
	}
	t, err := openTables(p, kind)
	return t, rest, err
}

// isTable tells a table's name from a file's.
func isTable(name string) bool {
	kind, _, ok := strings.Cut(name, ":")
	return ok && (kind == topicKind || slices.Contains(tableKinds, kind))
}

// topicKind is what the name of a topic begins with, where rows go to one.
const topicKind = "kafka"

// sinkFor takes rows into the table or file that out names. of is what is written, by whose name a table knows what was written before.
func (c *cli) sinkFor(ctx context.Context, l *loaded, out, of string, b *plan.Batch, keys map[string]string) (*sink, error) {
	if !isTable(out) {
		return c.newSink(out, b, keys)
	}
	if name, ok := strings.CutPrefix(out, topicKind+":"); ok {
		return topicSink(ctx, l.Project, out, name, of, b)
	}
	t, name, err := tableOf(l.Project, out)
	if err != nil {
		return nil, mistakef("%v", err)
	}
	w, err := t.Create(ctx, name, of, outputSchema(b), outputMetadata(b, keys))
	if err != nil {
		return nil, err
	}
	return &sink{writer: w, path: out}, nil
}

// topicSink takes rows into a topic: kafka:topic has them as JSON, kafka:topic/avro as Avro, kafka:topic/protobuf as Protobuf.
func topicSink(ctx context.Context, p *project.Project, out, name, of string, b *plan.Batch) (*sink, error) {
	broker, err := openBroker(p, nil)
	if err == nil && broker == nil {
		err = mistakef("--out %s: no brokers are named; write [stream] brokers = [\"host:9092\"] in bighead.toml", out)
	}
	if err != nil {
		return nil, err
	}
	defer broker.Close()
	topic, format, _ := strings.Cut(name, "/")
	w, err := broker.Create(ctx, topic, format, of, outputSchema(b))
	if err != nil {
		return nil, err
	}
	return &sink{writer: w, path: out}, nil
}

// placeTable refuses what is not computed of tables.
func placeTable(p *project.Project, place feature.Place) (tables, string, error) {
	if len(place.TableSelect) > 0 {
		return nil, "", fmt.Errorf("table %q: select= of a table is not computed yet; write the SQL where the column is used, or have the catalog's engine write such a table", place.Table)
	}
	return tableOf(p, place.Table)
}

func openTable(ctx context.Context, p *project.Project, place feature.Place) (dataset.Table, error) {
	c, name, err := placeTable(p, place)
	if err != nil {
		return nil, err
	}
	return c.Open(ctx, name, options(place))
}

func tableSchema(ctx context.Context, p *project.Project, place feature.Place) (value.Schema, []dataset.Warning, error) {
	c, name, err := placeTable(p, place)
	if err != nil {
		return nil, nil, err
	}
	return c.Schema(ctx, name, options(place))
}

// openChecked opens a place for a run, as the definitions were checked against it. A table of a catalog may have been dropped or altered since.
func (l *loaded) openChecked(ctx context.Context, place feature.Place, checked value.Schema) (dataset.Table, error) {
	t, err := l.table(ctx, place)
	if errors.Is(err, dataset.ErrNoTable) {
		err = fmt.Errorf("table %q was there when the definitions were checked, and is gone: it was dropped or renamed meanwhile: bring it back, or write the name that it has now, and run again (%w)", place.Table, err)
	}
	if err == nil {
		err = l.unchanged(t, place, checked)
	}
	return t, err
}

// unchanged says where a table is no longer what the definitions were checked against: others alter it as they please.
func (l *loaded) unchanged(t dataset.Table, place feature.Place, checked value.Schema) error {
	if t == nil || place.Table == "" {
		return nil
	}
	for _, f := range checked {
		switch got, ok := t.Schema().Lookup(f.Name); {
		case !ok:
			return fmt.Errorf("table %q: column %q (%s) was there when the definitions were checked, and is gone: it was altered meanwhile; run again", place.Table, f.Name, f.Type)
		case !got.Equal(f.Type):
			return fmt.Errorf("table %q: column %q was %s when the definitions were checked, and is %s now: it was altered meanwhile; run again", place.Table, f.Name, f.Type, got)
		}
	}
	return nil
}

// tablesFindings asks the catalogs that sources' tables are in.
func tablesFindings(ctx context.Context, p *project.Project, l *loaded) []finding {
	var out []finding
	asked := map[string]bool{}
	for i := range l.defs.Sources {
		table := l.defs.Sources[i].Table
		if table == nil || !isTable(table.Name.Value) {
			continue
		}
		kind, _, _ := strings.Cut(table.Name.Value, ":")
		if asked[kind] {
			continue
		}
		asked[kind] = true
		f := finding{What: "tables of " + kind, Good: true, Says: "their catalog answers"}
		t, err := openTables(p, kind)
		if err == nil {
			within, cancel := context.WithTimeout(ctx, 10*time.Second)
			err = t.Ping(within)
			cancel()
		}
		if err != nil {
			f.Good, f.Says, f.Cure = false, err.Error(), "correct ["+kind+"] in bighead.toml, or start what it names"
		}
		out = append(out, f)
	}
	return out
}
