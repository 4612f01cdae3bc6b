package feature

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Fingerprints (I1). A fingerprint is the first 128 bits of the SHA-256 of a canonical text, as 32 hex digits; Short is for people. The
// text holds everything that can change a value and nothing else, one fact a line; it begins with its kind and the version of this
// file's wording, which is raised when the wording changes, and never for anything else.
//
//	source    name, kind, clock, id, where, order, entity's columns            without: place, lateness, PII, schema
//	fold      source, types used, keys, input, where, by, fold's own id         without: name, window, delay, offset, default
//	feature   folds, aggregation and parameters, delay, window, default         without: name, fallback, description
//	column    feature and key mapping | request field | derived expression      without: name, required
//	view      its columns in order                                              without: name, required
//	model     training set, label, steps, task, split, params, seed, packages   without: name, training function, metrics, gate
const (
	sourceVersion      = "source/1"
	foldVersion        = "fold/1"
	featureVersion     = "feature/1"
	columnVersion      = "column/1"
	viewVersion        = "view/1"
	trainingSetVersion = "training set/1"
	modelVersion       = "model/1"
)

// fingerprintDigits is the length of a fingerprint: 128 bits never meet by chance.
const fingerprintDigits = 32

// Short is a fingerprint for people: twelve digits, enough to tell a project's features apart.
func Short(fingerprint string) string { return fingerprint[:min(12, len(fingerprint))] }

func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:fingerprintDigits]
}

// facts is a canonical text being written. Values are quoted, so that no name can be taken for the next line.
type facts struct{ strings.Builder }

func (f *facts) add(name string, values ...string) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return
	}
	f.WriteString(name)
	for _, v := range values {
		f.WriteByte(' ')
		f.WriteString(strconv.Quote(v))
	}
	f.WriteByte('\n')
}

func (f *facts) number(name string, n int64) {
	if n != 0 {
		f.WriteString(name + " " + strconv.FormatInt(n, 10) + "\n")
	}
}

// expr adds an expression: its canonical text, and the version of each function of ours in it.
func (f *facts) expr(name string, e *expr.Expr) {
	if e == nil {
		return
	}
	f.add(name, e.String())
	f.add(name+" uses", e.Versions()...)
}

// sourceText is what of a source can change a value, whichever of its columns are used, and whenever it is asked for.
func sourceText(s *Source) string {
	f := &facts{}
	f.add(sourceVersion, s.Name, [...]string{"events", "entities", "snapshots"}[s.Kind])
	f.expr("time", s.Time)
	f.expr("known_at", s.KnownAt)
	f.expr("where", s.Where)
	for i, e := range s.OrderBy {
		f.expr("order_by "+strconv.Itoa(i), e)
	}
	f.add("id", s.ID)
	f.add("deleted", s.Deleted)
	f.add("snapshot", s.Snapshot)
	f.add("entity", s.Keys...)
	return f.String()
}

func delayText(s *Source) string {
	f := &facts{}
	f.number("delay", s.Delay)
	return f.String()
}

// sourceColumns are the columns that a source reads for any feature.
func sourceColumns(s *Source) []string {
	names := []string{s.ID, s.Deleted, s.Snapshot}
	for _, e := range append([]*expr.Expr{s.Time, s.KnownAt, s.Where}, s.OrderBy...) {
		if e != nil {
			names = append(names, e.Columns()...)
		}
	}
	return names
}

// typesText is the types of the columns used, by name.
func typesText(types map[string]value.Type, names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	f := &facts{}
	for _, n := range slices.Compact(names) {
		if t, ok := types[n]; ok {
			f.add("column", n, t.String())
		}
	}
	return f.String()
}

// based is what the fingerprints of one source's features under one key have in common.
type based struct {
	source string
	delay  string
	keys   string
	types  map[string]value.Type
	reads  []string
	known  map[calling][]string // of the folds: a call's windows have the same
}

// calling is a feature but for its window: what its folds depend on.
type calling struct {
	agg          *agg.Aggregation
	params       agg.Params
	input, where *expr.Expr
	by           string
}

func baseOf(s *Source, keys []Key) based {
	b := based{source: sourceText(s), delay: delayText(s), types: make(map[string]value.Type, len(s.Schema)), reads: sourceColumns(s), known: map[calling][]string{}}
	for _, c := range s.Schema {
		b.types[c.Name] = c.Type
	}
	f := &facts{}
	for _, k := range keys {
		f.add("key", k.Name, k.Type.String())
		b.reads = append(b.reads, k.Name)
	}
	b.keys = f.String()
	return b
}

