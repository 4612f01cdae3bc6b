package eventlog

import (
	"context"
	"errors"
	"os"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Columns that sealed files and Table add to the source's.
const (
	ArrivalColumn   = "_arrival"   // timestamp: when the row was accepted
	PartitionColumn = "_partition" // int: of the topic; Pushed for rows that were pushed
	OffsetColumn    = "_offset"    // int: within the partition
)

// Pushed is the partition of rows that came by Push and not from a topic. Their offsets are the log's own.
const Pushed = -1

// Options are how a log is kept.
type Options struct {
	// Formats read sealed files; the first writes them.
	Formats []dataset.Format
	// Keep is for how long rows stay after their arrival, ms, by whole files; 0: for ever. Records that a reader has not released stay in any
	// case.
	Keep int64
	// Copies is for how long after an event's ts a copy of it is told apart, ms: the source's lateness. HasID turns it on.
	HasID  bool
	Copies int64
	// Clock says now, in ms since the epoch: when rows arrive, what is old. It may jump back, and arrivals do so with it; but what was let
	// go or forgotten while it was ahead is gone.
	Clock func() int64
	// SegmentBytes is how long a write-ahead file gets before the next is begun, about; 0: 64 MiB. An hour begins one too.
	SegmentBytes int64
	// Open opens a segment that is there to go on with it; nil: on the machine's disk. Tests put one in its place that fails.
	Open func(path string) (File, error)
}

// File is a segment that is written to.
type File interface {
	Write([]byte) (int, error)
	Sync() error
	Truncate(int64) error
	Seek(int64, int) (int64, error)
	Close() error
}

// OpenFile opens a segment on the machine's disk.
func OpenFile(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return walOnDisk{f}, nil
}

// Record is rows that arrived together from one partition.
type Record struct {
	Sequence  int64 // the record's place in the log, ascending by one from 1
	Arrival   int64 // ms since the epoch
	Partition int32
	First     int64        // offset of the first row; offsets ascend, and Offsets holds them where they leave gaps
	Offsets   []int64      // nil: First, First+1, …
	Rows      *value.Batch // of the log's schema
	// Once is the caller's name of a batch that may come again (an Idempotency-Key); "": none, or the record was read from a sealed file.
	Once string
}

// Offset is that of row i.
func (r *Record) Offset(i int) int64 {
	if r.Offsets != nil {
		return r.Offsets[i]
	}
	return r.First + int64(i)
}

// Arriving is rows to be appended, at most a million and 256 MiB. The log keeps Rows and Offsets, which must not be written to afterwards;
// the newest records are handed to readers as they came.
type Arriving struct {
	Partition int32
	// Offsets are the rows' in their partition, ascending; nil for Pushed, whose offsets the log gives.
	Offsets []int64
	Rows    *value.Batch
	// IDs and Times are, of a source with an id, each row's id in canonical encoding ("": null, or the row has no ts: never a copy) and ts;
	// nil otherwise.
	IDs   []string
	Times []int64
	// Once is known for a day after it was appended with rows; at most 1 KiB.
	Once string
}

// Accepted says what became of the rows.
type Accepted struct {
	Sequence int64 // of the record; that of the last record before where nothing was appended
	// Copies are the rows that were accepted before, by index, ascending: not appended. Differs counts those among them that the log can
	// tell to differ from what it has; Conflicts the rows with an id that came before with another ts (accepted). What is older than
	// Options.Copies is forgotten: it is neither a copy nor in conflict.
	Copies             []int32
	Differs, Conflicts int64
	// Again: a record with this Once is in the log already, and nothing was appended.
	Again bool
}

// ErrClosed says that the log was closed meanwhile.
var ErrClosed = errors.New("the event log is closed")

// ErrFailed says that nothing is appended any more.
var ErrFailed = errors.New("close the log and open it again")

// ErrTooLarge says that rows are more than a batch may have.
var ErrTooLarge = errors.New("send them in several batches")

// ErrDamaged is what every error is that says that bytes of the log are not what was written. A torn end, which a crash leaves, is no
// damage: it was never acknowledged, and is cut off when the log is opened.
var ErrDamaged = errors.New("the event log is damaged")

// Log is the accepted events of one source. It is safe for concurrent use. One process has it open at a time.
type Log interface {
	// Append makes rows durable and only then returns: they survive kill -9 and, the disk being honest, the loss of power. So are the firsts
	// of copies, whoever brought them. Callers that come together share one sync. Of a topic's partition, offsets at or below the last
	// appended are left out as seen before, counted as nothing. An error means that the rows may or may not be there; repeating with the
	// same ids, offsets or Once is harmless. A full disk is an error until there is room; after a sync that failed, all appends are refused
	// until the log is opened again. A ctx that ends takes back what is not being written yet.
	Append(ctx context.Context, a *Arriving) (Accepted, error)
	// Read gives the records from a sequence number on, in order, sealed or not; at the end of the log the cursor waits for more. A number
	// that has been let go, or that the log does not reach, is an error that says from where on the log is.
	Read(ctx context.Context, from int64) (Cursor, error)
	// First and Next are the sequence numbers of the oldest record there is and of the one to come.
	First() int64
	Next() int64
	// Positions are the last offsets appended, by partition, Pushed among them.
	Positions() map[int32]int64
	// Release says that no reader needs records before a sequence number soon, so that they may be sealed, and let go after Keep. Until then
	// they can be read still, but more slowly. It is not remembered when the log is closed.
	Release(before int64)
	// Seal turns whole hours of released records into Parquet, lets go what is older than Keep, and forgets ids that no copy can
	// have any more. It is for one background goroutine; whatever ends it loses nothing and shows nothing twice.
	Seal(ctx context.Context) error
	// Table is all there is, sealed or not, as of now: the source's columns and the three of ours. It stays readable while the log goes
	// on, and shows each row once, but for rows that are let go meanwhile. OpenTable is the same for another process.
	Table(ctx context.Context) (dataset.Table, error)
	// Bytes is what the log takes on disk.
	Bytes() int64
	Close() error
}

// Cursor is a reader's place in a log, for one goroutine.
type Cursor interface {
	// Next waits for the next record. It is the caller's to keep and not to write to. ctx.Err() or ErrClosed end it.
	Next(ctx context.Context) (*Record, error)
	Close() error
}
