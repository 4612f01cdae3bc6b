// Command spin is an HTTP server that reads a request, spins for a while and answers with as many bytes as it is told: what it takes under the
// load generator beside it is the machine's, and no server's that works as long is faster.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	spin := flag.Duration("for", 0, "how long a request takes")
	size := flag.Int("bytes", 0, "of an answer")
	flag.Parse()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "spin:", err)
		os.Exit(1)
	}
	fmt.Println("http://" + l.Addr().String() + "/") // whoever started it reads where it is
	answer := bytes.Repeat([]byte("x"), *size)
	fmt.Fprintln(os.Stderr, "spin:", http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		_, _ = io.Copy(io.Discard, r.Body)
		for time.Since(began) < *spin {
			continue
		}
		_, _ = w.Write(answer)
	})))
}
