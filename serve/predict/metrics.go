package predict

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what endpoints count, by the names of docs/interface.md §6. Labels are names of definitions, numbers of versions and words.
type Metrics struct {
	registry    prometheus.Registerer
	predictions *prometheus.CounterVec
	shadows     *prometheus.CounterVec
	differences *prometheus.CounterVec
}

// NewMetrics registers the metrics; nil: they are counted and shown nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		registry:    r,
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_predictions_total", Help: "Predictions answered, by endpoint, version (0: the fallback) and result."}, []string{"endpoint", "version", "result"}),
		shadows:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_shadow_total", Help: "Predictions of shadows, by result: same, differs, failed, dropped."}, []string{"endpoint", "version", "result"}),
		differences: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_shadow_difference_total", Help: "Sum of the absolute differences between what shadows answered and what was answered."}, []string{"endpoint", "version"}),
	}
	if r != nil {
		r.MustRegister(m.predictions, m.shadows, m.differences)
	}
	return m
}

func (m *Metrics) predicted(endpoint string, of tally, n int) {
	if n > 0 {
		m.predictions.WithLabelValues(endpoint, strconv.FormatInt(of.version, 10), of.result).Add(float64(n))
	}
}

func (m *Metrics) shadowed(endpoint string, version int64, result string, n int) {
	if n > 0 {
		m.shadows.WithLabelValues(endpoint, strconv.FormatInt(version, 10), result).Add(float64(n))
	}
}

func (m *Metrics) differed(endpoint string, version int64, sum float64) {
	m.differences.WithLabelValues(endpoint, strconv.FormatInt(version, 10)).Add(sum)
}

var breakerState = prometheus.NewDesc("bighead_model_breaker_state", "Of versions whose model is elsewhere: 0 asked, 1 being tried, 2 left alone.", []string{"model", "version"}, nil)

// breakers shows how the breakers of a server's versions stand.
type breakers struct{ *Server }

// Describe implements prometheus.Collector.
func (breakers) Describe(ch chan<- *prometheus.Desc) { ch <- breakerState }

// Collect implements prometheus.Collector.
func (b breakers) Collect(ch chan<- prometheus.Metric) {
	seen := map[*version]bool{}
	for _, e := range b.table.Load().endpoints {
		for _, v := range e.all {
			if v.guard != nil && !seen[v] {
				seen[v] = true
				ch <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, v.guard.State(), v.model, strconv.FormatInt(v.number, 10))
			}
		}
	}
}

func (m *Metrics) watch(s *Server) {
	if m.registry != nil {
		m.registry.MustRegister(breakers{s})
	}
}

func (m *Metrics) unwatch(s *Server) {
	if m.registry != nil {
		m.registry.Unregister(breakers{s})
	}
}
