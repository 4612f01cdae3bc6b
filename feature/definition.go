package feature

// This file is the recorded definition: what the Python SDK wrote down, argument by argument, before anything is
// decided. SQL, durations, times and types stay text, whether they mean something is check's question; an absent
// argument is nil, and its default is check's too. Every object and every argument knows its place.
//
// The same shapes as JSON are documented by schema/definitions.schema.json and read by Decode.

// FormatVersion is the version of the JSON between the SDK and the binary. It changes with every change of shape. What earlier
// binaries applied stands in catalogs, so Decode reads the formats before it too: 1 had neither models nor endpoints.
const FormatVersion = 2

// Definitions is everything that one recording saw, in the order in which Python made it.
type Definitions struct {
	Version      int              `json:"version"`          // FormatVersion
	SDK          string           `json:"sdk"`              // version of the SDK that recorded
	Python       string           `json:"python,omitempty"` // version of the interpreter, for reports
	Files        []FileDef        `json:"files,omitzero"`
	Sources      []SourceDef      `json:"sources,omitzero"`
	Groups       []GroupDef       `json:"groups,omitzero"`
	Views        []ViewDef        `json:"views,omitzero"`
	TrainingSets []TrainingSetDef `json:"training_sets,omitzero"`
	Models       []ModelDef       `json:"models,omitzero"`
	Endpoints    []EndpointDef    `json:"endpoints,omitzero"`
	Mistakes     []Mistake        `json:"mistakes,omitzero"`
}

// FileDef is a source text that positions point into. Text is set where no such file is on disk: a notebook's cell.
type FileDef struct {
	Path string  `json:"path"`
	Text *string `json:"text,omitempty"`
}

// Mistake is what Python itself found wrong: an unknown argument, an argument of another kind than its place takes, a
// file that raised. Check reports it with its own.
type Mistake struct {
	Site
	Kind       MistakeKind `json:"kind"`
	Message    string      `json:"message"`
	Cure       string      `json:"cure,omitempty"`
	Got        string      `json:"got,omitempty"`   // the name that is not known, for the nearest one
	Names      []string    `json:"names,omitempty"` // the names that are, in the order of the documentation
	Traceback  string      `json:"traceback,omitempty"`
	Definition string      `json:"definition,omitempty"` // `feature group "carrier"`, where it is one's
}

// MistakeKind classes what Python found wrong.
type MistakeKind string

// The kinds of mistakes that Python reports.
const (
	UnknownArgument MistakeKind = "unknown_argument" // no such keyword or too many positional arguments; Got, Names
	MissingArgument MistakeKind = "missing_argument" // a required argument was not given
	WrongArgument   MistakeKind = "wrong_argument"   // an int where a string belongs, a view where a group does
	UnknownName     MistakeKind = "unknown_name"     // bh.summ; Got, Names
	FileRaised      MistakeKind = "raised"           // the definition file raised; Traceback
	BadSyntax       MistakeKind = "syntax"           // Python cannot parse the file
	BadEncoding     MistakeKind = "encoding"         // the file is not UTF-8
	MissingModule   MistakeKind = "missing_module"   // an import at the top that bare Python does not have
	FileExited      MistakeKind = "exited"           // sys.exit, os._exit
	NotAllowed      MistakeKind = "not_allowed"      // network, files, processes while recording
	NotYet          MistakeKind = "not_yet"          // a name of the surface that comes later
	TimedOut        MistakeKind = "timed_out"        // still running when its time was up; At is where it was
	Unfit           MistakeKind = "unfit"            // not Python's: what a step of a pipeline cannot learn from the rows that there are
	Crashed         MistakeKind = "crashed"          // Python itself ended; At is the file that ran
)

// Ref points to another recorded object by its place in the list that it belongs to.
type Ref struct {
	Index int  `json:"index"`
	At    Span `json:"at"`
}

// Arg is a plain argument and its place.
type Arg[T int64 | float64 | bool] struct {
	Value T    `json:"value"`
	At    Span `json:"at"`
}

// About is what a definition says of itself; none of it changes a value.
type About struct {
	Owner       *Text  `json:"owner,omitempty"`
	Description *Text  `json:"description,omitempty"`
	Tags        []Text `json:"tags,omitempty"`
}

// Flawed names the arguments that Python has already reported and therefore left out, so that check does not complain
// of their absence a second time.
type Flawed []string

