package model

import (
	"errors"
	"testing"
)

// TestLabelOf reads labels as people and systems write them.
func TestLabelOf(t *testing.T) {
	words, truths, numbers := []string{"a", "b", "c"}, []string{"false", "true"}, []string{"1.5", "3", "10"}
	for _, c := range []struct {
		task    Task
		text    string
		names   []string
		classes int
		want    float64
		wrong   bool
		none    bool
	}{
		{Regression, "1.5", nil, 0, 1.5, false, false}, {Ranking, "-2e3", nil, 0, -2000, false, false}, {Regression, `"1.5"`, nil, 0, 0, true, false}, {Regression, "true", nil, 0, 0, true, false},
		{Regression, "1e999", nil, 0, 0, true, false},
		{Binary, "true", truths, 2, 1, false, false}, {Binary, `"false"`, truths, 2, 0, false, false}, {Binary, "1", truths, 2, 0, true, false},
		{Binary, "1", nil, 2, 1, false, false}, {Binary, "0.0", nil, 1, 0, false, false}, {Binary, "2", nil, 2, 0, true, false}, {Binary, "0.5", nil, 2, 0, true, false}, {Binary, "true", nil, 2, 0, true, false},
		{Multiclass, `"b"`, words, 3, 1, false, false}, {Multiclass, `"d"`, words, 3, 0, true, true}, {Multiclass, "3.0", numbers, 3, 1, false, false}, {Multiclass, "2", nil, 3, 2, false, false},
		{Multiclass, "3", nil, 3, 0, true, true}, {Multiclass, "-1", nil, 3, 0, true, true}, {Multiclass, "null", words, 3, 0, true, false}, {Multiclass, "{}", words, 3, 0, true, false}, {Multiclass, "", words, 3, 0, true, false},
	} {
		got, err := c.task.LabelOf(c.text, c.names, c.classes)
		if got != c.want || (err != nil) != c.wrong || errors.Is(err, ErrNoClass) != c.none {
			t.Errorf("%s %s of %v: %v, %v", c.task, c.text, c.names, got, err)
		}
	}
}
