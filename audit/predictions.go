package audit

import (
	"slices"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// A file of predictions has those of one endpoint, over one version of its view, and of one hour of answering. Behind these columns stand those of what the view was
// asked with (View.AskedKeys), which files of before they were recorded lack. What else a prediction was made of is the served vector that names it (predictionColumn).
const (
	idColumn       = "prediction_id"
	predictedAt    = "predicted"       // timestamp: when it was answered, by the wall's clock
	featuresAt     = "at"              // timestamp: as of when its features are
	modelColumn    = "model"           // string
	modelVersion   = "version"         // int; null: the endpoint's fallback answered
	scoresColumn   = "scores"          // list<float>: one number, or the probabilities by class
	degradedColumn = "degraded"        // bool
	shareColumn    = "share_defaulted" // float
	shadowColumn   = "shadow"          // bool: a shadow said so of the prediction, and nobody was answered with it; files of before it was recorded lack it

	askedPrefix = "asked_" // of what the view was asked with
)

var predictionSchema = value.Schema{
	{Name: idColumn, Type: value.String}, {Name: predictedAt, Type: value.Timestamp}, {Name: featuresAt, Type: value.Timestamp}, {Name: modelColumn, Type: value.String},
	{Name: modelVersion, Type: value.Int}, {Name: scoresColumn, Type: value.ListOf(value.Float)}, {Name: degradedColumn, Type: value.Bool}, {Name: shareColumn, Type: value.Float},
	{Name: shadowColumn, Type: value.Bool},
}

// predictionsOf is how predictions over a view lie in a file.
func predictionsOf(v *feature.View) value.Schema {
	out := slices.Clip(predictionSchema)
	for _, k := range v.AskedKeys() {
		out = append(out, value.Field{Name: askedColumn(k.Name), Type: k.Type})
	}
	return out
}

// askedColumn is what a key or request field of a view is called in files of predictions. What stands before it is in none of our own names, so that it is never taken for
// one of them, nor for one that is added later.
func askedColumn(name string) string { return askedPrefix + name }

// Predictions keeps what endpoints answer, as files by endpoint and hour (journal). It is a predict.Recorder, safe for concurrent use.
type Predictions struct {
	*journal[*predict.Predictions]
	share
}

// OpenPredictions begins a log of predictions in a folder, as Open does one of vectors.
func OpenPredictions(o Options) (*Predictions, error) {
	p := &Predictions{share: shareOf(o.Sample)}
	var err error
	p.journal, err = openJournal(o, kind[*predict.Predictions]{
		what: "what is predicted", was: "what was predicted", noun: "endpoint",
		fresh: func() *predict.Predictions { return new(predict.Predictions) }, reset: (*predict.Predictions).Reset, cells: (*predict.Predictions).Cells,
		group: func(r *predict.Predictions) group { return group{r.Endpoint, r.View} },
		time:  func(r *predict.Predictions) int64 { return r.Time }, rows: func(r *predict.Predictions) int { return len(r.Rows) },
		settle: func(*predict.Predictions) {},
		table:  func(g group) table[*predict.Predictions] { return &predictionRows{columnsOf(predictionsOf(g.view))} },
		count: func(g group, result string, rows int) {
			p.o.Metrics.predictions.WithLabelValues(g.folder, result).Add(float64(rows))
		},
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Begin gives an empty record, or nil where there is no room.
func (p *Predictions) Begin(endpoint string, view *feature.View, rows int) *predict.Predictions {
	r, _ := p.begin(group{endpoint, view}, rows)
	return r
}

// predictionRows are predictions of an endpoint as they will lie in a file.
type predictionRows struct{ columns }

func (r *predictionRows) add(p *predict.Predictions) error {
	return r.added(len(p.Rows), func(from int) {
		for i := range p.Rows {
			r.fill(from+i, p, &p.Rows[i])
		}
	})
}

func (r *predictionRows) fill(at int, p *predict.Predictions, row *predict.Prediction) {
	version := value.OfInt(row.Version)
	if row.Version == 0 {
		version = value.Value{}
	}
	scores := make([]value.Value, len(row.Scores))
	for k, x := range row.Scores {
		scores[k] = value.OfFloat(x)
	}
	r.setText(r.batch.Columns[0], at, row.ID)
	for j, v := range [...]value.Value{value.OfTimestamp(p.Time), value.OfTimestamp(p.At), value.OfString(p.Model), version, value.OfList(scores), value.OfBool(row.Degraded),
		value.OfFloat(row.ShareDefaulted), value.OfBool(row.Shadow)} {
		r.batch.Columns[j+1].Set(at, v)
	}
	for j, c := range r.batch.Columns[len(predictionSchema):] {
		r.setCopied(c, at, row.Asked[j])
	}
}
