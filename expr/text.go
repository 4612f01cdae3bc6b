package expr

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

var textTable = []*Function{
	{
		Name: "||", Aliases: []string{"concat"}, Family: "Text", form: formInfix,
		Doc:       "Text after text; null where a part is null (X4). Also concat(s, t, …). Nothing but text: cast the rest.",
		Examples:  []Example{{"'a' || 'b'", `"ab"`}, {"'a' || null", "null"}, {"concat('a', 'b', 'c')", `"abc"`}, {"'n' || cast(1 as string)", `"n1"`}},
		overloads: []*overload{{sig: "(s string, t string...) string", kernel: fnAny(concat), sql: both("CONCAT($*)")}},
		hint: func([]value.Type) string {
			return "|| joins text; cast(x as string) makes text of ints, bools and times"
		},
	},
	{
		Name: "length", Family: "Text",
		Doc:      "Code points of a text, bytes of a byte string.",
		Examples: []Example{{"length('né😀')", "3"}, {"length('')", "0"}, {"length(x'00ff')", "2"}},
		overloads: []*overload{
			{sig: "(s string) int", kernel: fn1(func(s string) (int64, Reason) { return int64(utf8.RuneCountInString(s)), 0 }, nil), sql: both("CAST(CHAR_LENGTH($1) AS BIGINT)")},
			{sig: "(s bytes) int", kernel: fn1(func(s string) (int64, Reason) { return int64(len(s)), 0 }, nil), sql: sql{spark: "cast(octet_length($1) as bigint)", flink: "CAST(CHAR_LENGTH(DECODE($1, 'ISO-8859-1')) AS BIGINT)"}},
		},
	},
	textToText("lower", "Text with A–Z made a–z; all other characters stay (X5).", []Example{{"lower('ÀB')", `"Àb"`}}, lowerASCII, both("TRANSLATE($1, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')")),
	textToText("upper", "Text with a–z made A–Z; all other characters stay (X5).", []Example{{"upper('straße')", `"STRAßE"`}}, upperASCII, both("TRANSLATE($1, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')")),
	textToText("trim", "Text without the spaces (U+0020) at both ends; tabs and others stay (X5).", []Example{{"trim('  a b ')", `"a b"`}}, func(s string) string { return strings.Trim(s, " ") }, both("TRIM(BOTH ' ' FROM $1)")),
	textToText("ltrim", "Text without the spaces (U+0020) in front.", []Example{{"ltrim('  a ')", `"a "`}}, func(s string) string { return strings.TrimLeft(s, " ") }, both("TRIM(LEADING ' ' FROM $1)")),
	textToText("rtrim", "Text without the spaces (U+0020) at its end.", []Example{{"rtrim(' a  ')", `" a"`}}, func(s string) string { return strings.TrimRight(s, " ") }, both("TRIM(TRAILING ' ' FROM $1)")),
	{
		Name: "substr", makes: only(IndexRange), Family: "Text",
		Doc:      "substr(s, start) is the text from code point start on, counted from 1; substr(s, start, length) at most length of it. What lies beyond the end is empty. A start below 1 or a negative length is null, counted.",
		Examples: []Example{{"substr('abcde', 2, 3)", `"bcd"`}, {"substr('né😀!', 3)", `"😀!"`}, {"substr('abc', 2, 9)", `"bc"`}, {"substr('abc', 9)", `""`}, {"substr('abc', 0, 2)", "null"}, {"substr('abc', 1, -1)", "null"}},
		overloads: []*overload{
			{sig: "(s string, start int) string", kernel: fn2(func(s string, start int64) (string, Reason) { return substr(s, start, int64(len(s))) }, nil), sql: sql{text: substrSQL}},
			{sig: "(s string, start int, length int) string", kernel: fn3(substr), sql: sql{text: substrSQL}},
		},
	},
	{
		Name: "replace", Family: "Text",
		Doc:       "Text with every occurrence of from, left to right, made to. An empty from changes nothing.",
		Examples:  []Example{{"replace('aaa', 'aa', 'b')", `"ba"`}, {"replace('abc', 'b', '')", `"ac"`}, {"replace('abc', '', 'x')", `"abc"`}},
		overloads: []*overload{{sig: "(s string, from string, to string) string", kernel: fn3(replace), sql: sql{spark: "replace($1, $2, $3)", flink: "CASE WHEN $2 = '' AND $3 IS NOT NULL THEN $1 ELSE REPLACE($1, $2, $3) END"}}},
	},
	textTest("starts_with", "Whether the text begins with t; every text begins with ''.", []Example{{"starts_with('abc', 'ab')", "true"}, {"starts_with('abc', '')", "true"}, {"starts_with(null, 'a')", "null"}}, strings.HasPrefix, sql{spark: "startswith($1, $2)", flink: "(LEFT($1, CHAR_LENGTH($2)) = $2)"}),
	textTest("ends_with", "Whether the text ends with t; every text ends with ''.", []Example{{"ends_with('abc', 'bc')", "true"}, {"ends_with('abc', 'b')", "false"}}, strings.HasSuffix, sql{spark: "endswith($1, $2)", flink: "(RIGHT($1, CHAR_LENGTH($2)) = $2)"}),
	{
		Name: "like", Family: "Text", text: likeText,
		Doc:      "s like 'pattern': _ stands for any one code point, % for any number of them, newlines too; the whole text must match. There is no escape character unless one is named: like '50!%' escape '!'. The pattern is a constant. s not like … is its negation.",
		Examples: []Example{{"'abc' like 'a%'", "true"}, {"'abc' like '_b'", "false"}, {"'50%' like '50!%' escape '!'", "true"}, {"'a\\b' like 'a\\_'", "true"}, {"null like '%'", "null"}, {"'abc' not like '%d%'", "true"}},
		overloads: []*overload{
			{sig: "(s string, pattern const string) bool", bind: bindLike, sql: sql{text: likeSQL}},
			{sig: "(s string, pattern const string, escape const string) bool", bind: bindLike, sql: sql{text: likeSQL}},
		},
	},
	{
		Name: "split_part", makes: only(IndexRange), Family: "Text",
		Doc:       "split_part(s, separator, n) is the n-th part, from 1, of the text cut at each separator, a constant that is not empty. Null, counted, where n is below 1 or there are fewer parts.",
		Examples:  []Example{{"split_part('a-b-c', '-', 2)", `"b"`}, {"split_part('a--c', '-', 2)", `""`}, {"split_part('abc', '-', 1)", `"abc"`}, {"split_part('', '-', 1)", `""`}, {"split_part('a-b', '-', 3)", "null"}, {"split_part('a-b', '-', 0)", "null"}, {"split_part('a.b', '.', 1)", `"a"`}},
		overloads: []*overload{{sig: "(s string, separator const string, n int) string", bind: bindSplit, sql: sql{text: splitSQL}}},
	},
	{
		Name: "md5", Family: "Text",
		Doc:      "MD5 of the text's UTF-8 bytes as 32 lower-case hexadecimal digits: the one hash that every engine has. Not for secrets.",
		Examples: []Example{{"md5('abc')", `"900150983cd24fb0d6963f7d28e17f72"`}, {"md5('')", `"d41d8cd98f00b204e9800998ecf8427e"`}},
		overloads: []*overload{{sig: "(s string) string", kernel: fn1(func(s string) (string, Reason) {
			sum := md5.Sum([]byte(s))
			return hex.EncodeToString(sum[:]), 0
		}, nil), sql: sql{spark: "MD5($1)", flink: "CAST(MD5($1) AS STRING)"}}},
	},
}

