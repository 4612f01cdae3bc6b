package grpc

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// statusCodes are the answers to problems of a whole request; what is not here is InvalidArgument, the caller's.
var statusCodes = map[feature.Code]codes.Code{
	feature.CodeUnknownView:   codes.NotFound,
	feature.CodeUnknownSource: codes.NotFound,
	feature.CodeUnknownCall:   codes.Unimplemented,
	feature.CodeTooLarge:      codes.ResourceExhausted,
	feature.CodeNoToken:       codes.Unauthenticated,
	feature.CodeNoScope:       codes.PermissionDenied,
	feature.CodeTooOften:      codes.ResourceExhausted,
	feature.CodeBusy:          codes.Unavailable,
	feature.CodeNoStream:      codes.Unavailable,

	feature.CodeUnknownEndpoint: codes.NotFound,
	feature.CodeNoVersion:       codes.Unavailable,
	feature.CodeModelFailed:     codes.Unavailable,

	feature.CodeDefect: codes.Internal,
}

func codeOf(c feature.Code) codes.Code {
	if s, ok := statusCodes[c]; ok {
		return s
	}
	return codes.InvalidArgument
}

// statusOf is a problem as the status of a call.
func statusOf(p *serve.Problem) *status.Status {
	s := status.New(codeOf(p.Code), p.Error())
	with, err := s.WithDetails(message(p))
	if err == nil && p.After > 0 {
		with, err = with.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(p.After)})
	}
	if err != nil {
		return s // the text has all of it too
	}
	return with
}

// message is a problem as it stands in details and in rows.
func message(p *serve.Problem) *pb.Problem {
	return &pb.Problem{Code: p.Code.String(), Title: p.Code.Title(), Detail: p.Detail, Field: p.Field, Near: p.Near, Cure: p.Cure}
}

func badMessage(detail string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeBadBody, Detail: detail, Cure: "send a message of bighead.v1; reflection has its form"}
}
