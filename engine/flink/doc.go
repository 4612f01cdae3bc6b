// Package flink lets Flink fold a stream: it prints what one group keeps online as one job of Flink SQL, submits it over the SQL gateway
// (package gateway), watches it through the JobManager, and stops it with a savepoint. The job reads the source's topic and writes the
// tiles' parts (package part) to a compacted topic, from which our own reader takes them into the online store.
//
//	options.go   where the topics are, how a job runs: every setting that it stands on
//	print.go     the job as statements: views of events and tiles, a sink and an insert for each part
//	source.go    the source's topic as a table
//	submit.go    submits, resumes and stops a job, and what is remembered of it
//	cluster.go   what the JobManager says of jobs
//	runner.go    the same for whoever sees to the jobs of a project
//
// What is printed stands on docs/engines-flink.md. There is no watermark and no window of Flink's: a late event is one more row of its tile.
package flink
