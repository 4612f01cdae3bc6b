//go:build faults

// Package fault plants named defects: see off.go.
package fault

import "os"

var planted = os.Getenv("BIGHEAD_FAULT")

// Planted reports whether the named defect is planted in this run.
func Planted(name string) bool { return planted == name }
