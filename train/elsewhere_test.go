package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// TestColumnsFor finds the columns of a model elsewhere by name, or by place in one tensor; what does not fit is said with what to do.
func TestColumnsFor(t *testing.T) {
	info := func(names ...string) *model.Info {
		out := &model.Info{}
		for _, n := range names {
			out.Inputs = append(out.Inputs, model.Input{Name: n, Type: value.Float})
		}
		return out
	}
	columns := func(names ...string) []transform.Column {
		var out []transform.Column
		for _, n := range names {
			out = append(out, transform.Column{Name: n, Type: value.Float})
		}
		return out
	}
	for _, c := range []struct {
		takes, has, want string // want: the columns, or with a blank the error
	}{
		{"a b c", "c b a", "a,b,c"},
		{"f0 f1 f2", "c b a", "c,b,a"},
		{"f0 f1", "f1 f0", "f1,f0"}, // one tensor: by place, whatever they are called
		{"f0", "f0", "f0"},
		{"f0", "a", "the model takes f0, which are no columns"},
		{"f0 f2", "a b", "the model takes f0, f2, which are no columns"},
		{"f0 f1 f2", "a b", "takes 3 columns in one tensor, and 2 go in: a, b; leave some out, or order them, with bh.select"},
		{"a b", "a b c", "column c goes in, and the model takes a, b alone: leave it out with bh.drop"},
		{"distance b", "distanc b", "the model takes distance, which are no columns that go in: distanc, b; is distance what is called distanc here?; bh.rename"},
	} {
		got, err := columnsFor(info(strings.Fields(c.takes)...), columns(strings.Fields(c.has)...))
		switch {
		case !strings.Contains(c.want, " ") && (err != nil || strings.Join(got, ",") != c.want):
			t.Errorf("%s of %s: %v, %v", c.takes, c.has, got, err)
		case strings.Contains(c.want, " ") && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s of %s: %v, %v", c.takes, c.has, got, err)
		}
	}
	texts := info("f0", "f1")
	texts.Inputs[1].Type = value.String
	if got, err := columnsFor(texts, columns("f1", "f0")); err != nil || !slices.Equal(got, []string{"f0", "f1"}) {
		t.Errorf("texts are tensors of their own: %v, %v", got, err)
	}
}
