package arrow

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// sink is what both kinds of IPC writer do.
type sink interface {
	Write(arrow.RecordBatch) error
	Close() error
}

type encoder struct {
	schema *arrow.Schema
	sink   sink
}

// Encode starts a file.
func (Format) Encode(w io.Writer, s value.Schema, m dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	schema, options, err := prepare(s, m, o)
	if err != nil {
		return nil, err
	}
	f, err := ipc.NewFileWriter(w, options...)
	if err != nil {
		return nil, err
	}
	return &encoder{schema, f}, nil
}

// Encode starts a stream.
func (Stream) Encode(w io.Writer, s value.Schema, m dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	schema, options, err := prepare(s, m, o)
	if err != nil {
		return nil, err
	}
	return &encoder{schema, ipc.NewWriter(w, options...)}, nil
}

// prepare makes Arrow's schema. Documentation and fingerprint of a column stand in its field's metadata as well, for other readers.
func prepare(s value.Schema, m dataset.Metadata, o dataset.WriteOptions) (*arrow.Schema, []ipc.Option, error) {
	fields := make([]arrow.Field, len(s))
	for i, f := range s {
		t, err := arrowType(f.Type)
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: true}
		if info, ok := m.Columns[f.Name]; ok {
			fields[i].Metadata = arrow.NewMetadata([]string{"doc", "fingerprint"}, []string{info.Doc, info.Fingerprint})
		}
	}
	pairs := m.Pairs()
	keys := slices.Sorted(maps.Keys(pairs))
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = pairs[k]
	}
	metadata := arrow.NewMetadata(keys, values)
	schema := arrow.NewSchema(fields, &metadata)
	options := []ipc.Option{ipc.WithSchema(schema)}
	switch o.Compression {
	case "", "none":
	case "zstd":
		options = append(options, ipc.WithZstd())
	case "lz4":
		options = append(options, ipc.WithLZ4())
	default:
		return nil, nil, fmt.Errorf("compression %q: Arrow is written plain, or with zstd or lz4", o.Compression)
	}
	return schema, options, nil
}

func (e *encoder) Write(b *value.Batch) error {
	if b.N == 0 {
		return nil
	}
	arrays := make([]arrow.Array, len(b.Columns))
	for i, c := range b.Columns {
		builder := array.NewBuilder(memory.DefaultAllocator, e.schema.Field(i).Type)
		builder.Reserve(c.N)
		appendColumn(builder, c)
		arrays[i] = builder.NewArray()
		builder.Release()
	}
	rec := array.NewRecordBatch(e.schema, arrays, int64(b.N))
	defer rec.Release()
	return e.sink.Write(rec)
}

func (e *encoder) Close() error { return e.sink.Close() }

func appendColumn(b array.Builder, c *value.Column) {
	switch b := b.(type) {
	case *array.Int64Builder:
		b.AppendValues(c.Ints, valid(c))
	case *array.Float64Builder:
		b.AppendValues(c.Floats, valid(c))
	case *array.BooleanBuilder:
		b.AppendValues(c.Bools, valid(c))
	case *array.StringBuilder:
		b.AppendValues(c.Strs, valid(c))
	default:
		for i := range c.N {
			appendValue(b, c.At(i))
		}
	}
}

// valid lists which cells are not null; nil: all.
func valid(c *value.Column) []bool {
	if c.Nulls == nil {
		return nil
	}
	out := make([]bool, c.N)
	for i := range out {
		out[i] = !c.Nulls.Get(i)
	}
	return out
}

func appendValue(b array.Builder, v value.Value) {
	if v.IsNull() {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.Bool())
	case *array.Int64Builder:
		b.Append(v.Int())
	case *array.Float64Builder:
		b.Append(v.Float())
	case *array.StringBuilder:
		b.Append(v.Str())
	case *array.BinaryBuilder:
		b.AppendString(v.Str())
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.Int()))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.Int()))
	case *array.MapBuilder:
		b.Append(true)
		for i := range v.Len() {
			appendValue(b.KeyBuilder(), value.OfString(v.KeyAt(i)))
			appendValue(b.ItemBuilder(), v.At(i))
		}
	case *array.ListBuilder:
		b.Append(true)
		for i := range v.Len() {
			appendValue(b.ValueBuilder(), v.At(i))
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range v.Len() {
			appendValue(b.FieldBuilder(i), v.At(i))
		}
	default:
		panic("arrow: no builder for " + v.Kind().String())
	}
}
