package feature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Code is the number of a mistake. Numbers are a promise: they stand in tests, in suppressions and in what people search for, so one
// is never used for something else, and a retired one stays empty.
type Code uint16

// String is the number as reports print it, BH012.
func (c Code) String() string { return fmt.Sprintf("BH%03d", uint16(c)) }

// ParseCode reads BH012, bh12 or 12.
func ParseCode(s string) (Code, bool) {
	s = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "BH")
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, false
	}
	_, ok := codes[Code(n)]
	return Code(n), ok
}

// Recording: what Python found, before anything was checked.
const (
	codeRaised          Code = 1
	codeSyntax          Code = 2
	codeEncoding        Code = 3
	codeMissingModule   Code = 4
	codeExited          Code = 5
	codeNotAllowed      Code = 6
	codeUnknownArgument Code = 7
	codeMissingArgument Code = 8
	codeWrongArgument   Code = 9
	codeUnknownName     Code = 10
	codeLater           Code = 11
	codeEndless         Code = 13
)

// Names.
const (
	codeUnknownColumn Code = 12
	codeBadName       Code = 14
	codeNameTwice     Code = 15
	codeFeatureTwice  Code = 16
	codeNeedsName     Code = 17
	codeColumnTwice   Code = 18
	codeReserved      Code = 19
)

// Expressions, types and plain values.
const (
	codeSQL         Code = 20
	codeWrongType   Code = 21
	codeNeedsColumn Code = 22
	codeTimeUnit    Code = 23
	codeUnknownType Code = 24
	codeBadWord     Code = 25
	codeDuration    Code = 26
	codeTooLong     Code = 27
	codeBadTime     Code = 28
	codeRange       Code = 29
	codeMeaningless Code = 30
	codeLastBit     Code = 31
	codeEngineLacks Code = 32
)

// Sources.
const (
	codeNoPlace       Code = 35
	codeSeveralPlaces Code = 36
	codeUnreadable    Code = 37
	codeSchemaDiffers Code = 38
	codeReadLesser    Code = 39
	codeSnapshot      Code = 40
)

// Groups and features.
const (
	codeEntityKeys  Code = 45
	codeEntityOnly  Code = 46
	codeNeedsEntity Code = 47
	codeInput       Code = 48
	codeParameter   Code = 49
	codeWindow      Code = 50
	codeResolution  Code = 51
	codeDefault     Code = 52
	codeDefaultIdle Code = 53
	codeSameMilli   Code = 54
)

// Views.
const (
	codeClash             Code = 60
	codeKeyTypes          Code = 61
	codeUnknownKey        Code = 62
	codeCycle             Code = 63
	codeUnknownViewColumn Code = 64
	codeEmptyView         Code = 65
)

// Training sets.
const (
	codeSpineLacks         Code = 70
	codeSpineType          Code = 71
	codeUnknownSpineColumn Code = 72
	codeTableClash         Code = 73
	codeLabelSource        Code = 74
)

// Leaks.
const (
	codeOwnRow         Code = 80
	codeWhereAhead     Code = 81
	codeLabelInRequest Code = 82
	codeLabelTimeGiven Code = 83
	codeLabelKnown     Code = 84
	codeNoLabelTime    Code = 85
	codeRevised        Code = 86
	codeShortHistory   Code = 87
)

// Not yet, and settings.
const (
	codeKeyFromFeature Code = 90
	codeJoinInSource   Code = 91
	codeRemotePlace    Code = 92
	codeSetting        Code = 95
)

// Models and endpoints. They come after the numbers of requests, for which there is room up to 129.
const (
	codeStep         Code = 130
	codeModelInput   Code = 131
	codeTask         Code = 132
	codeMetric       Code = 133
	codeSplit        Code = 134
	codeRequirement  Code = 135
	codeSticky       Code = 136
	codeUnknownLabel Code = 137
	codeAddress      Code = 138
	codeLabelsFrom   Code = 139
)

