package feature

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unique"
)

// Pos is a place in a definition file. File is relative to the project's root, with slashes. Line and Col count from
// one; Col counts code points, as an editor does, not bytes. The zero Pos is "nowhere".
type Pos struct {
	File string
	Line int
	Col  int
}

// IsValid tells whether the position is known.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String gives file:line:col, the form that editors and terminals follow.
func (p Pos) String() string { return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col) }

// MarshalText writes file:line:col, nothing for nowhere.
func (p Pos) MarshalText() ([]byte, error) {
	if !p.IsValid() {
		return nil, nil
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads file:line:col; the file may hold colons itself.
func (p *Pos) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Pos{}
		return nil
	}
	file, line, col, err := splitPos(string(b))
	if err != nil {
		return err
	}
	*p = Pos{File: file, Line: line, Col: col}
	return nil
}

// Span is the stretch of source that an object or an argument takes: from its Pos up to, not including, (EndLine,
// EndCol).
type Span struct {
	Pos
	EndLine int
	EndCol  int
}

// String gives file:line:col.
func (s Span) String() string { return s.Pos.String() }

// MarshalText writes file:line:col-line:col, nothing for nowhere.
func (s Span) MarshalText() ([]byte, error) {
	if !s.IsValid() {
		return nil, nil
	}
	return []byte(s.Pos.String() + "-" + strconv.Itoa(s.EndLine) + ":" + strconv.Itoa(s.EndCol)), nil
}

// UnmarshalText reads file:line:col-line:col.
func (s *Span) UnmarshalText(b []byte) error {
	text := string(b)
	if text == "" {
		*s = Span{}
		return nil
	}
	i := strings.LastIndexByte(text, '-')
	if i < 0 {
		return fmt.Errorf("%q is not a span file:line:col-line:col", text)
	}
	file, line, col, err := splitPos(text[:i])
	if err != nil {
		return err
	}
	l, c, ok := strings.Cut(text[i+1:], ":")
	endLine, err1 := positive(l)
	endCol, err2 := positive(c)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("%q is not a span file:line:col-line:col", text)
	}
	if endLine < line || endLine == line && endCol < col {
		return fmt.Errorf("span %q ends before it begins", text)
	}
	*s = Span{Pos: Pos{File: file, Line: line, Col: col}, EndLine: endLine, EndCol: endCol}
	return nil
}

// splitPos cuts file:line:col from the right. File names are interned: thousands of positions share a few.
func splitPos(s string) (file string, line, col int, err error) {
	j := strings.LastIndexByte(s, ':')
	if j < 0 {
		return "", 0, 0, fmt.Errorf("%q is not a position file:line:col", s)
	}
	i := strings.LastIndexByte(s[:j], ':')
	if i <= 0 {
		return "", 0, 0, fmt.Errorf("%q is not a position file:line:col", s)
	}
	line, err1 := positive(s[i+1 : j])
	col, err2 := positive(s[j+1:])
	if err1 != nil || err2 != nil {
		return "", 0, 0, fmt.Errorf("%q is not a position file:line:col", s)
	}
	return unique.Make(s[:i]).Value(), line, col, nil
}

func positive(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a positive number", s)
	}
	return int(n), nil
}

// Site is where an object was made. At is the innermost line of a definition file: inside a helper it is the helper's.
// Via holds the calls that led there, innermost first, so Via[0] is the caller's line; it is empty for an object made
// at the top of a file. Of a long chain it keeps both ends, of a recursion one line.
type Site struct {
	At  Span  `json:"at"`
	Via []Pos `json:"via,omitempty"`
}

// Text is a string argument, SQL or a name or a duration, and where it stands. Where the argument is no literal (a
// variable, an f-string), At is the argument's expression and Runs is empty.
type Text struct {
	Value string `json:"text"`
	At    Span   `json:"at"`
	Runs  []Run  `json:"runs,omitempty"`
}

// Run says that from byte Offset of the value on, up to the next run, the value's code points stand one after the
// other from (Line, Col) of the file. A plain literal has one run; an escape, a line's end or the next piece of
// "implicit" "concatenation" begins another.
type Run struct {
	Offset int
	Line   int
	Col    int
}

// MarshalJSON writes [offset, line, col].
func (r Run) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%d,%d,%d]", r.Offset, r.Line, r.Col), nil
}

// UnmarshalJSON reads [offset, line, col].
func (r *Run) UnmarshalJSON(b []byte) error {
	parts := strings.Split(strings.Trim(string(b), "[] \t\r\n"), ",")
	if len(b) == 0 || b[0] != '[' || len(parts) != 3 {
		return fmt.Errorf("%.40s is not a run [offset, line, col]", b)
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.ParseUint(strings.TrimSpace(p), 10, 31)
		if err != nil {
			return fmt.Errorf("%.40s is not a run [offset, line, col]", b)
		}
		n[i] = int(v)
	}
	if n[1] == 0 || n[2] == 0 {
		return fmt.Errorf("%.40s is not a run: lines and columns count from 1", b)
	}
	*r = Run{Offset: n[0], Line: n[1], Col: n[2]}
	return nil
}

// PosAt is the place in the file of the value's byte at offset; an offset of len(Value) is where the text ends.
// Without runs it is the argument's own place: nothing better is known.
func (t Text) PosAt(offset int) Pos {
	i := sort.Search(len(t.Runs), func(i int) bool { return t.Runs[i].Offset > offset }) - 1
	if i < 0 {
		return t.At.Pos
	}
	r := t.Runs[i]
	offset = min(offset, len(t.Value))
	if offset <= r.Offset {
		return Pos{File: t.At.File, Line: r.Line, Col: r.Col}
	}
	return Pos{File: t.At.File, Line: r.Line, Col: r.Col + len([]rune(t.Value[r.Offset:offset]))}
}

// Slice is the span in the file of Value[from:to], for a caret under that part of the text. Without runs it is the
// whole argument.
func (t Text) Slice(from, to int) Span {
	if len(t.Runs) == 0 {
		return t.At
	}
	a := t.PosAt(from)
	b := a
	if to > from {
		// The end follows the last code point inside, which may stand on another run than the one after it.
		last := min(to, len(t.Value)) - 1
		for last > from && last < len(t.Value) && t.Value[last]&0xC0 == 0x80 {
			last--
		}
		b = t.PosAt(last)
		b.Col++
	}
	return Span{Pos: a, EndLine: b.Line, EndCol: b.Col}
}

// Span is the whole argument.
func (t Text) Span() Span { return t.At }

// String is the text itself.
func (t Text) String() string { return t.Value }