func fingerprintGroup(g *Group) {
	b := baseOf(g.Source, g.Keys)
	for _, f := range g.Features {
		b.feature(f)
	}
}

// feature takes a feature's fingerprint and that of its folds.
func (b based) feature(f *Feature) {
	call := calling{f.Agg, f.Params, f.Input, f.Where, f.By}
	if _, ok := b.known[call]; !ok {
		b.known[call] = b.folds(f)
	}
	f.folds = b.known[call]
	f.FoldFingerprint = fingerprint(strings.Join(f.folds, "\n"))
	t := &facts{}
	t.add(featureVersion, f.FoldFingerprint)
	t.add("aggregation", f.Agg.Name, strconv.Itoa(f.Agg.Version), paramsText(f.Params))
	t.WriteString(b.delay)
	t.WriteString(windowText(f.Window))
	if !f.Default.IsNull() {
		t.add("default", hex.EncodeToString(value.Append(nil, f.Default)))
	}
	f.Fingerprint = fingerprint(t.String())
}

// folds are the fingerprints of a feature's folds, in the order of its aggregation. The same fold under the same key is the same state,
// whichever aggregations and windows it serves.
func (b based) folds(f *Feature) []string {
	in := value.Type{}
	if f.Input != nil {
		in = f.Input.Type()
	}
	var out []string
	for _, fold := range f.Agg.Folds(in, f.Params) {
		out = append(out, fingerprint(b.foldText(f, fold)))
	}
	return out
}

func (b based) foldText(f *Feature, fold agg.Fold) string {
	t := &facts{}
	t.add(foldVersion, fold.ID())
	t.WriteString(b.source)
	t.WriteString(b.keys)
	reads := slices.Clone(b.reads)
	if rows := fold.Rows && fold.In.Kind == value.KindNull; f.Input != nil && !rows { // a fold of rows is the same over any input
		t.expr("input", f.Input)
		reads = append(reads, f.Input.Columns()...)
	}
	if f.Where != nil {
		t.expr("where of feature", f.Where)
		reads = append(reads, f.Where.Columns()...)
	}
	if f.By != "" {
		t.add("by", f.By)
		reads = append(reads, f.By)
	}
	t.WriteString(typesText(b.types, reads))
	return t.String()
}

// FoldFingerprints are those of a feature's folds one by one, in the order of its aggregation: what tiles are kept by. FoldFingerprint
// is that of all of them. They are not to be changed.
func (f *Feature) FoldFingerprints() []string {
	if f.folds != nil {
		return f.folds
	}
	if f.Group == nil {
		return nil // a label's states are never kept
	}
	return baseOf(f.Group.Source, f.Group.Keys).folds(f)
}

func paramsText(p agg.Params) string {
	return fmt.Sprintf("k=%d max=%d q=%s accuracy=%s lg_k=%d sample=%t by=%t by_max=%d", p.K, p.Max,
		strconv.FormatFloat(p.Q, 'g', -1, 64), strconv.FormatFloat(p.Accuracy, 'g', -1, 64), p.LgK, p.Sample, p.By, p.ByMax)
}

func windowText(w Window) string {
	f := &facts{}
	f.WriteString("window")
	switch {
	case w.Unbounded:
		f.WriteString(" unbounded")
	case w.Tumbling:
		fmt.Fprintf(f, " tumbling %d origin %d", w.Size, w.Origin)
	default:
		fmt.Fprintf(f, " %d resolution %d", w.Size, w.Resolution)
	}
	f.WriteByte('\n')
	f.number("offset", w.Offset)
	if w.Daily {
		f.add("refresh", "daily")
	}
	return f.String()
}

// fingerprintView takes the fingerprints of a view's columns, and of the view.
func fingerprintView(v *View) {
	of := make(map[string]string, len(v.Columns)+len(v.Keys))
	of[AsOf] = AsOf
	for _, k := range v.Keys {
		of[k.Name] = keyFingerprint("key", k)
	}
	for _, k := range v.Request {
		of[k.Name] = keyFingerprint("request", k)
	}
	for _, c := range v.Columns {
		if c.Kind == FeatureColumn {
			j := v.Joins[c.Join]
			f := &facts{}
			f.add(columnVersion, "feature", c.Feature.Fingerprint)
			f.add("on", j.On...)
			of[c.Name] = fingerprint(f.String())
		}
	}
	for _, d := range v.Derived { // each after those it reads
		f := &facts{}
		f.add(columnVersion, "derived", nameless(d.Expr, of))
		f.add("uses", d.Expr.Versions()...)
		of[d.Name] = fingerprint(f.String())
	}
	all := &facts{}
	all.add(viewVersion, strconv.Itoa(len(v.Columns)))
	for i := range v.Columns {
		v.Columns[i].Fingerprint = of[v.Columns[i].Name]
		all.add("column", v.Columns[i].Fingerprint)
	}
	v.Fingerprint = fingerprint(all.String())
}

