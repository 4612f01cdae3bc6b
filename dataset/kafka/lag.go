package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/bighead-ml/bighead/dataset"
)

// Lag asks the broker where the partitions end, and says how far we are, in order of partitions.
func (c *Consumer) Lag(ctx context.Context) ([]dataset.Lag, error) {
	ends, err := c.listed(c.admin.ListCommittedOffsets(ctx, c.topic))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []dataset.Lag
	for p := int32(0); int(p) < len(ends); p++ {
		had, ok := c.had[p]
		if !ok { // added a moment ago
			had = -1
		}
		out = append(out, dataset.Lag{Partition: p, Had: had, End: ends[p], Records: max(ends[p]-had-1, 0), Time: c.times[p]})
	}
	return out, nil
}

// Commit shows the last offsets had under the group's name, for tools that print lag. A group that somebody else is a member of refuses it.
func (c *Consumer) Commit(ctx context.Context, had map[int32]int64) error {
	if c.config.Group == "" || len(had) == 0 {
		return nil
	}
	offsets := kadm.Offsets{}
	for p, o := range had {
		offsets.Add(kadm.Offset{Topic: c.topic, Partition: p, At: o + 1, LeaderEpoch: -1})
	}
	answers, err := c.admin.CommitOffsets(ctx, c.config.Group, offsets)
	if err == nil {
		err = answers.Error()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.IllegalGeneration):
		return fmt.Errorf("group %q has members of its own, so it cannot show how far we are; give [stream] a group that nobody else uses: %w", c.config.Group, err)
	}
	return fmt.Errorf("group %q: commit: %w", c.config.Group, err)
}
