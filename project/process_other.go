//go:build !unix

package project

import "os/exec"

func ownGroup(cmd *exec.Cmd) { cmd.Cancel = func() error { return killGroup(cmd) } }

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
