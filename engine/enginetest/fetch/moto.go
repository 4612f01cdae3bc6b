package fetch

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// motoPackages are moto, which speaks S3 over HTTP, and what its server imports, each with its version.
//
//go:embed moto.txt
var motoPackages []byte

// MotoHome is a moto that can be imported.
type MotoHome struct {
	Python string // the interpreter
	Dir    string // to put in PYTHONPATH
}

// Moto returns the pinned moto, fetched if need be: some 130 MB.
func Moto(ctx context.Context) (MotoHome, error) {
	python, dir, err := pythonPackages(ctx, "moto", "moto, a server of S3", motoPackages, "moto/server.py")
	return MotoHome{Python: python, Dir: dir}, err
}

// motoServer serves S3 with one bucket on a free port of loopback, says at which address, and ends with its input.
const motoServer = `
import sys, urllib.request
from moto.server import ThreadedMotoServer
s = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
s.start()
at = "http://%s:%d" % s.get_host_and_port()
sign = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"}
urllib.request.urlopen(urllib.request.Request(at + "/" + sys.argv[1], method="PUT", headers=sign)).read()
print(at, flush=True)
sys.stdin.read()
`

// Serve starts a server with one bucket, which has nothing in it, and gives its address. Any credentials are good.
func (h MotoHome) Serve(ctx context.Context, bucket string) (address string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, h.Python, "-c", motoServer, bucket)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+h.Dir)
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = cmd.Wait() // it may be killed with the context
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("moto did not start: %w\n%s", err, said.String())
	}
	return strings.TrimSpace(line), stop, nil
}
