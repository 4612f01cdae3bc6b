// Package hive reads and writes the tables of a Hive metastore: what they are called, what their columns are and where their partitions
// lie is asked of the metastore, the files are read by the formats of package dataset.
//
// A place is written db.table, with conditions on partition columns behind it where not all partitions are meant: db.table/ds=2024-01-02,
// db.table/ds>=2024-01-01/ds<2024-02-01 (%XX for a slash in a value). The metastore is asked for those partitions alone.
//
// The client speaks Thrift's binary protocol without SASL, to Hive 2.3 up to 4 (whose metastore has get_table_req alone). It is written here
// because nine calls are used of some two hundred: the generated client would be thirty times this room. Files are read on local file
// systems and on those of a cluster that are mounted (Mount), Parquet and text; of what lies elsewhere columns and partitions are known, and an engine that has the same catalog may read it by its name (named.go). What else there is (ORC,
// transactional tables, views) is refused by name with its cure.
//
// It knows nothing of features, keys or engines.
package hive
