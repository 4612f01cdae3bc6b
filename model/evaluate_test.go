package model

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestMetricsEqualScikitLearns compares each metric of each task with what scikit-learn answered for the same rows (testdata/metrics.py).
func TestMetricsEqualScikitLearns(t *testing.T) {
	text, err := os.ReadFile("testdata/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		Task    Task
		Width   int
		Labels  []float64
		Answers []float64
		Want    map[string]float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		var names []string
		for _, m := range MetricsOf(c.Task) {
			names = append(names, m.Name)
		}
		got := Evaluate(names, Truth{Labels: c.Labels, Answers: c.Answers, Width: c.Width})
		for _, name := range names {
			want, ok := c.Want[name]
			if x := got[name]; !ok || math.Abs(x-want) > 1e-12*math.Max(1, math.Abs(want)) {
				t.Errorf("%s: %s is %v, scikit-learn says %v (%v)", c.Name, name, x, want, ok)
			}
			seen[name] = true
		}
	}
	for _, task := range Tasks() {
		for _, m := range MetricsOf(task) {
			if !Computed(m) || !seen[m.Name] {
				t.Errorf("metric %s is computed: %v, compared: %v", m.Name, Computed(m), seen[m.Name])
			}
		}
	}
}

// What rows do not determine is no metric: the AUC of one class, the share of a variance that is none.
func TestMetricsThatRowsDoNotDetermine(t *testing.T) {
	one := Truth{Labels: []float64{1, 1}, Answers: []float64{0.2, 0.4}, Width: 1}
	if got := Evaluate([]string{"auc", "log_loss"}, one); len(got) != 1 || got["log_loss"] == 0 {
		t.Errorf("of one class: %v", got)
	}
	if got := Evaluate([]string{"r2", "spearman", "rmse"}, one); len(got) != 1 || got["rmse"] == 0 {
		t.Errorf("of one value: %v", got)
	}
	if got := Evaluate([]string{"average_precision"}, Truth{Labels: []float64{0, 0}, Answers: []float64{0.2, 0.4}, Width: 1}); len(got) > 0 {
		t.Errorf("of no row of the second class: %v", got)
	}
}
