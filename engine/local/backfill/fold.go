package backfill

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/keys"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

// slot makes the files of the days of a slot: bucket of keys by bucket of keys, which is the order of the files.
func (t *target) slot(slot int) error {
	f := &folder{target: t, days: map[int64]*dayFiles{}}
	defer f.abort()
	f.states, f.empty, f.encoded = make([]agg.State, len(t.Folds)), make([][]byte, len(t.Folds)), make([][]byte, len(t.Folds))
	for i, n := range t.Folds {
		f.states[i] = t.Set.Plan.Folds[n].New()
		f.empty[i] = agg.AppendState(nil, f.states[i])
	}
	first, rows := slot<<t.job.bits, int64(0)
	for b := range 1 << t.job.bits {
		rows += t.store.Rows(first + b)
	}
	f.bits = min(max(t.job.bits, bits.Len64(uint64(rows/rowsOfFileBucket))), maxFileBits)
	for b := range 1 << t.job.bits {
		if err := f.bucket(first + b); err != nil {
			return err
		}
	}
	return f.close()
}

// rowsOfFileBucket is how many events a bucket of keys in a file should be made of, at most; and a file has 2^maxFileBits buckets at most.
const (
	rowsOfFileBucket = 1 << 16
	maxFileBits      = 8
)

// folder makes files of rows, for one goroutine.
type folder struct {
	*target
	bits    int
	days    map[int64]*dayFiles
	states  []agg.State // by fold of the target
	empty   [][]byte    // encodings of the state of no event
	encoded [][]byte    // of the current tile; scratch
	event   agg.Event
	packet  *exchange.Packet
}

// dayFiles are the files of one day, one for each length of tiles.
type dayFiles struct {
	files []*tiletable.Staged
	rows  int64
	skip  bool // copies differ: the day is read again
}

func (f *folder) abort() {
	for _, d := range f.days {
		for _, s := range d.files {
			s.Abort()
		}
	}
}

// bucket folds the rows of one bucket of keys.
func (f *folder) bucket(b int) error {
	if f.store.Rows(b) == 0 {
		return nil
	}
	p, release, err := f.load(f.store, b)
	if err != nil {
		return err
	}
	defer release()
	if f.copies == nil {
		p = f.survivors(p)
	}
	f.packet = p
	order, byDay := f.byDay()
	for _, day := range byDay {
		if err := f.day(f.job.Days[0].From+int64(day.code), order[day.from:day.to]); err != nil {
			return err
		}
	}
	return nil
}

type dayRows struct {
	code     int32
	from, to int
}

// byDay puts the rows of each day together, in their order.
func (f *folder) byDay() (order []int32, days []dayRows) {
	codes := f.packet.Codes
	order = make([]int32, len(codes))
	for i := range order {
		order[i] = int32(i)
	}
	if slices.ContainsFunc(codes, func(c int32) bool { return c != codes[0] }) {
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(codes[a], codes[b]) })
	}
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && codes[order[to]] == codes[order[from]] {
			to++
		}
		days = append(days, dayRows{codes[order[from]], from, to})
		from = to
	}
	return order, days
}

// open gives the files of a day.
func (f *folder) open(day int64) (*dayFiles, error) {
	if d := f.days[day]; d != nil {
		return d, nil
	}
	d := &dayFiles{}
	f.days[day] = d
	f.job.mu.Lock()
	d.skip = slices.Contains(f.job.contested, day)
	f.job.mu.Unlock()
	if d.skip {
		return d, nil
	}
	types := make([]value.Type, f.layout.keys)
	copy(types, f.layout.types)
	for _, kind := range f.Files {
		s, err := f.Set.Edit.Stage(tiletable.Header{Day: day, Step: kind.Step, Bits: f.bits, Keys: types, Columns: kind.Columns})
		if err != nil {
			return nil, err
		}
		d.files = append(d.files, s)
	}
	return d, nil
}

