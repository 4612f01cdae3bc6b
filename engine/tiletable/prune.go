package tiletable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Pruned is what was removed of a set.
type Pruned struct {
	Source string
	Keys   []string
	Folds  []string // what they fold, as Column.Fold; their fingerprints say nothing to anybody
	Cells  int64    // (fold, day)
	Files  int
	Bytes  int64 // of the files
}

// Prune removes the cells of folds that are not live, in every set of the table, in its order on disk. A file that holds other folds too
// stays whole until those are made anew or are no longer live; a set of which nothing is left goes with its folder. Each set is changed
// all or not at all.
func (l *Lock) Prune(live func(Column) bool) ([]Pruned, error) {
	ids, err := l.table.ids()
	if err != nil {
		return nil, err
	}
	var out []Pruned
	for _, id := range ids {
		e, err := l.Edit(id)
		if err != nil {
			return out, err
		}
		p, err := e.prune(live)
		if err != nil {
			return out, err
		}
		if p.Folds != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// ids are the sets that the table has.
func (t *Table) ids() ([]ID, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, err
	}
	var out []ID
	for _, e := range entries {
		path := filepath.Join(t.dir, e.Name(), manifestName)
		b, err := os.ReadFile(path)
		if !e.IsDir() || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		id, err := idOf(b)
		if err == nil && id.folder() != e.Name() {
			err = errors.New("it is of another source or key than its folder")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: the manifest is damaged; remove the folder and run `bighead backfill`", path, err)
		}
		out = append(out, id)
	}
	return out, nil
}

// idOf is the source and key that a manifest is of; Set looks at all else.
func idOf(b []byte) (ID, error) {
	var sig signed
	var m manifest
	if err := json.Unmarshal(b, &sig); err != nil {
		return ID{}, err
	}
	if err := json.Unmarshal(sig.Manifest, &m); err != nil {
		return ID{}, err
	}
	id := ID{Source: m.Source}
	for _, k := range m.Keys {
		t, err := value.ParseType(k.Type)
		if err != nil {
			return ID{}, err
		}
		id.Keys = append(id.Keys, value.Field{Name: k.Name, Type: t})
	}
	return id, nil
}

// prune removes the cells of a set's folds that are not live.
func (e *Edit) prune(live func(Column) bool) (Pruned, error) {
	p := Pruned{Source: e.id.Source, Keys: e.id.Keys.Names()}
	dead := make([]bool, len(e.folds))
	for i, f := range e.folds {
		if dead[i] = !live(f); dead[i] {
			p.Folds = append(p.Folds, f.Fold)
		}
	}
	if p.Folds == nil {
		return p, nil
	}
	next := &Set{id: e.id, dir: e.folder, folds: e.folds, parts: e.parts}
	was := map[string]int64{}
	for _, c := range e.cells {
		left := *c
		left.folds = slices.DeleteFunc(slices.Clone(c.folds), func(f int32) bool { return dead[f] })
		p.Cells += (c.To - c.From) * int64(len(c.folds)-len(left.folds))
		if c.File != "" {
			was[c.File] = c.Bytes
		}
		if len(left.folds) > 0 {
			next.cells = append(next.cells, &left)
		}
	}
	for name := range next.files() {
		delete(was, name)
	}
	for _, bytes := range was {
		p.Files++
		p.Bytes += bytes
	}
	all := make([]int32, len(next.parts)) // what was learnt of them stays
	for i := range all {
		all[i] = int32(i)
	}
	next.compact(all)
	next.index = next.makeIndex()
	if err := e.become(next); err != nil {
		return p, err
	}
	if len(next.cells) > 0 {
		return p, nil
	}
	if err := os.RemoveAll(e.folder); err != nil {
		return p, fmt.Errorf("remove a set of which nothing is left: %w", err)
	}
	return p, nil
}