// Has tells whether the argument was given but could not be recorded.
func (f Flawed) Has(argument string) bool {
	for _, a := range f {
		if a == argument {
			return true
		}
	}
	return false
}

// SourceKind is event or entity.
type SourceKind string

// The two kinds of sources; they share one namespace.
const (
	EventSource  SourceKind = "event"
	EntitySource SourceKind = "entity"
)

// SourceDef is bh.EventSource or bh.EntitySource. Keys, Deleted and Snapshot are an entity source's; ID and Again an
// event source's.
type SourceDef struct {
	Site
	Kind SourceKind `json:"kind"`
	Name Text       `json:"name"`

	// Again is the source that this one was made from by .again(). What it did not override is copied here already,
	// with the places of the original; the reference is for places that a project's settings override.
	Again *Ref `json:"again,omitempty"`

	Path    *Text       `json:"path,omitempty"`
	Table   *PlaceDef   `json:"table,omitempty"`
	Topic   *PlaceDef   `json:"topic,omitempty"`
	Columns []ColumnDef `json:"columns,omitzero"`
	Format  *Text       `json:"format,omitempty"`

	Time     *Text  `json:"time,omitempty"` // a column or SQL
	TimeUnit *Text  `json:"time_unit,omitempty"`
	ID       *Text  `json:"id,omitempty"`
	Keys     []Text `json:"keys,omitzero"`
	Where    *Text  `json:"where,omitempty"`    // SQL
	OrderBy  []Text `json:"order_by,omitzero"`  // columns or SQL
	KnownAt  *Text  `json:"known_at,omitempty"` // a column or SQL
	Deleted  *Text  `json:"deleted,omitempty"`
	Snapshot *Text  `json:"snapshot,omitempty"`
	Delay    *Text  `json:"delay,omitempty"`    // a duration
	Lateness *Text  `json:"lateness,omitempty"` // a duration
	PII      []Text `json:"pii,omitzero"`

	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// PlaceDef is a table or a topic: a name, or bh.Table / bh.Topic where its columns differ from the path's.
type PlaceDef struct {
	Site
	Name     Text       `json:"name"`
	Select   []NamedSQL `json:"select,omitzero"` // the source's column ← SQL over the place's own
	TimeUnit *Text      `json:"time_unit,omitempty"`
	Flawed   Flawed     `json:"flawed,omitempty"`
}

// NamedSQL is an entry of a dictionary of expressions, in the author's order.
type NamedSQL struct {
	Name Text `json:"name"`
	SQL  Text `json:"sql"`
}

// TypeDef is a declared type in its textual form, as value.Type prints and parses it: "int", "list<string>",
// "struct<a:int,b:string>".
type TypeDef struct {
	Type     string `json:"type"`
	Optional bool   `json:"optional,omitempty"` // bh.optional(T): may be absent from a request
	At       Span   `json:"at"`
}

// ColumnDef is a declared column of a source, or a field of a request.
type ColumnDef struct {
	Name Text    `json:"name"`
	Type TypeDef `json:"type"`
}

// GroupDef is bh.FeatureGroup. Keys is nil where it was not given, which is right over an entity source alone.
type GroupDef struct {
	Site
	Name         Text         `json:"name"`
	Source       *Ref         `json:"source,omitempty"` // into Definitions.Sources
	Keys         []Text       `json:"keys,omitzero"`
	Features     []FeatureDef `json:"features,omitzero"`
	Flush        *Text        `json:"flush,omitempty"`         // a duration
	MaxStaleness *Text        `json:"max_staleness,omitempty"` // a duration
	Deadline     *Text        `json:"deadline,omitempty"`      // a duration
	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// FeatureDef is one call of an aggregation. With several windows it stands for as many features; bh.latest of several
// columns is recorded as one FeatureDef each.
type FeatureDef struct {
	Site
	Aggregation string `json:"aggregation"` // as in §5 of the contract
	Name        *Text  `json:"name,omitempty"`
	Input       *Text  `json:"input,omitempty"`  // a column or SQL; nil where the aggregation takes none
	Windows     []Text `json:"windows,omitzero"` // durations; nil: unbounded; empty: the author wrote []
	Where       *Text  `json:"where,omitempty"`  // SQL
	By          *Text  `json:"by,omitempty"`     // a column
	Description *Text  `json:"description,omitempty"`

	ByMax    *Arg[int64]   `json:"by_max,omitempty"`
	K        *Arg[int64]   `json:"k,omitempty"`
	Max      *Arg[int64]   `json:"max,omitempty"`
	LgK      *Arg[int64]   `json:"lg_k,omitempty"`
	Q        *Arg[float64] `json:"q,omitempty"`
	Accuracy *Arg[float64] `json:"accuracy,omitempty"`
	Sample   *Arg[bool]    `json:"sample,omitempty"`

	Default  *Literal `json:"default,omitempty"`
	Fallback *Literal `json:"fallback,omitempty"`

	Resolution *Text      `json:"resolution,omitempty"` // a duration or "exact"
	Offset     *Text      `json:"offset,omitempty"`     // a duration
	Refresh    *Text      `json:"refresh,omitempty"`    // "daily"
	Tumbling   *Arg[bool] `json:"tumbling,omitempty"`
	Origin     *Text      `json:"origin,omitempty"` // a time

	// Of a label alone: what happens within a span after `at`.
	Source *Ref   `json:"source,omitempty"`
	Keys   []Text `json:"keys,omitzero"`
	Within *Text  `json:"within,omitempty"` // a duration

	Flawed Flawed `json:"flawed,omitempty"`
}

// ViewDef is bh.FeatureView.
type ViewDef struct {
	Site
	Name          Text        `json:"name"`
	Groups        []GroupUse  `json:"groups,omitzero"`
	Request       []ColumnDef `json:"request,omitzero"`
	Derive        []NamedSQL  `json:"derive,omitzero"`
	Required      []Text      `json:"required,omitzero"`
	RequiredValue []Text      `json:"required_value,omitzero"`
	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// GroupUse is a group in a view. At is its place in the view's list.
type GroupUse struct {
	Group  Ref      `json:"group"` // into Definitions.Groups
	Prefix *Text    `json:"prefix,omitempty"`
	On     []KeyUse `json:"on,omitzero"`
}

// KeyUse maps a group's key to a column of the view: .on(carrier="operating_carrier").
type KeyUse struct {
	Key    Text `json:"key"`
	Column Text `json:"column"`
}

// ViewUse is a view in a training set, possibly cut to some of its columns by .select([…]); Select is nil for all.
type ViewUse struct {
	View   Ref    `json:"view"` // into Definitions.Views
	Select []Text `json:"select,omitzero"`
}

// TrainingSetDef is bh.TrainingSet.
type TrainingSetDef struct {
	Site
	Name       Text       `json:"name"`
	View       *ViewUse   `json:"view,omitempty"`
	Spine      *SpineDef  `json:"spine,omitempty"`
	Labels     []LabelDef `json:"labels,omitzero"`
	LabelTime  *Text      `json:"label_time,omitempty"` // SQL over the spine
	Unlabelled *Text      `json:"unlabelled,omitempty"` // "drop"
	Weight     *Text      `json:"weight,omitempty"`     // SQL over the spine
	Start      *Text      `json:"start,omitempty"`      // a time
	End        *Text      `json:"end,omitempty"`        // a time
	Features   []Text     `json:"features,omitzero"`
	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// SpineDef is bh.Spine: one of Source, Path and Table says where its rows are.
type SpineDef struct {
	Site
	Source   *Ref          `json:"source,omitempty"`
	Path     *Text         `json:"path,omitempty"`
	Table    *PlaceDef     `json:"table,omitempty"`
	AsOf     *Text         `json:"as_of,omitempty"` // at=: SQL over the spine
	Where    *Text         `json:"where,omitempty"`
	Columns  []NamedSQL    `json:"columns,omitzero"` // view key or request field ← SQL over the spine
	Keep     []Text        `json:"keep,omitzero"`
	Sample   *Arg[float64] `json:"sample,omitempty"`
	SampleBy *Text         `json:"sample_by,omitempty"`
	Flawed   Flawed        `json:"flawed,omitempty"`
}

// LabelDef is one label: SQL over the spine's row, or an aggregation of a source's events within a span after `at`.
// Exactly one of SQL and Within is set.
type LabelDef struct {
	Name   Text        `json:"name"`
	SQL    *Text       `json:"sql,omitempty"`
	Within *FeatureDef `json:"within,omitempty"`
}

// ModelDef is bh.Model.
type ModelDef struct {
	Site
	Name        Text            `json:"name"`
	TrainingSet *Ref            `json:"training_set,omitempty"` // into Definitions.TrainingSets
	Pipeline    *PipelineDef    `json:"pipeline,omitempty"`     // nil: the view's columns go in as they are
	Train       *FunctionDef    `json:"train,omitempty"`
	Remote      *Text           `json:"remote,omitempty"` // the address of a model that is trained, and answers, elsewhere
	As          *Text           `json:"as,omitempty"`     // "pandas"
	Task        *Text           `json:"task,omitempty"`
	Label       *Text           `json:"label,omitempty"` // nil: the only one
	Split       *SplitDef       `json:"split,omitempty"`
	Environment *EnvironmentDef `json:"environment,omitempty"`
	Metrics     []Text          `json:"metrics,omitzero"`
	Gate        *Text           `json:"gate,omitempty"`   // an expression over metrics
	Params      *Literal        `json:"params,omitempty"` // a map
	Seed        *Arg[int64]     `json:"seed,omitempty"`
	Pickle      *Arg[bool]      `json:"pickle,omitempty"`
	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// PipelineDef is bh.Pipeline.
type PipelineDef struct {
	Site
	Steps  []StepDef `json:"steps"`
	Flawed Flawed    `json:"flawed,omitempty"`
}

// StepDef is one call of a step's function.
type StepDef struct {
	Site
	Kind    string   `json:"kind"`             // as in package transform
	Columns []Text   `json:"columns,omitzero"` // names, globs, selectors such as "@numeric"
	Args    []ArgDef `json:"args,omitzero"`
	Flawed  Flawed   `json:"flawed,omitempty"`
}

// ArgDef is an argument of a step.
type ArgDef struct {
	Name  string  `json:"name"`
	Value Literal `json:"value"`
}

// FunctionDef is a Python function that is found again by its name and file.
type FunctionDef struct {
	At   Span   `json:"at"` // of the argument
	Name string `json:"name"`
	Def  Span   `json:"def"` // of its name where it is defined
}

// SplitDef is bh.TimeSplit.
type SplitDef struct {
	Site
	Valid  *Text  `json:"valid,omitempty"` // a time
	Test   *Text  `json:"test,omitempty"`  // a time
	End    *Text  `json:"end,omitempty"`   // a time
	Flawed Flawed `json:"flawed,omitempty"`
}

// EnvironmentDef is bh.Environment.
type EnvironmentDef struct {
	Site
	Packages []Text `json:"packages,omitzero"` // requirements
	Python   *Text  `json:"python,omitempty"`
	Flawed   Flawed `json:"flawed,omitempty"`
}

// EndpointDef is bh.Endpoint.
type EndpointDef struct {
	Site
	Name         Text        `json:"name"`
	Model        *Ref        `json:"model,omitempty"` // into Definitions.Models
	Traffic      []WeightDef `json:"traffic,omitzero"`
	Shadow       *Text       `json:"shadow,omitempty"`
	Fallback     *Literal    `json:"fallback,omitempty"`
	DegradedWhen *Text       `json:"degraded_when,omitempty"` // an expression over share_defaulted
	Deadline     *Text       `json:"deadline,omitempty"`      // a duration
	Sticky       *Text       `json:"sticky,omitempty"`
	MaxBatch     *Arg[int64] `json:"max_batch,omitempty"`
	MaxDelay     *Text       `json:"max_delay,omitempty"` // a duration

	Labels *LabelSourceDef `json:"labels,omitempty"` // where the truth of its predictions comes to be known
	About
	Flawed Flawed `json:"flawed,omitempty"`
}

// LabelSourceDef is bh.LabelSource: one of Source, Path and Table says where its rows are. Or it is a word alone.
type LabelSourceDef struct {
	Site
	Word   *Text      `json:"word,omitempty"`   // "training": what the model learned, of history
	Source *Ref       `json:"source,omitempty"` // into Definitions.Sources
	Path   *Text      `json:"path,omitempty"`
	Table  *PlaceDef  `json:"table,omitempty"`
	Value  *Text      `json:"value,omitempty"` // SQL over the row: the truth
	AsOf   *Text      `json:"as_of,omitempty"` // at=: SQL over the row, when it was known
	On     []NamedSQL `json:"on,omitzero"`     // view key or request field ← SQL over the row; nil: rows name predictions themselves
	Where  *Text      `json:"where,omitempty"` // SQL
	Take   *Text      `json:"take,omitempty"`  // "only"
	Flawed Flawed     `json:"flawed,omitempty"`
}

// WeightDef is a version's part of an endpoint's requests.
type WeightDef struct {
	Version Text         `json:"version"` // an alias or a number
	Weight  Arg[float64] `json:"weight"`
}
