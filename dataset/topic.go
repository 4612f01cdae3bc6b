package dataset

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Topics is a broker that is read and written. An implementation lives in a leaf folder (kafka), and cmd/bighead/wire.go names it.
type Topics interface {
	// Open starts reading a topic where from says. It fails where the broker cannot be reached or the definition does not fit.
	Open(ctx context.Context, t Topic, from From) (TopicReader, error)
	// Bounded is what a topic holds at this moment, from its oldest records on, a part for each partition. A record that is no row is an error.
	Bounded(ctx context.Context, t Topic) (Table, error)
	// Create starts writing rows into a topic, as records of the format ("json" or "avro"), of which readers of committed records see all at
	// Close or none. of names what is written.
	Create(ctx context.Context, topic, format, of string, s value.Schema) (Writer, error)
	// Bury writes records that could not be read to a dead-letter topic, each with its origin and reason in headers, and returns once the
	// broker has them.
	Bury(ctx context.Context, topic string, dead []Poison) error
	// Ping says whether the brokers answer and have these topics; what is wrong otherwise.
	Ping(ctx context.Context, topics ...string) error
	Close() error
}

// Topic says how the records of a topic are rows of a source.
type Topic struct {
	Name   string
	Format string       // "json" (or ""), "avro", "protobuf"; the latter two with a schema registry's wire format
	Schema value.Schema // the source's columns; a column that no Select makes is the record's field of its name
	Select []Select
	// TimeUnits are the units of integers that are times, by the column that holds them.
	TimeUnits map[string]string
	Personal  []string // columns whose values are never printed

	// Keys are the key columns of an entity source, nil of an event source. Its tombstones (records without a value) are rows that have
	// these alone, from the record's key, Deleted (where named) true, and Time (where it names a column) the record's time.
	Keys          []string
	Deleted, Time string
}

// Select is a column of the source as SQL over the record's fields.
type Select struct{ Column, SQL string }

// From is where reading begins, by partition.
type From struct {
	// Had are the last offsets had. They are the caller's alone: what a consumer group has committed is never read.
	Had map[int32]int64
	// Since is where partitions begin of which nothing was had: the first record that is not older, ms; 0: the oldest there is. A partition
	// that is added to the topic later begins at its beginning.
	Since int64
	// ID is the topic's, as TopicReader.ID gave it when Had was kept: a topic that was deleted and made anew is refused. Zero: not compared.
	ID [16]byte
}

// TopicReader gives a topic's rows. It is for one goroutine, but for Lag and Commit, which any may call. While nobody calls Next no more
// is fetched than a bounded buffer holds.
type TopicReader interface {
	// Next waits for the next rows, which are of one partition and follow those before. Besides the context's: a *LostRecords or a
	// *SchemaError stay, the position being before them, and are given again; other errors are the broker's or the registry's, and the
	// same records come when Next is called again.
	Next(ctx context.Context) (*Arrival, error)
	// Lag is how far the reader is behind, by partition.
	Lag(ctx context.Context) ([]Lag, error)
	// Commit shows a group's readers how far we are. Nothing depends on it.
	Commit(ctx context.Context, had map[int32]int64) error
	// ID is the topic's own, to be kept with the positions.
	ID() [16]byte
	// Began is, of a reader that was opened without positions, the time of records, ms, from which on it gives all that there ever were.
	// whole says that it gives the topic from its very first record; then it is that record's time.
	Began() (since int64, whole bool)
	Close() error
}

// Arrival is some records of one partition. It is the caller's to keep.
type Arrival struct {
	Partition int32
	Last      int64        // offset of the last record that was looked at: what is had once Rows and Poison are kept
	Rows      *value.Batch // of Topic.Schema
	Offsets   []int64      // of the rows, ascending, with gaps
	Times     []int64      // of the rows' records, ms
	// Tombstones are the rows that are deletions, by index, ascending.
	Tombstones []int32
	Poison     []Poison // records that are no rows
	Counts     Counts   // Rows, Bytes, and what became null on reading
	// Nulls are those that the expressions of Select made (X1), by column.
	Nulls map[string]expr.Nulls
}

// Poison is a record that cannot be read, whole, for a dead-letter topic.
type Poison struct {
	Topic      string
	Partition  int32
	Offset     int64
	Time       int64  // ms
	Reason     string // says what is wrong and where; shows no value of a personal column
	Key, Value []byte // nil: null
	Headers    []Header
}

// Header is one of a record.
type Header struct {
	Key   string
	Value []byte
}

// Lag is how far a reader is behind in a partition.
type Lag struct {
	Partition int32
	Had       int64 // last offset handed out, −1: none
	End       int64 // offset that the next record will get
	Records   int64 // between them; offsets without a record count too
	Time      int64 // of the last record handed out, ms; 0: none
}

// LostRecords says that records which were not had are there no more: retention passed them, or the topic was cut or made anew.
type LostRecords struct {
	Topic     string
	Partition int32
	Next      int64 // the offset that should have come
	First     int64 // the oldest offset there is; above Next where retention passed
	End       int64 // the offset after the newest
	Why       string
}

func (e *LostRecords) Error() string {
	return fmt.Sprintf("topic %q partition %d: offset %d should come next, and %s (there are %d to %d); "+
		"what is between is lost to the stream: repair it with a backfill and start the source anew (the older records are gone whatever you do)",
		e.Topic, e.Partition, e.Next, e.Why, e.First, e.End-1)
}

// SchemaError says that records of a schema cannot be rows of the source.
type SchemaError struct {
	Topic     string
	Partition int32
	Offset    int64 // of the first such record; nothing from it on was handed out
	Subject   string
	Version   int // of the subject; 0: the registry does not say
	ID        int // of the schema in the registry
	Field     string
	Problem   string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("topic %q partition %d offset %d: schema %d (%s version %d), field %q: %s",
		e.Topic, e.Partition, e.Offset, e.ID, e.Subject, e.Version, e.Field, e.Problem)
}
