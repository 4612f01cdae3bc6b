package feature

// AsView is the group as a view of its own: its keys are asked, its features answered by their own names. It is what callers ask who know
// groups and no views.
func (g *Group) AsView() *View {
	v := &View{Name: g.Name, Pos: g.Pos, Keys: g.Keys, Description: g.Description, Joins: []Join{{Group: g}}}
	for _, k := range g.Keys {
		v.Joins[0].On = append(v.Joins[0].On, k.Name)
	}
	for _, f := range g.Features {
		v.Columns = append(v.Columns, ViewColumn{Name: f.Name, Type: f.Type, Kind: FeatureColumn, Feature: f})
	}
	fingerprintView(v)
	return v
}