// nameless is an expression's canonical text with the fingerprint of each column in the place of its name, so that a renamed feature
// changes nothing. Where the names stand, the language itself says: over no columns at all, each of them is a mistake with its place.
func nameless(e *expr.Expr, of map[string]string) string {
	text := e.String()
	_, errs := expr.Check(text, value.Schema{})
	for _, at := range slices.Backward(errs) {
		if at.Kind != expr.UnknownColumn {
			panic("feature: the canonical text of an expression is not right: " + at.Error())
		}
		text = text[:at.Start] + "{" + of[at.Name] + "}" + text[at.End:]
	}
	return text
}

func keyFingerprint(kind string, k Key) string {
	f := &facts{}
	f.add(columnVersion, kind, k.Name, k.Type.String())
	return fingerprint(f.String())
}

// fingerprintTrainingSet takes a training set's: the view's columns that it has, the spine's expressions and the labels. Its labels'
// features get theirs.
func fingerprintTrainingSet(t *TrainingSet) {
	f := &facts{}
	f.add(trainingSetVersion, t.View.Fingerprint)
	f.add("features", t.Features...)
	s := &t.Spine
	if s.Source != nil {
		f.add("spine", s.Source.Fingerprint)
	}
	f.expr("at", s.At)
	f.expr("where", s.Where)
	for _, c := range s.Columns {
		f.expr("spine column "+strconv.Quote(c.Name), c.Expr)
	}
	f.add("keep", s.Keep...)
	if s.Sample > 0 {
		f.add("sample", strconv.FormatFloat(s.Sample, 'g', -1, 64))
		f.add("sample by", s.SampleBy...)
	}
	f.expr("label_time", t.LabelTime)
	f.expr("weight", t.Weight)
	if t.KeepNull {
		f.add("unlabelled", "keep")
	}
	for _, bound := range []struct {
		name string
		at   *int64
	}{{"start", t.Start}, {"end", t.End}} {
		if bound.at != nil {
			f.add(bound.name, strconv.FormatInt(*bound.at, 10))
		}
	}
	for i := range t.Labels {
		labelText(f, &t.Labels[i])
	}
	t.Fingerprint = fingerprint(f.String())
}

func labelText(f *facts, l *Label) {
	f.add("label", l.Name)
	f.expr("expression", l.Expr)
	if l.Feature == nil {
		return
	}
	b := baseOf(l.Source, l.Keys)
	b.delay = "" // set aside, as known_at is (I2)
	b.feature(l.Feature)
	f.add("events", l.Feature.Fingerprint)
	f.add("on", l.On...)
	f.number("within", l.Within)
}

// fingerprintModel takes a model's: all but the training function's text, of which the catalog keeps a hash by version.
func fingerprintModel(m *Model) {
	f := &facts{}
	f.add(modelVersion, m.TrainingSet.Fingerprint)
	f.add("label", m.Label)
	f.add("task", string(m.Task))
	for i, s := range m.Steps {
		f.add("step "+strconv.Itoa(i), append([]string{s.Kind, string(s.Args)}, s.Columns...)...)
	}
	f.add("split", strconv.FormatInt(m.Split.Valid, 10), strconv.FormatInt(m.Split.Test, 10))
	if m.Split.End != nil {
		f.add("end", strconv.FormatInt(*m.Split.End, 10))
	}
	if len(m.Params) > 0 {
		params, _ := json.Marshal(floatsAsNumbers(m.Params)) // of what was JSON before; its keys are sorted
		f.add("params", string(params))
	}
	if m.Remote != "" {
		f.add("remote", m.Remote)
	}
	f.add("seed", strconv.FormatInt(m.Seed, 10))
	if e := m.Environment; e != nil {
		f.add("packages", slices.Sorted(slices.Values(e.Packages))...)
		f.add("python", e.Python)
	}
	m.Fingerprint = fingerprint(f.String())
}
