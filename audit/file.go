package audit

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// A file of served vectors has the rows of one view in one version, and of one hour of answering. Its columns are five of ours, the view's keys
// and request fields, then its features and derived columns; a column that a request did not ask for is null and has no status.
const (
	servedColumn  = "_served"  // timestamp: when it was answered, by the wall's clock
	atColumn      = "_at"      // timestamp: as of when
	versionColumn = "_version" // int: which applied version, 0: not known
	statusColumn  = "_status"  // string: one word for all columns, or one for each in their order, separated by commas
	readColumn    = "_read"    // string: what it was read by, as JSON
	ownColumns    = 5
)

// shape is how a view's vectors lie in a file.
type shape struct {
	schema  value.Schema
	asked   int   // how many keys and request fields
	columns []int // of the view: those behind them
	places  []int // of each column of the view: among columns; -1: it is not

	// The last text of statuses and what it is of: most rows have the same.
	said   []feature.Status
	saidOf []int
	text   string
}

// shapeOf lays a view out. A column of the view that has one of our names is called by it with a further _ before.
func shapeOf(v *feature.View) *shape {
	s := &shape{schema: value.Schema{{Name: servedColumn, Type: value.Timestamp}, {Name: atColumn, Type: value.Timestamp}, {Name: versionColumn, Type: value.Int},
		{Name: statusColumn, Type: value.String}, {Name: readColumn, Type: value.String}}}
	add := func(name string, t value.Type) {
		for s.schema.Index(name) >= 0 {
			name = "_" + name
		}
		s.schema = append(s.schema, value.Field{Name: name, Type: t})
	}
	for _, k := range v.Asked() {
		add(k.Name, k.Type)
		s.asked++
	}
	for i, c := range v.Columns {
		s.places = append(s.places, -1)
		if c.Kind != feature.RequestColumn {
			add(c.Name, c.Type)
			s.places[i] = len(s.columns)
			s.columns = append(s.columns, i)
		}
	}
	return s
}

// batch is the rows of records, as they lie in the file.
func (s *shape) batch(records []*feature.Served, pause func()) *value.Batch {
	b := &value.Batch{Schema: s.schema, Columns: make([]*value.Column, len(s.schema))}
	for _, r := range records {
		b.N += len(r.Rows)
	}
	for j, f := range s.schema {
		b.Columns[j] = value.NewColumn(f.Type, b.N)
	}
	from := 0
	for _, r := range records {
		s.fill(b.Columns, from, r)
		from += len(r.Rows)
		pause()
	}
	return b
}

// fill sets the rows of a record from one on.
func (s *shape) fill(columns []*value.Column, from int, r *feature.Served) {
	reads := make([]string, len(r.Reads))
	for i := range r.Reads {
		reads[i] = readText(&r.Reads[i], r.At)
	}
	place, answers := make([]int, len(r.Columns)), columns[ownColumns+s.asked:] // by column of the record: among the shape's
	there := make([]bool, len(answers))
	for k, c := range r.Columns {
		place[k] = s.places[c]
		there[place[k]] = true
	}
	for i := range r.Rows {
		row, at := &r.Rows[i], from+i
		for k, own := range [ownColumns]value.Value{value.OfTimestamp(r.Time), value.OfTimestamp(r.At), value.OfInt(r.Version),
			value.OfString(s.statusText(row, place)), value.OfString(rowReads(row, reads))} {
			columns[k].Set(at, own)
		}
		for k, x := range row.Asked {
			columns[ownColumns+k].Set(at, x)
		}
		for k, p := range place {
			answers[p].Set(at, row.Values[k])
		}
		for p, is := range there {
			if !is {
				answers[p].SetNull(at)
			}
		}
	}
}

// statusText is a row's statuses in the order of the file's columns; nothing stands for a column that was not asked for.
func (s *shape) statusText(row *feature.ServedRow, place []int) string {
	if len(row.Statuses) == len(s.columns) && !slices.ContainsFunc(row.Statuses, func(x feature.Status) bool { return x != feature.Present }) {
		return feature.Present.String()
	}
	if s.text != "" && slices.Equal(s.said, row.Statuses) && slices.Equal(s.saidOf, place) {
		return s.text
	}
	words := make([]string, len(s.columns))
	for k, at := range place {
		words[at] = row.Statuses[k].String()
	}
	s.said, s.saidOf = append(s.said[:0], row.Statuses...), append(s.saidOf[:0], place...)
	s.text = strings.Join(words, ",")
	return s.text
}

// statuses reads statusText; asked tells which columns have one.
func (s *shape) statuses(text string) (out []feature.Status, asked []bool, err error) {
	out, asked = make([]feature.Status, len(s.columns)), make([]bool, len(s.columns))
	words := strings.Split(text, ",")
	if len(words) == 1 && text == feature.Present.String() {
		words = slices.Repeat([]string{text}, len(s.columns))
	}
	if len(words) != len(s.columns) {
		return nil, nil, fmt.Errorf("%d statuses of %d columns", len(words), len(s.columns))
	}
	for i, w := range words {
		if w == "" {
			continue
		}
		ok := false
		if out[i], ok = feature.ParseStatus(w); !ok {
			return nil, nil, fmt.Errorf("%q is no status", w)
		}
		asked[i] = true
	}
	return out, asked, nil
}

