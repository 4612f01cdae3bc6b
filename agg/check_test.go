package agg_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

func lookup(t *testing.T, name string) *agg.Aggregation {
	t.Helper()
	a, ok := agg.Lookup(name)
	if !ok {
		t.Fatalf("no aggregation %q", name)
	}
	return a
}

// Every refusal names the thing, the place and the cure.
func TestCheckRefuses(t *testing.T) {
	list := value.ListOf(value.Int)
	none := value.Type{}
	for _, c := range []struct {
		name     string
		in       value.Type
		hasInput bool
		args     agg.Args
		arg      string
		want     string
	}{
		{"avg", none, false, agg.Args{}, "input", `avg needs an input; write a column or an expression first: avg("x")`},
		{"avg", none, true, agg.Args{Input: "null"}, "input", `null is null on every row and has no type; write a column, or give the null a type: cast(null as int)`},
		{"avg", value.String, true, agg.Args{Input: "carrier"}, "input", `avg takes int, float or bool, and carrier is a string; write cast(carrier as float)`},
		{"sum", list, true, agg.Args{}, "input", `sum takes int, float or bool, and x is a list<int>; aggregate a part of it, or how often it is there: count("x")`},
		{"sum", value.Timestamp, true, agg.Args{}, "input", `sum takes int, float or bool, and x is a timestamp; write extract(epoch_ms from x)`},
		{"variance", value.Bool, true, agg.Args{}, "input", `variance takes int or float, and x is a bool; write cast(x as int)`},
		{"max", list, true, agg.Args{}, "input", `max takes bool, int, float, string, bytes, timestamp or date, and x is a list<int>; aggregate a part of it, or how often it is there: count("x")`},
		{"histogram", value.Int, true, agg.Args{K: new(3)}, "input", `histogram takes string, and x is an int; write cast(x as string)`},
		{"histogram", value.Float, true, agg.Args{K: new(3)}, "input", `histogram takes string, and x is a float; write cast(cast(x as int) as string), or make classes with case`},
		{"approx_count_distinct", value.Float, true, agg.Args{Input: "price"}, "input",
			`approx_count_distinct takes bool, int, string, timestamp or date, and price is a float; count what the numbers stand for, cast(price as int), or use count_distinct, which takes floats`},
		{"approx_count_distinct", value.Bytes, true, agg.Args{}, "input", `approx_count_distinct takes bool, int, string, timestamp or date, and x is a bytes; use count_distinct, which takes bytes`},
		{"last_k", value.Int, true, agg.Args{}, "k", `last_k needs k, how many; write last_k("x", k=10)`},
		{"last_k", value.Int, true, agg.Args{K: new(0)}, "k", `k=0 is too small; write a whole number from 1 on`},
		{"count_distinct", value.Int, true, agg.Args{Max: new(-5)}, "max", `max=-5 is too small; write a whole number from 1 on`},
		{"approx_quantile", value.Int, true, agg.Args{}, "q", `approx_quantile needs q, the quantile; write approx_quantile("x", q=0.5) for the median`},
		{"approx_quantile", value.Int, true, agg.Args{Q: new(95.0)}, "q", `q=95 is not a quantile; write q=0.95 for the 95th percentile`},
		{"approx_quantile", value.Int, true, agg.Args{Q: new(-0.1)}, "q", `q=-0.1 is not a quantile; write a number from 0 (the least) to 1 (the greatest)`},
		{"approx_quantile", value.Int, true, agg.Args{Q: new(math.NaN())}, "q", `q=NaN is not a quantile; write a number from 0 (the least) to 1 (the greatest)`},
		{"approx_quantile", value.Int, true, agg.Args{Q: new(0.5), Accuracy: new(0.0)}, "accuracy", `accuracy=0 is not a relative error; write a number between 0 and 1: 0.01 is one per cent`},
		{"approx_quantile", value.Int, true, agg.Args{Q: new(0.5), Accuracy: new(1.0)}, "accuracy", `accuracy=1 is not a relative error; write a number between 0 and 1: 0.01 is one per cent`},
		{"approx_count_distinct", value.Int, true, agg.Args{LgK: new(10)}, "lg_k", `lg_k=10 is not offered; write 8 (an error of about 6.5 %), 12 (1.6 %) or 16 (0.4 %)`},
		{"avg", value.Int, true, agg.Args{K: new(3)}, "k", `avg has no parameter k; leave k out`},
		{"avg", value.Int, true, agg.Args{Q: new(0.0)}, "q", `avg has no parameter q; leave q out`},
		{"avg", value.Int, true, agg.Args{Sample: true}, "sample", `avg has no parameter sample; leave sample out`},
		{"count", none, false, agg.Args{Accuracy: new(0.1)}, "accuracy", `count has no parameter accuracy; leave accuracy out`},
		{"count", none, false, agg.Args{LgK: new(12)}, "lg_k", `count has no parameter lg_k; leave lg_k out`},
		{"count", none, false, agg.Args{Max: new(12)}, "max", `count has no parameter max; leave max out`},
		{"count", none, false, agg.Args{By: &value.Int}, "by", `by must be a string, and this is an int; write cast(… as string)`},
		{"count", none, false, agg.Args{By: &value.Bytes}, "by", `by must be a string, and this is a bytes; write a string expression, such as a case with a name for each class`},
		{"count", none, false, agg.Args{ByMax: new(3)}, "by_max", `by_max has no meaning without by; name the column with by=, or leave by_max out`},
		{"count", none, false, agg.Args{By: &value.String, ByMax: new(0)}, "by_max", `by_max=0 is too small; write a whole number from 1 on`},
		{"latest", value.Int, true, agg.Args{By: &value.String}, "by", `latest reads one row of an entity, which by cannot divide; leave by out`},
	} {
		_, p, err := lookup(t, c.name).Check(c.in, c.hasInput, c.args)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s of %s %+v:\n got %v\nwant %s", c.name, c.in, c.args, err, c.want)
			continue
		}
		var problems agg.Problems
		if !errors.As(err, &problems) || problems[0].Arg != c.arg || p != (agg.Params{}) {
			t.Errorf("%s: the problem is at %q, not %q; parameters %+v", c.want, problems[0].Arg, c.arg, p)
		}
	}
}

