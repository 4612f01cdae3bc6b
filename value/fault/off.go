//go:build !faults

// Package fault plants named defects, so that the corpus can prove that it notices each of them (docs/house.md, rule 4).
//
// A place where a defect would be plausible asks fault.Planted("name") and does the wrong thing where it is true. Without the build tag
// `faults` that is the constant false and costs nothing; with it, the environment variable BIGHEAD_FAULT names the one that is planted.
// Names lists them all; a test fails on one that no script and no random case notices.
package fault

// Planted is false: nothing is planted without the build tag.
func Planted(string) bool { return false }
