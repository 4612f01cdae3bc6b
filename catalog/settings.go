package catalog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Setting is something of an entry that changes no value and is in no fingerprint: how it is served, where its rows are, what it is about.
type Setting struct {
	Name string `json:"name"`
	Is   string `json:"is"`
}

// settings gathers those that are set.
type settings []Setting

func (s *settings) add(name, is string) {
	if is != "" {
		*s = append(*s, Setting{name, is})
	}
}

func (s *settings) duration(name string, ms int64) { s.add(name, value.FormatDuration(ms)) }

func settingsOfSource(x *feature.Source) []Setting {
	s := settings{}
	s.place(&x.Place)
	s.duration("lateness", x.Lateness)
	s.add("pii", strings.Join(x.PII, ", "))
	s.add("columns", columnsText(x.Schema))
	return s
}

func (s *settings) place(p *feature.Place) {
	s.add("path", p.Path)
	s.add("table", p.Table)
	s.add("topic", p.Topic)
	s.add("format", p.Format)
	s.add("time_unit", p.TimeUnit)
	s.add("times", strings.Join(p.TimeColumns, ", "))
	s.add("columns of the table", selectText(p.TableSelect))
	s.add("columns of the topic", selectText(p.TopicSelect))
	s.add("time_unit of the topic", p.TopicTimeUnit)
	s.add("format of the topic", p.TopicFormat)
}

func selectText(of []feature.Select) string {
	var out []string
	for _, x := range of {
		out = append(out, x.Column+" = "+x.SQL)
	}
	return strings.Join(out, ", ")
}

func columnsText(schema value.Schema) string {
	var out []string
	for _, f := range schema {
		out = append(out, f.Name+" "+f.Type.String())
	}
	return strings.Join(out, ", ")
}

func settingsOfGroup(g *feature.Group) []Setting {
	s := settings{}
	s.duration("flush", g.Flush)
	s.duration("max_staleness", g.MaxStaleness)
	s.duration("deadline", g.Deadline)
	s.about(g.Owner, g.Description, g.Tags)
	return s
}

func settingsOfFeature(f *feature.Feature) []Setting {
	s := settings{}
	switch {
	case f.Typical:
		s.add("fallback", "typical")
	case !f.Fallback.IsNull():
		s.add("fallback", f.Fallback.String())
	}
	s.add("description", f.Description)
	return s
}

func settingsOfView(v *feature.View) []Setting {
	s := settings{}
	var names, required, requiredValue []string
	for _, c := range v.Columns {
		names = append(names, c.Name)
		if c.Required {
			required = append(required, c.Name)
		}
		if c.RequiredValue {
			requiredValue = append(requiredValue, c.Name)
		}
	}
	s.add("names", strings.Join(names, ", "))
	s.add("required", strings.Join(required, ", "))
	s.add("required_value", strings.Join(requiredValue, ", "))
	s.add("description", v.Description)
	return s
}

func settingsOfTrainingSet(t *feature.TrainingSet) []Setting {
	s := settings{}
	s.place(&t.Spine.Place)
	var labels []string
	for _, l := range t.Labels {
		labels = append(labels, l.Name)
	}
	s.add("labels", strings.Join(labels, ", "))
	return s
}

func settingsOfModel(m *feature.Model) []Setting {
	s := settings{}
	if m.Remote == "" {
		s.add("train", m.Train.Name+" in "+m.Train.File)
		s.add("as", m.Train.As)
	}
	s.add("metrics", strings.Join(m.Metrics, ", "))
	if m.Gate != nil {
		s.add("gate", m.Gate.Text)
	}
	if m.Pickle {
		s.add("pickle", "True")
	}
	s.about(m.Owner, m.Description, m.Tags)
	return s
}

func settingsOfEndpoint(e *feature.Endpoint) []Setting {
	s := settings{}
	var traffic []string
	for _, w := range e.Traffic {
		traffic = append(traffic, w.Version+" "+strconv.FormatFloat(w.Weight, 'g', -1, 64))
	}
	s.add("traffic", strings.Join(traffic, ", "))
	s.add("shadow", e.Shadow)
	switch {
	case e.FallbackLast:
		s.add("fallback", "last")
	case e.FallbackPopular:
		s.add("fallback", "popular")
	case !e.Fallback.IsNull():
		s.add("fallback", e.Fallback.String())
	}
	s.add("degraded_when", e.DegradedWhen.String())
	s.duration("deadline", e.Deadline)
	s.add("sticky", e.Sticky)
	if e.MaxBatch > 0 {
		s.add("max_batch", strconv.Itoa(e.MaxBatch))
		s.duration("max_delay", e.MaxDelay)
	}
	if l := e.Labels; l != nil {
		s.add("labels", l.Name())
		if l.Trained != nil {
			s.about(e.Owner, e.Description, e.Tags)
			return s
		}
		s.add("labels: value", l.Value.String())
		s.add("labels: at", l.At.String())
		s.add("labels: on", onText(l))
		if l.Where != nil {
			s.add("labels: where", l.Where.String())
		}
		if l.ID == nil {
			s.add("labels: take", l.Take.String())
		}
	}
	s.about(e.Owner, e.Description, e.Tags)
	return s
}

// onText says how the rows of a label source find their predictions.
func onText(l *feature.LabelSource) string {
	if l.ID != nil {
		return l.ID.String()
	}
	var on []string
	for _, c := range l.On {
		on = append(on, c.Name+" = "+c.Expr.String())
	}
	return strings.Join(on, ", ")
}

func (s *settings) about(owner, description string, tags []string) {
	s.add("owner", owner)
	s.add("description", description)
	s.add("tags", strings.Join(tags, ", "))
}

// differences says how settings differ, one line each: what was and what is.
func differences(was, is []Setting) []string {
	old, now := map[string]string{}, map[string]string{}
	var names []string
	for _, x := range was {
		old[x.Name] = x.Is
		names = append(names, x.Name)
	}
	for _, x := range is {
		if _, known := old[x.Name]; !known {
			names = append(names, x.Name)
		}
		now[x.Name] = x.Is
	}
	var out []string
	for _, n := range names {
		if old[n] != now[n] {
			out = append(out, fmt.Sprintf("%s %s → %s", n, shown(old[n]), shown(now[n])))
		}
	}
	return out
}

func shown(is string) string {
	if is == "" {
		return "none"
	}
	return is
}
