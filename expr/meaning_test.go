package expr

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

// The tests here hold the row evaluator against definitions that are not its own: big integers, runes, regular expressions, the
// standard library's calendar, and other expressions that say the same.

// eval evaluates a text over named values, with the reasons of nulls.
func eval(t interface{ Fatalf(string, ...any) }, text string, schema value.Schema, row ...value.Value) (value.Value, Nulls) {
	e, errs := Check(text, schema)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", text, errs)
	}
	var nulls Nulls
	return e.Compile(schema)(row, &nulls), nulls
}

func TestIntsAreExactOrNull(t *testing.T) {
	schema := value.Schema{{Name: "x", Type: value.Int}, {Name: "y", Type: value.Int}}
	ops := map[string]func(z, x, y *big.Int) *big.Int{"x + y": (*big.Int).Add, "x - y": (*big.Int).Sub, "x * y": (*big.Int).Mul, "x div y": (*big.Int).Quo, "x % y": (*big.Int).Rem,
		"-x": func(z, x, _ *big.Int) *big.Int { return z.Neg(x) }, "abs(x)": func(z, x, _ *big.Int) *big.Int { return z.Abs(x) }}
	rapid.Check(t, func(t *rapid.T) {
		x, y := valuetest.Present(t, value.Int), valuetest.Present(t, value.Int)
		for text, op := range ops {
			got, nulls := eval(t, text, schema, x, y)
			want, reason := value.Value{}, Reason(0)
			if strings.ContainsAny(text, "%d") && y.Int() == 0 {
				reason = DivisionByZero
			} else if z := op(new(big.Int), big.NewInt(x.Int()), big.NewInt(y.Int())); z.IsInt64() {
				want = value.OfInt(z.Int64())
			} else {
				reason = Overflow
			}
			checkNull(t, text, got, want, nulls, reason)
		}
	})
}

func checkNull(t *rapid.T, text string, got, want value.Value, nulls Nulls, reason Reason) {
	var expect Nulls
	if reason != 0 {
		expect[reason] = 1
	}
	if !value.Equal(got, want) || nulls != expect {
		t.Fatalf("%s is %s with nulls %v, not %s with %v", text, got, nulls, want, expect)
	}
}

// The transcendental functions have transcendental_test.go.
func TestFloatsAreFinite(t *testing.T) {
	schema := value.Schema{{Name: "x", Type: value.Float}, {Name: "y", Type: value.Float}}
	ops := map[string]func(x, y float64) float64{
		"x + y": func(x, y float64) float64 { return x + y }, "x - y": func(x, y float64) float64 { return x - y }, "x * y": func(x, y float64) float64 { return x * y }, "x / y": func(x, y float64) float64 { return x / y },
		"-x": func(x, _ float64) float64 { return -x }, "sqrt(x)": func(x, _ float64) float64 { return math.Sqrt(x) },
		"floor(x)": func(x, _ float64) float64 { return math.Floor(x) }, "ceil(x)": func(x, _ float64) float64 { return math.Ceil(x) }, "round(x)": func(x, _ float64) float64 { return math.Round(x) },
	}
	rapid.Check(t, func(t *rapid.T) {
		x, y := valuetest.Present(t, value.Float), valuetest.Present(t, value.Float)
		for text, op := range ops {
			got, nulls := eval(t, text, schema, x, y)
			want := op(x.Float(), y.Float())
			switch {
			case math.IsNaN(want) || math.IsInf(want, 0):
				if !got.IsNull() || nulls.Total() != 1 {
					t.Fatalf("%s of %s, %s is %s with nulls %v, not null", text, x, y, got, nulls)
				}
			case got.IsNull() || got.Float() != want || math.Signbit(got.Float()) != (want < 0):
				t.Fatalf("%s of %s, %s is %s, not %v", text, x, y, got, want)
			}
		}
	})
}

