package spark

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// files is some files that are read alike: of one folder with the same partition, or of a tree of folders that Spark finds partitions in.
type files struct {
	folder    string
	names     []string
	partition map[string]value.Value
	// found are the columns of partitions that Spark finds in the names of folders, as strings.
	found []string
	where string // of the partitions; "": there are none
	// numbered wants rowNumber, by the files' order.
	numbered bool
}

// inPlace names the Parquet files of a source's table where Spark can read them as they are; false where it cannot: other formats, files of
// which the table has some rows only, or that grow, or whose columns the table calls otherwise, names that a pattern of Hadoop's would be read into or that it hides.
//
// The rows are those of parts that may hold an event between from and to.
func inPlace(t dataset.Table, s *feature.Source, read []string, within span) (Table, dataset.Counts, bool) {
	all, counts, ok := listed(t, s, within)
	if !ok {
		return Table{}, counts, false
	}
	if len(all) == 0 {
		if counts.PartsSkipped == 0 {
			return Table{}, counts, false
		}
		none := tableWriter{schema: schemaOf(s.Schema, read)}
		from, err := none.close()
		return Table{From: from}, counts, err == nil
	}
	if tree, ok := inTree(all); ok {
		all = []*files{tree}
	}
	var union []string
	for _, f := range all {
		text, ok := f.query(s, read)
		if !ok {
			return Table{}, counts, false
		}
		union = append(union, text)
	}
	return Table{From: "(\n  " + strings.ReplaceAll(strings.Join(union, "\nunion all\n"), "\n", "\n  ") + "\n)"}, counts, true
}

// listed are a table's files that may hold an event within the span, by folder.
func listed(t dataset.Table, s *feature.Source, within span) (all []*files, counts dataset.Counts, ok bool) {
	for _, p := range t.Parts() {
		path, err := filepath.Abs(p.Path)
		folder, base := filepath.Split(path)
		if err != nil || filepath.Ext(base) != ".parquet" || p.Shown != "" || p.Grows || p.Mapped || p.Rows < 0 ||
			strings.ContainsAny(path, "{}[]*?,\\`") || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
			return nil, counts, false
		}
		if within.outside(p, s) {
			counts.PartsSkipped++
			continue
		}
		counts.Parts++
		counts.Rows += p.Rows
		if n := len(all); n == 0 || all[n-1].folder != folder {
			all = append(all, &files{folder: folder, partition: p.Partition})
		}
		all[len(all)-1].names = append(all[len(all)-1].names, base)
	}
	return all, counts, true
}

// standingFiles is what a table's place has whenever it is read: what stands behind `from`. Folders of days that no event within the span lies in
// are left out by their names.
func standingFiles(t dataset.Table, s *feature.Source, read []string, numbered bool, within span) (string, bool) {
	all, _, ok := listed(t, s, span{})
	if !ok || len(all) == 0 {
		return "", false
	}
	f := all[0]
	tree, partitioned := inTree(all)
	switch {
	case partitioned:
		f = &files{folder: tree.folder, names: []string{""}, found: tree.found, where: daysOf(t, s, within, tree.found)}
	case len(all) > 1 || len(f.partition) > 0:
		return "", false
	case f.folder+f.names[0] != absolute(s.Place.Path):
		f = &files{folder: f.folder, names: []string{"*.parquet"}}
	}
	f.numbered = numbered
	text, ok := f.query(s, read)
	return "(\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n)", ok
}

// daysOf is the condition that a folder's day is one in which events within the span lie, where folders are days.
func daysOf(t dataset.Table, s *feature.Source, within span, found []string) string {
	first, last := "", ""
	if len(found) == 1 {
		for _, p := range t.Parts() {
			v := p.Partition[found[0]]
			said, ok := folderText(v)
			if _, isDay := value.ParseDate(said); !ok || !isDay {
				return "true"
			}
			if !within.outside(p, s) {
				if first == "" || said < first {
					first = said
				}
				last = max(last, said)
			}
		}
	}
	where := []string{}
	if within.hasFrom && first != "" {
		where = append(where, name(found[0])+" >= "+text(first))
	}
	if within.hasTo && last != "" {
		where = append(where, name(found[0])+" <= "+text(last))
	}
	if len(where) == 0 {
		return "true"
	}
	return strings.Join(where, " and ")
}

// query is the files' rows as the contract reads them.
func (f *files) query(s *feature.Source, read []string) (string, bool) {
	out := columns{}
	for _, c := range read {
		t, _ := s.Schema.Lookup(c)
		if v, ok := f.partition[c]; ok {
			out.add(dialect.Literal(t, v), c)
			continue
		}
		x := inFile(s, c, t)
		if slices.Contains(f.found, c) {
			x = ofFolder(name(c), t)
		}
		normal, err := dialect.Normalised(x, t)
		if err != nil {
			return "", false
		}
		out.add(normal, c)
	}
	if f.numbered {
		out.add("row_number() over (order by _metadata.file_path, _metadata.row_index) - 1L", rowNumber)
	}
	if len(out) == 0 {
		out.add("1", "#nothing")
	}
	path := f.folder + f.names[0]
	if len(f.names) > 1 {
		path = f.folder + "{" + strings.Join(f.names, ",") + "}"
	}
	from := "from parquet." + name(path)
	if len(f.found) > 0 {
		from += " with ('basePath' = " + text(f.folder) + ")\nwhere " + f.where
	}
	return out.selects(from), true
}

