package spark

import (
	"fmt"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark/connect"
)

// watch tells who looks on how far Spark is: which tasks of which stages, and of the rows that it was handed, which are done before them, a share
// as large as the tasks that are done have of those that it knows of. It learns of stages one by one, so that the share falls when a new one
// comes; what is told never does.
func watch(in engine.Inputs, before, rows, total int64) func(connect.Progress) {
	done := int64(0)
	return func(p connect.Progress) {
		if in.At != nil {
			in.At(fmt.Sprintf("spark: stage %d of %d, %d of %d tasks, %d running, %d MB read", min(p.StagesDone+1, p.Stages), p.Stages, p.TasksDone, p.Tasks, p.Running, p.Read>>20))
		}
		if in.Progress != nil && p.Tasks > 0 {
			done = max(done, int64(float64(rows)*float64(p.TasksDone)/float64(p.Tasks)))
			in.Progress(before+done, total)
		}
	}
}