// TestReasons holds each reason against what makes it.
func TestReasons(t *testing.T) {
	for text, want := range map[string]Reason{
		"1 / 0": DivisionByZero, "1 div 0": DivisionByZero, "1 % 0": DivisionByZero, "1e308 * 10": Overflow, "9223372036854775807 + 1": Overflow, "-9223372036854775808 div -1": Overflow, "exp(1000)": Overflow,
		"cast('x' as int)": BadCast, "cast('1e999' as float)": BadCast, "cast(1e19 as int)": BadCast, "cast('2024-02-30' as date)": BadCast, "ln(0)": Domain, "sqrt(-1)": Domain, "pow(0, -1)": Domain, "pow(-1, 0.5)": Domain, "pow(10, 400)": Overflow,
		"substr('a', 0)": IndexRange, "split_part('a', '-', 2)": IndexRange, "timestamp '9999-12-31T23:59:59Z' + interval '1 second'": TimeRange, "date '0001-01-01' - interval '1 day'": TimeRange, "to_timestamp(9223372036854775807, 'ms')": TimeRange,
		"local(timestamp '2100-01-01T00:00:00Z', 'UTC')": TimeRange, "local(timestamp '0001-01-01T00:00:00Z', 'America/New_York')": TimeRange,
	} {
		v, nulls := eval(t, text, nil)
		if !v.IsNull() || nulls.Total() != 1 || nulls[want] != 1 {
			t.Errorf("%s is %s, counted %v, want one %s", text, v, nulls, want)
		}
	}
	for _, text := range []string{"1 + null", "nullif(1, 1)", "case when false then 1 end", "cast(null as int) div 0", "ln(null)", "cast(null as string) like '%'", "coalesce(null, null)"} {
		if v, nulls := eval(t, text, nil); !v.IsNull() || nulls.Total() != 0 {
			t.Errorf("%s is %s and counts %v", text, v, nulls)
		}
	}
}

// TestSaysTheSame evaluates pairs of texts that mean the same, over rows with nulls.
func TestSaysTheSame(t *testing.T) {
	pairs := map[string]string{
		"x between y and z":              "x >= y and x <= z",
		"x not between y and z":          "x < y or x > z",
		"x in (y, z)":                    "x = y or x = z",
		"x in (1, 2, z)":                 "x = 1 or x = 2 or x = z",
		"x not in (1, 2)":                "x <> 1 and x <> 2",
		"x in (1, null)":                 "x = 1 or null",
		"x is distinct from y":           "case when x is null then y is not null when y is null then true else x <> y end",
		"coalesce(x, y, z)":              "case when x is not null then x when y is not null then y else z end",
		"nullif(x, y)":                   "case when x = y then null else x end",
		"if(x < y, x, z)":                "case when x < y then x else z end",
		"greatest(x, y)":                 "case when y is null or x >= y then x else y end",
		"least(x, y, z)":                 "-greatest(-x, -y, -z)",
		"case x when y then z end":       "case when x = y then z end",
		"(x < y) is true":                "coalesce(x < y, false)",
		"(x < y) is not false":           "coalesce(x < y, true)",
		"not (x < y and y < z)":          "x >= y or y >= z",
		"x <> y":                         "not x = y",
		"x % y":                          "x - y * (x div y)",
		"abs(x)":                         "case when x < 0 then -x else x end",
		"sign(x)":                        "case when x < 0 then -1 when x > 0 then 1 else x end",
		"cast(cast(x as string) as int)": "x",
	}
	schema := value.Schema{{Name: "x", Type: value.Int}, {Name: "y", Type: value.Int}, {Name: "z", Type: value.Int}}
	small := rapid.Custom(func(t *rapid.T) value.Value {
		if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
			return value.Value{}
		}
		return value.OfInt(rapid.Int64Range(-3, 3).Draw(t, "int"))
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y, z := small.Draw(t, "x"), small.Draw(t, "y"), small.Draw(t, "z")
		for a, b := range pairs {
			va, _ := eval(t, a, schema, x, y, z)
			vb, _ := eval(t, b, schema, x, y, z)
			if !value.Equal(va, vb) {
				t.Fatalf("x=%s y=%s z=%s: %s is %s, %s is %s", x, y, z, a, va, b, vb)
			}
		}
	})
}

