package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/bighead-ml/bighead/secure"
)

// Config says how a cluster is reached.
type Config struct {
	Brokers []string // host:port of some; the others are learnt of them
	Group   string   // under which Commit shows how far we are; "": nowhere
	SASL    SASL
	TLS     TLS
	// Registry is where the schemas of Avro and Protobuf are.
	Registry Registry
	// Refresh is how often new partitions are looked for, and whether the topic is still the same; 0: 3 s.
	Refresh time.Duration
	// Log gets what the client has to say of brokers that are away; nil: nothing.
	Log *slog.Logger
}

// SASL is a login. The zero value is none.
type SASL struct{ Mechanism, User, Password string } // "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"

// TLS says how connections are secured. The zero value is: not at all.
type TLS = secure.TLS

// Registry is a schema registry. The zero value is none.
type Registry struct {
	URLs           []string
	User, Password string
	TLS            TLS
}

const (
	// fetchBytes bounds what is asked of one broker at once; as much waits to be handed out, and no more is fetched meanwhile.
	fetchBytes     = 8 << 20
	partitionBytes = 4 << 20
	// leastBytes is what a broker gathers before it answers, for gatherFor at most: events that come one by one are read some at a time, which costs
	// reader and broker a fraction, and each of them as much time.
	leastBytes = 1 << 20
	gatherFor  = 25 * time.Millisecond
	// pollRecords bounds the rows of an Arrival.
	pollRecords = 16384
	// refresh is Config.Refresh where it says nothing.
	refresh = 3 * time.Second
)

func (c *Config) every() time.Duration {
	if c.Refresh == 0 {
		return refresh
	}
	return c.Refresh
}

// options are those of every client of the cluster.
func (c *Config) options() ([]kgo.Opt, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("no brokers are named; set brokers under [stream]")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, fmt.Errorf("broker %q is not host:port: %w", b, err)
		}
	}
	out := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("bighead")}
	if c.TLS.On {
		t, err := c.TLS.Config()
		if err != nil {
			return nil, err
		}
		out = append(out, kgo.DialTLSConfig(t))
	}
	switch login := (scram.Auth{User: c.SASL.User, Pass: c.SASL.Password}); strings.ToUpper(c.SASL.Mechanism) {
	case "":
		if c.SASL != (SASL{}) {
			return nil, errors.New(`a SASL user without a mechanism: set it to "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"`)
		}
	case "PLAIN":
		out = append(out, kgo.SASL(plain.Auth{User: c.SASL.User, Pass: c.SASL.Password}.AsMechanism()))
	case "SCRAM-SHA-256":
		out = append(out, kgo.SASL(login.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		out = append(out, kgo.SASL(login.AsSha512Mechanism()))
	default:
		return nil, fmt.Errorf(`SASL mechanism %q is not "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"`, c.SASL.Mechanism)
	}
	if c.Log != nil {
		out = append(out, kgo.WithLogger(clientLog{c.Log}))
	}
	return out, nil
}

// clientLog hands warnings and errors of the client on. Its warnings are as many as its attempts while a broker is away, which whoever reads
// hears of by Lag.
type clientLog struct{ log *slog.Logger }

func (clientLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (l clientLog) Log(level kgo.LogLevel, msg string, pairs ...any) {
	to := slog.LevelDebug
	if level == kgo.LogLevelError {
		to = slog.LevelError
	}
	l.log.Log(context.Background(), to, "kafka: "+msg, pairs...)
}
