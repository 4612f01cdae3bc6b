package drift

import (
	"math"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Kind is how a column is measured.
type Kind string

// The kinds.
const (
	Number   Kind = "number"
	Category Kind = "category"
	None     Kind = "none" // it is not, but for how often it is missing
)

// KindOf says how a column of a type is measured, and where it is not, why.
func KindOf(t value.Type) (k Kind, why string) {
	switch t.Kind {
	case value.KindInt, value.KindFloat:
		return Number, ""
	case value.KindBool, value.KindString:
		return Category, ""
	case value.KindTimestamp, value.KindDate:
		return None, "a time, which moves on by itself"
	}
	return None, value.An(t.String()) + ", of which nothing but what is missing is compared"
}

// Values are a column's, as they were met: every number, and how often each text.
type Values struct {
	Kind    Kind
	Numbers []float64
	Texts   map[string]int64
	Present int64 // of Kind None: how many are not missing
	Missing int64
}

// NewValues are none yet.
func NewValues(k Kind) *Values {
	v := &Values{Kind: k}
	if k == Category {
		v.Texts = map[string]int64{}
	}
	return v
}

// Rows is how many were met.
func (v *Values) Rows() int64 {
	n := v.Missing + v.Present + int64(len(v.Numbers))
	for _, c := range v.Texts {
		n += c
	}
	return n
}

// AddMissing meets a null.
func (v *Values) AddMissing() { v.Missing++ }

// AddNumber meets a number; one that is none is missing (V2).
func (v *Values) AddNumber(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		v.Missing++
		return
	}
	v.Numbers = append(v.Numbers, x)
}

// AddText meets a text. It is copied where it is kept: it may be part of a large page.
func (v *Values) AddText(s string) {
	if n, ok := v.Texts[s]; ok {
		v.Texts[s] = n + 1
		return
	}
	v.Texts[strings.Clone(s)] = 1
}

// Add meets a value of the column.
func (v *Values) Add(x value.Value) {
	switch {
	case x.IsNull():
		v.Missing++
	case v.Kind == None:
		v.Present++
	case v.Kind == Number:
		v.AddNumber(x.Number())
	case x.Kind() == value.KindBool:
		v.AddText(map[bool]string{false: "false", true: "true"}[x.Bool()])
	default:
		v.AddText(x.Str())
	}
}