// TestWhatIsNotReachedIsNotCounted is the rule of doc.go for the lazy operators, and that the others are not lazy.
func TestWhatIsNotReachedIsNotCounted(t *testing.T) {
	schema := value.Schema{{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}}
	for text, want := range map[string]int64{
		"b and i div 0 = 1": 1, "not b and i div 0 = 1": 0, "b or i div 0 = 1": 0, "not b or i div 0 = 1": 1, "b and i div 0 = 1 and not b and i div 0 = 2": 1,
		"case when b then 1 else i div 0 end": 0, "case when not b then 1 else i div 0 end": 1, "case when i div 0 = 1 then 1 when b then 2 else i div 0 end": 1, "if(b, i, i div 0)": 0, "coalesce(i, i div 0)": 0, "coalesce(i div 0, i, i div 0)": 1,
		"case i div 0 when 1 then 1 when 2 then 2 end": 2, "cast(null as int) + i div 0": 1, "i in (i, i div 0)": 1, "greatest(i, i div 0)": 1, "i between i and i div 0": 1, "nullif(i, i div 0)": 1,
	} {
		v, nulls := eval(t, text, schema, value.OfBool(true), value.OfInt(5))
		if nulls.Total() != want {
			t.Errorf("%s is %s and counts %d nulls, not %d", text, v, nulls.Total(), want)
		}
	}
}

func TestTextCountsCodePoints(t *testing.T) {
	schema := value.Schema{{Name: "s", Type: value.String}, {Name: "i", Type: value.Int}, {Name: "n", Type: value.Int}}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune("ab-é😀"))).Draw(t, "s")
		i, n := rapid.Int64Range(-1, 8).Draw(t, "i"), rapid.OneOf(rapid.Int64Range(-1, 8), rapid.Just[int64](math.MaxInt64)).Draw(t, "n")
		row := []value.Value{value.OfString(s), value.OfInt(i), value.OfInt(n)}
		runes := []rune(s)
		want, reason := value.Value{}, IndexRange
		if i >= 1 && n >= 0 {
			from := min(i-1, int64(len(runes)))
			want, reason = value.OfString(string(runes[from:][:min(n, int64(len(runes))-from)])), 0
		}
		got, nulls := eval(t, "substr(s, i, n)", schema, row...)
		checkNull(t, "substr", got, want, nulls, reason)

		want, reason = value.Value{}, IndexRange
		if parts := strings.Split(s, "-"); i >= 1 && i <= int64(len(parts)) {
			want, reason = value.OfString(parts[i-1]), 0
		}
		got, nulls = eval(t, "split_part(s, '-', i)", schema, row...)
		checkNull(t, "split_part", got, want, nulls, reason)
		if got, _ := eval(t, "length(s)", schema, row...); got.Int() != int64(len(runes)) {
			t.Fatalf("length of %q is %s", s, got)
		}
	})
}

func TestLikeIsItsRegexp(t *testing.T) {
	schema := value.Schema{{Name: "s", Type: value.String}}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune("ab%_é\n"))).Draw(t, "s")
		pattern := rapid.StringOf(rapid.SampledFrom([]rune("aab%%_é"))).Draw(t, "pattern")
		var re strings.Builder
		for _, r := range pattern {
			switch r {
			case '%':
				re.WriteString(".*")
			case '_':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(string(r)))
			}
		}
		want := regexp.MustCompile(`(?s)\A` + re.String() + `\z`).MatchString(s)
		if got, _ := eval(t, "s like "+QuoteText(pattern), schema, value.OfString(s)); got.Bool() != want {
			t.Fatalf("%q like %q is %s", s, pattern, got)
		}
		escaped := "!" + strings.Join(strings.Split(strings.NewReplacer("%", "%", "_", "_").Replace("%_"), ""), "!")
		literal, _ := eval(t, "s like '"+escaped+"' escape '!'", schema, value.OfString(s))
		if literal.Bool() != (s == "%_") {
			t.Fatalf("%q like escaped %%_ is %s", s, literal)
		}
	})
}

