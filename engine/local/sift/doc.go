// Package sift says which rows of a source are events (docs/semantics.md E1): those with a time and a whole key that pass the source's
// where and are known at some time, in this order. Training sets, backfills and the stream ask it, so that a row counts for all of them
// or for none, and is missed for the same reason.
//
//	sift.go     rows of a batch, and why the others are none
//	program.go  expressions a column at a time, and the nulls that they make
//
// It works a batch at a time, and where nothing is left out a batch goes through as it is. Copies (E3) are not told here: that takes all
// rows of a day or an id.
package sift
