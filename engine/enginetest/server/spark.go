package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// sparkModules is what Spark's launcher opens of the JDK (org.apache.spark.launcher.JavaModuleOptions); we start Java
// without the launcher, which needs a shell and one more JVM.
var sparkModules = []string{
	"-XX:+IgnoreUnrecognizedVMOptions", "--add-modules=jdk.incubator.vector",
	"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
	"--add-opens=java.base/java.lang.reflect=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
	"--add-opens=java.base/java.net=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
	"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
	"--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED", "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
	"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/sun.nio.cs=ALL-UNNAMED",
	"--add-opens=java.base/sun.security.action=ALL-UNNAMED", "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED",
	"-Dio.netty.tryReflectionSetAccessible=true", "--enable-native-access=ALL-UNNAMED",
}

// StartSpark fetches Spark if need be and starts its Connect server: two local cores, 1 GB, ANSI mode, UTC, a catalogue in
// memory, no user interface.
func StartSpark(ctx context.Context) (*Server, error) {
	return startSpark(ctx, nil, "spark.sql.catalogImplementation=in-memory")
}

// StartSparkAtWork is StartSpark for what is timed: both of Java's compilers, its collector for throughput, and as much memory as is said, such
// as 4g; settings of Spark are name=value.
func StartSparkAtWork(ctx context.Context, memory string, conf ...string) (*Server, error) {
	java := []string{"-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseParallelGC", "-Xmx" + memory}
	return startSpark(ctx, java, append([]string{"spark.sql.catalogImplementation=in-memory"}, conf...)...)
}

// StartSparkCluster is StartSpark with an executor that is a process of its own, as it is on a cluster: one at a time, with 512 MB, and another
// where it ends; settings of Spark are name=value.
func StartSparkCluster(ctx context.Context, conf ...string) (*Server, error) {
	home, err := fetch.Spark(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, home, "spark", func(ctx context.Context, home fetch.Home, s *Server) error {
		// Spark's worker keeps its executors' files in the folder that is Spark's home, which is to be this server's.
		if err := os.Symlink(filepath.Join(home.Dir, "jars"), filepath.Join(s.dir, "jars")); err != nil {
			return err
		}
		home.Dir = s.dir
		return runSpark(ctx, home, s, nil, append([]string{"spark.master=local-cluster[1,1,1024]", "spark.executor.memory=512m", "spark.sql.catalogImplementation=in-memory"}, conf...))
	})
}

// Executors are the processes in which the server's Spark computes, where they are not its own, and a task has begun: one that is lost before then costs no
// task anything. /proc knows them, and the names of their threads.
func (s *Server) Executors() ([]int, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err == nil && len(all) == 0 {
		err = errors.New("there is no /proc, which knows the executors")
	}
	var out []int
	for _, file := range all {
		said, _ := os.ReadFile(file) // of one that has ended meanwhile there is none
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		_, after, _ := strings.Cut(string(stat), ") ") // state, parent …
		if of := strings.Fields(after); len(of) > 1 && strings.Contains(string(said), "CoarseGrainedExecutorBackend") {
			parent, _ := strconv.Atoi(of[1])
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if slices.Contains(s.PIDs(), parent) && hasThread(pid, "Executor task l") { // "… launch worker", of which the system keeps 15 letters
				out = append(out, pid)
			}
		}
	}
	return out, err
}

// hasThread reports whether a process has a thread of a name.
func hasThread(pid int, name string) bool {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/comm", pid))
	return slices.ContainsFunc(all, func(file string) bool {
		said, _ := os.ReadFile(file)
		return strings.TrimSpace(string(said)) == name
	})
}

func startSpark(ctx context.Context, java []string, conf ...string) (*Server, error) {
	home, err := fetch.Spark(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, home, "spark", func(ctx context.Context, home fetch.Home, s *Server) error { return runSpark(ctx, home, s, java, conf) })
}

