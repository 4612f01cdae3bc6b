// Command trees measures the tree runtime on one thread: it answers the rows of a file, one at a time and many, and prints the CPU time of
// each row as JSON, the best of its rounds. The sums go to a file, so that whoever started it can compare them with a peer's.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tree"
)

func main() {
	file, rows, sums := flag.String("model", "", "the model's file"), flag.String("rows", "", "rows as float64, little-endian"), flag.String("sums", "", "where the sums go")
	batch, seconds := flag.Int("batch", 100, "rows at a time"), flag.Float64("seconds", 2, "how long each way is measured")
	flag.Parse()
	if err := run(*file, *rows, *sums, *batch, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "trees:", err)
		os.Exit(1)
	}
}

func run(file, rows, sums string, batch int, seconds float64) error {
	ctx := context.Background()
	began := time.Now()
	m, err := tree.Open(ctx, file)
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	bytes, err := os.ReadFile(rows)
	if err != nil {
		return err
	}
	x := make([]float64, len(bytes)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(bytes[i*8:]))
	}
	width, _ := m.Info().Widths()
	margin := max(m.Info().Output(model.Margin), 0)
	out := make([][]float64, margin+1)
	all := make([]float64, len(x)/width*m.Info().Outputs[margin].Width)
	out[margin] = all
	if err := m.Predict(ctx, &model.Batch{Rows: len(x) / width, Numbers: x}, out); err != nil {
		return err
	}
	var b []byte
	for _, v := range all {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	if err := os.WriteFile(sums, b, 0o644); err != nil {
		return err
	}
	one, err := measure(ctx, m, x, width, 1, seconds)
	if err != nil {
		return err
	}
	many, err := measure(ctx, m, x, width, batch, seconds)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"load_ms": float64(loaded.Microseconds()) / 1000, "row_us": one, "batch_row_us": many})
}

// measure is the CPU time of a row in µs, n rows at a time: the best round over the rows.
func measure(ctx context.Context, m model.Model, x []float64, width, n int, seconds float64) (float64, error) {
	runtime.LockOSThread()
	out := [][]float64{make([]float64, n*m.Info().Outputs[0].Width)}
	best := math.Inf(1)
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); {
		began, rows := cpu(), 0
		for at := 0; at+n*width <= len(x); at += n * width {
			if err := m.Predict(ctx, &model.Batch{Rows: n, Numbers: x[at : at+n*width]}, out); err != nil {
				return 0, err
			}
			rows += n
		}
		best = min(best, (cpu()-began)/float64(rows))
	}
	return best, nil
}

// cpu is the CPU time of the process in µs.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}
