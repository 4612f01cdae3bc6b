package feature

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// noPlace is a source or spine that says nowhere where its rows are.
func (r *reporter) noPlace(at Span, what string) {
	r.add(codeNoPlace, at, "%s has no place to read from", what).
		cure(`give path="data/….parquet", table="…", or columns={…} where rows are only pushed or written in tests`)
}

// topicNeedsColumns is a source with a topic alone.
func (r *reporter) topicNeedsColumns(at Span, what string) {
	r.add(codeNoPlace, at, "%s has a topic alone, and nothing says which columns it has", what).
		cure(`add columns={"name": bh.Int, …}, or the path= of its history`)
}

// severalPlaces is a source or spine that is given more than once.
func (r *reporter) severalPlaces(at Span, what string, given []string) {
	r.add(codeSeveralPlaces, at, "%s is given by %s", what, strings.Join(given, " and by ")).
		cure("keep one of them; another one in another environment is a line of bighead.toml")
}

// unreadable is a place whose columns could not be found out.
func (r *reporter) unreadable(at Span, what string, p Place, err error) {
	cure := "check the path; relative ones start at the folder of bighead.toml"
	if p.Path == "" {
		cure = "where the table's catalog is stands in bighead.toml; bighead doctor asks it"
	}
	r.add(codeUnreadable, at, "%s cannot be read: %v", what, err).cure("%s", cure)
}

// remotePlace is a path of a scheme that nothing reads yet.
func (r *reporter) remotePlace(t Text, scheme string) {
	r.add(codeRemotePlace, part(t, 0, len(scheme)+len("://")), "not yet: %s:// cannot be read", scheme).
		cure("copy the files to this machine or mount the bucket, and give that path")
}

// readLesser passes on what a reader does to a column.
func (r *reporter) readLesser(at Span, what, warning string) {
	r.add(codeReadLesser, at, "%s: %s", what, warning)
}

// declaredMissing is a declared column that the file does not have.
func (r *reporter) declaredMissing(at Span, name, place string, columns []string) {
	r.add(codeSchemaDiffers, at, "column %q is declared, and %s does not have it", name, place).choose(name, "columns", columns)
}

// declaredDiffers is a declared column that has another type in the file.
func (r *reporter) declaredDiffers(at Span, name, place string, declared, real value.Type) {
	p := r.add(codeSchemaDiffers, at, "column %q is declared %s, and is %s in %s", name, declared, real, place)
	if declared.Kind == value.KindTimestamp && real.Kind == value.KindInt {
		p.cure(`integers become times with time_unit="s", "ms", "us" or "ns"`)
		return
	}
	p.cure("declare it as %s, or leave it out: the file says its type", typeName(real))
}

// typeName is a type as Python writes it.
func typeName(t value.Type) string {
	switch t.Kind {
	case value.KindList:
		return "bh.List(" + typeName(*t.Elem) + ")"
	case value.KindMap:
		return "bh.Map(" + typeName(*t.Elem) + ")"
	case value.KindStruct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = fmt.Sprintf("%q: %s", f.Name, typeName(f.Type))
		}
		return "bh.Struct({" + strings.Join(parts, ", ") + "})"
	case value.KindNull:
		return "null"
	}
	name := t.String()
	return "bh." + strings.ToUpper(name[:1]) + name[1:]
}

// snapshotClock is an argument that a snapshot table has no use for.
func (r *reporter) snapshotClock(at Span, argument string) {
	r.add(codeSnapshot, at, "a snapshot source takes no %s: its partitions say when its rows are true", argument).
		cure("leave %s out, or leave snapshot= out for a table of changes", argument)
}

// entityKeys is a group over an entity source whose keys are not the entity's.
func (r *reporter) entityKeys(at Span, source string, keys []string) {
	r.add(codeEntityKeys, at, "source %q holds one row for each %s, and the group asks by something else", source, strings.Join(keys, ", ")).
		cure("leave keys= out, or make an event source of the file and use last_row")
}

// entityOnly is what cannot be said of a feature over entities.
func (r *reporter) entityOnly(at Span, what, source, cure string) {
	r.add(codeEntityOnly, at, "%s over the entity source %q", what, source).cure("%s", cure)
}

// needsEntity is latest over events.
func (r *reporter) needsEntity(at Span, source string) {
	r.add(codeNeedsEntity, at, "latest reads entities, and source %q holds events", source).
		cure("use last, which skips nulls, or last_row, which keeps them")
}
