package stream

import (
	"context"

	"github.com/bighead-ml/bighead/engine/local/upload"
)

// Upgrade has tiles and rows written in a version from now on (docs/data-path.md §1), and writes those that there are in others anew. It gives
// how many those were. Events that come meanwhile wait in the log.
func (s *Stream) Upgrade(ctx context.Context, version byte) (rewritten int64, err error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	s.version.Store(uint32(version))
	for _, src := range s.all() {
		err := src.do(ctx, func(ctx context.Context) error {
			for _, x := range src.main.spaces {
				if err := x.write(ctx, true); err != nil {
					return err
				}
				n, err := upload.Rewrite(ctx, s.o.Store, s.o.Epoch, x.Space, x.ID, version)
				if rewritten += n; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return rewritten, err
		}
	}
	return rewritten, nil
}
