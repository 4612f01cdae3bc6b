package oip

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // clients may pack their messages
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/model/tensor/pb"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
)

// ServiceName is the protocol's service over gRPC.
const ServiceName = "inference.GRPCInferenceService"

// scopes are who may call what.
var scopes = map[string]gate.Scope{
	"ServerLive": gate.Open, "ServerReady": gate.Open, "RepositoryModelLoad": gate.Administer, "RepositoryModelUnload": gate.Administer,
}

// Scope is who may call a method of the service.
func Scope(method string) gate.Scope {
	if s, ok := scopes[method]; ok {
		return s
	}
	return gate.Predict
}

// others are Triton's methods beside the protocol, and what of notOffered they are.
var others = map[string]string{
	"ModelStreamInfer": "stream", "ModelConfig": "config", "ModelStatistics": "stats", "TraceSetting": "trace", "LogSettings": "logging",
	"SystemSharedMemoryStatus": "systemsharedmemory", "SystemSharedMemoryRegister": "systemsharedmemory", "SystemSharedMemoryUnregister": "systemsharedmemory",
	"CudaSharedMemoryStatus": "cudasharedmemory", "CudaSharedMemoryRegister": "cudasharedmemory", "CudaSharedMemoryUnregister": "cudasharedmemory",
}

// Unknown answers a method of the service that is not the protocol's.
func Unknown(method string) *serve.Problem {
	if what, ok := others[method]; ok {
		return refused(what)
	}
	return &serve.Problem{Code: feature.CodeUnknownCall, Detail: fmt.Sprintf("%s has no method %.60q", ServiceName, method), Cure: "reflection lists the calls"}
}

// Register adds the service to a server, which admits callers by Scope and bounds messages.
func (s *Server) Register(to grpc.ServiceRegistrar) {
	pb.RegisterGRPCInferenceServiceServer(to, s.Service())
}

// Service is the service's calls, as Register adds them to a server.
func (s *Server) Service() pb.GRPCInferenceServiceServer { return &rpc{s: s} }

// rpc is the service's calls.
type rpc struct {
	pb.UnimplementedGRPCInferenceServiceServer
	s *Server
}

// grpcCodes are the answers to problems; what is not here is InvalidArgument, the caller's.
var grpcCodes = map[feature.Code]codes.Code{
	feature.CodeUnknownCall: codes.Unimplemented, feature.CodeUnknownModel: codes.NotFound, feature.CodeNoVersion: codes.Unavailable, feature.CodeTooLarge: codes.ResourceExhausted,
	feature.CodeBusy: codes.Unavailable, feature.CodeDefect: codes.Internal, feature.CodeModelFailed: codes.Unavailable,
}

// Refuse is a problem as gRPC's error.
func Refuse(p *serve.Problem) error {
	code, ok := grpcCodes[p.Code]
	if !ok {
		code = codes.InvalidArgument
	}
	return status.Error(code, p.Error())
}

// call makes an error of any kind, and a panic, one of gRPC.
func call[In, Out any](r *rpc, ctx context.Context, name, model string, in In, do func(context.Context, In) (Out, error)) (out Out, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = r.s.defect(ctx, name, fmt.Errorf("panic: %v\n%s", x, debug.Stack()))
		}
		code := codes.OK
		if err != nil {
			if p := r.s.problem(ctx, name, err); p == nil {
				code = status.FromContextError(ctx.Err()).Code()
				err = status.FromContextError(ctx.Err()).Err()
			} else {
				err = Refuse(p)
				code = status.Code(err)
			}
		}
		r.s.requests.WithLabelValues(r.s.known(model), name, code.String()).Inc()
	}()
	return do(ctx, in)
}

func (r *rpc) ServerLive(context.Context, *pb.ServerLiveRequest) (*pb.ServerLiveResponse, error) {
	return &pb.ServerLiveResponse{Live: true}, nil
}

func (r *rpc) ServerReady(context.Context, *pb.ServerReadyRequest) (*pb.ServerReadyResponse, error) {
	return &pb.ServerReadyResponse{Ready: r.s.o.Ready()}, nil
}

