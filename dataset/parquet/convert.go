package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// conversionKind says how a stored value becomes one of ours.
type conversionKind int

const (
	cBool conversionKind = iota
	cInt                 // integers of up to 64 bits, signed
	cUint32
	cUint64
	cTime // integers of a unit → ms
	cDate
	cFloat
	cText
	cBytes
	cInt96       // 12 bytes: nanoseconds of the day, Julian day → ms
	cHalf        // 2 bytes → float
	cDecimalInt  // integers → float
	cDecimalText // big-endian bytes → float
	cNull        // no type in the file, all null; the type is declared
	cNothing     // no type anywhere
)

// conversion is the way from a physical and logical type to one of ours.
type conversion struct {
	kind     conversionKind
	typ      value.Type
	multiply int64 // cTime: ms = floor(x·multiply / divide)
	divide   int64
	unsigned int   // cTime: 32 or 64 bits without a sign, 0 for signed
	scale    int32 // decimals
	warning  string
}

// conversionOf chooses by the schema's element; unreadable where there is no type of ours.
func conversionOf(e element) (conversion, error) {
	if e.physical < pBool || e.physical > pFixed {
		return conversion{}, fmt.Errorf("%s is unknown", e.physical)
	}
	if e.physical == pFixed && e.length <= 0 {
		return conversion{}, fmt.Errorf("%s of length %d", e.physical, e.length)
	}
	l := e.logical
	switch {
	case l.kind == aTime:
		return conversion{}, unreadable{"it is a time of day, for which there is no type; write it as an integer or a timestamp"}
	case l.kind == aInterval:
		return conversion{}, unreadable{"it is an INTERVAL, for which there is no type; write it as an integer"}
	case l.kind == aUnknown:
		return conversion{kind: cNothing}, nil
	case l.kind == aDecimal:
		return decimalConversion(e)
	}
	switch e.physical {
	case pBool:
		return conversion{kind: cBool, typ: value.Bool}, nil
	case pInt32, pInt64:
		return integerConversion(e)
	case pInt96:
		return conversion{kind: cInt96, typ: value.Timestamp}, nil
	case pFloat, pDouble:
		return conversion{kind: cFloat, typ: value.Float}, nil
	}
	switch l.kind {
	case aString, aEnum, aJSON:
		return conversion{kind: cText, typ: value.String}, nil
	case aFloat16:
		if e.length == 2 {
			return conversion{kind: cHalf, typ: value.Float}, nil
		}
	case aNone, aBSON, aUUID:
		return conversion{kind: cBytes, typ: value.Bytes}, nil
	case aOther:
		return conversion{}, unreadable{fmt.Sprintf("it is of a newer logical type (%d), for which there is no type", l.otherTag)}
	}
	return conversion{}, fmt.Errorf("%s annotated %s", e.physical, l.kind)
}

func integerConversion(e element) (conversion, error) {
	switch l := e.logical; {
	case l.kind == aNone, l.kind == aInteger && l.signed:
		return conversion{kind: cInt, typ: value.Int}, nil
	case l.kind == aInteger && e.physical == pInt32:
		return conversion{kind: cUint32, typ: value.Int}, nil
	case l.kind == aInteger:
		return conversion{kind: cUint64, typ: value.Int}, nil
	case l.kind == aDate && e.physical == pInt32:
		return conversion{kind: cDate, typ: value.Date}, nil
	case l.kind == aTimestamp && e.physical == pInt64:
		c := conversion{kind: cTime, typ: value.Timestamp}
		switch l.unit {
		case 3:
			c.settleUnit("ms")
		case 6:
			c.settleUnit("us")
		case 9:
			c.settleUnit("ns")
		default:
			return c, fmt.Errorf("TIMESTAMP of an unknown unit")
		}
		return c, nil
	case l.kind == aOther:
		return conversion{}, unreadable{fmt.Sprintf("it is of a newer logical type (%d), for which there is no type", l.otherTag)}
	}
	return conversion{}, fmt.Errorf("%s annotated %s", e.physical, e.logical.kind)
}

