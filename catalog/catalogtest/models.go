package catalogtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bighead-ml/bighead/catalog"
)

var t0 = time.UnixMilli(1700000000123).UTC()

// modelVersion is a version with everything set, to be registered.
func modelVersion(model string) *catalog.ModelVersion {
	return &catalog.ModelVersion{
		Model: model, Artifact: "aa", Code: "bb", Lock: "cc", TrainingSet: "late", SetFingerprint: "dd", View: "departure", ViewFingerprint: "ee",
		Rows: 100, From: 5, To: 9, Schema: json.RawMessage(`{"inputs":[]}`), Metrics: map[string]float64{"valid.auc": 0.7312345678901234, "test.auc": 0.72},
		Params: json.RawMessage(`{"leaves":31}`), Seed: 7, Gate: "auc > 0.7", GateHeld: true, Run: "r1", At: t0, By: "ada",
	}
}

// register registers versions 1 … n of a model.
func register(t *testing.T, c catalog.Catalog, model string, n int) {
	t.Helper()
	for i := range n {
		if v := modelVersion(model); c.RegisterModel(t.Context(), v) != nil || v.Number != int64(i+1) {
			t.Fatalf("version %d of %s got number %d", i+1, model, v.Number)
		}
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s:\n%s", what, d)
	}
}

// runModels checks the registry: numbers without gaps, nothing changed, aliases and traffic as they were at any time.
func runModels(t *testing.T, fresh func(t *testing.T) (open func() catalog.Catalog)) {
	t.Run("model versions", func(t *testing.T) { versionsAreKept(t, fresh(t)) })
	t.Run("aliases have a past", func(t *testing.T) { aliasesHaveAPast(t, fresh(t)) })
	t.Run("changes keep their order where a clock runs behind", func(t *testing.T) { clocksRunBehind(t, fresh(t)) })
	t.Run("traffic follows the one that was seen", func(t *testing.T) { trafficFollows(t, fresh(t)) })
	t.Run("models of several processes", func(t *testing.T) { manyAtOnce(t, fresh(t)) })
}

