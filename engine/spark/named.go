package spark

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// A table of a catalog whose files are on no file system of this machine is read by its name: Spark's own catalog says where its partitions
// lie. Which partitions are read says the catalog that we have asked, so that a run's rows are those of its plan.
//
// The names that a metastore keeps have no case, and who writes its files keeps what case they like, so a query that reads such a table runs
// in a session in which names have none either (caseless): else Spark would take columns whose case it does not find in the files for null.

// farNamed is a table's name where Spark is to read it by that; nil: its files are here, or Spark cannot be told, as its Scan will say.
func farNamed(t dataset.Table) *dataset.Named {
	c, ok := t.(dataset.Cataloged)
	if !ok {
		return nil
	}
	n, err := c.Named()
	if err != nil || n.Far == nil {
		return nil
	}
	return n
}

// nameOf is what stands behind `from`. A Spark whose current catalog is another has its metastore's tables in this one still.
func nameOf(n *dataset.Named) string {
	return "spark_catalog." + name(n.Database) + "." + name(n.Table)
}

// byName is the rows of a table's parts by its name, as the contract reads them; more are columns beside those that are read.
func byName(n *dataset.Named, s *feature.Source, read []string, where string, numbered bool, more ...string) (string, error) {
	out := columns(more)
	for _, c := range read {
		t, _ := s.Schema.Lookup(c)
		normal, err := dialect.Normalised(inFile(s, c, t), t)
		if err != nil {
			return "", err
		}
		out.add(normal, c)
	}
	if len(out) == 0 {
		out.add("1", "#nothing")
	}
	text := out.selects("from " + nameOf(n))
	if where != "" {
		text += "\nwhere " + where
	}
	if numbered { // rows that are alike are answered alike, so it does not matter which of them comes first
		order := []string{}
		for _, c := range read {
			t, _ := s.Schema.Lookup(c)
			order = append(order, ordered(name(c), t))
		}
		if len(order) == 0 {
			order = append(order, "`#nothing`")
		}
		text = columns{"*", "row_number() over (order by " + strings.Join(order, ", ") + ") - 1L as " + name(rowNumber)}.selects("from (\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n)")
	}
	return "(\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n)", nil
}

// ofParts is the condition that a row is of one of the parts of a table; "": it has no partitions.
func ofParts(keys value.Schema, parts []dataset.Part) string {
	if len(keys) == 0 {
		return ""
	}
	rows := make([][]value.Value, len(parts))
	for i, p := range parts {
		for _, k := range keys {
			rows[i] = append(rows[i], p.Partition[k.Name])
		}
	}
	if len(rows) == 0 {
		return "false"
	}
	return amongRows(keys, rows)
}

// amongRows is the condition that the keys have the values of one of the rows. Values of the first key behind which the others are alike stand
// together, so that days with 24 hours each are two lists.
func amongRows(keys value.Schema, rows [][]value.Value) string {
	first, of := []value.Value{}, map[string][][]value.Value{} // by the text of the first value
	for _, r := range rows {
		text := partitionText(keys[0].Type, r[0])
		if _, ok := of[text]; !ok {
			first = append(first, r[0])
		}
		of[text] = append(of[text], r[1:])
	}
	if len(keys) == 1 {
		return amongValues(keys[0], first)
	}
	rests, values := []string{}, map[string][]value.Value{} // by the condition on the other keys
	for _, v := range first {
		rest := amongRows(keys[1:], of[partitionText(keys[0].Type, v)])
		if _, ok := values[rest]; !ok {
			rests = append(rests, rest)
		}
		values[rest] = append(values[rest], v)
	}
	for i, rest := range rests {
		rests[i] = amongValues(keys[0], values[rest]) + " and " + rest
	}
	if len(rests) == 1 {
		return rests[0]
	}
	return "(" + strings.Join(rests, "\n  or ") + ")"
}

