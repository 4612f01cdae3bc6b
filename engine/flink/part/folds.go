package part

import (
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// kept is how Flink keeps a kind of fold: as columns of a part, and how its state is made of them.
//
// x is SQL for the input, filter stands behind each aggregate. What is aggregated is rows of the view of events: `#ts` is an event's time,
// `#tie` the text of order of what decides between events of one time (E2). A column's name is the fold's, f3, and a suffix.
type kept struct {
	write func(w *writing)
	read  func(l *Layout, f plan.Fold, c cells) (agg.State, error)
}

// Column is one of a part's, beside those of the key.
type Column struct{ Name, Type string }

// writing is a fold that is being printed.
type writing struct {
	layout *Layout
	fold   plan.Fold
	name   string
	x      string // the input
	filter string // " FILTER (WHERE …)" of the rows that pass where, with an input unless all count
	where  string // the same as a condition; "" where all rows pass
	out    *selection
}

// add adds a column.
func (w *writing) add(suffix, typ, sql string) { w.out.add(w.name+suffix, typ, sql) }

// table is the one table of kinds.
var table = [...]kept{
	agg.KindCount:        {writeCount, readCount},
	agg.KindIntSum:       {writeIntSum, readIntSum},
	agg.KindFloatSum:     {writeFloatSum, readFloatSum},
	agg.KindMoments:      {writeMoments, readMoments},
	agg.KindExtreme:      {writeExtreme, readExtreme},
	agg.KindTimeBound:    {writeTimeBound, readTimeBound},
	agg.KindEdge:         {writeEdge, readEdge},
	agg.KindEventList:    {writeList, readEventList},
	agg.KindValueList:    {writeList, readValueList},
	agg.KindTextCounts:   {writeTextCounts, readTextCounts},
	agg.KindBucketCounts: {writeBucketCounts, readBucketCounts},
	agg.KindRegisters:    {writeRegisters, readRegisters},
}

func writeCount(w *writing) { w.add("", "BIGINT", "COUNT(*)"+w.filter) }

func readCount(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.CountState)
	n, err := c.count(0)
	s.N = n
	return s, err
}

// writeIntSum adds in a decimal of 38 digits, which no 2⁶⁴ events fill.
func writeIntSum(w *writing) {
	x := w.x
	if w.fold.In.Kind == value.KindBool {
		x = "CASE WHEN " + x + " THEN 1 ELSE 0 END"
	}
	w.add("", "STRING", "CAST(SUM(CAST("+x+" AS DECIMAL(38, 0)))"+w.filter+" AS STRING)")
}

func readIntSum(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.IntSumState)
	text, ok, err := c.text("")
	if err != nil || !ok {
		return s, err
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || n.BitLen() > 127 {
		return nil, fmt.Errorf("a sum of %.60q", text)
	}
	low := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64))
	s.Lo, s.Hi = low.Uint64(), new(big.Int).Rsh(n, 64).Int64()
	return s, nil
}

func writeFloatSum(w *writing) { w.add("", "DOUBLE", "SUM("+w.x+")"+w.filter) }

func readFloatSum(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.FloatSumState)
	x, _, err := c.float("")
	s.Sum = x
	return s, err
}

// writeMoments sums powers of distances from a number that is one of the inputs (pivot): Flink's own variances are sums of squares, which
// lose their digits where the mean is large. What the pivot is makes no difference to the state, but for its last bits.
func writeMoments(w *writing) {
	d, p := "("+w.float()+" - "+w.pivot()+")", w.pivot()
	w.add("", "BIGINT", "COUNT(*)"+w.filter)
	w.add("_least", "DOUBLE", "MIN("+p+")"+w.filter)
	w.add("_most", "DOUBLE", "MAX("+p+")"+w.filter)
	power := d
	for i := range w.fold.Order {
		w.add(fmt.Sprintf("_p%d", i+1), "DOUBLE", "SUM("+power+")"+w.filter)
		power += " * " + d
	}
}

