// Package team runs work on several goroutines and ends all of them with the first error.
package team

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Run runs n workers at once and waits for all of them. The first error ends the context that they are handed, and is returned. A panic
// becomes an error: it is a defect of ours, and must not end a user's program.
func Run(ctx context.Context, n int, work func(ctx context.Context, worker int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					cancel(fmt.Errorf("a defect of bighead: %v\n%s", p, debug.Stack()))
				}
			}()
			if err := work(ctx, w); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Each runs f for the tasks [0, n) on several workers, in about that order.
func Each(ctx context.Context, workers, n int, f func(worker, task int) error) error {
	var mu sync.Mutex
	next := 0
	return Run(ctx, min(workers, max(1, n)), func(ctx context.Context, worker int) error {
		for {
			mu.Lock()
			task := next
			next++
			mu.Unlock()
			if task >= n {
				return nil
			}
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := f(worker, task); err != nil {
				return err
			}
		}
	})
}
