package pebble

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walCategory is what pebble calls the files of its log when it makes them.
const walCategory vfs.DiskWriteCategory = "pebble-wal"

// A disk is the file system that pebble sees. It leaves out syncs of the log that no write asked for, and slows down pebble's repeating
// of a flush or a compaction that failed, which would otherwise take a core.
//
// Leaving out a sync is safe because logs are synced before they are closed: a synced write is never behind a hole in an older log. And
// the format of tables stays below FormatWALSyncChunks, in which the log itself says how far it was synced, and a tail that a lost
// power took away would be called damage.
type disk struct {
	vfs.FS
	synced  atomic.Bool // what is written now must be synced; changed between commits only
	failing atomic.Bool // the last flush or compaction failed
}

const retryAfter = 200 * time.Millisecond

// Unwrap gives the file system below.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// Create makes a file.
func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category != walCategory && d.failing.Load() {
		time.Sleep(retryAfter)
	}
	f, err := d.FS.Create(name, category)
	return d.wrap(f, err, category)
}

// ReuseForWrite makes a file out of an old one.
func (d *disk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, to, category)
	return d.wrap(f, err, category)
}

func (d *disk) wrap(f vfs.File, err error, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err != nil || category != walCategory {
		return f, err
	}
	return &logFile{File: f, disk: d}, nil
}

// A logFile is a file of the log.
type logFile struct {
	vfs.File
	disk  *disk
	owing atomic.Bool // a sync was left out since the last one
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
	return really()
}

// Close syncs what is owing and closes the file.
func (f *logFile) Close() error {
	if f.owing.Load() {
		if err := f.File.SyncData(); err != nil {
			f.File.Close()
			return err
		}
	}
	return f.File.Close()
}
