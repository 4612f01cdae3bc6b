package connect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/engine/spark/connect/pb"
)

// Error is what the server answered instead of a result.
type Error struct {
	Class    string // Spark's error class, as UNRESOLVED_COLUMN.WITH_SUGGESTION; "" where it gave none
	SQLState string // as 42703; "" where it gave none
	Message  string // the server's text, without a stack trace
	Cause    string // what that came of, the next cause first, a line of each that says more; "": the server names none

	id string // by which the server can be asked for the cause
}

func (e *Error) Error() string {
	if e.Cause != "" {
		return "spark: " + e.Message + ", caused by: " + e.Cause
	}
	return "spark: " + e.Message
}

// GoneError says that the server cannot be reached, or went away while it was at a statement, of which then nothing is left to be asked for.
type GoneError struct {
	Address string
	Err     error
}

func (e *GoneError) Error() string {
	return "spark at " + e.Address + ": the server is not there, or went away while it was at it, as it does when it lacks memory; see its log, and run this again once it answers: " + e.Err.Error()
}

func (e *GoneError) Unwrap() error { return e.Err }

// RefusedError says that what listens at the address would not talk with us: it lets us not in, is no Spark Connect server, or TLS does not come
// about. Trying again is of no use.
type RefusedError struct {
	Address string
	Why     string
	Cure    string
	Err     error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("spark at %s: %s; %s: %s", e.Address, e.Why, e.Cure, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// refused tells a refusal from other statuses of the transport; nil: it is none. Of what kind it is, gRPC often says in words alone. TLS is nil where it is not spoken.
func refused(address string, err error, tls *handshakes) *RefusedError {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	// Only the transport's words count: those of a statement that failed, which is Internal, may be anybody's.
	says := func(parts ...string) bool {
		return s.Code() != codes.Internal && slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s.Message(), p) })
	}
	out := &RefusedError{Address: address, Err: err}
	switch {
	case s.Code() == codes.Unauthenticated, s.Code() == codes.PermissionDenied:
		out.Why, out.Cure = "it does not let us in", "put the token that it wants into [batch] remote, sc://host:port/;token=…, which goes over TLS alone"
	case says("first record does not look like a TLS handshake"):
		out.Why, out.Cure = "it speaks no TLS, which use_ssl and token ask for", "take them out of [batch] remote, or name the address that has TLS"
	case says("x509:", "tls:", "handshake failed"):
		out.Why, out.Cure = "TLS does not come about", tls.cure(err)
	case s.Code() == codes.Unimplemented, says("preface", "frame too large", "HTTP/1", "unexpected HTTP status", "unexpected content-type"):
		out.Why, out.Cure = "no Spark Connect server is there, or one that wants TLS", "correct [batch] remote: its port is 15002 unless told otherwise, and TLS is sc://host:port/;use_ssl=true"
	default:
		return nil
	}
	return out
}

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
			e.Class, e.SQLState, e.id = info.GetMetadata()["errorClass"], info.GetMetadata()["sqlState"], info.GetMetadata()["errorId"]
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

// causeOf puts into one line what led to an error: the first lines of its causes, but for what was said before. Spark names five errors at most.
func causeOf(d *pb.FetchErrorDetailsResponse) string {
	at := func(i *int32) *pb.FetchErrorDetailsResponse_Error {
		if i == nil || *i < 0 || int(*i) >= len(d.GetErrors()) {
			return nil
		}
		return d.GetErrors()[*i]
	}
	e := at(d.RootErrorIdx)
	if e == nil {
		return ""
	}
	said, out := e.GetMessage(), []string{}
	for range d.GetErrors() { // no more: a server's causes may go in a circle
		if e = at(e.CauseIdx); e == nil {
			break
		}
		line, _, _ := strings.Cut(e.GetMessage(), "\n")
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(said, line) {
			said += "\n" + line
			out = append(out, line)
		}
	}
	return strings.Join(out, ", caused by: ")
}