// settleUnit makes it the conversion of integers of the unit to a timestamp.
func (c *conversion) settleUnit(unit string) {
	switch c.kind {
	case cUint32:
		c.unsigned = 32
	case cUint64:
		c.unsigned = 64
	}
	c.kind, c.typ, c.multiply, c.divide = cTime, value.Timestamp, 1, 1
	switch unit {
	case "s":
		c.multiply = 1000
	case "us":
		c.divide = 1000
	case "ns":
		c.divide = 1_000_000
	}
}

func decimalConversion(e element) (conversion, error) {
	c := conversion{typ: value.Float, scale: e.logical.scale,
		warning: fmt.Sprintf("decimal(%d,%d) is read as float, which keeps about 15 digits", e.logical.precis, e.logical.scale)}
	if c.scale < 0 || c.scale > 10_000 {
		return c, fmt.Errorf("DECIMAL of scale %d", c.scale)
	}
	switch e.physical {
	case pInt32, pInt64:
		c.kind = cDecimalInt
	case pBytes, pFixed:
		c.kind = cDecimalText
	default:
		return c, fmt.Errorf("%s annotated DECIMAL", e.physical)
	}
	return c, nil
}

// rejected is called with the index of a cell that cannot be kept.
type rejected func(i int, why dataset.Reason)

// fill reads n dense values from d into cells [at, at+n) of dst, converts them, and reports those that become null, ascending.
func (c *conversion) fill(d decoder, dst *value.Column, at, n int, bad rejected) error {
	switch c.kind {
	case cBool:
		return d.bools(dst.Bools[at : at+n])
	case cInt, cUint32, cUint64, cTime, cDate:
		cells := dst.Ints[at : at+n]
		if err := d.ints(cells); err != nil {
			return err
		}
		c.convertInts(cells, bad)
		return nil
	case cFloat:
		cells := dst.Floats[at : at+n]
		if err := d.floats(cells); err != nil {
			return err
		}
		finite(cells, bad)
		return nil
	case cText:
		cells := dst.Strs[at : at+n]
		if err := d.strs(cells); err != nil {
			return err
		}
		for i, s := range cells {
			if !utf8.ValidString(s) {
				cells[i] = ""
				bad(i, dataset.InvalidUTF8)
			}
		}
		return nil
	case cBytes:
		return d.strs(dst.Strs[at : at+n])
	case cNull, cNothing:
		return fmt.Errorf("a column without a type holds values")
	}
	return c.fillOdd(d, dst, at, n, bad)
}

func (c *conversion) convertInts(cells []int64, bad rejected) {
	switch c.kind {
	case cUint32:
		for i, x := range cells {
			cells[i] = int64(uint32(x))
		}
	case cUint64:
		for i, x := range cells {
			if x < 0 {
				bad(i, dataset.Overflow)
			}
		}
	case cDate:
		inRange(cells, value.MinDate, value.MaxDate, bad)
	case cTime:
		c.convertTimes(cells, bad)
	}
}

func (c *conversion) convertTimes(cells []int64, bad rejected) {
	if c.unsigned == 32 {
		for i, x := range cells {
			cells[i] = int64(uint32(x))
		}
	}
	if c.unsigned == 64 {
		c.convertUnsigned(cells, bad)
		return
	}
	switch {
	case c.multiply == 1000:
		for i, x := range cells {
			cells[i] = min(max(x, math.MinInt64/1000), math.MaxInt64/1000) * 1000 // beyond it is out of range in any case
		}
	case c.divide == 1000:
		for i, x := range cells {
			q := x / 1000
			cells[i] = q + (x-q*1000)>>63 // the remainder's sign floors
		}
	case c.divide == 1_000_000:
		for i, x := range cells {
			q := x / 1_000_000
			cells[i] = q + (x-q*1_000_000)>>63
		}
	}
	inRange(cells, value.MinTimestamp, value.MaxTimestamp, bad)
}

