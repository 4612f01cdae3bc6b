package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is what a process has taken so far, by the kernel's own account.
type Usage struct {
	CPU     float64 // seconds, user and system
	PeakMB  int64
	Written int64 // bytes handed to the disk
}

// clockTicks is how many a second has in /proc: 100 on every Linux that Go runs on.
const clockTicks = 100

// Used reads what a process has taken; there is no such account but on Linux.
func Used(pid int) (out Usage, err error) {
	read := func(name string) string {
		b, e := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if e != nil {
			err = e
		}
		return string(b)
	}
	stat, status, disk := read("stat"), read("status"), read("io")
	if err != nil {
		return out, err
	}
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	for _, f := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return out, fmt.Errorf("/proc/…/stat: %w", err)
		}
		out.CPU += float64(n) / clockTicks
	}
	kb, err := after(status, "VmHWM:")
	if err != nil {
		return out, err
	}
	out.PeakMB = kb / 1024
	out.Written, err = after(disk, "write_bytes:")
	return out, err
}

// after is the number that follows a word at the beginning of a line.
func after(text, word string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc says no %s", word)
}
