package transform

import (
	"errors"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var errEmpty = errors.New("it has no value in the training rows: drop it, or impute a constant before")

// sum is a float with another 53 bits behind it, so that sums of some billions of numbers are right to the last bit or two, in whatever
// order: fitting must not depend on how rows are cut.
type sum struct{ high, low float64 }

func (s *sum) add(x float64) {
	high := s.high + x
	b := high - s.high
	s.low += (s.high - (high - b)) + (x - b)
	s.high = high
	s.settle()
}

// addSquare adds x · x.
func (s *sum) addSquare(x float64) {
	square := x * x
	rest := math.FMA(x, x, -square)
	s.add(square)
	s.low += rest
	s.settle()
}

func (s *sum) settle() {
	high := s.high + s.low
	s.low -= high - s.high
	s.high = high
}

func (s *sum) merge(o sum) {
	s.add(o.high)
	s.low += o.low
	s.settle()
}

func (s sum) float() float64 { return s.high + s.low }

// moments are how many numbers there were, their sum, and that of their squares.
type moments struct {
	n            int64
	sum, squares sum
	least, most  float64
}

func (m *moments) add(x float64) {
	if m.n == 0 || x < m.least {
		m.least = x
	}
	if m.n == 0 || x > m.most {
		m.most = x
	}
	m.n++
	m.sum.add(x)
	m.squares.addSquare(x)
}

func (m *moments) merge(o moments) {
	if o.n == 0 {
		return
	}
	if m.n == 0 || o.least < m.least {
		m.least = o.least
	}
	if m.n == 0 || o.most > m.most {
		m.most = o.most
	}
	m.n += o.n
	m.sum.merge(o.sum)
	m.squares.merge(o.squares)
}

func (m *moments) mean() (float64, error) {
	if m.least == m.most {
		return m.least, nil
	}
	mean, ok := value.Finite(m.sum.float() / float64(m.n))
	if !ok {
		return 0, errTooLarge
	}
	return mean, nil
}

// deviations is the sum of the squares of the distances from the mean: squares − sum² / n, in twice the bits, of which the difference may
// take half. It is exactly 0 where all numbers are the same.
func (m *moments) deviations() float64 {
	if m.n == 0 || m.least == m.most {
		return 0
	}
	// With mean as a float and rest = sum − mean·n: sum² / n = mean·sum + mean·rest + rest² / n.
	n := float64(m.n)
	mean := m.sum.high / n
	rest := math.FMA(-mean, n, m.sum.high) + m.sum.low
	product := float64(mean * m.sum.high)
	d := m.squares
	d.add(-product)
	d.low -= math.FMA(mean, m.sum.high, -product)
	d.settle()
	d.add(-mean * (m.sum.low + rest))
	d.add(-rest * rest / n)
	return max(d.float(), 0)
}

var errTooLarge = errors.New("its numbers are too large to be added up: clip it before")

// variance is the mean of the squares of the distances from the mean.
func (m *moments) variance() (float64, error) {
	v, ok := value.Finite(m.deviations() / float64(m.n))
	if _, squared := value.Finite(m.squares.high); !ok || !squared && m.least != m.most {
		return 0, errTooLarge
	}
	return v, nil
}

// keptNumbers is how many numbers the columns of one pass may keep in all, at 8 bytes, beyond the one column that always may.
const keptNumbers = 1 << 27

// budget is shared by the learners of a pass. When it is used up, the one that came last gives up what it has, and waits.
type budget struct {
	left    int
	holders []*kept
}

// kept is all numbers of a column.
type kept struct {
	budget  *budget
	xs      []float64
	holds   bool
	waiting bool // for another round
}

// begin is called with the first rows of a round.
func (k *kept) begin() {
	if !k.holds {
		k.holds, k.waiting = true, false
		k.budget.holders = append(k.budget.holders, k)
	}
}

func (k *kept) add(x float64) {
	for !k.waiting && k.budget.left == 0 && len(k.budget.holders) > 1 {
		last := k.budget.holders[len(k.budget.holders)-1]
		last.release()
		last.waiting = true
	}
	if k.waiting {
		return
	}
	if k.budget.left > 0 {
		k.budget.left--
	}
	k.xs = append(k.xs, x)
}

// release gives the memory back.
func (k *kept) release() {
	k.budget.left += len(k.xs)
	k.budget.holders = slices.DeleteFunc(k.budget.holders, func(o *kept) bool { return o == k })
	k.xs, k.holds = nil, false
}

// quantile is the number at q of [0, 1] of sorted numbers, of which there is one at least, by linear interpolation, as numpy computes it.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	t := at - float64(i)
	a, b := sorted[i], sorted[i+1]
	// The conversions keep a compiler from fusing the product into the sum.
	if t >= 0.5 {
		return b - float64((b-a)*(1-t))
	}
	return a + float64((b-a)*t)
}

// median is the middle number, or the mean of the middle two.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	a, b := sorted[n/2-1], sorted[n/2]
	if m := (a + b) / 2; !math.IsInf(m, 0) {
		return m
	}
	return a/2 + b/2
}

// numberLearner keeps a column's numbers, and makes an op of them when they are sorted.
type numberLearner struct {
	kept *kept
	make func(sorted []float64) (op, error)
}

// learnNumbers is a draft's learn.
func learnNumbers(make func(sorted []float64) (op, error)) func(*budget) learner {
	return func(b *budget) learner { return &numberLearner{&kept{budget: b}, make} }
}

func (l *numberLearner) add(s *sample) error {
	if s.first == 0 {
		l.kept.begin()
	}
	for i := range s.n {
		if x, ok := numeral(s.in[0], i); ok {
			l.kept.add(x)
		}
	}
	return nil
}

func (l *numberLearner) finish() (op, []string, bool, error) {
	if l.kept.waiting {
		return nil, nil, true, nil
	}
	defer l.kept.release()
	if len(l.kept.xs) == 0 {
		return nil, nil, false, errEmpty
	}
	slices.Sort(l.kept.xs)
	made, err := l.make(l.kept.xs)
	return made, nil, false, err
}

// momentLearner makes an op of a column's moments.
type momentLearner struct {
	m    moments
	make func(m *moments) (op, error)
}

// learnMoments is a draft's learn.
func learnMoments(make func(m *moments) (op, error)) func(*budget) learner {
	return func(*budget) learner { return &momentLearner{make: make} }
}

func (l *momentLearner) add(s *sample) error {
	for i := range s.n {
		if x, ok := numeral(s.in[0], i); ok {
			l.m.add(x)
		}
	}
	return nil
}

func (l *momentLearner) finish() (op, []string, bool, error) {
	if l.m.n == 0 {
		return nil, nil, false, errEmpty
	}
	made, err := l.make(&l.m)
	return made, nil, false, err
}