// runSpark starts it; options of Java and settings that are more come last, and hold.
func runSpark(ctx context.Context, home fetch.Home, s *Server, java, more []string) error {
	ports, err := proc.FreePorts(1)
	if err != nil {
		return err
	}
	port := strconv.Itoa(ports[0])
	args := append([]string{"-Xmx1g", "-Dlog4j2.configurationFile=" + filepath.Join(s.dir, "log4j2.properties")}, sparkModules...)
	args = append(args, java...)
	args = append(args, "-cp", filepath.Join(home.Dir, "jars", "*"), "org.apache.spark.deploy.SparkSubmit",
		"--class", "org.apache.spark.sql.connect.service.SparkConnectServer")
	for _, conf := range append([]string{
		"spark.master=local[2]",
		"spark.connect.grpc.binding.address=127.0.0.1", "spark.connect.grpc.binding.port=" + port,
		"spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1",
		"spark.ui.enabled=false",
		"spark.sql.ansi.enabled=true", "spark.sql.session.timeZone=UTC",
		"spark.sql.warehouse.dir=" + filepath.Join(s.dir, "warehouse"), "spark.local.dir=" + s.dir,
		"spark.sql.shuffle.partitions=2", "spark.default.parallelism=2",
		// A machine that has slept, or stopped its processes, for two minutes is no cause to end: Spark would take its own executor for lost, which
		// then can't find the driver that it is a part of, and exits.
		"spark.storage.blockManagerHeartbeatTimeoutMs=86400000", "spark.network.timeout=86400s", "spark.sql.broadcastTimeout=86400",
	}, more...) {
		args = append(args, "--conf", conf)
	}
	// Without SPARK_LOCAL_IP Spark also listens on the outer interface. An own folder of settings keeps a SPARK_CONF_DIR or
	// SPARK_HOME of the machine's user out of the test.
	if err := os.WriteFile(filepath.Join(s.dir, "log4j2.properties"), []byte(warnings), 0o644); err != nil {
		return err
	}
	// A worker would look for its version of Scala in Spark's own build.
	env := []string{"SPARK_LOCAL_IP=127.0.0.1", "SPARK_HOME=" + home.Dir, "SPARK_CONF_DIR=" + s.dir, "SPARK_SCALA_VERSION=2.13"}
	p, err := s.java(home, "spark-connect", env, append(args, "spark-internal")...)
	if err != nil {
		return err
	}
	s.URL = "sc://127.0.0.1:" + port
	return p.Ready(ctx, func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// SparkSQL runs Spark's own spark-sql, which ends by itself, with a catalogue in memory; its arguments are the script's. It needs no server.
func SparkSQL(t testing.TB, args ...string) error {
	t.Helper()
	return sparkSQL(t, []string{"spark.sql.catalogImplementation=in-memory"}, args)
}

// SparkSQLOnHive is SparkSQL on the test binary's metastore.
func SparkSQLOnHive(t testing.TB, args ...string) error {
	t.Helper()
	return sparkSQL(t, onHive(Metastore(t)), args)
}

func sparkSQL(t testing.TB, conf, args []string) error {
	t.Helper()
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	home, err := fetch.Spark(t.Context())
	lacking(t, err)
	s := &Server{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "log4j2.properties"), []byte(warnings), 0o644); err != nil {
		return err
	}
	java := append([]string{"-Xmx1g", "-Dlog4j2.configurationFile=" + filepath.Join(s.dir, "log4j2.properties")}, sparkModules...)
	java = append(java, "-cp", filepath.Join(home.Dir, "jars", "*"), "org.apache.spark.deploy.SparkSubmit", "--master", "local[2]",
		"--class", "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver",
		"--conf", "spark.ui.enabled=false", "--conf", "spark.sql.shuffle.partitions=2",
		"--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.local.dir="+s.dir)
	for _, c := range conf {
		java = append(java, "--conf", c)
	}
	for len(args) > 1 && args[0] == "--properties-file" {
		java, args = append(java, args[:2]...), args[2:]
	}
	env := []string{"SPARK_LOCAL_IP=127.0.0.1", "SPARK_HOME=" + home.Dir, "SPARK_CONF_DIR=" + s.dir}
	return proc.Run(t.Context(), s.javaSpec(home, "spark-sql", env, append(append(java, "spark-internal"), args...)...))
}
