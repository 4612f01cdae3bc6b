package grpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/serve/oip"
	"github.com/bighead-ml/bighead/serve/predict"
)

// Options are what the surface needs. Server and Metrics must be there.
type Options struct {
	Server  *serve.Server
	Metrics *serve.Metrics
	Pusher  serve.Pusher // nil: no stream runs here
	// Predictions answers endpoints; nil: there are none.
	Predictions *predict.Server
	Gate        *gate.Gate // nil: everybody may do everything, 1024 requests at a time
	// MaxMessage bounds a request in bytes; 0: 8 MiB. MaxRows bounds the rows of a request; 0: 10,000.
	MaxMessage int
	MaxRows    int
	// CaughtUp reports whether the first catch-up is done or given up; nil: there is none. Until then health says NOT_SERVING.
	CaughtUp func() bool
	// Inference answers the Open Inference Protocol's service; nil: it is not there.
	Inference *oip.Server
	Tracer    trace.Tracer // nil: calls are not traced
	Log       *slog.Logger // nil: slog.Default
}

// Server answers the calls of bighead.v1. It is safe for concurrent use.
type Server struct {
	o   Options
	log *slog.Logger
}

// New makes the surface; Run listens.
func New(o Options) *Server {
	if o.Gate == nil {
		o.Gate = gate.New(nil, 0)
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 8 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 10_000
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, log: o.Log}
}

// call is one call of a service.
type call struct {
	service string
	name    string
	scope   gate.Scope
	answer  func(*Server, context.Context, []byte) (out outgoing, view string, err error)
}

var calls = []call{
	{featureService, "GetFeatures", gate.Read, (*Server).getFeatures},
	{featureService, "PushEvents", gate.Push, (*Server).pushEvents},
	{predictionService, "Predict", gate.Predict, (*Server).predict},
}

// The services that are ours.
const (
	featureService    = "bighead.v1.FeatureService"
	predictionService = "bighead.v1.PredictionService"
)

var services = []string{featureService, predictionService}

// description is a service by its name, with handlers that take messages as they came.
func description(service string) *grpc.ServiceDesc {
	d := &grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil), Metadata: pb.File_bighead_proto.Path()}
	for _, c := range calls {
		if c.service != service {
			continue
		}
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: c.name, Handler: func(s any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			return s.(*Server).serve(ctx, c, read)
		}})
	}
	return d
}

// serve answers one call.
func (s *Server) serve(ctx context.Context, c call, read func(any) error) (answer any, err error) {
	if s.o.Tracer != nil {
		var ended func()
		ctx, ended = s.traced(ctx, c)
		defer ended()
	}
	defer func() {
		if x := recover(); x != nil {
			err = s.defect(ctx, c.name, fmt.Errorf("panic: %v\n%s", x, debug.Stack()))
		}
	}()
	var in incoming
	if err := read(&in); err != nil { // gRPC has answered already
		s.count("", status.Code(err))
		return nil, err
	}
	if len(in) > s.o.MaxMessage {
		return nil, s.refuse(ctx, &serve.Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("the message is longer than %d bytes", s.o.MaxMessage), Cure: "send less at a time, or raise [serve] max_body"})
	}
	if p := s.o.Gate.Enter(); p != nil {
		return nil, s.refuse(ctx, p)
	}
	defer s.o.Gate.Leave()
	out, view, err := c.answer(s, ctx, in)
	if err != nil {
		return nil, s.failed(ctx, c.name, err)
	}
	s.count(view, codes.OK)
	return out, nil
}

// failed answers an error: a problem is the caller's to read, anything else is logged.
func (s *Server) failed(ctx context.Context, name string, err error) error {
	var p *serve.Problem
	switch {
	case errors.As(err, &p):
		return s.refuse(ctx, p)
	case ctx.Err() != nil:
		st := status.FromContextError(ctx.Err())
		s.count("", st.Code())
		return st.Err()
	}
	return s.defect(ctx, name, err)
}

