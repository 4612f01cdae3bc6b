package audit

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/feature"
)

// Log keeps the vectors that a server answers, as files by view and hour (journal). It is a serve.Recorder, safe for concurrent use.
type Log struct {
	*journal[*feature.Served]
	share
}

// share is a part of all keys. The lesser of two is in the greater.
type share struct {
	below uint64 // hashes of keys below it are in it
	all   bool
}

func shareOf(part float64) share {
	s := share{all: part >= 1}
	if part > 0 && !s.all {
		s.below = uint64(part * math.MaxUint64)
	}
	return s
}

// Samples reports whether what is of a key is kept.
func (s share) Samples(key uint64) bool { return s.all || key < s.below }

// Open begins a log in a folder, which it makes where there is none. What a process that was killed had begun to write is removed.
func Open(o Options) (*Log, error) {
	l := &Log{share: shareOf(o.Sample)}
	var err error
	l.journal, err = openJournal(o, kind[*feature.Served]{
		what: "what is served", was: "what was served", noun: "view",
		fresh: func() *feature.Served { return new(feature.Served) }, reset: (*feature.Served).Reset, cells: (*feature.Served).Cells,
		group: func(s *feature.Served) group { return group{s.View.Name, s.View} },
		time:  func(s *feature.Served) int64 { return s.Time }, rows: func(s *feature.Served) int { return len(s.Rows) },
		settle: func(s *feature.Served) {
			if o.Version != nil {
				s.Version = o.Version()
			}
		},
		table: func(g group) table[*feature.Served] { return rowsOf(g.view) },
		count: func(g group, result string, rows int) {
			l.o.Metrics.served.WithLabelValues(g.folder, result).Add(float64(rows))
		},
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Begin gives an empty record, or nil where there is no room.
func (l *Log) Begin(view *feature.View, rows int) *feature.Served {
	s, _ := l.begin(group{view.Name, view}, rows)
	return s
}

// Metrics are what the room counts. Labels are names of definitions and words of the contract.
type Metrics struct{ served, predictions, labels, values *prometheus.CounterVec }

// NewMetrics registers the metrics; nil: they are counted and shown nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		served:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_served_total", Help: "Vectors served, by what became of their record: logged, dropped for want of room, failed to be written."}, []string{"view", "result"}),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_prediction_log_total", Help: "Predictions, by what became of their record: logged, dropped for want of room, failed to be written."}, []string{"endpoint", "result"}),
		labels:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_labels_total", Help: "Labels that came for predictions, by what became of them: accepted, rejected, failed to be written."}, []string{"result"}),
		values:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_audit_values_total", Help: "Served values that audits have computed again, by what came of it."}, []string{"view", "class"}),
	}
	if r != nil {
		r.MustRegister(m.served, m.predictions, m.labels, m.values)
	}
	return m
}

// Audited adds what an audit has found of a view.
func (m *Metrics) Audited(view string, class Class, values int64) {
	m.values.WithLabelValues(view, string(class)).Add(float64(values))
}

// Labelled counts labels by what became of them.
func (m *Metrics) Labelled(result string, labels int) {
	m.labels.WithLabelValues(result).Add(float64(labels))
}
