package pebble

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errFrozen is what pebble's later attempts to write come to. Nobody else sees it: every write says first why the disk is frozen.
var errFrozen = errors.New("the folder is left as it is after a failure")

// thaw does something to the disk unless it is frozen.
func (d *disk) thaw(f func() error) error {
	if d.frozen.Load() {
		return errFrozen
	}
	return f()
}

// file opens a file to write, which freezes with the disk.
func (d *disk) file(category vfs.DiskWriteCategory, open func() (vfs.File, error)) (vfs.File, error) {
	if d.frozen.Load() {
		return nil, errFrozen
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	if category == flushCategory || category == compactionCategory {
		f = &pacedFile{File: f, pacer: &d.pacer, since: time.Now()}
	}
	return frozenFile{File: f, disk: d}, nil
}

// Unwrap gives the file system below.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// OpenReadWrite opens a file that is there or makes it.
func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.file(category, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, opts...) })
}

// Link gives a file a second name.
func (d *disk) Link(from, to string) error {
	return d.thaw(func() error { return d.FS.Link(from, to) })
}

// Rename gives a file another name.
func (d *disk) Rename(from, to string) error {
	return d.thaw(func() error { return d.FS.Rename(from, to) })
}

// Remove removes a file.
func (d *disk) Remove(name string) error {
	return d.thaw(func() error { return d.FS.Remove(name) })
}

// RemoveAll removes a folder with what is in it.
func (d *disk) RemoveAll(name string) error {
	return d.thaw(func() error { return d.FS.RemoveAll(name) })
}

// A frozenFile is a file, not of the log, that may be frozen.
type frozenFile struct {
	vfs.File
	disk *disk
}

// Write appends to the file.
func (f frozenFile) Write(b []byte) (int, error) {
	if f.disk.frozen.Load() {
		return 0, errFrozen
	}
	return f.File.Write(b)
}

// WriteAt writes into the file.
func (f frozenFile) WriteAt(b []byte, at int64) (int, error) {
	if f.disk.frozen.Load() {
		return 0, errFrozen
	}
	return f.File.WriteAt(b, at)
}

// Sync syncs the file.
func (f frozenFile) Sync() error { return f.disk.thaw(f.File.Sync) }

// SyncData is Sync without the file's times.
func (f frozenFile) SyncData() error { return f.disk.thaw(f.File.SyncData) }