// amongValues is the condition that a key has one of the values.
func amongValues(key value.Field, values []value.Value) string {
	var texts []string
	null := false
	for _, v := range values {
		if v.IsNull() {
			null = true
			continue
		}
		texts = append(texts, partitionText(key.Type, v))
	}
	among := name(key.Name) + " in (" + strings.Join(texts, ", ") + ")"
	switch {
	case !null:
		return among
	case len(texts) == 0:
		return name(key.Name) + " is null"
	}
	return "(" + name(key.Name) + " is null or " + among + ")"
}

// partitionText is a value of a partition column as Spark's catalog has it. Integers are as short as they can be, so that none makes Spark
// widen the column, by which the metastore could not choose.
func partitionText(t value.Type, v value.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Kind() == value.KindString:
		return text(v.Str())
	case v.Kind() == value.KindInt && v.Int() >= math.MinInt32+1 && v.Int() <= math.MaxInt32:
		return strconv.FormatInt(v.Int(), 10)
	case v.Kind() == value.KindDate:
		return "date " + text(value.FormatDate(v.Int()))
	}
	return dialect.Literal(t, v)
}

// conditionsOf is what a place asks of partitions, whichever there are when the query runs; "": nothing.
func conditionsOf(n *dataset.Named) string {
	var all []string
	for _, c := range n.Conditions {
		t, _ := n.Keys.Lookup(c.Column)
		op := c.Op
		switch {
		case op == "!=":
			op = "is distinct from"
		case c.Value.IsNull() && op == "=":
			op = "is not distinct from"
		case c.Value.IsNull():
			all = append(all, "false")
			continue
		}
		all = append(all, name(c.Column)+" "+op+" "+partitionText(t, c.Value))
	}
	return strings.Join(all, " and ")
}

// named has a table read by its name: Spark is asked whether it is the same table there, and how many rows it has in each part.
func (s *stage) named(ctx context.Context, n *dataset.Named, t dataset.Table, source *feature.Source, read []string, numbered bool) (Table, dataset.Counts, error) {
	if err := caseless("source "+source.Name, source.Pos, source.Schema.Names()); err != nil {
		return Table{}, dataset.Counts{}, err
	}
	if s.engine == nil {
		return Table{}, dataset.Counts{}, n.Far
	}
	session, err := s.engine.connectedTo(ctx, true)
	if err != nil {
		return Table{}, dataset.Counts{}, err
	}
	if err := s.engine.same(ctx, session, n, read); err != nil {
		return Table{}, dataset.Counts{}, err
	}
	where := ofParts(n.Keys, t.Parts())
	of := nameOf(n) + " " + where
	counts, ok := s.counts[of]
	if !ok { // the rows that ask and those that are joined may be one table's
		if counts, err = s.engine.counted(ctx, session, n, t.Parts()); err != nil {
			return Table{}, counts, err
		}
		if s.counts == nil {
			s.counts = map[string]dataset.Counts{}
		}
		s.counts[of] = counts
	}
	from, err := byName(n, source, read, where, numbered)
	s.byName = true
	return Table{From: from}, counts, err
}

// at is where Spark is, without parameters of the address, of which one may be a token.
func (e *Engine) at() string {
	at, _, _ := strings.Cut(strings.TrimPrefix(e.options.Connect, "sc://"), "/")
	return at
}

// Has tells of a table whether Spark reads it by its name, and if so, whether it has it in its catalog as we have.
func (e *Engine) Has(ctx context.Context, t dataset.Table) (byName bool, err error) {
	n := farNamed(t)
	if n == nil {
		return false, nil
	}
	session, err := e.connectedTo(ctx, true)
	if err != nil {
		return true, err
	}
	return true, e.same(ctx, session, n, t.Schema().Names())
}

