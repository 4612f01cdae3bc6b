package sweep

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// What check refuses to read on an engine is what cannot be read there by the rules, and nothing else.
func TestWhatEnginesRead(t *testing.T) {
	types := []value.Type{value.Bool, value.Int, value.Float, value.String, value.Bytes, value.Timestamp, value.Date}
	for range 2 {
		for _, in := range types[:len(types):len(types)] {
			types = append(types, value.ListOf(in), value.MapOf(in), value.StructOf(value.Field{Name: "a", Type: value.Int}, value.Field{Name: "b", Type: in}))
		}
	}
	refused := 0
	for _, in := range types {
		for ours, d := range map[Dialect]expr.Dialect{Spark: expr.SparkSQL, Flink: expr.FlinkSQL} {
			_, err := ours.SourceColumn("c", in)
			if reads := d.Reads(in); reads != (err == nil) {
				t.Errorf("%s reads %s: %v; printed: %v", d, in, reads, err)
			}
			if err != nil {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("nothing is refused")
	}
}
