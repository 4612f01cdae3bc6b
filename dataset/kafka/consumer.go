package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
)

// Batch is some records of one partition, in order; they follow those of the batch before.
type Batch struct {
	Partition int32
	Records   []*kgo.Record // the client's own, not copied
}

// Consumer reads all partitions of a topic from positions that the caller keeps. Next is for one goroutine, the rest for any.
type Consumer struct {
	config Config
	client *kgo.Client
	admin  *kadm.Client
	topic  string
	id     [16]byte

	since int64 // Began
	whole bool

	mu     sync.Mutex
	next   map[int32]int64 // offset that is to be taken next
	had    map[int32]int64 // offset of the last record handed out
	times  map[int32]int64 // its time
	failed error           // stays
	wake   context.CancelFunc

	waiting []Batch // of the last poll
	broken  []error // of the last poll, after its batches
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Start begins reading. What cannot be read on from its position is a *dataset.LostRecords already here.
func Start(ctx context.Context, config Config, topic string, from dataset.From) (*Consumer, error) {
	options, err := config.options()
	if err != nil {
		return nil, err
	}
	options = append(options,
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes), kgo.FetchMinBytes(leastBytes), kgo.FetchMaxWait(gatherFor),
		kgo.MetadataMinAge(min(config.every(), 5*time.Second))) // below its age the client answers out of its memory
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	c := &Consumer{config: config, client: client, admin: kadm.NewClient(client), topic: topic, had: map[int32]int64{}, times: map[int32]int64{}}
	if err := c.begin(ctx, from); err != nil {
		client.Close()
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.done.Go(func() { c.watch(background) })
	return c, nil
}

// begin finds the partitions and where each starts.
func (c *Consumer) begin(ctx context.Context, from dataset.From) error {
	detail, err := c.describe(ctx)
	if err != nil {
		return err
	}
	c.id = detail.ID
	if from.ID != ([16]byte{}) && from.ID != c.id {
		return c.anew(from.Had)
	}
	if c.next, err = c.starts(ctx, detail.Partitions.Numbers(), from); err != nil {
		return err
	}
	if len(from.Had) == 0 {
		if err := c.began(ctx, from.Since); err != nil {
			return err
		}
	}
	for p, next := range c.next {
		c.had[p] = next - 1
	}
	c.assign(c.next)
	return nil
}

func (c *Consumer) assign(next map[int32]int64) {
	at := map[int32]kgo.Offset{}
	for p, offset := range next {
		at[p] = kgo.NewOffset().At(offset)
	}
	c.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: at})
}

func (c *Consumer) describe(ctx context.Context) (kadm.TopicDetail, error) {
	topics, err := c.admin.ListTopics(ctx, c.topic)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("kafka at %s: %w", strings.Join(c.config.Brokers, ", "), err)
	}
	detail, ok := topics[c.topic]
	switch {
	case !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
		return detail, fmt.Errorf("kafka at %s has no topic %q; create it, or correct topic=", strings.Join(c.config.Brokers, ", "), c.topic)
	case detail.Err != nil:
		return detail, fmt.Errorf("topic %q: %w", c.topic, detail.Err)
	}
	return detail, nil
}

// starts says where each partition begins, and refuses a position that the topic cannot go on from.
func (c *Consumer) starts(ctx context.Context, partitions []int32, from dataset.From) (map[int32]int64, error) {
	first, err := c.listed(c.admin.ListStartOffsets(ctx, c.topic))
	if err != nil {
		return nil, err
	}
	end, err := c.listed(c.admin.ListEndOffsets(ctx, c.topic))
	if err != nil {
		return nil, err
	}
	since := first
	if from.Since != 0 {
		if since, err = c.listed(c.admin.ListOffsetsAfterMilli(ctx, from.Since, c.topic)); err != nil {
			return nil, err
		}
	}
	out := map[int32]int64{}
	for _, p := range partitions {
		had, ok := from.Had[p]
		if !ok {
			out[p] = since[p]
			continue
		}
		out[p] = had + 1
		if lost := c.lost(p, had+1, first[p], end[p]); lost != nil {
			return nil, lost
		}
	}
	for _, p := range slices.Sorted(maps.Keys(from.Had)) {
		if _, ok := out[p]; !ok {
			return nil, &dataset.LostRecords{Topic: c.topic, Partition: p, Next: from.Had[p] + 1, Why: "the topic has no such partition: it was deleted and made anew"}
		}
	}
	return out, nil
}

