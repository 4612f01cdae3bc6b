package spark

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// sample is whether a row of the spine is in the sample: the first 8 bytes of the MD5 of the canonical encoding of what decides lie below the
// share of 2⁶⁴ (W5).
func (p *printer) sample() string {
	s := &p.plan.Spine
	parts := make([]string, len(s.SampleBy))
	for i, c := range s.SampleBy {
		t, _ := s.Schema.Lookup(c)
		if parts[i] = encoded(name(c), t); parts[i] == "" {
			p.fail(&Unsupported{What: "a sample by a " + t.String(), Of: "column " + c + " of the spine", Cure: "name other columns in sample_by"})
		}
	}
	hash := "cast(cast(conv(substr(md5(concat(" + strings.Join(parts, ", ") + ")), 1, 16), 16, 10) as decimal(20, 0)) as double)"
	return hash + " < " + strconv.FormatFloat(s.Sample*(1<<64), 'e', -1, 64) + "d"
}

// encoded is the canonical encoding of a value (V4; value.Append), "" of a type that it is not printed for.
func encoded(x string, t value.Type) string {
	tag := tagOf(t)
	if tag == nil {
		return ""
	}
	rest := ""
	switch t.Kind {
	case value.KindBool:
		return "if(" + x + " is null, x'01', if(" + x + ", x'03', x'02'))"
	case value.KindInt, value.KindTimestamp, value.KindDate:
		rest = bigEndian(x)
	case value.KindFloat:
		rest = bigEndian(orderedBits(x))
	case value.KindString, value.KindBytes:
		// A byte 00 is escaped as 00 ff; 00 01 closes the text. The bytes stand apart while that is done.
		rest = `unhex(concat(replace(replace(regexp_replace(hex(` + x + `), '(..)', '$1 '), '00 ', '00FF'), ' ', ''), '0001'))`
	}
	return fmt.Sprintf("if(%s is null, x'01', concat(x'%x', %s))", x, tag, rest)
}

// tagOf is the first byte of the encoding of a value that is not null; none of a list, map or struct.
func tagOf(t value.Type) []byte {
	zero := map[value.Kind]value.Value{
		value.KindBool: value.OfBool(false), value.KindInt: value.OfInt(0), value.KindFloat: value.OfFloat(0), value.KindString: value.OfString(""),
		value.KindBytes: value.OfBytes(nil), value.KindTimestamp: value.OfTimestamp(0), value.KindDate: value.OfDate(0),
	}
	v, ok := zero[t.Kind]
	if !ok {
		return nil
	}
	return value.Append(nil, v)[:1]
}

// bigEndian is the eight bytes of an integer whose sign is turned, so that they compare as it does.
func bigEndian(x string) string {
	return "unhex(lpad(hex(" + x + " ^ " + long(math.MinInt64) + "), 16, '0'))"
}

// orderedBits is the bits of a float as an integer of the same order: exponent and mantissa as one number, inverted below zero. Spark does not
// show a float's bits, so they are computed, by powers of two and exactly.
func orderedBits(x string) string {
	least := "2.2250738585072014E-308d" // the least normal number
	about := "transform(array(" + x + "), x -> struct(x as x, abs(x) as a, floor(log2(abs(x))) as e))"
	exponent := "transform(" + about + ", s -> struct(s.x as x, s.a as a, s.e - if(pow(2d, s.e) > s.a, 1, 0) + if(pow(2d, s.e + 1) <= s.a, 1, 0) as e))"
	bits := "transform(" + exponent + ", s -> struct(s.x as x, case when s.a = 0d then 0L when s.a < " + least +
		" then cast(s.a / pow(2d, -1074) as bigint) else shiftleft(s.e + 1022, 52) + cast(s.a / pow(2d, s.e - 52) as bigint) end as b))"
	return "get(transform(" + bits + ", s -> if(s.x < 0d, ~s.b, s.b)), 0)"
}
