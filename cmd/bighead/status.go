package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// streamStatus is the stream's part of a status, with times in words.
type streamStatus struct {
	Now         string         `json:"now"`
	Fenced      bool           `json:"fenced"`
	LettersLost int64          `json:"dead_letters_lost"`
	Sources     []sourceStatus `json:"sources"`
}

type sourceStatus struct {
	Source   string        `json:"source"`
	Held     string        `json:"held,omitempty"`
	Stopped  string        `json:"stopped,omitempty"`
	Unsealed string        `json:"unsealed,omitempty"` // why the log only grows
	Records  int64         `json:"records"`            // in the log
	LogBytes int64         `json:"log_bytes"`
	Accepted int64         `json:"accepted"`
	Copies   int64         `json:"copies"`
	Rejected int64         `json:"rejected"`
	KeepMS   int64         `json:"keep_ms"` // how long the log keeps rows after their arrival; 0: for ever
	Topic    *topicStatus  `json:"topic,omitempty"`
	Groups   []groupStatus `json:"groups"`
}

type groupStatus struct {
	Group    string  `json:"group"`
	Space    string  `json:"space"`
	Filling  bool    `json:"filling"` // it is new, and reads what the others have read already
	Lag      int64   `json:"lag_records"`
	FreshMS  int64   `json:"fresh_ms"`
	Newest   string  `json:"newest_event,omitempty"`
	Batch    string  `json:"batch_watermark,omitempty"`
	Complete string  `json:"complete_since,omitempty"`
	Unseen   *unseen `json:"unseen,omitempty"` // values whose window meets it are partial; absent: there is nothing of the kind
	Applied  int64   `json:"applied"`
	Late     int64   `json:"late"`
	Behind   int64   `json:"late_behind_watermark"`
	Waiting  int64   `json:"waiting"`
	NullKey  int64   `json:"null_key"`
	FoldedBy string  `json:"folded_by,omitempty"` // "flink" or "local", where the settings name Flink
	WhyOurs  string  `json:"why_local,omitempty"` // our own stream folds it and not Flink
}

// unseen is a time that neither batch nor the stream has the events of.
type unseen struct {
	From string `json:"from,omitempty"` // absent: since ever
	To   string `json:"to"`
}

// unseenOf is the time between batch's part and the stream's; nil: there is none, or the stream has not begun.
func unseenOf(m plan.Marks) *unseen {
	if m.Batch >= m.Complete || m.Complete == plan.MaxTime {
		return nil
	}
	return &unseen{timeOrNone(m.Batch), value.FormatTimestamp(m.Complete)}
}

func (u *unseen) String() string {
	if u.From == "" {
		return "what happened before " + u.To
	}
	return "what happened from " + u.From + " to " + u.To
}

func timeOrNone(ms int64) string {
	if ms == plan.MinTime {
		return ""
	}
	return value.FormatTimestamp(ms)
}

func newStreamStatus(s streamState) streamStatus {
	out := streamStatus{Now: timeOrNone(s.Now), Fenced: s.Fenced, LettersLost: s.LettersLost, Sources: []sourceStatus{}}
	for _, x := range s.Sources {
		src := sourceStatus{Source: x.Source, Held: x.Held, Stopped: x.Stopped, Unsealed: x.Unsealed, Records: x.Next - x.First, LogBytes: x.LogBytes,
			Accepted: x.Counts.Accepted, Copies: x.Counts.Copies, Rejected: x.Counts.Rejected, Groups: []groupStatus{}}
		for _, g := range x.Groups {
			src.Groups = append(src.Groups, groupStatus{Group: g.Group, Space: g.Space, Filling: g.CatchingUp, Lag: g.Lag, FreshMS: g.FreshMS, Newest: timeOrNone(g.Newest),
				Batch: timeOrNone(g.Marks.Batch), Complete: timeOrNone(g.Marks.Complete), Unseen: unseenOf(g.Marks), Applied: g.Counts.Applied, Late: g.Counts.Late, Behind: g.Counts.Behind,
				Waiting: g.Counts.Waiting, NullKey: g.Counts.NullKey})
		}
		out.Sources = append(out.Sources, src)
	}
	return out
}

// behind is how many records the group that is furthest behind has yet to read.
func behind(groups []groupState) int64 {
	n := int64(0)
	for _, g := range groups {
		n = max(n, g.Lag)
	}
	return n
}

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What runs in this project, and how far behind it is",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.open()
			if err != nil {
				return err
			}
			k, err := newCaller(p, "")
			if errors.Is(err, errNoServer) {
				return mistakef("%v; start one with `bighead up`", err)
			} else if err != nil {
				return err
			}
			var s onlineStatus
			if err := k.call(cmd.Context(), "GET", "/v1/status", "", nil, &s); err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(s)
			}
			return c.printStatus(&s)
		},
	}
}

