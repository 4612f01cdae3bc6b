// Package arrow reads and writes Arrow IPC: the file format (.arrow, .feather of version 2) and the stream (.arrows), which is what
// notebooks and other processes exchange. Either is recognised by its first bytes, whatever the name.
//
// It is the only place that knows arrow-go, and of that only arrow, array and ipc. Types: integers of all widths, floats, strings and
// bytes in all layouts, dictionaries by their values, timestamps of all units, dates, decimals as floats with a warning, lists, maps
// with string keys, structs. Written are int64, float64, utf8, binary, timestamp[ms, UTC], date32, list, map, struct, with the
// documentation and fingerprint of columns in the fields' metadata.
//
// To add an Arrow type: its case in typeOf and in cells.
package arrow
