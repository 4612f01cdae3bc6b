package spark

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
)

// A backfill makes anew what was made of files that have changed. Of a table that is read by its name a catalog knows partitions, and mostly not
// that somebody has written one anew: Spark itself, which does so too, does not tell it. So Spark is asked which files there are.

// lookedAtOnce is how many partitions Spark is asked for at a time.
const lookedAtOnce = 1000

// look is a source's table with what Spark sees of its files, where it is read by its name.
func (f *filling) look(ctx context.Context, s *feature.Source, t dataset.Table) (dataset.Table, error) {
	n := farNamed(t)
	if n == nil {
		return t, nil
	}
	session, err := f.engine.connectedTo(ctx, true)
	if err != nil {
		return nil, err
	}
	if err := f.engine.same(ctx, session, n, s.Time.Columns()); err != nil {
		return nil, err
	}
	seen := &someParts{Table: t, parts: slices.Clone(t.Parts())}
	for _, group := range bySystem(seen.parts) {
		for at := 0; at < len(group.parts); at += lookedAtOnce {
			some := group.parts[at:min(len(group.parts), at+lookedAtOnce)]
			if err := f.files(ctx, session, n, group.system, some, seen.parts); err != nil {
				return nil, err
			}
		}
	}
	return seen, nil
}

// system is the parts that lie on one file system, such as hdfs://host:8020.
type system struct {
	system string
	parts  []int
}

// bySystem groups parts by their file systems, in the order in which they come.
func bySystem(parts []dataset.Part) (out []system) {
	for i, p := range parts {
		of := p.Path[:len(p.Path)-len(pathOf(p.Path))]
		at := slices.IndexFunc(out, func(s system) bool { return s.system == of })
		if at < 0 {
			at = len(out)
			out = append(out, system{system: of})
		}
		out[at].parts = append(out[at].parts, i)
	}
	return out
}

// pathOf is a location without its file system.
func pathOf(location string) string {
	scheme, rest, ok := strings.Cut(location, ":")
	if !ok || strings.Contains(scheme, "/") {
		return location
	}
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		if i := strings.IndexByte(host, '/'); i >= 0 {
			return host[i:]
		}
		return ""
	}
	return rest
}

// files asks for the files of some parts of one file system, and notes what they are.
func (f *filling) files(ctx context.Context, session *connect.Session, n *dataset.Named, system string, some []int, parts []dataset.Part) error {
	folders, of := []string{}, map[string]int{}
	for _, i := range some {
		p := strings.TrimRight(pathOf(parts[i].Path), "/")
		if strings.ContainsAny(p, "{}[]*?,\\`") {
			return fmt.Errorf("table %s.%s%s lies at %s, which Spark takes for a pattern, so that its files cannot be listed: move it (ALTER TABLE … SET LOCATION …)", n.Database, n.Table, ofPartition(n, parts[i]), parts[i].Path)
		}
		folders, of[p] = append(folders, strings.TrimPrefix(p, "/")), i
	}
	res, err := session.Query(ctx, "select path, length, unix_micros(modificationTime) from binaryFile."+name(system+"/{"+strings.Join(folders, ",")+"}"))
	var answer *connect.Error
	if errors.As(err, &answer) && strings.HasPrefix(answer.Class, "PATH_NOT_FOUND") { // none of them is there
		err = nil
	}
	if err != nil {
		f.engine.lost(session, err)
		return fmt.Errorf("table %s.%s, whose files Spark at %s was asked for: %w", n.Database, n.Table, f.engine.at(), cured(err))
	}
	lines, bytes := map[int][]string{}, map[int]int64{}
	for _, row := range res.Rows {
		at := pathOf(row[0].Str())
		for dir := path.Dir(at); ; dir = path.Dir(dir) {
			if i, ok := of[dir]; ok {
				lines[i] = append(lines[i], fmt.Sprintf("%q %d %d", at, row[1].Int(), row[2].Int()))
				bytes[i] += row[1].Int()
				break
			}
			if dir == path.Dir(dir) {
				break // a file that Spark lists and nobody asked for
			}
		}
	}
	for _, i := range some {
		if parts[i].Size > 0 && len(lines[i]) == 0 {
			return f.engine.gone(n, parts[i], "files")
		}
		slices.Sort(lines[i])
		sum := sha256.Sum256([]byte(strings.Join(lines[i], "\n")))
		f.bytes[parts[i].Path] = bytes[i]
		parts[i].Files = hex.EncodeToString(sum[:8])
	}
	return nil
}

// times learns when the events of parts lie of a table that is read by its name.
func (f *filling) times(ctx context.Context, s *cells.Source, parts []int) (bool, error) {
	n := farNamed(s.Table)
	if n == nil {
		return false, nil
	}
	session, err := f.engine.connectedTo(ctx, true)
	if err != nil {
		return true, err
	}
	some, by := []dataset.Part{}, map[string][]int{}
	for _, i := range parts {
		p := s.Table.Parts()[i]
		some = append(some, p)
		by[partKey(n, p)] = append(by[partKey(n, p)], i)
	}
	q, err := printTimes(n, s.Source, some)
	if err != nil {
		return true, err
	}
	res, err := session.Query(ctx, q.String())
	if err != nil {
		f.engine.lost(session, err)
		return true, q.failed(ctx, "the times of "+s.Source.Name, s.Source.Pos, err)
	}
	for _, row := range res.Rows {
		first, last := row[len(n.Keys)], row[len(n.Keys)+1]
		for _, i := range by[string(encodedKey(row[:len(n.Keys)]))] {
			if !first.IsNull() {
				s.Parts[i].Times = tiletable.Times{Known: true, First: first.Int(), Last: last.Int()}
			}
		}
	}
	return true, nil
}

// printTimes prints the query for the least and the greatest time of each partition.
func printTimes(n *dataset.Named, s *feature.Source, parts []dataset.Part) (*Query, error) {
	p := &printer{query: &Query{}, finishes: map[*feature.Feature]*expr.Expr{}}
	keys, more := columns{}, columns{}
	for i, k := range keysOf(n) {
		more.add(k, fmt.Sprintf("#p%d", i))
		keys = append(keys, fmt.Sprintf("`#p%d`", i))
	}
	from, err := byName(n, s, s.Time.Columns(), ofParts(n.Keys, parts), false, more...)
	if err != nil {
		return nil, err
	}
	p.step("read", "rows of "+s.Name, "select *\nfrom "+from)
	p.step("timed", "when each row happened", columns{"*", p.expr(s.Time, "time of "+s.Name, s.Pos) + " as " + name(tsColumn)}.selects("from read"))
	group := ""
	if len(keys) > 0 {
		group = "\ngroup by " + strings.Join(keys, ", ")
	}
	p.step("", "when the events of each partition lie", append(keys, "min("+name(tsColumn)+")", "max("+name(tsColumn)+")").selects("from timed"+group))
	return p.query, p.err
}
