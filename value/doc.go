// Package value holds what everything else is made of: types, values, columns, keys, event time and their canonical encodings
// (docs/semantics.md §1).
//
// It knows no expressions, no files and no engines. A Value is one cell; a Column is a vector of cells of one type with a bitmap of
// nulls; a Batch is columns of one length. Values and columns handed to another package are never written to again.
//
// The canonical encoding (encode.go) is typed, self-delimiting and ordered: comparing encodings byte by byte is comparing values
// by §1. Keys of stores, hashes of buckets and states of folds all use it.
package value