func readMoments(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.MomentsState)
	n, err := c.count(0)
	if err != nil || n == 0 {
		return s, err
	}
	pivot, ok, err := c.float("_least")
	most, _, err2 := c.float("_most")
	if err != nil || err2 != nil || !ok || pivot != most {
		return nil, fmt.Errorf("moments about %v and %v", pivot, most)
	}
	var p [5]float64
	for i := range f.Order {
		if p[i+1], _, err = c.float(fmt.Sprintf("_p%d", i+1)); err != nil {
			return nil, err
		}
	}
	count := float64(n)
	m := p[1] / count
	s.N, s.Mean, s.M2 = n, pivot+m, max(0, p[2]-m*p[1])
	if f.Order > 2 {
		s.M3 = p[3] - 3*m*p[2] + 2*count*m*m*m
	}
	if f.Order > 3 {
		s.M4 = p[4] - 4*m*p[3] + 6*m*m*p[2] - 3*count*m*m*m*m
	}
	return s, nil
}

// writeExtreme keeps strings and bytes as texts of order, for Flink compares strings by UTF-16.
func writeExtreme(w *writing) {
	of, typ := w.x, dialect.Physical(w.fold.In)
	switch w.fold.In.Kind {
	case value.KindString, value.KindBytes, value.KindBool:
		of, typ = Order(w.x, w.fold.In), "STRING"
	}
	w.add("", typ, w.least()+"("+of+")"+w.filter)
}

func readExtreme(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New()
	v, err := c.value(f.In, true)
	if err == nil {
		s.Add(&agg.Event{Value: v})
	}
	return s, err
}

func writeTimeBound(w *writing) { w.add("", "BIGINT", w.least()+"(`#ts`)"+w.filter) }

func readTimeBound(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.TimeState)
	v, err := c.value(value.Timestamp, false)
	if err == nil && !v.IsNull() {
		s.AddTime(v.Int())
	}
	return s, err
}

func writeEdge(w *writing) { w.add("", "STRING", w.least()+"("+w.eventText()+")"+w.filter) }

func readEdge(l *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New()
	text, ok, err := c.text("")
	if err != nil || !ok {
		return s, err
	}
	e, err := l.event(text, f.In)
	if err == nil {
		s.Add(&e)
	}
	return s, err
}

// writeList is that of both kinds: the query of a list has chosen the texts.
func writeList(w *writing) { w.add("", "STRING", "LISTAGG(`#text`, ',')") }

func readEventList(l *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New()
	return s, c.list(func(text string) error {
		e, err := l.event(text, f.In)
		if err == nil {
			s.Add(&e)
		}
		return err
	})
}

func readValueList(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New()
	return s, c.list(func(text string) error {
		v, rest, err := readOrder(text, f.In)
		if err == nil && rest != "" {
			err = fmt.Errorf("%w: %.40q is left", errOrder, rest)
		}
		if err == nil {
			s.Add(&agg.Event{Value: v})
		}
		return err
	})
}

func writeTextCounts(w *writing) { w.add("", "MULTISET<STRING>", "COLLECT("+w.x+")"+w.filter) }

func readTextCounts(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.TextCountsState)
	counts, err := c.counts("")
	s.Counts = counts
	return s, err
}

func writeBucketCounts(w *writing) {
	w.add("", "MULTISET<STRING>", "COLLECT(CAST("+bucket(w.float(), w.fold.Bits)+" AS STRING))"+w.filter)
}

func readBucketCounts(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.BucketCountsState)
	counts, err := c.counts("")
	if err != nil || len(counts) == 0 {
		return s, err
	}
	of := make(map[int64]int64, len(counts))
	for text, n := range counts {
		b, err := strconv.ParseInt(text, 10, 64)
		if err != nil || agg.Bucket(agg.BucketMidpoint(b, f.Bits), f.Bits) != b {
			return nil, fmt.Errorf("a bucket of %.40q", text)
		}
		of[b] = n
	}
	s.Counts = of
	return s, nil
}