func versionsAreKept(t *testing.T, open func() catalog.Catalog) {
	ctx, c := t.Context(), open()
	if _, err := c.ModelVersion(ctx, "late", 1); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("a version of an empty registry: %v", err)
	}
	if all, err := c.ModelVersions(ctx, ""); err != nil || len(all) > 0 {
		t.Fatalf("versions of an empty registry: %v, %v", all, err)
	}
	first, second, other := modelVersion("late"), modelVersion("late"), modelVersion("early")
	second.Metrics, second.At = map[string]float64{"test.auc": 0.8}, t0.Add(time.Hour)
	for _, v := range []*catalog.ModelVersion{first, second, other} {
		if err := c.RegisterModel(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if first.Number != 1 || second.Number != 2 || other.Number != 1 {
		t.Fatalf("numbers %d, %d, %d", first.Number, second.Number, other.Number)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open()
	got, err := c.ModelVersion(ctx, "late", 1)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the first version", first, got)
	of, err := c.ModelVersions(ctx, "late")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a model's, newest first", []*catalog.ModelVersion{second, first}, of)
	all, err := c.ModelVersions(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "all, by model", []*catalog.ModelVersion{other, second, first}, all)
	if _, err := c.ModelVersion(ctx, "late", 3); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("a version that was never registered: %v", err)
	}
	bad := modelVersion("late")
	bad.Schema = json.RawMessage("{")
	if err := c.RegisterModel(ctx, bad); err == nil || bad.Number != 0 {
		t.Fatalf("a version that cannot be written got number %d, %v", bad.Number, err)
	}
	register(t, c, "third", 1)
	if next := modelVersion("late"); c.RegisterModel(ctx, next) != nil || next.Number != 3 {
		t.Fatalf("the version after a failed one is %d", next.Number)
	}
}

func aliasesHaveAPast(t *testing.T, open func() catalog.Catalog) {
	ctx, c := t.Context(), open()
	register(t, c, "late", 3)
	register(t, c, "early", 1)
	day := func(n int) time.Time { return t0.AddDate(0, 0, n) }
	changes := []*catalog.AliasChange{
		{Model: "late", Alias: "champion", Number: 1, At: day(0), By: "ada"},
		{Model: "late", Alias: "challenger", Number: 2, At: day(1), By: "ada"},
		{Model: "early", Alias: "champion", Number: 1, At: day(1), By: "ada"},
		{Model: "late", Alias: "champion", Number: 2, At: day(2), By: "bob", Reason: "held its gate"},
		{Model: "late", Alias: "champion", Number: 1, At: day(4), By: "ada", Reason: "rolled back"},
	}
	for _, a := range changes {
		if err := c.SetAlias(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetAlias(ctx, &catalog.AliasChange{Model: "late", Alias: "champion", Number: 4, At: day(5)}); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("an alias of a version that is none: %v", err)
	}
	if err := c.SetAlias(ctx, &catalog.AliasChange{Model: "early", Alias: "champion", Number: 2, At: day(5)}); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("an alias of a version that another model has: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open()
	for _, at := range []struct {
		at   time.Time
		want map[string]int64
	}{
		{day(0).Add(-time.Millisecond), map[string]int64{}},
		{day(0), map[string]int64{"champion": 1}},
		{day(2).Add(-time.Millisecond), map[string]int64{"champion": 1, "challenger": 2}},
		{day(2), map[string]int64{"champion": 2, "challenger": 2}},
		{day(3), map[string]int64{"champion": 2, "challenger": 2}},
		{day(400), map[string]int64{"champion": 1, "challenger": 2}},
	} {
		got, err := c.Aliases(ctx, "late", at.at)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint("aliases at ", at.at), at.want, got)
	}
	history, err := c.AliasHistory(ctx, "late")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the history", []*catalog.AliasChange{changes[4], changes[3], changes[1], changes[0]}, history)
}

func clocksRunBehind(t *testing.T, open func() catalog.Catalog) {
	ctx, c := t.Context(), open()
	register(t, c, "late", 2)
	ahead := &catalog.AliasChange{Model: "late", Alias: "champion", Number: 1, At: t0.Add(time.Minute)}
	behind := &catalog.AliasChange{Model: "late", Alias: "champion", Number: 2, At: t0}
	for _, a := range []*catalog.AliasChange{ahead, behind} {
		if err := c.SetAlias(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	if !behind.At.Equal(ahead.At) {
		t.Errorf("a change after one of %v is of %v", ahead.At, behind.At)
	}
	before, err1 := c.Aliases(ctx, "late", t0)
	now, err2 := c.Aliases(ctx, "late", ahead.At)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	same(t, "before both", map[string]int64{}, before)
	same(t, "after both", map[string]int64{"champion": 2}, now)

	first := &catalog.Traffic{Endpoint: "e", Model: "late", Routes: []catalog.Route{{Number: 1, Weight: 1}}, At: t0.Add(time.Minute)}
	second := &catalog.Traffic{Endpoint: "e", Model: "late", Routes: []catalog.Route{{Number: 2, Weight: 1}}, At: t0}
	if err := c.SetTraffic(ctx, 0, first); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTraffic(ctx, first.ID, second); err != nil || !second.At.Equal(first.At) {
		t.Fatalf("traffic after one of %v is of %v, %v", first.At, second.At, err)
	}
	if history, err := c.TrafficHistory(ctx, "e"); err != nil || !history[0].At.Equal(first.At) {
		t.Fatalf("kept as %+v, %v", history[0], err)
	}
}

func trafficFollows(t *testing.T, open func() catalog.Catalog) {
	ctx, a, b := t.Context(), open(), open()
	register(t, a, "late", 2)
	if _, err := a.Traffic(ctx, "delay"); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("traffic of an endpoint that was never deployed: %v", err)
	}
	traffic := func(version int64, reason string) *catalog.Traffic {
		return &catalog.Traffic{
			Endpoint: "delay", Model: "late", Routes: []catalog.Route{{Number: version, Weight: 90, Alias: "champion"}}, Shadows: []int64{2},
			Canary: &catalog.Canary{Number: 2, Steps: []float64{0.01, 0.1}, Step: 1, Since: t0}, At: t0, By: "ada", Reason: reason,
		}
	}
	first, second := traffic(1, "first"), traffic(2, "second")
	second.Rollback = &catalog.Rollback{Versions: []int64{1}}
	if err := a.SetTraffic(ctx, 0, first); err != nil || first.ID == 0 {
		t.Fatalf("the first: id %d, %v", first.ID, err)
	}
	if err := b.SetTraffic(ctx, 0, traffic(2, "late")); !errors.Is(err, catalog.ErrStale) {
		t.Fatalf("a second first: %v", err)
	}
	other := traffic(1, "another endpoint")
	other.Endpoint = "other"
	if err := b.SetTraffic(ctx, 0, other); err != nil {
		t.Fatalf("another endpoint's first: %v", err)
	}
	if err := b.SetTraffic(ctx, first.ID, second); err != nil || second.ID <= first.ID {
		t.Fatalf("after the first: id %d, %v", second.ID, err)
	}
	if err := a.SetTraffic(ctx, first.ID, traffic(1, "stale")); !errors.Is(err, catalog.ErrStale) {
		t.Fatalf("a change of one that is no more: %v", err)
	}
	if err := a.SetTraffic(ctx, second.ID, traffic(3, "none")); !errors.Is(err, catalog.ErrNone) {
		t.Fatalf("a route to a version that is none: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = open()
	now, err := a.Traffic(ctx, "delay")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what is asked now", second, now)
	history, err1 := a.TrafficHistory(ctx, "delay")
	all, err2 := a.TrafficHistory(ctx, "")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	same(t, "the history", []*catalog.Traffic{second, first}, history)
	same(t, "of all endpoints", []*catalog.Traffic{second, other, first}, all)
}

// manyAtOnce has several open the same registry and write to it at once: numbers come once and without gaps, and of changes of traffic
// that saw the same one only one is taken.
func manyAtOnce(t *testing.T, open func() catalog.Catalog) {
	const openers, each = 4, 5
	ctx := context.Background()
	register(t, open(), "traffic", 1)
	var mu sync.Mutex
	seen, taken := map[int64]bool{}, 0
	var wait sync.WaitGroup
	for range openers {
		c := open()
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range each {
				v := modelVersion("late")
				err := c.RegisterModel(ctx, v)
				aliased := c.SetAlias(ctx, &catalog.AliasChange{Model: "late", Alias: "champion", Number: v.Number, At: t0})
				changed := c.SetTraffic(ctx, 0, &catalog.Traffic{Endpoint: "e", Model: "traffic", Routes: []catalog.Route{{Number: 1, Weight: 1}}, At: t0})
				mu.Lock()
				if err != nil || aliased != nil || changed != nil && !errors.Is(changed, catalog.ErrStale) {
					t.Error(err, aliased, changed)
				}
				if seen[v.Number] {
					t.Errorf("number %d was given twice", v.Number)
				}
				seen[v.Number] = true
				if changed == nil {
					taken++
				}
				mu.Unlock()
			}
		}()
	}
	wait.Wait()
	if all, err := open().ModelVersions(ctx, "late"); err != nil || len(all) != openers*each || all[0].Number != openers*each {
		t.Errorf("%d versions, %v", len(all), err)
	}
	if history, err := open().AliasHistory(ctx, "late"); err != nil || len(history) != openers*each {
		t.Errorf("%d changes of the alias, %v", len(history), err)
	}
	if taken != 1 {
		t.Errorf("%d first changes of traffic were taken", taken)
	}
}
