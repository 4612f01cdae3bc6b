package connect

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/engine/spark/connect/pb"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/secure/securetest"
	"github.com/bighead-ml/bighead/value"
)

// server answers like a Connect server, by what the statement says.
type server struct {
	pb.UnimplementedSparkConnectServiceServer
	records     map[string][]arrow.RecordBatch
	running     chan struct{} // gets one when "hang" has begun
	mu          sync.Mutex
	started     string // the operation of "hang"
	interrupted []string
	released    int
	refuses     error // what it answers to every statement
}

func (s *server) ExecutePlan(req *pb.ExecutePlanRequest, out grpc.ServerStreamingServer[pb.ExecutePlanResponse]) error {
	if s.refuses != nil {
		return s.refuses
	}
	if c := req.GetPlan().GetCommand(); c != nil {
		result := &pb.Relation{RelType: &pb.Relation_LocalRelation{LocalRelation: &pb.LocalRelation{}}}
		if strings.HasPrefix(c.GetSqlCommand().GetInput().GetSql().GetQuery(), "select") {
			result = c.GetSqlCommand().GetInput() // a query comes back unevaluated
		}
		return out.Send(&pb.ExecutePlanResponse{ResponseType: &pb.ExecutePlanResponse_SqlCommandResult_{
			SqlCommandResult: &pb.ExecutePlanResponse_SqlCommandResult{Relation: result}}})
	}
	sql := req.GetPlan().GetRoot().GetSql().GetQuery()
	switch sql {
	case "structured":
		st, err := status.New(codes.Internal, "no such column").WithDetails(&errdetails.ErrorInfo{
			Metadata: map[string]string{"errorClass": "UNRESOLVED_COLUMN.WITH_SUGGESTION", "sqlState": "42703"}})
		if err != nil {
			return err
		}
		return st.Err()
	case "caused", "circle", "forgotten":
		st, err := status.New(codes.Internal, "[DIRECT_QUERY] failed").WithDetails(&errdetails.ErrorInfo{Metadata: map[string]string{"errorClass": "DIRECT_QUERY", "errorId": sql}})
		if err != nil {
			return err
		}
		return st.Err()
	case "words":
		return status.Error(codes.Internal, "[FAILED_READ_FILE] s3 answered HTTP/1.1 403; tls: x509: frame too large")
	case "bracket":
		return status.Error(codes.Internal, "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012")
	case "slow":
		for done := range int64(3) {
			stage := func(id, done int64) *pb.ExecutePlanResponse_ExecutionProgress_StageInfo {
				return &pb.ExecutePlanResponse_ExecutionProgress_StageInfo{StageId: id, NumTasks: 2, NumCompletedTasks: done, InputBytesRead: 10, Done: done == 2}
			}
			p := &pb.ExecutePlanResponse_ExecutionProgress{NumInflightTasks: 2 - done, Stages: []*pb.ExecutePlanResponse_ExecutionProgress_StageInfo{stage(1, 2), stage(2, done)}}
			if err := out.Send(&pb.ExecutePlanResponse{ResponseType: &pb.ExecutePlanResponse_ExecutionProgress_{ExecutionProgress: p}}); err != nil {
				return err
			}
		}
	case "deadline":
		if _, told := out.Context().Deadline(); told {
			return status.Error(codes.DeadlineExceeded, "stream terminated by RST_STREAM")
		}
	case "hang":
		s.mu.Lock()
		s.started = req.GetOperationId()
		s.mu.Unlock()
		s.running <- struct{}{}
		<-out.Context().Done()
		return out.Context().Err()
	}
	for _, rec := range s.records[sql] {
		if err := out.Send(batch(rec)); err != nil {
			return err
		}
	}
	return out.Send(&pb.ExecutePlanResponse{ResponseType: &pb.ExecutePlanResponse_ResultComplete_{ResultComplete: &pb.ExecutePlanResponse_ResultComplete{}}})
}

func (s *server) Interrupt(_ context.Context, req *pb.InterruptRequest) (*pb.InterruptResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = append(s.interrupted, req.GetOperationId())
	return &pb.InterruptResponse{}, nil
}