// inFile is a column of a source's Parquet files in the physical type.
func inFile(s *feature.Source, column string, t value.Type) string {
	if t.Kind == value.KindTimestamp && slices.Contains(s.Place.TimeColumns, column) {
		return ofUnit(name(column), s.Place.TimeUnit)
	}
	return converted(name(column), t)
}

// inTree is files of all partitions as one, where each partition is a folder, or a folder in a folder, that is called as Spark calls it; false
// where that is not so.
func inTree(all []*files) (*files, bool) {
	tree, values, folders := &files{}, map[string][]string{}, map[string]bool{}
	var each []string
	for i, f := range all {
		root, keys, texts := f.folder, []string{}, []string{}
		for {
			above, base := filepath.Split(strings.TrimSuffix(root, string(filepath.Separator)))
			column, text, ok := strings.Cut(base, "=")
			v, is := f.partition[column]
			if !ok || !is {
				break
			}
			if said, can := folderText(v); !can || said != text {
				return nil, false
			}
			root, keys, texts = above, append(keys, column), append(texts, text)
			if !slices.Contains(values[column], text) {
				values[column] = append(values[column], text)
			}
		}
		if i == 0 {
			tree.folder, tree.found = root, keys
		}
		if len(keys) == 0 || len(keys) != len(f.partition) || root != tree.folder || !slices.Equal(keys, tree.found) {
			return nil, false
		}
		for _, n := range f.names {
			tree.names = append(tree.names, f.folder[len(root):]+n)
		}
		if !folders[f.folder] {
			folders[f.folder] = true
			each = append(each, tuple(texts, text))
		}
	}
	combined := 1
	for _, column := range tree.found {
		combined *= len(values[column])
	}
	if combined != len(folders) { // a folder of another combination may lie there, which the table does not have
		tree.where = tuple(tree.found, name) + " in (" + strings.Join(each, ", ") + ")"
		return tree, true
	}
	var where []string
	for _, column := range slices.Backward(tree.found) {
		where = append(where, amongst(column, values[column]))
	}
	tree.where = strings.Join(where, " and ")
	return tree, true
}

// tuple is some texts, printed as they are to be, in the order of folders.
func tuple(texts []string, print func(string) string) string {
	var out []string
	for _, s := range slices.Backward(texts) {
		out = append(out, print(s))
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// amongst is the condition that a partition is one of those.
func amongst(column string, values []string) string {
	for i, v := range values {
		values[i] = text(v)
	}
	return name(column) + " in (" + strings.Join(values, ", ") + ")"
}

// folderText is a value as it stands in the name of a folder; false where Spark might read it otherwise.
func folderText(v value.Value) (string, bool) {
	switch v.Kind() {
	case value.KindString:
		return v.Str(), v.Str() != "__HIVE_DEFAULT_PARTITION__" && !strings.Contains(v.Str(), "%")
	case value.KindInt:
		return strconv.FormatInt(v.Int(), 10), true
	case value.KindDate:
		return value.FormatDate(v.Int()), true
	}
	return "", false
}

// ofFolder is a partition's value, which Spark has as text, in the physical type.
func ofFolder(x string, t value.Type) string {
	switch t.Kind {
	case value.KindInt:
		return "cast(" + x + " as bigint)"
	case value.KindDate:
		return "cast(unix_date(cast(" + x + " as date)) as bigint)"
	}
	return x
}

// ofUnit is an integer that is a time as ms.
func ofUnit(x, unit string) string {
	x = "cast(" + x + " as bigint)"
	switch unit {
	case "s":
		return "try_multiply(" + x + ", 1000L)"
	case "us":
		return fmt.Sprintf("((%s - pmod(%s, 1000L)) div 1000L)", x, x)
	case "ns":
		return fmt.Sprintf("((%s - pmod(%s, 1000000L)) div 1000000L)", x, x)
	}
	return x
}

// converted is a column of a Parquet file in the physical type, whatever the file has that we read as t: narrower numbers, decimals, timestamps
// with and without a zone.
func converted(x string, t value.Type) string {
	switch t.Kind {
	case value.KindInt:
		return "try_cast(" + x + " as bigint)"
	case value.KindFloat:
		return "cast(" + x + " as double)"
	case value.KindTimestamp:
		return "unix_millis(cast(" + x + " as timestamp))"
	case value.KindDate:
		return "cast(unix_date(" + x + ") as bigint)"
	}
	return nested(x, t, converted)
}

// nested has each element, entry and field of x made by of; what has none is as it is.
func nested(x string, t value.Type, of func(x string, t value.Type) string) string {
	switch t.Kind {
	case value.KindList:
		return "transform(" + x + ", e -> " + of("e", *t.Elem) + ")"
	case value.KindMap:
		return "transform_values(" + x + ", (k, e) -> " + of("e", *t.Elem) + ")"
	case value.KindStruct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = text(f.Name) + ", " + of(x+"."+name(f.Name), f.Type)
		}
		return "if(" + x + " is null, null, named_struct(" + strings.Join(fields, ", ") + "))"
	}
	return x
}

// span is the times in which events matter to a spine: [from, to), without an end where it is not known.
type span struct {
	from, to       int64
	hasFrom, hasTo bool
}

// outside tells whether no event of a part lies in the span, by what its file says of the column that is the source's time.
func (w span) outside(p dataset.Part, s *feature.Source) bool {
	if s.Time == nil {
		return false
	}
	column, ok := s.Time.Column()
	b, known := p.Bounds[column]
	if !ok || !known {
		return false
	}
	return w.hasFrom && b.Max.Kind() == value.KindTimestamp && b.Max.Int() < w.from || w.hasTo && b.Min.Kind() == value.KindTimestamp && b.Min.Int() >= w.to
}
