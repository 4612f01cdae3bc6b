package kafka

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	"github.com/bighead-ml/bighead/value"
)

// format finds out how values and keys are read.
type format interface {
	// plan gives what reads a value, and the payload within it. A *poison is of this record; any other error is not.
	plan(ctx context.Context, text []byte) (*plan, []byte, error)
	// keys reads the key columns of a tombstone; errors as of plan.
	keys(ctx context.Context, key []byte) ([]value.Value, error)
}

// plan is how payloads of one schema are read into rows of one shape.
type plan struct {
	rows *rows
	set  func() // makes rows.fields read this schema; nil: it has but one
}

// poison says why a record is no row.
type poison struct{ reason string }

func (p *poison) Error() string { return p.reason }

// registryHeader is how long the registry's prefix of a payload is: a zero byte and the schema's number.
const registryHeader = 5

// jsonFormat is JSON without schemas, or with those of a registry, which are passed over.
type jsonFormat struct {
	one  *plan
	def  *definition
	keyd *jsonrows.Decoder // of the key columns
}

func newJSON(d *definition) (*jsonFormat, error) {
	s, err := d.settle(untyped)
	if err != nil {
		return nil, err
	}
	options := jsonrows.Options{Strict: true, TimeUnits: s.units, Personal: s.private}
	f := &jsonFormat{def: d, one: &plan{rows: newRows(d, s, jsonrows.NewDecoder(s.payload, options))}}
	keys, err := d.keySchema()
	if err != nil {
		return nil, err
	}
	f.keyd = jsonrows.NewDecoder(keys, jsonrows.Options{Strict: true, TimeUnits: d.topic.TimeUnits, Personal: d.topic.Personal})
	return f, nil
}

func (f *jsonFormat) plan(_ context.Context, text []byte) (*plan, []byte, error) {
	return f.one, withoutRegistry(text), nil
}

// withoutRegistry passes over the prefix that serializers with a registry write: no text begins with a zero byte.
func withoutRegistry(text []byte) []byte {
	if len(text) > registryHeader && text[0] == 0 {
		return text[registryHeader:]
	}
	return text
}

func (f *jsonFormat) keys(_ context.Context, key []byte) ([]value.Value, error) {
	key = withoutRegistry(key)
	if len(f.def.topic.Keys) == 1 && (len(key) == 0 || key[0] != '{') {
		return f.def.textKey(key)
	}
	f.keyd.Begin(1)
	if err := f.keyd.Add(key); err != nil {
		return nil, &poison{"the record's key: " + err.Error()}
	}
	return f.def.keyRow(f.keyd.Finish(&dataset.Counts{}))
}

// keySchema is the key columns.
func (d *definition) keySchema() (value.Schema, error) {
	var out value.Schema
	for _, name := range d.topic.Keys {
		t, ok := d.topic.Schema.Lookup(name)
		if !ok {
			return nil, fmt.Errorf("topic %q: key %q is no column of the source", d.topic.Name, name)
		}
		out = append(out, value.Field{Name: name, Type: t})
	}
	return out, nil
}

// textKey is a key that is the text of the one key column.
func (d *definition) textKey(key []byte) ([]value.Value, error) {
	if len(d.topic.Keys) != 1 {
		return nil, &poison{"the record's key is no object with the key columns"}
	}
	name := d.topic.Keys[0]
	t, _ := d.topic.Schema.Lookup(name)
	v, err := textKey(value.Field{Name: name, Type: t}, dataset.UnitOf(d.topic.TimeUnits[name]), key)
	return []value.Value{v}, err
}

// keyRow is the only row of a batch of key columns, none of which may be null.
func (d *definition) keyRow(b *value.Batch) ([]value.Value, error) {
	out := make([]value.Value, len(b.Columns))
	for i, c := range b.Columns {
		if out[i] = c.At(0); out[i].IsNull() {
			return nil, &poison{fmt.Sprintf("the record's key has no %q", b.Schema[i].Name)}
		}
	}
	return out, nil
}
