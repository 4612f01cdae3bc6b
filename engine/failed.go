package engine

import (
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// A DataError says of which definition's rows something failed: a file that is damaged, a table that is gone, a query that reads it.
type DataError struct {
	What string      // source "e", spine of late
	At   feature.Pos // of the definition; the zero Pos where it has none
	Err  error
}

func (e *DataError) Error() string {
	at := ""
	if e.At.IsValid() {
		at = e.At.String() + ": "
	}
	return fmt.Sprintf("%s%s: %s", at, e.What, e.Err)
}

func (e *DataError) Unwrap() error { return e.Err }

// OfSource says that an error is of a source's rows. One that says so already stays as it is.
func OfSource(s *feature.Source, err error) error {
	return dataError(fmt.Sprintf("source %q", s.Name), s.Pos, err)
}

// OfSpine says that an error is of the rows that ask.
func OfSpine(b *plan.Batch, err error) error {
	return dataError("spine of "+b.Name, b.Pos, err)
}

func dataError(what string, at feature.Pos, err error) error {
	if known := new(DataError); errors.As(err, &known) {
		return err
	}
	return &DataError{What: what, At: at, Err: err}
}
