//go:build unix && !linux

package project

import "os/exec"

// dieWithUs: only Linux tells a child that its parent died.
func dieWithUs(*exec.Cmd) {}
