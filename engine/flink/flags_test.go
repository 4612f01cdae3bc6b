package flink

import (
	"flag"
	"math/rand/v2"
)

var (
	seed   = flag.Uint64("seed", rand.Uint64()>>24, "of what is drawn; another each time")
	folder = flag.String("folder", "", "of the corpus that is run; \"\": all")
	echo   = flag.String("echo", "", "a folder for what Flink is told")
	cases  = flag.Int("cases", 100, "how many definitions are drawn")
	lots   = flag.Int("lots", 40, "of rows that each definition is asked about by one job")
	// Flink takes seconds of a core to plan a part, so that not all is asked each time.
	questions = flag.Int("questions", 12, "how many groups Flink is asked of each test; 0: all")
	atOnce    = flag.Int("inserts", 12, "how many INSERTs are run as one job")
)
