package parquet

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"
)

// Parquet has a sum for each page's bytes and none for the footer, where a flipped bit may move a column to other pages, rename it, or have fewer rows look
// whole. So the files that are written here say their footer's sum, CRC-32C, as the build in created_by: other writers, which may take over a file's key-value
// metadata when they write its rows anew, put themselves there, and readers take any build.

const (
	writer  = "bighead version 1.0.0 (build " // the form that parquet-mr takes apart to know which writers' statistics to trust
	noSum   = "00000000"                      // stands for the sum while that is computed
	sumSize = len(noSum)
)

func createdBy(sum string) string { return writer + sum + ")" }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// addSum puts its sum into a footer that was written without one.
func addSum(foot []byte) {
	at := bytes.LastIndex(foot, []byte(createdBy(noSum))) + len(writer)
	copy(foot[at:], sumOf(foot))
}

func sumOf(foot []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(foot, castagnoli)) }

// sumHolds reports whether a footer is what was written, as far as it says: by is its created_by, as it was understood. Damage may have that end before it.
func sumHolds(foot []byte, by string) bool {
	at := bytes.LastIndex(foot, []byte(writer)) + len(writer)
	if by != "" && !strings.HasPrefix(by, writer) || at < len(writer) {
		return true // another writer's
	}
	if len(foot) <= at+sumSize || foot[at+sumSize] != ')' {
		return true // from before there was a sum
	}
	without := bytes.Clone(foot)
	copy(without[at:], noSum)
	return string(foot[at:at+sumSize]) == sumOf(without)
}
