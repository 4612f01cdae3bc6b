//go:build unix

package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAVersionBeingWrittenIsTakenIn has a server look at the catalog in the midst of a write: its files have changed already, and what is written is not
// seen yet, as it is from when the log of the catalog is written until it is on the disk. That nothing else changes afterwards must not keep the
// server from taking in the version that was being written.
func TestAVersionBeingWrittenIsTakenIn(t *testing.T) {
	dir := smallProject(t, soakFeatures)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[serve]\nlisten = \"127.0.0.1:0\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "apply", "--yes")
	l := born(t, dir, newHandClock(t, time.Now().UnixMilli()), childSizes+"=small").up(t)

	db, err := sql.Open("sqlite", "file:"+catalogPath(dir)+"?_txlock=immediate&_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("create table filler (x)"); err != nil { // so that there is a log
		t.Fatal(err)
	}
	log := catalogPath(dir) + "-wal"
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	long, at := size()+4<<20, time.Now().Add(-time.Hour)
	if err := os.Truncate(log, long); err != nil { // what is written from now on makes it no longer
		t.Fatal(err)
	}
	changes := func() { // as the log is while it is being written, and when it is
		t.Helper()
		if err := os.Chtimes(log, at, at); err != nil {
			t.Fatal(err)
		}
	}
	writing, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Rollback() //nolint:errcheck // after Commit it does nothing
	if _, err := writing.Exec("insert into versions select id + 1, at, by, entries, definitions from versions"); err != nil {
		t.Fatal(err)
	}
	changes()
	pause(t.Context(), 200*time.Millisecond) // it looks each 10 ms; if it comes to look later only, there is nothing to get wrong
	if err := syscall.Kill(l.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := writing.Commit(); err != nil {
		t.Fatal(err)
	}
	changes()
	if err := syscall.Kill(l.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if now := size(); now != long {
		t.Fatalf("the log has %d bytes, and had %d", now, long)
	}
	awaitedSaying(t, func() string {
		return map[bool]string{true: "it is"}[strings.Contains(l.text(), `"another version is served","version":2`)]
	}, func() string { return "version 2 is not served; it said\n" + l.LogTail(20) })
	l.Stop()
}