// read is feature.ServedRead as JSON. Times that are not there are left out.
type read struct {
	Join       int              `json:"join"`
	Rows       bool             `json:"rows,omitempty"`
	At         *int64           `json:"at,omitempty"`
	Batch      *int64           `json:"batch,omitempty"`
	Complete   *int64           `json:"complete,omitempty"`
	Generation int64            `json:"generation,omitempty"`
	Loaded     int64            `json:"loaded,omitempty"`
	Applied    map[string]int64 `json:"applied,omitempty"`
	Read       map[string]int64 `json:"read,omitempty"`
}

// readText writes a read by hand: there are several in each row.
func readText(r *feature.ServedRead, at int64) string {
	b := strconv.AppendInt(append(make([]byte, 0, 160), `{"join":`...), int64(r.Join), 10)
	number := func(name string, v int64, there bool) {
		if there {
			b = strconv.AppendInt(append(append(append(b, `,"`...), name...), `":`...), v, 10)
		}
	}
	places := func(name string, p tile.Positions) {
		for i, x := range p {
			if i == 0 {
				b = append(append(append(b, `,"`...), name...), `":{"`...)
			} else {
				b = append(b, `,"`...)
			}
			b = strconv.AppendInt(append(strconv.AppendInt(b, int64(x.Partition), 10), `":`...), x.Offset, 10)
		}
		if len(p) > 0 {
			b = append(b, '}')
		}
	}
	if r.Rows {
		b = append(b, `,"rows":true`...)
	}
	number("at", r.At, r.At != at)
	number("batch", r.Batch, r.Batch != math.MinInt64)
	number("complete", r.Complete, r.Complete != math.MinInt64)
	number("generation", r.Generation, r.Generation != 0)
	number("loaded", r.Loaded, r.Loaded != 0)
	places("applied", r.Applied)
	places("read", r.Read)
	return string(append(b, '}'))
}

func rowReads(row *feature.ServedRow, texts []string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, r := range row.Reads {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(texts[r])
	}
	b.WriteByte(']')
	return b.String()
}

// parseReads reads what rowReads wrote.
func parseReads(text string, at int64) ([]feature.ServedRead, error) {
	var all []read
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, err
	}
	out := make([]feature.ServedRead, len(all))
	for i, r := range all {
		out[i] = feature.ServedRead{Join: r.Join, Rows: r.Rows, At: or(r.At, at), Batch: or(r.Batch, math.MinInt64), Complete: or(r.Complete, math.MinInt64),
			Generation: r.Generation, Loaded: r.Loaded}
		for _, side := range []struct {
			from map[string]int64
			to   *tile.Positions
		}{{r.Applied, &out[i].Applied}, {r.Read, &out[i].Read}} {
			for partition, offset := range side.from {
				p, err := strconv.ParseInt(partition, 10, 32)
				if err != nil {
					return nil, err
				}
				side.to.Advance(int32(p), offset)
			}
		}
	}
	return out, nil
}

func or(t *int64, none int64) int64 {
	if t == nil {
		return none
	}
	return *t
}

// name is a file's: the hour of answering, the view's version, the process that wrote it, and which of its parts are in it. A file whose parts
// another has too is a leftover.
type name struct {
	hour        int64 // since the epoch
	fingerprint string
	process     string
	from, to    int64 // parts [from, to)
}

const (
	hourLayout = "2006-01-02T15"
	hourMS     = 3_600_000
)

func (n name) String() string {
	return fmt.Sprintf("%s-%s-%s-%06d-%06d", time.UnixMilli(n.hour*hourMS).UTC().Format(hourLayout), n.fingerprint, n.process, n.from, n.to)
}

func parseName(path string) (n name, ok bool) {
	base := filepath.Base(path)
	stem, _, _ := strings.Cut(base, ".")
	if len(stem) < len(hourLayout)+1 {
		return n, false
	}
	t, err := time.Parse(hourLayout, stem[:len(hourLayout)])
	parts := strings.Split(stem[len(hourLayout):], "-")
	if err != nil || len(parts) != 5 || parts[0] != "" {
		return n, false
	}
	n = name{hour: t.UnixMilli() / hourMS, fingerprint: parts[1], process: parts[2]}
	n.from, err = strconv.ParseInt(parts[3], 10, 64)
	if err == nil {
		n.to, err = strconv.ParseInt(parts[4], 10, 64)
	}
	return n, err == nil && n.from < n.to
}

// covers reports whether a file has all that another has.
func (n name) covers(m name) bool {
	return n.hour == m.hour && n.fingerprint == m.fingerprint && n.process == m.process && n.from <= m.from && m.to <= n.to
}
