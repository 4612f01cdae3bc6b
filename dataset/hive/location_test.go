package hive

import (
	"strings"
	"testing"
)

// A location is a path of this machine, or of what is mounted here; a % in it is a %.
func TestLocations(t *testing.T) {
	var mounts []Mount
	for _, text := range []string{"hdfs://nn:8020/warehouse=/mnt/w", "hdfs://nn:8020/warehouse/big/=/big", "s3a://bucket=/mnt/s3/", "file:///far=/near"} {
		m, err := ParseMount(text)
		if err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, m)
	}
	m := &Metastore{mounts: mounts}
	for location, want := range map[string]string{
		"/a b/c%3Ad":                            "/a b/c%3Ad",
		"file:/a/x=a%3Ab":                       "/a/x=a%3Ab",
		"file:///a/x=50%2541?":                  "/a/x=50%2541?",
		"file://localhost/a/ü#":                 "/a/ü#",
		"file:/far":                             "/far",
		"file:///far/t":                         "/near/t",
		"hdfs://nn:8020/warehouse":              "/mnt/w",
		"hdfs://nn:8020/warehouse/t/ds=2024%3A": "/mnt/w/t/ds=2024%3A",
		"hdfs://nn:8020/warehouse/big/t":        "/big/t",
		"hdfs://nn:8020/warehouse/bigger/t":     "/mnt/w/bigger/t",
		"s3a://bucket/t":                        "/mnt/s3/t",
	} {
		if got, err := m.folder(location); got != want || err != nil {
			t.Errorf("%s is %q, %v; want %q", location, got, err, want)
		}
	}
	for location, says := range map[string]string{
		"hdfs://nn:8020/warehouse2/t": `mounts = ["hdfs://nn:8020/warehouse2=/where/it/is/mounted"]`,
		"hdfs://other/warehouse/db/t": `mounts = ["hdfs://other/warehouse=/where/it/is/mounted"]`,
		"s3a://buckets/t":             "s3a:// is not read",
		"gs://bucket":                 `mounts = ["gs://bucket=/where/it/is/mounted"]`,
		"somewhere":                   "is no location",
		"":                            "is no location",
		"1x:/y":                       "is no location",
	} {
		if got, err := m.folder(location); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is %q, %v; want %q", location, got, err, says)
		}
	}
	for _, text := range []string{"", "hdfs://nn/x", "hdfs://nn/x=", "/x=/y", "://x=/y", "hdfs:/x=/y"} {
		if got, err := ParseMount(text); err == nil || !strings.Contains(err.Error(), "hdfs://host:8020/warehouse=/mnt/warehouse") {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}
