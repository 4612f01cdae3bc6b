package model

import "slices"

// Metric is a figure by which a model is judged. What it is called, and which way is better, is said here alone; evaluate.go computes it, of
// the rows that training held out and of those that were served alike.
type Metric struct {
	Name   string
	Tasks  []Task
	Higher bool // more is better
	Doc    string
}

// metrics are all of them, in the order in which reports list them.
var metrics = []Metric{
	{"auc", []Task{Binary}, true, "the chance that a row of the second class has a higher probability than one of the first, ties counting half"},
	{"average_precision", []Task{Binary}, true, "precision summed over the steps of recall, without interpolation"},
	{"log_loss", []Task{Binary, Multiclass}, false, "the mean of the negative logarithm of the true class's probability"},
	{"brier", []Task{Binary}, false, "the mean squared difference between probability and outcome"},
	{"accuracy", []Task{Binary, Multiclass}, true, "the share of rows whose likeliest class is the true one"},
	{"rmse", []Task{Regression}, false, "the root of the mean squared error"},
	{"mae", []Task{Regression}, false, "the mean absolute error"},
	{"r2", []Task{Regression}, true, "the share of the labels' variance that is explained"},
	{"spearman", []Task{Ranking}, true, "the correlation of the scores' ranks with the labels', ties sharing their mean"},
}

// MetricsOf are those of a task, in the order in which reports list them; nil where there is no such task.
func MetricsOf(t Task) []Metric {
	var out []Metric
	for _, m := range metrics {
		if slices.Contains(m.Tasks, t) {
			out = append(out, m)
		}
	}
	return out
}

// MetricNamed finds a metric, of whichever task.
func MetricNamed(name string) (Metric, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i], true
}

// Tasks are all tasks, in the order in which pages list them.
func Tasks() []Task { return []Task{Binary, Multiclass, Regression, Ranking} }
