package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
)

// Cluster is dataset.Topics over Kafka. It is safe for concurrent use.
type Cluster struct {
	config  Config
	schemas *Schemas // nil: no registry

	mu     sync.Mutex
	writer *kgo.Client // of dead letters; made when first needed
}

// New makes a Cluster; nothing is asked of a broker yet.
func New(config Config) (*Cluster, error) {
	if _, err := config.options(); err != nil {
		return nil, err
	}
	c := &Cluster{config: config}
	if len(config.Registry.URLs) > 0 {
		var err error
		if c.schemas, err = NewSchemas(config.Registry); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Open starts reading a topic.
func (c *Cluster) Open(ctx context.Context, t dataset.Topic, from dataset.From) (dataset.TopicReader, error) {
	decoder, err := NewDecoder(t, c.schemas)
	if err != nil {
		return nil, err
	}
	consumer, err := Start(ctx, c.config, t.Name, from)
	if err != nil {
		return nil, err
	}
	return &Reader{Consumer: consumer, decoder: decoder}, nil
}

// Ping asks the brokers for their topics.
func (c *Cluster) Ping(ctx context.Context, topics ...string) error {
	options, err := c.config.options()
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	asked := &Consumer{config: c.config, admin: kadm.NewClient(client)}
	if _, err := asked.admin.ListBrokers(ctx); err != nil {
		return fmt.Errorf("kafka at %s: %w", strings.Join(c.config.Brokers, ", "), err)
	}
	var errs []error
	for _, t := range topics {
		asked.topic = t
		_, err := asked.describe(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Version is what the brokers are, by the requests that they know: "v4.0", each once where they differ.
func (c *Cluster) Version(ctx context.Context) (string, error) {
	options, err := c.config.options()
	if err != nil {
		return "", err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return "", fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ApiVersions(ctx)
	if err != nil {
		return "", fmt.Errorf("kafka at %s: %w", strings.Join(c.config.Brokers, ", "), err)
	}
	var versions []string
	for _, b := range brokers.Sorted() {
		if b.Err != nil {
			return "", fmt.Errorf("kafka at %s: broker %d: %w", strings.Join(c.config.Brokers, ", "), b.NodeID, b.Err)
		}
		if v := b.VersionGuess(); !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return strings.Join(versions, " and "), nil
}

// Subjects asks the schema registry for the subjects that it has: none where no registry is named.
func (c *Cluster) Subjects(ctx context.Context) ([]string, error) {
	if c.schemas == nil {
		return nil, nil
	}
	subjects, err := c.schemas.client.Subjects(ctx)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return subjects, nil
}

// Headers of dead letters, beside the record's own.
const (
	deadTopic     = "bighead.topic"
	deadPartition = "bighead.partition"
	deadOffset    = "bighead.offset"
	deadTime      = "bighead.time_ms"
	deadReason    = "bighead.reason"
)

// Bury writes dead letters: key, value and headers of each record as they were, and five headers of where it came from and why.
func (c *Cluster) Bury(ctx context.Context, topic string, dead []dataset.Poison) error {
	w, err := c.producer()
	if err != nil {
		return err
	}
	records := make([]*kgo.Record, len(dead))
	for i, d := range dead {
		r := &kgo.Record{Topic: topic, Key: d.Key, Value: d.Value}
		for _, h := range d.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		for _, h := range [][2]string{
			{deadTopic, d.Topic}, {deadPartition, strconv.Itoa(int(d.Partition))}, {deadOffset, strconv.FormatInt(d.Offset, 10)},
			{deadTime, strconv.FormatInt(d.Time, 10)}, {deadReason, d.Reason},
		} {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
		}
		records[i] = r
	}
	if err := w.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("dead letters to topic %q: %w", topic, err)
	}
	return nil
}

func (c *Cluster) producer() (*kgo.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer != nil {
		return c.writer, nil
	}
	options, err := c.config.options()
	if err != nil {
		return nil, err
	}
	w, err := kgo.NewClient(append(options, kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()), kgo.UnknownTopicRetries(1))...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	c.writer = w
	return w, nil
}

// Close ends what was begun for dead letters. Readers are closed by their owners.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer != nil {
		c.writer.Close()
		c.writer = nil
	}
	return nil
}
