package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// sealedRows reads the records of a sealed file, for readers that begin where the log is sealed already: of a new group, or one whose state
// was lost.
type sealedRows struct {
	name   sealedName
	reader dataset.Reader
	own    int          // how many columns are the source's
	batch  *value.Batch // what was read last
	row    int          // of it: the next
}

// sealedOf is the sealed file that has a record; mu is held.
func (l *eventLog) sealedOf(sequence int64) (sealedName, bool) {
	for _, s := range l.sealed {
		if s.from <= sequence && sequence < s.to {
			return s, true
		}
	}
	return sealedName{}, false
}

func (l *eventLog) openRows(s sealedName, from int64) (*sealedRows, error) {
	columns := append(columnsOf(l.schema), value.Field{Name: recordColumn, Type: value.Int})
	ctx := context.Background() // closing the cursor ends the reading
	file, part, err := s.open(ctx, l.o.Formats, columns)
	if err != nil {
		return nil, err
	}
	scan := dataset.Scan{Parallel: 1, Ranges: []dataset.Range{{Column: recordColumn, Min: value.OfInt(from)}}}
	reader, err := dataset.Of(columns, []dataset.File{file}, []dataset.Part{part}).Scan(ctx, scan)
	if err != nil {
		return nil, err
	}
	return &sealedRows{name: s, reader: reader, own: len(l.schema)}, nil
}

// record gives one record, whose rows may begin and end anywhere in batches.
func (s *sealedRows) record(sequence int64) (*Record, error) {
	var pieces []*value.Batch
	for {
		if s.batch == nil || s.row == s.batch.N {
			b, err := s.reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			s.batch, s.row = b, 0
		}
		records := s.batch.Columns[s.own+3].Ints
		from := s.row
		for s.row < s.batch.N && records[s.row] < sequence {
			s.row, from = s.row+1, from+1
		}
		for s.row < s.batch.N && records[s.row] == sequence {
			s.row++
		}
		if s.row > from {
			pieces = append(pieces, slice(s.batch, from, s.row))
		}
		if s.row < s.batch.N {
			break
		}
	}
	if len(pieces) == 0 {
		return nil, damaged(s.name.path, 0, fmt.Errorf("record %d is missing", sequence))
	}
	return s.make(sequence, concat(pieces)), nil
}

// slice is rows [from, to) of a batch.
func slice(b *value.Batch, from, to int) *value.Batch {
	rows := make([]int32, to-from)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	return takeRows(b, rows)
}

// make is the record of rows that have our columns behind the source's.
func (s *sealedRows) make(sequence int64, b *value.Batch) *Record {
	arrival, partition, offsets := b.Columns[s.own].Ints, b.Columns[s.own+1].Ints, b.Columns[s.own+2].Ints
	r := &Record{Sequence: sequence, Arrival: arrival[0], Partition: int32(partition[0]), First: offsets[0]}
	r.Rows = &value.Batch{Schema: b.Schema[:s.own:s.own], Columns: b.Columns[:s.own:s.own], N: b.N}
	if offsets[b.N-1]-offsets[0] != int64(b.N-1) {
		r.Offsets = offsets
	}
	return r
}

// fromSealed reads a record of a sealed file.
func (c *cursor) fromSealed(s sealedName) (*Record, error) {
	if c.sealed == nil || c.sealed.name != s {
		c.drop()
		var err error
		if c.sealed, err = c.log.openRows(s, c.at); err != nil {
			return nil, c.orGone(err)
		}
	}
	r, err := c.sealed.record(c.at)
	if err != nil {
		return nil, c.orGone(err)
	}
	return r, nil
}

// orGone tells that a file was let go meanwhile from what else may be wrong with it.
func (c *cursor) orGone(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.log.gone(c.at)
}
