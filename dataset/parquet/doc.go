// Package parquet reads and writes Parquet files as tables of our types.
//
// It is a decoder and encoder of its own. Beside parquet-go v0.32.0, on one busy machine: reading 10 M rows of 3 columns of zstd takes
// the same CPU (12 to 17 M rows a second and core for both; decompression is most of it), and writing 1 M rows of 17 columns 0.5 s of
// CPU against 1.2 s and more. What decided is damage: of the single bits of two files of a KB flipped one by one under a limit of
// 8 GB, parquet-go's reading ended the process four times for want of memory and eight times took up to 2.8 GiB, mostly inside its
// page decoding, where a caller cannot look first; here every length is held against the bytes that are there before memory is made.
//
// Reading, from the bottom up: format (footer and page headers) and coding (encodings and compressions) → schema.go (the tree of
// columns and our types) → page.go (the pages of a column chunk) → dictionary.go, convert.go (to our values) → flat.go and nested.go
// (rows) → file.go. Writing: shred.go (rows to leaf columns) → leafwriter.go (pages) → writer.go (row groups, footer), sum.go (the footer's checksum).
//
// To add a logical type: its case in conversionOf and conversion.fill.
package parquet
