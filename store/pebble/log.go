package pebble

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What pebble calls files when it makes them: those of its log, and tables by what they are written for.
const (
	walCategory        vfs.DiskWriteCategory = "pebble-wal"
	flushCategory      vfs.DiskWriteCategory = "pebble-memtable-flush"
	compactionCategory vfs.DiskWriteCategory = "pebble-compaction"
)

// A disk is the file system that pebble sees. It does two things to the log, whose folder is logs, and three to all:
//
//  1. It leaves out syncs that no write asked for. That is safe because logs are synced before they are closed: a synced write is never
//     behind a hole in an older log. And the format of tables stays below FormatWALSyncChunks, in which the log itself says how far it
//     was synced, and a tail that a lost power took away would be called damage.
//  2. Its failures are told to fail, and to pebble never, which would panic with some of its locks held. Commit looks there before it
//     says that something is written.
//  3. After a failure that is for good it is frozen: nothing is written, made, renamed or removed any more, as if the process had ended
//     there, which is what pebble relies on. Without that it would lay down again what a manifest that failed has already, or remove
//     it; and write a log behind half a record, which is no damage only at the end.
//  4. It paces flushes and compactions: see pacer.
//  5. It slows down pebble's repeating of a flush or a compaction that failed, which would otherwise take a core.
type disk struct {
	vfs.FS
	logs    string
	fail    func(error)
	synced  atomic.Bool // what is written now must be synced; changed between commits only
	frozen  atomic.Bool
	failing atomic.Bool // the last flush or compaction failed
	pacer   pacer
}

const retryAfter = 200 * time.Millisecond

// Create makes a file.
func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == walCategory {
		return d.newLog(name, func() (vfs.File, error) { return d.FS.Create(name, category) })
	}
	if d.failing.Load() {
		time.Sleep(retryAfter)
	}
	return d.file(category, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

// ReuseForWrite makes a file out of an old one.
func (d *disk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == walCategory {
		return d.newLog(to, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) })
	}
	return d.file(category, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) })
}

func (d *disk) newLog(name string, make func() (vfs.File, error)) (vfs.File, error) {
	f := &logFile{disk: d, name: name}
	f.do("make", func() (err error) { f.File, err = make(); return err })
	if f.File == nil {
		// Pebble is handed a file that takes everything and keeps nothing.
		var err error
		if f.File, err = vfs.NewMem().Create("log", walCategory); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// OpenDir opens a folder.
func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil || name != d.logs {
		return f, err
	}
	return logDir{File: f, disk: d}, nil
}

// attempt does something to the log, unless the disk is frozen. What goes wrong freezes it, by fail.
func (d *disk) attempt(what, name string, f func() error) {
	if d.frozen.Load() {
		return
	}
	if err := f(); err != nil {
		d.fail(fmt.Errorf("%s %s: %w", what, name, err))
	}
}

// A logDir is the folder of the log.
type logDir struct {
	vfs.File
	disk *disk
}

// Sync syncs the folder.
func (f logDir) Sync() error {
	f.disk.attempt("sync", f.disk.logs, f.File.Sync)
	return nil
}

// A logFile is a file of the log.
type logFile struct {
	vfs.File
	disk  *disk
	name  string
	owing atomic.Bool // a sync was left out since the last one
}

// Preallocate takes no room ahead: that of a whole memtable, in each file. What a full disk refuses shows where it is written.
func (f *logFile) Preallocate(int64, int64) error { return nil }

func (f *logFile) do(what string, g func() error) { f.disk.attempt(what, f.name, g) }

// Write appends to the file.
func (f *logFile) Write(b []byte) (int, error) {
	f.do("write", func() error {
		n, err := f.File.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		return err
	})
	return len(b), nil
}

// Sync syncs the file where the write that is made asked for it.
func (f *logFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData is Sync without the file's times.
func (f *logFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *logFile) sync(really func() error) error {
	if !f.disk.synced.Load() {
		f.owing.Store(true)
		return nil
	}
	f.owing.Store(false)
	f.do("sync", really)
	return nil
}

// Close syncs what is owing and closes the file.
func (f *logFile) Close() error {
	if f.owing.Load() {
		f.do("sync", f.File.SyncData)
	}
	if err := f.File.Close(); err != nil {
		f.do("close", func() error { return err })
	}
	return nil
}
