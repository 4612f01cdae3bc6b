// Package agg holds the algebra of docs/semantics.md §5: what an aggregation is, and the folds that it is computed by.
//
// An aggregation says four things about itself, each in its own file (avg.go, last_k.go, …): what it takes and gives (Check), what
// its value is (Plain, over the sorted list of events, which the oracle alone uses), which folds it needs (Folds) and how their
// states make the value (Finish, and Text where an expression says it too). A Fold is one of a closed set of mergeable states:
// engines implement folds and never ask which aggregation they serve.
//
// The laws, which laws_test.go checks for every aggregation at once:
//
//	A-merge     merge(state(A), state(B)) = state(A ∪ B), in any order and any split
//	A-identity  the state of no event changes nothing
//	A-code      a state reads back from its encoding, and hostile bytes are an error
//	A-plain     Finish over the folds = Plain over the list, by the promise (promise.go)
//
// where and windows are the engine's: an event that does not count is never added. by is a wrapper over any fold (fold_by.go).
//
// The room must not know engines, stores, plans or definitions. To add an aggregation, write one file with its Aggregation and
// put one line into the table of agg.go; the laws, the examples, the documentation (docs/aggregations.md, by go generate) and the
// engines follow. To add a fold, write its State and one line in the table of fold.go, and teach it to each engine.
package agg

//go:generate go test . -run ^TestDocumentationIsCurrent$ -rewrite
