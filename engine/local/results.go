package local

import (
	"math/bits"
	"slices"

	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// answers are the values of a join as its buckets find them: rows again, shared out to chunks of the spine. So they come into the spine's
// order a chunk at a time, within a cache's reach, and wait on disk like other rows where they do not fit the memory limit.
//
// A row of theirs has the place of the spine's row in its chunk for a code, and no time; its columns are the values, and behind them what
// became of those: four bits for each, sixteen in an integer. A value's nulls are in there alone.
type answers struct {
	values []plan.Value
	types  []value.Type
	chunk  int // rows of the spine
	n      int // rows of the spine, all chunks together
	store  *exchange.Store
}

const (
	outcomeBits = 4
	perWord     = 64 / outcomeBits
)

// newAnswers makes room for the values of a join.
func (r *run) newAnswers(values []plan.Value) *answers {
	a := &answers{values: values, chunk: r.chunkRows(), n: r.spine.n}
	for i := range values {
		a.types = append(a.types, values[i].Feature.Type)
	}
	for range (len(values) + perWord - 1) / perWord {
		a.types = append(a.types, value.Int)
	}
	a.reset(r.pool)
	return a
}

// reset forgets what was answered.
func (a *answers) reset(pool *exchange.Pool) {
	if a.store != nil {
		a.store.Drop()
	}
	a.store = pool.NewStore(a.types, (a.n+a.chunk-1)/a.chunk)
}

// sheet is the answers of one bucket, by one goroutine: its rows in the order of the spine.
type sheet struct {
	*exchange.Packet
	values int
	rising []int32
}

func (a *answers) sheet(b *bucket) *sheet {
	s := &sheet{&exchange.Packet{From: make([]int32, a.store.Buckets()+1), Codes: make([]int32, len(b.rows)), Columns: make([]*value.Column, len(a.types))}, len(a.values), rising(b.rows)}
	for at, i := range s.rising {
		row := int(b.rows[i])
		s.From[row/a.chunk+1]++
		s.Codes[at] = int32(row % a.chunk)
	}
	for c := range a.store.Buckets() {
		s.From[c+1] += s.From[c]
	}
	for i, t := range a.types {
		if i >= s.values || len(b.rows) == 0 {
			s.Columns[i] = value.NewColumn(t, len(b.rows))
		}
	}
	return s
}

// rising lists the indexes of rows in the order of the rows.
func rising(rows []int32) []int32 {
	pairs := make([]uint64, len(rows))
	for i, row := range rows {
		pairs[i] = uint64(row)<<32 | uint64(i)
	}
	slices.Sort(pairs)
	out := make([]int32, len(rows))
	for i, p := range pairs {
		out[i] = int32(uint32(p))
	}
	return out
}

// put writes down the cells of a value, and what became of them; no outcomes: all are present.
func (s *sheet) put(i int, c *value.Column, outcomes []outcome) {
	plain := *c
	plain.Nulls = nil
	s.Columns[i] = gather(&plain, s.rising)
	if outcomes == nil {
		return
	}
	words, shift := s.Columns[s.values+i/perWord].Ints, i%perWord*outcomeBits
	for at, r := range s.rising {
		words[at] |= int64(outcomes[r]) << shift
	}
}

// page is the answers of one chunk of the spine, in its order.
type page struct {
	columns []*value.Column
	words   [][]int64
}

// page brings a chunk of n rows together. bytes is what came from disk for it.
func (a *answers) page(chunk, n int) (p page, bytes int64, err error) {
	runs, bytes, err := a.store.Runs(chunk)
	if err != nil {
		return page{}, 0, err
	}
	rows := make([]int32, 0, n)
	for _, r := range runs {
		rows = append(rows, r.Codes[r.Lo:r.Hi]...)
	}
	for i, t := range a.types {
		c := value.NewColumn(t, n)
		place(c, runs, i, rows)
		if i < len(a.values) {
			p.columns = append(p.columns, c)
		} else {
			p.words = append(p.words, c.Ints)
		}
	}
	for i, c := range p.columns {
		c.Nulls = nulls(p.words[i/perWord], i%perWord*outcomeBits)
	}
	return p, bytes, nil
}

// nulls are the rows whose outcome is null; nil where there are none.
func nulls(words []int64, shift int) value.Bitmap {
	out := value.NewBitmap(len(words))
	any := uint64(0)
	for w := range out {
		var set uint64
		for i, word := range words[w<<6 : min((w+1)<<6, len(words))] {
			how := uint64(word) >> shift & (1<<outcomeBits - 1)
			set |= (how + 1<<outcomeBits - uint64(unknownKey)) >> outcomeBits & 1 << i // how ≥ unknownKey, without a branch that the data would decide
		}
		out[w] = set
		any |= set
	}
	if any == 0 {
		return nil
	}
	return out
}

// count adds what became of a row's values to the counts, but those that are simply present, and says how many the others are.
func (p *page) count(row int, counts [][1 << outcomeBits]int64) (n int64) {
	for w, words := range p.words {
		for left := uint64(words[row]); left != 0; n++ {
			i := bits.TrailingZeros64(left) / outcomeBits
			how := left >> (i * outcomeBits) & (1<<outcomeBits - 1)
			counts[w*perWord+i][how]++
			left ^= how << (i * outcomeBits)
		}
	}
	return n
}
