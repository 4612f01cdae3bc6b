//go:build !race

package pebble

// raced says that pebble checks itself: see race_on_test.go.
const raced = false
