// Package dataset holds events and tables: rows in files that are read in batches, and rows written so that other programs read them.
//
// It knows types and batches (package value), and nothing of features, keys or engines. A Table is a file, a folder or a
// hive-partitioned folder of one format; formats live in leaf folders (parquet, text, arrow) and only cmd/bighead/wire.go names
// them. Everything that is the same for all formats stands here once: finding files and partitions, agreement of schemas, skipping
// by ranges, reading in parallel in a fixed order, and committing output by rename.
//
// To add a format: a folder with a type that implements Format, one line in wire.go, and a call of datasettest.Run in its test.
//
// What a reader cannot keep it makes null and counts, column by column (docs/semantics.md V2, V3, V5); everything else that is
// wrong with a file is an error that names the file, the column and the cure.
package dataset
