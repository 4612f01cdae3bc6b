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
// and request fields, then its features and derived columns; a column that a request did not ask for is null and has no status. Last stands which
// prediction was made of the row.
const (
	servedColumn  = "_served"  // timestamp: when it was answered, by the wall's clock
	atColumn      = "_at"      // timestamp: as of when
	versionColumn = "_version" // int: which applied version, 0: not known
	statusColumn  = "_status"  // string: one word for all columns, or one for each in their order, separated by commas
	readColumn    = "_read"    // string: what it was read by, as JSON
	ownColumns    = 5

	// predictionColumn is a string that stands last, and is not in files of before there were predictions: which was made of the row, null where none was.
	predictionColumn = "_prediction"
)

// shape is how a view's vectors lie in a file.
type shape struct {
	schema  value.Schema
	asked   int   // how many keys and request fields
	columns []int // of the view: those behind them
	places  []int // of each column of the view: among columns; -1: it is not
}

// shapeOf lays a view out. A column of the view that has one of our names is called by it with a further _ before.
func shapeOf(v *feature.View) *shape {
	s := &shape{schema: value.Schema{{Name: servedColumn, Type: value.Timestamp}, {Name: atColumn, Type: value.Timestamp}, {Name: versionColumn, Type: value.Int},
		{Name: statusColumn, Type: value.String}, {Name: readColumn, Type: value.String}}}
	add := func(name string, t value.Type) {
		for s.schema.Index(name) >= 0 || name == predictionColumn {
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

// fileColumn is what a view's column is called in files of served vectors.
func fileColumn(name string) string {
	for slices.Contains([]string{servedColumn, atColumn, versionColumn, statusColumn, readColumn, predictionColumn}, name) {
		name = "_" + name
	}
	return name
}

// written is the schema of a file as it is written now.
func (s *shape) written() value.Schema {
	return append(slices.Clip(s.schema), value.Field{Name: predictionColumn, Type: value.String})
}

// fits reports whether a file's columns are these, with the last of them or, from before there was one, without.
func (s *shape) fits(schema value.Schema) bool {
	all := s.written()
	return (len(schema) == len(all) || len(schema) == len(s.schema)) &&
		slices.EqualFunc(schema, all[:len(schema)], func(x, y value.Field) bool { return x.Name == y.Name && x.Type.Equal(y.Type) })
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

// appendRead writes a read by hand: there are several in each row.
func appendRead(b []byte, r *feature.ServedRead, at int64) []byte {
	b = strconv.AppendInt(append(b, `{"join":`...), int64(r.Join), 10)
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
	return append(b, '}')
}

// parseReads reads what rows.reads wrote.
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