func textToText(name, doc string, examples []Example, f func(string) string, printed sql) *Function {
	return &Function{Name: name, Family: "Text", Doc: doc, Examples: examples,
		overloads: []*overload{{sig: "(s string) string", kernel: fn1(func(s string) (string, Reason) { return f(s), 0 }, nil), sql: printed}}}
}

func textTest(name, doc string, examples []Example, f func(s, t string) bool, printed sql) *Function {
	return &Function{Name: name, Family: "Text", Doc: doc, Examples: examples,
		overloads: []*overload{{sig: "(s string, t string) bool", kernel: fn2(func(s, t string) (bool, Reason) { return f(s, t), 0 }, nil), sql: printed}}}
}

func concat(a []value.Value) (value.Value, Reason) {
	n := 0
	for _, v := range a {
		n += len(v.Str())
	}
	var b strings.Builder
	b.Grow(n)
	for _, v := range a {
		b.WriteString(v.Str())
	}
	return value.OfString(b.String()), 0
}

func lowerASCII(s string) string { return mapASCII(s, 'A', 'Z') }

func upperASCII(s string) string {
	if fault.Planted("expr: upper knows all letters") {
		return strings.ToUpper(s)
	}
	return mapASCII(s, 'a', 'z')
}

// mapASCII flips the case of the letters of a range; a text without any is returned as it is.
func mapASCII(s string, first, last byte) string {
	i := 0
	for ; i < len(s) && (s[i] < first || s[i] > last); i++ {
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if b[i] >= first && b[i] <= last {
			b[i] ^= 'a' - 'A'
		}
	}
	return string(b)
}

