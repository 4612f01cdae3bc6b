//go:build !unix

package python

import "os/exec"

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func isBrokenPipe(error) bool { return false }