// began finds out from when on nothing is missing: of partitions that retention has cut, their oldest record's time.
func (c *Consumer) began(ctx context.Context, since int64) error {
	oldest, err := c.admin.ListOffsetsAfterMilli(ctx, 1, c.topic)
	if err == nil {
		err = oldest.Error()
	}
	if err != nil {
		return fmt.Errorf("topic %q: list offsets: %w", c.topic, err)
	}
	first, err := c.listed(c.admin.ListStartOffsets(ctx, c.topic))
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	begins := now // of the topic
	c.since, c.whole = since, since == 0
	oldest.Each(func(o kadm.ListedOffset) {
		at := o.Timestamp
		if at < 0 { // the partition is empty
			at = now
		}
		begins = min(begins, at)
		if first[o.Partition] > 0 {
			c.since, c.whole = max(c.since, at), false
		}
	})
	if c.whole {
		c.since = begins
	}
	return nil
}

// Began says from when on all records are given.
func (c *Consumer) Began() (since int64, whole bool) { return c.since, c.whole }

// lost says what is missing where a partition holds [first, end), and next should come.
func (c *Consumer) lost(p int32, next, first, end int64) error {
	why := ""
	switch {
	case next < first:
		why = fmt.Sprintf("%d offsets from it on were removed by retention before they were read", first-next)
	case next > end:
		why = "the topic ends before it: it was cut, or deleted and made anew"
	default:
		return nil
	}
	return &dataset.LostRecords{Topic: c.topic, Partition: p, Next: next, First: first, End: end, Why: why}
}

// anew is the error of a topic that is not the one it was.
func (c *Consumer) anew(had map[int32]int64) error {
	e := &dataset.LostRecords{Topic: c.topic, Why: "the topic was deleted and made anew: its offsets say nothing of what was had"}
	if len(had) > 0 {
		e.Partition = slices.Min(slices.Collect(maps.Keys(had)))
		e.Next = had[e.Partition] + 1
	}
	return e
}

func (c *Consumer) listed(offsets kadm.ListedOffsets, err error) (map[int32]int64, error) {
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %q: list offsets: %w", c.topic, err)
	}
	out := map[int32]int64{}
	offsets.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// Next waits for the next records. A *dataset.LostRecords stays; after another error the next call goes on where this one stood.
func (c *Consumer) Next(ctx context.Context) (*Batch, error) {
	b, err := c.take(ctx)
	if err == nil {
		c.handOut(b.Partition, b.Records[len(b.Records)-1])
	}
	return b, err
}

// handOut notes the last record that the caller has.
func (c *Consumer) handOut(p int32, last *kgo.Record) {
	c.mu.Lock()
	c.had[p], c.times[p] = last.Offset, last.Timestamp.UnixMilli()
	c.mu.Unlock()
}

// take is Next, but for noting that the records were handed out.
func (c *Consumer) take(ctx context.Context) (*Batch, error) {
	for {
		if len(c.waiting) > 0 {
			b := c.waiting[0]
			c.waiting = c.waiting[1:]
			c.mu.Lock()
			c.next[b.Partition] = b.Records[len(b.Records)-1].Offset + 1
			c.mu.Unlock()
			return &b, nil
		}
		if len(c.broken) > 0 {
			err := c.broken[0]
			c.broken = c.broken[1:]
			return nil, err
		}
		if err := c.poll(ctx); err != nil {
			return nil, err
		}
	}
}