// day folds the rows of one day.
func (f *folder) day(day int64, rows []int32) error {
	d, err := f.open(day)
	if err != nil || d.skip {
		return err
	}
	d.rows += int64(len(rows))
	for _, k := range f.byKey(rows) {
		slices.SortStableFunc(k.rows, func(a, b int32) int { return cmp.Compare(f.packet.Times[a], f.packet.Times[b]) })
		for i, kind := range f.Files {
			d.files[i].Key(k.hash, k.key)
			f.key(kind, day, k.rows, d.files[i])
		}
	}
	return nil
}

// keyRows are the rows of a key.
type keyRows struct {
	hash uint64
	key  []byte
	rows []int32
}

// byKey puts the rows of each key together, in the order of files.
func (f *folder) byKey(rows []int32) []keyRows {
	types := f.layout.types[:f.layout.keys]
	columns := make([]*value.Column, len(types))
	for i := range columns {
		columns[i] = f.packet.Columns[i].Take(rows)
	}
	table := keys.NewTable(types)
	codes := make([]int32, len(rows))
	table.Insert(columns, codes)
	out := make([]keyRows, table.Len())
	counts := make([]int, len(out))
	for _, c := range codes {
		counts[c]++
	}
	all := make([]int32, len(rows))
	at := 0
	for i, n := range counts {
		out[i].rows = all[at : at : at+n]
		at += n
	}
	for i, c := range codes {
		k := &out[c]
		if len(k.rows) == 0 {
			k.key = f.appendKey(nil, f.packet, int(rows[i]))
			k.hash = tiletable.Hash(k.key)
		}
		k.rows = append(k.rows, rows[i])
	}
	slices.SortFunc(out, func(a, b keyRows) int { return cmp.Or(cmp.Compare(a.hash, b.hash), bytes.Compare(a.key, b.key)) })
	return out
}

// key folds the rows of a key, ascending by time, tile by tile.
func (f *folder) key(kind *cells.FileKind, day int64, rows []int32, to *tiletable.Staged) {
	start, times := day*value.DayMS, f.packet.Times
	states := make([][]byte, len(kind.Folds))
	for from := 0; from < len(rows); {
		index := (times[rows[from]] - start) / kind.Step
		end := from + 1
		for end < len(rows) && (times[rows[end]]-start)/kind.Step == index {
			end++
		}
		for i, fold := range kind.Folds {
			states[i] = f.fold(fold, rows[from:end])
		}
		to.Tile(index, states)
		from = end
	}
}

// fold is the encoded state of a fold over rows, empty where it is that of no event. The bytes are good until the fold's next.
func (f *folder) fold(i int, rows []int32) []byte {
	p, l := &f.Set.Plan.Folds[f.Folds[i]], &f.layout
	s := f.states[i]
	s.Reset()
	column := func(at map[int]int, k int) *value.Column {
		if k < 0 {
			return nil
		}
		return f.packet.Columns[at[k]]
	}
	in, where, by := column(l.inputs, p.Input), column(l.wheres, p.Where), column(l.bys, p.By)
	e := &f.event
	for _, r := range rows {
		row := int(r)
		if where != nil && (where.IsNull(row) || !where.Bools[row]) {
			continue
		}
		*e = agg.Event{TS: f.packet.Times[row], Tie: e.Tie[:0]}
		if in != nil {
			e.Value = in.At(row)
		}
		if by != nil {
			e.By = by.At(row)
		}
		if p.Ordered() {
			for _, c := range l.order {
				e.Tie = append(e.Tie, f.packet.Columns[c].At(row))
			}
		}
		s.Add(e)
	}
	f.encoded[i] = agg.AppendState(f.encoded[i][:0], s)
	if bytes.Equal(f.encoded[i], f.empty[i]) {
		return nil
	}
	return f.encoded[i]
}

// close hands the files on to be committed.
func (f *folder) close() error {
	for day, d := range f.days {
		if d.skip {
			continue
		}
		for _, s := range d.files {
			if err := s.Close(); err != nil {
				return err
			}
		}
		files := d.files
		d.files = nil // the committer's now
		if err := f.commit.Day(day, f.Files, files, d.rows); err != nil {
			return err
		}
	}
	return nil
}
