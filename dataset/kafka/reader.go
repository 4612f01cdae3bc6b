package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	"github.com/bighead-ml/bighead/value"
)

// Reader is a topic as a dataset.TopicReader.
type Reader struct {
	*Consumer
	decoder *Decoder
	rest    *Batch // what the last batch still has
	failed  error
}

// Next decodes the next records of one partition.
func (r *Reader) Next(ctx context.Context) (*dataset.Arrival, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	if r.rest == nil {
		b, err := r.take(ctx)
		if err != nil {
			return nil, err
		}
		r.rest = b
	}
	a, n, err := r.decoder.Decode(ctx, r.rest)
	if n == 0 {
		var schema *dataset.SchemaError
		if errors.As(err, &schema) {
			r.failed = err
		}
		return nil, err
	}
	// An error after some records comes again when they are all that is left.
	last := r.rest.Records[n-1]
	if r.rest.Records = r.rest.Records[n:]; len(r.rest.Records) == 0 {
		r.rest = nil
	}
	r.handOut(a.Partition, last)
	return a, nil
}

// Decoder makes rows of records. It is for one goroutine.
type Decoder struct {
	def    *definition
	format format
	empty  *rows // of tombstones that come before any payload
	items  []item
}

// NewDecoder makes a decoder of the topic's records; the registry may be nil where the format has no schemas.
func NewDecoder(t dataset.Topic, registry *Schemas) (*Decoder, error) {
	def, err := define(t)
	if err != nil {
		return nil, err
	}
	d := &Decoder{def: def}
	switch t.Format {
	case "", "json":
		f, err := newJSON(def)
		if err != nil {
			return nil, err
		}
		d.format, d.empty = f, f.one.rows
		return d, nil
	case "avro", "protobuf":
		if registry == nil {
			return nil, fmt.Errorf("topic %q is %s, and no schema registry is named; set registry under [stream]", t.Name, t.Format)
		}
		if d.format, err = newTyped(def, registry); err != nil {
			return nil, err
		}
		d.empty, err = def.emptyRows()
		return d, err
	}
	return nil, fmt.Errorf(`topic %q: format %q is not "json", "avro" or "protobuf"`, t.Name, t.Format)
}

// item is a record and how it is read.
type item struct {
	rec     *kgo.Record
	plan    *plan // nil: a tombstone
	payload []byte
	keys    []value.Value // of a tombstone
	bad     string        // why it is poison
}

// Decode makes rows of the first n records of the batch. It ends before its end where the shape of the rows changes, and before the first
// record with an error that is not the record's own; that error comes with n = 0 when the records before are gone.
func (d *Decoder) Decode(ctx context.Context, b *Batch) (a *dataset.Arrival, n int, err error) {
	items, into, err := d.gather(ctx, b)
	if len(items) == 0 {
		return nil, 0, err
	}
	a = &dataset.Arrival{Partition: b.Partition, Last: items[len(items)-1].rec.Offset}
	into.begin(len(items))
	for _, it := range items {
		a.Counts.Bytes += int64(len(it.rec.Key) + len(it.rec.Value))
		if it.bad == "" {
			it.bad = into.item(&it)
		}
		if it.bad != "" {
			a.Poison = append(a.Poison, asPoison(it.rec, it.bad))
		}
	}
	into.finish(a)
	n = len(items)
	clear(items) // the records are the client's
	return a, n, nil
}

// item adds a row, or says why the record is none.
func (r *rows) item(it *item) string {
	var err error
	if it.plan == nil {
		err = r.addTombstone(it.rec, it.keys)
	} else {
		if it.plan.set != nil {
			it.plan.set()
		}
		err = r.add(it.rec, it.payload)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// gather finds how records are read, up to the first whose rows have another shape. Tombstones go with any.
func (d *Decoder) gather(ctx context.Context, b *Batch) (items []item, into *rows, err error) {
	items = slices.Grow(d.items[:0], len(b.Records))
	d.items = items
	for _, rec := range b.Records {
		it := item{rec: rec}
		if rec.Value == nil {
			it.keys, err = d.tombstone(ctx, rec)
		} else {
			it.plan, it.payload, err = d.format.plan(ctx, rec.Value)
		}
		var bad *poison
		switch {
		case errors.As(err, &bad):
			it.bad = bad.reason
		case err != nil:
			return items, d.orEmpty(into), placed(err, d.def.topic.Name, rec)
		case it.plan != nil && into == nil:
			into = it.plan.rows
		case it.plan != nil && into != it.plan.rows:
			return items, into, nil
		}
		items = append(items, it)
	}
	return items, d.orEmpty(into), nil
}

func (d *Decoder) orEmpty(r *rows) *rows {
	if r == nil {
		return d.empty
	}
	return r
}

func (d *Decoder) tombstone(ctx context.Context, rec *kgo.Record) ([]value.Value, error) {
	switch {
	case len(d.def.topic.Keys) == 0:
		return nil, &poison{"the record has no value; only a source with keys= and deleted= knows deletions"}
	case rec.Key == nil:
		return nil, &poison{"a record without a value and without a key deletes nothing"}
	}
	return d.format.keys(ctx, rec.Key)
}

// emptyRows are rows of tombstones alone: what select= makes of the record's own, and nulls.
func (d *definition) emptyRows() (*rows, error) {
	own := *d
	own.selects = slices.DeleteFunc(slices.Clone(d.selects), func(s selection) bool {
		return slices.ContainsFunc(s.paths, func(p []string) bool { return !ofRecord(p[0]) })
	})
	s, err := own.settle(untyped)
	if err != nil {
		return nil, err
	}
	return newRows(&own, s, jsonrows.NewDecoder(s.payload, jsonrows.Options{})), nil
}

// placed gives a schema's error the record at which it was met.
func placed(err error, topic string, rec *kgo.Record) error {
	var e *dataset.SchemaError
	if !errors.As(err, &e) {
		return fmt.Errorf("topic %q partition %d offset %d: %w", topic, rec.Partition, rec.Offset, err)
	}
	here := *e
	here.Topic, here.Partition, here.Offset = topic, rec.Partition, rec.Offset
	return &here
}

func asPoison(rec *kgo.Record, reason string) dataset.Poison {
	out := dataset.Poison{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset, Time: rec.Timestamp.UnixMilli(), Reason: reason, Key: rec.Key, Value: rec.Value}
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, dataset.Header{Key: h.Key, Value: h.Value})
	}
	return out
}
