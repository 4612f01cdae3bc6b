// Package iceberg reads and appends to Iceberg tables. What a table is, its snapshots, and which files a snapshot has is the library's to say
// (github.com/apache/iceberg-go); the Parquet files are read by the format of package dataset, columns found by their field ids.
//
// A place is written db.table for the newest snapshot, db.table@7321 for a snapshot by its id, db.table@2024-01-31 or @2024-01-31T06:00:00Z for
// what the table was then. Files with deletes beside them (merge on read) are refused by name: a compaction makes them plain.
//
// Catalogs: sqlite (a file), hadoop (a warehouse folder without a catalog) and rest. Files are read on local or mounted file systems.
package iceberg
