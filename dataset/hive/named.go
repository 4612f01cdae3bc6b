package hive

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

var _ dataset.Cataloged = (*table)(nil)

// catalogued is what the metastore says of a table, by which Spark reads it too.
type catalogued struct {
	*description
	stretches []stretch
	away      error // why its files are not read here; nil: they are
}

// Named is how Spark is told the table. It reads Parquet as we do, and nothing else.
func (c *catalogued) Named() (*dataset.Named, error) {
	n := &dataset.Named{
		Catalog: "the Hive metastore at " + c.place.host, Database: c.place.Database, Table: c.place.Table, Keys: c.keys, Types: c.types, Far: c.refusal(),
		Locations: []string{c.raw.object(7).text(2)},
	}
	if path := c.raw.object(7).object(7).params(3)["path"]; path != "" { // a table of Spark's own
		n.Locations = append(n.Locations, path)
	}
	if err := c.unnamed(); err != nil {
		return nil, err
	}
	wants, err := c.place.wanted(c.keys)
	if err != nil {
		return nil, err
	}
	for _, w := range wants {
		n.Conditions = append(n.Conditions, dataset.Condition{Column: c.keys[w.key].Name, Op: w.op, Value: w.v})
	}
	return n, nil
}

// unnamed is why Spark would not read the rows by the name that we read in the files; nil: it does.
func (c *catalogued) unnamed() error {
	st, err := storageOf(c.raw.object(7), c.raw.params(9))
	if err != nil {
		return fmt.Errorf("%s %w", c.place.title(), err)
	}
	for _, x := range append([]stretch{{storage: st}}, c.stretches...) {
		if x.format != "parquet" {
			of := c.place.title()
			if x.name != "" {
				of += ", partition " + x.name + ","
			}
			return fmt.Errorf("%s is %s, whose times Spark would read in the zone of its machines: have it copied into a Parquet table (CREATE TABLE … STORED AS PARQUET AS SELECT …)", of, x.format)
		}
	}
	for _, k := range c.keys {
		if strings.HasPrefix(strings.ToLower(c.types[k.Name]), "char") {
			return fmt.Errorf("%s: partition column %s is %s, whose values Spark pads: alter it to string", c.place.title(), k.Name, c.types[k.Name])
		}
	}
	return nil
}

// refusal is what is said to who reads its files; nil: they are here.
func (c *catalogued) refusal() error {
	if c.away == nil {
		return nil
	}
	if err := c.unnamed(); err != nil {
		return fmt.Errorf("%w; nor can Spark be told its name: %w", c.away, err)
	}
	return fmt.Errorf("%w, or have Spark, whose catalog it is in too, read it by its name: [batch] engine = \"spark\"", c.away)
}

// far is the table as it is known without its files: a part for each partition.
func (c *catalogued) far(columns value.Schema) dataset.Table {
	f := &far{schema: append(slices.Clip(columns), c.keys...), err: c.refusal()}
	for _, x := range c.stretches {
		p := dataset.Part{Path: x.location, Rows: -1, Size: statistic(x.params, "totalSize", "spark.sql.statistics.totalSize")}
		if s := statistic(x.params, "transient_lastDdlTime"); s > 0 {
			p.Modified = time.Unix(s, 0).UTC()
		}
		for i, k := range c.keys {
			if p.Partition == nil {
				p.Partition = map[string]value.Value{}
			}
			p.Partition[k.Name] = x.values[i]
		}
		f.parts = append(f.parts, p)
	}
	return f
}

// statistic is the first number that is kept under one of the names; 0 where there is none.
func statistic(params map[string]string, names ...string) int64 {
	for _, name := range names {
		if n, err := strconv.ParseInt(params[name], 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// far is a table whose files are on no file system of this machine.
type far struct {
	schema value.Schema
	parts  []dataset.Part
	err    error
}

func (f *far) Schema() value.Schema        { return f.schema }
func (f *far) Warnings() []dataset.Warning { return nil }
func (f *far) Parts() []dataset.Part       { return f.parts }

// Scan says why it reads nothing.
func (f *far) Scan(context.Context, dataset.Scan) (dataset.Reader, error) { return nil, f.err }
