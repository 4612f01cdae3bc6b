//go:build !linux

package eventlog

import "os"

// walOnDisk is a segment's file.
type walOnDisk struct{ *os.File }
