package drift

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Version is the format of a Reference. A bighead reads its own and those before.
const Version = 1

// Reference is what drift of a model's inputs and scores is measured against. It is part of the artifact (model.Manifest.Reference).
type Reference struct {
	Version int `json:"version"`
	// Columns are the view's that go into the model, in rows that it learned from; Scores what it answered to the rows of the test, which it did
	// not learn from, as it does not from those that are served.
	Columns []*Distribution `json:"columns"`
	Scores  []*Distribution `json:"scores"`
}

// Distribution is what is kept of a column.
type Distribution struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	Why  string `json:"why,omitempty"` // it is not measured
	Rows int64  `json:"rows"`
	// Missing are the rows in which it is null, Counts the others: of numbers by bins, of which bin i ends at Edges[i], which is in it, and the last
	// has no end; of few numbers (Exact) by Edges themselves; of texts by Categories, of which Other are none.
	Missing    int64     `json:"missing"`
	Counts     []int64   `json:"counts,omitempty"`
	Edges      []float64 `json:"edges,omitempty"`
	Exact      bool      `json:"exact,omitempty"`
	Categories []string  `json:"categories,omitempty"`
	Other      int64     `json:"other,omitempty"`
	// Points are the numbers at evenly spaced ranks, or all of them where they are few; Mean and Std (of the population) are of all.
	Points []float64 `json:"points,omitempty"`
	Mean   float64   `json:"mean,omitempty"`
	Std    float64   `json:"std,omitempty"`
	Min    float64   `json:"min,omitempty"`
	Max    float64   `json:"max,omitempty"`
}

// What a Distribution has at most.
const (
	maxBins       = 10  // of numbers, where they have more values than maxValues
	maxValues     = 20  // numbers that differ, to have a bin each
	maxPoints     = 128 // of numbers
	maxCategories = 100
	// leastCategory is how many rows a text must have for a bin of its own: what is rarer could not be compared, and may be somebody's name.
	leastCategory = 5
	longestText   = 64
)

// Distribution is what is kept of the values of a column; why is of KindOf.
func (v *Values) Distribution(name, why string) *Distribution {
	d := &Distribution{Name: name, Kind: v.Kind, Why: why, Rows: v.Rows(), Missing: v.Missing}
	switch v.Kind {
	case Number:
		d.ofNumbers(slices.Sorted(slices.Values(v.Numbers)))
	case Category:
		d.ofTexts(v.Texts)
	}
	return d
}

func (d *Distribution) ofNumbers(x []float64) {
	n := len(x)
	if n == 0 {
		return
	}
	d.Min, d.Max = x[0], x[n-1]
	d.Mean, d.Std = moments(x)
	d.Edges = slices.Compact(slices.Clone(x))
	if d.Exact = len(d.Edges) <= maxValues; !d.Exact {
		d.Edges = d.Edges[:0:0]
		for k := 1; k < maxBins; k++ {
			d.Edges = append(d.Edges, x[(k*n+maxBins-1)/maxBins-1])
		}
		d.Edges = slices.Compact(d.Edges)
		if d.Edges[len(d.Edges)-1] == d.Max { // nothing would lie behind it
			d.Edges = d.Edges[:len(d.Edges)-1]
		}
	}
	d.Counts, _ = d.binned(x)
	if n <= maxPoints {
		d.Points = x
		return
	}
	for k := range maxPoints {
		d.Points = append(d.Points, x[(2*k+1)*n/(2*maxPoints)])
	}
}

// moments are mean and standard deviation of numbers, which may be as large as a float gets.
func moments(x []float64) (mean, std float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	scale := 0.0
	for _, v := range x {
		scale = max(scale, math.Abs(v-mean))
	}
	if scale == 0 || math.IsInf(scale, 0) {
		return mean, 0
	}
	for _, v := range x {
		d := (v - mean) / scale
		std += d * d / n
	}
	return mean, math.Sqrt(std) * scale
}

// binned counts numbers by bins, and those in none of them.
func (d *Distribution) binned(x []float64) (counts []int64, other int64) {
	counts = make([]int64, d.width())
	for _, v := range x {
		i, is := slices.BinarySearch(d.Edges, v)
		if d.Exact && !is {
			other++
			continue
		}
		counts[i]++
	}
	return counts, other
}

// width is how many bins of numbers there are.
func (d *Distribution) width() int {
	if d.Exact {
		return len(d.Edges)
	}
	return len(d.Edges) + 1
}

func (d *Distribution) ofTexts(texts map[string]int64) {
	order := slices.SortedFunc(maps.Keys(texts), func(a, b string) int {
		return cmp.Or(cmp.Compare(texts[b], texts[a]), cmp.Compare(a, b))
	})
	for _, s := range order {
		if len(d.Categories) == maxCategories || texts[s] < leastCategory {
			d.Other += texts[s]
			continue
		}
		d.Categories, d.Counts = append(d.Categories, kept(s)), append(d.Counts, texts[s])
	}
}

// kept is a text as it is kept: a long one by what it comes to.
func kept(s string) string {
	if len(s) <= longestText {
		return s
	}
	h := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(h[:16])
}

// counted are texts by categories, and those in none of them.
func (d *Distribution) counted(texts map[string]int64) (counts []int64, other int64) {
	place := make(map[string]int, len(d.Categories))
	for i, c := range d.Categories {
		place[c] = i
	}
	counts = make([]int64, len(d.Categories))
	for s, n := range texts {
		if i, ok := place[kept(s)]; ok {
			counts[i] += n
		} else {
			other += n
		}
	}
	return counts, other
}

// Parse reads a manifest's reference. What cannot be one is an error: it was not written by a training of ours.
func Parse(text json.RawMessage) (*Reference, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if head.Version < 1 || head.Version > Version {
		return nil, fmt.Errorf("it is of format %d, and this bighead reads 1 to %d: a newer one wrote it", head.Version, Version)
	}
	r := &Reference{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, err
	}
	for _, d := range append(slices.Clip(r.Columns), r.Scores...) {
		if d == nil {
			return nil, errors.New("a column of it is null")
		}
		if err := d.valid(); err != nil {
			return nil, fmt.Errorf("column %q: %w", d.Name, err)
		}
	}
	return r, nil
}

func (d *Distribution) valid() error {
	sum := d.Missing + d.Other
	if d.Missing < 0 || d.Other < 0 || sum < 0 {
		return errors.New("a count is below nought, or above what can be")
	}
	for _, n := range d.Counts {
		if n < 0 {
			return errors.New("a count is below nought")
		}
		if sum += n; sum < 0 {
			return errors.New("more rows are counted than can be")
		}
	}
	switch {
	case d.Kind != Number && d.Kind != Category && d.Kind != None:
		return fmt.Errorf("kind %q is not known", d.Kind)
	case d.Kind != None && sum != d.Rows || d.Missing > d.Rows:
		return fmt.Errorf("%d rows are counted, and it says %d", sum, d.Rows)
	case d.Kind == Number && len(d.Counts) > 0 && len(d.Counts) != d.width(), d.Kind == Category && len(d.Counts) != len(d.Categories):
		return fmt.Errorf("%d counts do not fit its bins", len(d.Counts))
	case !slices.IsSorted(d.Edges), !slices.IsSorted(d.Points):
		return errors.New("edges and points are not in order")
	}
	return nil
}
