package part

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// Columns of the topic's key beside those of the group's, which can't be called so.
const (
	stepColumn  = "#step"
	startColumn = "#start"
	partColumn  = "#part"
	subColumn   = "#sub"
	rowsColumn  = "#n" // of the value: how many rows are in the part
)

// Record is one record of the compacted topic.
type Record struct {
	Key         string // value.AppendKey of the group's key
	Step, Start int64
	Part        int         // of the layout's
	Sub         string      // the string of by, where the part is under one
	N           int64       // how many rows are in it; −1 where the part has no count
	States      []agg.State // of Part.Folds; under by those of the one string, nil where no row of it passes the fold's where
	Present     []bool      // of Part.Lists: whether a row passes the fold's where
	Gone        bool        // a tombstone, which has nothing but what names the part
}

// errRecord is what every error of Decode is.
var errRecord = errors.New("a record that Flink did not write so")

// Decode reads a record of the topic.
func (l *Layout) Decode(key, val []byte) (Record, error) {
	r, err := l.decode(key, val)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return r, nil
}

func (l *Layout) decode(key, val []byte) (r Record, err error) {
	if err = l.decodeKey(&r, key); err != nil {
		return r, fmt.Errorf("key: %w", err)
	}
	p := &l.Parts[r.Part]
	if r.N = -1; val == nil {
		r.Gone = true
		return r, nil
	}
	row, err := objectOf(val)
	if err != nil {
		return r, fmt.Errorf("value of part %q: %w", p.Name, err)
	}
	if p.counted() {
		if r.N, err = (cells{row, rowsColumn}).count(1); err != nil {
			return r, fmt.Errorf("part %q: %w", p.Name, err)
		}
	}
	for _, i := range p.Folds {
		f := l.Space.Folds[i]
		var s agg.State
		if present, err := l.present(p, i, row); err != nil {
			return r, err
		} else if present {
			if s, err = table[f.Kind].read(l, f, cells{row, foldName(i)}); err != nil {
				return r, fmt.Errorf("part %q: %s: %w", p.Name, f.Fold.ID(), err)
			}
		}
		r.States = append(r.States, s)
	}
	for _, i := range p.Lists {
		present, err := l.present(p, i, row)
		if err != nil {
			return r, err
		}
		r.Present = append(r.Present, present)
	}
	return r, nil
}

// present tells whether a row of the part passes a fold's where. Without by all folds are there.
func (l *Layout) present(p *Part, fold int, row object) (bool, error) {
	where := l.Space.Folds[fold].Where
	if p.By < 0 || p.List || where < 0 {
		return true, nil
	}
	n, err := cells{row, whereName(where)}.count(0)
	if err != nil {
		return false, fmt.Errorf("part %q: %w", p.Name, err)
	}
	return n > 0, nil
}

func foldName(i int) string { return "f" + strconv.Itoa(i) }

// whereName is the column that counts the rows that pass a where.
func whereName(i int) string { return "w" + strconv.Itoa(i) }

func (l *Layout) decodeKey(r *Record, key []byte) error {
	row, err := objectOf(key)
	if err != nil {
		return err
	}
	keys := l.Space.Group.Keys
	values := make([]value.Value, len(keys))
	for i, k := range keys {
		if values[i], err = (cells{row, k.Name}).value(k.Type, false); err != nil {
			return err
		}
		if values[i].IsNull() {
			return fmt.Errorf("%q is null", k.Name)
		}
	}
	r.Key = string(value.AppendKey(nil, values))
	part := int64(0)
	for name, into := range map[string]*int64{stepColumn: &r.Step, startColumn: &r.Start, partColumn: &part} {
		v, err := cells{row, name}.value(value.Int, false)
		if err != nil || v.IsNull() {
			return errors.Join(fmt.Errorf("%q is no number", name), err)
		}
		*into = v.Int()
	}
	if part < 0 || part >= int64(len(l.Parts)) {
		return fmt.Errorf("part %d of %d", part, len(l.Parts))
	}
	r.Part = int(part)
	if !l.hasLevel(r.Step) || value.Floor(r.Start, r.Step) != r.Start {
		return fmt.Errorf("a tile of %d ms at %d", r.Step, r.Start)
	}
	sub, ok, err := cells{row, subColumn}.text("")
	if err != nil || !ok || l.Parts[r.Part].By < 0 && sub != "" {
		return errors.Join(fmt.Errorf("%q of part %q", subColumn, l.Parts[r.Part].Name), err)
	}
	r.Sub = sub
	return nil
}