// Requests: what a caller of the server did, or why a row is not answered. They have no place in a definition file; package serve makes
// them.
const (
	CodeUnknownView    Code = 100
	CodeUnknownFeature Code = 101
	CodeUnknownField   Code = 102
	CodeAbsentField    Code = 103
	CodeIllTyped       Code = 104
	CodeBadBody        Code = 105
	CodeLookBack       Code = 106
	CodeRequiredFailed Code = 107
	CodeRequiredNull   Code = 108
	CodeTooLarge       Code = 109
	CodeNoToken        Code = 110
	CodeNoScope        Code = 111
	CodeTooOften       Code = 112
	CodeBusy           Code = 113
	CodeUnknownSource  Code = 114
	CodeNoStream       Code = 115
	CodeUnknownCall    Code = 116
	CodeDefect         Code = 117

	CodeUnknownEndpoint Code = 118
	CodeNoVersion       Code = 119
	CodeModelFailed     Code = 120
	CodeModelRefuses    Code = 121
	CodeUnknownModel    Code = 122
)

// OfRequest reports whether the number is of a request to a server, and not of a definition.
func (c Code) OfRequest() bool { return c >= CodeUnknownView && c <= CodeUnknownModel }

// codes says of each number what it is called and how bad it is.
var codes = map[Code]struct {
	severity Severity
	title    string
}{
	codeRaised:          {SeverityError, "a definition file raised"},
	codeSyntax:          {SeverityError, "a definition file is not Python"},
	codeEncoding:        {SeverityError, "a definition file is not UTF-8"},
	codeMissingModule:   {SeverityError, "a module that is not there is imported at the top"},
	codeExited:          {SeverityError, "a definition file ended Python"},
	codeNotAllowed:      {SeverityError, "a definition file did more than define"},
	codeUnknownArgument: {SeverityError, "unknown argument"},
	codeMissingArgument: {SeverityError, "missing argument"},
	codeWrongArgument:   {SeverityError, "argument of the wrong kind"},
	codeUnknownName:     {SeverityError, "unknown name"},
	codeLater:           {SeverityError, "not there yet"},
	codeUnknownColumn:   {SeverityError, "unknown column"},
	codeEndless:         {SeverityError, "a definition file does not end"},
	codeBadName:         {SeverityError, "not a name"},
	codeNameTwice:       {SeverityError, "two definitions of one name"},
	codeFeatureTwice:    {SeverityError, "two features of one name"},
	codeNeedsName:       {SeverityError, "an expression needs a name"},
	codeColumnTwice:     {SeverityError, "named twice"},
	codeReserved:        {SeverityError, "reserved name"},

	codeSQL:         {SeverityError, "mistake in an expression"},
	codeWrongType:   {SeverityError, "wrong type"},
	codeNeedsColumn: {SeverityError, "a column is needed, not an expression"},
	codeTimeUnit:    {SeverityError, "an integer used as a time has no unit"},
	codeUnknownType: {SeverityError, "unknown type"},
	codeBadWord:     {SeverityError, "not one of the words that can stand here"},
	codeDuration:    {SeverityError, "not a duration"},
	codeTooLong:     {SeverityError, "too long a time"},
	codeBadTime:     {SeverityError, "not a time"},
	codeRange:       {SeverityError, "out of range"},
	codeMeaningless: {SeverityError, "an argument that has no meaning here"},
	codeLastBit:     {SeverityError, "an engine's last bits decide"},
	codeEngineLacks: {SeverityError, "an engine cannot compute it"},

	codeNoPlace:       {SeverityError, "no place to read from"},
	codeSeveralPlaces: {SeverityError, "several places where one is needed"},
	codeUnreadable:    {SeverityError, "a place that cannot be read"},
	codeSchemaDiffers: {SeverityError, "declared and real columns differ"},
	codeReadLesser:    {SeverityWarning, "a column is read as something lesser"},
	codeSnapshot:      {SeverityError, "a snapshot has no clock of its own"},

	codeEntityKeys:  {SeverityError, "keys that are not the entity's"},
	codeEntityOnly:  {SeverityError, "over entities there is only latest"},
	codeNeedsEntity: {SeverityError, "latest needs an entity source"},
	codeInput:       {SeverityError, "an input that the aggregation does not take"},
	codeParameter:   {SeverityError, "a wrong parameter of an aggregation"},
	codeWindow:      {SeverityError, "not a window"},
	codeResolution:  {SeverityError, "not a resolution of this window"},
	codeDefault:     {SeverityError, "a default of another type"},
	codeDefaultIdle: {SeverityWarning, "a default that is never used"},
	codeSameMilli:   {SeverityHint, "columns from different rows of one millisecond"},

	codeClash:             {SeverityError, "two columns of one name in a view"},
	codeKeyTypes:          {SeverityError, "one key, two types"},
	codeUnknownKey:        {SeverityError, "not a key of the group"},
	codeCycle:             {SeverityError, "derived columns that need each other"},
	codeUnknownViewColumn: {SeverityError, "not a column of the view"},
	codeEmptyView:         {SeverityError, "a view without columns"},

	codeSpineLacks:         {SeverityError, "the spine lacks what the view needs"},
	codeSpineType:          {SeverityError, "spine and view disagree on a type"},
	codeUnknownSpineColumn: {SeverityError, "not a key or request field of the view"},
	codeTableClash:         {SeverityError, "two columns of one name in a training set"},
	codeLabelSource:        {SeverityError, "a label that is no span of events"},

	codeOwnRow:         {SeverityWarning, "a feature sees the spine's own row"},
	codeWhereAhead:     {SeverityWarning, "the spine's where may look forward"},
	codeLabelInRequest: {SeverityError, "the request holds the label"},
	codeLabelTimeGiven: {SeverityWarning, "the request holds the label's time"},
	codeLabelKnown:     {SeverityWarning, "the label is known beforehand"},
	codeNoLabelTime:    {SeverityWarning, "an end without a label time"},
	codeRevised:        {SeverityWarning, "rows were revised, and nothing says when"},
	codeShortHistory:   {SeverityWarning, "history begins after the spine does"},

	codeKeyFromFeature: {SeverityError, "not yet: a feature as a key"},
	codeJoinInSource:   {SeverityError, "not yet: a join inside a source"},
	codeRemotePlace:    {SeverityError, "not yet: a place of this kind"},
	codeSetting:        {SeverityError, "a setting that check does not know"},

	codeStep:         {SeverityError, "a step that cannot be done"},
	codeModelInput:   {SeverityError, "a column that the model does not take"},
	codeTask:         {SeverityError, "a label that is not of the task's kind"},
	codeMetric:       {SeverityError, "a metric that the task does not have"},
	codeSplit:        {SeverityError, "a split with an empty part"},
	codeRequirement:  {SeverityError, "a package that is not pinned"},
	codeSticky:       {SeverityError, "not a key or request field"},
	codeUnknownLabel: {SeverityError, "not one label of the training set"},
	codeAddress:      {SeverityError, "not the address of a model"},
	codeLabelsFrom:   {SeverityError, "labels that do not find their predictions"},

	CodeUnknownView:    {SeverityError, "a view that is not served"},
	CodeUnknownFeature: {SeverityError, "a column that the view does not have"},
	CodeUnknownField:   {SeverityError, "a field that the view does not take"},
	CodeAbsentField:    {SeverityError, "a key or field is absent"},
	CodeIllTyped:       {SeverityError, "a key or field of another type"},
	CodeBadBody:        {SeverityError, "a request that cannot be read"},
	CodeLookBack:       {SeverityError, "an as-of time that cannot be answered online"},
	CodeRequiredFailed: {SeverityError, "a required feature could not be had"},
	CodeRequiredNull:   {SeverityError, "a required value is null"},
	CodeTooLarge:       {SeverityError, "a request that is too large"},
	CodeNoToken:        {SeverityError, "no token, or one that is not known"},
	CodeNoScope:        {SeverityError, "a token that may not do this"},
	CodeTooOften:       {SeverityError, "more requests than the token may make"},
	CodeBusy:           {SeverityError, "the server is busy"},
	CodeUnknownSource:  {SeverityError, "a source or topic that takes no events"},
	CodeNoStream:       {SeverityError, "events cannot be taken now"},
	CodeUnknownCall:    {SeverityError, "no such call"},
	CodeDefect:         {SeverityError, "a defect of the server"},

	CodeUnknownEndpoint: {SeverityError, "an endpoint that is not served"},
	CodeNoVersion:       {SeverityError, "an endpoint without a version that can answer"},
	CodeModelFailed:     {SeverityError, "a model that could not answer"},
	CodeModelRefuses:    {SeverityError, "a row that the model does not take"},
	CodeUnknownModel:    {SeverityError, "a model that is not served"},
}

// Codes lists every number, ascending.
func Codes() []Code {
	out := make([]Code, 0, len(codes))
	for c := range codes {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// Title is what the number is called.
func (c Code) Title() string { return codes[c].title }

// Severity is how bad it is.
func (c Code) Severity() Severity { return codes[c].severity }
