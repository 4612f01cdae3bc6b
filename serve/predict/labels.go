package predict

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
)

// Label is the truth of a prediction, as it came to be known.
type Label struct {
	ID    string // of the prediction
	Truth string // JSON: a truth value, a number or a string
	At    int64  // when it was known, ms
}

// Labeller keeps labels, for those who join them to predictions.
type Labeller interface {
	// Keep returns once labels are durable. The same ones may come again. A *serve.Problem says that they cannot be kept now.
	Keep(ctx context.Context, labels []Label) error
	// Refused counts labels that were not kept.
	Refused(labels int)
}

// CheckLabel says what is wrong with a label of a prediction of an endpoint, or where that is "" of any; nil: nothing. Whether there is such a
// prediction is not asked: its record may not be written yet, and who labels must not wait for that.
func (s *Server) CheckLabel(endpoint string, l *Label) error {
	id, err := uuid.Parse(l.ID)
	if err != nil || id.Version() != 7 || len(l.ID) != 36 {
		return fmt.Errorf("%.60q names no prediction: a prediction_id is a UUID of version 7, as /v1/predict answers it", l.ID)
	}
	l.ID = strings.ToLower(l.ID)
	if err := model.CheckLabel(l.Truth); err != nil {
		return err
	}
	t := s.table.Load()
	var wrong error
	for _, name := range t.names {
		if endpoint != "" && name != endpoint {
			continue
		}
		if wrong = t.endpoints[name].checkLabel(l.Truth); wrong == nil {
			return nil
		}
	}
	return wrong
}

// checkLabel sees that a label may be one of the endpoint's model. One of a class that no version knows may well be the truth; of two classes it may not.
func (e *endpoint) checkLabel(truth string) error {
	task := e.def.Model.Task
	var wrong error
	for _, v := range e.all {
		_, err := task.LabelOf(truth, v.artifact.Manifest.Classes, v.artifact.Answer.Width)
		if err == nil || errors.Is(err, model.ErrNoClass) {
			return nil
		}
		wrong = err
	}
	if wrong == nil && (task == model.Regression || task == model.Ranking) { // no version says more
		_, wrong = task.LabelOf(truth, nil, 0)
	}
	return wrong
}

// KnownEndpoint is nil where an endpoint of that name is served.
func (s *Server) KnownEndpoint(name string) *serve.Problem {
	_, err := s.Endpoint(name)
	var p *serve.Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
