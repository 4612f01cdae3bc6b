package enginetest

import (
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Tile names the state of a fold in one tile of one key.
type Tile struct {
	Fold int    // of the set
	Key  string // its canonical encoding
	At   int64  // when the tile begins, ms
}

// TilesIn are the states that a table of tiles has of a set, as they are encoded, tiles without an event that the fold counts left out. A cell
// that is not up to date with the source's table is an error.
func TilesIn(tiles *tiletable.Table, s *plan.TileSet, table dataset.Table) (map[Tile]string, error) {
	id := tiletable.ID{Source: s.Source.Name}
	for _, k := range s.Keys {
		id.Keys = append(id.Keys, value.Field{Name: k.Name, Type: k.Type})
	}
	set, err := tiles.Set(id)
	if err != nil {
		return nil, err
	}
	out := map[Tile]string{}
	parts := tiles.Parts(table, s.Source, set)
	from, to := tiletable.Days(parts)
	for _, span := range set.Spans(parts, from, to) {
		for i := range s.Folds {
			f := &s.Folds[i]
			column := tiletable.Column{Fingerprint: f.ID, Fold: f.Fold.Fold.ID()}
			cell, verdict := set.Look(&span, column, f.Step)
			if verdict != tiletable.Good {
				return nil, fmt.Errorf("fold %d on %s is %s", i, value.FormatDate(span.From), verdict)
			}
			if cell == nil || cell.File == "" {
				continue
			}
			if err := tilesOf(set, cell, i, column, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func tilesOf(set *tiletable.Set, cell *tiletable.Cell, fold int, column tiletable.Column, out map[Tile]string) error {
	file, err := set.Open(cell)
	if err != nil {
		return err
	}
	defer file.Close()
	for b := range file.Buckets() {
		bucket, err := file.Load(b, []int{file.Column(column.Fingerprint)})
		if err != nil {
			return err
		}
		for k, key := range bucket.Keys {
			for i := bucket.From[k]; i < bucket.From[k+1]; i++ {
				if state := bucket.States[0][i]; len(state) > 0 {
					out[Tile{fold, string(key), bucket.Times[i]}] = string(state)
				}
			}
		}
	}
	return nil
}