func (c *cli) printStatus(s *onlineStatus) error {
	fmt.Fprintf(c.stdout, "version %d is served from the %s store", s.Version, s.Store)
	if s.Stream.Now != "" {
		fmt.Fprintf(c.stdout, ", as of %s", s.Stream.Now)
	}
	fmt.Fprintln(c.stdout)
	if s.Role == "standby" {
		active := "nobody has the stream just now"
		if s.Active != "" {
			active = s.Active + " has the stream, and says what its groups have read"
		}
		fmt.Fprintln(c.stdout, "  standby:", active)
	}
	for _, d := range s.Degraded {
		fmt.Fprintln(c.stdout, "  degraded:", d)
	}
	for _, t := range s.Typical {
		fmt.Fprintln(c.stdout, " ", t.Feature, t.text())
	}
	for i := range s.Endpoints {
		printEndpoint(c.stdout, &s.Endpoints[i])
	}
	sizes := groupTable()
	for _, src := range s.Stream.Sources {
		for _, g := range src.Groups {
			sizes.add(g.Group, count(g.Applied), g.Newest, count(g.Lag), (time.Duration(g.FreshMS) * time.Millisecond).String(), count(g.Late+g.Behind), g.Batch, bytesText(s.Sizes, g.Space))
		}
	}
	if len(sizes.rows) > 0 {
		if err := sizes.print(c.stdout); err != nil {
			return err
		}
	}
	if s.Role == "standby" {
		if err := printStored(c.stdout, s); err != nil {
			return err
		}
	}
	for _, src := range s.Stream.Sources {
		src.printUnseen(c.stdout)
		if src.KeepMS > 0 {
			fmt.Fprintf(c.stdout, "source %s: %s records, %s bytes in its log, which keeps what came within %s\n", src.Source, count(src.Records), count(src.LogBytes), value.FormatDuration(src.KeepMS))
		}
	}
	for _, src := range s.Stream.Sources {
		for _, g := range src.Groups {
			if g.FoldedBy != "" {
				fmt.Fprintln(c.stdout, folding{g.Group, g.FoldedBy, g.WhyOurs})
			}
		}
	}
	if err := printFlink(c.stdout, s.Flink); err != nil {
		return err
	}
	return printTopics(c.stdout, s.Stream.Sources)
}

// groupTable is the table of the groups, whoever has the stream.
func groupTable() *table {
	t := newTable("group", "events", "newest", "lag", "fresh", "late", "batch up to", "bytes")
	for _, i := range []int{1, 3, 4, 5, 7} {
		t.right[i] = true
	}
	return t
}

// printEndpoint says which versions an endpoint asks, why, and how a canary does.
func printEndpoint(w io.Writer, e *predict.Status) {
	text := "no version yet"
	if len(e.Traffic.Routes) > 0 {
		text = trafficText(e.Traffic)
	}
	fmt.Fprintf(w, "endpoint %s: %s\n", e.Endpoint, text)
	if e.Traffic.Reason != "" {
		fmt.Fprintf(w, "  since %s: %s\n", e.Traffic.At.UTC().Format(time.RFC3339), e.Traffic.Reason)
	}
	if n := e.Champion; n != 0 && len(e.Traffic.Routes) > 0 && !slices.ContainsFunc(e.Traffic.Routes, func(r catalog.Route) bool { return r.Number == n }) {
		most := slices.MaxFunc(e.Traffic.Routes, func(a, b catalog.Route) int { return cmp.Compare(a.Weight, b.Weight) })
		fmt.Fprintf(w, "  champion is %s@%d, which gets no requests here; bighead models alias %[1]s champion %[3]d calls %[1]s@%[3]d so, or bighead deploy %[1]s@champion --to %[4]s sends them to the champion\n", e.Model, n, most.Number, e.Endpoint)
	}
	if c := e.Canary; c != nil {
		fmt.Fprintf(w, "  canary: %s requests answered, %s failed, %s refused; the others' %s, %s refused; scores %.2f apart\n", count(int64(c.Requests-c.Failed-c.Refused)), count(int64(c.Failed)), count(int64(c.Refused)),
			count(int64(c.Others)), count(int64(c.OthersRefused)), c.Shift)
		if c.Waits != "" {
			fmt.Fprintln(w, "  the canary's next step waits:", c.Waits)
		}
	}
	if e.Degraded != "" {
		fmt.Fprintln(w, "  degraded:", e.Degraded)
	}
	for _, v := range e.LeftAlone {
		fmt.Fprintf(w, "  degraded: %s does not answer, and is left alone but for a request a second that tries it\n", v)
	}
}

