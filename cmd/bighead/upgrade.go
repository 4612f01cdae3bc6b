package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/store"
)

// formatName is the store's meta that says in which version its tiles are written: one that all who share it can read. A store that says
// nothing is new, or was filled before there was a second version.
const formatName = "format"

// readFormat is the version that a store is written in, and whether nothing is in it yet; a mistake where this bighead cannot read it.
func readFormat(ctx context.Context, st store.Store) (format byte, empty bool, err error) {
	format, empty = 1, true
	err = st.Meta(ctx, "", func(name string, b []byte) error {
		empty = false
		if name == formatName && len(b) == 1 {
			format = b[0]
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, false, err
	case format > tile.Version:
		return 0, false, mistakef("the online store is written in format %d, by a newer bighead that has finished its upgrade, and this one knows up to %d: use the newer one, or remove the store, and it is filled again from the log and from batch", format, tile.Version)
	case format < tile.Oldest && !empty:
		return 0, false, mistakef("the online store is written in format %d, and this bighead reads from %d on: run `bighead upgrade --finish` of a version between first, or remove the store, and it is filled again from the log and from batch", format, tile.Oldest)
	}
	return format, empty, nil
}

// storeFormat is readFormat for who is going to write, under an epoch: a new store is of the newest, and says so.
func storeFormat(ctx context.Context, st store.Store, epoch int64) (byte, error) {
	format, empty, err := readFormat(ctx, st)
	if err != nil || !empty {
		return format, err
	}
	return tile.Version, writeFormat(ctx, st, epoch, tile.Version)
}

func writeFormat(ctx context.Context, st store.Store, epoch int64, format byte) error {
	return st.Write(ctx, &store.Write{Epoch: epoch, Meta: []store.MetaPut{{Name: formatName, Bytes: []byte{format}}}, Sync: true})
}

// upgraded says in which format an online store is written, and what was done for it.
type upgraded struct {
	Format    byte  `json:"format"`
	Newest    byte  `json:"newest"`    // that this bighead can write
	Rewritten int64 `json:"rewritten"` // places that were of another format
}

func (c *cli) upgradeCommand() *cobra.Command {
	var finish bool
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "In which format the online store is written; --finish moves it to this bighead's",
		Long: "A new bighead goes on writing the online store as the one before it reads it, so that both can run side by side and one can go back. " +
			"Once all servers are of the new version, --finish has the store written in its own format, and what is in it written anew. Going back is then no longer possible.",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.open()
			if err != nil {
				return err
			}
			k, done, err := c.reach(cmd.Context(), p, "")
			if err != nil {
				return err
			}
			defer done()
			method := "GET"
			if finish {
				method = "POST"
			}
			var a upgraded
			if err := k.call(cmd.Context(), method, "/v1/upgrade", "", nil, &a); err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(a)
			}
			switch {
			case finish:
				fmt.Fprintf(c.stdout, "the online store is written in format %d; %s places were of another and are written anew\n", a.Format, count(a.Rewritten))
			case a.Format < a.Newest:
				fmt.Fprintf(c.stdout, "the online store is written in format %d, which the bighead before this one reads too; `bighead upgrade --finish` moves it to format %d\n", a.Format, a.Newest)
			default:
				fmt.Fprintf(c.stdout, "the online store is written in format %d, this bighead's own\n", a.Format)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "write the online store in this bighead's format from now on; the one before it can read it no longer")
	return cmd
}

// format is how the store is written.
func (o *online) format() upgraded {
	return upgraded{Format: byte(o.writes.Load()), Newest: tile.Version}
}

// finish moves the store to the newest format. What says so comes first: from then on the bighead before this one refuses the store. It may be
// ended at any time, and done again.
func (o *online) finish(ctx context.Context) (upgraded, error) {
	o.uploads.Lock()
	defer o.uploads.Unlock()
	t := o.active()
	if t == nil {
		return o.format(), mistakef("%v; finish the upgrade through that one", o.errStandby())
	}
	if err := writeFormat(ctx, o.store, t.epoch, tile.Version); err != nil {
		return o.format(), err
	}
	o.writes.Store(tile.Version)
	out := o.format()
	var err error
	if out.Rewritten, err = t.stream.Upgrade(ctx, tile.Version); err != nil {
		return out, err
	}
	n, err := t.flink.upgrade(ctx, tile.Version)
	if out.Rewritten += n; err != nil {
		return out, err
	}
	for _, g := range o.current().typed.Groups {
		n, err := o.rewriteBatch(ctx, t.epoch, g)
		if out.Rewritten += n; err != nil {
			return out, err
		}
	}
	return out, nil
}
