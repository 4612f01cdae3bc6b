package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Home is a fetched engine or broker.
type Home struct {
	Dir  string // Spark: holds jars/; Flink, Kafka: holds lib/
	Java string // the java executable to run it with
}

// Spark returns the pinned Spark, fetched if need be. Dir is a SPARK_HOME whose jars/ include the Connect server.
func Spark(ctx context.Context) (Home, error) {
	java, err := findJava(ctx)
	if err != nil {
		return Home{}, err
	}
	root, err := cacheDir()
	if err != nil {
		return Home{}, err
	}
	dir, err := sparkDir(ctx, root)
	return Home{Dir: dir, Java: java}, err
}

func sparkDir(ctx context.Context, root string) (string, error) {
	dir, err := once(ctx, root, "spark-"+spark.version+"-"+spark.sha256[:8], func(stage string) error {
		if err := pip(ctx, spark, stage); err != nil {
			return err
		}
		return present(stage, "pyspark/jars/spark-connect_2.13-"+spark.version+".jar")
	})
	return filepath.Join(dir, "pyspark"), err
}

// Flink returns the pinned Flink, fetched if need be: Dir/lib holds every jar of a session cluster, its SQL gateway
// and its connector to Kafka. The last two are fetched by the Ivy that is in Spark's package, so Spark is fetched first.
func Flink(ctx context.Context) (Home, error) {
	java, err := findJava(ctx)
	if err != nil {
		return Home{}, err
	}
	root, err := cacheDir()
	if err != nil {
		return Home{}, err
	}
	dir, err := once(ctx, root, "flink-"+flink.version+"-"+flink.sha256[:8]+flinkGateway.sha256[:8]+flinkKafka.sha256[:8], func(stage string) error {
		if err := pip(ctx, flink, stage); err != nil {
			return err
		}
		sparkHome, err := sparkDir(ctx, root)
		if err != nil {
			return err
		}
		return ivy(ctx, java, sparkHome, []jar{flinkGateway, flinkKafka}, filepath.Join(stage, "pyflink", "lib"))
	})
	return Home{Dir: filepath.Join(dir, "pyflink"), Java: java}, err
}

// Kafka returns the pinned Kafka, fetched if need be: Dir/lib holds every jar of a broker. They are fetched by the Ivy that is in
// Spark's package, so Spark is fetched first.
func Kafka(ctx context.Context) (Home, error) {
	java, err := findJava(ctx)
	if err != nil {
		return Home{}, err
	}
	root, err := cacheDir()
	if err != nil {
		return Home{}, err
	}
	dir, err := once(ctx, root, "kafka-"+kafkaVersion+"-"+pinOf(kafka)[:8], func(stage string) error {
		sparkHome, err := sparkDir(ctx, root)
		if err != nil {
			return err
		}
		return ivy(ctx, java, sparkHome, kafka, filepath.Join(stage, "lib"))
	})
	return Home{Dir: dir, Java: java}, err
}

// pinOf is one checksum for several jars.
func pinOf(jars []jar) string {
	sum := sha256.New()
	for _, j := range jars {
		fmt.Fprintln(sum, j.file(), j.sha256)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// present fails unless the file is in the folder: pip succeeded but brought something else.
func present(dir, file string) error {
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		return fmt.Errorf("the fetched package lacks %s: %w", file, err)
	}
	return nil
}

// verify fails unless the file has the checksum.
func verify(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s has checksum %s, pinned is %s", filepath.Base(path), got, want)
	}
	return nil
}