// printUnseen says of which time nothing is known of groups, and the cure; of those of which it is the same time together.
func (s *sourceStatus) printUnseen(w io.Writer) {
	of := map[string][]string{} // groups by time
	for _, g := range s.Groups {
		if g.Unseen != nil {
			of[g.Unseen.String()] = append(of[g.Unseen.String()], g.Group)
		}
	}
	for _, when := range slices.Sorted(maps.Keys(of)) {
		names := strings.Join(of[when], " ")
		fmt.Fprintf(w, "group %s: %s is neither in batch's part nor did the stream see it, and values whose window meets it are partial; once the files of source %s have all of it: bighead backfill %s --online\n",
			strings.Join(of[when], ", "), when, s.Source, names)
	}
}

// streamCollector shows how the stream stands as metrics.
type streamCollector struct{ o *online }

var (
	freshness  = prometheus.NewDesc("bighead_freshness_seconds", "How long the rows that became visible last had taken since they arrived.", []string{"group"}, nil)
	streamLag  = prometheus.NewDesc("bighead_stream_lag_records", "Records of the log that a group has yet to read.", []string{"source", "group"}, nil)
	events     = prometheus.NewDesc("bighead_events_total", "Rows by source and what became of them.", []string{"source", "result"}, nil)
	groupRows  = prometheus.NewDesc("bighead_group_rows_total", "Rows that a group has read, by what became of them.", []string{"group", "result"}, nil)
	watermarks = prometheus.NewDesc("bighead_watermark_seconds", "Times of a group: the newest event, the end of batch, since when it is complete.", []string{"group", "kind"}, nil)
	storeBytes = prometheus.NewDesc("bighead_store_bytes", "What a group takes in the online store, estimated: all versions of it that are there, as of half a minute ago at most.", []string{"group"}, nil)
	exprNulls  = prometheus.NewDesc("bighead_expression_nulls_total", "Nulls that expressions made.", []string{"group", "column"}, nil)
)

var activeRole = prometheus.NewDesc("bighead_stream_active", "1 where this process has the project's stream, 0 where it stands by.", nil, nil)

// Describe implements prometheus.Collector.
func (s *streamCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{activeRole, freshness, streamLag, events, groupRows, watermarks, storeBytes, exprNulls, topicLag, tileRegressions, flinkLag, flinkRunning, flinkCheckpoint, flinkParts} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *streamCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, x float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, x, labels...)
	}
	t, role := s.o.active(), 0.0
	if t != nil {
		role = 1
	}
	ch <- prometheus.MustNewConstMetric(activeRole, prometheus.GaugeValue, role)
	if t == nil {
		return
	}
	t.topics.collect(ch)
	t.flink.collect(ch)
	status := t.stream.Status()
	for group, n := range s.o.groupBytes(t, status) {
		gauge(storeBytes, float64(n), group)
	}
	for _, src := range status.Sources {
		counter(events, src.Counts.Accepted, src.Source, "accepted")
		counter(events, src.Counts.Copies, src.Source, "copy")
		counter(events, src.Counts.NotYet, src.Source, "without a time")
		counter(events, src.Counts.Conflicts, src.Source, "conflict")
		counter(events, src.Counts.Rejected, src.Source, "rejected")
		seen := map[string]bool{}
		for _, g := range src.Groups {
			if seen[g.Group] { // a new version that is being filled; the one that is served stands for the group
				continue
			}
			seen[g.Group] = true
			gauge(freshness, float64(g.FreshMS)/1000, g.Group)
			gauge(streamLag, float64(g.Lag), src.Source, g.Group)
			for _, r := range []struct {
				n    int64
				name string
			}{{g.Counts.Applied, "applied"}, {g.Counts.Late, "late"}, {g.Counts.Behind, "late_behind_watermark"}, {g.Counts.NullKey, "null key"},
				{g.Counts.NullTime, "null time"}, {g.Counts.Where, "where"}, {g.Counts.NullKnownAt, "null known_at"}} {
				counter(groupRows, r.n, g.Group, r.name)
			}
			for _, w := range []struct {
				ms   int64
				kind string
			}{{g.Newest, "newest"}, {g.Marks.Batch, "batch"}, {g.Marks.Complete, "complete"}} {
				if w.ms != plan.MinTime {
					gauge(watermarks, float64(w.ms)/1000, g.Group, w.kind)
				}
			}
			for column, n := range g.Nulls {
				counter(exprNulls, n.Total(), g.Group, column)
			}
		}
	}
}

// groupBytes is what each group takes in the store, those that Flink folds too; a store that does not say is said nothing of.
func (o *online) groupBytes(t *turn, s streamState) map[string]int64 {
	sizes := o.sizes.get()
	if sizes == nil {
		return nil
	}
	sources, total := newStreamStatus(s).Sources, map[string]int64{}
	t.flink.addTo(sources)
	for _, src := range sources {
		for _, g := range src.Groups {
			total[g.Group] += spaceBytes(sizes, g.Space)
		}
	}
	return total
}
