package flink

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// road is Flink's: it goes twice. The first time it collects what is asked and declines; then all jobs are run, many as one; the second time
// it answers: values are those that Go finishes of the tiles that came back, and what is made of values is the oracle's.
//
// Flink folds what there is, whenever it is asked. So each time that is asked for has its own copy of the events before it, which a column
// of the key tells apart.
type road struct {
	r        *rand.Rand
	answers  bool
	some     bool // leaves features that Flink does not fold to the oracle, and has it fold the group's others
	byData   map[string]*question
	order    []*question
	taken    int               // plans that are answered once all of order is run
	refused  map[string]string // why, by definition
	declined map[string]int
}

const (
	askColumn  = "ask"  // as of when, of the key
	copyColumn = "copy" // the source's id, told apart by ask
)

// question is a group over some rows, and the times that are asked for.
type question struct {
	name  string
	group *feature.Group // a copy, by ask too
	space *plan.Space
	data  [][]value.Value
	asks  map[asking]bool

	job     *Job
	records map[string]part.Record      // what stands of the topic
	next    int64                       // where it is read on
	came    int64                       // records
	tiles   map[string]map[place]states // by key
}

// asking is a time that is asked for, and of which lot of rows; lot -1: the rows are not told apart.
type asking struct{ at, lot int64 }

type place struct{ step, start int64 }

type states []agg.State

func newRoad(seed uint64) *road {
	return &road{r: rand.New(rand.NewPCG(seed, 7)), byData: map[string]*question{}, refused: map[string]string{}, declined: map[string]int{}}
}

func (*road) Name() string       { return "flink" }
func (*road) Counts(string) bool { return false }

func (w *road) decline(why string) error {
	w.declined[why]++
	return enginetest.Declined(why)
}

// Run collects, or answers.
func (w *road) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	if p.Group == nil && p.View == nil {
		return nil, w.decline("training sets are batch's")
	}
	var batches []*value.Batch
	asked, err := askers(ctx, p, in)
	if err != nil {
		return nil, err
	}
	questions := map[*plan.Join]*question{}
	for _, j := range p.Joins {
		q, err := w.question(ctx, p, j, in)
		if err != nil {
			return nil, err
		}
		questions[j] = q
		for _, row := range asked {
			q.asks[asking{row.at, lotOf(row.schema, row.row)}] = true
		}
	}
	if !w.answers {
		w.taken++
		return nil, enginetest.Declined("asked later")
	}
	for _, q := range questions {
		if q.job == nil {
			return nil, w.decline("left out of this run")
		}
	}
	joins := map[*plan.Value]*plan.Join{}
	for _, j := range p.Joins {
		for i := range j.Values {
			joins[&j.Values[i]] = j
		}
	}
	o := oracle.Oracle{Aggregate: func(row int, v *plan.Value, events []agg.Event, asOf int64) value.Value {
		j := joins[v]
		q := questions[j]
		if !slices.ContainsFunc(q.group.Features, func(f *feature.Feature) bool { return f.Name == v.Feature.Name }) {
			return oracle.Plain(v, events, asOf)
		}
		return q.answer(v, asked[row].key(j), asked[row].at, asOf)
	}}
	report, err := o.Run(ctx, p, in, func(b *value.Batch) error { batches = append(batches, b); return nil })
	for _, b := range batches {
		if err == nil {
			err = out(b)
		}
	}
	return report, err
}

// asker is a row that asks.
type asker struct {
	schema value.Schema
	row    []value.Value
	at     int64
}

func (a asker) key(j *plan.Join) []value.Value {
	var out []value.Value
	for _, on := range j.On {
		out = append(out, a.row[a.schema.Index(on)])
	}
	return out
}

// lotOf is the lot that a row is of.
func lotOf(schema value.Schema, row []value.Value) int64 {
	if i := schema.Index(random.Lot); i >= 0 {
		return row[i].Int()
	}
	return -1
}