func (r *rpc) ServerMetadata(context.Context, *pb.ServerMetadataRequest) (*pb.ServerMetadataResponse, error) {
	return &pb.ServerMetadataResponse{Name: "bighead", Version: r.s.o.Version, Extensions: extensions}, nil
}

func (r *rpc) ModelReady(ctx context.Context, in *pb.ModelReadyRequest) (*pb.ModelReadyResponse, error) {
	return call(r, ctx, "ready", in.GetName(), in, func(ctx context.Context, in *pb.ModelReadyRequest) (*pb.ModelReadyResponse, error) {
		m, err := r.s.o.Models.Model(in.GetName(), in.GetVersion())
		if err != nil {
			return &pb.ModelReadyResponse{}, nil // no model is not ready: clients ask in a loop
		}
		defer m.Release()
		ctx, cancel := context.WithTimeout(ctx, r.s.o.Deadline)
		defer cancel()
		return &pb.ModelReadyResponse{Ready: m.Ready(ctx) == nil}, nil
	})
}

func (r *rpc) ModelMetadata(ctx context.Context, in *pb.ModelMetadataRequest) (*pb.ModelMetadataResponse, error) {
	return call(r, ctx, "metadata", in.GetName(), in, func(_ context.Context, in *pb.ModelMetadataRequest) (*pb.ModelMetadataResponse, error) {
		m, err := r.s.o.Models.Model(in.GetName(), in.GetVersion())
		if err != nil {
			return nil, err
		}
		defer m.Release()
		out := &pb.ModelMetadataResponse{Name: m.Name(), Versions: m.Versions(), Platform: m.Format()}
		for _, t := range inputsOf(m) {
			out.Inputs = append(out.Inputs, &pb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		}
		for _, t := range outputsOf(m) {
			out.Outputs = append(out.Outputs, &pb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		}
		return out, nil
	})
}

func (r *rpc) RepositoryIndex(ctx context.Context, in *pb.RepositoryIndexRequest) (*pb.RepositoryIndexResponse, error) {
	return call(r, ctx, "index", "", in, func(ctx context.Context, in *pb.RepositoryIndexRequest) (*pb.RepositoryIndexResponse, error) {
		ctx, cancel := context.WithTimeout(ctx, r.s.o.Deadline)
		defer cancel()
		out := &pb.RepositoryIndexResponse{}
		for _, m := range r.s.o.Models.Index(ctx) {
			if m.Ready || !in.GetReady() {
				out.Models = append(out.Models, &pb.RepositoryIndexResponse_ModelIndex{Name: m.Name, Version: m.Version, State: m.state(), Reason: m.Reason})
			}
		}
		return out, nil
	})
}

func (r *rpc) RepositoryModelLoad(ctx context.Context, in *pb.RepositoryModelLoadRequest) (*pb.RepositoryModelLoadResponse, error) {
	return call(r, ctx, "load", in.GetModelName(), in, func(ctx context.Context, in *pb.RepositoryModelLoadRequest) (*pb.RepositoryModelLoadResponse, error) {
		for name := range in.GetParameters() {
			if err := refuseToLoad(name); err != nil {
				return nil, err
			}
		}
		return &pb.RepositoryModelLoadResponse{}, r.s.o.Models.Load(ctx, in.GetModelName())
	})
}

func (r *rpc) RepositoryModelUnload(ctx context.Context, in *pb.RepositoryModelUnloadRequest) (*pb.RepositoryModelUnloadResponse, error) {
	return call(r, ctx, "unload", in.GetModelName(), in, func(ctx context.Context, in *pb.RepositoryModelUnloadRequest) (*pb.RepositoryModelUnloadResponse, error) {
		return &pb.RepositoryModelUnloadResponse{}, r.s.o.Models.Unload(ctx, in.GetModelName())
	})
}

// ModelInfer answers raw contents with raw contents and typed ones with typed ones, which is what clients read.
func (r *rpc) ModelInfer(ctx context.Context, in *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
	return call(r, ctx, "infer", in.GetModelName(), in, func(ctx context.Context, in *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
		if p := r.s.o.Gate.Enter(); p != nil {
			return nil, p
		}
		defer r.s.o.Gate.Leave()
		if int64(proto.Size(in)) > r.s.o.MaxBody {
			return nil, tooLong("message", r.s.o.MaxBody)
		}
		q, err := inferenceOf(in)
		if err != nil {
			return nil, err
		}
		a, err := r.s.infer(ctx, q)
		if err != nil {
			return nil, err
		}
		return a.message(len(in.GetRawInputContents()) > 0), nil
	})
}

// refuseOf says what of a message's parameters is not offered.
func refuseOf(p map[string]*pb.InferParameter) error { return refuseParameters(parametersOf(p)) }

// parametersOf are a message's parameters as they are over HTTP.
func parametersOf(p map[string]*pb.InferParameter) tensor.Parameters {
	as := tensor.Parameters{}
	for name, v := range p {
		switch v.GetParameterChoice().(type) {
		case *pb.InferParameter_BoolParam:
			as[name] = fmt.Append(nil, v.GetBoolParam())
		case *pb.InferParameter_Int64Param:
			as[name] = fmt.Append(nil, v.GetInt64Param())
		case *pb.InferParameter_Uint64Param:
			as[name] = fmt.Append(nil, v.GetUint64Param())
		default:
			as[name] = fmt.Appendf(nil, "%q", v.GetStringParam())
		}
	}
	return as
}

// inferenceOf reads a message.
func inferenceOf(in *pb.ModelInferRequest) (*inference, error) {
	if err := refuseOf(in.GetParameters()); err != nil {
		return nil, err
	}
	raw := in.GetRawInputContents()
	if len(raw) > 0 && len(raw) != len(in.GetInputs()) {
		return nil, wrong("", fmt.Sprintf("%d raw_input_contents for %d inputs", len(raw), len(in.GetInputs())), "give one for each input, in their order, or none at all")
	}
	q := &inference{model: in.GetModelName(), version: in.GetModelVersion(), id: in.GetId()}
	if err := q.setTimeout(parametersOf(in.GetParameters())); err != nil {
		return nil, err
	}
	for i, input := range in.GetInputs() {
		if err := refuseOf(input.GetParameters()); err != nil {
			return nil, err
		}
		of, err := tensor.DatatypeOf(input.GetDatatype())
		if err != nil {
			return nil, wrongInput(input.GetName(), err.Error(), "")
		}
		n, err := tensor.Elements(input.GetShape())
		if err != nil {
			return nil, wrongInput(input.GetName(), err.Error(), "")
		}
		t := &tensor.Tensor{Name: input.GetName(), Of: of, Shape: input.GetShape()}
		switch {
		case len(raw) > 0 && input.GetContents() != nil:
			err = fmt.Errorf("both contents and raw_input_contents are there: send one of them")
		case len(raw) > 0:
			err = t.FromBytes(raw[i], n)
		default:
			err = t.FromContents(input.GetContents(), n)
		}
		if err != nil {
			return nil, wrongInput(input.GetName(), err.Error(), "")
		}
		q.inputs = append(q.inputs, t)
	}
	for _, o := range in.GetOutputs() {
		if err := refuseOf(o.GetParameters()); err != nil {
			return nil, err
		}
		q.wanted = append(q.wanted, o.GetName())
	}
	return q, nil
}

// message is an answer.
func (a *answer) message(raw bool) *pb.ModelInferResponse {
	out := &pb.ModelInferResponse{ModelName: a.model, ModelVersion: a.version, Id: a.id}
	for _, t := range a.outputs {
		o := &pb.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: t.Of.Name, Shape: t.Shape}
		if raw {
			out.RawOutputContents = append(out.RawOutputContents, t.AppendBytes([]byte{}))
		} else {
			o.Contents = t.Contents()
		}
		out.Outputs = append(out.Outputs, o)
	}
	return out
}
