package kafka

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// ofHeader names, in each record that Create writes, what the rows are.
const ofHeader = "bighead.of"

// longestTransaction is what brokers allow at most unless they are told otherwise (transaction.max.timeout.ms).
const longestTransaction = 15 * time.Minute

// Create starts writing rows into a topic that is there, a record each without a key, in one transaction: readers of committed records see all of
// them at Close, or none. format is "json" (an object of the columns, times as RFC 3339), "avro" or "protobuf" (in the registry's wire format, under the
// subject TOPIC-value). of names what is written, and the transaction: a writer of the same name that was cut off is ended by it. A topic keeps what a run
// before wrote; running again adds the rows again.
func (c *Cluster) Create(ctx context.Context, topic, format, of string, schema value.Schema) (dataset.Writer, error) {
	w := &topicWriter{ctx: ctx, topic: topic, of: of, schema: schema}
	switch format {
	case "", "json":
		w.encode = w.json
	case "avro", "protobuf":
		if err := w.register(ctx, c.schemas, format); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf(`topic %q: rows are written as "json", "avro" or "protobuf", not %q`, topic, format)
	}
	options, err := c.config.options()
	if err != nil {
		return nil, err
	}
	w.client, err = kgo.NewClient(append(options, kgo.TransactionalID("bighead-"+topic+"-"+of), kgo.TransactionTimeout(longestTransaction), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()), kgo.UnknownTopicRetries(1))...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	asked := &Consumer{config: c.config, admin: kadm.NewClient(w.client), topic: topic}
	if _, err := asked.describe(ctx); err != nil {
		w.client.Close()
		return nil, err
	}
	return w, nil
}

// topicWriter is rows on their way into a topic.
type topicWriter struct {
	ctx    context.Context
	client *kgo.Client
	topic  string
	of     string
	schema value.Schema
	encode func(b []byte, row []value.Value) ([]byte, error)
	rows   int64 // written
	open   bool  // a transaction
	done   bool
	err    error
}

func (w *topicWriter) Write(b *value.Batch) error {
	if w.err == nil {
		w.err = w.write(b)
	}
	return w.err
}

// begin waits for a writer of the same name that was cut off to be ended.
func (w *topicWriter) begin() error {
	if w.open {
		return nil
	}
	if err := w.client.BeginTransaction(); err != nil {
		return fmt.Errorf("topic %q: %w", w.topic, err)
	}
	w.open = true
	return nil
}

func (w *topicWriter) write(b *value.Batch) error {
	if err := w.begin(); err != nil {
		return err
	}
	records := make([]*kgo.Record, b.N)
	for i := range b.N {
		text, err := w.encode(nil, b.Row(i))
		if err != nil {
			return fmt.Errorf("topic %q: row %d: column %w", w.topic, w.rows+int64(i)+1, err)
		}
		records[i] = &kgo.Record{Value: text, Headers: []kgo.RecordHeader{{Key: ofHeader, Value: []byte(w.of)}}}
	}
	if err := w.client.ProduceSync(w.ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("topic %q: %w", w.topic, err)
	}
	w.rows += int64(b.N)
	return nil
}

func (w *topicWriter) Close() error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	w.done, w.err = true, errors.New("the writer is closed")
	defer w.client.Close()
	if !w.open {
		return nil // no rows
	}
	if err := w.client.EndTransaction(w.ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("topic %q: the rows could not be committed, so that no reader of committed records sees them: %w", w.topic, err)
	}
	return nil
}

// Abort leaves records that no reader of committed ones sees.
func (w *topicWriter) Abort() {
	if w.done {
		return
	}
	w.done = true
	if w.open {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 10*time.Second)
		_ = w.client.AbortBufferedRecords(ctx)
		_ = w.client.EndTransaction(ctx, kgo.TryAbort) // else the broker does it when the transaction is too old
		cancel()
	}
	w.client.Close()
	if w.err == nil {
		w.err = errors.New("the writer was aborted")
	}
}

func (w *topicWriter) json(b []byte, row []value.Value) ([]byte, error) {
	b = append(b, '{')
	for i, f := range w.schema {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(f.Name) // a string
		b = append(append(b, name...), ':')
		b = value.AppendJSON(b, row[i])
	}
	return append(b, '}'), nil
}

// register gives the registry the rows' schema, and has rows written by it.
func (w *topicWriter) register(ctx context.Context, schemas *Schemas, format string) (err error) {
	if schemas == nil {
		return fmt.Errorf("topic %q is to be %s, and no schema registry is named; set registry under [stream]", w.topic, map[string]string{"avro": "Avro", "protobuf": "Protobuf"}[format])
	}
	schema := sr.Schema{Type: sr.TypeAvro}
	// Which message of its schema a record of Protobuf is stands before it; the first has a short form.
	var place []byte
	fields := func(b []byte, row []value.Value) ([]byte, error) { //nolint:unparam // Protobuf's has errors
		for i, f := range w.schema {
			b = appendAvro(b, f.Type, row[i])
		}
		return b, nil
	}
	if format == "protobuf" {
		schema.Type, place = sr.TypeProtobuf, []byte{0}
		fields = func(b []byte, row []value.Value) ([]byte, error) {
			return appendProto(b, w.schema, func(i int) value.Value { return row[i] })
		}
		schema.Schema, err = protoRegistered(ctx, w.schema)
	} else {
		schema.Schema, err = avroRows(w.schema)
	}
	if err != nil {
		return fmt.Errorf("topic %q: %w", w.topic, err)
	}
	id, err := schemas.register(ctx, w.topic+"-value", schema)
	if err != nil {
		return fmt.Errorf("topic %q: the registry does not take the rows' schema under %s-value: %w", w.topic, w.topic, err)
	}
	w.encode = func(b []byte, row []value.Value) ([]byte, error) {
		b = binary.BigEndian.AppendUint32(append(b, 0), uint32(id))
		return fields(append(b, place...), row)
	}
	return nil
}
