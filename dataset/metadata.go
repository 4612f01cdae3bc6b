package dataset

import (
	"encoding/json"
	"fmt"
)

// Metadata is what a file says about itself, for formats that have a place for it (Parquet, Arrow).
type Metadata struct {
	Keys    map[string]string     // for the file
	Columns map[string]ColumnInfo // by column
}

// ColumnInfo is what is said of a column.
type ColumnInfo struct {
	Doc         string `json:"doc,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

// columnsKey is the key under which formats with flat metadata keep Columns, as JSON.
const columnsKey = "bighead.columns"

// Pairs are the metadata as flat keys and values, as files hold them.
func (m Metadata) Pairs() map[string]string {
	out := make(map[string]string, len(m.Keys)+1)
	for k, v := range m.Keys {
		out[k] = v
	}
	if len(m.Columns) > 0 {
		text, err := json.Marshal(m.Columns) // keys come out sorted
		if err != nil {
			panic(err) // strings always encode
		}
		out[columnsKey] = string(text)
	}
	return out
}

// MetadataOf reads what Pairs wrote; other writers' keys are kept as they are.
func MetadataOf(pairs map[string]string) (Metadata, error) {
	var m Metadata
	for k, v := range pairs {
		if k == columnsKey {
			if err := json.Unmarshal([]byte(v), &m.Columns); err != nil {
				return Metadata{}, fmt.Errorf("metadata %s: %w", columnsKey, err)
			}
			continue
		}
		if m.Keys == nil {
			m.Keys = map[string]string{}
		}
		m.Keys[k] = v
	}
	return m, nil
}
