package dataset

import "github.com/bighead-ml/bighead/value"

// Cataloged is a table of a catalog that an engine elsewhere may read too: it is told the table's name there in place of files.
type Cataloged interface {
	Table
	// Named is how it is told. An error says why another would not read by the name the rows that Scan gives.
	Named() (*Named, error)
}

// Named is a table as its catalog calls it. Its rows are those of its Parts, by their Partition.
type Named struct {
	Catalog         string // which one, in messages
	Database, Table string
	// Locations are where the catalog says that it lies, any of which others may say of it.
	Locations []string
	// Types are the columns' as the catalog writes them, such as decimal(10,2), by their names.
	Types map[string]string
	// Keys are the partition columns; where there are none, the table is one part.
	Keys value.Schema
	// Conditions are those that who names the table sets on Keys, beside which it is all partitions.
	Conditions []Condition
	// Far is why its files are not read here, which Scan says too; nil: they are. The Parts of a table that lies far away are its partitions:
	// Path is where a partition lies, Size and Modified are what the catalog knows of it, zero where it knows nothing, and an old truth where
	// somebody has written files without telling it. Rows and Bounds are not known.
	Far error
}

// Condition is one on a partition column: null is equal to null alone, and neither less nor greater than anything.
type Condition struct {
	Column string
	Op     string // = != < <= > >=
	Value  value.Value
}