func (s *server) FetchErrorDetails(_ context.Context, req *pb.FetchErrorDetailsRequest) (*pb.FetchErrorDetailsResponse, error) {
	is := func(message string, cause int32) *pb.FetchErrorDetailsResponse_Error {
		return &pb.FetchErrorDetailsResponse_Error{Message: message, CauseIdx: &cause}
	}
	switch req.GetErrorId() {
	case "caused":
		return &pb.FetchErrorDetailsResponse{RootErrorIdx: new(int32(1)), Errors: []*pb.FetchErrorDetailsResponse_Error{
			is("executor 3 exited\nat its line", 2), is("[DIRECT_QUERY] failed", 3), is("killed", 9), is("failed", 0)}}, nil
	case "circle":
		return &pb.FetchErrorDetailsResponse{RootErrorIdx: new(int32(0)), Errors: []*pb.FetchErrorDetailsResponse_Error{is("[DIRECT_QUERY] failed", 1), is("one", 0)}}, nil
	}
	return nil, status.Error(codes.Internal, "it is not known any more")
}

func (s *server) ReleaseSession(context.Context, *pb.ReleaseSessionRequest) (*pb.ReleaseSessionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released++
	return &pb.ReleaseSessionResponse{}, nil
}

// batch is a record as Spark sends it: a whole IPC stream, of the schema alone where there are no rows.
func batch(rec arrow.RecordBatch) *pb.ExecutePlanResponse {
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	if rec.NumRows() > 0 {
		if err := w.Write(rec); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return &pb.ExecutePlanResponse{ResponseType: &pb.ExecutePlanResponse_ArrowBatch_{
		ArrowBatch: &pb.ExecutePlanResponse_ArrowBatch{RowCount: rec.NumRows(), Data: buf.Bytes()}}}
}

// record builds a record of JSON rows, in which arrow reads NaN and Inf too.
func record(t *testing.T, schema *arrow.Schema, rows string) arrow.RecordBatch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func open(t *testing.T, s *server) *Session {
	t.Helper()

	if s.records == nil {
		s.records = map[string][]arrow.RecordBatch{}
	}
	s.records["select 1"] = []arrow.RecordBatch{record(t, arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.PrimitiveTypes.Int32}}, nil), `[{"1":1}]`)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	pb.RegisterSparkConnectServiceServer(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	session, err := Open(t.Context(), "sc://"+l.Addr().String(), secure.TLS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if s.released != 1 {
			t.Errorf("the session was released %d times", s.released)
		}
	})
	return session
}

func TestWatchedSessionsTellHowFarTheyAre(t *testing.T) {
	session := open(t, &server{})
	var got []Progress
	if _, err := session.Watched(func(p Progress) { got = append(got, p) }).Query(t.Context(), "slow"); err != nil {
		t.Fatal(err)
	}
	want := []Progress{{2, 1, 4, 2, 2, 20}, {2, 1, 4, 3, 1, 20}, {2, 2, 4, 4, 0, 20}}
	if !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if _, err := session.Query(t.Context(), "slow"); err != nil { // nobody looks on
		t.Error(err)
	}
}

// A server that goes away while it is at a query is named, with what to do.
func TestAServerThatGoesAway(t *testing.T) {
	s := &server{running: make(chan struct{}, 1), released: 1}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.records = map[string][]arrow.RecordBatch{"select 1": {record(t, arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.PrimitiveTypes.Int32}}, nil), `[{"1":1}]`)}}
	g := grpc.NewServer()
	pb.RegisterSparkConnectServiceServer(g, s)
	go g.Serve(l)
	session, err := Open(t.Context(), "sc://"+l.Addr().String(), secure.TLS{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-s.running
		g.Stop()
	}()
	_, err = session.Query(t.Context(), "hang")
	var gone *GoneError
	if !errors.As(err, &gone) || gone.Address != l.Addr().String() || !strings.Contains(err.Error(), "went away") {
		t.Errorf("%v", err)
	}
	if err := session.conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestQueryDecodesEveryTypeOverBatches(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "tiny", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "raw", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
		{Name: "d", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "st", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
		{Name: "n", Type: arrow.Null, Nullable: true},
	}, nil)
	one := record(t, schema, `[{"b":true,"i":-9223372036854775808,"tiny":-128,"f":1.5,"s":"ﬁ𝒳","raw":"AP8=","ts":"1969-12-31T23:59:59.999900Z","d":"1969-12-31","l":[1,null,3],"st":{"x":"y"}}]`)
	two := record(t, schema, `[{},{"b":false,"l":[],"s":"","st":{}}]`)
	session := open(t, &server{records: map[string][]arrow.RecordBatch{"q": {one, two}}})
	res, err := session.Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, f := range res.Schema {
		types = append(types, f.Type.String())
	}
	if got, want := strings.Join(types, " "), "bool int int float string bytes timestamp date list<int> struct<x:string> null"; got != want {
		t.Errorf("types %s, want %s", got, want)
	}
	if got, want := strings.Join(res.Native, " "), "bool int64 int8 float64 utf8 binary timestamp[us, tz=UTC] date32 list<int64> struct<x:utf8> null"; got != want {
		t.Errorf("native types %s, want %s", got, want)
	}
	list := value.OfList([]value.Value{value.OfInt(1), {}, value.OfInt(3)})
	st := value.OfStruct([]value.Entry{{Key: "x", Value: value.OfString("y")}})
	want := [][]value.Value{
		{value.OfBool(true), value.OfInt(math.MinInt64), value.OfInt(-128), value.OfFloat(1.5), value.OfString("ﬁ𝒳"), value.OfBytes([]byte{0, 255}),
			value.OfTimestamp(-1), value.OfDate(-1), list, st, {}},
		make([]value.Value, 11),
		{value.OfBool(false), {}, {}, {}, value.OfString(""), {}, {}, {}, value.OfList(nil), value.OfStruct([]value.Entry{{Key: "x"}}), {}},
	}
	if len(res.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(res.Rows), len(want))
	}
	for i := range want {
		for c := range want[i] {
			if !value.Equal(res.Rows[i][c], want[i][c]) {
				t.Errorf("row %d, %s: %v, want %v", i, res.Schema[c].Name, res.Rows[i][c], want[i][c])
			}
		}
	}
	if len(res.Altered) != 0 {
		t.Errorf("altered %v", res.Altered)
	}
}

