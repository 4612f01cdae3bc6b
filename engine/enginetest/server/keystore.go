package server

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
)

// storePassword is of the stores of keys that servers of Java are started with; they lie in the server's own folder, and go with it.
const storePassword = "changeit"

// keystores makes what a server of Java shows and trusts, in its folder: a key of its own with a certificate for loopback that signs itself, and those
// whose certificates it takes of its clients: its own, and who is signed by an authority, a file of PEM; "": its own alone. CA of the server then names the certificate.
func (s *Server) keystores(ctx context.Context, home fetch.Home, authority string) (shows, trusts string, err error) {
	java, err := filepath.EvalSymlinks(home.Java)
	if err != nil {
		return "", "", err
	}
	shows, trusts, s.CA = filepath.Join(s.dir, "shows.p12"), filepath.Join(s.dir, "trusts.p12"), filepath.Join(s.dir, "shown.pem")
	steps := [][]string{
		{"-genkeypair", "-alias", "server", "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=bighead test server", "-ext", "san=ip:127.0.0.1", "-validity", "2", "-keystore", shows},
		{"-exportcert", "-rfc", "-alias", "server", "-file", s.CA, "-keystore", shows},
		{"-importcert", "-noprompt", "-alias", "server", "-file", s.CA, "-keystore", trusts},
	}
	if authority != "" {
		steps = append(steps, []string{"-importcert", "-noprompt", "-alias", "clients", "-file", authority, "-keystore", trusts})
	}
	for _, args := range steps {
		tool := exec.CommandContext(ctx, filepath.Join(filepath.Dir(java), "keytool"), append(args, "-storetype", "PKCS12", "-storepass", storePassword)...)
		if out, err := tool.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("keytool %s: %w: %s", args[0], err, out)
		}
	}
	return shows, trusts, nil
}
