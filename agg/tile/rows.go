package tile

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Row is one row that is kept as it is: what happened when, what decides between rows of one time, and the columns that are read of it.
type Row struct {
	TS int64
	// Tie decides between rows of one ts (E2, E5); Cells are the columns.
	Tie, Cells []value.Value
	// Deleted ends an entity (E5).
	Deleted bool
}

// Compare is the order of rows: by time, then by tie, a deletion after all rows of its millisecond.
func (r *Row) Compare(s *Row) int {
	switch {
	case r.TS != s.TS:
		if r.TS < s.TS {
			return -1
		}
		return 1
	case r.Deleted != s.Deleted:
		if s.Deleted {
			return -1
		}
		return 1
	}
	return value.CompareRows(r.Tie, s.Tie)
}

// Rows is rows of a key, in their order.
type Rows struct {
	Header
	Rows []Row
}

// Add puts a row into its place, behind those that compare equal.
func (t *Rows) Add(r Row) {
	i, _ := slices.BinarySearchFunc(t.Rows, &r, func(x Row, y *Row) int {
		if x.Compare(y) <= 0 {
			return -1
		}
		return 1
	})
	t.Rows = slices.Insert(t.Rows, i, r)
}

// RowLayout is how many values a row has.
type RowLayout struct {
	ties, cells int
	mark        uint32
}

// NewRowLayout is the layout of rows with so many values for ties and cells, under the fingerprint of what they mean.
func NewRowLayout(fingerprint string, ties, cells int) *RowLayout {
	return &RowLayout{ties, cells, crc32.Checksum([]byte("rows "+fingerprint), castagnoli)}
}

// Append adds the encoding of rows in the newest version.
func (l *RowLayout) Append(dst []byte, t *Rows) []byte { return l.AppendAs(dst, t, Version) }

// AppendAs adds the encoding of rows in a version that is read still: as a tile's (Layout.AppendAs), with the number of rows and each row's ts, flag and values in canonical
// encoding in place of the states.
func (l *RowLayout) AppendAs(dst []byte, t *Rows, version byte) []byte {
	from := len(dst)
	dst = l.begin(dst, &t.Header, len(t.Rows), version)
	for i := range t.Rows {
		dst = appendOrder(dst, &t.Rows[i])
		dst = value.AppendKey(dst, t.Rows[i].Cells)
	}
	return seal(dst, from)
}

// begin adds what stands before the rows.
func (l *RowLayout) begin(dst []byte, h *Header, rows int, version byte) []byte {
	dst = appendHeader(begin(dst, version, l.mark), h)
	return binary.AppendUvarint(dst, uint64(rows))
}

// appendOrder adds of a row what it is ordered by, before its cells.
func appendOrder(dst []byte, r *Row) []byte {
	dst = binary.AppendVarint(dst, r.TS)
	flag := byte(0)
	if r.Deleted {
		flag = 1
	}
	return value.AppendKey(append(dst, flag), r.Tie)
}

// Decode reads rows. The memory taken is bounded by the length of the bytes, which are not kept.
func (l *RowLayout) Decode(b []byte) (*Rows, error) {
	r := reader{}
	if err := r.open(b, l.mark); err != nil {
		return nil, err
	}
	t := &Rows{}
	r.header(&t.Header)
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail("number of rows")
	}
	for ; n > 0 && r.err == nil; n-- {
		row := l.row(&r)
		if k := len(t.Rows); r.err == nil && k > 0 && t.Rows[k-1].Compare(&row) > 0 {
			r.fail("rows out of order")
		}
		t.Rows = append(t.Rows, row)
	}
	return t, r.close()
}

func (l *RowLayout) row(r *reader) Row {
	row := Row{TS: r.varint()}
	if len(r.b) == 0 || r.b[0] > 1 {
		r.fail("flag")
		return row
	}
	row.Deleted = r.b[0] == 1
	r.b = r.b[1:]
	values := make([]value.Value, l.ties+l.cells)
	for i := range values {
		v, rest, err := value.Decode(r.b)
		if err != nil {
			r.fail(err.Error())
			return row
		}
		values[i], r.b = v, rest
	}
	row.Tie, row.Cells = values[:l.ties:l.ties], values[l.ties:]
	return row
}
