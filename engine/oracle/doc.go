// Package oracle is the plain definition of what a plan's values are: docs/semantics.md, event by event, for each row anew. It decides
// what is right where the page is silent, and every other engine is compared with it.
//
// It is never optimised. It shares with the rest only values, the typed expressions with their row evaluator, and the aggregations'
// plain definitions: it takes from a plan what is asked, but windows from the features and their edges from its own window.go, and
// reads every row and every column of a source. Nothing here may use plan/window.go, folds or vectorised evaluation.
package oracle
