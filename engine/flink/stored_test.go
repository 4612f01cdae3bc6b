package flink

import (
	"log/slog"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset/kafka"
	"github.com/bighead-ml/bighead/engine/flink/reader"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	stores "github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/value"
)

// stored has the reader of Flink's tiles put what stands in the topic into a store, as `up` does, and demands of the tiles that servers then find there that
// they are those that the parts make.
func (q *question) stored(t *testing.T, brokers string) {
	t.Helper()
	topics, err := kafka.New(kafka.Config{Brokers: []string{brokers}, Group: "stored", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer topics.Close()
	st := stores.New()
	defer st.Close()
	// As of the first of all days: what is asked of long ago would be let go.
	r := reader.Open(reader.Options{Store: st, Topics: topics, Clock: func() int64 { return plan.FirstDay }})
	defer func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Add(t.Context(), reader.Space{Layout: q.job.Layout, Topic: q.job.Topic, Source: q.group.Source.Place.Topic, Since: plan.MinTime}); err != nil {
		t.Fatal(err)
	}
	for {
		s := r.Status()[0]
		if s.Counts.Records >= q.came && s.Held == "" {
			if s.Counts.Malformed+s.Counts.Late+s.Counts.Behind > 0 || s.Stopped != "" {
				t.Errorf("%s: the reader leaves parts out: %+v", q.name, s)
			}
			break
		}
		if s.Stopped != "" || t.Context().Err() != nil {
			t.Fatalf("%s: the reader has stopped: %+v, of %d records", q.name, s, q.came)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.compareStored(t, st)
}

func (q *question) compareStored(t *testing.T, st store.Store) {
	t.Helper()
	want, n := 0, 0
	for _, tiles := range q.tiles {
		want += len(tiles)
	}
	for _, l := range q.space.Levels {
		err := st.Scan(t.Context(), q.space.ID, l.Step, func(key string, start int64, b []byte) error {
			tile, err := q.space.Layout().Decode(b)
			if err != nil {
				return err
			}
			n++
			there := q.tiles[key][place{l.Step, start}]
			if there == nil {
				t.Errorf("%s: a tile of %d ms at %s is stored, and has no part", q.name, l.Step, value.FormatTimestamp(start))
				return nil
			}
			for i, f := range q.space.Folds[:q.space.Tiled] {
				if a, b := agg.AppendState(nil, tile.State(i)), agg.AppendState(nil, there[i]); string(a) != string(b) {
					t.Errorf("%s: of a tile of %d ms at %s fold %s is stored as %x, and its parts make %x", q.name, l.Step, value.FormatTimestamp(start), f.Fold.ID(), a, b)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != want {
		t.Errorf("%s: %d tiles are stored, %d have parts", q.name, n, want)
	}
}
