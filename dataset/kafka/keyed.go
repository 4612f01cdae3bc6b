package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bighead-ml/bighead/dataset"
)

// recordReader is a Consumer as a dataset.RecordReader.
type recordReader struct{ *Consumer }

// Next hands the next records of one partition over as they are.
func (r recordReader) Next(ctx context.Context) (*dataset.Records, error) {
	b, err := r.Consumer.Next(ctx)
	if err != nil {
		return nil, err
	}
	out := &dataset.Records{Partition: b.Partition, Records: make([]dataset.Record, len(b.Records))}
	for i, rec := range b.Records {
		out.Records[i] = dataset.Record{Offset: rec.Offset, Key: rec.Key, Value: rec.Value}
	}
	return out, nil
}

// Records starts reading a topic record by record.
func (c *Cluster) Records(ctx context.Context, topic string, from dataset.From) (dataset.RecordReader, error) {
	consumer, err := Start(ctx, c.config, topic, from)
	if err != nil {
		return nil, err
	}
	return recordReader{consumer}, nil
}

// asking has something asked of the brokers.
func (c *Cluster) asking(do func(*kadm.Client) error) error {
	w, err := c.producer()
	if err != nil {
		return err
	}
	if err := do(kadm.NewClient(w)); err != nil {
		return fmt.Errorf("kafka at %s: %w", strings.Join(c.config.Brokers, ", "), err)
	}
	return nil
}

// compacted are the settings of a topic whose newest record of a key stands for it: neither size nor age deletes any.
func compacted() map[string]*string {
	text := func(s string) *string { return &s }
	return map[string]*string{"cleanup.policy": text("compact"), "retention.ms": text("-1"), "retention.bytes": text("-1"), "segment.ms": text("3600000")}
}

// Keep makes a compacted topic, replicated as the brokers do by default.
func (c *Cluster) Keep(ctx context.Context, topic string, partitions int32) error {
	return c.asking(func(admin *kadm.Client) error {
		_, err := admin.CreateTopic(ctx, partitions, -1, compacted(), topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %q: %w", topic, err)
		}
		return nil
	})
}

// Remove deletes topics.
func (c *Cluster) Remove(ctx context.Context, topics ...string) error {
	return c.asking(func(admin *kadm.Client) error {
		answers, err := admin.DeleteTopics(ctx, topics...)
		if err != nil {
			return err
		}
		var errs []error
		for _, a := range answers {
			if a.Err != nil && !errors.Is(a.Err, kerr.UnknownTopicOrPartition) {
				errs = append(errs, fmt.Errorf("delete topic %q: %w", a.Topic, a.Err))
			}
		}
		return errors.Join(errs...)
	})
}

// TopicID asks the brokers for a topic's ID, and not what the client remembers of it for some seconds.
func (c *Cluster) TopicID(ctx context.Context, topic string) (id [16]byte, err error) {
	w, err := c.producer()
	if err != nil {
		return id, err
	}
	q, t := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	q.Topics = append(q.Topics, t)
	a, err := q.RequestWith(ctx, w)
	if err == nil && len(a.Topics) != 1 {
		err = fmt.Errorf("the brokers speak of %d topics", len(a.Topics))
	}
	if err == nil {
		if err = kerr.ErrorForCode(a.Topics[0].ErrorCode); errors.Is(err, kerr.UnknownTopicOrPartition) {
			return id, nil
		}
	}
	if err != nil {
		return id, fmt.Errorf("kafka at %s: topic %q: %w", strings.Join(c.config.Brokers, ", "), topic, err)
	}
	return a.Topics[0].TopicID, nil
}

// Committed are a group's offsets of a topic; none of a group that nobody knows.
func (c *Cluster) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	out := map[int32]int64{}
	return out, c.asking(func(admin *kadm.Client) error {
		offsets, err := admin.FetchOffsets(ctx, group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("group %q: %w", group, err)
		}
		for p, o := range offsets[topic] {
			if o.Err == nil && o.At >= 0 {
				out[p] = o.At
			}
		}
		return nil
	})
}

// Ends are where a topic's partitions end and begin. Records of transactions that are still open are before neither.
func (c *Cluster) Ends(ctx context.Context, topic string) (ends, begins map[int32]int64, err error) {
	err = c.asking(func(admin *kadm.Client) error {
		asked := &Consumer{config: c.config, topic: topic, admin: admin}
		if ends, err = asked.listed(admin.ListCommittedOffsets(ctx, topic)); err != nil {
			return err
		}
		begins, err = asked.listed(admin.ListStartOffsets(ctx, topic))
		return err
	})
	return ends, begins, err
}

// Began is from when on a topic that is read from its oldest record has all that there were.
func (c *Cluster) Began(ctx context.Context, topic string) (since int64, whole bool, err error) {
	err = c.asking(func(admin *kadm.Client) error {
		asked := &Consumer{config: c.config, topic: topic, admin: admin}
		err := asked.began(ctx, 0)
		since, whole = asked.Began()
		return err
	})
	return since, whole, err
}

var _ dataset.KeyedTopics = (*Cluster)(nil)
