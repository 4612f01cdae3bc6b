package predict

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// sample is a uniform sample of the rows that a side of a trial was asked, however many those are: each row draws a number, and those with the least
// numbers are kept. So samples of several processes, or of several seconds, add up to what one of all of them would be.
//
// Scores are kept as they are. Bins would have to lie where scores do, which is known of no version before it answers: all of them may lie between 0.97
// and 1, or at a million. A model's reference (drift) says where they lay in training, and not every version has one.
type sample struct{ rows []sampled } // a heap, the greatest draw first

// sampled is a row of a sample.
type sampled struct {
	draw     uint64
	key      uint64 // hash of what decides which version answers it
	score    float64
	answered bool
}

// sampleSize keeps what chance can do to the distance of two samples of as many keys below 0.1.
const sampleSize = 1024

// draw meets a row.
func (s *sample) draw(key uint64, score float64, answered bool) {
	if d := rand.Uint64(); s.keeps(d) {
		s.keep(sampled{d, key, score, answered})
	}
}

func (s *sample) keeps(draw uint64) bool { return len(s.rows) < sampleSize || draw < s.rows[0].draw }

func (s *sample) keep(r sampled) {
	if len(s.rows) < sampleSize {
		s.rows = append(s.rows, r)
		for i := len(s.rows) - 1; i > 0 && s.rows[(i-1)/2].draw < s.rows[i].draw; i = (i - 1) / 2 {
			s.rows[i], s.rows[(i-1)/2] = s.rows[(i-1)/2], s.rows[i]
		}
		return
	}
	s.rows[0] = r
	for i := 0; ; {
		most := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(s.rows) && s.rows[child].draw > s.rows[most].draw {
				most = child
			}
		}
		if most == i {
			return
		}
		s.rows[i], s.rows[most] = s.rows[most], s.rows[i]
		i = most
	}
}

// add meets the rows of another.
func (s *sample) add(o *sample) {
	for _, r := range o.rows {
		if s.keeps(r.draw) {
			s.keep(r)
		}
	}
}

// worth is how many rows of different keys say as much as the sample's rows, or those that were answered (Kish's effective size of a sample of clusters,
// at its worst: rows of one key are alike). A side's rows are those of its keys, for a key goes to one version: a thousand rows of one key say of a
// version what one row does.
func (s *sample) worth(answered bool) float64 {
	of, n, squares := make(map[uint64]float64, len(s.rows)), 0.0, 0.0
	for _, r := range s.rows {
		if r.answered || !answered {
			of[r.key]++
			n++
		}
	}
	if n == 0 {
		return 0
	}
	for _, rows := range of {
		squares += rows * rows
	}
	return n * n / squares
}

// scores are those of the rows that were answered, sorted.
func (s *sample) scores() []float64 {
	var out []float64
	for _, r := range s.rows {
		if r.answered {
			out = append(out, r.score)
		}
	}
	slices.Sort(out)
	return out
}

// distance is the greatest difference between the two distributions of scores (Kolmogorov and Smirnov's); of none it is 0.
func (s *sample) distance(o *sample) float64 {
	a, b := s.scores(), o.scores()
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		x := a[i]
		if cmp.Less(b[j], x) {
			x = b[j]
		}
		for i < len(a) && cmp.Compare(a[i], x) == 0 {
			i++
		}
		for j < len(b) && cmp.Compare(b[j], x) == 0 {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// chance is the distance that two samples of one distribution are beyond in one of 10,000 comparisons (Smirnov's bound); above 1 there is none, so that
// nothing can be said.
func (s *sample) chance(o *sample) float64 {
	return math.Sqrt(-0.5*math.Log(0.5e-4)) * math.Sqrt(1/s.worth(true)+1/o.worth(true))
}

// MarshalJSON writes the rows as numbers: draw, key, the score's bits (it may be none that JSON has), and 1 where it was answered.
func (s sample) MarshalJSON() ([]byte, error) {
	out := make([][4]uint64, len(s.rows))
	for i, r := range s.rows {
		out[i] = [4]uint64{r.draw, r.key, math.Float64bits(r.score)}
		if r.answered {
			out[i][3] = 1
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *sample) UnmarshalJSON(text []byte) error {
	var rows [][4]uint64
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	s.rows = nil
	for _, r := range rows {
		if s.keeps(r[0]) {
			s.keep(sampled{r[0], r[1], math.Float64frombits(r[2]), r[3] == 1})
		}
	}
	return nil
}
