package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// The limits of spans of time: times lie within ten thousand years, so a longer span means nothing, and sums of a few of them stay
// far from the ends of int64.
const (
	maxSpan     = 3_652_500 * value.DayMS
	maxSpanText = "ten thousand years"
)

// The defaults of the table of docs/interface.md §2, in ms.
const (
	defaultLateness = value.DayMS
	defaultFlush    = 100
	defaultDeadline = 10
)

// duration reads a duration of zero or more; ok is false where it is wrong, which has been reported.
func (c *checker) duration(t *Text, argument string, byDefault int64) (ms int64, ok bool) {
	if t == nil {
		return byDefault, true
	}
	ms, err := value.ParseDuration(t.Value)
	switch {
	case err != nil && looksLikeDuration(t.Value), err == nil && ms > maxSpan:
		c.tooLong(*t, argument, maxSpanText)
	case err != nil:
		c.badDuration(*t, argument)
	default:
		return ms, true
	}
	return byDefault, false
}

// looksLikeDuration tells a duration that is too long for a number from a text that is none.
func looksLikeDuration(s string) bool {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i > 0 && slices.Contains([]string{"ms", "s", "m", "h", "d"}, s[i:])
}

// instant reads a time or a day, ms.
func (c *checker) instant(t *Text, argument string) *int64 {
	if t == nil {
		return nil
	}
	if ms, ok := parsePythonTime(t.Value); ok {
		return &ms
	}
	if days, ok := value.ParseDate(t.Value); ok {
		ms := days * value.DayMS
		return &ms
	}
	c.badTime(*t, argument)
	return nil
}

// word checks a text that is one of a few.
func (c *checker) word(t *Text, argument string, words ...string) string {
	if t == nil {
		return ""
	}
	if !slices.Contains(words, t.Value) {
		c.badWord(*t, argument, words...)
		return ""
	}
	return t.Value
}

// declaredType reads a type; ok is false where it is none.
func (c *checker) declaredType(d TypeDef) (value.Type, bool) {
	t, err := value.ParseType(d.Type)
	if err != nil {
		c.unknownType(d, err)
	}
	return t, err == nil
}

// texts are the values of a list of texts.
func texts(list []Text) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.Value
	}
	return out
}
