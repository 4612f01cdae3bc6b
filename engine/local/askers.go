package local

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/local/keys"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// askers are the spine's rows by one combination of key columns: shared out to buckets, in each by key and, within a key, by at. Joins on
// the same columns share them.
//
// Key code c lies in bucket c mod buckets, so that frequent keys, which tend to come early, are spread; its number in the bucket is
// c div buckets. Rows with a null key have a code of their own, which no event has: they see the empty set (W5).
type askers struct {
	table   *keys.Table
	buckets int
	shift   int // log2(buckets)
	codes   int // with that of the null key
	perKeys int // codes in a bucket, at most
	rows    []int32
	from    []int32 // rows of number l in bucket b are rows[from[b*perKeys+l]:from[b*perKeys+l+1]]
}

// onText names a combination of key columns.
func onText(j *plan.Join) string { return strings.Join(j.On, "\x00") }

// checkKeys refuses a join whose keys have other types in the source than in the spine (V4).
func checkKeys(s *spine, j *plan.Join) error {
	for i, on := range j.On {
		want, _ := j.Scan.Source.Schema.Lookup(j.Keys[i])
		got, ok := s.schema.Lookup(on)
		if !ok {
			return fmt.Errorf("%s: the spine has no column %q for the key %q", j.Name, on, j.Keys[i])
		}
		if !got.Equal(want) {
			return fmt.Errorf("%s: key %q is %s in source %q, and %q is %s in the spine; cast one of them", j.Name, j.Keys[i], want, j.Scan.Source.Name, on, got)
		}
	}
	return nil
}

// newAskers reads the keys of the spine. Buckets is a power of two.
func newAskers(s *spine, on []string, buckets int) *askers {
	types, columns := make([]value.Type, len(on)), make([]*value.Column, len(on))
	for i, name := range on {
		columns[i] = s.column(name)
		types[i] = columns[i].Type
	}
	a := &askers{table: keys.NewTable(types), buckets: buckets}
	for 1<<a.shift < buckets {
		a.shift++
	}
	codes := make([]int32, s.n)
	a.table.Insert(columns, codes)
	a.table.Freeze()
	a.codes = a.table.Len() + 1
	a.perKeys = (a.codes + buckets - 1) >> a.shift
	a.group(codes, s.byTime)
	return a
}

// group sorts the rows by bucket and key with one count of them; they come by time, and rows of a key stay in that order.
func (a *askers) group(codes, byTime []int32) {
	slot := func(code int32) int32 {
		switch {
		case code != keys.None:
		case fault.Planted("local: a null key is the first key"):
			code = 0
		default:
			code = int32(a.codes - 1)
		}
		return (code&int32(a.buckets-1))*int32(a.perKeys) + code>>a.shift
	}
	a.from = make([]int32, a.buckets*a.perKeys+1)
	for i, c := range codes {
		codes[i] = slot(c)
		a.from[codes[i]+1]++
	}
	for i := 1; i < len(a.from); i++ {
		a.from[i] += a.from[i-1]
	}
	next := slices.Clone(a.from[:len(a.from)-1])
	a.rows = make([]int32, len(codes))
	for _, row := range byTime {
		s := codes[row]
		a.rows[next[s]] = row
		next[s]++
	}
}

// bucket is the rows of a bucket, where those of each key begin, and their times. The rows are not to be changed.
func (a *askers) bucket(b int, at []int64) (rows, from []int32, t []int64) {
	offsets := a.from[b*a.perKeys : (b+1)*a.perKeys+1]
	base := offsets[0]
	rows = a.rows[base:offsets[a.perKeys]]
	from = make([]int32, len(offsets))
	for i, o := range offsets {
		from[i] = o - base
	}
	return rows, from, taken(at, rows)
}

func (a *askers) bytes() int64 { return a.table.Bytes() + int64(4*len(a.rows)+4*len(a.from)) }
