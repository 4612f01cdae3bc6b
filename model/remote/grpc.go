package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/model/tensor/pb"
)

// overGRPC is the protocol over gRPC: one connection, which is made anew by itself, for all requests.
type overGRPC struct {
	connection    *grpc.ClientConn
	client        pb.GRPCInferenceServiceClient
	name, version string
}

func newGRPC(a *model.Address, by access) (*overGRPC, error) {
	secure := insecure.NewCredentials()
	if a.TLS {
		secure = credentials.NewTLS(&tls.Config{RootCAs: by.roots, MinVersion: tls.VersionTLS12})
	}
	retry := backoff.DefaultConfig
	retry.BaseDelay, retry.MaxDelay = 100*time.Millisecond, 2*time.Second // so that a server that is back is found soon
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(secure), grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: 5 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer), grpc.MaxCallSendMsgSize(1<<30)),
		// More often than each five minutes servers take for an attack.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 6 * time.Minute, Timeout: 10 * time.Second}),
	}
	if by.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(by.token)))
	}
	c, err := grpc.NewClient(a.Host, options...)
	if err != nil {
		return nil, err
	}
	return &overGRPC{connection: c, client: pb.NewGRPCInferenceServiceClient(c), name: a.Name, version: a.Version}, nil
}

// bearer shows a token with each call.
type bearer string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (b bearer) RequireTransportSecurity() bool { return true }

func (w *overGRPC) close() error { return w.connection.Close() }

// failure is an error of gRPC as this package's.
func failure(err error) error {
	s := status.Convert(err)
	text := fmt.Sprintf("the server answers %v: %.300s", s.Code(), s.Message())
	switch s.Code() {
	case codes.Canceled:
		return fmt.Errorf("%s: %w", text, context.Canceled)
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s: %w", text, context.DeadlineExceeded)
	case codes.Unavailable, codes.Aborted:
		return fmt.Errorf("%w: %s", model.ErrUnavailable, text)
	}
	return errors.New(text)
}

func (w *overGRPC) ready(ctx context.Context) error {
	got, err := w.client.ModelReady(ctx, &pb.ModelReadyRequest{Name: w.name, Version: w.version})
	switch code := status.Code(err); {
	case code == codes.NotFound || code == codes.Unknown: // MLServer's word for a model that it does not have
		return fmt.Errorf("%w: the model is not ready there: %w", model.ErrUnavailable, failure(err))
	case err != nil:
		return failure(err)
	case !got.GetReady():
		return fmt.Errorf("%w: the model is not ready there", model.ErrUnavailable)
	}
	return nil
}

func (w *overGRPC) describe(ctx context.Context) (*description, error) {
	server, err := w.client.ServerMetadata(ctx, &pb.ServerMetadataRequest{})
	if err != nil && status.Code(err) != codes.Unimplemented {
		return nil, failure(err)
	}
	m, err := w.client.ModelMetadata(ctx, &pb.ModelMetadataRequest{Name: w.name, Version: w.version})
	if err != nil {
		return nil, failure(err)
	}
	d := &description{server: server.GetName(), extensions: server.GetExtensions(), platform: m.GetPlatform()}
	for _, t := range m.GetInputs() {
		d.inputs = append(d.inputs, tensor.Metadata{Name: t.GetName(), Datatype: t.GetDatatype(), Shape: t.GetShape()})
	}
	for _, t := range m.GetOutputs() {
		d.outputs = append(d.outputs, tensor.Metadata{Name: t.GetName(), Datatype: t.GetDatatype(), Shape: t.GetShape()})
	}
	return d, nil
}

// infer sends raw contents, as the protocol's own clients do, and reads both kinds.
func (w *overGRPC) infer(ctx context.Context, inputs []*tensor.Tensor, outputs []string) ([]answered, error) {
	q := &pb.ModelInferRequest{ModelName: w.name, ModelVersion: w.version}
	if end, ok := ctx.Deadline(); ok {
		q.Parameters = map[string]*pb.InferParameter{"timeout": {ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: max(1, time.Until(end).Microseconds())}}}
	}
	for _, t := range inputs {
		q.Inputs = append(q.Inputs, &pb.ModelInferRequest_InferInputTensor{Name: t.Name, Datatype: t.Of.Name, Shape: t.Shape})
		q.RawInputContents = append(q.RawInputContents, t.AppendBytes([]byte{}))
	}
	for _, name := range outputs {
		q.Outputs = append(q.Outputs, &pb.ModelInferRequest_InferRequestedOutputTensor{Name: name})
	}
	got, err := w.client.ModelInfer(ctx, q)
	if err != nil {
		return nil, failure(err)
	}
	return w.answer(got)
}

// answer finds what of an answer is whose; the elements are not looked at.
func (w *overGRPC) answer(got *pb.ModelInferResponse) ([]answered, error) {
	if v := got.GetModelVersion(); w.version != "" && v != "" && v != w.version {
		return nil, otherVersion(v, w.version)
	}
	raw := got.GetRawOutputContents()
	if len(raw) > 0 && len(raw) != len(got.GetOutputs()) {
		return nil, fmt.Errorf("its answer has %d raw_output_contents for %d outputs", len(raw), len(got.GetOutputs()))
	}
	out := make([]answered, len(got.GetOutputs()))
	for i, o := range got.GetOutputs() {
		out[i] = answered{tensor.Metadata{Name: o.GetName(), Datatype: o.GetDatatype(), Shape: o.GetShape()}, func() (*tensor.Tensor, error) {
			t := &tensor.Tensor{Name: o.GetName(), Shape: o.GetShape()}
			var err error
			if t.Of, err = tensor.DatatypeOf(o.GetDatatype()); err != nil {
				return nil, err
			}
			n, err := tensor.Elements(o.GetShape())
			if err != nil {
				return nil, err
			}
			if len(raw) > 0 {
				return t, t.FromBytes(raw[i], n)
			}
			return t, t.FromContents(o.GetContents(), n)
		}}
	}
	return out, nil
}
