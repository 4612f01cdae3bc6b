package store

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// maxName bounds the names of spaces and meta values, so that a store may keep their lengths in two bytes.
const maxName = 1<<16 - 1

// Check finds what no store can keep: a mistake of the caller. Every Write begins with it.
func (w *Write) Check() error {
	if w.Epoch < 0 {
		return fmt.Errorf("write to the online store: epoch %d is below zero", w.Epoch)
	}
	for i := range w.Puts {
		if err := w.Puts[i].check(); err != nil {
			return fmt.Errorf("write to the online store: put %d of %d: %w", i+1, len(w.Puts), err)
		}
	}
	for i := range w.Meta {
		if n := len(w.Meta[i].Name); n == 0 || n > maxName {
			return fmt.Errorf("write to the online store: a meta name of %d bytes; want 1 to %d", n, maxName)
		}
	}
	return nil
}

func (p *Put) check() error {
	switch {
	case p.Space == "" || len(p.Space) > maxName:
		return fmt.Errorf("a space's name of %d bytes; want 1 to %d", len(p.Space), maxName)
	case p.Start == math.MaxInt64:
		return fmt.Errorf("space %q: start %d cannot be read, since ranges end before their end", p.Space, p.Start)
	case p.Step > 0 && p.Start%p.Step != 0:
		return fmt.Errorf("space %q: start %d is no multiple of step %d", p.Space, p.Start, p.Step)
	case p.Keep < 0:
		return fmt.Errorf("space %q: keep %d ms is below zero", p.Space, p.Keep)
	}
	return nil
}

// CheckRanges finds what no store reads: a mistake of the caller. Every Read begins with it.
func CheckRanges(ranges []Range) error {
	for i := range ranges {
		r := &ranges[i]
		if first, last := r.Periods(); last-first >= MaxPeriods {
			return fmt.Errorf("read the online store: range %d of %d: space %q: [%d, %d) at step %d touches %d periods; want at most %d", i+1, len(ranges), r.Space, r.From, r.To, r.Step,
				uint64(last-first)+1, MaxPeriods)
		}
	}
	return nil
}

// Ended is the error of a call whose context has ended, nil while it has not. The store was too slow where there was a deadline, which
// may pass; where the caller gave up there is nothing to say of the store.
func Ended(ctx context.Context, doing string) error {
	err := ctx.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
