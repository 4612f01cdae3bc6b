package server

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/secure"
)

// flinkConf is all of the cluster's configuration. Without Flink's shell scripts the memory of the task manager has to be
// spelled out part by part. A machine that has stopped its processes for a minute, or is slow, is no cause to take a TaskManager for lost;
// one that has died is missed when two heartbeats in a row reach nobody. %[1]d is the JobManager's RPC port, %[2]d its REST port, %[3]s a folder for files.
const flinkConf = `jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: %[1]d
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.process.size: 1024m
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: %[2]d
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: 24
taskmanager.cpu.cores: 2.0
taskmanager.memory.task.heap.size: 640m
taskmanager.memory.task.off-heap.size: 16m
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.network.min: 96m
taskmanager.memory.network.max: 96m
taskmanager.memory.managed.size: 64m
taskmanager.memory.jvm-metaspace.size: 192m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
io.tmp.dirs: %[3]s
process.working-dir: %[3]s
parallelism.default: 1
table.local-time-zone: UTC
execution.checkpointing.mode: EXACTLY_ONCE
execution.checkpointing.dir: file://%[3]s/checkpoints
execution.checkpointing.savepoint-dir: file://%[3]s/savepoints
heartbeat.interval: 2 s
heartbeat.timeout: 1 h
pekko.ask.timeout: 10 min
client.timeout: 10 min
rest.connection-timeout: 10 min
rest.idleness-timeout: 1 h
slot.request.timeout: 20 min
taskmanager.registration.timeout: 20 min
`

// StartFlink fetches Flink if need be and starts a session cluster: JobManager, one TaskManager with 24 slots, and the SQL
// gateway; one slot a job, UTC.
func StartFlink(ctx context.Context) (*Server, error) { return startFlink(ctx) }

// flinkTLS has JobManager and SQL gateway speak TLS, and want a certificate of whoever asks.
const flinkTLS = `security.ssl.rest.enabled: true
security.ssl.rest.authentication-enabled: true
security.ssl.rest.keystore: %[1]s
security.ssl.rest.truststore: %[2]s
security.ssl.rest.keystore-password: %[3]s
security.ssl.rest.key-password: %[3]s
security.ssl.rest.truststore-password: %[3]s
`

// StartSecureFlink is StartFlink over TLS, for clients whom an authority has signed, a file of PEM; own are such a client's certificate and key.
func StartSecureFlink(ctx context.Context, authority string, own secure.TLS) (*Server, error) {
	home, err := fetch.Flink(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, home, "flink", func(ctx context.Context, home fetch.Home, s *Server) error {
		shows, trusts, err := s.keystores(ctx, home, authority)
		if err != nil {
			return err
		}
		own.CA = s.CA
		config, err := own.Config()
		if err != nil {
			return err
		}
		s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		return runFlink(ctx, home, s, nil, "https", fmt.Sprintf(flinkTLS, shows, trusts, storePassword))
	})
}

// StartFlinkAtWork is StartFlink for what is timed: both of Java's compilers, and its usual collector.
func StartFlinkAtWork(ctx context.Context) (*Server, error) {
	return startFlink(ctx, "-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseG1GC")
}

func startFlink(ctx context.Context, java ...string) (*Server, error) {
	home, err := fetch.Flink(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, home, "flink", func(ctx context.Context, home fetch.Home, s *Server) error {
		return runFlink(ctx, home, s, java, "http", "")
	})
}

// runFlink starts the processes, with further lines of configuration.
func runFlink(ctx context.Context, home fetch.Home, s *Server, java []string, scheme, more string) error {
	ports, err := proc.FreePorts(3)
	if err != nil {
		return err
	}
	if err := writeFlinkConf(s.dir, ports[0], ports[1], more); err != nil {
		return err
	}
	opens, err := flinkModules(filepath.Join(home.Dir, "lib"))
	if err != nil {
		return err
	}
	s.JobManager, s.URL = fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[1]), fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[2])
	run := func(name string, memory []string, main ...string) (*proc.Process, error) {
		args := append(append(append([]string{}, java...), memory...), opens...)
		args = append(args, "-Dlog4j2.configurationFile="+filepath.Join(s.dir, "log4j2.properties"), "-cp", filepath.Join(home.Dir, "lib", "*"))
		return s.java(home, name, []string{"FLINK_CONF_DIR=" + s.dir}, append(args, main...)...)
	}
	jm, err := run("jobmanager", []string{"-Xmx384m"},
		"org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", s.dir, "--executionMode", "cluster")
	if err != nil {
		return err
	}
	s.taskManager = func() (*proc.Process, error) {
		return run(fmt.Sprintf("taskmanager-%d", len(s.procs)), []string{"-Xmx704m", "-XX:MaxDirectMemorySize=192m"},
			"org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", s.dir)
	}
	if s.working, err = s.taskManager(); err != nil {
		return err
	}
	gw, err := run("sql-gateway", []string{"-Xmx384m"}, "org.apache.flink.table.gateway.SqlGateway",
		"-Dsql-gateway.endpoint.rest.address=127.0.0.1", "-Dsql-gateway.session.idle-timeout=2 h", fmt.Sprintf("-Dsql-gateway.endpoint.rest.port=%d", ports[2]))
	if err != nil {
		return err
	}
	if err := jm.Ready(ctx, func(ctx context.Context) error { return s.get(ctx, s.JobManager+"/overview", &struct{}{}) }); err != nil {
		return err
	}
	if err := s.working.Ready(ctx, s.hasSlots); err != nil {
		return err
	}
	return gw.Ready(ctx, func(ctx context.Context) error { return s.get(ctx, s.URL+"/v3/info", &struct{}{}) })
}

