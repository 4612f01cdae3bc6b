package http_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/predict"
)

// kept is what keeps labels, in a test's hands.
type kept struct {
	labels  []predict.Label
	refused int
	err     error
}

func (k *kept) Keep(_ context.Context, all []predict.Label) error {
	if k.err == nil {
		k.labels = append(k.labels, all...)
	}
	return k.err
}

func (k *kept) Refused(n int) { k.refused += n }

// anID is a prediction's, as any server gives it.
const anID = "018bcfe5-6800-7a3b-8c1d-9e8f7a6b5c4d"

// TestLabels sends labels that are good, and each in a way that is not: one that is wrong is told by its place, and the others are kept.
func TestLabels(t *testing.T) {
	k := &kept{}
	s := predicting(t, http.Options{Labels: k, MaxRows: 9})
	before := time.Now().UnixMilli()
	code, _, body := s.call(t, "POST", "/v1/labels", `{"endpoint": "late", "labels": [
		{"prediction_id": "`+anID+`", "label": 1, "at": "2024-01-01T00:00:00Z"},
		{"prediction_id": "`+strings.ToUpper(anID)+`", "label": 0, "at": 1704067200001},
		{"prediction_id": "`+anID+`", "label": 1.0, "at": null},
		{"prediction_id": "`+anID+`", "label": 2},
		{"prediction_id": "2f1c1f5e-9d4e-4b0e-a1d5-0d7a3c1f2b11", "label": 1},
		{"prediction_id": "`+anID+`"},
		{"prediction_id": "`+anID+`", "label": [1]},
		{"prediction_id": "`+anID+`", "label": 1, "at": "yesterday"},
		{"prediction_id": "`+anID+`", "label": 1, "at": "2999-01-01T00:00:00Z"}]}`)
	if code != 200 || !strings.HasPrefix(body, `{"accepted":3,"rejected":[{"line":4,"reason":"label 2 is none of the two classes, 0 and 1"}`) {
		t.Errorf("%d %s", code, body)
	}
	for line, want := range map[int]string{5: "names no prediction", 6: "label is null", 7: "neither a truth value nor a number nor a string", 8: "is no time", 9: "at 2999-01-01T00:00:00Z is later than now"} {
		_, after, _ := strings.Cut(body, fmt.Sprintf(`{"line":%d,"reason":"`, line))
		reason, _, _ := strings.Cut(after, `"}`)
		if !strings.Contains(reason, want) {
			t.Errorf("label %d: %q, want %q", line, reason, want)
		}
	}
	if len(k.labels) != 3 || k.refused != 6 || k.labels[0] != (predict.Label{ID: anID, Truth: "1", At: 1704067200000}) || k.labels[1] != (predict.Label{ID: anID, Truth: "0", At: 1704067200001}) || k.labels[2].At < before {
		t.Errorf("%+v, %d refused", k.labels, k.refused)
	}
	for ask, want := range map[string]string{
		`{`:                                 "BH105",
		`{}`:                                "labels are absent",
		`{"labels": [], "label": 1}`:        `unknown field \"label\"`,
		`{"labels": []} {}`:                 "there is more behind",
		`{"labels": [{"prediction": 1}]}`:   `unknown field \"prediction\"`,
		`{"endpoint": "lat", "labels": []}`: `"near":["late"]`,
		`{"labels": [{},{},{},{},{},{},{},{},{},{}]}`: "more than 9 labels",
	} {
		if code, _, body := s.call(t, "POST", "/v1/labels", ask); code < 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", ask, code, body)
		}
	}
	// Without an endpoint a label need be one of any; "none" has no version that could say no.
	if code, _, body := s.call(t, "POST", "/v1/labels", `{"labels": [{"prediction_id": "`+anID+`", "label": 7}]}`); code != 200 || !strings.Contains(body, `"accepted":1`) {
		t.Errorf("%d %s", code, body)
	}
	k.err = &serve.Problem{Code: feature.CodeNoStream, Detail: "the disk is full", After: time.Second}
	if code, header, body := s.call(t, "POST", "/v1/labels", `{"labels": [{"prediction_id": "`+anID+`", "label": 1}]}`); code != 503 || header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", code, body)
	}
	if code, _, body := predicting(t, http.Options{}).call(t, "POST", "/v1/labels", `{"labels": []}`); code != 404 || !strings.Contains(body, "keeps no labels") {
		t.Errorf("%d %s", code, body)
	}
}
