package hive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// The classes that read and write Parquet in Hive.
const (
	parquetInput  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
	parquetSerde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
)

// tableObject is a new table as the metastore takes it: external, so that dropping it leaves the rows.
func tableObject(p Place, inner, schema value.Schema, keys []int, location string) object {
	fields := func(s value.Schema) (out []any) {
		for _, f := range s {
			out = append(out, object{1: strings.ToLower(f.Name), 2: hiveType(f.Type)})
		}
		return out
	}
	var partitioned value.Schema
	for _, k := range keys {
		partitioned = append(partitioned, schema[k])
	}
	serde := object{1: p.Table, 2: parquetSerde, 3: mapping{"serialization.format": "1"}}
	sd := object{1: fields(inner), 2: location, 3: parquetInput, 4: parquetOutput, 5: false, 6: int32(-1), 7: serde, 8: []any{}, 9: []any{}, 10: mapping{}}
	return object{
		1: p.Table, 2: p.Database, 3: "bighead", 4: int32(time.Now().Unix()), 7: sd, 8: fields(partitioned),
		9: mapping{"EXTERNAL": "TRUE", "bighead": "true"}, 12: "EXTERNAL_TABLE",
	}
}

// Close commits: the rows are in the table, or there is an error and the table is as it was.
func (w *writer) Close() error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	err := w.commit()
	w.err = errors.New("the writer is closed")
	os.RemoveAll(w.stage)
	if err != nil {
		for _, p := range w.parts {
			p.writer.Abort()
		}
		return fmt.Errorf("%s: %w", w.place.title(), err)
	}
	return nil
}

func (w *writer) commit() (err error) {
	for _, name := range w.order {
		if err := w.parts[name].writer.Close(); err != nil {
			return err
		}
	}
	s, err := w.tables.open(w.ctx)
	if err != nil {
		return err
	}
	defer s.close()
	var undo undoing
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run())
		}
	}()
	if w.made {
		if err := undo.folders(w.folder); err != nil {
			return err
		}
		if _, err := s.call("create_table", object{1: w.raw}); err != nil {
			return fmt.Errorf("it could not be made: %w", err)
		}
		undo.add(func() error {
			_, err := s.call("drop_table", object{1: w.place.Database, 2: w.place.Table, 3: false})
			return err
		})
	}
	if len(w.keys) == 0 {
		if err := w.move(w.parts[""], w.folder); err != nil {
			return err
		}
		undo = nil // it is seen
		return s.forgetTable(w.place, w.raw)
	}
	return w.commitPartitions(s, &undo)
}

// commitPartitions moves the files of new partitions, registers those all at once, and replaces files of the others.
func (w *writer) commitPartitions(s *session, undo *undoing) error {
	registered, err := s.registered(w.place, w.order)
	if err != nil {
		return err
	}
	var added []any
	var changed []object
	var replace []func() error
	for _, name := range w.order {
		p := w.parts[name]
		if r, ok := registered[strings.Join(p.values, "\x00")]; ok {
			dir, err := w.tables.folder(r.object(6).text(2))
			if err != nil {
				return fmt.Errorf("partition %s %w", name, err)
			}
			changed = append(changed, r)
			replace = append(replace, func() error { return w.move(p, dir) })
			continue
		}
		dir := filepath.Join(w.folder, filepath.FromSlash(name))
		if err := w.unclaimed(name, dir); err != nil {
			return err
		}
		if err := undo.folders(dir); err != nil {
			return err
		}
		if err := w.move(p, dir); err != nil {
			return err
		}
		undo.add(func() error { return os.Remove(filepath.Join(dir, w.file)) })
		added = append(added, w.partitionObject(name, p.values))
	}
	if len(added) > 0 {
		r := object{1: w.place.Database, 2: w.place.Table, 3: added, 4: true, 5: false}
		if _, err := s.call("add_partitions_req", object{1: r}); err != nil {
			return fmt.Errorf("its partitions could not be registered: %w", err)
		}
	}
	*undo = nil // what is new is seen
	for _, r := range replace {
		if err := r(); err != nil {
			return fmt.Errorf("some partitions have their new rows, others the old ones; run again: %w", err)
		}
	}
	return s.forgetPartitions(w.place, changed)
}

// unclaimed refuses files of others in the folder of a partition that is not registered: they would be seen with it.
func (w *writer) unclaimed(name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil //nolint:nilerr // it is not there, or making it will say why not
	}
	for _, e := range entries {
		if e.Name() != w.file && !strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(e.Name(), "_") {
			return fmt.Errorf("partition %s is not registered, but its folder has %s, which would be seen with it: register it (MSCK REPAIR TABLE), or remove the folder", name, filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// move gives staged rows their place, over those of a run before.
func (w *writer) move(p *part, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Rename(p.path, filepath.Join(dir, w.file))
}

// partitionObject is a new partition: the table's storage at a place of its own.
func (w *writer) partitionObject(name string, texts []string) object {
	sd := object{}
	for k, v := range w.raw.object(7) {
		sd[k] = v
	}
	sd[2] = strings.TrimSuffix(sd.text(2), "/") + "/" + name
	values := make([]any, len(texts))
	for i, t := range texts {
		values[i] = t
	}
	return object{1: values, 2: w.place.Database, 3: w.place.Table, 4: int32(time.Now().Unix()), 6: sd, 7: mapping{}}
}

// undoing is what takes back the steps so far, the last first.
type undoing []func() error

func (u *undoing) add(f func() error) { *u = append(*u, f) }

// folders makes a folder and those above it that are not there.
func (u *undoing) folders(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], 0o755); err != nil {
			return err
		}
		u.add(func() error { return os.Remove(missing[i]) })
	}
	return nil
}

func (u *undoing) run() error {
	var all []error
	for i := len(*u) - 1; i >= 0; i-- {
		all = append(all, (*u)[i]())
	}
	return errors.Join(all...)
}

// registered are the partitions that there are of those names, by their values.
func (s *session) registered(p Place, names []string) (map[string]object, error) {
	out := map[string]object{}
	for at := 0; at < len(names); at += partitionsAtOnce {
		var some []any
		for _, n := range names[at:min(len(names), at+partitionsAtOnce)] {
			some = append(some, n)
		}
		r, err := s.call("get_partitions_by_names", object{1: p.Database, 2: p.Table, 3: some})
		if err != nil {
			return nil, err
		}
		for _, x := range r.objects(0) {
			out[strings.Join(x.texts(1), "\x00")] = x
		}
	}
	return out, nil
}

// statistics are what others have counted of rows that are no longer there; Hive may answer count(*) by them.
var statistics = []string{"COLUMN_STATS_ACCURATE", "numRows", "rawDataSize", "numFiles", "totalSize", "spark.sql.statistics.numRows", "spark.sql.statistics.totalSize"}

func forget(o object, id int16) bool {
	m, _ := o[id].(mapping)
	before := len(m)
	for _, k := range statistics {
		delete(m, k)
	}
	return len(m) < before
}

func (s *session) forgetTable(p Place, raw object) error {
	if !forget(raw, 9) {
		return nil
	}
	_, err := s.call("alter_table", object{1: p.Database, 2: p.Table, 3: raw})
	return err
}

func (s *session) forgetPartitions(p Place, changed []object) error {
	var some []any
	for _, r := range changed {
		if forget(r, 7) {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		return nil
	}
	_, err := s.call("alter_partitions", object{1: p.Database, 2: p.Table, 3: some})
	return err
}
