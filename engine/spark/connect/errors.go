package connect

import (
	"regexp"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is what the server answered instead of a result.
type Error struct {
	Class    string // Spark's error class, as UNRESOLVED_COLUMN.WITH_SUGGESTION; "" where it gave none
	SQLState string // as 42703; "" where it gave none
	Message  string // the server's text, without a stack trace
}

func (e *Error) Error() string { return "spark: " + e.Message }

// GoneError says that the server cannot be reached, or went away while it was at a statement, of which then nothing is left to be asked for.
type GoneError struct {
	Address string
	Err     error
}

func (e *GoneError) Error() string {
	return "spark at " + e.Address + ": the server is not there, or went away while it was at it; see its log, and run this again once it answers: " + e.Err.Error()
}

func (e *GoneError) Unwrap() error { return e.Err }

var (
	bracket  = regexp.MustCompile(`\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]`)
	sqlState = regexp.MustCompile(`SQLSTATE: ([0-9A-Z]{5})`)
)

// asError makes an *Error of a status that the server sent. The class comes from the structured details where there are
// any, else from the bracket in the text. Statuses of the transport (Unavailable, Canceled, …) stay what they are.
func asError(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	e := &Error{Message: s.Message()}
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			e.Class, e.SQLState = info.GetMetadata()["errorClass"], info.GetMetadata()["sqlState"]
		}
	}
	if m := bracket.FindStringSubmatch(e.Message); e.Class == "" && m != nil {
		e.Class = m[1]
	}
	if m := sqlState.FindStringSubmatch(e.Message); e.SQLState == "" && m != nil {
		e.SQLState = m[1]
	}
	if e.Class == "" && s.Code() != codes.Internal {
		return err
	}
	return e
}
