package serve_test

import (
	"testing"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// A generation is a number and no time: a snapshot table answers for times before 1970 too.
func TestASnapshotOfBefore1970(t *testing.T) {
	p := servetest.Definitions(t, `
p = bh.EntitySource("p", columns={"k": bh.String, "v": bh.Int, "ds": bh.Date}, keys=["k"], snapshot="ds")
g = bh.FeatureGroup("g", source=p, deadline="10m", features=[bh.latest("v")])
v = bh.FeatureView("v", groups=[g])
`)
	s, st, now := plan.SpaceOf(p.Groups[0]), servetest.NewStore(), -5*int64(value.DayMS)
	m := plan.NoMarks
	m.Generation = 3
	key := []value.Value{value.OfString("a")}
	rows := &tile.Rows{Header: tile.Header{Newest: tile.None, Through: tile.None}}
	rows.Add(tile.Row{TS: now - value.DayMS, Tie: []value.Value{value.OfInt(0)}, Cells: []value.Value{value.OfInt(7)}})
	err := st.Write(t.Context(), &store.Write{
		Puts: []store.Put{{Space: s.BatchSpace(3), Key: string(value.AppendKey(nil, key)), Step: plan.WholeStep, Bytes: s.RowLayout().Append(nil, rows)}},
		Meta: []store.MetaPut{{Name: s.MarksName(), Bytes: m.Append(nil)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := open(t, st, p.Views, serve.Options{Clock: func() int64 { return now }})
	got, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: key}}})
	if err != nil || got.Rows[0].Problem != nil || got.Rows[0].Statuses[0] != serve.Present || got.Rows[0].Values[0].Int() != 7 {
		t.Fatalf("%+v %v", got, err)
	}
}