// poll fills waiting and broken.
func (c *Consumer) poll(ctx context.Context) error {
	polled, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	if c.failed != nil {
		defer c.mu.Unlock()
		return c.failed
	}
	c.wake = cancel
	c.mu.Unlock()
	fetches := c.client.PollRecords(polled, pollRecords)
	if fetches.IsClientClosed() {
		return errors.New("the topic's reader is closed")
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Topic != c.topic { // the client's word for an ended context
			return
		}
		if len(p.Records) > 0 {
			c.waiting = append(c.waiting, Batch{p.Partition, p.Records})
		}
		if p.Err != nil {
			c.broken = append(c.broken, c.mishap(ctx, p.Partition, p.Err))
		}
	})
	if len(c.waiting)+len(c.broken) == 0 {
		return ctx.Err()
	}
	return nil
}

// mishap is what an error of a partition means. The client reads it no more, so what may pass is assigned again, where it stood.
func (c *Consumer) mishap(ctx context.Context, p int32, err error) error {
	next := c.at(p)
	for _, b := range c.waiting {
		if b.Partition == p {
			next = b.Records[len(b.Records)-1].Offset + 1
		}
	}
	var cut *kgo.ErrDataLoss
	switch {
	case errors.As(err, &cut):
		lost := &dataset.LostRecords{Topic: c.topic, Partition: p, Next: next, End: cut.ResetTo,
			Why: fmt.Sprintf("the broker has other records than those that were read, from offset %d on: an unclean election lost some", cut.ResetTo)}
		c.fail(lost)
		return lost
	case errors.Is(err, kerr.OffsetOutOfRange):
		first, err1 := c.listed(c.admin.ListStartOffsets(ctx, c.topic))
		end, err2 := c.listed(c.admin.ListEndOffsets(ctx, c.topic))
		if err1 == nil && err2 == nil {
			if lost := c.lost(p, next, first[p], end[p]); lost != nil {
				c.fail(lost)
				return lost
			}
		}
	}
	c.client.RemoveConsumePartitions(map[string][]int32{c.topic: {p}})
	c.assign(map[int32]int64{p: next})
	return fmt.Errorf("topic %q partition %d: %w", c.topic, p, err)
}

func (c *Consumer) at(p int32) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next[p]
}

// fail makes an error stay, and ends a poll that waits.
func (c *Consumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
	if c.wake != nil {
		c.wake()
	}
}

// watch looks for partitions that were added, and for a topic that is not the same any more.
func (c *Consumer) watch(ctx context.Context) {
	tick := time.NewTicker(c.config.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		topics, err := c.admin.ListTopics(ctx, c.topic)
		detail := topics[c.topic]
		switch {
		case err != nil: // the broker is away; the client says so in its log
		case errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
			c.fail(fmt.Errorf("topic %q was deleted while it was read", c.topic))
		case detail.Err != nil:
		case detail.ID != kadm.TopicID(c.id):
			c.mu.Lock()
			had := maps.Clone(c.next)
			c.mu.Unlock()
			for p := range had {
				had[p]--
			}
			c.fail(c.anew(had))
		default:
			c.add(detail.Partitions.Numbers())
		}
	}
}

// add begins partitions that are new at their beginning.
func (c *Consumer) add(partitions []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[int32]int64{}
	for _, p := range partitions {
		if _, ok := c.next[p]; !ok {
			found[p], c.next[p], c.had[p] = 0, 0, -1
		}
	}
	if len(found) > 0 {
		c.assign(found)
	}
}

// ID is the topic's own.
func (c *Consumer) ID() [16]byte { return c.id }

// Close ends reading; a Next that waits returns.
func (c *Consumer) Close() error {
	c.stop()
	c.done.Wait()
	c.client.Close()
	return nil
}
