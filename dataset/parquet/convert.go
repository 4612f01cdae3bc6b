package parquet

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
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
	unit     dataset.Unit // cTime
	unsigned int          // cTime: 32 or 64 bits without a sign, 0 for signed
	scale    int32        // decimals
	warning  string
}

// conversionOf chooses by the schema's element; unreadable where there is no type of ours.
func conversionOf(e format.Element) (conversion, error) {
	if e.Physical < format.Boolean || e.Physical > format.FixedByteArray {
		return conversion{}, fmt.Errorf("%s is unknown", e.Physical)
	}
	if e.Physical == format.FixedByteArray && e.Length <= 0 {
		return conversion{}, fmt.Errorf("%s of length %d", e.Physical, e.Length)
	}
	l := e.Logical
	switch l.Kind {
	case format.Time:
		return conversion{}, unreadable{"it is a time of day, for which there is no type; write it as an integer or a timestamp"}
	case format.Interval:
		return conversion{}, unreadable{"it is an INTERVAL, for which there is no type; write it as an integer"}
	case format.Unknown:
		return conversion{kind: cNothing}, nil
	case format.Decimal:
		return decimalConversion(e)
	}
	switch e.Physical {
	case format.Boolean:
		return conversion{kind: cBool, typ: value.Bool}, nil
	case format.Int32, format.Int64:
		return integerConversion(e)
	case format.Int96:
		return conversion{kind: cInt96, typ: value.Timestamp}, nil
	case format.Float, format.Double:
		return conversion{kind: cFloat, typ: value.Float}, nil
	}
	switch l.Kind {
	case format.String, format.Enum, format.JSON:
		return conversion{kind: cText, typ: value.String}, nil
	case format.Float16:
		if e.Length == 2 {
			return conversion{kind: cHalf, typ: value.Float}, nil
		}
	case format.None, format.BSON, format.UUID:
		return conversion{kind: cBytes, typ: value.Bytes}, nil
	case format.Other:
		return conversion{}, unreadable{fmt.Sprintf("it is of a newer logical type (%d), for which there is no type", l.Tag)}
	}
	return conversion{}, fmt.Errorf("%s annotated %s", e.Physical, l.Kind)
}

func integerConversion(e format.Element) (conversion, error) {
	switch l := e.Logical; {
	case l.Kind == format.None, l.Kind == format.Integer && l.Signed:
		return conversion{kind: cInt, typ: value.Int}, nil
	case l.Kind == format.Integer && e.Physical == format.Int32:
		return conversion{kind: cUint32, typ: value.Int}, nil
	case l.Kind == format.Integer:
		return conversion{kind: cUint64, typ: value.Int}, nil
	case l.Kind == format.Date && e.Physical == format.Int32:
		return conversion{kind: cDate, typ: value.Date}, nil
	case l.Kind == format.Timestamp && e.Physical == format.Int64:
		c := conversion{kind: cTime, typ: value.Timestamp}
		switch l.Unit {
		case 3:
			c.unit = dataset.Millis
		case 6:
			c.unit = dataset.Micros
		case 9:
			c.unit = dataset.Nanos
		default:
			return c, fmt.Errorf("TIMESTAMP of an unknown unit")
		}
		return c, nil
	case l.Kind == format.Other:
		return conversion{}, unreadable{fmt.Sprintf("it is of a newer logical type (%d), for which there is no type", l.Tag)}
	}
	return conversion{}, fmt.Errorf("%s annotated %s", e.Physical, e.Logical.Kind)
}

// settleUnit makes it the conversion of integers of the unit to a timestamp.
func (c *conversion) settleUnit(unit dataset.Unit) {
	switch c.kind {
	case cUint32:
		c.unsigned = 32
	case cUint64:
		c.unsigned = 64
	}
	c.kind, c.typ, c.unit = cTime, value.Timestamp, unit
}