// same asks whether Spark has the table, and says so where it has another, or one with other columns.
func (e *Engine) same(ctx context.Context, session *connect.Session, n *dataset.Named, read []string) error {
	err := session.Exec(ctx, "refresh table "+nameOf(n)) // what it keeps in mind of files may be older than they are
	if err != nil {
		return e.notNamed(session, n, err)
	}
	res, err := session.Query(ctx, "describe table extended "+nameOf(n))
	if err != nil {
		return e.notNamed(session, n, err)
	}
	types, location, listed := map[string]string{}, "", false
	for _, row := range res.Rows {
		what := row[0].Str()
		listed = listed || what == "" || strings.HasPrefix(what, "#") // its columns come first
		switch {
		case !listed:
			types[strings.ToLower(what)] = row[1].Str()
		case what == "Location":
			location = row[1].Str()
		}
	}
	if location != "" && !slices.ContainsFunc(n.Locations, func(l string) bool { return sameLocation(l, location) }) {
		return fmt.Errorf("table %s.%s of Spark at %s is another: it lies at %s there, and at %s by %s: have Spark use that metastore (spark.sql.catalogImplementation=hive, spark.hadoop.hive.metastore.uris)",
			n.Database, n.Table, e.at(), location, n.Locations[0], n.Catalog)
	}
	for _, c := range read {
		ours, theirs := n.Types[c], types[strings.ToLower(c)]
		if ours == "" || strings.Contains(theirs, "...") { // Spark does not write out long ones
			continue
		}
		if theirs == "" {
			return fmt.Errorf("table %s.%s of Spark at %s has no column %q, which it has in %s: it was altered meanwhile: run again; or Spark's catalog is of another metastore", n.Database, n.Table, e.at(), c, n.Catalog)
		}
		if plainType(ours) != plainType(theirs) {
			return fmt.Errorf("table %s.%s of Spark at %s has column %q as %s, which is %s in %s: it was altered meanwhile: run again; or Spark's catalog is of another metastore",
				n.Database, n.Table, e.at(), c, theirs, ours, n.Catalog)
		}
	}
	return nil
}

// plainType is a type's text in which Hive and Spark agree.
func plainType(t string) string {
	return strings.NewReplacer(" ", "", "integer", "int", "timestampwithlocaltimezone", "timestamp", "timestamp_ltz", "timestamp").Replace(strings.ReplaceAll(strings.ToLower(t), " ", ""))
}

// sameLocation tells whether two texts of Hadoop's say one location: file:/x and file:///x do.
func sameLocation(a, b string) bool {
	plain := func(s string) string {
		scheme, path, ok := strings.Cut(s, ":")
		if !ok || strings.Contains(scheme, "/") {
			scheme, path = "file", s
		}
		if rest, ok := strings.CutPrefix(path, "///"); ok {
			path = "/" + rest
		}
		return strings.ToLower(scheme) + ":" + strings.TrimRight(path, "/")
	}
	return plain(a) == plain(b)
}

// notNamed says what helps where Spark does not find a table.
func (e *Engine) notNamed(session *connect.Session, n *dataset.Named, err error) error {
	e.lost(session, err)
	var answer *connect.Error
	if errors.As(err, &answer) && (strings.HasPrefix(answer.Class, "TABLE_OR_VIEW_NOT_FOUND") || strings.HasPrefix(answer.Class, "SCHEMA_NOT_FOUND")) {
		return fmt.Errorf("table %s.%s is in %s, and not in the catalog of Spark at %s, which is to read it by its name: have that Spark use the same metastore (spark.sql.catalogImplementation=hive, spark.hadoop.hive.metastore.uris=thrift://…), or mount its files here and there ([hive] mounts)",
			n.Database, n.Table, n.Catalog, e.at())
	}
	return fmt.Errorf("table %s.%s of Spark at %s: %w", n.Database, n.Table, e.at(), err)
}

