package upload

import (
	"context"

	"github.com/bighead-ml/bighead/store"
)

// putsAtOnce and bytesAtOnce bound one write, so that the store is not kept from other writers for long.
const (
	putsAtOnce  = 2000
	bytesAtOnce = 4 << 20
)

// putter writes puts some at a time.
type putter struct {
	store store.Store
	epoch int64
	puts  []store.Put
	bytes int
	Puts  int64 // written
	Bytes int64
}

func (p *putter) put(ctx context.Context, x store.Put) error {
	p.puts = append(p.puts, x)
	p.bytes += len(x.Key) + len(x.Bytes)
	if len(p.puts) < putsAtOnce && p.bytes < bytesAtOnce {
		return nil
	}
	return p.flush(ctx)
}

func (p *putter) flush(ctx context.Context) error {
	if len(p.puts) == 0 {
		return nil
	}
	if err := p.store.Write(ctx, &store.Write{Epoch: p.epoch, Puts: p.puts}); err != nil {
		return err
	}
	p.Puts, p.Bytes = p.Puts+int64(len(p.puts)), p.Bytes+int64(p.bytes)
	p.puts, p.bytes = nil, 0 // what was written may still be the store's
	return nil
}