// askers reads the rows that ask.
func askers(ctx context.Context, p *plan.Batch, in engine.Inputs) ([]asker, error) {
	t, err := in.SpineRows(ctx, &p.Spine)
	if err != nil {
		return nil, err
	}
	rows, err := dataset.ReadAll(ctx, t)
	if err != nil {
		return nil, err
	}
	var out []asker
	at := t.Schema().Index(plan.AtColumn)
	for i, row := range rows {
		if row[at].IsNull() {
			return nil, fmt.Errorf("row %d: %w", i+1, engine.ErrNoTime)
		}
		out = append(out, asker{t.Schema(), row, row[at].Int()})
	}
	return out, nil
}

// question finds or makes what is asked of a join, or declines.
func (w *road) question(ctx context.Context, p *plan.Batch, j *plan.Join, in engine.Inputs) (*question, error) {
	g := groupOf(p, j)
	if g == nil {
		return nil, w.decline("labels are batch's")
	}
	originalID[g.Source.Fingerprint] = g.Source.ID
	g = byAsk(g)
	if w.some {
		g.Features = slices.DeleteFunc(slices.Clone(g.Features), func(f *feature.Feature) bool {
			alone := *g
			alone.Features = []*feature.Feature{f}
			_, err := Print(plan.SpaceOf(&alone), Options{Brokers: "b", Topic: "t"})
			return err != nil
		})
		if len(g.Features) == 0 {
			return nil, w.decline("Flink folds none of its features")
		}
	}
	space := plan.SpaceOf(g)
	o := Options{Brokers: "b", Topic: "t"}
	if _, err := Print(space, o); err != nil {
		w.refused[fmt.Sprintf("%s %s", p.Name, err)] = err.Error()
		return nil, w.decline("Flink does not fold it")
	}
	t, err := in.Rows(ctx, j.Scan.Source)
	if err != nil {
		return nil, err
	}
	rows, err := dataset.ReadAll(ctx, t)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = string(value.AppendKey(nil, row))
	}
	slices.Sort(texts)
	id := fmt.Sprintf("%s %x", space.ID, sha256.Sum256([]byte(strings.Join(texts, "\x00\x00"))))
	q := w.byData[id]
	if q == nil {
		q = &question{name: fmt.Sprintf("%s.%d", g.Name, len(w.order)), group: g, space: space, data: rows, asks: map[asking]bool{}}
		w.byData[id] = q
		w.order = append(w.order, q)
	}
	return q, nil
}

// groupOf is the group whose features a join has, whatever the view calls it; nil: it is a label's.
func groupOf(p *plan.Batch, j *plan.Join) *feature.Group {
	if p.Group != nil {
		return p.Group
	}
	for _, x := range p.View.Joins {
		if x.Group == j.Values[0].Feature.Group {
			return x.Group
		}
	}
	return nil
}

// byAsk is a copy of a group whose key has one column more, and whose events are never too late.
func byAsk(g *feature.Group) *feature.Group {
	src, out := *g.Source, *g
	src.Schema = append(slices.Clone(src.Schema), value.Field{Name: askColumn, Type: value.Int}, value.Field{Name: copyColumn, Type: value.String})
	src.Place = feature.Place{Topic: "events", TopicTimeUnit: "ms"}
	src.Lateness = endless
	if src.ID != "" {
		src.ID = copyColumn
	}
	out.Source = &src
	out.Keys = append(slices.Clone(g.Keys), feature.Key{Name: askColumn, Type: value.Int})
	return &out
}

// events are the question's rows as JSON, for each time that is asked for those before it, shuffled but for copies: the first is the one
// that counts.
func (q *question) events(r *rand.Rand) [][]byte {
	src := q.group.Source
	schema := src.Schema[:len(src.Schema)-2]
	ts := src.Time.Compile(schema)
	id := -1
	var names = slices.Sorted(slices.Values(schema.Names()))
	sorted := slices.Clone(q.data)
	slices.SortStableFunc(sorted, func(a, b []value.Value) int {
		for _, n := range names {
			if c := value.Compare(a[schema.Index(n)], b[schema.Index(n)]); c != 0 {
				return c
			}
		}
		return 0
	})
	for i, f := range schema {
		if src.ID != "" && f.Name == q.idName() {
			id = i
		}
	}
	var out [][]byte
	asks := slices.SortedFunc(maps.Keys(q.asks), func(a, b asking) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.lot, b.lot)) })
	for _, ask := range asks {
		at := ask.at
		copies := map[string][]int{}
		var mine [][]byte
		for _, row := range sorted {
			t := ts(row, nil)
			if !t.IsNull() && t.Int() >= at || lotOf(schema, row) != ask.lot {
				continue
			}
			name := value.Value{}
			if id >= 0 && !row[id].IsNull() {
				key := string(value.Append(value.Append(nil, row[id]), t))
				copies[key] = append(copies[key], len(mine))
				name = value.OfString(fmt.Sprintf("%d %x", at, value.Append(nil, row[id])))
			}
			mine = append(mine, jsonRow(r, src.Schema, append(slices.Clone(row), value.OfInt(at), name)))
		}
		perm := r.Perm(len(mine))
		for _, places := range copies { // keep the order of copies
			at := make([]int, len(places))
			for i, n := range places {
				at[i] = perm[n]
			}
			slices.Sort(at)
			for i, n := range places {
				perm[n] = at[i]
			}
		}
		shuffled := make([][]byte, len(mine))
		for i, n := range perm {
			shuffled[n] = mine[i]
		}
		out = append(out, shuffled...)
	}
	return out
}

