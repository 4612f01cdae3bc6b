package hive

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Mount says at which folder of this machine a folder of a cluster's file system is seen.
type Mount struct {
	Location string // hdfs://nn:8020/warehouse, as the metastore writes it
	Folder   string // /mnt/warehouse
}

// ParseMount reads location=folder.
func ParseMount(text string) (Mount, error) {
	location, dir, ok := strings.Cut(text, "=")
	scheme, _, isLocation := strings.Cut(location, "://")
	if location, dir = strings.TrimRight(location, "/"), strings.TrimSpace(dir); !ok || dir == "" || !isLocation || !isScheme(scheme) {
		return Mount{}, fmt.Errorf("mounts: %q does not say where a location is mounted; write \"hdfs://host:8020/warehouse=/mnt/warehouse\"", text)
	}
	return Mount{location, dir}, nil
}

// isScheme tells what may stand before the : of a location (RFC 3986).
func isScheme(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+.-", c)) {
			return false
		}
	}
	return s != ""
}

// folder is a location as a path of this machine: a folder of its own, or one that is mounted, whichever mount says most of it. Locations are as Hadoop writes paths:
// nothing in them is escaped, so that a % is a %.
func (m *Metastore) folder(location string) (string, error) {
	best, found := Mount{}, false
	for _, x := range m.mounts {
		if rest, ok := strings.CutPrefix(location, x.Location); ok && (rest == "" || rest[0] == '/') && len(x.Location) >= len(best.Location) {
			best, found = x, true
		}
	}
	scheme, rest, ok := strings.Cut(location, ":")
	switch {
	case found:
		return filepath.Join(best.Folder, filepath.FromSlash(strings.TrimPrefix(location, best.Location))), nil
	case strings.HasPrefix(location, "/"):
		return location, nil
	case !ok || !isScheme(scheme):
		return "", fmt.Errorf("lies at %q, which is no location", location)
	case strings.EqualFold(scheme, "file"):
		if after, ok := strings.CutPrefix(rest, "//"); ok { // a host, mostly none, and the path
			_, path, _ := strings.Cut(after, "/")
			rest = "/" + path
		}
		return filepath.FromSlash(rest), nil
	}
	return "", &elsewhere{location, scheme}
}

// elsewhere says that a location is on no file system of this machine.
type elsewhere struct{ location, scheme string }

func (e *elsewhere) Error() string {
	return fmt.Sprintf("lies at %s, and %s:// is not read: where it is mounted, say so under [hive], mounts = [%q], or copy it to a file system of this machine", e.location, e.scheme, warehouseOf(e.location)+"=/where/it/is/mounted")
}

// warehouseOf is the first folder of a location, which is what is mounted as a rule.
func warehouseOf(location string) string {
	scheme, rest, _ := strings.Cut(location, "://")
	parts := strings.SplitN(rest, "/", 3)
	return scheme + "://" + strings.Join(parts[:min(2, len(parts))], "/")
}
