package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// startWithin bounds a start. It is long because a loaded machine takes a minute for what an idle one does in fifteen
// seconds; a server that fails says so by exiting, which ends the wait at once.
const startWithin = 20 * time.Minute

// warnings has both engines write warnings and errors only.
const warnings = `rootLogger.level = WARN
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c - %m%n
`

// Server is a running engine.
type Server struct {
	URL string // Spark: sc://127.0.0.1:port; Flink: the gateway's http://127.0.0.1:port
	// JobManager is the base URL of Flink's own REST interface; "" for Spark.
	JobManager string
	// CA is a file of the certificate that a server with TLS shows; "": it has none.
	CA string

	dir   string
	procs []*proc.Process
	http  *http.Client // for what has TLS; nil: the usual one

	taskManager func() (*proc.Process, error) // starts one; Flink's alone
	working     *proc.Process                 // the last that was started
}

// Stop ends the engine and removes its files. It may be called more than once.
func (s *Server) Stop() {
	for i := len(s.procs) - 1; i >= 0; i-- {
		s.procs[i].Stop()
	}
	os.RemoveAll(s.dir)
}

// PIDs are the processes of the engine that were started.
func (s *Server) PIDs() []int {
	out := make([]int, len(s.procs))
	for i, p := range s.procs {
		out[i] = p.PID()
	}
	return out
}

// Logs is the end of what the engine's processes wrote, for messages of tests.
func (s *Server) Logs() string {
	var b strings.Builder
	for _, p := range s.procs {
		fmt.Fprintf(&b, "--- %s\n", p.Name())
		for line := range strings.Lines(p.LogTail(400)) {
			if !strings.HasPrefix(line, "\tat ") { // the causes say what is wrong; their frames would bury them
				b.WriteString(line)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A starter starts the processes of an engine in a fresh folder, on ports that are held for them, and waits until
// they answer. What it started is in the server also when it fails.
type starter func(ctx context.Context, home fetch.Home, s *Server) error

// start runs the starter, again when a port could not be held and was taken.
func start(ctx context.Context, home fetch.Home, name string, run starter) (*Server, error) {
	const tries = 3
	for try := 1; ; try++ {
		dir, err := os.MkdirTemp("", "bighead-"+name+"-")
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
		s := &Server{dir: dir}
		bounded, cancel := context.WithTimeout(ctx, startWithin)
		err = run(bounded, home, s)
		cancel()
		if err == nil {
			return s, nil
		}
		s.Stop()
		if try == tries || !errors.Is(err, proc.ErrPortTaken) {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
	}
}

// java starts a Java program of the engine in the server's folder.
func (s *Server) java(home fetch.Home, name string, env []string, args ...string) (*proc.Process, error) {
	p, err := proc.Start(s.javaSpec(home, name, env, args...))
	if err == nil {
		s.procs = append(s.procs, p)
	}
	return p, err
}

func (s *Server) javaSpec(home fetch.Home, name string, env []string, args ...string) proc.Spec {
	common := []string{
		// Many short statements: a quick start and few threads are worth more than peak speed.
		// With one compiler Java keeps 48 MB for code, which the queries of one test binary fill; then Spark dies.
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m",
		"-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-Djava.io.tmpdir=" + s.dir,
	}
	return proc.Spec{
		Name: name, Path: home.Java, Args: append(common, args...), Dir: s.dir,
		Env: append(os.Environ(), env...), Log: filepath.Join(s.dir, name+".log"),
	}
}
