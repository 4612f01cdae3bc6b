// Package eventlog keeps what a source's stream has accepted: durable before anybody is told so, readable from any place on, and at
// last the history that batch, `why` and the audit read (docs/data-path.md §3).
//
// A Log is a folder, <events path>/<source>. Its newest part is a write-ahead log of records; what is old enough is sealed into Parquet
// files by hour of arrival, with the source's columns and three of our own (ArrivalColumn, PartitionColumn, OffsetColumn), and goes after
// the log's keep. A record is rows that arrived together from one partition of the source; it has a place in the log (its sequence
// number), by which readers go on, and its rows have positions (partition and offset), by which a tile knows what is in it.
//
// Ids are decided here (E3): of events with one id and ts the first is accepted, and its copies are told apart before they are
// appended, also after a restart, for as long as the source's lateness allows them to matter.
//
// The folder:
//
//	lock                                  one process writes
//	wal/<record>.wal                      segments of records, synced as they come (segment.go, record.go, batch.go)
//	sealed/<hour>-<record>-<record>.…     the records from … to before …, as rows (sealed.go)
//	ids/, once/                           what is known of ids and of named batches (seen)
//
// There is no manifest. A file's name says which records it has, files get their names once they are whole, and what two files have is
// taken from the one that stands for more: whatever ends the process, each record is in one place, and the rest is removed when the log is
// opened.
//
// The room knows values and files. It does not know features, tiles, stores or how rows came.
package eventlog
