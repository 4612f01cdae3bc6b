// Package format holds what Parquet files say about themselves: the footer and page headers, in Thrift's compact protocol
// (https://github.com/apache/parquet-format, parquet.thrift of version 2.11). It knows no values and no types of ours. Every length is
// checked against the bytes that are there, so that damaged bytes are an error and take no memory.
package format
