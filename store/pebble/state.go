package pebble

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bighead-ml/bighead/store"
)

// A state hears what pebble says of itself: it is its logger and gets its events, some of them while pebble holds its own locks.
type state struct {
	path string
	disk *disk
	log  *slog.Logger

	mu      sync.Mutex
	failed  error // for good: what was to be written last may be lost
	trouble error // of the last flush or compaction, which is tried again
	opening bool  // pebble has not come back from opening the database
}

func newState(path string, d *disk, log *slog.Logger) *state {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &state{path: path, disk: d, log: log.With("store", path), opening: true}
}

// Infof logs what pebble does.
func (s *state) Infof(format string, args ...any) { s.log.Debug(fmt.Sprintf(format, args...)) }

// Errorf logs what went wrong and is tried again.
func (s *state) Errorf(format string, args ...any) { s.log.Warn(fmt.Sprintf(format, args...)) }

// Fatalf is called where pebble would end the process. It returns, so that a write can say what happened: every caller in pebble then
// goes on to return an error or, at the end of a commit, nothing, after which commit looks here.
func (s *state) Fatalf(format string, args ...any) { s.fail(fmt.Errorf(format, args...)) }

// fail refuses writes from now on and freezes the disk, in this order: what a frozen disk leaves out in silence must not be taken for
// written by a commit that looks for a failure meanwhile. The first reason is kept.
func (s *state) fail(err error) {
	s.mu.Lock()
	if s.failed == nil {
		s.failed = err
	}
	s.mu.Unlock()
	s.disk.frozen.Store(true)
	s.log.Error("the online store has failed", "error", err)
}

// damaged refuses writes since files are damaged. While pebble opens the database the disk is frozen only after: an opening that fails takes
// what it has opened away from under what has begun beside it, a panic that ends the process (v2.1.7).
func (s *state) damaged(err error) {
	s.mu.Lock()
	later := s.opening
	if later && s.failed == nil {
		s.failed = err
	}
	s.mu.Unlock()
	if later {
		s.log.Error("the online store is damaged", "error", err)
		return
	}
	s.fail(err)
}

// opened notes that pebble has come back.
func (s *state) opened() {
	s.mu.Lock()
	s.opening = false
	failed := s.failed
	s.mu.Unlock()
	if failed != nil {
		s.disk.frozen.Store(true)
	}
}

// failure is why nothing can be written any more, nil while it can.
func (s *state) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		return nil
	}
	return fmt.Errorf("it takes no writes until it is opened again: %w", s.failed)
}

// writable is why nothing can be written now, nil while it can.
func (s *state) writable() error {
	if err := s.failure(); err != nil {
		return s.explain(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil {
		return fmt.Errorf("%w: what was written before cannot be laid down: %w", store.ErrUnavailable, s.trouble)
	}
	return nil
}

// explain names the cure of what pebble calls corruption.
func (s *state) explain(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("its files are damaged: stop, remove the folder %s, and fill the store again: %w", s.path, err)
	}
	return err
}

// laid notes how a flush or a compaction ended.
func (s *state) laid(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err
	s.disk.failing.Store(err != nil)
}

// listener hears events. Pebble reports the end of a flush or compaction, and then, where it failed, a background error; the end alone
// may carry an error that is none, such as that there was nothing left to write.
func (s *state) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			s.log.Warn("the online store could not lay down what was written, and tries again", "error", err)
			if pebble.IsCorruptionError(err) {
				s.damaged(err)
			}
			s.laid(err)
		},
		DataCorruption:  func(i pebble.DataCorruptionInfo) { s.damaged(i.Details) },
		FlushBegin:      func(pebble.FlushInfo) { s.log.Debug("what was written is being laid down") },
		CompactionBegin: func(pebble.CompactionInfo) { s.log.Debug("what was laid down is being merged") },
		FlushEnd:        func(pebble.FlushInfo) { s.laid(nil) },
		CompactionEnd:   func(pebble.CompactionInfo) { s.laid(nil) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { s.log.Warn("the online store holds up writes", "reason", i.Reason) },
		WriteStallEnd:   func() { s.log.Info("the online store takes writes again") },
	}
}
