// Package coding holds the encodings and compressions of Parquet's pages: streams of values out of bytes, and bytes out of values. It
// knows neither columns nor rows. Decoders give an error where bytes end before values do, and take no more memory than is asked of them.
//
// To add an encoding: a type that implements Decoder and its case in NewDecoder. To add a compression: its case in decompressInto and
// its entry in expansions.
package coding