func TestMapsDecimalsAndAlteredCells(t *testing.T) {
	mem := memory.DefaultAllocator
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64), Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "dec", Type: &arrow.Decimal128Type{Precision: 38, Scale: 2}, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	mb := b.Field(0).(*array.MapBuilder)
	for row, f := range []float64{1, math.NaN(), math.Inf(-1), math.Copysign(0, -1)} {
		mb.Append(true)
		for _, k := range []string{"z", "a"} {
			mb.KeyBuilder().(*array.StringBuilder).Append(k)
			mb.ItemBuilder().(*array.Float64Builder).Append(f)
		}
		b.Field(1).(*array.Float64Builder).Append(f)
		b.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(150 * row)))
		b.Field(3).(*array.StringBuilder).Append([]string{"ok", "\xff", "", "x"}[row])
	}
	session := open(t, &server{records: map[string][]arrow.RecordBatch{"q": {b.NewRecordBatch()}}})
	res, err := session.Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	m := func(v value.Value) value.Value {
		return value.OfMap([]value.Entry{{Key: "a", Value: v}, {Key: "z", Value: v}})
	}
	want := [][]value.Value{
		{m(value.OfFloat(1)), value.OfFloat(1), value.OfFloat(0), value.OfString("ok")},
		{m(value.Value{}), {}, value.OfFloat(1.5), {}},
		{m(value.Value{}), {}, value.OfFloat(3), value.OfString("")},
		{m(value.OfFloat(0)), value.OfFloat(0), value.OfFloat(4.5), value.OfString("x")},
	}
	for i := range want {
		for c := range want[i] {
			if !value.Equal(res.Rows[i][c], want[i][c]) {
				t.Errorf("row %d, column %d: %v, want %v", i, c, res.Rows[i][c], want[i][c])
			}
		}
	}
	altered := map[Cell]bool{}
	for _, c := range res.Altered {
		altered[c] = true
	}
	for row := range 4 {
		for c, want := range []bool{row > 0, row > 0, false, row == 1} {
			if altered[Cell{row, c}] != want {
				t.Errorf("cell (%d, %d) altered: %v, want %v", row, c, !want, want)
			}
		}
	}
}

func TestAnEmptyResultHasItsSchema(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int64))}}, nil)
	session := open(t, &server{records: map[string][]arrow.RecordBatch{"q": {record(t, schema, `[]`)}}})
	res, err := session.Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Rows) != 0 || len(res.Schema) != 1 || res.Schema[0].Type.String() != "map<string,list<int>>" {
		t.Fatalf("got %v", res)
	}
}

func TestATypeWithoutOursIsNamed(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "dur", Type: arrow.FixedWidthTypes.Duration_us}}, nil)
	session := open(t, &server{records: map[string][]arrow.RecordBatch{"q": {record(t, schema, `[]`)}}})
	_, err := session.Query(t.Context(), "q")
	if err == nil || !strings.Contains(err.Error(), `column "dur"`) || !strings.Contains(err.Error(), "cast it") {
		t.Fatalf("got %v", err)
	}
}

