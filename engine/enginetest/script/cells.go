package script

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// splitCells cuts a line of a table at its bars. A bar inside a JSON string does not cut: in a cell that begins with a quote, a bracket
// or a brace, text between quotes belongs together.
func splitCells(line string, number int) []Cell {
	var cells []Cell
	start, quoted, json := 0, false, false
	end := func(i int) {
		raw := line[start:i]
		text := strings.TrimSpace(raw)
		lead := len(raw) - len(strings.TrimLeft(raw, " \t"))
		cells = append(cells, Cell{text, number, utf8.RuneCountInString(line[:start+lead]) + 1})
		start, json = i+1, false
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case c == '|':
			end(i)
		case c == '"' && (json || strings.TrimSpace(line[start:i]) == ""):
			json, quoted = true, true
		case (c == '[' || c == '{') && strings.TrimSpace(line[start:i]) == "":
			json = true
		}
	}
	end(len(line))
	return cells
}

// ParseCell reads a cell by its column's type: null, strings bare or as JSON, the rest as value.Parse does; bytes and times may be
// JSON strings too.
func ParseCell(t value.Type, text string) (value.Value, error) {
	var s string
	if t.Kind != value.KindString && strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &s) == nil {
		return value.FromJSON(t, s)
	}
	return value.Parse(t, text)
}

// FormatCell writes a value as a cell that ParseCell reads back the same: strings and bytes bare where they can be.
func FormatCell(v value.Value) string {
	text := v.String()
	if (v.Kind() == value.KindString || v.Kind() == value.KindBytes) && !bare(text) {
		return string(value.AppendJSON(nil, v))
	}
	return text
}

// FormatHeader writes a column's name as a header's cell.
func FormatHeader(name string) string {
	if bare(name) {
		return name
	}
	return string(value.AppendJSON(nil, value.OfString(name)))
}

func bare(s string) bool {
	if s == "" || s == "null" || s != strings.TrimSpace(s) || strings.ContainsAny(s[:1], `"[{#`) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '|' || r == 0x7f || r == '\u2028' || r == '\u2029' })
}

// FormatTable aligns cells in columns, one line for each row, without indentation and without spaces at line ends.
func FormatTable(header []string, rows [][]string) []string {
	width := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	lines := make([]string, len(all))
	for n, row := range all {
		var b strings.Builder
		for i, c := range row {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(c)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)))
			}
		}
		lines[n] = b.String()
	}
	return lines
}
