package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// hiveSite has the metastore keep its tables in a Derby database of its own, which it makes.
const hiveSite = `<?xml version="1.0"?>
<configuration>
<property><name>javax.jdo.option.ConnectionURL</name><value>jdbc:derby:;databaseName=metastore_db;create=true</value></property>
<property><name>datanucleus.schema.autoCreateAll</name><value>true</value></property>
<property><name>hive.metastore.schema.verification</name><value>false</value></property>
<property><name>hive.async.log.enabled</name><value>false</value></property>
<property><name>hive.metastore.warehouse.dir</name><value>WAREHOUSE</value></property>
<property><name>hive.metastore.integral.jdo.pushdown</name><value>true</value></property>
MORE</configuration>
`

// hiveTLS has it speak TLS.
const hiveTLS = `<property><name>hive.metastore.use.SSL</name><value>true</value></property>
<property><name>hive.metastore.keystore.path</name><value>%s</value></property>
<property><name>hive.metastore.keystore.password</name><value>%s</value></property>
`

// StartMetastore fetches Spark if need be and starts the Hive 2.3 metastore that is among its jars, over a Derby database. It takes no address
// to listen on, only a port.
func StartMetastore(ctx context.Context) (*Server, error) { return startMetastore(ctx, false) }

// StartSecureMetastore is StartMetastore over TLS.
func StartSecureMetastore(ctx context.Context) (*Server, error) { return startMetastore(ctx, true) }

func startMetastore(ctx context.Context, secure bool) (*Server, error) {
	home, err := fetch.Spark(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, home, "metastore", func(ctx context.Context, home fetch.Home, s *Server) error { return runMetastore(ctx, home, s, secure) })
}

func runMetastore(ctx context.Context, home fetch.Home, s *Server, secure bool) error {
	ports, err := proc.FreePorts(1)
	if err != nil {
		return err
	}
	port := strconv.Itoa(ports[0])
	more := ""
	if secure {
		shows, _, err := s.keystores(ctx, home, "")
		if err != nil {
			return err
		}
		more = fmt.Sprintf(hiveTLS, shows, storePassword)
	}
	site := []byte(strings.NewReplacer("WAREHOUSE", filepath.Join(s.dir, "warehouse"), "MORE", more).Replace(hiveSite))
	if err := os.WriteFile(filepath.Join(s.dir, "hive-site.xml"), site, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "log4j2.properties"), []byte(warnings), 0o644); err != nil {
		return err
	}
	args := append([]string{"-Xmx512m", "-Dlog4j2.configurationFile=" + filepath.Join(s.dir, "log4j2.properties")}, sparkModules...)
	p, err := s.java(home, "metastore", nil, append(args, "-cp", s.dir+":"+filepath.Join(home.Dir, "jars", "*"), "org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", port)...)
	if err != nil {
		return err
	}
	s.URL = "thrift://127.0.0.1:" + port
	return p.Ready(ctx, func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// Far is where Spark on Hive sees this machine's folders on a file system of a cluster's, which nobody else reaches: Far + "/tmp/x" is /tmp/x.
const Far = "hdfs://far.example"

// onHive are the settings of a Spark whose catalogue is the metastore.
func onHive(metastore string) []string {
	return []string{"spark.sql.catalogImplementation=hive", "spark.hadoop.hive.metastore.uris=" + metastore,
		"spark.hadoop.hive.exec.dynamic.partition.mode=nonstrict", "spark.sql.sources.partitionOverwriteMode=dynamic",
		"spark.hadoop.fs.hdfs.impl=org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
		"spark.hadoop.fs.viewfs.overload.scheme.target.file.impl=org.apache.hadoop.fs.LocalFileSystem",
		"spark.hadoop.fs.viewfs.mounttable." + strings.TrimPrefix(Far, "hdfs://") + ".linkFallback=file:///"}
}

// StartSparkOnHive starts a Spark as StartSpark does, whose catalogue is the metastore.
func StartSparkOnHive(ctx context.Context, metastore string) (*Server, error) {
	return startSpark(ctx, nil, onHive(metastore)...)
}