func TestErrorsCarryTheirClass(t *testing.T) {
	session := open(t, &server{})
	for sql, want := range map[string]Error{
		"structured": {Class: "UNRESOLVED_COLUMN.WITH_SUGGESTION", SQLState: "42703", Message: "no such column"},
		"bracket":    {Class: "DIVIDE_BY_ZERO", SQLState: "22012", Message: "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012"},
		"caused":     {Class: "DIRECT_QUERY", Message: "[DIRECT_QUERY] failed", Cause: "executor 3 exited, caused by: killed"},
		"circle":     {Class: "DIRECT_QUERY", Message: "[DIRECT_QUERY] failed", Cause: "one"},
		"forgotten":  {Class: "DIRECT_QUERY", Message: "[DIRECT_QUERY] failed"},
		"words":      {Class: "FAILED_READ_FILE", Message: "[FAILED_READ_FILE] s3 answered HTTP/1.1 403; tls: x509: frame too large"},
	} {
		_, err := session.Query(t.Context(), sql)
		var e *Error
		want.id = map[bool]string{true: sql}[want.Class == "DIRECT_QUERY"]
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%s: got %#v, want %#v", sql, err, want)
		}
		if sql == "caused" && err.Error() != "spark: [DIRECT_QUERY] failed, caused by: executor 3 exited, caused by: killed" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestExecRefusesAQuery(t *testing.T) {
	session := open(t, &server{})
	if err := session.Exec(t.Context(), "create table t (x int)"); err != nil {
		t.Error(err)
	}
	if err := session.Exec(t.Context(), "select 1/0"); err == nil || !strings.Contains(err.Error(), "Query") {
		t.Errorf("got %v", err)
	}
}

func TestAnEndedContextInterruptsTheOperation(t *testing.T) {
	s := &server{running: make(chan struct{}, 1)}
	session := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.running
		cancel()
	}()
	_, err := session.Query(ctx, "hang")
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.interrupted) != 1 || s.interrupted[0] != s.started || s.started == "" {
		t.Fatalf("interrupted %v, want the operation %q", s.interrupted, s.started)
	}
}

