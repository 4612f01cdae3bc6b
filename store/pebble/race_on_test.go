//go:build race

package pebble

// raced says that pebble checks itself, as it does under the race detector. One of its checks does not hold once a new version of its tables could
// not be written: a compaction that fails beside it finds the marks of that version on tables of the one before, and panics. So tests whose
// disk fails leave compactions out there.
const raced = true
