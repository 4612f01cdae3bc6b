package audit

// Class is what an audit makes of a served value.
type Class string

// The classes, from the best to the worst. What is Same or Defaulted is what history gives; the classes up to Gone are differences with a
// cause that was said when the value was served, or that history shows; Skew has none.
const (
	Same      Class = "same"
	Defaulted Class = "defaulted" // the default, which history gives too
	Late      Class = "late"      // of rows that had not come when it was answered, or came later than lateness allows
	Behind    Class = "behind"    // of rows before the batch watermark that came after batch had read, until the next backfill
	Stale     Class = "stale"     // it was served as stale, or is as old as max_staleness allows
	Fallback  Class = "fallback"  // it was served as a stand-in
	Failed    Class = "failed"    // it was served as failed
	Partial   Class = "partial"   // it was served as partial
	Changed   Class = "changed"   // the definition that is applied now is another
	Gone      Class = "gone"      // history no longer has all that it was made of
	Skew      Class = "skew"      // nothing explains it
)

// Classes are all of them, from the best to the worst.
func Classes() []Class {
	return []Class{Same, Defaulted, Late, Behind, Stale, Fallback, Failed, Partial, Changed, Gone, Skew}
}

func (c Class) rank() int {
	for i, x := range Classes() {
		if x == c {
			return i
		}
	}
	return -1
}