func TestCalendarIsTheStandardLibrarys(t *testing.T) {
	schema := value.Schema{{Name: "t", Type: value.Timestamp}}
	rapid.Check(t, func(t *rapid.T) {
		ts := valuetest.Present(t, value.Timestamp)
		u := time.UnixMilli(ts.Int()).UTC()
		_, week := u.ISOWeek()
		for unit, want := range map[string]int{"year": u.Year(), "quarter": (int(u.Month())-1)/3 + 1, "month": int(u.Month()), "week": week, "day": u.Day(), "doy": u.YearDay(), "dow": (int(u.Weekday())+6)%7 + 1,
			"hour": u.Hour(), "minute": u.Minute(), "second": u.Second(), "millisecond": u.Nanosecond() / 1e6} {
			if got, _ := eval(t, "extract("+unit+" from t)", schema, ts); got.Int() != int64(want) {
				t.Fatalf("%s of %s is %s, not %d", unit, ts, got, want)
			}
		}
		midnight := time.Date(u.Year(), u.Month(), u.Day(), 0, 0, 0, 0, time.UTC)
		for unit, want := range map[string]time.Time{
			"year": time.Date(u.Year(), 1, 1, 0, 0, 0, 0, time.UTC), "quarter": time.Date(u.Year(), (u.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC), "month": time.Date(u.Year(), u.Month(), 1, 0, 0, 0, 0, time.UTC),
			"week": midnight.AddDate(0, 0, -(int(u.Weekday())+6)%7), "day": midnight, "hour": midnight.Add(time.Duration(u.Hour()) * time.Hour),
			"minute": midnight.Add(time.Duration(u.Hour()*60+u.Minute()) * time.Minute), "second": midnight.Add(time.Duration(u.Hour()*3600+u.Minute()*60+u.Second()) * time.Second),
		} {
			if got, _ := eval(t, "date_trunc('"+unit+"', t)", schema, ts); got.Int() != want.UnixMilli() {
				t.Fatalf("%s of %s begins %s, not %s", unit, ts, got, want)
			}
		}
		if got, _ := eval(t, "date(t)", schema, ts); got.String() != u.Format("2006-01-02") {
			t.Fatalf("the date of %s is %s", ts, got)
		}
	})
}

func TestZonesAreTheDatabases(t *testing.T) {
	for _, name := range []string{"America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia", "Africa/Monrovia", "UTC"} {
		z, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		loc := location(t, name)
		check := func(ms int64) {
			if _, want := time.UnixMilli(ms).In(loc).Zone(); ms < zoneEnd && z.offset(ms) != int64(want)*1000 {
				t.Errorf("%s at %s: offset %d ms, not %d s", name, value.FormatTimestamp(ms), z.offset(ms), want)
			}
		}
		for year := 1; year < 2100; year++ { // each day of the year that the tables are about, and of some others
			step := int64(value.DayMS)
			if year < 1850 {
				step *= 97
			}
			for ms := time.Date(year, 1, 1, 12, 34, 0, 0, time.UTC).UnixMilli(); ms < time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(); ms += step {
				check(ms)
			}
		}
		for _, start := range z.starts[1:] {
			check(start)
			check(start - 1)
		}
	}
}

func location(t *testing.T, name string) *time.Location {
	for _, f := range zones.files {
		if f.Name != name {
			continue
		}
		data, err := readZone(f)
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	t.Fatalf("no zone %s", name)
	return nil
}

// TestEveryZoneLoads walks the archive.
func TestEveryZoneLoads(t *testing.T) {
	if len(zoneNames()) < 300 {
		t.Fatalf("only %d zones", len(zoneNames()))
	}
	for _, name := range zoneNames() {
		if _, err := loadZone(name); err != nil {
			t.Error(err)
		}
	}
}

// TestCastGrammar writes out what is in the grammars of X6 and what is not.
func TestCastGrammar(t *testing.T) {
	for typ, texts := range map[string]map[string]string{
		"int":   {"0": "0", "-0": "0", "+7": "7", "007": "7", "-9223372036854775808": "-9223372036854775808", "9223372036854775808": "", "": "", "+": "", "--1": "", " 1": "", "1 ": "", "1.0": "", "1e3": "", "0x1": "", "1_0": "", "１": "", "1\n": ""},
		"float": {"1": "1.0", "1.": "1.0", ".5": "0.5", "-1.5e-3": "-0.0015", "+1E2": "100.0", "-0": "0.0", "1e400": "", "": "", ".": "", "e1": "", "1e": "", "1e+": "", "NaN": "", "inf": "", "Infinity": "", "0x1p3": "", "1d": "", "1f": "", "1_0": "", " 1": "", "1\n": "", "1,5": ""},
		"bool":  {"true": "true", "false": "false", "TRUE": "", "1": "", "t": "", "": "", " true": ""},
		"date":  {"2024-02-29": `"2024-02-29"`, "0001-01-01": `"0001-01-01"`, "9999-12-31": `"9999-12-31"`, "2023-02-29": "", "0000-01-01": "", "2024-1-1": "", "2024-01-01 ": "", "10000-01-01": "", "-001-01-01": "", "2024-01-00": "", "2024-13-01": "", "20240101": "", "2024-01-01T": "", "２０２４-01-01": ""},
		"timestamp": {"2024-01-31T06:00:00Z": `"2024-01-31T06:00:00Z"`, "2024-01-31T06:00:00.5Z": `"2024-01-31T06:00:00.500Z"`, "2024-01-31T06:00:00.123999999Z": `"2024-01-31T06:00:00.123Z"`, "1969-12-31T23:59:59.9999Z": `"1969-12-31T23:59:59.999Z"`, "2024-01-31T06:00:00+01:00": `"2024-01-31T05:00:00Z"`,
			"2024-01-31T06:00:00-23:59": `"2024-02-01T05:59:00Z"`, "0001-01-01T00:00:00+00:01": "", "9999-12-31T23:59:59-00:01": "", "0001-01-01T00:00:00-00:01": `"0001-01-01T00:01:00Z"`, "2024-01-31T06:00:00+24:00": "", "2024-01-31T06:00:00+01:60": "", "2024-01-31T06:00:00+0100": "", "2024-01-31T06:00:00": "",
			"2024-01-31 06:00:00Z": "", "2024-01-31t06:00:00Z": "", "2024-01-31T06:00:00z": "", "2024-01-31T6:00:00Z": "", "2024-01-31T6:00:00.5Z": "", "2024-01-31T24:00:00Z": "", "2024-01-31T23:59:60Z": "", "2024-01-31T06:00Z": "", "2024-01-31T06:00:00.Z": "", "2024-01-31T06:00:00,5Z": "",
			"2024-01-31T06:00:00.1234567890Z": "", "2024-02-30T00:00:00Z": "", "2024-01-31T06:00:00Z\n": "", "": ""},
	} {
		schema := value.Schema{{Name: "s", Type: value.String}}
		for text, want := range texts {
			v, nulls := eval(t, "cast(s as "+typ+")", schema, value.OfString(text))
			got := ""
			if !v.IsNull() {
				got = string(value.AppendJSON(nil, v))
			}
			if got != want || (want == "") != (nulls[BadCast] == 1) {
				t.Errorf("cast(%s as %s) is %s with nulls %v, not %s", strconv.Quote(text), typ, got, nulls, want)
			}
		}
	}
}
