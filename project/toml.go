package project

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/bighead-ml/bighead/feature"
)

// SettingError is a mistake in a settings file, in the environment or in a flag. Pos is zero where it is in no file.
type SettingError struct {
	Pos     feature.Pos
	Message string
	Cure    string
}

// Error is one line: place, mistake, cure.
func (e *SettingError) Error() string {
	s := e.Message
	if e.Pos.IsValid() {
		s = e.Pos.String() + ": " + s
	}
	if e.Cure != "" {
		s += "; " + e.Cure
	}
	return s
}

// tomlValue is a key of a file with its value as text and the places of both.
type tomlValue struct {
	key   []string
	text  string
	items []string // of an array of texts
	kind  tomlKind
	keyAt feature.Pos
	at    feature.Span
}

type tomlKind uint8

const (
	tomlText tomlKind = iota
	tomlInteger
	tomlFloat
	tomlTruth
	tomlList
	tomlOther
	tomlSection // a [header], by itself
)

// notUTF8 points at the first byte that is no UTF-8; nil where there is none.
func notUTF8(file string, b []byte) error {
	line, col := 1, 1
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return &SettingError{Pos: feature.Pos{File: file, Line: line, Col: col}, Message: fmt.Sprintf("the file is not UTF-8: byte %#x; save it as UTF-8", b[0])}
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
		b = b[n:]
	}
	return nil
}

// readTOML reads a file into its keys, in their order. file is its name in positions.
func readTOML(file string, b []byte) ([]tomlValue, error) {
	if err := notUTF8(file, b); err != nil {
		return nil, err
	}
	// The decoder judges the whole file, repeated keys included; the parser below knows where things stand.
	var whole map[string]any
	if err := toml.Unmarshal(b, &whole); err != nil {
		return nil, tomlError(file, err)
	}
	w := tomlWalk{file: file, source: string(b)}
	w.p.Reset(b)
	for w.p.NextExpression() {
		e := w.p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var at feature.Pos
			w.table, at = w.keys(e.Key())
			if e.Kind == unstable.ArrayTable {
				return nil, &SettingError{Pos: at, Message: fmt.Sprintf("[[%s]] is a list of sections", strings.Join(w.table, ".")), Cure: "write single brackets"}
			}
			w.found = append(w.found, tomlValue{key: w.table, kind: tomlSection, keyAt: at, at: feature.Span{Pos: at, EndLine: at.Line, EndCol: at.Col}})
		case unstable.KeyValue:
			w.keyValue(w.table, e)
		}
	}
	if err := w.p.Error(); err != nil {
		return nil, tomlError(file, err)
	}
	return w.found, nil
}

func tomlError(file string, err error) error {
	var de *toml.DecodeError
	if errors.As(err, &de) {
		line, col := de.Position()
		return &SettingError{Pos: feature.Pos{File: file, Line: max(line, 1), Col: max(col, 1)}, Message: strings.TrimPrefix(de.Error(), "toml: ")}
	}
	return &SettingError{Pos: feature.Pos{File: file, Line: 1, Col: 1}, Message: strings.TrimPrefix(err.Error(), "toml: ")}
}

type tomlWalk struct {
	file   string
	source string
	p      unstable.Parser
	table  []string
	found  []tomlValue
}

func (w *tomlWalk) keyValue(table []string, e *unstable.Node) {
	names, at := w.keys(e.Key())
	key := append(append([]string{}, table...), names...)
	v := e.Value()
	if v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			w.keyValue(key, it.Node())
		}
		return
	}
	found := tomlValue{key: key, keyAt: at, at: w.span(v, at)}
	switch v.Kind {
	case unstable.String:
		found.text = string(v.Data)
	case unstable.Integer:
		found.kind, found.text = tomlInteger, strings.ReplaceAll(string(v.Data), "_", "")
	case unstable.Float:
		found.kind, found.text = tomlFloat, strings.ReplaceAll(string(v.Data), "_", "")
	case unstable.Bool:
		found.kind, found.text = tomlTruth, string(v.Data)
	case unstable.Array:
		found.kind = tomlList
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.String {
				found.items = append(found.items, string(it.Node().Data))
			} else if it.Node().Kind != unstable.Comment {
				found.kind = tomlOther
			}
		}
		found.text = strings.Join(found.items, ",")
	default:
		found.kind = tomlOther
		found.text = string(v.Data)
	}
	w.found = append(w.found, found)
}

// keys reads a dotted key and says where it begins.
func (w *tomlWalk) keys(it unstable.Iterator) (names []string, at feature.Pos) {
	for it.Next() {
		n := it.Node()
		if at.Line == 0 {
			at = w.pos(int(n.Raw.Offset))
		}
		names = append(names, string(n.Data))
	}
	return names, at
}

func (w *tomlWalk) pos(offset int) feature.Pos {
	offset = min(offset, len(w.source))
	before := w.source[:offset]
	line := strings.Count(before, "\n") + 1
	return feature.Pos{File: w.file, Line: line, Col: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
}

// span is a value's place; a kind that the parser keeps no range of stands where its key does.
func (w *tomlWalk) span(v *unstable.Node, key feature.Pos) feature.Span {
	if v.Raw.Length == 0 {
		return feature.Span{Pos: key, EndLine: key.Line, EndCol: key.Col}
	}
	a, b := w.pos(int(v.Raw.Offset)), w.pos(int(v.Raw.Offset)+int(v.Raw.Length))
	return feature.Span{Pos: a, EndLine: b.Line, EndCol: b.Col}
}

// mustBe says how a value of the file does not fit its setting's kind.
func (v tomlValue) mustBe(k kind) error {
	want := map[kind]string{text: "a string", integer: "a whole number", truth: "true or false", duration: `a string like "90d"`, size: `a string like "2GiB"`, portion: "a number from 0 to 1", list: "a list of strings"}
	ok := false
	switch k {
	case text, duration:
		ok = v.kind == tomlText
	case integer:
		ok = v.kind == tomlInteger
	case truth:
		ok = v.kind == tomlTruth
	case size:
		ok = v.kind == tomlText || v.kind == tomlInteger
	case portion:
		ok = v.kind == tomlFloat || v.kind == tomlInteger || v.kind == tomlText
	case list:
		ok = v.kind == tomlList || v.kind == tomlText
	}
	if !ok {
		return fmt.Errorf("%s takes %s", strings.Join(v.key, "."), want[k])
	}
	return nil
}