// KillTaskManager ends Flink's TaskManager as kill -9 does, and starts another, which takes over when it has come up.
func (s *Server) KillTaskManager() error {
	s.working.Kill()
	s.working.Stop()
	var err error
	s.working, err = s.taskManager()
	return err
}

// EndJobs cancels the jobs whose names begin so, and waits until none of them runs: a test's own, which nobody else ends.
func (s *Server) EndJobs(ctx context.Context, names string) error {
	for {
		var all struct {
			Jobs []struct{ JID, Name, State string }
		}
		if err := get(ctx, s.JobManager+"/jobs/overview", &all); err != nil {
			return err
		}
		left := 0
		for _, j := range all.Jobs {
			if !strings.HasPrefix(j.Name, names) || slices.Contains([]string{"CANCELED", "FAILED", "FINISHED"}, j.State) {
				continue
			}
			left++
			req, err := http.NewRequestWithContext(ctx, http.MethodPatch, s.JobManager+"/jobs/"+j.JID+"?mode=cancel", nil)
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			resp.Body.Close()
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Jobs is how many jobs, whose names begin so, have not ended.
func (s *Server) Jobs(ctx context.Context, names string) (n int, err error) {
	var all struct {
		Jobs []struct{ Name, State string }
	}
	err = get(ctx, s.JobManager+"/jobs/overview", &all)
	for _, j := range all.Jobs {
		if strings.HasPrefix(j.Name, names) && !slices.Contains([]string{"CANCELED", "FAILED", "FINISHED"}, j.State) {
			n++
		}
	}
	return n, err
}

// StopJob has somebody stop a job with a savepoint, and says where that is, once the job has ended. Flink may refuse it at first, as on a busy machine where a
// checkpoint is late; then it is asked again.
func (s *Server) StopJob(ctx context.Context, id string) (savepoint string, err error) {
	for asked := ""; ; {
		if asked == "" {
			if asked, err = s.askToStop(ctx, id); err != nil {
				return "", err
			}
		}
		var job struct{ State string }
		var done struct {
			Status    struct{ ID string }
			Operation struct {
				Location string
				Failure  struct {
					Stack string `json:"stack-trace"`
				} `json:"failure-cause"`
			}
		}
		if err := errors.Join(get(ctx, s.JobManager+"/jobs/"+id, &job), get(ctx, s.JobManager+"/jobs/"+id+"/savepoints/"+asked, &done)); err != nil {
			return "", err
		}
		switch {
		case done.Operation.Location != "" && job.State == "FINISHED":
			return done.Operation.Location, nil
		case done.Operation.Location == "" && done.Status.ID == "COMPLETED":
			asked = ""
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%w; the savepoint failed last at: %s", context.Cause(ctx), done.Operation.Failure.Stack)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) askToStop(ctx context.Context, id string) (request string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.JobManager+"/jobs/"+id+"/stop", strings.NewReader(`{"drain":false}`))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var trigger struct {
		ID string `json:"request-id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&trigger); err != nil || trigger.ID == "" {
		return "", fmt.Errorf("stop job %s: %s, %w", id, resp.Status, err)
	}
	return trigger.ID, nil
}

// Parallelism is the greatest of a job's tasks.
func (s *Server) Parallelism(ctx context.Context, id string) (n int, err error) {
	var job struct{ Vertices []struct{ Parallelism int } }
	err = get(ctx, s.JobManager+"/jobs/"+id, &job)
	for _, v := range job.Vertices {
		n = max(n, v.Parallelism)
	}
	return n, err
}

// hasSlots asks the JobManager whether the TaskManager has offered its slots.
func (s *Server) hasSlots(ctx context.Context) error {
	var overview struct {
		Slots int `json:"slots-total"`
	}
	if err := s.get(ctx, s.JobManager+"/overview", &overview); err != nil {
		return err
	}
	if overview.Slots == 0 {
		return errors.New("the TaskManager has not registered its slots")
	}
	return nil
}

func writeFlinkConf(dir string, rpc, rest int, more string) error {
	files := map[string]string{"config.yaml": fmt.Sprintf(flinkConf, rpc, rest, dir) + more, "log4j2.properties": warnings}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var stockOptions = regexp.MustCompile(`(?m)^\s+all: (--add-.*)$`)

// flinkModules is what Flink wants opened of the JDK: the options of the stock configuration inside its own jar.
func flinkModules(lib string) ([]string, error) {
	jars, err := filepath.Glob(filepath.Join(lib, "flink-dist-*.jar"))
	if err != nil || len(jars) != 1 {
		return nil, fmt.Errorf("want one flink-dist jar in %s, found %v", lib, jars)
	}
	z, err := zip.OpenReader(jars[0])
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.Open("config.yaml")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", jars[0], err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", jars[0], err)
	}
	m := stockOptions.FindSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%s: its config.yaml has no env.java.opts.all", jars[0])
	}
	return strings.Fields(string(m[1])), nil
}

// get reads JSON.
func get(ctx context.Context, url string, into any) error { return new(Server).get(ctx, url, into) }

func (s *Server) get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	k := s.http
	if k == nil {
		k = http.DefaultClient
	}
	resp, err := k.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