// convertUnsigned is the way of 64 bits without a sign, one by one: what is beyond int64 is no time, but must not wrap into one.
func (c *conversion) convertUnsigned(cells []int64, bad rejected) {
	for i, x := range cells {
		switch ms := min(x, math.MaxInt64/c.multiply) * c.multiply / c.divide; {
		case x < 0:
			bad(i, dataset.Overflow)
		case ms > value.MaxTimestamp:
			bad(i, dataset.OutOfRange)
		default:
			cells[i] = ms
		}
	}
}

func inRange(cells []int64, lo, hi int64, bad rejected) {
	width := uint64(hi - lo)
	for i, x := range cells {
		if uint64(x-lo) > width {
			bad(i, dataset.OutOfRange)
		}
	}
}

func finite(cells []float64, bad rejected) {
	for i, f := range cells {
		if f-f != 0 {
			bad(i, dataset.NonFinite)
		}
		cells[i] = f + 0
	}
}

// fillOdd converts the types whose stored form is not held in dst's slice.
func (c *conversion) fillOdd(d decoder, dst *value.Column, at, n int, bad rejected) error {
	if c.kind == cDecimalInt {
		raw := make([]int64, n)
		if err := d.ints(raw); err != nil {
			return err
		}
		for i, x := range raw {
			dst.Floats[at+i] = decimalFloat(x, c.scale)
		}
		finite(dst.Floats[at:at+n], bad)
		return nil
	}
	raw := make([]string, n)
	if err := d.strs(raw); err != nil {
		return err
	}
	switch c.kind {
	case cInt96:
		for i, s := range raw {
			dst.Ints[at+i] = int96(s)
		}
		inRange(dst.Ints[at:at+n], value.MinTimestamp, value.MaxTimestamp, bad)
		return nil
	case cHalf:
		for i, s := range raw {
			dst.Floats[at+i] = half(uint16(s[0]) | uint16(s[1])<<8)
		}
	case cDecimalText:
		for i, s := range raw {
			dst.Floats[at+i] = decimalText(s, c.scale)
		}
	}
	finite(dst.Floats[at:at+n], bad)
	return nil
}

// int96 is the timestamp of Impala, Hive and older Spark: 8 bytes of nanoseconds in the day, 4 bytes of Julian day number.
func int96(s string) int64 {
	b := []byte(s)
	nanos, julian := int64(binary.LittleEndian.Uint64(b)), int64(int32(binary.LittleEndian.Uint32(b[8:])))
	return (julian-2440588)*value.DayMS + value.FloorDiv(nanos, 1_000_000)
}

// half is an IEEE 754 binary16.
func half(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 31:
		f = math.Inf(1)
		if fraction != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 != 0 {
		return -f
	}
	return f
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// decimalFloat is the float nearest to x / 10^scale. Up to 2^53 and 10^22 both are exact floats, so one division rounds right.
func decimalFloat(x int64, scale int32) float64 {
	if x >= -1<<53 && x <= 1<<53 && int(scale) < len(powersOfTen) {
		return float64(x) / powersOfTen[scale]
	}
	return parseDecimal(strconv.FormatInt(x, 10), scale)
}

// decimalText is the float nearest to a decimal that is stored as big-endian two's complement.
func decimalText(s string, scale int32) float64 {
	if len(s) > 128 {
		return math.NaN() // no writer's decimal has 300 digits
	}
	if len(s) <= 8 {
		var x int64
		if len(s) > 0 {
			x = int64(int8(s[0])) >> 7 // the sign fills
		}
		for i := range len(s) {
			x = x<<8 | int64(s[i])
		}
		return decimalFloat(x, scale)
	}
	b := new(big.Int).SetBytes([]byte(s))
	if s[0]&0x80 != 0 {
		b.Sub(b, new(big.Int).Lsh(big.NewInt(1), uint(8*len(s))))
	}
	return parseDecimal(b.String(), scale)
}

func parseDecimal(digits string, scale int32) float64 {
	f, err := strconv.ParseFloat(digits+"e-"+strconv.Itoa(int(scale)), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}
