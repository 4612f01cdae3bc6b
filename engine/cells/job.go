package cells

import (
	"math"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

// Job is one scan: for some days, what is to be made of them.
type Job struct {
	Source  *Source
	Days    []Stretch // ascending
	Targets []*Target
	Columns []string // to read, in the source's order
	commit  int      // Options.CommitDays
}

// Stretch is days in which the same is to be made of the same files.
type Stretch struct {
	From, To int64
	Parts    []int // of the source
	needs    []need
}

// need is folds of a set that are to be made for some days.
type need struct {
	set   *Set
	folds []int
}

// Target is what a job makes of one set.
type Target struct {
	Set   *Set
	Folds []int // of the set's plan
	Files []*FileKind
	job   *Job
}

// FileKind is the folds whose tiles are of one length: they stand in one file.
type FileKind struct {
	Step    int64
	Folds   []int // indexes into the target's
	Columns []tiletable.Column
}

func (w *work) newJob(s *Source, needs []need) *Job {
	j := &Job{Source: s, commit: w.options.CommitDays}
	want := map[string]bool{}
	for _, n := range needs {
		t := &Target{Set: n.set, Folds: n.folds, job: j}
		for k, i := range n.folds {
			step := n.set.Plan.Folds[i].Step
			f := slices.IndexFunc(t.Files, func(f *FileKind) bool { return f.Step == step })
			if f < 0 {
				f = len(t.Files)
				t.Files = append(t.Files, &FileKind{Step: step})
			}
			t.Files[f].Folds = append(t.Files[f].Folds, k)
			t.Files[f].Columns = append(t.Files[f].Columns, n.set.Columns[i])
		}
		j.Targets = append(j.Targets, t)
		for _, c := range n.set.Plan.Read(n.folds) {
			want[c] = true
		}
	}
	whole := w.options.Whole && s.Source.ID != ""
	j.Columns = slices.DeleteFunc(s.Source.Schema.Names(), func(c string) bool { return !whole && !want[c] })
	return j
}

// Again is the job for some of its days, ascending, with all columns.
func (j *Job) Again(days []int64) *Job {
	w := &Job{Source: j.Source, commit: j.commit, Columns: j.Source.Source.Schema.Names()}
	for _, t := range j.Targets {
		again := *t
		again.job = w
		w.Targets = append(w.Targets, &again)
	}
	for _, day := range days {
		st := *j.StretchOf(day)
		st.From, st.To = day, day+1
		w.Days = append(w.Days, st)
	}
	return w
}

// Parts are the files that the job reads, by their places in the source's table.
func (j *Job) Parts() []int {
	var out []int
	for _, d := range j.Days {
		out = append(out, d.Parts...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Rows is about how many rows the files have.
func (j *Job) Rows() int64 {
	n := int64(0)
	for _, i := range j.Parts() {
		n += rowsOf(&j.Source.Table.Parts()[i])
	}
	return n
}

// rowsOf is how many rows a file has, or a guess.
func rowsOf(p *dataset.Part) int64 {
	if p.Rows >= 0 {
		return p.Rows
	}
	return p.Size / textRow
}

// textRow is a guess at the bytes of a row in a file that does not say how many it has.
const textRow = 64

// StretchOf finds the stretch that a day lies in; nil: the day is none of the job's.
func (j *Job) StretchOf(day int64) *Stretch {
	i, found := slices.BinarySearchFunc(j.Days, day, func(s Stretch, day int64) int { return int(min(max(s.From-day, -1), 1)) })
	if !found {
		i--
	}
	if i < 0 || day >= j.Days[i].To {
		return nil
	}
	return &j.Days[i]
}

// goesOn reports whether days belong into the scan of those before them: they follow, or are in the same files. Others are better read
// apart, without the rows that lie between.
func (j *Job) goesOn(st Stretch) bool {
	last := j.Days[len(j.Days)-1]
	return last.To == st.From || slices.ContainsFunc(st.Parts, func(p int) bool { return slices.Contains(last.Parts, p) })
}

// Ranges let the table skip what lies outside the job's days.
func (j *Job) Ranges() []dataset.Range {
	name, ok := j.Source.Source.Time.Column()
	if !ok {
		return nil
	}
	clamp := func(ms int64) value.Value {
		return value.OfTimestamp(min(max(ms, value.MinTimestamp), value.MaxTimestamp))
	}
	return []dataset.Range{{Column: name, Min: clamp(j.Days[0].From * value.DayMS), Max: clamp(j.Days[len(j.Days)-1].To*value.DayMS - 1)}}
}

// Scanned notes in the report what was read of the job's files.
func (j *Job) Scanned(counts dataset.Counts) {
	j.Source.Report.Read.Add(counts)
	j.note()
}

// note notes which files are read and which columns, in the source's order.
func (j *Job) note() {
	s := j.Source
	s.Report.Columns = slices.DeleteFunc(s.Source.Schema.Names(), func(c string) bool {
		return !slices.Contains(j.Columns, c) && !slices.Contains(s.Report.Columns, c)
	})
	for _, p := range j.Parts() {
		s.used[p] = true
	}
}

func (s *Source) countFiles() { s.Report.Files = len(s.used) }

// guess adds what a job reads at most to the report: all rows of its files, and of their bytes the columns' share.
func (j *Job) guess() {
	columns, schema := float64(len(j.Columns)), float64(max(1, len(j.Source.Source.Schema)))
	for _, i := range j.Parts() {
		p := &j.Source.Table.Parts()[i]
		j.Source.Report.Read.Rows += rowsOf(p)
		j.Source.Report.Read.Bytes += int64(math.Ceil(float64(p.Size) * columns / schema))
	}
	j.note()
}
