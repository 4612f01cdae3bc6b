package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// cursor reads the log: from memory what is new, from files what is not there any more.
type cursor struct {
	log    *eventLog
	at     int64 // the next record
	frames *frames
	heads  []head // of the frame that was read last, those not given yet; they end with the next frame
	frame  frame
	sealed *sealedRows
	closed bool
}

// Read gives the records from a place on.
func (l *eventLog) Read(ctx context.Context, from int64) (Cursor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, ErrClosed
	case from < l.first():
		return nil, l.gone(from)
	case from > l.next:
		return nil, fmt.Errorf("read the event log %s from record %d: it ends with record %d, so it is not the log that it was; begin at its start", l.dir, from, l.next-1)
	}
	return &cursor{log: l, at: from}, nil
}

func (l *eventLog) gone(at int64) error {
	return fmt.Errorf("read the event log %s from record %d: it begins with record %d, what came before was let go; begin there", l.dir, at, l.first())
}

// Next waits for the next record.
func (c *cursor) Next(ctx context.Context) (*Record, error) {
	if c.closed {
		return nil, ErrClosed
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, wait, err := c.look()
		if err != nil {
			return nil, err
		}
		if r != nil {
			c.at = r.Sequence + 1
			return r, nil
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// look is the next record, or what is closed when there may be one; neither: look again.
func (c *cursor) look() (*Record, <-chan struct{}, error) {
	l := c.log
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, nil, ErrClosed
	}
	if c.at == l.next {
		if l.grown == nil {
			l.grown = make(chan struct{})
		}
		wait := l.grown
		l.mu.Unlock()
		return nil, wait, nil
	}
	if r := l.recent.at(c.at); r != nil {
		l.mu.Unlock()
		return r, nil, nil
	}
	seg, till, end := l.segmentOf(c.at)
	sealed, ok := l.sealedOf(c.at)
	if seg == nil && !ok {
		err := l.gone(c.at)
		l.mu.Unlock()
		return nil, nil, err
	}
	l.mu.Unlock()
	if seg == nil {
		r, err := c.fromSealed(sealed)
		return r, nil, err
	}
	r, err := c.fromFile(seg, till, end)
	return r, nil, err
}

// fromFile reads the record from a segment, of which the frames before till, and the records before end, are published.
func (c *cursor) fromFile(seg *segment, till, end int64) (*Record, error) {
	if c.frames == nil || c.frames.seg != seg {
		c.drop()
		var err error
		c.frames, err = seg.frames(till)
		if errors.Is(err, fs.ErrNotExist) { // sealed since we looked
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	c.frames.till = till
	for {
		for len(c.heads) > 0 {
			h := c.heads[0]
			c.heads = c.heads[1:]
			if h.Sequence < c.at {
				continue
			}
			r, err := h.decode(seg.schema)
			if err != nil {
				return nil, damaged(seg.path, c.frames.at-frameHead-int64(c.frame.length), err)
			}
			r.Rows = adapt(r.Rows, c.log.schema)
			return r, nil
		}
		if c.frames.at >= till {
			return nil, damaged(seg.path, till, fmt.Errorf("it ends with record %d, and %d is missing", c.frames.next-1, end-1))
		}
		if err := c.nextFrame(); err != nil {
			return nil, err
		}
	}
}

func (c *cursor) nextFrame() error {
	h, body, err := c.frames.Next()
	if err != nil {
		return err
	}
	c.heads, c.frame = c.heads[:0], h
	for len(body.b) > 0 {
		rec := body.record()
		rec.Sequence, rec.Arrival = h.first+int64(len(c.heads)), h.arrival
		c.heads = append(c.heads, rec)
	}
	if body.err != nil {
		return damaged(c.frames.seg.path, c.frames.at, body.err)
	}
	c.frames.done(h, int64(len(c.heads)))
	return nil
}

func (c *cursor) drop() {
	if c.frames != nil {
		c.frames.Close()
		c.frames, c.heads = nil, nil
	}
	if c.sealed != nil {
		c.sealed.reader.Close()
		c.sealed = nil
	}
}

// Close ends the reading.
func (c *cursor) Close() error {
	c.closed = true
	c.drop()
	return nil
}
