package connect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/engine/spark/connect/pb"
	"github.com/bighead-ml/bighead/secure"
)

// maxMessage bounds one message of the server; Spark cuts its Arrow batches far below it.
const maxMessage = 512 << 20

// interruptWithin bounds the farewells (interrupt, release) that are said after the caller's context has ended, and the question for an error's cause.
const interruptWithin = 30 * time.Second

var clientType = "bighead"

// Session is one session on a Connect server. Its methods may be called from several goroutines; statements of one session
// share temporary views and settings.
type Session struct {
	conn    *grpc.ClientConn
	stub    pb.SparkConnectServiceClient
	address string
	id      string
	user    *pb.UserContext
	token   string
	tls     *handshakes    // nil: it is not spoken
	watch   func(Progress) // nil: nobody looks on
}

// Progress is how far the server has come with a statement.
type Progress struct {
	Stages, StagesDone int // that it knows of by now
	Tasks, TasksDone   int64
	Running            int64 // tasks
	Read               int64 // bytes
}

// Watched is the same session, whose statements tell by how far they have come, about every two seconds. It must be quick.
func (s *Session) Watched(by func(Progress)) *Session {
	watched := *s
	watched.watch = by
	return &watched
}

// Open opens a session at a connection string (sc://host:port) and waits until the server has answered a first query, so
// that a wrong address is an error here and not later. Where the string asks for TLS, over says how it is spoken.
func Open(ctx context.Context, connection string, over secure.TLS) (*Session, error) {
	r, err := parseRemote(connection)
	if err != nil {
		return nil, err
	}
	var spoken *handshakes
	creds := insecure.NewCredentials()
	if r.tls {
		if spoken, err = newHandshakes(over); err != nil {
			return nil, fmt.Errorf("spark at %s: %s %w", r.address, section, err)
		}
		creds = spoken
	} else if over != (secure.TLS{}) {
		return nil, fmt.Errorf("spark at %s: %s says how TLS is spoken, and [batch] remote does not ask for it: end that in /;use_ssl=true", r.address, section)
	}
	conn, err := grpc.NewClient("dns:///"+r.address, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("spark at %s: %w", r.address, err)
	}
	s := &Session{
		conn: conn, stub: pb.NewSparkConnectServiceClient(conn), address: r.address, id: uuid(),
		user: &pb.UserContext{UserId: r.user, UserName: r.user}, token: r.token, tls: spoken,
	}
	if _, err := s.Query(ctx, "select 1"); err != nil {
		conn.Close()
		var (
			gone *GoneError
			no   *RefusedError
		)
		if errors.As(err, &gone) || errors.As(err, &no) { // they name the address
			return nil, err
		}
		return nil, fmt.Errorf("spark at %s: %w", r.address, err)
	}
	return s, nil
}

// Close releases the session on the server, which drops its temporary views, and closes the connection.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), interruptWithin)
	defer cancel()
	_, err := s.stub.ReleaseSession(s.authorised(ctx), &pb.ReleaseSessionRequest{SessionId: s.id, UserContext: s.user, ClientType: &clientType})
	return errors.Join(err, s.conn.Close())
}

// Exec runs a command: DDL, INSERT, SET. A query is refused, because the server would only analyse it: its rows and its
// run-time errors would be lost without a word.
func (s *Session) Exec(ctx context.Context, sql string) error {
	input := &pb.Relation{RelType: &pb.Relation_Sql{Sql: &pb.SQL{Query: sql}}}
	command := &pb.Command{CommandType: &pb.Command_SqlCommand{SqlCommand: &pb.SqlCommand{Input: input}}}
	return s.execute(ctx, &pb.Plan{OpType: &pb.Plan_Command{Command: command}}, func(r *pb.ExecutePlanResponse) error {
		if r.GetSqlCommandResult().GetRelation().GetSql() != nil {
			return errors.New("spark: Exec runs commands; this statement is a query, which Query or Records runs")
		}
		return nil
	})
}

// batches runs a query and gives its Arrow batches, each a whole IPC stream, at least one.
func (s *Session) batches(ctx context.Context, sql string, yield func([]byte) error) error {
	root := &pb.Relation{RelType: &pb.Relation_Sql{Sql: &pb.SQL{Query: sql}}}
	return s.execute(ctx, &pb.Plan{OpType: &pb.Plan_Root{Root: root}}, func(r *pb.ExecutePlanResponse) error {
		if b := r.GetArrowBatch(); b != nil {
			return yield(b.GetData())
		}
		return nil
	})
}