// TestTheServerIsNotToldTheDeadline: one that ends the stream itself would be before the caller's context.
func TestTheServerIsNotToldTheDeadline(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	session := open(t, &server{records: map[string][]arrow.RecordBatch{"deadline": {record(t, schema, `[{"x":1}]`)}}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if res, err := session.Query(ctx, "deadline"); err != nil || len(res.Rows) != 1 {
		t.Fatalf("got %v, %v", res.Rows, err)
	}
}

func TestYieldEndsTheQuery(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	s := &server{records: map[string][]arrow.RecordBatch{"q": {record(t, schema, `[{"x":1}]`), record(t, schema, `[{"x":2}]`)}}}
	session := open(t, s)
	enough, seen := errors.New("enough"), 0
	err := session.Records(t.Context(), "q", func(arrow.RecordBatch) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		t.Fatalf("saw %d records, error %v", seen, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.interrupted) != 1 {
		t.Fatalf("interrupted %v", s.interrupted)
	}
}

func TestConnectionStrings(t *testing.T) {
	for text, want := range map[string]remote{
		"sc://127.0.0.1:15099":                 {address: "127.0.0.1:15099"},
		"sc://spark":                           {address: "spark:15002"},
		"sc://[::1]":                           {address: "[::1]:15002"},
		"sc://h:1/;use_ssl=true;user_id=a%40b": {address: "h:1", tls: true, user: "a@b"},
		"sc://h:1/;token=x":                    {address: "h:1", tls: true, token: "x"},
	} {
		if got, err := parseRemote(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "spark:15002", "sc://", "sc:///;use_ssl=true", "sc://h/;use_ssl=maybe", "sc://h/;x-custom=1", "sc://h/;token=%zz"} {
		if got, err := parseRemote(text); err == nil || !strings.Contains(err.Error(), "sc://host:port") {
			t.Errorf("%s: %+v, %v; want an error that shows the form", text, got, err)
		}
	}
}

func TestOpenNamesAnAddressWhereNobodyAnswers(t *testing.T) {
	ports, err := proc.FreePorts(1) // nobody else takes it meanwhile
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprint("127.0.0.1:", ports[0])
	if _, err := Open(t.Context(), "sc://"+address, secure.TLS{}); err == nil || !strings.Contains(err.Error(), address) {
		t.Fatalf("got %v", err)
	}
}

// listening serves gRPC on loopback, and gives its address.
func listening(t *testing.T, with func(*grpc.Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	with(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return l.Addr().String()
}

// Who is not let in, and who asks at the wrong door, is told so with the cure, and not that the server may come back.
func TestARefusalHasItsCure(t *testing.T) {
	answers := func(err error) string {
		return listening(t, func(g *grpc.Server) { pb.RegisterSparkConnectServiceServer(g, &server{refuses: err}) })
	}
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	wanted := httptest.NewUnstartedServer(http.NotFoundHandler())
	wanted.EnableHTTP2 = true
	wanted.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	wanted.StartTLS()
	t.Cleanup(wanted.Close)
	plain := answers(nil)
	for name, c := range map[string]struct{ address, more, why, cure string }{
		"no token":          {answers(status.Error(codes.Unauthenticated, "No authentication token provided")), "", "does not let us in", ";token="},
		"not allowed":       {answers(status.Error(codes.PermissionDenied, "no")), "", "does not let us in", ";token="},
		"another gRPC":      {listening(t, func(*grpc.Server) {}), "", "no Spark Connect server", "correct [batch] remote"},
		"a web server":      {web.Listener.Addr().String(), "", "no Spark Connect server", "15002"},
		"TLS is wanted":     {wanted.Listener.Addr().String(), "", "or one that wants TLS", "use_ssl=true"},
		"TLS is not spoken": {plain, "/;use_ssl=true", "it speaks no TLS", "take them out"},
		"nobody trusts it":  {wanted.Listener.Addr().String(), "/;use_ssl=true", "TLS does not come about", "name by ca under [spark.tls]"},
		"a token in clear":  {plain, "/;token=secret", "it speaks no TLS", "take them out"},
	} {
		_, err := Open(t.Context(), "sc://"+c.address+c.more, secure.TLS{})
		var no *RefusedError
		if !errors.As(err, &no) || no.Address != c.address || !strings.Contains(no.Why, c.why) || !strings.Contains(no.Cure, c.cure) || !strings.HasPrefix(err.Error(), "spark at "+c.address+": ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that has a certificate of an authority of its own, for a name of its own, and wants one of us, is talked with where all of it is set; each setting, left
// out, is missed.
func TestTLSAsItIsSet(t *testing.T) {
	a, strangers := securetest.New(t), securetest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{a.Sign(time.Hour, "spark.example").Own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool})))
	pb.RegisterSparkConnectServiceServer(g, &server{})
	go g.Serve(l)
	t.Cleanup(g.Stop)
	ours, theirs := a.Sign(time.Hour), strangers.Sign(time.Hour)
	all := secure.TLS{CA: a.File, Cert: ours.Cert, Key: ours.Key, ServerName: "spark.example"}
	remote := "sc://" + l.Addr().String() + "/;token=secret"
	for name, c := range map[string]struct {
		leave func(*secure.TLS)
		says  []string // of them one
	}{
		"all":               {func(*secure.TLS) {}, nil},
		"no authority":      {func(o *secure.TLS) { o.CA = "" }, []string{"name by ca under [spark.tls]"}},
		"no name":           {func(o *secure.TLS) { o.ServerName = "" }, []string{"name by server_name under [spark.tls]"}},
		"no certificate":    {func(o *secure.TLS) { o.Cert, o.Key = "", "" }, []string{"it wants a certificate of ours: name that by cert and key under [spark.tls]", "the server is not there"}}, // its word comes after the handshake, and may be lost
		"no key":            {func(o *secure.TLS) { o.Key = "" }, []string{"[spark.tls] TLS: cert is named, and its key is not"}},
		"of somebody else":  {func(o *secure.TLS) { o.Cert, o.Key = theirs.Cert, theirs.Key }, []string{"it does not take our certificate", "the server is not there"}},
		"no such authority": {func(o *secure.TLS) { o.CA = "none.pem" }, []string{"[spark.tls] TLS: certificates of the authority: open none.pem"}},
	} {
		over := all
		c.leave(&over)
		s, err := Open(t.Context(), remote, over)
		switch {
		case c.says == nil && err == nil:
			if err := s.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case c.says == nil || err == nil || !slices.ContainsFunc(c.says, func(text string) bool { return strings.Contains(err.Error(), text) }) || strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), "sc://"+l.Addr().String(), all); err == nil || !strings.Contains(err.Error(), "end that in /;use_ssl=true") {
		t.Errorf("without TLS: %v", err)
	}
}
