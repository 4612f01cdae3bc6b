package stream

import (
	"testing"
	"time"
)

// A write is put off only while records wait that came long ago: who is up to date sees what happens within the group's flush, however long
// writing takes.
func TestWritesArePutOffOnlyBehind(t *testing.T) {
	w := newWorld(t, newMemoryStore(true))
	w.open(clicks(t, nil, count()))
	w.push(click(1, 0))
	w.flush()
	l := w.source("clicks").main
	x := l.spaces[0]
	w.kill() // what the loop owns is the test's now
	now := w.o.Clock()
	flush := time.Duration(x.Group.Flush) * time.Millisecond
	for _, c := range []struct {
		unread int64
		age    int64 // of the last record read, ms
		took   time.Duration
		want   time.Duration
	}{
		{0, 10 * behindBy, time.Second, flush},
		{1, behindBy, time.Second, flush},
		{1, behindBy + 1, time.Second, time.Second},
		{1, behindBy + 1, 200 * time.Millisecond, 600 * time.Millisecond},
		{1, behindBy + 1, 0, flush},
	} {
		l.next, x.heard, x.took = l.source.log.Next()-c.unread, now-c.age, c.took
		if got := x.delay(l.behind(x)); got != c.want {
			t.Errorf("%+v: a change waits %v", c, got)
		}
	}
}
