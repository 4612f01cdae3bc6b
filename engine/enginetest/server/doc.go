// Package server runs the real Spark, the real Flink, a real Kafka and the real Redis for tests, on loopback, at ports that are held for them, in
// process groups that end with the test.
//
// A test asks for [Spark] or [Flink] and gets a session of its own on a server that the test binary shares, or for [Kafka] and
// gets the broker; the server starts when it is first asked for, which needs a TestMain that ends it:
//
//	func TestMain(m *testing.M) { os.Exit(server.Main(m)) }
//
// [Redis], [RedisCluster] and [RedisSentinel] start in a moment, so each test has its own, and no TestMain is needed.
//
// Where the machine lacks what an engine needs, the test is skipped with the reason; with BIGHEAD_REQUIRE_ENGINES=1 it
// fails instead. [StartSpark], [StartFlink] and [StartKafka] are for programs that are no tests.
//
// The package knows how the engines are configured and started, and nothing of what runs on them.
package server
