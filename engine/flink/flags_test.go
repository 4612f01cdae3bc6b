package flink

import "flag"

var (
	seed   = flag.Uint64("seed", 1, "of what is drawn")
	folder = flag.String("folder", "", "of the corpus that is run; \"\": all")
	echo   = flag.String("echo", "", "a folder for what Flink is told")
	cases  = flag.Int("cases", 20, "how many random cases are run")
	atOnce = flag.Int("inserts", 40, "how many INSERTs are run as one job")
)
