package pebble

import (
	"errors"
	"testing"
)

// Damage that is found while the database is being opened is kept, and freezes the disk only when pebble has come back; later it does at once.
func TestDamageFreezesOnceItIsOpen(t *testing.T) {
	s := newState("p", &disk{}, nil)
	s.damaged(errors.New("a flipped bit"))
	if s.disk.frozen.Load() || s.failure() == nil {
		t.Errorf("while it is opened: frozen %t, %v", s.disk.frozen.Load(), s.failure())
	}
	if s.opened(); !s.disk.frozen.Load() {
		t.Error("it is open, and not frozen")
	}
	s = newState("p", &disk{}, nil)
	if s.opened(); s.disk.frozen.Load() {
		t.Error("nothing is damaged, and it is frozen")
	}
	if s.damaged(errors.New("a flipped bit")); !s.disk.frozen.Load() {
		t.Error("damage of an open database does not freeze it")
	}
}
