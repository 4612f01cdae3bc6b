package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/project"
)

// machineMemory is how many bytes this machine, or the container that the process runs in, has; 0: it does not say.
func machineMemory() int64 {
	has := int64(0)
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, after, ok := strings.Cut(string(b), "MemTotal:"); ok {
			line, _, _ := strings.Cut(after, "kB")
			if n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil {
				has = n << 10
			}
		}
	}
	if b, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil { // "max": as much as there is
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && (has == 0 || n < has) {
			has = n
		}
	}
	return has
}

// portion is what a setting says, and where it says nothing a part of the machine's memory, between the least and the most.
func portion(p *project.Project, key string, of, least, most int64) int64 {
	if n := p.Config.Bytes(key); n > 0 {
		return n
	}
	return min(max(machineMemory()/of, least), most)
}

// streamMemory is for tiles that change: what does not fit is read again from the store with each event.
func streamMemory(p *project.Project) int64 {
	return portion(p, "stream.memory", 16, 256<<20, 1<<30)
}

// storeCache is for blocks of the embedded store.
func storeCache(p *project.Project) int64 {
	return portion(p, "store.cache", 64, 64<<20, 512<<20)
}

// storeMemory is for what the embedded store gathers before it lays it down: a part of its cache.
func storeMemory(p *project.Project) uint64 {
	return uint64(min(max(storeCache(p)/4, pebbleMemory), 64<<20))
}

// serverGarbage is how much garbage may lie about in a server, in percent of what is in use, where GOGC does not say it: what it keeps is large and
// lasts, and to look through it often costs more than the memory.
const serverGarbage = 200

// ballast is memory that is in use by its looks alone: nobody touches it, so it takes none of the machine's. A server that keeps little makes as
// much garbage by the second as one that keeps much, and would be collected every few seconds, each time for as long as a hundred requests take.
var ballast []byte //nolint:unused // it is kept, which is all that it is for

// mostBallast bounds it; twice as much garbage may lie about for it.
const mostBallast = 256 << 20

func collectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(serverGarbage)
	ballast = make([]byte, min(machineMemory()/64, mostBallast))
}