// defect answers Internal. What is wrong goes into the log, under a number that the caller is told.
func (s *Server) defect(ctx context.Context, name string, err error) error {
	id := strconv.FormatUint(rand.Uint64(), 16)
	s.log.ErrorContext(ctx, "a request failed", "request", id, "call", name, "error", err)
	return s.refuse(ctx, &serve.Problem{Code: feature.CodeDefect, Detail: "something is wrong in the server", Cure: "its log has it as request " + id})
}

func (s *Server) refuse(ctx context.Context, p *serve.Problem) error {
	st := statusOf(p)
	serve.Traced(ctx, "", p)
	s.count("", st.Code())
	return st.Err()
}

func (s *Server) count(view string, code codes.Code) {
	s.o.Metrics.Requests.WithLabelValues(view, code.String()).Inc()
}

// admit decides on a call by its header, before anything of it is read.
func (s *Server) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	service, name, _ := strings.Cut(strings.TrimPrefix(info.FullMethodName, "/"), "/")
	scope, ours := gate.Read, slices.Contains(services, service) // reflection and what is not there are for read
	switch {
	case service == healthService:
		scope = gate.Open
	case service == oip.ServiceName:
		scope = oip.Scope(name)
	case ours:
		for _, c := range calls {
			if c.service == service && c.name == name {
				scope = c.scope
			}
		}
	}
	if p := s.o.Gate.Admit(scope, first(info.Header, "authorization")); p != nil {
		return nil, s.refuse(ctx, p)
	}
	if p := s.o.Gate.Full(); p != nil && ours {
		return nil, s.refuse(ctx, p)
	}
	return ctx, nil
}

func first(md metadata.MD, name string) string {
	if all := md.Get(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// unknown answers what is no call.
func (s *Server) unknown(_ any, stream grpc.ServerStream) error {
	ctx := stream.Context()
	method, _ := grpc.MethodFromServerStream(stream)
	if name, ok := strings.CutPrefix(method, "/"+oip.ServiceName+"/"); ok && s.o.Inference != nil {
		return oip.Refuse(oip.Unknown(name))
	}
	var paths []string
	for _, c := range calls {
		paths = append(paths, "/"+c.service+"/"+c.name)
	}
	return s.refuse(ctx, &serve.Problem{Code: feature.CodeUnknownCall, Detail: "there is no " + strconv.Quote(method), Near: expr.Nearest(method, paths), Cure: "reflection lists the calls"})
}

// exchange is the work of one call that is used again for the next.
type exchange struct {
	question question
	answer   serve.Response
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// getFeatures is GetFeatures.
func (s *Server) getFeatures(ctx context.Context, in []byte) (outgoing, string, error) {
	x := exchanges.Get().(*exchange)
	defer exchanges.Put(x)
	began := time.Now()
	q := &x.question
	q.reset()
	if p := q.split(in, "GetFeaturesRequest"); p != nil {
		return outgoing{}, "", p
	}
	v, err := s.o.Server.View(q.name)
	if err != nil {
		return outgoing{}, "", err
	}
	if p := q.read(v, s.o.MaxRows); p != nil {
		return outgoing{}, "", p
	}
	parsed := time.Now()
	ask := serve.Request{Rows: q.rows, At: q.at}
	if len(q.features) > 0 {
		ask.Features = q.features
	}
	if err := v.Answer(ctx, ask, &x.answer); err != nil {
		return outgoing{}, "", err
	}
	answered := time.Now()
	b := buffers.Get(0)
	*b = appendAnswer(*b, &x.answer, !q.statuses)
	encoded := time.Now()
	s.o.Metrics.Whole(v.Name(), parsed.Sub(began), encoded.Sub(answered), encoded.Sub(began))
	serve.Stage(ctx, "parse", began, parsed)
	serve.Stage(ctx, "encode", answered, encoded)
	serve.Traced(ctx, v.Name(), nil)
	return outgoing{b}, v.Name(), nil
}
