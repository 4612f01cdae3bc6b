package arrow

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// reading is how one column is read.
type reading struct {
	name   string
	typ    value.Type
	unit   dataset.Unit // of an integer that is a time
	counts *dataset.Counts
}

// column converts cells [from, to) of an array to the column's type.
func (r *reading) column(a arrow.Array, from, to int) (*value.Column, error) {
	return r.cells(a, r.typ, from, to)
}

// cells converts cells [from, to), also of what is nested in the column.
func (r *reading) cells(a arrow.Array, t value.Type, from, to int) (*value.Column, error) {
	c := value.NewColumn(t, to-from)
	if a.NullN() > 0 {
		for i := range c.N {
			if a.IsNull(from + i) {
				c.SetNull(i)
			}
		}
	}
	lost := func(i int, why dataset.Reason) {
		if !c.IsNull(i) { // what stands under a null may be anything
			c.SetNull(i)
			r.counts.Null(r.name, why, 1)
		}
	}
	switch a := a.(type) {
	case *array.Boolean:
		for i := range c.N {
			c.Bools[i] = a.Value(from + i)
		}
		return c, nil
	case *array.Dictionary:
		return r.dictionary(a, c, t, from)
	case array.ExtensionArray:
		return r.cells(a.Storage(), t, from, to)
	case *array.Struct:
		return c, r.structs(a, c, t, from, to)
	case *array.Map:
		return c, r.maps(a, c, t, from, to)
	case array.ListLike:
		return c, r.lists(a, c, t, from, to)
	case *array.Null:
		for i := range c.N {
			c.SetNull(i)
		}
		return c, nil
	}
	switch {
	case c.Strs != nil:
		return c, texts(a, c, t, from, lost)
	case c.Floats != nil:
		return c, floats(a, c, from, lost)
	case c.Ints != nil:
		return c, r.ints(a, c, t, from, lost)
	}
	return nil, fmt.Errorf("%s read as %s", a.DataType(), t)
}

// copyInts widens integers of any width.
func copyInts[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | arrow.Timestamp | arrow.Date32 | arrow.Date64](dst []int64, src []T) {
	for i := range dst {
		dst[i] = int64(src[i])
	}
}

func (r *reading) ints(a arrow.Array, c *value.Column, t value.Type, from int, lost dataset.Lost) error {
	unit := r.unit
	switch a := a.(type) {
	case *array.Int8:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Int16:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Int32:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Int64:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Uint8:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Uint16:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Uint32:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Uint64:
		copyInts(c.Ints, a.Values()[from:])
		for i, x := range c.Ints {
			if x < 0 {
				c.Ints[i] = 0
				lost(i, dataset.Overflow)
			}
		}
	case *array.Timestamp:
		copyInts(c.Ints, a.Values()[from:])
		unit = map[arrow.TimeUnit]dataset.Unit{arrow.Second: dataset.Seconds, arrow.Millisecond: dataset.Millis,
			arrow.Microsecond: dataset.Micros, arrow.Nanosecond: dataset.Nanos}[a.DataType().(*arrow.TimestampType).Unit]
	case *array.Date32:
		copyInts(c.Ints, a.Values()[from:])
	case *array.Date64:
		copyInts(c.Ints, a.Values()[from:])
		for i, ms := range c.Ints {
			c.Ints[i] = value.FloorDiv(ms, value.DayMS)
		}
	default:
		return fmt.Errorf("%s read as %s", a.DataType(), t)
	}
	switch t.Kind {
	case value.KindTimestamp:
		dataset.KeepTimes(c.Ints, unit, lost)
	case value.KindDate:
		dataset.KeepDates(c.Ints, lost)
	}
	return nil
}

func floats(a arrow.Array, c *value.Column, from int, lost dataset.Lost) error {
	switch a := a.(type) {
	case *array.Float16:
		for i := range c.Floats {
			c.Floats[i] = dataset.Half(a.Value(from + i).Uint16()) // arrow-go's own conversion is wrong for subnormal numbers
		}
	case *array.Float32:
		for i, f := range a.Values()[from : from+c.N] {
			c.Floats[i] = float64(f)
		}
	case *array.Float64:
		copy(c.Floats, a.Values()[from:from+c.N])
	default:
		return decimals(a, c, from, lost)
	}
	dataset.KeepFinite(c.Floats, lost)
	return nil
}

// decimals reads unscaled integers of any width, not arrow-go's texts of them, which are as long as a damaged type says.
func decimals(a arrow.Array, c *value.Column, from int, lost dataset.Lost) error {
	t, ok := a.DataType().(arrow.DecimalType)
	if !ok {
		return fmt.Errorf("%s read as float", a.DataType())
	}
	scale := int(t.GetScale())
	for i := range c.Floats {
		switch a := a.(type) {
		case *array.Decimal32:
			c.Floats[i] = dataset.Decimal(int64(a.Value(from+i)), scale)
		case *array.Decimal64:
			c.Floats[i] = dataset.Decimal(int64(a.Value(from+i)), scale)
		case *array.Decimal128:
			c.Floats[i] = dataset.DecimalBig(a.Value(from+i).BigInt(), scale)
		case *array.Decimal256:
			c.Floats[i] = dataset.DecimalBig(a.Value(from+i).BigInt(), scale)
		}
	}
	dataset.KeepFinite(c.Floats, lost)
	return nil
}

