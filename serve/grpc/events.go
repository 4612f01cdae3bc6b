package grpc

import (
	"bytes"
	"context"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// keyHeader is the metadata that names events which may be sent again.
const keyHeader = "idempotency-key"

// pushEvents is PushEvents.
func (s *Server) pushEvents(ctx context.Context, in []byte) (outgoing, string, error) {
	if s.o.Pusher == nil {
		return outgoing{}, "", &serve.Problem{Code: feature.CodeNoStream, Detail: "no stream runs in this process", Cure: "push to the one that `bighead up` runs", After: time.Minute}
	}
	var ask pb.PushEventsRequest
	if err := proto.Unmarshal(in, &ask); err != nil {
		return outgoing{}, "", badMessage("the message is no PushEventsRequest: " + err.Error())
	}
	kind := "application/x-ndjson"
	if bytes.HasPrefix(bytes.TrimLeft(ask.GetEvents(), " \t\r\n"), []byte("[")) {
		kind = "application/json"
	}
	key, err := serve.EventsKey(keyHeader, metadata.ValueFromIncomingContext(ctx, keyHeader))
	if err != nil {
		return outgoing{}, "", err
	}
	pushed, err := s.o.Pusher.Push(ctx, serve.Events{Name: ask.GetName(), ContentType: kind, Key: key, Body: ask.GetEvents()})
	if err != nil {
		return outgoing{}, "", err
	}
	answer := &pb.PushEventsResponse{}
	for i := range pushed {
		answer.Sources = append(answer.Sources, pushedMessage(&pushed[i]))
	}
	b := buffers.Get(0)
	*b, err = proto.MarshalOptions{}.MarshalAppend(*b, answer)
	return outgoing{b}, "", err
}

func pushedMessage(p *serve.Pushed) *pb.Pushed {
	m := &pb.Pushed{Source: p.Source, Accepted: p.Accepted, Duplicated: p.Duplicated, NotYet: p.NotYet}
	for _, r := range p.Rejected {
		m.Rejected = append(m.Rejected, &pb.Rejected{Line: int64(r.Line), Reason: r.Reason})
	}
	return m
}
