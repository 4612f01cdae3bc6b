// Package tree runs ensembles of decision trees in pure Go: files of XGBoost, LightGBM and CatBoost, and trees in ONNX, bit for
// bit as the framework adds up.
//
// Three steps, and what each must not know: a reader (xgboost.go, lightgbm.go, catboost.go, onnx.go) turns a file into a forest, which
// says what the file says in words of one kind; check (forest.go) refuses what is no forest, so that nothing after it can run away;
// compile (compile.go) lays the forest out for the walk (walk.go), which knows no format any more.
//
// What keeps the walk exact: numbers are never compared as such. A row's value of a feature becomes its rank among the thresholds that
// the forest has for that feature, once, in float64, where the comparison is the framework's own; the walk then compares small
// integers. Missing values become the least or the greatest rank, so that they need no branch. Leaves are added in the file's order,
// in the framework's width.
//
// Adding a format: a reader that makes a forest, its line in formats (open.go), its files in testdata/, a fuzz target.
package tree
