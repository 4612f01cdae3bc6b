package fetch

// A wheel is a package of the Python index, pinned by version and by the checksum of its file.
type wheel struct {
	name, version, sha256 string
}

// A jar is an artefact of the Maven repositories, pinned likewise.
type jar struct {
	group, name, version, sha256 string
}

// file is the name under which the jar is kept.
func (j jar) file() string { return j.name + "-" + j.version + ".jar" }

// The pins. A changed pin is another folder in the cache, so old and new live side by side.
var (
	// PySpark without its extras: the jars of Spark and of its Connect server, and Apache Ivy.
	spark = wheel{"pyspark", "4.3.0", "e8c517948eff7088a7aa07449aa8eafa4a15a8d50319de2525a6fd26622476c6"}
	// The jars of Flink's runtime and table planner.
	flink = wheel{"apache-flink-libraries", "2.3.0", "38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151"}
	// The SQL gateway, which that package lacks.
	flinkGateway = jar{"org.apache.flink", "flink-sql-gateway", "2.3.0", "aad296a152dc367ddd70727f5a57dd61958cff3d8dceb1f947bf8d9705c8d724"}
	// Its connector to Kafka, with the client inside. There is none for 2.3 yet, and this one works with it.
	flinkKafka = jar{"org.apache.flink", "flink-sql-connector-kafka", "5.0.0-2.2", "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616"}
)

// The least versions of what the machine must have.
const (
	javaMajor   = 17
	pythonMinor = 10 // of 3
)

// The Debian packages of a Redis server that are fetched where the machine has none: the server, which stands in redis-tools, and what
// it links beside what every Debian has. Their version is what apt offers, since Debian's archive keeps only the newest of a release;
// apt checks the archive's signature.
var redisPackages = []string{"redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"}

// redisMajor is the least version of a Redis that the machine has.
const redisMajor = 6
