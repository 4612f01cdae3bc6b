// Package parquet reads and writes Parquet files as tables of our types.
//
// It is a decoder and encoder of its own rather than a use of parquet-go or arrow-go, for three reasons. Values go from a
// decompressed page straight into the slices of value.Column, with nulls, conversions and counts in the same pass. Every length in
// a file is checked against the bytes that are there before anything is allocated, so a damaged file is an error and never a panic
// or an exhausted memory. And nothing is linked that a feature platform does not need.
//
// Reading, from the bottom up: thrift.go (the compact protocol) → meta.go (footer and page headers) → schema.go (the tree of
// columns and our types) → page.go and codec.go (pages of a column chunk, decompressed) → hybrid.go, plain.go, delta.go (encodings,
// as streams of dense values) → convert.go (to our values) → flat.go and nested.go (rows) → file.go. Writing: shred.go (rows to
// leaf columns) → encode.go (pages) → writer.go.
//
// To add an encoding: a decoder type and its case in newDecoder. To add a codec: its case in decompress. The format is described
// at https://github.com/apache/parquet-format (version 2.11).
package parquet
