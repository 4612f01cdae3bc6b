package serve_test

import (
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// none records nothing, and hears what it is asked for.
type none struct{ keys []uint64 }

func (n *none) Samples(key uint64) bool {
	n.keys = append(n.keys, key)
	return false
}
func (*none) Begin(*feature.View, int) *feature.Served { panic("nothing is sampled") }
func (*none) Record(*feature.Served)                   { panic("nothing was begun") }

// What predictions are recorded by is a hash of the row's keys alone: the same whether vectors are recorded or not, in every process, and for whatever columns.
func TestKeyHash(t *testing.T) {
	rows := []serve.Row{{Values: row("a")}, {Values: row("b")}, {Values: []value.Value{value.OfString("a"), value.OfInt(3)}}, {Values: row("a")[:1]}}
	ids := []string{"1", "2", "3", "4"}
	keys := func(o serve.Options, ids []string, features ...string) (out [4]uint64) {
		t.Helper()
		r, err := newSmall(t, o).Features(t.Context(), serve.Request{View: "v", Features: features, Rows: rows, Predictions: ids})
		if err != nil {
			t.Fatal(err)
		}
		for i := range out {
			out[i] = r.Rows[i].KeyHash
		}
		return out
	}
	heard := &none{}
	want := keys(serve.Options{Recorder: heard}, nil)
	if want[0] == 0 || want[1] == 0 || want[0] == want[1] || want[2] != want[0] || want[3] != 0 {
		t.Errorf("%v", want)
	}
	if len(heard.keys) != 3 || heard.keys[0] != want[0] || heard.keys[1] != want[1] {
		t.Errorf("vectors are sampled by %v, predictions by %v", heard.keys, want)
	}
	if got := keys(serve.Options{}, ids, "y", "g__x_sum_1h"); got != want {
		t.Errorf("without a record of vectors %v, with one %v", got, want)
	}
	if got := keys(serve.Options{}, nil); got != [4]uint64{} {
		t.Errorf("where nothing is predicted nor recorded: %v", got)
	}
}
