package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/secure"
)

// This file looks for the clusters that bighead.toml names: each in a line, whether it is reached and in which version, or what is wrong and
// what to do.

// doctorWithin is how long doctor waits for one cluster: a Spark that was just started loads classes for its first query.
const doctorWithin = 30 * time.Second

// clusterFindings are those of Spark, Flink and the schema registry, as far as they are named or must be.
func clusterFindings(ctx context.Context, p *project.Project) []finding {
	var found []finding
	for _, c := range []struct {
		what, setting, engine, named string
		oldest                       int // the first major version that the printed SQL is for
		version                      func(ctx context.Context, p *project.Project, at string) (string, error)
	}{
		{"Spark", "batch.remote", "batch.engine", "spark", sparkOldest, sparkVersion},
		{"Flink", "stream.gateway", "stream.engine", "flink", 2, flinkVersion},
	} {
		at := p.Config.String(c.setting)
		section, key, _ := strings.Cut(c.setting, ".")
		where := fmt.Sprintf("[%s] %s", section, key)
		switch {
		case at == "" && p.Config.String(c.engine) != c.named:
		case at == "":
			found = append(found, finding{What: c.what, Says: fmt.Sprintf("[%s] engine = %q, and nothing says where it is", section, c.named), Cure: "set " + where})
		default:
			within, cancel := context.WithTimeout(ctx, doctorWithin)
			v, err := c.version(within, p, at)
			cancel()
			found = append(found, clusterFinding(c.what, where, at, v, c.oldest, err))
		}
	}
	if f := stageFinding(p); f != nil {
		found = append(found, *f)
	}
	if p.Config.String("stream.registry") != "" {
		found = append(found, registryFinding(ctx, p))
	}
	return found
}

// namesFindings are those of sources' tables that Spark is to read by their names: whether it has them as their catalog has.
func namesFindings(ctx context.Context, p *project.Project, l *loaded) []finding {
	remote := p.Config.String("batch.remote")
	if remote == "" {
		return nil
	}
	var found []finding
	asked := map[string]bool{}
	for _, s := range l.typed.Sources {
		if s.Place.Table == "" || asked[s.Place.Table] {
			continue
		}
		asked[s.Place.Table] = true
		within, cancel := context.WithTimeout(ctx, doctorWithin)
		t, err := l.table(within, s.Place)
		byName := false
		if err == nil {
			byName, err = sparkHas(within, p, remote, t)
		}
		cancel()
		switch f := (finding{What: "table " + s.Place.Table, Good: true, Says: "Spark has it too, and reads it by its name"}); {
		case err != nil:
			f.Good, f.Says = false, strings.ReplaceAll(err.Error(), "\n", " ")
			found = append(found, f)
		case byName:
			found = append(found, f)
		}
	}
	return found
}

// clusterFinding says what came of asking a cluster for its version.
func clusterFinding(what, where, at, version string, oldest int, err error) finding {
	f := finding{What: what}
	at = shownGateway(withoutSecrets(at))
	if err != nil {
		f.Says = strings.ReplaceAll(err.Error(), "\n", " ")
		f.Cure = cureOf(err, where)
		if refused := (*secure.Failure)(nil); errors.As(err, &refused) { // which is said once
			f.Says, f.Cure = strings.TrimSuffix(f.Says, "; "+refused.Cure), refused.Cure
		}
		return f
	}
	f.Good, f.Says = true, fmt.Sprintf("%s answers, %s %s", at, what, version)
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		f.Good = false
		f.Says += fmt.Sprintf("; the SQL that it is handed is for %s %d and newer", what, oldest)
		f.Cure = fmt.Sprintf("start %s %d, or name another server: %s", what, oldest, where)
	}
	return f
}

// withoutSecrets is an address without its parameters, among which a token may be.
func withoutSecrets(at string) string {
	at, _, _ = strings.Cut(at, ";")
	return strings.TrimSuffix(at, "/")
}

// stageFinding looks at the folder through which tables reach Spark; nil: none is named.
func stageFinding(p *project.Project) *finding {
	stage := optionsOf(p).Stage
	switch {
	case stage == "":
		return nil
	case strings.Contains(stage, "://"):
		return &finding{What: "stage", Says: stage + " is no folder of this machine", Cure: "set [batch] stage to a folder that bighead and Spark see under one path, such as a mounted one"}
	}
	f := writable(stage)
	f.What = "stage"
	if !f.Good {
		f.Cure = "make the folder writable, or set [batch] stage to one that Spark sees too"
	}
	return &f
}

// registryFinding asks the schema registry.
func registryFinding(ctx context.Context, p *project.Project) finding {
	f := finding{What: "schema registry"}
	if len(p.Config.Strings("stream.brokers")) == 0 {
		f.Says, f.Cure = "it is named, and no brokers are, whose records it would be asked for", "set [stream] brokers, or remove [stream] registry"
		return f
	}
	broker, err := openBroker(p, nil)
	if err != nil {
		f.Says, f.Cure = err.Error(), "correct [stream] in bighead.toml"
		return f
	}
	defer broker.Close()
	within, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	asked, ok := broker.(interface {
		Subjects(ctx context.Context) ([]string, error)
	})
	if !ok {
		f.Good, f.Says = true, "it is asked when a record needs it"
		return f
	}
	subjects, err := asked.Subjects(within)
	if err != nil {
		w := secure.Where{TLS: secured(p, "stream.tls"), Section: "[stream.tls]", Yes: "write https:// in [stream] registry", No: "write http:// in [stream] registry"}
		w.TLS.On = strings.HasPrefix(p.Config.String("stream.registry"), "https:")
		f.Says, f.Cure = strings.ReplaceAll(err.Error(), "\n", " "), cmp.Or(w.Cure(err), cureOf(err, "[stream] registry"))
		return f
	}
	f.Good, f.Says = true, "it answers, and has "+plural(len(subjects), "subject")
	return f
}

// refusedBy finds in an error's text that who asks was not let in: by the status, which is no part of an address, or by its name.
var refusedBy = regexp.MustCompile(`(^|[^0-9:.])40[13]\b|Unauthorized|Forbidden`)

// cureOf says what to do about a cluster that could not be asked: start it, let us in, or name another.
func cureOf(err error, where string) string {
	text := err.Error()
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	code := status.Code(unwrapped(err))
	var dns *net.DNSError
	switch {
	case code == codes.Unauthenticated || code == codes.PermissionDenied || refusedBy.MatchString(text):
		return "it lets nobody in who does not log in: put the token or the user and password that it wants into " + where
	case errors.As(err, &dns) || has("no such host", "produced zero addresses"):
		return "no host has this name: correct " + where
	case has("tls:", "x509:"):
		return "TLS does not come about: trust the server's certificate on this machine, or correct " + where
	case has("preface", "malformed HTTP", "HTTP/1", "http2:", "not Apache Flink", "cannot be read", "invalid character", "unexpected content-type", "unexpected HTTP status") || code == codes.Unimplemented || has("status 404", "HTTP status 4"):
		return "what listens there speaks another protocol, or TLS where it is asked without (or the other way round): correct " + where
	case errors.Is(err, syscall.ECONNREFUSED) || has("connection refused"):
		return "nothing listens there: start the server, or correct " + where
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || code == codes.DeadlineExceeded || has("deadline exceeded", "i/o timeout"):
		return fmt.Sprintf("it does not answer within %s: see whether a firewall is between, or what holds the server up, or correct %s", doctorWithin, where)
	}
	return "start the server, or correct " + where
}

// unwrapped is the innermost error that is a status of gRPC, or the error itself.
func unwrapped(err error) error {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Err()
	}
	return err
}