// execute runs a plan and hands its responses to yield. When the caller leaves early (its context ends, yield fails) the
// operation is interrupted on the server: without reattaching, a server goes on with a query whose client has gone.
func (s *Session) execute(ctx context.Context, plan *pb.Plan, yield func(*pb.ExecutePlanResponse) error) error {
	// A server that knew the deadline would end the stream by its own clock, often a moment before ctx is done, and the
	// caller would have the transport's error where its context's is due.
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	operation := uuid()
	stream, err := s.stub.ExecutePlan(s.authorised(streamCtx), &pb.ExecutePlanRequest{
		SessionId: s.id, UserContext: s.user, Plan: plan, ClientType: &clientType, OperationId: &operation,
	})
	if err != nil {
		return s.ended(ctx, operation, err)
	}
	for {
		r, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.ended(ctx, operation, err)
		}
		if p := r.GetExecutionProgress(); p != nil && s.watch != nil {
			s.watch(progressOf(p))
		}
		if err := yield(r); err != nil {
			s.interrupt(operation)
			return err
		}
	}
}

// ended says why a stream ended, the caller's own context first.
func (s *Session) ended(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil {
		s.interrupt(operation)
		return fmt.Errorf("spark: %w", ctx.Err())
	}
	if r := refused(s.address, err, s.tls); r != nil {
		return r
	}
	if err = asError(err); status.Code(err) == codes.Unavailable {
		return &GoneError{Address: s.address, Err: err}
	}
	if e := new(Error); errors.As(err, &e) {
		e.Cause = s.cause(ctx, e.id)
	}
	return err
}

// cause asks for what led to an error. A server that does not know it any more, or cannot say, leaves the error as it is.
func (s *Session) cause(ctx context.Context, id string) string {
	if id == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, interruptWithin)
	defer cancel()
	d, err := s.stub.FetchErrorDetails(s.authorised(ctx), &pb.FetchErrorDetailsRequest{SessionId: s.id, UserContext: s.user, ErrorId: id, ClientType: &clientType})
	if err != nil {
		return ""
	}
	return causeOf(d)
}

func progressOf(p *pb.ExecutePlanResponse_ExecutionProgress) Progress {
	out := Progress{Stages: len(p.GetStages()), Running: p.GetNumInflightTasks()}
	for _, s := range p.GetStages() {
		if s.GetDone() {
			out.StagesDone++
		}
		out.Tasks, out.TasksDone, out.Read = out.Tasks+s.GetNumTasks(), out.TasksDone+s.GetNumCompletedTasks(), out.Read+s.GetInputBytesRead()
	}
	return out
}

// Running lists the operations of the session that the server is at, by their ids.
func (s *Session) Running(ctx context.Context) ([]string, error) {
	r, err := s.stub.GetStatus(s.authorised(ctx), &pb.GetStatusRequest{
		SessionId: s.id, UserContext: s.user, ClientType: &clientType, OperationStatus: &pb.GetStatusRequest_OperationStatusRequest{},
	})
	if err != nil {
		return nil, asError(err)
	}
	var out []string
	for _, o := range r.GetOperationStatuses() {
		switch o.GetState() {
		case pb.GetStatusResponse_OperationStatus_OPERATION_STATE_RUNNING, pb.GetStatusResponse_OperationStatus_OPERATION_STATE_TERMINATING:
			out = append(out, o.GetOperationId())
		}
	}
	return out, nil
}

// interrupt asks the server to stop an operation. The caller has its own error already; a server that cannot be reached
// has nothing to stop.
func (s *Session) interrupt(operation string) {
	ctx, cancel := context.WithTimeout(context.Background(), interruptWithin)
	defer cancel()
	_, _ = s.stub.Interrupt(s.authorised(ctx), &pb.InterruptRequest{
		SessionId: s.id, UserContext: s.user, ClientType: &clientType,
		InterruptType: pb.InterruptRequest_INTERRUPT_TYPE_OPERATION_ID,
		Interrupt:     &pb.InterruptRequest_OperationId{OperationId: operation},
	})
}

func (s *Session) authorised(ctx context.Context) context.Context {
	if s.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
}

// uuid is a random UUID (RFC 9562, version 4), the form in which Spark wants ids.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
