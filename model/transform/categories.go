package transform

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// categoryList is the values that a column of categories had in training, ascending: strings by code point, ints, dates (as days), false (0)
// before true (1).
type categoryList struct {
	Texts []string `json:"texts,omitempty"`
	Ints  []int64  `json:"ints,omitempty"`

	texts map[string]int32
	ints  map[int64]int32
}

// What code says of a cell that has no code.
const (
	unknownCode = -1
	nullCode    = -2
)

func (l *categoryList) len() int { return len(l.Texts) + len(l.Ints) }

// index makes the maps, and refuses a list that is no ascending one of the column's type.
func (l *categoryList) index(t value.Type) error {
	if t.Kind == value.KindString && l.Ints != nil || t.Kind != value.KindString && l.Texts != nil {
		return fmt.Errorf("its categories are not those of %s", value.An(t.String()))
	}
	if !ascending(l.Texts) || !ascending(l.Ints) || l.len() > math.MaxInt32 {
		return errors.New("its categories are out of order")
	}
	l.texts, l.ints = make(map[string]int32, len(l.Texts)), make(map[int64]int32, len(l.Ints))
	for i, s := range l.Texts {
		l.texts[s] = int32(i)
	}
	for i, n := range l.Ints {
		l.ints[n] = int32(i)
	}
	return nil
}

func ascending[T interface{ ~string | ~int64 | ~float64 }](s []T) bool {
	for i := 1; i < len(s); i++ {
		if !(s[i-1] < s[i]) {
			return false
		}
	}
	return true
}

// code is the place of a cell's value in the list, or unknownCode or nullCode.
func (l *categoryList) code(c *value.Column, i int) int {
	if c.Nulls.Get(i) {
		return nullCode
	}
	var at int32
	var ok bool
	if c.Type.Kind == value.KindString {
		at, ok = l.texts[c.Strs[i]]
	} else {
		at, ok = l.ints[discrete(c, i)]
	}
	if !ok {
		return unknownCode
	}
	return int(at)
}

// discrete is a cell of a column of ints, dates or bools as an int.
func discrete(c *value.Column, i int) int64 {
	if c.Type.Kind != value.KindBool {
		return c.Ints[i]
	}
	if c.Bools[i] {
		return 1
	}
	return 0
}

// names are the categories as text, for the names of columns.
func (l *categoryList) names(t value.Type) []string {
	out := slices.Clone(l.Texts)
	for _, n := range l.Ints {
		switch t.Kind {
		case value.KindBool:
			out = append(out, strconv.FormatBool(n != 0))
		case value.KindDate:
			out = append(out, value.FormatDate(n))
		default:
			out = append(out, strconv.FormatInt(n, 10))
		}
	}
	return out
}

// maxDistinct is how many different values of a column fitting counts at most.
const maxDistinct = 1 << 23

// tally counts the values of a column of categories.
type tally struct {
	texts map[string]int64
	ints  map[int64]int64
	nulls int64
	rows  int64
}

func newTally() *tally { return &tally{texts: map[string]int64{}, ints: map[int64]int64{}} }

func (t *tally) add(c *value.Column, n int) error {
	t.rows += int64(n)
	for i := range n {
		switch {
		case c.Nulls.Get(i):
			t.nulls++
		case c.Type.Kind == value.KindString:
			t.addText(c.Strs[i])
		default:
			t.ints[discrete(c, i)]++
		}
	}
	if len(t.texts)+len(t.ints) > maxDistinct {
		return fmt.Errorf("it has more than %d different values: take hashing, or drop it", maxDistinct)
	}
	return nil
}

func (t *tally) addText(s string) {
	n, ok := t.texts[s]
	if !ok {
		s = strings.Clone(s) // a batch's strings may hang in a large page
	}
	t.texts[s] = n + 1
}

// list is the values that came least times or more often, with how often each did.
func (t *tally) list(least int64) (categoryList, []int64) {
	var l categoryList
	var counts []int64
	for _, s := range sortedKeys(t.texts) {
		if t.texts[s] >= least {
			l.Texts, counts = append(l.Texts, s), append(counts, t.texts[s])
		}
	}
	ints := make([]int64, 0, len(t.ints))
	for n := range t.ints {
		ints = append(ints, n)
	}
	slices.Sort(ints)
	for _, n := range ints {
		if t.ints[n] >= least {
			l.Ints, counts = append(l.Ints, n), append(counts, t.ints[n])
		}
	}
	return l, counts
}

// tallyLearner makes an op of the values of a column.
type tallyLearner struct {
	tally *tally
	make  func(t *tally) (op, []string, error)
}

func learnTally(make func(t *tally) (op, []string, error)) func(*budget) learner {
	return func(*budget) learner { return &tallyLearner{newTally(), make} }
}

func (l *tallyLearner) add(s *sample) error { return l.tally.add(s.in[0], s.n) }

func (l *tallyLearner) finish() (op, []string, bool, error) {
	if l.tally.nulls == l.tally.rows {
		return nil, nil, false, errEmpty
	}
	learned, names, err := l.make(l.tally)
	return learned, names, false, err
}
