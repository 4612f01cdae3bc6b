package serve_test

import (
	"context"
	"testing"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store"
)

// A stream that runs already moves marks while a server over its store is opened. The race detector looks on.
func TestOpenWhileMarksMove(t *testing.T) {
	p := servetest.Definitions(t, `
e = bh.EventSource("e", columns={"k": bh.String}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count()])
v = bh.FeatureView("v", groups=[g])
`)
	st := serve.Watch(servetest.NewStore())
	w := &store.Write{Meta: []store.MetaPut{{Name: plan.SpaceOf(p.Groups[0]).MarksName(), Bytes: plan.NoMarks.Append(nil)}}}
	ended, begun, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		err := st.Write(context.Background(), w)
		close(begun)
		for err == nil {
			select {
			case <-ended:
				done <- nil
				return
			default:
				err = st.Write(context.Background(), w)
			}
		}
		done <- err
	}()
	<-begun
	for range 50 {
		open(t, st, p.Views, serve.Options{})
	}
	close(ended)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