func texts(a arrow.Array, c *value.Column, t value.Type, from int, lost dataset.Lost) error {
	var at func(i int) string
	switch a := a.(type) {
	case *array.String:
		at = a.Value
	case *array.LargeString:
		at = a.Value
	case *array.StringView:
		at = a.Value
	case *array.Binary:
		at = a.ValueString
	case *array.LargeBinary:
		at = a.ValueString
	case *array.BinaryView:
		at = a.ValueString
	case *array.FixedSizeBinary:
		at = func(i int) string { return string(a.Value(i)) }
	default:
		return fmt.Errorf("%s read as %s", a.DataType(), t)
	}
	for i := range c.Strs {
		if a.IsNull(from + i) {
			continue
		}
		s := at(from + i)
		if t.Kind == value.KindString && !utf8.ValidString(s) {
			lost(i, dataset.InvalidUTF8)
			continue
		}
		c.Strs[i] = s
	}
	return nil
}

// dictionary converts the values once, then looks them up. A code whose value cannot be kept is counted for each cell.
func (r *reading) dictionary(a *array.Dictionary, c *value.Column, t value.Type, from int) (*value.Column, error) {
	words := a.Dictionary()
	once := &reading{name: r.name, typ: r.typ, unit: r.unit, counts: &dataset.Counts{}}
	why := make([]dataset.Reason, words.Len())
	converted, err := once.cells(words, t, 0, words.Len())
	if err != nil {
		return nil, err
	}
	for i := range why {
		if converted.IsNull(i) && !words.IsNull(i) {
			why[i] = reasonOf(once.counts, t)
		}
	}
	rows := make([]int32, c.N)
	for i := range rows {
		if c.IsNull(i) {
			rows[i] = -1
			continue
		}
		code := a.GetValueIndex(from + i)
		if code < 0 || code >= words.Len() {
			return nil, fmt.Errorf("code %d beyond a dictionary of %d values", code, words.Len())
		}
		rows[i] = int32(code)
		if why[code] != "" {
			r.counts.Null(r.name, why[code], 1)
		}
	}
	return converted.Take(rows), nil
}

// reasonOf is why values of a type become null: each type has one reason.
func reasonOf(counts *dataset.Counts, t value.Type) dataset.Reason {
	for _, cause := range counts.Causes() {
		return cause.Reason
	}
	panic("arrow: a " + t.String() + " became null for no reason")
}

// children converts the part of a list's or map's values that cells [from, to) use, and says where it begins.
func (r *reading) children(a array.ListLike, values arrow.Array, t value.Type, from, to int) (*value.Column, int, error) {
	lo, hi := int64(math.MaxInt64), int64(0)
	for i := from; i < to; i++ {
		if a.IsNull(i) {
			continue
		}
		start, end := a.ValueOffsets(i)
		if start > end || start < 0 || end > int64(values.Len()) {
			return nil, 0, fmt.Errorf("a list from %d to %d of %d values", start, end, values.Len())
		}
		if start < end {
			lo, hi = min(lo, start), max(hi, end)
		}
	}
	lo = min(lo, hi)
	c, err := r.cells(values, t, int(lo), int(hi))
	return c, int(lo), err
}

func (r *reading) lists(a array.ListLike, c *value.Column, t value.Type, from, to int) error {
	elems, base, err := r.children(a, a.ListValues(), *t.Elem, from, to)
	if err != nil {
		return err
	}
	for i := range c.N {
		if c.IsNull(i) {
			continue
		}
		start, end := a.ValueOffsets(from + i)
		list := make([]value.Value, 0, end-start)
		for j := start; j < end; j++ {
			list = append(list, elems.At(int(j)-base))
		}
		c.Values[i] = value.OfList(list)
	}
	return nil
}

func (r *reading) maps(a *array.Map, c *value.Column, t value.Type, from, to int) error {
	keys, base, err := r.children(a, a.Keys(), value.String, from, to)
	if err != nil {
		return err
	}
	items, _, err := r.children(a, a.Items(), *t.Elem, from, to)
	if err != nil {
		return err
	}
	for i := range c.N {
		if c.IsNull(i) {
			continue
		}
		start, end := a.ValueOffsets(from + i)
		var entries []value.Entry
		for j := start; j < end; j++ {
			if k := int(j) - base; !keys.IsNull(k) {
				entries = append(entries, value.Entry{Key: keys.Strs[k], Value: items.At(k)})
			}
		}
		c.Values[i] = value.OfMap(entries)
	}
	return nil
}

func (r *reading) structs(a *array.Struct, c *value.Column, t value.Type, from, to int) error {
	fields := make([]*value.Column, len(t.Fields))
	for j, f := range t.Fields {
		var err error
		if fields[j], err = r.cells(a.Field(j), f.Type, from, to); err != nil {
			return err
		}
	}
	for i := range c.N {
		if c.IsNull(i) {
			continue
		}
		entries := make([]value.Entry, len(fields))
		for j, f := range fields {
			entries[j] = value.Entry{Key: t.Fields[j].Name, Value: f.At(i)}
		}
		c.Values[i] = value.OfStruct(entries)
	}
	return nil
}
