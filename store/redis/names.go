package redis

import (
	"fmt"
	"strconv"
	"strings"
)

// names makes the names of what lies in Redis.
type names struct{ prefix string }

func (n names) epoch() string  { return "{" + n.prefix + "}:epoch" }
func (n names) meta() string   { return "{" + n.prefix + "}:meta" }
func (n names) writes() string { return "{" + n.prefix + "}:writes" }
func (n names) kept() string   { return "{" + n.prefix + "}:kept" }

func (n names) versions() string { return "{" + n.prefix + "}:versions" }

// space begins the names of a space's hashes.
func (n names) space(space string) string { return "{" + n.prefix + ":" + escape(space) + ":" }

// line begins the names of a key's hashes of one step.
func (n names) line(space, key string, step int64) string {
	return n.space(space) + key + "}:" + strconv.FormatInt(step, 10) + ":"
}

func (n names) hash(space, key string, step, period int64) string {
	return n.line(space, key, step) + strconv.FormatInt(period, 10)
}

// A hashed is what the name of a hash says.
type hashed struct {
	space, key   string
	step, period int64
}

// parse reads the name of a hash; false where it is none of ours.
func (n names) parse(name string) (h hashed, ok bool) {
	rest, ok := strings.CutPrefix(name, "{"+n.prefix+":")
	if !ok {
		return h, false
	}
	space, rest, ok := strings.Cut(rest, ":")
	if !ok {
		return h, false
	}
	rest, period, ok1 := cutLast(rest)
	rest, step, ok2 := cutLast(rest)
	key, ok3 := strings.CutSuffix(rest, "}")
	space, err := unescape(space)
	return hashed{space, key, step, period}, ok1 && ok2 && ok3 && err == nil
}

// cutLast cuts the number behind the last colon.
func cutLast(s string) (before string, n int64, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 64)
	return s[:i], n, err == nil
}

// escape writes a space's name without what has a meaning in names.
func escape(space string) string {
	if !strings.ContainsAny(space, ":{}%") {
		return space
	}
	return strings.NewReplacer("%", "%25", ":", "%3A", "{", "%7B", "}", "%7D").Replace(space)
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("%q ends within an escape", s)
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// glob is a pattern that matches what begins with a prefix.
func glob(prefix string) string {
	var b strings.Builder
	for i := range len(prefix) {
		if strings.IndexByte(`*?[]^-\`, prefix[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(prefix[i])
	}
	return b.String() + "*"
}

// keptName is how a step stands in the set of kept ones.
func keptName(space string, step int64) string {
	return escape(space) + ":" + strconv.FormatInt(step, 10)
}
