package spark

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ParseSettings reads settings that are written name=value. One without a value is refused when the engine connects, as are those that the
// printed SQL stands on.
func ParseSettings(list []string) map[string]string {
	out := map[string]string{}
	for _, s := range list {
		name, val, _ := strings.Cut(s, "=")
		out[strings.TrimSpace(name)] = strings.TrimSpace(val)
	}
	return out
}

var settingName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// check refuses what would be taken otherwise than it is meant.
func (o *Options) check() error {
	if strings.Contains(o.Stage, "://") {
		return fmt.Errorf("[batch] stage = %q: tables for Spark are written into a folder, not there yet: name one that bighead and Spark see under one path, such as a mounted one", o.Stage)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		switch fixed, is := settings[name]; {
		case !settingName.MatchString(name) || o.Settings[name] == "":
			return fmt.Errorf("[batch] settings: %q is no setting: write name=value, such as spark.sql.shuffle.partitions=200", strings.TrimSuffix(name+"="+o.Settings[name], "="))
		case is && fixed != o.Settings[name]:
			return fmt.Errorf("[batch] settings: %s is %s, on which the printed SQL stands: leave %q out", name, fixed, name+"="+o.Settings[name])
		}
	}
	return nil
}
