// Package audit proves that what was served is what training would have seen (docs/data-path.md §7).
//
// Log keeps what a server answered: it is handed each vector with what that was read by, and writes Parquet files by hour, one folder for
// each view (log.go, file.go). Predictions keeps what endpoints answered, by endpoint (predictions.go). Both are a journal (journal.go, part.go): nothing of
// it ever holds a request back; what it cannot take in it leaves out and counts.
//
// Evaluate joins predictions with their labels and vectors, and says how good they were (evaluate.go, labels.go) and what has drifted (compared.go; docs/models.md §8);
// the rows of a label source find their predictions by keys (truth.go), which these have themselves (asked.go).
//
// Run computes the same rows again (audit.go): first with the batch engine over all that history has by now, then, where that differs
// beyond the promise of docs/semantics.md §4, once more by definition, of only those rows that the online store could know of when it
// answered (evidence.go, known.go). A difference that these rows explain has the name of what came too late (class.go); one that they do not
// explain is skew, of which there must be none.
//
// The room knows plans and engines by their interface, and tables. It does not know stores, nor how requests are answered: a server
// knows it as a serve.Recorder and a predict.Recorder.
package audit
