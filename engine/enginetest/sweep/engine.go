package sweep

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/value"
)

// Result is the rows of a query, as the engine's client gives them.
type Result struct {
	Native  []string // the engine's own type of each column
	Rows    [][]value.Value
	Altered map[[2]int]bool // (row, column) of cells that broke the value rules
}

// Engine is a session on a real engine.
type Engine interface {
	Dialect() Dialect
	// Load makes the table readable under the name raw, from a file, and as the contract reads it under the name.
	Load(ctx context.Context, name string, t Table) error
	Exec(ctx context.Context, sql string) error
	Query(ctx context.Context, sql string) (Result, error)
}

// OnSpark is an Engine on a session of Spark; its files go into dir.
func OnSpark(s *connect.Session, dir string) Engine { return sparkEngine{s, dir} }

// OnFlink is an Engine on a session of Flink in batch mode; its files go into dir.
func OnFlink(s *gateway.Session, dir string) Engine { return flinkEngine{s, dir} }

type sparkEngine struct {
	*connect.Session
	dir string
}

func (sparkEngine) Dialect() Dialect { return Spark }

func (e sparkEngine) Query(ctx context.Context, sql string) (Result, error) {
	r, err := e.Session.Query(ctx, sql)
	altered := map[[2]int]bool{}
	for _, c := range r.Altered {
		altered[[2]int{c.Row, c.Column}] = true
	}
	return Result{r.Native, r.Rows, altered}, err
}

// Load uses Parquet, written by Spark itself from the lines of JSON, because that is what it reads in earnest: vectors of
// cells, and code generated for those.
func (e sparkEngine) Load(ctx context.Context, name string, t Table) error {
	path, err := t.write(e.dir, name)
	if err != nil {
		return err
	}
	parquet := filepath.Join(e.dir, name+".parquet")
	source, err := Spark.Source("raw_"+name, t.Columns)
	if err != nil {
		return err
	}
	for _, sql := range []string{
		fmt.Sprintf("CREATE OR REPLACE TEMPORARY VIEW %s (%s) USING json OPTIONS (path '%s', mode 'FAILFAST')", Quote("json_"+name), Spark.columns(t), path),
		fmt.Sprintf("INSERT OVERWRITE DIRECTORY '%s' USING parquet SELECT * FROM %s", parquet, Quote("json_"+name)),
		fmt.Sprintf("CREATE OR REPLACE TEMPORARY VIEW %s USING parquet OPTIONS (path '%s')", Quote("raw_"+name), parquet),
		fmt.Sprintf("CREATE OR REPLACE TEMPORARY VIEW %s AS %s", Quote(name), source),
	} {
		if err := e.Exec(ctx, sql); err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}

type flinkEngine struct {
	*gateway.Session
	dir string
}

func (flinkEngine) Dialect() Dialect { return Flink }

func (e flinkEngine) Query(ctx context.Context, sql string) (Result, error) {
	r, err := e.Session.Query(ctx, sql)
	altered := map[[2]int]bool{}
	for _, c := range r.Altered {
		altered[[2]int{c.Row, c.Column}] = true
	}
	return Result{r.Native, r.Rows, altered}, err
}

// Load scans the lines of JSON, the format of Flink's topics.
func (e flinkEngine) Load(ctx context.Context, name string, t Table) error {
	path, err := t.write(e.dir, name)
	if err != nil {
		return err
	}
	source, err := Flink.Source("raw_"+name, t.Columns)
	if err != nil {
		return err
	}
	for _, sql := range []string{
		fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json')", Quote("raw_"+name), Flink.columns(t), path),
		fmt.Sprintf("CREATE TEMPORARY VIEW %s AS %s", Quote(name), source),
	} {
		if err := e.Exec(ctx, sql); err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}

// columns declares the raw columns.
func (d Dialect) columns(t Table) string {
	items := []string{Quote(rowName) + " BIGINT"}
	for _, c := range t.Columns {
		items = append(items, Quote(c.Name)+" "+d.Physical(c.Type))
	}
	return strings.Join(items, ", ")
}

// write writes the table as lines of JSON.
func (t Table) write(dir, name string) (string, error) {
	var text []byte
	for i := range t.Rows {
		text = t.appendLine(text, i)
	}
	path := filepath.Join(dir, name+".json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("load %s: %w", name, err)
	}
	return path, nil
}