// idName is the source's own id, which byAsk has replaced.
func (q *question) idName() string { return originalID[q.group.Source.Fingerprint] }

// originalID is filled by byAsk's callers: copies share the fingerprint of what they are copies of.
var originalID = map[string]string{}

// jsonRow writes a row as producers do: times as text or ms, nulls as nulls or not at all.
func jsonRow(r *rand.Rand, schema value.Schema, row []value.Value) []byte {
	b := []byte("{")
	for i, f := range schema {
		if row[i].IsNull() && r.IntN(2) == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(value.AppendJSON(b, value.OfString(f.Name)), ':')
		if row[i].Kind() == value.KindTimestamp && r.IntN(2) == 0 {
			b = value.AppendJSON(b, value.OfInt(row[i].Int()))
			continue
		}
		b = value.AppendJSON(b, row[i])
	}
	return append(b, '}')
}

// run has Flink fold the questions, or most of them that are drawn: some jobs as one, since each takes seconds to plan and start.
func (w *road) run(t *testing.T, atOnce, most int, o Options) {
	session, broker := streaming(t), server.Kafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address), kgo.DefaultProduceTopic("none"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w.r.Shuffle(len(w.order), func(a, b int) { w.order[a], w.order[b] = w.order[b], w.order[a] })
	if most > 0 && len(w.order) > most {
		t.Logf("seed %d takes %d questions of %d; -questions 0 asks all", *seed, most, len(w.order))
		w.order = w.order[:most]
	}
	parts := 0
	for n := 0; n < len(w.order); {
		var all []*question
		inserts := 0
		for ; n < len(w.order) && (len(all) == 0 || inserts+len(w.order[n].layout(t).Parts) <= atOnce); n++ {
			all, inserts = append(all, w.order[n]), inserts+len(w.order[n].layout(t).Parts)
		}
		parts += inserts
		began := time.Now()
		w.produce(t, client, broker, all, o)
		said := time.Now()
		submitTogether(t, session, all)
		ended := time.Now()
		for _, q := range all {
			q.read(t, broker.Address)
			q.lay()
			q.stored(t, broker.Address)
		}
		t.Logf("%s: %d groups in %d inserts: %v to produce, %v on Flink, %v to read", all[0].name+" "+all[0].group.Pos.String(), len(all), inserts, said.Sub(began).Round(time.Millisecond), ended.Sub(said).Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
	}
	t.Logf("%d questions, %d parts", len(w.order), parts)
	w.answers = true
}

func (q *question) layout(t *testing.T) *part.Layout {
	l, lack := part.LayoutOf(q.space)
	if lack != nil {
		t.Fatal(lack)
	}
	return l
}

// streaming is a session on the test binary's Flink.
func streaming(t *testing.T) *gateway.Session {
	s, err := gateway.Open(t.Context(), server.FlinkServer(t).URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// produce makes the topics of questions and fills those of events.
func (w *road) produce(t *testing.T, client *kgo.Client, broker *server.Broker, all []*question, o Options) {
	var topics []string
	for _, q := range all {
		events := "events." + q.name
		q.group.Source.Place.Topic = events
		o.Brokers, o.Topic, o.Bounded, o.prefix = broker.Address, "tiles."+q.name, true, q.name+" "
		job, err := Print(q.space, o)
		if err != nil {
			t.Fatal(err)
		}
		q.job = job
		topics = append(topics, events, o.Topic)
	}
	compact := "compact"
	if err := broker.Make(t.Context(), 1, map[string]*string{"cleanup.policy": &compact}, topics...); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for _, q := range all {
		for i, e := range q.events(w.r) {
			records = append(records, &kgo.Record{Topic: q.group.Source.Place.Topic, Key: fmt.Append(nil, i), Value: e})
		}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// submitTogether runs the jobs of questions as one, to their end.
func submitTogether(t *testing.T, s *gateway.Session, all []*question) {
	var statements, inserts []statement
	for _, set := range all[0].job.settings {
		statements = append(statements, setting(set[0], set[1]))
	}
	for _, q := range all {
		statements, inserts = append(statements, q.job.tables...), append(inserts, q.job.inserts...)
	}
	for _, st := range append(statements, statement{"", together(inserts)}) {
		if *echo != "" {
			if err := os.WriteFile(*echo+"/"+all[0].name+".sql", []byte(st.text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Exec(t.Context(), st.sql); err != nil {
			t.Fatalf("%s\n%v", st.text(), err)
		}
	}
}

// read takes what has come to the topic since.
func (q *question) read(t *testing.T, brokers string) {
	if q.records == nil {
		q.records = map[string]part.Record{}
	}
	l := q.job.Layout
	q.next = eachRecord(t, brokers, q.job.Topic, q.next, func(r *kgo.Record) {
		q.came++
		rec, err := l.Decode(r.Key, r.Value)
		if err != nil {
			t.Fatalf("%s\n%s: %v", r.Key, r.Value, err)
		}
		id := fmt.Sprintf("%x %d %d %d %s", rec.Key, rec.Step, rec.Start, rec.Part, rec.Sub)
		if old, ok := q.records[id]; ok {
			rec, _ = l.Merge(old, rec)
		}
		q.records[id] = rec
	})
}

// lay puts what stands into tiles.
func (q *question) lay() {
	l := q.job.Layout
	q.tiles = map[string]map[place]states{}
	for _, rec := range q.records {
		if q.tiles[rec.Key] == nil {
			q.tiles[rec.Key] = map[place]states{}
		}
		at := place{rec.Step, rec.Start}
		s := q.tiles[rec.Key][at]
		if s == nil {
			s = make(states, q.space.Tiled)
			for i := range s {
				s[i] = q.space.Folds[i].New()
			}
			q.tiles[rec.Key][at] = s
		}
		l.Put(func(i int) agg.State { return s[i] }, &rec)
	}
}

// eachRecord reads a topic of one partition from an offset to its end, and returns where it goes on.
func eachRecord(t *testing.T, brokers, topic string, next int64, each func(*kgo.Record)) int64 {
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(next)}}), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ends, err := server.Kafka(t).Admin().ListEndOffsets(t.Context(), topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	for next < end.Offset {
		f := c.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			each(r)
			next = r.Offset + 1
		})
	}
	return next
}

// answer finishes a value of the tiles of its cover.
func (q *question) answer(v *plan.Value, key []value.Value, at, asOf int64) value.Value {
	n := slices.IndexFunc(q.space.Values, func(x plan.Value) bool { return x.Feature.Name == v.Feature.Name })
	x := &q.space.Values[n]
	merged := make([]agg.State, len(x.Folds))
	for i, f := range x.Folds {
		merged[i] = q.space.Folds[f].New()
	}
	tiles := q.tiles[string(value.AppendKey(nil, append(slices.Clone(key), value.OfInt(at))))]
	cover := q.space.Cover(at, plan.NoMarks, []int{n})
	for _, use := range cover.Uses[0] {
		step := cover.Needs[use.Need].Step
		for p, s := range tiles {
			if p.step == step && p.start >= use.From && p.start < use.To {
				for i, f := range x.Folds {
					merged[i].Merge(s[f])
				}
			}
		}
	}
	in := value.Null
	if x.Feature.Input != nil {
		in = x.Feature.Input.Type()
	}
	return x.Feature.Agg.Finish(in, x.Feature.Params, merged, asOf)
}
