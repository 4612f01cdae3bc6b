package predict

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what endpoints count, by the names of docs/interface.md §6. Labels are names of definitions, numbers of versions and words.
type Metrics struct {
	predictions *prometheus.CounterVec
	shadows     *prometheus.CounterVec
	differences *prometheus.CounterVec
}

// NewMetrics registers the metrics; nil: they are counted and shown nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
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
