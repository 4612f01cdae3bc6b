// Package train makes a trained model of a training set's rows (docs/models.md §3): it parts them by time, fits the pipeline, makes the
// environment, runs the user's function in a process of its own, compares what the runtime answers with what the framework answered, and
// computes the metrics.
//
// It knows no engines, no stores and no runtimes: rows come as a table, runtimes as functions that open files. To add a framework, see
// bighead/_frameworks.py; to add a metric, its line in package model and its function in metrics.go.
package train