// counted counts the rows of each part, by the ends of their files. Spark reads a partition whose folder it does not find as one without rows.
func (e *Engine) counted(ctx context.Context, session *connect.Session, n *dataset.Named, parts []dataset.Part) (dataset.Counts, error) {
	var counts dataset.Counts
	keys := keysOf(n)
	query := append(slices.Clone(keys), "count(*)").selects("from " + nameOf(n))
	if len(keys) > 0 {
		query += "\nwhere " + ofParts(n.Keys, parts) + "\ngroup by " + strings.Join(keys, ", ")
	}
	res, err := session.Query(ctx, query)
	if err != nil {
		e.lost(session, err)
		return counts, fmt.Errorf("table %s.%s, counted by Spark at %s: %w", n.Database, n.Table, e.at(), cured(err))
	}
	rows := map[string]int64{}
	for _, row := range res.Rows {
		rows[string(encodedKey(row[:len(keys)]))] = row[len(keys)].Int()
	}
	seen := map[string]bool{}
	for _, p := range parts {
		key := partKey(n, p)
		if rows[key] == 0 && p.Size > 0 {
			return counts, e.gone(n, p, "rows")
		}
		counts.Parts++
		if !seen[key] { // an hour 1 and an hour 01 are one to Spark
			counts.Rows += rows[key]
		}
		seen[key] = true
	}
	return counts, nil
}

// keysOf are a table's partition columns in their physical types.
func keysOf(n *dataset.Named) (keys columns) {
	for _, k := range n.Keys {
		keys.add(converted(name(k.Name), k.Type), "")
	}
	return keys
}

// gone says that a partition is not where the catalog has it.
func (e *Engine) gone(n *dataset.Named, p dataset.Part, what string) error {
	return fmt.Errorf("table %s.%s%s has %d bytes by %s, and Spark at %s finds no %s at %s: its files are gone, or the partition was dropped meanwhile, or Spark does not reach them: bring them back, or drop the partition (ALTER TABLE %[1]s.%[2]s DROP PARTITION …), and run again",
		n.Database, n.Table, ofPartition(n, p), p.Size, n.Catalog, e.at(), what, p.Path)
}

// partKey is a part by its partition, as rows of keysOf are by encodedKey.
func partKey(n *dataset.Named, p dataset.Part) string {
	var of []value.Value
	for _, k := range n.Keys {
		of = append(of, physicalValue(p.Partition[k.Name]))
	}
	return string(encodedKey(of))
}

// encodedKey is values as bytes that only the same values have.
func encodedKey(values []value.Value) (out []byte) {
	for _, v := range values {
		out = value.Append(out, v)
	}
	return out
}

// ofPartition names a part in messages.
func ofPartition(n *dataset.Named, p dataset.Part) string {
	if len(n.Keys) == 0 {
		return ""
	}
	var values []string
	for _, k := range n.Keys {
		values = append(values, k.Name+"="+p.Partition[k.Name].String())
	}
	return ", partition " + strings.Join(values, "/") + ","
}

// cured is an error of Spark's in a line, with what can be done about it.
func cured(err error) error {
	cure := cureOf(err)
	if cure == "" {
		return err
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return &curedError{line + "; " + cure, err}
}

type curedError struct {
	text string
	err  error
}

func (e *curedError) Error() string { return e.text }
func (e *curedError) Unwrap() error { return e.err }

// caseless refuses names that differ by case alone, which a query that reads a table by its name does not tell apart.
func caseless(of string, at feature.Pos, names []string) error {
	seen := map[string]string{}
	for _, n := range names {
		lower := strings.ToLower(n)
		if other, ok := seen[lower]; ok && other != n {
			return &Unsupported{What: fmt.Sprintf("columns %q and %q differ by case alone, which Spark does not tell apart where it reads a table by its name", other, n), Of: of, At: at, Cure: "rename one of them, or mount the table's files here and there ([hive] mounts)"}
		}
		seen[lower] = n
	}
	return nil
}

// caselessPlan is caseless for all names of a plan.
func caselessPlan(p *plan.Batch) error {
	var out []string
	for _, c := range p.Spine.Columns {
		out = append(out, c.Name)
	}
	for _, o := range p.Output {
		out = append(out, o.Name)
	}
	if err := caseless(p.Name, p.Pos, out); err != nil {
		return err
	}
	if err := caseless("the spine of "+p.Name, p.Pos, p.Spine.Read); err != nil {
		return err
	}
	for _, j := range p.Joined() {
		if s := j.Scan.Source; caseless("source "+s.Name, s.Pos, s.Schema.Names()) != nil {
			return caseless("source "+s.Name, s.Pos, s.Schema.Names())
		}
	}
	return nil
}
