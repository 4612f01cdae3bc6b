// Package ranges answers questions about ranges of positions in an array: how many, what sum, which least value lie in [lo, hi).
//
// The engine sorts the events of some keys by key and time, so that what a window sees is a contiguous range of positions; an
// aggregation is then a question about a range. Two families:
//
//   - Static structures are built once over the whole array and asked in any order. What can be taken back exactly (integers) is a
//     difference of prefix sums; what cannot (sums of floats, extremes, moments) is put together from blocks, never by subtraction.
//     A block may hold positions of several keys: no range reaches over a key's end, so such a block is never used whole.
//   - Moving structures (Bag, Tree, Present) hold a set that grows and shrinks: the values in a window as it slides, or the events that are
//     known so far.
//
// The package knows numbers and orders, and nothing of events, windows or aggregations. A structure is built by one goroutine and, when
// static, read by many. A new one is one file and its test against a loop.
package ranges
