package plan

import "github.com/bighead-ml/bighead/feature"

// SetReach bounds the events of each join by what its windows can see, so that an engine reads only the partitions that matter.
// Entities and snapshots have no window: every earlier row may be the newest.
func SetReach(b *Batch) {
	for _, j := range b.Joined() {
		if j.Scan.Source.Kind != feature.Events {
			j.Scan.Reach = Reach{Back: -1}
			continue
		}
		j.Scan.Reach = Reach{}
		for _, v := range j.Values {
			j.Scan.Reach = j.Scan.Reach.Union(v.Window.Reach())
		}
	}
}
