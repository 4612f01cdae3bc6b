package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Sealed files are named <hour of arrival>-<first record>-<record behind the last>, so that their names say what is sealed, and giving a
// file its name is the moment in which it is: there is no list that could say otherwise. A segment whose records a name covers is a leftover.
// The files hold the columns of the log, our three, and the record that a row came in, which readers of records and of segments that
// went meanwhile need and tables do not show.
const (
	sealedFolder = "sealed"
	recordColumn = "_record"
	hourLayout   = "2006-01-02T15"
)

// sealedName is a sealed file by its name.
type sealedName struct {
	path     string
	hour     int64 // since the epoch
	from, to int64 // records [from, to)
}

func sealedPath(dir, ext string, hour, from, to int64) string {
	return filepath.Join(dir, sealedFolder, fmt.Sprintf("%s-%020d-%020d%s", time.UnixMilli(hour*3_600_000).UTC().Format(hourLayout), from, to, ext))
}

// listSealed are the sealed files in the order of their records.
func listSealed(dir string) ([]sealedName, error) {
	entries, err := os.ReadDir(filepath.Join(dir, sealedFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []sealedName
	for _, e := range entries {
		if s, ok := parseSealed(e.Name()); ok {
			s.path = filepath.Join(dir, sealedFolder, e.Name())
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b sealedName) int { return int(min(max(a.from-b.from, -1), 1)) })
	for i := 1; i < len(out); i++ {
		if out[i].from != out[i-1].to {
			return nil, damaged(out[i].path, 0, fmt.Errorf("records %d to %d are not there before it", out[i-1].to, out[i].from-1))
		}
	}
	return out, nil
}

func parseSealed(name string) (sealedName, bool) {
	const digits = 20
	if len(name) < len(hourLayout)+2*(digits+1) || strings.HasPrefix(name, ".") {
		return sealedName{}, false
	}
	rest := name[len(hourLayout):]
	t, err := time.Parse(hourLayout, name[:len(hourLayout)])
	from, err2 := strconv.ParseInt(rest[1:1+digits], 10, 64)
	to, err3 := strconv.ParseInt(rest[2+digits:2+2*digits], 10, 64)
	if err != nil || err2 != nil || err3 != nil || rest[0] != '-' || rest[1+digits] != '-' || from >= to {
		return sealedName{}, false
	}
	return sealedName{hour: hourOf(t.UnixMilli()), from: from, to: to}, true
}

// open opens the file as one with those columns, null where it has not got them.
func (s sealedName) open(ctx context.Context, formats []dataset.Format, columns value.Schema) (dataset.File, dataset.Part, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, dataset.Part{}, err
	}
	i := slices.IndexFunc(formats, func(f dataset.Format) bool {
		return slices.ContainsFunc(f.Extensions(), func(ext string) bool { return strings.HasSuffix(s.path, ext) })
	})
	if i < 0 {
		return nil, dataset.Part{}, fmt.Errorf("%s: no format reads it", s.path)
	}
	file, err := formats[i].Open(ctx, s.path, dataset.Options{})
	if err != nil {
		return nil, dataset.Part{}, err
	}
	at := make([]int, len(columns))
	for c, f := range columns {
		at[c] = file.Schema().Index(f.Name)
		if at[c] >= 0 && !file.Schema()[at[c]].Type.Equal(f.Type) {
			return nil, dataset.Part{}, fmt.Errorf("%s has column %q as %s, and the source as %s: give the column another name, or move the folder away to begin anew", s.path, f.Name, file.Schema()[at[c]].Type, f.Type)
		}
	}
	return dataset.Fit(file, columns, at), dataset.Part{Path: s.path, Size: info.Size(), Modified: info.ModTime()}, nil
}
