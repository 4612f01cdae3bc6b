package sweep

import (
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Dialect is an engine's SQL.
type Dialect int

// The dialects.
const (
	Spark Dialect = iota
	Flink
	dialects
)

func (d Dialect) String() string { return [...]string{"Spark", "Flink"}[d] }

// sql is the dialect as expressions know it.
func (d Dialect) sql() expr.Dialect { return [...]expr.Dialect{expr.SparkSQL, expr.FlinkSQL}[d] }

// Physical is the SQL type in which an engine holds values of a type.
func (d Dialect) Physical(t value.Type) string { return d.sql().Physical(t) }

// Quote writes an identifier.
func Quote(name string) string { return Spark.sql().Name(name) }

// SourceColumn prints a raw column as the contract reads it.
func (d Dialect) SourceColumn(name string, t value.Type) (string, error) {
	return d.sql().SourceColumn(name, t)
}

// Source prints the query that reads the raw table as the contract does, with the row numbers.
func (d Dialect) Source(raw string, columns value.Schema) (string, error) {
	items := []string{Quote(rowName)}
	for _, c := range columns {
		text, err := d.SourceColumn(c.Name, c.Type)
		if err != nil {
			return "", err
		}
		items = append(items, text+" AS "+Quote(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + Quote(raw), nil
}
