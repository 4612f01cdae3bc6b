package spark

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

const seed = 11 // of the drawn numbers

// floats are every power of two with its neighbours, the edges of the range, and drawn ones of every exponent.
func floats() []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	out := []float64{0, 4.9e-324, 9.9e-324, 2.2250738585072009e-308, 2.2250738585072014e-308, math.MaxFloat64, 1, 0.1, 1.0 / 3}
	for e := -1074; e <= 1023; e++ {
		if e > -1060 && e < 1010 && e%16 > 2 && (e < -1025 || e > -1015) {
			continue // some are enough in between
		}
		x := math.Ldexp(1, e)
		out = append(out, x, math.Nextafter(x, 0), math.Nextafter(x, math.MaxFloat64))
		if e >= -1022 {
			out = append(out, math.Float64frombits(uint64(e+1023)<<52|r.Uint64()>>12))
		}
	}
	for _, x := range out[:len(out):len(out)] {
		if x != 0 {
			out = append(out, -x)
		}
	}
	return out
}

// rowsOf is a list of values of one column.
func rowsOf(t value.Type, values []value.Value) string {
	rows := make([]string, len(values))
	for i, v := range values {
		rows[i] = fmt.Sprintf("(%d, %s)", i, dialect.Literal(t, v))
	}
	return "values " + strings.Join(rows, ", ") + " as t(i, x)"
}

// The encoding that decides on a sample is value.Append's, byte for byte, of every type.
func TestEncodedIsTheCanonicalEncoding(t *testing.T) {
	s := server.Spark(t)
	var numbers []value.Value
	for _, f := range floats() {
		numbers = append(numbers, value.OfFloat(f))
	}
	text := func(of func(string) value.Value) []value.Value {
		return []value.Value{{}, of(""), of("a"), of("a\x00b"), of("\x00"), of("\x00\x00\x01"), of("é😀"), of("0\x00\x00"), of("\x10\x00\x01")}
	}
	for _, c := range []struct {
		t      value.Type
		values []value.Value
	}{
		{value.Bool, []value.Value{{}, value.OfBool(true), value.OfBool(false)}},
		{value.Int, []value.Value{{}, value.OfInt(0), value.OfInt(-1), value.OfInt(1), value.OfInt(math.MinInt64), value.OfInt(math.MaxInt64), value.OfInt(256)}},
		{value.Timestamp, []value.Value{{}, value.OfTimestamp(0), value.OfTimestamp(-1), value.OfTimestamp(value.MaxTimestamp)}},
		{value.Date, []value.Value{{}, value.OfDate(0), value.OfDate(value.MinDate)}},
		{value.String, text(value.OfString)},
		{value.Bytes, append(text(value.OfBytesString), value.OfBytesString("\xff\x00\xff"))},
		{value.Float, append(numbers, value.Value{})},
	} {
		res, err := s.Query(t.Context(), "select hex("+encoded("x", c.t)+") from "+rowsOf(c.t, c.values)+" order by i")
		if err != nil {
			t.Fatalf("%s: %v", c.t, err)
		}
		for i, v := range c.values {
			if got, want := res.Rows[i][0].Str(), strings.ToUpper(hex.EncodeToString(value.Append(nil, v))); got != want {
				t.Errorf("%s %s: %s, want %s", c.t, v, got, want)
			}
		}
	}
}

// The quantile of one number is the midpoint of its bucket, at every edge of the range and every accuracy.
func TestQuantileFindsTheBucket(t *testing.T) {
	s := server.Spark(t)
	a, _ := agg.Lookup("approx_quantile")
	var numbers []value.Value
	for _, f := range floats() {
		numbers = append(numbers, value.OfFloat(f))
	}
	for _, accuracy := range []float64{0.5, 0.01, 1e-16} {
		_, p, problems := a.Check(value.Float, true, agg.Args{Input: "x", Q: new(0.5), Accuracy: &accuracy})
		if problems != nil {
			t.Fatal(problems)
		}
		sql, _ := a.Spark(value.Float, p)
		f := a.Folds(value.Float, p)[0]
		list := aggregates[f.Kind].sql(f, "x", "")[0]
		res, err := s.Query(t.Context(), "select "+strings.ReplaceAll(sql, "$list", "xs")+" from (select i, "+list+" as xs from "+rowsOf(value.Float, numbers)+" group by i) order by i")
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Altered) > 0 {
			t.Errorf("%d results are no values", len(res.Altered))
		}
		for i, x := range numbers {
			want := a.Plain(value.Float, p, []agg.Event{{Value: x}}, 0)
			if got := res.Rows[i][0]; !value.Equal(got, want) {
				t.Errorf("accuracy %g: %s is in the bucket of %s, want %s", accuracy, x, got, want)
			}
		}
	}
}

// Estimates are ours to the last one, from few registers to all.
func TestEstimateOfManyAndFew(t *testing.T) {
	s := server.Spark(t)
	a, _ := agg.Lookup("approx_count_distinct")
	for _, lgK := range []int{8, 12, 16} {
		_, p, problems := a.Check(value.Int, true, agg.Args{Input: "x", LgK: &lgK})
		if problems != nil {
			t.Fatal(problems)
		}
		f := a.Folds(value.Int, p)[0]
		sql, _ := a.Spark(value.Int, p)
		for _, n := range []int64{0, 1, 300, 5_000, 30_000} {
			list := aggregates[f.Kind].sql(f, "id", "")[0]
			res, err := s.Query(t.Context(), "select "+strings.ReplaceAll(sql, "$list", "xs")+" from (select "+list+fmt.Sprintf(" as xs from range(%d))", n))
			if err != nil {
				t.Fatal(err)
			}
			events := make([]agg.Event, n)
			for i := range events {
				events[i].Value = value.OfInt(int64(i))
			}
			if got, want := res.Rows[0][0], a.Plain(value.Int, p, events, 0); !value.Equal(got, want) {
				t.Errorf("lg_k %d, %d values: %s, want %s", lgK, n, got, want)
			}
		}
	}
}
