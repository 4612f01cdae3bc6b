// Package cell makes columns of cells that come one by one, from text and from records: what CSV, JSON, Avro and Protobuf have in
// common once a value has been found.
//
// A [Builder] is one column. It keeps the rules of docs/semantics.md V2, V3 and V5: what cannot be kept becomes null and is counted
// under its reason, and what is not of the column's type is [ErrType], which its caller turns into an error with a place. The Parse
// functions read one cell's text. The package knows values and counts, and nothing of files, topics or formats.
package cell