func TestCheckFindsAllMistakes(t *testing.T) {
	_, _, err := lookup(t, "approx_quantile").Check(value.String, true, agg.Args{Q: new(2.0), Accuracy: new(-1.0), K: new(1), By: &value.Float})
	var at []string
	var problems agg.Problems
	errors.As(err, &problems)
	for _, p := range problems {
		at = append(at, p.Arg)
	}
	if want := []string{"input", "k", "q", "accuracy", "by"}; !slices.Equal(at, want) {
		t.Errorf("problems at %v, want %v", at, want)
	}
}

func TestCheckFillsDefaultsAndTypes(t *testing.T) {
	str := &value.String
	for _, c := range []struct {
		name   string
		in     value.Type
		args   agg.Args
		output value.Type
		want   agg.Params
	}{
		{"count", value.Type{}, agg.Args{}, value.Int, agg.Params{}},
		{"count", value.ListOf(value.Int), agg.Args{}, value.Int, agg.Params{}},
		{"sum", value.Bool, agg.Args{}, value.Int, agg.Params{}},
		{"sum", value.Float, agg.Args{}, value.Float, agg.Params{}},
		{"avg", value.Int, agg.Args{By: str}, value.MapOf(value.Float), agg.Params{By: true, ByMax: 1000}},
		{"max", value.Date, agg.Args{By: str, ByMax: new(7)}, value.MapOf(value.Date), agg.Params{By: true, ByMax: 7}},
		{"stddev", value.Int, agg.Args{Sample: true}, value.Float, agg.Params{Sample: true}},
		{"last", value.MapOf(value.Int), agg.Args{}, value.MapOf(value.Int), agg.Params{}},
		{"top_k", value.String, agg.Args{K: new(3)}, value.ListOf(value.String), agg.Params{K: 3}},
		{"count_distinct", value.Float, agg.Args{}, value.Int, agg.Params{Max: 1000}},
		{"approx_count_distinct", value.Bool, agg.Args{}, value.Int, agg.Params{LgK: 12}},
		{"approx_quantile", value.Int, agg.Args{Q: new(math.Copysign(0, -1))}, value.Float, agg.Params{Q: 0, Accuracy: 0.01}},
		{"histogram", value.String, agg.Args{K: new(2), By: str}, value.MapOf(value.MapOf(value.Int)), agg.Params{K: 2, By: true, ByMax: 1000}},
		{"time_since_first", value.Type{}, agg.Args{}, value.Int, agg.Params{}},
		{"latest", value.Float, agg.Args{}, value.Float, agg.Params{}},
	} {
		output, p, err := lookup(t, c.name).Check(c.in, c.in.Kind != value.KindNull, c.args)
		if err != nil || !output.Equal(c.output) || p != c.want {
			t.Errorf("%s of %s is %s with %+v, %v; want %s with %+v", c.name, c.in, output, p, err, c.output, c.want)
		}
	}
}

func TestTheTableIsWhole(t *testing.T) {
	want := strings.Fields("count sum avg min max variance stddev skewness kurtosis first last first_row last_row first_k last_k top_k bottom_k " +
		"distinct_k count_distinct approx_count_distinct approx_quantile histogram time_since_last time_since_first latest")
	if got := agg.Names(); !slices.Equal(got, want) {
		t.Errorf("names %v, §5 has %v", got, want)
	}
	if _, ok := agg.Lookup("median"); ok {
		t.Error("median is found")
	}
	all := agg.All()
	all[0] = nil
	if agg.All()[0] == nil {
		t.Error("All hands out the table itself")
	}
}