func decimalConversion(e format.Element) (conversion, error) {
	c := conversion{typ: value.Float, scale: e.Logical.Scale,
		warning: fmt.Sprintf("decimal(%d,%d) is read as float, which keeps about 15 digits", e.Logical.Precision, e.Logical.Scale)}
	if c.scale < 0 || c.scale > 10_000 {
		return c, fmt.Errorf("DECIMAL of scale %d", c.scale)
	}
	switch e.Physical {
	case format.Int32, format.Int64:
		c.kind = cDecimalInt
	case format.ByteArray, format.FixedByteArray:
		c.kind = cDecimalText
	default:
		return c, fmt.Errorf("%s annotated DECIMAL", e.Physical)
	}
	return c, nil
}

// fill reads n dense values from d into cells [at, at+n) of dst, converts them, and reports those that become null, ascending.
func (c *conversion) fill(d coding.Decoder, dst *value.Column, at, n int, bad dataset.Lost) error {
	switch c.kind {
	case cBool:
		return d.Bools(dst.Bools[at : at+n])
	case cInt, cUint32, cUint64, cTime, cDate:
		cells := dst.Ints[at : at+n]
		if err := d.Ints(cells); err != nil {
			return err
		}
		c.convertInts(cells, bad)
		return nil
	case cFloat:
		cells := dst.Floats[at : at+n]
		if err := d.Floats(cells); err != nil {
			return err
		}
		dataset.KeepFinite(cells, bad)
		return nil
	case cText:
		cells := dst.Strs[at : at+n]
		if err := d.Strs(cells); err != nil {
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
		return d.Strs(dst.Strs[at : at+n])
	case cNull, cNothing:
		if n == 0 { // an empty dictionary
			return nil
		}
		return fmt.Errorf("a column without a type holds values")
	}
	return c.fillOdd(d, dst, at, n, bad)
}

func (c *conversion) convertInts(cells []int64, bad dataset.Lost) {
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
		dataset.KeepDates(cells, bad)
	case cTime:
		c.convertTimes(cells, bad)
	}
}

func (c *conversion) convertTimes(cells []int64, bad dataset.Lost) {
	switch c.unsigned {
	case 32:
		for i, x := range cells {
			cells[i] = int64(uint32(x))
		}
	case 64:
		// One by one: what is beyond int64 is no time, but must not wrap into one.
		for i, x := range cells {
			if x < 0 {
				cells[i] = 0
				bad(i, dataset.Overflow)
				continue
			}
			dataset.KeepTimes(cells[i:i+1], c.unit, func(_ int, why dataset.Reason) { bad(i, why) })
		}
		return
	}
	dataset.KeepTimes(cells, c.unit, bad)
}

// fillOdd converts the types whose stored form is not held in dst's slice.
func (c *conversion) fillOdd(d coding.Decoder, dst *value.Column, at, n int, bad dataset.Lost) error {
	if c.kind == cDecimalInt {
		raw := make([]int64, n)
		if err := d.Ints(raw); err != nil {
			return err
		}
		for i, x := range raw {
			dst.Floats[at+i] = dataset.Decimal(x, int(c.scale))
		}
		dataset.KeepFinite(dst.Floats[at:at+n], bad)
		return nil
	}
	raw := make([]string, n)
	if err := d.Strs(raw); err != nil {
		return err
	}
	switch c.kind {
	case cInt96:
		for i, s := range raw {
			dst.Ints[at+i] = int96(s)
		}
		dataset.KeepTimes(dst.Ints[at:at+n], dataset.Millis, bad)
		return nil
	case cHalf:
		for i, s := range raw {
			dst.Floats[at+i] = dataset.Half(uint16(s[0]) | uint16(s[1])<<8)
		}
	case cDecimalText:
		for i, s := range raw {
			dst.Floats[at+i] = dataset.DecimalBytes(s, int(c.scale))
		}
	}
	dataset.KeepFinite(dst.Floats[at:at+n], bad)
	return nil
}

// int96 is the timestamp of Impala, Hive and older Spark: 8 bytes of nanoseconds in the day, 4 bytes of Julian day number.
func int96(s string) int64 {
	b := []byte(s)
	nanos, julian := int64(binary.LittleEndian.Uint64(b)), int64(int32(binary.LittleEndian.Uint32(b[8:])))
	return (julian-2440588)*value.DayMS + value.FloorDiv(nanos, 1_000_000)
}