// writeRegisters collects hexadecimal registers with their ranks: few, whatever the values are.
func writeRegisters(w *writing) {
	digits := w.fold.Bits / 4
	text := "CAST(" + w.x + " AS STRING)"
	if w.fold.In.Kind == value.KindBool {
		text = "CASE WHEN " + w.x + " THEN 'true' ELSE 'false' END"
	}
	hash := "MD5(" + text + ")"
	rest := fmt.Sprintf("TRIM(LEADING '0' FROM SUBSTR(%s, %d, %d))", hash, digits+1, 16-digits)
	first := "CASE WHEN SUBSTR(" + rest + ", 1, 1) IN ('1') THEN 4 WHEN SUBSTR(" + rest + ", 1, 1) IN ('2', '3') THEN 3 WHEN SUBSTR(" + rest + ", 1, 1) IN ('4', '5', '6', '7') THEN 2 ELSE 1 END"
	rank := fmt.Sprintf("%d - 4 * CHAR_LENGTH(%s) + %s", 4*(16-digits), rest, first)
	w.add("", "MULTISET<STRING>", fmt.Sprintf("COLLECT(CONCAT(SUBSTR(%s, 1, %d), ' ', CAST(%s AS STRING)))%s", hash, digits, rank, w.filter))
}

func readRegisters(_ *Layout, f plan.Fold, c cells) (agg.State, error) {
	s := inner(f).New().(*agg.RegistersState)
	counts, err := c.counts("")
	if err != nil {
		return nil, err
	}
	for text := range counts {
		digits := f.Bits / 4
		if len(text) < digits+2 || text[digits] != ' ' {
			return nil, fmt.Errorf("a register of %.40q", text)
		}
		register, err := strconv.ParseUint(text[:digits], 16, 32)
		rank, err2 := strconv.ParseUint(text[digits+1:], 10, 8)
		if err != nil || err2 != nil || rank == 0 || int(rank) > 64-f.Bits+1 {
			return nil, fmt.Errorf("a register of %.40q", text)
		}
		s.Raise(uint32(register), uint8(rank))
	}
	return s, nil
}

// least is the aggregate that keeps the first in order, or the last.
func (w *writing) least() string {
	if w.fold.Last {
		return "MAX"
	}
	return "MIN"
}

// float is the input as DOUBLE.
func (w *writing) float() string {
	if w.fold.In.Kind == value.KindInt {
		return "CAST(" + w.x + " AS DOUBLE)"
	}
	return w.x
}

// pivot is the column that the moments are taken about.
func (w *writing) pivot() string { return "`#pivot " + w.name + "`" }

// eventText is the text of order of an event by E2.
func (w *writing) eventText() string { return eventText(w.layout, w.x, w.fold.In) }

func eventText(l *Layout, x string, in value.Type) string {
	texts := Order("`#ts`", value.Timestamp)
	if len(l.Ties()) > 0 {
		texts += ", `#tie`"
	}
	return "CONCAT(" + texts + ", " + Order(x, in) + ")"
}

// Ties are the types of what decides between events of one time, before their value.
func (l *Layout) Ties() []value.Type {
	if !l.Space.Ordered() {
		return nil
	}
	var out []value.Type
	for _, e := range l.Space.Group.Source.OrderBy {
		out = append(out, e.Type())
	}
	return out
}

// event reads what eventText wrote.
func (l *Layout) event(text string, in value.Type) (e agg.Event, err error) {
	types := append(append([]value.Type{value.Timestamp}, l.Ties()...), in)
	values := make([]value.Value, len(types))
	for i, t := range types {
		if values[i], text, err = readOrder(text, t); err != nil {
			return e, err
		}
	}
	if text != "" || values[0].IsNull() {
		return e, fmt.Errorf("%w: an event", errOrder)
	}
	return agg.Event{TS: values[0].Int(), Tie: values[1 : len(values)-1], Value: values[len(values)-1]}, nil
}

// inner is the fold of one string of by, or the fold itself.
func inner(f plan.Fold) agg.Fold {
	in := f.Fold
	in.By, in.ByMax = false, 0
	return in
}
