package spark

import (
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// told is how Spark tells the state of a tile's events, one value for each fold, and how a state of ours is made of it: by adding what the
// state keeps, so that it is encoded as one of our own.
type told struct {
	sql func(f agg.Fold, x, filter string) string
	// into adds to a state of no event; v is not null. What it says is wrong is a defect of the printed query.
	into func(s agg.State, f *toldFold, v value.Value) error
}

// toldFold is a fold, and the types of the parts of order_by, which states of edges keep (E2).
type toldFold struct {
	agg.Fold
	ties []value.Type
}

// states is the table of folds once more: what tiled has, less what orders it, where Spark's own values say it whole. Floats that are none of
// the contract (V2) come as null beside a count, and are NaN in the state: like an overflow of ours they finish to null whatever is merged.
var states = [...]told{
	agg.KindCount:        {countTile.state, func(s agg.State, _ *toldFold, v value.Value) error { s.(*agg.CountState).N = v.Int(); return nil }},
	agg.KindIntSum:       {intSumTile.state, intSumOf},
	agg.KindFloatSum:     {floatSumState, floatSumOf},
	agg.KindMoments:      {momentsState, momentsInto},
	agg.KindExtreme:      {extremeTile.state, valueInto},
	agg.KindTimeBound:    {timeBoundTile.state, func(s agg.State, _ *toldFold, v value.Value) error { s.(*agg.TimeState).AddTime(v.Int()); return nil }},
	agg.KindEdge:         {edgeState, eventInto},
	agg.KindEventList:    {eventListState, eventsInto},
	agg.KindValueList:    {valueListTile.state, valuesInto},
	agg.KindTextCounts:   {func(_ agg.Fold, x, filter string) string { return runs(x, filter) }, textCountsOf},
	agg.KindBucketCounts: {bucketCountsTile.state, bucketCountsOf},
	agg.KindRegisters:    {registersTile.state, registersOf},
}

// state makes the state of what Spark tells of a tile; under by of a list of strings, each with what is told of its events (A3).
func (f *toldFold) state(s agg.State, v value.Value) error {
	s.Reset()
	if v.IsNull() {
		return nil
	}
	of := states[f.Kind].into
	if !f.By {
		return of(s, f, v)
	}
	for i := range v.Len() {
		entry, err := fieldsOf(v.At(i), 2)
		if err != nil {
			return err
		}
		if inner := s.(*agg.ByState).Group(entry[0].Str()); inner != nil && !entry[1].IsNull() {
			if err := of(inner, f, entry[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofType is a value of the type, of one in its physical type.
func ofType(t value.Type, v value.Value) (value.Value, error) {
	out, ok := logical(t, v)
	if !ok {
		return out, fmt.Errorf("%s is no %s", v, t)
	}
	return out, nil
}

// fieldsOf are the fields of a struct, which must be so many.
func fieldsOf(v value.Value, n int) ([]value.Value, error) {
	if v.Kind() != value.KindStruct || v.Len() != n {
		return nil, fmt.Errorf("%s is no struct of %d fields", v, n)
	}
	out := make([]value.Value, n)
	for i := range out {
		out[i] = v.At(i)
	}
	return out, nil
}

// intSumOf puts the sums of the upper and the lower halves together; null, null: there is no number.
func intSumOf(s agg.State, _ *toldFold, v value.Value) error {
	halves, err := fieldsOf(v, 2)
	if err != nil || halves[0].IsNull() {
		return err
	}
	sum, upper := s.(*agg.IntSumState), halves[0].Int()
	sum.Hi, sum.Lo = upper>>32, uint64(upper)<<32
	sum.AddInt(halves[1].Int())
	return nil
}

func floatSumState(_ agg.Fold, x, filter string) string {
	return "struct(count(" + x + ")" + filter + " as n, " + finite("sum("+x+")"+filter) + " as total)"
}

func floatSumOf(s agg.State, _ *toldFold, v value.Value) error {
	sum, err := fieldsOf(v, 2)
	if err == nil && sum[0].Int() > 0 {
		s.(*agg.FloatSumState).AddFloat(number(sum[1]))
	}
	return err
}

// number is a float of a state, NaN where it overflowed.
func number(v value.Value) float64 {
	if v.IsNull() {
		return math.NaN()
	}
	return v.Float()
}

// momentsState takes the numbers in one by one in the order of their times, as we do.
func momentsState(f agg.Fold, x, filter string) string {
	x = "cast(" + x + " as double)"
	list := "transform(array_sort(collect_list(struct(`#ts` as t, " + x + " as x))" + and(filter, x+" is not null") + "), e -> e.x)"
	sums := momentsOf(f, "s")
	out := "s.n as n"
	for i, c := range aggregates[agg.KindMoments].columns[1 : f.Order+1] {
		out += ", " + sums[i+1] + " as " + c
	}
	return "get(transform(array(aggregate(" + list + ", " + noMoments + ", " + welford + ")), s -> struct(" + out + ")), 0)"
}

func momentsInto(s agg.State, f *toldFold, v value.Value) error {
	sums, err := fieldsOf(v, 1+f.Order)
	if err != nil || sums[0].Int() == 0 {
		return err
	}
	m := s.(*agg.MomentsState)
	m.N = sums[0].Int()
	for i, to := range []*float64{&m.Mean, &m.M2, &m.M3, &m.M4}[:f.Order] {
		*to = number(sums[1+i])
	}
	return nil
}

func valueInto(s agg.State, f *toldFold, v value.Value) error {
	x, err := ofType(f.In, v)
	if err == nil {
		s.(interface{ AddValue(value.Value) }).AddValue(x)
	}
	return err
}

func valuesInto(s agg.State, f *toldFold, v value.Value) error {
	for i := range v.Len() {
		if err := valueInto(s, f, v.At(i)); err != nil {
			return err
		}
	}
	return nil
}

// event is what a state keeps of an event: what decides its place, and its value.
func event(x string) string { return "struct(`#place` as place, " + x + " as x)" }

func edgeState(f agg.Fold, x, filter string) string {
	if !f.Rows {
		filter = and(filter, x+" is not null")
	}
	return least("min_by", "max_by", f.Last) + "(" + event(x) + ", " + inOrder(f, x) + ")" + filter
}

func eventListState(f agg.Fold, x, filter string) string {
	return fmt.Sprintf("%s(%s, %s, %d)", least("min_by", "max_by", f.Last), event(x), inOrder(f, x), f.K) + and(filter, x+" is not null")
}

func eventInto(s agg.State, f *toldFold, v value.Value) error {
	kept, err := fieldsOf(v, 2)
	if err != nil {
		return err
	}
	place, err := fieldsOf(kept[0], 1+len(f.ties))
	if err != nil {
		return err
	}
	e := agg.Event{TS: place[0].Int()}
	for i, t := range f.ties {
		part, err := ofType(t, place[1+i])
		if err != nil {
			return err
		}
		e.Tie = append(e.Tie, part)
	}
	if e.Value, err = ofType(f.In, kept[1]); err == nil {
		s.Add(&e)
	}
	return err
}

func eventsInto(s agg.State, f *toldFold, v value.Value) error {
	for i := range v.Len() {
		if err := eventInto(s, f, v.At(i)); err != nil {
			return err
		}
	}
	return nil
}

// eachCounted calls of for each of a list of values, with how many there are.
func eachCounted(v value.Value, of func(x value.Value, n int64)) error {
	for i := range v.Len() {
		run, err := fieldsOf(v.At(i), 2)
		if err != nil {
			return err
		}
		of(run[0], run[1].Int())
	}
	return nil
}

func textCountsOf(s agg.State, _ *toldFold, v value.Value) error {
	counts := map[string]int64{}
	s.(*agg.TextCountsState).Counts = counts
	return eachCounted(v, func(x value.Value, n int64) { counts[x.Str()] += n })
}

func bucketCountsOf(s agg.State, f *toldFold, v value.Value) error {
	counts := map[int64]int64{}
	s.(*agg.BucketCountsState).Counts = counts
	return eachCounted(v, func(x value.Value, n int64) { counts[agg.Bucket(x.Float(), f.Bits)] += n })
}

// registersOf is of a list of registers · 256 + rank.
func registersOf(s agg.State, _ *toldFold, v value.Value) error {
	for i := range v.Len() {
		r := v.At(i).Int()
		s.(*agg.RegistersState).Raise(uint32(r>>8), uint8(r))
	}
	return nil
}
