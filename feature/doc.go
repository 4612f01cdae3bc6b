// Package feature holds definitions and what they mean: what the Python SDK recorded (definition.go, read by codec.go), what is wrong
// with it (check.go and a file for each kind of definition), and the typed, resolved form that everything below is built on (ir.go),
// with fingerprints (fingerprint.go).
//
// Check reports all mistakes at once. A mistake has a number (codes.go) that never changes its meaning, a method that holds its words,
// its cure and the names that may have been meant (errors.go, mistakes_*.go), a place in the author's file, and an explanation
// (help.md). Package report prints them. One cause is reported once: what is built on a definition that is not right is checked as far
// as that goes and otherwise left alone (scope.unknown, viewState.mayHave, groupState.flawed).
//
// The room knows types, expressions and aggregations. It does not know files (Options.Schema reads them), plans or stores, and of engines
// only what expr and agg say that they lack (engines.go, X9).
//
// To add a mistake: a number and a title in codes.go, a method beside its kin, a section in help.md, a script under testdata/check
// that provokes it; a test fails until all of them are there. To add an argument: a field in definition.go with the format's version
// raised, its check, its place in the IR, and its place in the fingerprint or a case in fingerprint_test.go that says it has none.
package feature
