package serve

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/serve/breaker"
)

// Metrics are what a server counts, by the names of docs/interface.md §6. Labels are names of definitions and words of the contract, never
// keys.
type Metrics struct {
	registry prometheus.Registerer
	// Requests is by view ("": refused before it was known) and code: the HTTP status, or gRPC's name of its own. The surfaces count.
	Requests *prometheus.CounterVec
	// Seconds is by view and stage of a request. The surfaces observe parse and encode, and the whole, by Whole.
	Seconds *prometheus.HistogramVec
	values  *prometheus.CounterVec
	cache   *prometheus.CounterVec
	looks   [3]prometheus.Counter // hit, miss, stale
	refused *prometheus.CounterVec
}

// NewMetrics registers a server's metrics; nil: they are counted and shown nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		registry: r,
		Requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_requests_total", Help: "Requests answered, by view and HTTP status or gRPC code."}, []string{"view", "code"}),
		Seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bighead_request_seconds", Help: "How long each stage of a request took, and from when it was read until it was answered all of it: whole.",
			Buckets: []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .002, .003, .005, .01, .02, .025, .05, .1, .25, 1},
		}, []string{"view", "stage"}),
		values:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_values_total", Help: "Values answered, by status."}, []string{"group", "status"}),
		cache:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_cache_total", Help: "Look-ups in a cache, by result."}, []string{"level", "result"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_tiles_refused_total", Help: "Tiles and rows in the store that could not be used: damaged, or written for something else."}, []string{"group", "reason"}),
	}
	for i, result := range []string{"hit", "miss", "stale"} {
		m.looks[i] = m.cache.WithLabelValues("l1", result)
	}
	if r != nil {
		r.MustRegister(m.Requests, m.Seconds, m.values, m.cache, m.refused)
	}
	return m
}

// Whole observes what a surface knows of a request that was answered: reading it, writing the answer, and all of it.
func (m *Metrics) Whole(view string, parse, encode, whole time.Duration) {
	m.Seconds.WithLabelValues(view, "parse").Observe(parse.Seconds())
	m.Seconds.WithLabelValues(view, "encode").Observe(encode.Seconds())
	m.Seconds.WithLabelValues(view, "whole").Observe(whole.Seconds())
}

func (m *Metrics) watchBreaker(store string, b *breaker.Breaker) {
	if m.registry == nil {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bighead_breaker_state", Help: "0 closed, 1 half open, 2 open.", ConstLabels: prometheus.Labels{"store": store},
	}, b.State))
}

// groupCounts are the counters of one group, found once.
type groupCounts struct {
	values  [statuses]prometheus.Counter
	damaged prometheus.Counter
	other   prometheus.Counter
}

func (m *Metrics) group(name string) *groupCounts {
	g := &groupCounts{damaged: m.refused.WithLabelValues(name, "damaged"), other: m.refused.WithLabelValues(name, "other")}
	for i := range g.values {
		g.values[i] = m.values.WithLabelValues(name, Status(i).String())
	}
	return g
}

// looked adds look-ups in L1.
func (m *Metrics) looked(hits, misses, stales int) {
	for i, n := range [3]int{hits, misses, stales} {
		if n > 0 {
			m.looks[i].Add(float64(n))
		}
	}
}

// ObserveModel notes how long pipelines and models took for a request for predictions over a view.
func (s *Server) ObserveModel(view string, took time.Duration) {
	s.options.Metrics.Seconds.WithLabelValues(view, "model").Observe(took.Seconds())
}
