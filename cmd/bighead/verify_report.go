package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/project"
)

// This file makes keys, signs reports of verify with them, and checks such reports.

// reportKind tells a report of verify from other JSON; the number grows when its members change.
const reportKind = "bighead verify report 1"

// publicSuffix is what the name of a public key's file ends with.
const publicSuffix = ".pub"

// newVerifyKey makes a key. A file that is there is never written over.
func (c *cli) newVerifyKey(path string) error {
	private, public, err := audit.NewKey()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		text []byte
		mode fs.FileMode
	}{{path, private, 0o600}, {path + publicSuffix, public, 0o644}} {
		if err := writeNew(f.path, f.text, f.mode); err != nil {
			return err
		}
	}
	key, err := audit.ParseKey(string(public))
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(map[string]string{"key": path, "public_file": path + publicSuffix, "public_key": audit.KeyText(key)})
	}
	fmt.Fprintf(c.stdout, "wrote %s, which signs and stays secret, and %s, which checks:\n  %s\n", path, path+publicSuffix, audit.KeyText(key))
	fmt.Fprintf(c.stderr, "name it in bighead.toml, [verify] key = %q, or with --key\n", path)
	return nil
}

func writeNew(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return mistakef("%s is there already; a key is never written over: name another file", path)
	} else if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// signer signs reports.
type signer struct{ key ed25519.PrivateKey }

// signerOf reads the key that a flag, bighead.toml or the environment names.
func (c *cli) signerOf(p *project.Project, flag string) (*signer, error) {
	path := flag
	if path == "" {
		if path = p.Config.String("verify.key"); path == "" {
			return nil, mistakef("--report signs what was found, and no key is named: make one with `bighead verify --new-key FILE`, and name it with --key or in bighead.toml, [verify] key")
		}
		path = inProject(p, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, mistakef("the key that signs: %v", err)
	}
	key, err := audit.ParsePrivate(text)
	if err != nil {
		return nil, mistakef("the key that signs, %s: %v; `bighead verify --new-key FILE` makes one", path, err)
	}
	return &signer{key}, nil
}

func (s *signer) write(path string, r *verifyReport) error {
	text, err := audit.Signed(r, s.key)
	if err != nil {
		return err
	}
	return writeWhole(path, text)
}

// checkedReport is what a signed report attests.
type checkedReport struct {
	verifyReport
	SignedBy string `json:"signed_by"`
	Trusted  bool   `json:"by_the_key_asked_for"`
}

// checkReport checks a report's signature and says what it attests.
func (c *cli) checkReport(path, public string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return mistakef("%v", err)
	}
	key, err := audit.CheckSigned(text)
	if err != nil {
		return mistakef("%s: %v", path, err)
	}
	r := &checkedReport{}
	if err := json.Unmarshal(text, r); err != nil || r.Kind != reportKind || r.Sample == nil {
		return mistakef("%s is signed, and is no report of this version: its kind is %q, and %q is wanted", path, r.Kind, reportKind)
	}
	if public != "" {
		want, err := publicKey(public)
		if err != nil {
			return err
		}
		if !bytes.Equal(want, key) {
			return mistakef("%s is signed by %s, and not by %s", path, audit.KeyText(key), audit.KeyText(want))
		}
		r.Trusted = true
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(r)
	}
	r.print(c)
	return nil
}

// publicKey reads a key from a file, or from the text itself.
func publicKey(text string) (ed25519.PublicKey, error) {
	if key, err := audit.ParseKey(text); err == nil {
		return key, nil
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return nil, mistakef("--public %q is neither a key nor a file: %v", text, err)
	}
	key, err := audit.ParseKey(string(b))
	if err != nil {
		return nil, mistakef("--public %s: %v", text, err)
	}
	return key, nil
}

func (r *checkedReport) print(c *cli) {
	w := c.stdout
	if r.Trusted {
		fmt.Fprintf(w, "the signature is good, by %s\n", r.SignedBy)
	} else {
		fmt.Fprintf(w, "the signature is good, by the key that the report itself names, %s: nothing was changed since; name the key that you trust with --public to know by whom\n", r.SignedBy)
	}
	fmt.Fprintf(w, "it attests of view %s of %s, %s, from %s to %s by bighead %s (%s): %s\n", r.View, r.Project, r.Fingerprint, r.Began, r.Ended, r.Bighead, r.Platform, r.Verdict)
	r.Sample.print(w)
	fmt.Fprintf(w, "    SHA-256 of the rows %s\n", r.Sample.Hash)
	if r.Sample.File != "" {
		fmt.Fprintf(w, "    SHA-256 of the file %s\n", r.Sample.File)
	}
	for _, road := range r.Roads {
		fmt.Fprintf(w, "  on %s %s in %s\n", road.Name, road.Version, seconds(road.MS))
	}
	for _, a := range r.Found {
		_ = printAgainst(w, a) // a writer that fails is said at the end
	}
}
