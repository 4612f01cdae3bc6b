package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Bounded is what a topic holds at this moment: from each partition's oldest record up to where its committed ones end. Every scan reads the topic
// again, up to the same end; what retention took in between is an error then.
func (c *Cluster) Bounded(ctx context.Context, t dataset.Topic) (dataset.Table, error) {
	if _, err := NewDecoder(t, c.schemas); err != nil {
		return nil, err
	}
	options, err := c.config.options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	asked := &Consumer{config: c.config, admin: kadm.NewClient(client), topic: t.Name}
	if _, err := asked.describe(ctx); err != nil {
		return nil, err
	}
	first, err := asked.listed(asked.admin.ListStartOffsets(ctx, t.Name))
	if err != nil {
		return nil, err
	}
	end, err := asked.listed(asked.admin.ListCommittedOffsets(ctx, t.Name))
	if err != nil {
		return nil, err
	}
	var files []dataset.File
	var parts []dataset.Part
	for p := int32(0); int(p) < len(end); p++ {
		files = append(files, &stretch{cluster: c, topic: t, partition: p, from: first[p], to: end[p]})
		parts = append(parts, dataset.Part{Path: fmt.Sprintf("topic %s partition %d", t.Name, p), Size: end[p] - first[p], Modified: time.Now()})
	}
	return dataset.Of(t.Schema, files, parts), nil
}

// stretch is the records [from, to) of a partition, as a file.
type stretch struct {
	cluster   *Cluster
	topic     dataset.Topic
	partition int32
	from, to  int64
}

func (s *stretch) Schema() value.Schema        { return s.topic.Schema }
func (s *stretch) Warnings() []dataset.Warning { return nil }
func (s *stretch) Metadata() dataset.Metadata  { return dataset.Metadata{} }
func (s *stretch) Groups() []dataset.Group     { return []dataset.Group{{Rows: -1}} }

// silence is how long a broker may give nothing before the end is reached.
const silence = 30 * time.Second

// Read reads the partition up to its end. Records of transactions that were aborted are passed over; the marks of transactions are asked for, for
// the last offset may be one.
func (s *stretch) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	if s.from >= s.to {
		return nil
	}
	decoder, err := NewDecoder(s.topic, s.cluster.schemas)
	if err != nil {
		return err
	}
	options, err := s.cluster.config.options()
	if err != nil {
		return err
	}
	at := map[string]map[int32]kgo.Offset{s.topic.Name: {s.partition: kgo.NewOffset().At(s.from)}}
	client, err := kgo.NewClient(append(options, kgo.ConsumePartitions(at), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes), kgo.FetchMaxWait(gatherFor))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	for next := s.from; next < s.to; {
		within, cancel := context.WithTimeout(ctx, silence)
		fetched := client.PollRecords(within, pollRecords)
		cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
		if errs := fetched.Errors(); len(errs) > 0 {
			if errors.Is(errs[0].Err, context.DeadlineExceeded) {
				return fmt.Errorf("topic %q partition %d: nothing came for %s after offset %d, and %d is its end: are the brokers away? run again", s.topic.Name, s.partition, silence, next-1, s.to)
			}
			return fmt.Errorf("topic %q partition %d after offset %d: %w; were its records removed meanwhile? run again", s.topic.Name, s.partition, next-1, errs[0].Err)
		}
		records := fetched.Records()
		if len(records) == 0 {
			continue
		}
		next = records[len(records)-1].Offset + 1
		records = slices.DeleteFunc(records, func(r *kgo.Record) bool { return r.Attrs.IsControl() || r.Offset >= s.to })
		if err := s.rows(ctx, decoder, records, columns, n, counts, emit); err != nil {
			return err
		}
	}
	return nil
}

// rows decodes records and hands the columns over.
func (s *stretch) rows(ctx context.Context, d *Decoder, records []*kgo.Record, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	schema := make(value.Schema, len(columns))
	for i, c := range columns {
		schema[i] = s.topic.Schema[c]
	}
	for len(records) > 0 {
		some := records[:min(n, len(records))]
		a, done, err := d.Decode(ctx, &Batch{Partition: s.partition, Records: some})
		if err != nil && done == 0 {
			return err
		}
		if len(a.Poison) > 0 {
			p := a.Poison[0]
			return fmt.Errorf("topic %q partition %d offset %d is no row: %s; bighead up puts such records among the dead letters and has the others in its log, which is read instead from then on",
				p.Topic, p.Partition, p.Offset, p.Reason)
		}
		rows := a.Counts
		rows.Rows = 0
		counts.Add(rows)
		records = records[done:]
		if a.Rows == nil || a.Rows.N == 0 {
			continue
		}
		out := &value.Batch{Schema: schema, N: a.Rows.N, Columns: make([]*value.Column, len(columns))}
		for i, c := range columns {
			out.Columns[i] = a.Rows.Columns[c]
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}
