package dataset

import "context"

// KeyedTopics is a broker whose topics are kept by key: the newest record of a key stands for it, and who reads one from its start knows all
// that stands. An implementation lives in a leaf folder (kafka), and cmd/bighead/wire.go names it. It is safe for concurrent use.
type KeyedTopics interface {
	// Records starts reading a topic where from says, record by record as they are.
	Records(ctx context.Context, topic string, from From) (RecordReader, error)
	// Keep makes a topic that is compacted, of so many partitions; one that is there already stays as it is.
	Keep(ctx context.Context, topic string, partitions int32) error
	// Remove deletes topics; one that is not there is no error.
	Remove(ctx context.Context, topics ...string) error
	// TopicID is the topic's own: one that is deleted and made anew under its name has another. Zero: there is no such topic.
	TopicID(ctx context.Context, topic string) ([16]byte, error)
	// Committed are the offsets that a consumer group has committed of a topic, by partition: those that it would read next.
	Committed(ctx context.Context, group, topic string) (map[int32]int64, error)
	// Ends are the offsets that the next records of a topic will get, by partition, and of its oldest.
	Ends(ctx context.Context, topic string) (ends, begins map[int32]int64, err error)
	// Began is the time of records, ms, from which on a topic has all that there ever were. whole says that it has them from its very first
	// record; then it is that record's time.
	Began(ctx context.Context, topic string) (since int64, whole bool, err error)
}

// RecordReader gives a topic's records. What TopicReader says of Next, Lag, ID and Close holds here too.
type RecordReader interface {
	Next(ctx context.Context) (*Records, error)
	Lag(ctx context.Context) ([]Lag, error)
	ID() [16]byte
	Close() error
}

// Records are some of one partition, in order.
type Records struct {
	Partition int32
	Records   []Record
}

// Record is one of a topic as it is. Its bytes are not to be changed; nil: null.
type Record struct {
	Offset     int64
	Key, Value []byte
}
