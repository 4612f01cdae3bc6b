package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// typicalSample is how many values of a feature its typical one is taken of. Of more rows a uniform sample is drawn: the rank of its median
// is off by more than 1 % of the rows in fewer than one of 10⁸ draws (Dvoretzky, Kiefer and Wolfowitz's bound).
const typicalSample = 100_000

// typicals gathers, while the rows of a training set go by, what the features that are declared with fallback=bh.typical usually are.
type typicals struct {
	set      *feature.TrainingSet
	features []*typicalFeature
	draw     *rand.Rand
}

type typicalFeature struct {
	feature *feature.Feature
	column  string
	sample  []value.Value
	seen    int64 // values, nulls left out
}

func newTypicals(t *feature.TrainingSet) *typicals {
	u := &typicals{set: t, draw: rand.New(rand.NewPCG(1, 1))} // the same rows give the same sample
	for _, c := range t.View.Columns {
		if c.Feature != nil && c.Feature.Typical {
			u.features = append(u.features, &typicalFeature{feature: c.Feature, column: c.Name})
		}
	}
	return u
}

// see takes in a batch of the training set's rows.
func (u *typicals) see(b *value.Batch) {
	for _, f := range u.features {
		if c := b.Column(f.column); c != nil { // features= may leave it out
			f.see(c, b.N, u.draw)
		}
	}
}

// see draws uniformly from all values (Vitter's algorithm R).
func (f *typicalFeature) see(c *value.Column, n int, draw *rand.Rand) {
	for i := range n {
		if c.IsNull(i) {
			continue
		}
		f.seen++
		if len(f.sample) < typicalSample {
			f.sample = append(f.sample, c.At(i))
		} else if at := draw.Int64N(f.seen); at < typicalSample {
			f.sample[at] = c.At(i)
		}
	}
}

// usual is the lower median, or of a type without a middle the most frequent value, of equally frequent ones the least.
func (f *typicalFeature) usual() value.Value {
	slices.SortFunc(f.sample, value.Compare)
	switch f.feature.Type.Kind {
	case value.KindInt, value.KindFloat, value.KindTimestamp, value.KindDate:
		return f.sample[(len(f.sample)-1)/2]
	}
	var best value.Value
	most := 0
	for from := 0; from < len(f.sample); {
		to := from + 1
		for to < len(f.sample) && value.Equal(f.sample[to], f.sample[from]) {
			to++
		}
		if to-from > most {
			best, most = f.sample[from], to-from
		}
		from = to
	}
	return best
}

// keep writes what was found into the catalog, from where it is served. A feature that was null in every row keeps what it had.
func (u *typicals) keep(ctx context.Context, root string) error {
	var found []catalog.Typical
	for _, f := range u.features {
		if f.seen > 0 {
			found = append(found, catalog.Typical{
				Fingerprint: f.feature.Fingerprint, Value: value.Append(nil, f.usual()), At: time.Now().UTC(), TrainingSet: u.set.Name, Rows: f.seen,
			})
		}
	}
	if len(found) == 0 {
		return nil
	}
	cat, err := openCatalog(ctx, root)
	if err != nil {
		return err
	}
	return errors.Join(cat.SetTypical(ctx, found), cat.Close())
}

// usually is what the catalog keeps of what features usually are, for serving. It is safe for concurrent use.
type usually struct {
	kept atomic.Pointer[map[string]usualValue] // by fingerprint of the feature
}

type usualValue struct {
	value value.Value
	at    time.Time
	set   string
}

// Typical implements serve.Typicals.
func (u *usually) Typical(f *feature.Feature) (v value.Value, day int64, ok bool) {
	x, ok := u.of(f)
	return x.value, x.at.UnixMilli(), ok
}

func (u *usually) of(f *feature.Feature) (usualValue, bool) {
	kept := u.kept.Load()
	if kept == nil {
		return usualValue{}, false
	}
	x, ok := (*kept)[f.Fingerprint]
	return x, ok
}

// load reads what is kept.
func (u *usually) load(ctx context.Context, root string) error {
	cat, err := openCatalog(ctx, root)
	if err != nil {
		return err
	}
	all, err := cat.Typical(ctx)
	if err = errors.Join(err, cat.Close()); err != nil {
		return err
	}
	kept := make(map[string]usualValue, len(all))
	for _, t := range all {
		v, rest, err := value.Decode(t.Value)
		if err == nil && len(rest) > 0 {
			err = errors.New("more than one value")
		}
		if err != nil {
			return mistakef("what is usual of feature %s in training set %s cannot be read, compute the set again: %v", feature.Short(t.Fingerprint), t.TrainingSet, err)
		}
		kept[t.Fingerprint] = usualValue{v, t.At, t.TrainingSet}
	}
	u.kept.Store(&kept)
	return nil
}

// typicalStatus is one feature that falls back to what it usually is.
type typicalStatus struct {
	Feature     string          `json:"feature"` // group.feature
	Value       json.RawMessage `json:"value"`   // null: there is none yet
	At          *time.Time      `json:"at"`      // when it was computed
	TrainingSet string          `json:"training_set,omitempty"`
}

// status lists the features of some views that fall back to what they usually are, each once.
func (u *usually) status(views []*feature.View) []typicalStatus {
	out := []typicalStatus{}
	for _, v := range views {
		for _, c := range v.Columns {
			if c.Feature == nil || !c.Feature.Typical {
				continue
			}
			s := typicalStatus{Feature: c.Feature.Group.Name + "." + c.Feature.Name, Value: json.RawMessage("null")}
			if x, ok := u.of(c.Feature); ok {
				s.Value, s.At, s.TrainingSet = value.AppendJSON(nil, x.value), &x.at, x.set
			}
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b typicalStatus) int { return cmp.Compare(a.Feature, b.Feature) })
	return slices.CompactFunc(out, func(a, b typicalStatus) bool { return a.Feature == b.Feature })
}

// text is one line of a status.
func (s typicalStatus) text() string {
	if s.At == nil {
		return "falls back to what it usually is, and no training set was computed that tells it"
	}
	return fmt.Sprintf("falls back to %s, as training set %s had it on %s", s.Value, s.TrainingSet, s.At.Format(time.DateOnly))
}
