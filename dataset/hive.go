package dataset

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// hiveNull is what Hive and Spark name the folder of a null.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// partitions are the columns that folders like day=2024-01-31 hold.
type partitions struct {
	schema value.Schema
	rows   [][]value.Value // by file
}

type folderValue struct {
	text string
	null bool
}

// readPartitions makes columns of the folders' names. Types are the declared ones, else date where all values are dates, int where
// all are ints, else string.
func readPartitions(files []found, declared value.Schema) (partitions, error) {
	var p partitions
	var names []string
	cells := make([][]folderValue, len(files))
	for i, f := range files {
		keys, values, err := parseFolders(f.folders)
		if err != nil {
			return p, fmt.Errorf("%s: %w", f.path, err)
		}
		if i == 0 {
			names = keys
		} else if !slices.Equal(names, keys) {
			return p, fmt.Errorf("%s is partitioned by [%s], but %s by [%s]; name one of the two kinds alone, with a glob",
				f.path, strings.Join(keys, ", "), files[0].path, strings.Join(names, ", "))
		}
		cells[i] = values
	}
	p.rows = make([][]value.Value, len(files))
	for j, name := range names {
		t, ok := declared.Lookup(name)
		if !ok {
			t = inferPartition(cells, j)
		}
		p.schema = append(p.schema, value.Field{Name: name, Type: t})
		for i := range files {
			v, err := partitionValue(t, cells[i][j])
			if err != nil {
				return p, fmt.Errorf("%s: partition column %q: %w", files[i].path, name, err)
			}
			p.rows[i] = append(p.rows[i], v)
		}
	}
	return p, nil
}

func parseFolders(folders []string) (keys []string, values []folderValue, err error) {
	for _, f := range folders {
		key, text, ok := strings.Cut(f, "=")
		if !ok || key == "" {
			continue
		}
		key, text = unescape(key), unescape(text)
		if !utf8.ValidString(key) || !utf8.ValidString(text) {
			return nil, nil, fmt.Errorf("folder %q is not UTF-8; rename it", f)
		}
		if slices.Contains(keys, key) {
			return nil, nil, fmt.Errorf("partition column %q stands twice in the path", key)
		}
		keys, values = append(keys, key), append(values, folderValue{text, text == hiveNull})
	}
	return keys, values, nil
}

// unescape undoes the %XX of Hive and Spark; a name with a stray % is taken as it is, as they do.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func inferPartition(cells [][]folderValue, j int) value.Type {
	for _, t := range []value.Type{value.Date, value.Int} {
		some, all := false, true
		for _, row := range cells {
			if row[j].null {
				continue
			}
			_, err := partitionValue(t, row[j])
			some, all = true, all && err == nil
		}
		if some && all {
			return t
		}
	}
	return value.String
}

func partitionValue(t value.Type, c folderValue) (value.Value, error) {
	switch {
	case c.null:
		return value.Value{}, nil
	case t.Kind == value.KindString:
		return value.OfString(c.text), nil
	case t.Kind == value.KindInt:
		if i, err := strconv.ParseInt(c.text, 10, 64); err == nil {
			return value.OfInt(i), nil
		}
	case t.Kind == value.KindDate:
		if d, ok := value.ParseDate(c.text); ok {
			return value.OfDate(d), nil
		}
	default:
		return value.Value{}, fmt.Errorf("declared as %s, but the values of folders are string, int or date", t)
	}
	return value.Value{}, fmt.Errorf("%q is not %s; rename the folder, or declare the column as bh.String", c.text, value.An(t.String()))
}