func (l *Layout) hasLevel(step int64) bool {
	for _, x := range l.Space.Levels {
		if x.Step == step {
			return true
		}
	}
	return false
}

// object is the fields of a JSON object.
type object map[string]json.RawMessage

func objectOf(b []byte) (object, error) {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("no object")
	}
	return o, nil
}

// cells are the columns whose names begin with one. A column that is absent is null.
type cells struct {
	row  object
	name string
}

func (c cells) raw(suffix string) (json.RawMessage, bool) {
	raw, ok := c.row[c.name+suffix]
	return raw, ok && !bytes.Equal(raw, []byte("null"))
}

func (c cells) wrong(suffix string, raw json.RawMessage) error {
	return fmt.Errorf("%q is %.60s", c.name+suffix, raw)
}

// count is a number that is never null.
func (c cells) count(least int64) (int64, error) {
	raw, ok := c.raw("")
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if !ok || err != nil || n < least {
		return 0, c.wrong("", raw)
	}
	return n, nil
}

func (c cells) text(suffix string) (string, bool, error) {
	raw, ok := c.raw(suffix)
	if !ok {
		return "", false, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil || !utf8.ValidString(s) {
		return "", false, c.wrong(suffix, raw)
	}
	return s, true, nil
}

// float is a number, which may be what a sum overflowed to: Flink writes that as a string.
func (c cells) float(suffix string) (float64, bool, error) {
	raw, ok := c.raw(suffix)
	if !ok {
		return 0, false, nil
	}
	text := strings.Trim(string(raw), `"`)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) != len(raw) && text != "NaN" && text != "Infinity" && text != "-Infinity" {
		return 0, false, c.wrong(suffix, raw)
	}
	return f, true, nil
}

// counts is a multiset; null is one without elements.
func (c cells) counts(suffix string) (map[string]int64, error) {
	raw, ok := c.raw(suffix)
	if !ok {
		return nil, nil
	}
	var out map[string]int64
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, c.wrong(suffix, raw)
	}
	for _, n := range out {
		if n < 1 {
			return nil, c.wrong(suffix, raw)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// list goes through texts with commas between them; null is none.
func (c cells) list(each func(text string) error) error {
	all, ok, err := c.text("")
	if err != nil || !ok {
		return err
	}
	for text := range strings.SplitSeq(all, ",") {
		if err := each(text); err != nil {
			return err
		}
	}
	return nil
}

// value is one of the type as its JSON, or as a text of order where texts says that strings, bytes and bools are so.
func (c cells) value(t value.Type, texts bool) (v value.Value, err error) {
	raw, ok := c.raw("")
	if !ok {
		return v, nil
	}
	switch t.Kind {
	case value.KindString, value.KindBytes, value.KindBool:
		if texts {
			return c.ordered("", t)
		}
		v, err = plain(raw, t)
	case value.KindFloat:
		f, _, err := c.float("")
		return value.OfFloat(f), err
	default:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return v, c.wrong("", raw)
		}
		return ofInt(n, t)
	}
	if err != nil {
		err = c.wrong("", raw)
	}
	return v, err
}

func (c cells) ordered(suffix string, t value.Type) (value.Value, error) {
	text, ok, err := c.text(suffix)
	if err != nil || !ok {
		return value.Value{}, err
	}
	v, rest, err := readOrder(text, t)
	if err == nil && rest != "" {
		err = fmt.Errorf("%w: %.40q is left", errOrder, rest)
	}
	return v, err
}

// plain is a string, bytes or bool as Flink writes it.
func plain(raw json.RawMessage, t value.Type) (value.Value, error) {
	if t.Kind == value.KindBool {
		b, err := strconv.ParseBool(string(raw))
		return value.OfBool(b), err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	if t.Kind == value.KindString || err != nil {
		return value.OfString(s), err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return value.OfBytes(b), err
}
