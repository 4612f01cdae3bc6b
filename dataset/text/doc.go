// Package text reads and writes CSV and NDJSON (JSON lines), plain or compressed with gzip (.gz) or zstd (.zst).
//
// CSV is RFC 4180: UTF-8 (a byte order mark is passed over), commas, a header line, quotes around cells that hold commas, quotes or
// line ends, a quote within doubled. An empty cell is null; a quoted empty cell is the empty string of a string column, null of
// others. Blank lines are passed over, but in a file of one column they are nulls. Lists, maps and structs are JSON within a cell,
// bytes base64.
//
// NDJSON is one JSON object a line; a key that is missing is null. Declared columns are read and other keys let be; where nothing is
// declared, a key that the inference did not see is an error. NaN and Infinity, which Python writes, are taken as numbers that are
// not finite.
//
// Types that are not declared are inferred from the first 4 MiB of up to 16 files, the first, the last and others evenly between:
// of CSV the first that fits all cells among bool, int, float, date, timestamp, string (an int with leading zeros or beyond 64 bits is
// a string, as is a column of nulls alone); of NDJSON what the values are, strings that are all dates or times being such. So the
// types depend on the files alone, and a later cell that does not fit is an error with its line.
//
// Times are RFC 3339, also without a zone (UTC), with a space for the T, or a date alone (midnight). Integers as times need a
// unit (Options.TimeUnits). Text has no place for metadata: documentation and fingerprints of columns are not written.
package text
