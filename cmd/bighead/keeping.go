package main

import (
	"context"
	"time"
)

// sealEvery is how often the event logs are looked at for hours that are over, and for what is older than [events] keep.
const sealEvery = time.Minute

// keepLogs seals the event logs and lets go what is old, until ctx ends. What fails is said and tried again.
func (o *online) keepLogs(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := o.stream.Seal(ctx); err != nil {
			o.log.WarnContext(ctx, "what was accepted long ago cannot be put away; the event log grows", "error", err)
		}
	}
}