// substr takes at most length code points from position start on, the first of which is 1.
func substr(s string, start, length int64) (string, Reason) {
	if start < 1 || length < 0 {
		return "", IndexRange
	}
	if n := int64(len(s)); fault.Planted("expr: substr counts bytes") {
		return s[min(start-1, n):min(start-1+min(length, n), n)], 0
	}
	from := skip(s, start-1)
	return s[from : from+skip(s[from:], length)], 0
}

func replace(s, from, to string) (string, Reason) {
	if from == "" {
		return s, 0
	}
	return strings.ReplaceAll(s, from, to), 0
}

// skip is the number of bytes of the first n code points.
func skip(s string, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	i := 0
	for ; n > 0 && i < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}

func bindSplit(b *binding) kernel {
	separator := b.text(1)
	if separator == "" {
		return b.refuse(1, "the separator is empty", "substr takes text apart by position")
	}
	return fn3(func(s, _ string, n int64) (string, Reason) {
		for ; n > 1; n-- {
			_, rest, found := strings.Cut(s, separator)
			if !found {
				return "", IndexRange
			}
			s = rest
		}
		if n < 1 {
			return "", IndexRange
		}
		part, _, _ := strings.Cut(s, separator)
		return part, 0
	})
}

// likePart is a piece of a pattern: literal text, any one code point, or any number.
type likePart struct {
	text      string
	one, many bool
}

// parseLike takes a pattern apart, runs of % as one.
func parseLike(pattern string, escape rune) (parts []likePart, problem string) {
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, likePart{text: text.String()})
			text.Reset()
		}
	}
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case escape != 0 && r == escape:
			i++
			if i == len(runes) || runes[i] != escape && runes[i] != '%' && runes[i] != '_' {
				return nil, "in a pattern the escape character stands only before %, _ or itself"
			}
			text.WriteRune(runes[i])
		case r == '%':
			flush()
			if n := len(parts); n == 0 || !parts[n-1].many {
				parts = append(parts, likePart{many: true})
			}
		case r == '_':
			flush()
			parts = append(parts, likePart{one: true})
		default:
			text.WriteRune(r)
		}
	}
	flush()
	return parts, ""
}

// likeParts are the parts of the pattern of a bound like; check has seen that it has some.
func likeParts(args []*tree) (parts []likePart, problem string) {
	var escape rune
	if len(args) == 3 {
		r, n := utf8.DecodeRuneInString(args[2].val.Str())
		if n == 0 || n < len(args[2].val.Str()) {
			return nil, "escape names one character"
		}
		escape = r
	}
	return parseLike(args[1].val.Str(), escape)
}

func bindLike(b *binding) kernel {
	parts, problem := likeParts(b.args)
	if problem != "" {
		return b.refuse(len(b.args)-1, problem, "")
	}
	match := func(s string) (bool, Reason) { return likeMatch(parts, s), 0 }
	switch n := len(parts); {
	case n == 1 && parts[0].text != "":
		match = func(s string) (bool, Reason) { return s == parts[0].text, 0 }
	case n == 2 && parts[1].many && parts[0].text != "":
		match = func(s string) (bool, Reason) { return strings.HasPrefix(s, parts[0].text), 0 }
	case n == 2 && parts[0].many && parts[1].text != "":
		match = func(s string) (bool, Reason) { return strings.HasSuffix(s, parts[1].text), 0 }
	case n == 3 && parts[0].many && parts[2].many && parts[1].text != "":
		match = func(s string) (bool, Reason) { return strings.Contains(s, parts[1].text), 0 }
	}
	return fn1(match, nil)
}

// likeMatch goes back only to the last %, which is enough: linear in text times pattern at worst.
func likeMatch(parts []likePart, s string) bool {
	i, back, from := 0, -1, 0 // the part, the part after the last %, and where in s that % ends
	pos := 0
	for {
		if i < len(parts) {
			p := parts[i]
			if p.many {
				i++
				back, from = i, pos
				continue
			}
			if p.one && pos < len(s) {
				_, n := utf8.DecodeRuneInString(s[pos:])
				pos, i = pos+n, i+1
				continue
			}
			if !p.one && strings.HasPrefix(s[pos:], p.text) {
				pos, i = pos+len(p.text), i+1
				continue
			}
		} else if pos == len(s) {
			return true
		}
		if back < 0 || from >= len(s) {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[from:])
		from += n
		if back < len(parts) && parts[back].text != "" { // the next place where it can go on
			next := strings.Index(s[from:], parts[back].text)
			if next < 0 {
				return false
			}
			from += next
		}
		i, pos = back, from
	}
}

func likeText(t *tree, args []string) string {
	s := "(" + args[0] + " like " + args[1]
	if len(args) == 3 {
		s += " escape " + args[2]
	}
	return s + ")"
}

func containsText(s, t string) (bool, Reason) { return strings.Contains(s, t), 0 }
