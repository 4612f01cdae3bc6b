// Package part is the contract between what Flink writes of a tile and what reads it. Flink keeps a tile in parts, because one of its
// aggregations can be counted by the rows that are in it and another can't: the part "scalars" has every fold that is one cell or one map
// in a row, with how many rows are in it; each bounded list is a part of its own; and what is under by is a part with a record for each
// string.
//
//	layout.go  which parts a space's tiles come in, and what Flink can't fold
//	folds.go   each fold as columns of a part, and as the state that is made of them: the one table of kinds
//	order.go   values as texts that stand in the values' order, and back
//	bits.go    floats as their bits, in SQL
//	query.go   a part as a query of Flink's
//	record.go  a record of the compacted topic
//	merge.go   what of a record stands when another came before it
//
// Writing and reading stand side by side so that they can't drift. The package knows no Kafka and no gateway; package flink prints what
// stands around the parts, and who reads the topic keeps the tiles.
package part
