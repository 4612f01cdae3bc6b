package dataset

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// Table is a place with rows: a file, several files or a hive-partitioned folder. It is immutable, holds no open files, needs no
// closing, and may be scanned by many at once.
type Table interface {
	// Schema is the columns as our types, in the first file's order, then the partition columns in the order of the folders.
	Schema() value.Schema
	// Warnings name what was read as something lesser, by column: decimals as float, a partition column that hides a file's.
	Warnings() []Warning
	// Parts are the files, ordered by path. Callers must not change them.
	Parts() []Part
	// Scan starts reading. The context ends the reading; the Reader must be closed in any case.
	Scan(ctx context.Context, s Scan) (Reader, error)
}

// ErrNoTable is of a name in a catalog: there is no such table, or no such database or namespace, as where somebody has dropped it.
var ErrNoTable = errors.New("there is no such table")

// Warning is something that the author of a source should know, and that is no error.
type Warning struct {
	Column  string
	Message string
	LeftOut bool // the column has no type of ours, so it is not in the schema; Message says what it is
}

// Part is one file of a table.
type Part struct {
	Path     string
	Size     int64
	Modified time.Time
	Rows     int64 // -1: the file does not say without being read
	// Partition is the values of the partition columns, null for __HIVE_DEFAULT_PARTITION__; nil where there are none.
	Partition map[string]value.Value
	// Bounds are what the file says of its columns; a column without an entry may hold anything.
	Bounds map[string]Bounds
	// Shown says which of the file's rows the table has, "" for all: what was made of other rows of the same file is not good for these.
	Shown string
	// Grows: rows are added to the file as they come, behind those there are, until it gets another name.
	Grows bool
	// Mapped: the table has columns under other names than the file has them, or that the file lacks, so that the file alone is not its rows.
	Mapped bool
	// Files is a digest of the names, sizes and times of a part's files, where it is a folder elsewhere that an engine has listed; "" where Size and
	// Modified are all that is known.
	Files string
	// Metadata is what the writer left in the file, empty where the format has no place for it.
	Metadata Metadata
}

// Bounds are limits of the non-null cells of a column: no cell is less than Min or greater than Max. A null Min or Max is no limit.
type Bounds struct {
	Min, Max value.Value
	Nulls    int64 // -1: unknown
}

// Scan says what to read. The zero Scan reads everything.
type Scan struct {
	Columns []string // in the order wanted; nil: all; empty: no columns, only row counts
	Parts   []int    // indexes into Parts, in the order wanted; nil: all
	// Ranges let whole parts and row groups be skipped: those where, by what the file says, every non-null cell of the column lies
	// outside. Rows are not filtered, and what is skipped may have held rows whose cell is null.
	Ranges    []Range
	BatchRows int // about how many rows a batch has; 0: DefaultBatchRows
	Parallel  int // how many goroutines decode; 0: GOMAXPROCS
	// Unordered gives batches as they are ready. Otherwise they come by part, row group and row, whatever Parallel is.
	Unordered bool
}

// DefaultBatchRows keeps a few columns of a batch within a core's cache.
const DefaultBatchRows = 32768

// Range is the interval [Min, Max] of a column; null is no bound. The values must have the column's type.
type Range struct {
	Column   string
	Min, Max value.Value
}

// Reader gives the rows of a scan. It is used by one goroutine.
type Reader interface {
	// Next is the next batch, never empty, or io.EOF. Batches and their columns are the caller's to keep and must not be written to;
	// strings may be views of larger buffers, so who keeps few of many clones them. After an error it gives that error again.
	Next() (*value.Batch, error)
	// Part is the index in Parts of the file that the last batch came from.
	Part() int
	// Counts are of what has been read so far; final after io.EOF.
	Counts() Counts
	// Close ends the reading and waits for its goroutines. It may be called more than once.
	Close() error
}

// Options say how files are to be understood.
type Options struct {
	Format string // a format's name ("parquet", "csv", "ndjson", "arrow"); "": by the files' extension
	// Declared types: of text files' columns (others are inferred), of partition columns, and what the other formats' columns must be.
	// Where it is given, only its columns have to agree between files; others are left out of the schema unless all files have them.
	Declared value.Schema
	// TimeUnits are the units ("s", "ms", "us", "ns") of integer columns that are times (V5); such a column reads as a timestamp.
	TimeUnits map[string]string
	// Personal columns' cells are never printed in errors.
	Personal []string
	// Inferred is set by Open for a Format that is an Inferrer where nothing was declared: what Declared does not name is an error then.
	Inferred bool
}

// Writer takes batches and makes one file of them, or none.
type Writer interface {
	// Write adds the rows of a batch of the writer's schema. It does not keep the batch. After an error only Abort is of use.
	Write(*value.Batch) error
	// Close commits: the file appears under its name whole and synced, or there is an error and nothing appears.
	Close() error
	// Abort leaves nothing behind. After Close it does nothing, so it can be deferred.
	Abort()
}

// WriteOptions say how a file is written. The zero value is right for most.
type WriteOptions struct {
	Format       string // as in Options; "": by the path's extension
	Compression  string // of parquet: "zstd" (the default), "snappy", "gzip", "none"; of text: "none", "gzip", "zstd", by the extension
	RowGroupRows int    // of parquet: 0 means about a million
	Parallel     int    // how many goroutines encode; 0: GOMAXPROCS
	// Pause, where not nil, is called between stretches of work of less than a millisecond: who writes beside what may not wait waits there.
	Pause func()
}

// Format is a kind of file. A Format has no state and may be used by many at once.
type Format interface {
	// Name is the word that Options.Format takes.
	Name() string
	// Extensions are those of its files, with the dot, the usual one first.
	Extensions() []string
	// Open reads what there is to know about a file. o.Declared and o.TimeUnits hold only columns that files have.
	Open(ctx context.Context, path string, o Options) (File, error)
	// Encode starts a file on w. The Encoder does not close w.
	Encode(w io.Writer, s value.Schema, m Metadata, o WriteOptions) (Encoder, error)
}

// Inferrer is a Format whose files carry no types. Infer makes one schema for all paths, which is then handed to Open as declared.
type Inferrer interface {
	Infer(ctx context.Context, paths []string, o Options) (value.Schema, error)
}

// File is one file of a Format, closed between reads and safe for concurrent ones.
type File interface {
	Schema() value.Schema
	Warnings() []Warning
	Metadata() Metadata
	// Groups are the stretches of rows that can be read alone, in the file's order. An empty file may have none.
	Groups() []Group
	// Read decodes one group and hands its rows over in order, in batches of about n rows (the last may have fewer, none is empty) with
	// the columns at the indexes, in that order. An error of emit ends the reading and is returned as it is. What became null is added
	// to counts, which belongs to this call; so are bytes.
	Read(ctx context.Context, group int, columns []int, n int, counts *Counts, emit func(*value.Batch) error) error
}

// Group is a stretch of a file's rows: a row group of Parquet, a whole file of text.
type Group struct {
	Rows   int64 // -1: unknown before it is read
	Bounds map[string]Bounds
}

// Encoder writes batches in a format.
type Encoder interface {
	Write(*value.Batch) error
	Close() error // writes what is buffered, and the file's end
}
