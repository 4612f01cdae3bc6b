//go:build !unix

package project

import "os/exec"

func OwnGroup(cmd *exec.Cmd) { cmd.Cancel = func() error { return KillGroup(cmd) } }

func KillGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
