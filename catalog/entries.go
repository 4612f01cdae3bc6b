package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// EntriesOf lists what a typed project would register.
func EntriesOf(p *feature.Project) []Entry {
	var out []Entry
	for _, s := range p.Sources {
		out = append(out, Entry{Kind: Source, Name: s.Name, Fingerprint: s.Fingerprint, Settings: settingsOfSource(s)})
	}
	for _, g := range p.Groups {
		group := Entry{Kind: Group, Name: g.Name, Reads: []Ref{{Source, g.Source.Name}}, Settings: settingsOfGroup(g)}
		// A group is its source and its keys; its features are entries of their own.
		parts := []string{g.Source.Fingerprint}
		for _, k := range g.Keys {
			parts = append(parts, k.Name+" "+k.Type.String())
		}
		group.Fingerprint = digest(parts...)
		out = append(out, group)
		for _, f := range g.Features {
			name := g.Name + "." + f.Name
			out = append(out, Entry{Kind: Feature, Name: name, Fingerprint: f.Fingerprint, Reads: []Ref{{Group, g.Name}}, Settings: settingsOfFeature(f)})
		}
	}
	for _, v := range p.Views {
		view := Entry{Kind: View, Name: v.Name, Fingerprint: v.Fingerprint, Settings: settingsOfView(v)}
		seen := map[Ref]bool{}
		read := func(r Ref) {
			if !seen[r] {
				seen[r] = true
				view.Reads = append(view.Reads, r)
			}
		}
		for _, c := range v.Columns {
			if c.Feature != nil {
				g := v.Joins[c.Join].Group
				read(Ref{Group, g.Name})
				read(Ref{Feature, g.Name + "." + c.Feature.Name})
			}
		}
		out = append(out, view)
	}
	for _, t := range p.TrainingSets {
		e := Entry{Kind: TrainingSet, Name: t.Name, Fingerprint: t.Fingerprint, Reads: []Ref{{View, t.View.Name}}, Settings: settingsOfTrainingSet(t)}
		if t.Spine.Source != nil {
			e.Reads = append(e.Reads, Ref{Source, t.Spine.Source.Name})
		}
		for _, l := range t.Labels {
			if l.Source != nil {
				e.Reads = append(e.Reads, Ref{Source, l.Source.Name})
			}
		}
		out = append(out, e)
	}
	for _, m := range p.Models {
		e := Entry{Kind: Model, Name: m.Name, Fingerprint: m.Fingerprint, Reads: []Ref{{TrainingSet, m.TrainingSet.Name}, {View, m.TrainingSet.View.Name}}}
		e.Settings = settingsOfModel(m)
		out = append(out, e)
	}
	for _, x := range p.Endpoints {
		// What an endpoint means is whom it asks; which versions answer is the traffic's history.
		e := Entry{Kind: Endpoint, Name: x.Name, Fingerprint: digest("endpoint", x.Model.Name), Reads: []Ref{{Model, x.Model.Name}}}
		if x.Labels != nil && x.Labels.Source != nil {
			e.Reads = append(e.Reads, Ref{Source, x.Labels.Source.Name})
		}
		e.Settings = settingsOfEndpoint(x)
		out = append(out, e)
	}
	return out
}

// digest is a fingerprint of a few words.
func digest(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\n")))
	return hex.EncodeToString(sum[:16])
}
