package sweep

import (
	"math"
	"math/rand/v2"

	"github.com/bighead-ml/bighead/value"
)

// The edge values of each type. Null stands last in each.
var (
	edgeBools = []Cell{true, false, nil}

	edgeInts = []Cell{
		int64(0), int64(1), int64(-1), int64(2), int64(-2), int64(3), int64(7), int64(-7), int64(10), int64(60), int64(100), int64(1000), int64(86_400_000),
		int64(math.MaxInt32), int64(math.MaxInt32 + 1), int64(math.MinInt32), int64(math.MinInt32 - 1), int64(3_037_000_500), int64(-3_037_000_500),
		int64(1 << 53), int64(1<<53 + 1), int64(-1<<53 - 1), int64(1_000_000_000_000_000_000), int64(253_402_300_799_999_999), int64(253_402_300_800_000_000), int64(-62_135_596_800_000_000), int64(-62_135_596_800_000_001),
		int64(math.MaxInt64), int64(math.MaxInt64 - 1), int64(math.MaxInt64 - 1024), int64(math.MinInt64), int64(math.MinInt64 + 1), nil,
	}

	edgeFloats = []Cell{
		0.0, math.Copysign(0, -1), 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.1, -0.1, 1.005, 1.0 / 3, 100.0, 1000.0, 0.49999999999999994, -0.49999999999999994,
		1e15 + 0.5, 4503599627370495.5, -4503599627370497.5, float64(1 << 53), 9.3e18, -9.3e18, float64(1 << 63), -float64(1 << 63), 9223372036854774784.0,
		1e-300, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 2.2250738585072014e-308, 1e300, math.MaxFloat64, -math.MaxFloat64, 709.78, -745.2,
		math.NaN(), math.Inf(1), math.Inf(-1), nil,
	}

	edgeStrings = []Cell{
		"", " ", "a", "A", "b", "abc", "ABC", "abcabc", "  a b  ", "\ta\n", "\u00a0a", "né", "ne\u0301", "ß", "İ", "ΑΣ", "ﬁ", "𝒳", "😀", "a😀b", "～", "a\x00b", "\U0010ffff",
		"%", "_", "a%b", `\`, `a\b`, "'", `"`, "`", "$0", ".", "a.b", "-", "a-b-c", "a--c", "a\nb", "12", nil,
	}

	// edgeTexts are for casts: what is in the grammars of X6, and what engines take besides.
	edgeTexts = []Cell{
		"0", "-0", "+007", "-12", " 12", "12 ", "12\n", "\t12", "１２", "٣", "1_000", "1,000", "12.", "12.7", ".5", "-.5e-3", "5.e1", "1e3", "1E+03", "1e", "e1", ".", "+", "-", "--1", "1e400", "-1e400", "1e-400",
		"4.9e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.1", "123456789012345678", "9007199254740993", "NaN", "nan", "Infinity", "-inf", "0x1F", "0x1p3", "1d", "1.5f", "1L",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "000000000000000000000000000001",
		"true", "false", "TRUE", "True", "t", "yes", "1", "on", " true",
		"2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2024-1-1", "2024-01", "2024", "20240101", "0001-01-01", "0000-12-31", "9999-12-31", "10000-01-01", "-0001-01-01", "+2024-01-01", "1969-12-31", "1582-10-10", "1000-02-29",
		"2024-13-01", "2024-00-10", "2024-04-31", "2024-01-32", "2024-01-01 ", " 2024-01-01", "2024-01-01\n", "2024-01-01 xyz", "2024-01-01Tabc", "２０２４-01-01",
		"2024-01-31T06:00:00Z", "2024-01-31T06:00:00.5Z", "2024-01-31T06:00:00.123456789Z", "2024-01-31T06:00:00.1234567890Z", "2024-01-31T06:00:00+01:00", "2024-01-31T06:00:00-23:59", "2024-01-31T06:00:00+24:00",
		"2024-01-31T06:00:00+0100", "2024-01-31T06:00:00", "2024-01-31 06:00:00", "2024-01-31t06:00:00z", "2024-01-31T06:00Z", "2024-01-31T24:00:00Z", "2024-01-31T23:59:60Z", "2023-02-29T00:00:00Z", "2024-01-31T06:00:00.Z", "2024-01-31T06:00:00,5Z",
		"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.9991Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00-00:01", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59-00:01", "0000-12-31T23:59:59Z",
		"2024-01-31T06:00:00Z\n", " 2024-01-31T06:00:00Z", "2024-01-31T06:00:00[UTC]", "2024-01-31T06:00:00 Europe/Paris", "10:00:00", "", "a", "𝒳", nil,
	}

	edgeBytes = []Cell{[]byte{}, []byte{0}, []byte{0, 255}, []byte{255}, []byte{127}, []byte{128}, []byte("abc"), []byte("né"), nil}

	// Milliseconds around the epoch, around the ends of the range, leap days, ends of months and ISO years, changes of
	// clocks in New York, and days that the Julian calendar had otherwise.
	edgeTimestamps = []Cell{
		int64(0), int64(1), int64(-1), int64(999), int64(1000), int64(-1000), int64(-1001), int64(59_999), int64(-60_000), int64(3_600_000), int64(-3_600_001), int64(86_399_999), int64(86_400_000), int64(-86_400_000), int64(-86_400_001),
		int64(951_782_400_000), int64(951_868_799_999), int64(1_704_067_199_999), int64(1_704_067_200_000), int64(1_709_164_800_123), int64(1_735_516_800_000), int64(1_609_459_199_000), int64(1_710_053_999_999), int64(1_710_054_000_000), int64(1_730_613_600_000),
		int64(1_730_615_400_000), int64(4_102_444_800_000), int64(-2_208_988_800_000), int64(-2_717_650_800_001), int64(-12_219_292_800_000), int64(-12_219_292_800_001), int64(-62_135_596_800_000), int64(-62_135_596_800_001), int64(253_402_300_799_999),
		int64(253_402_300_800_000), int64(math.MaxInt64), int64(math.MinInt64), nil,
	}

	edgeDates = []Cell{
		int64(0), int64(1), int64(-1), int64(3), int64(4), int64(-3), int64(-4), int64(59), int64(60), int64(365), int64(-365), int64(-366), int64(11016), int64(11017), int64(19722), int64(19723), int64(19782), int64(19783), int64(20088), int64(20089), int64(20453),
		int64(-25567), int64(-141428), int64(-141427), int64(-719162), int64(-719163), int64(-719161), int64(2932896), int64(2932897), int64(2932532), int64(math.MaxInt64), int64(math.MinInt64), nil,
	}

	edgeIntLists   = []Cell{[]Cell{}, []Cell{int64(1)}, []Cell{int64(1), nil, int64(3)}, []Cell{nil}, []Cell{int64(math.MinInt64), int64(math.MaxInt64), int64(0)}, []Cell{int64(7), int64(7), int64(-7)}, nil}
	edgeTextLists  = []Cell{[]Cell{}, []Cell{"a"}, []Cell{"", nil, "😀"}, []Cell{nil}, []Cell{"abc", "a", "ﬁ", "𝒳"}, []Cell{"-", "-"}, nil}
	edgeFloatLists = []Cell{[]Cell{}, []Cell{1.5}, []Cell{0.0, math.Copysign(0, -1), nil}, []Cell{math.NaN(), 1.0}, []Cell{math.Inf(1), math.Inf(-1), 2.5}, nil}
	edgeIntMaps    = []Cell{map[string]Cell{}, map[string]Cell{"a": int64(1)}, map[string]Cell{"a": nil, "b": int64(2)}, map[string]Cell{"": int64(math.MaxInt64), "😀": int64(-1)}, map[string]Cell{"abc": int64(3), "A": int64(4)}, nil}
	edgeStructs    = []Cell{Struct{int64(1), "a"}, Struct{nil, "😀"}, Struct{int64(math.MinInt64), nil}, Struct{nil, nil}, nil}
)

// StructType is the type of the struct columns of [Edges].
var StructType = value.StructOf(value.Field{Name: "n", Type: value.Int}, value.Field{Name: "s", Type: value.String})

// edges is a kind of column: its type, the stem of its names, its values.
type edges struct {
	typ   value.Type
	stem  string
	cells []Cell
}

var edgeKinds = []edges{
	{value.Bool, "bool", edgeBools}, {value.Int, "int", edgeInts}, {value.Float, "float", edgeFloats}, {value.String, "string", edgeStrings}, {value.Bytes, "bytes", edgeBytes},
	{value.Timestamp, "timestamp", edgeTimestamps}, {value.Date, "date", edgeDates},
	{value.ListOf(value.Int), "ints", edgeIntLists}, {value.ListOf(value.String), "strings", edgeTextLists}, {value.MapOf(value.Int), "map", edgeIntMaps}, {StructType, "struct", edgeStructs},
}

// pairs is how many rows hold all pairs of edge values: the square of the largest number of values of a type.
const side = 40

// Edges is the table of the sweep. For each type it has three columns, named by the type and a, b, c: int_a, int_b, int_c.
// Columns a and b together hold every pair of edge values, of any two types; c holds them by chance (seed), so that
// functions of three arguments meet many triples. Column text holds strings for casts. Lists of floats are left out where
// the dialect cannot read them.
func Edges(seed uint64) Table {
	rng := rand.New(rand.NewPCG(seed, 0))
	t := Table{Rows: make([][]Cell, side*side)}
	add := func(name string, typ value.Type, at func(row int) Cell) {
		t.Columns = append(t.Columns, value.Field{Name: name, Type: typ})
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], at(i))
		}
	}
	for _, k := range edgeKinds {
		add(k.stem+"_a", k.typ, func(row int) Cell { return k.cells[row%side%len(k.cells)] })
		add(k.stem+"_b", k.typ, func(row int) Cell { return k.cells[row/side%len(k.cells)] })
		add(k.stem+"_c", k.typ, func(int) Cell { return k.cells[rng.IntN(len(k.cells))] })
	}
	add("text", value.String, func(row int) Cell { return edgeTexts[row%len(edgeTexts)] })
	return t
}
