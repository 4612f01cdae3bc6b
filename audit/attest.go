package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// This file signs reports, so that who has one can tell that it says what was found, whoever has had it meanwhile.
//
// A signed report is one object of canonical JSON and a newline: members in the order of their names' bytes, no space between tokens, strings
// as encoding/json writes them without escaping HTML, numbers as they were written. Its member "signed_by" is the public key, "signature" the
// Ed25519 signature over signingPrefix and the canonical JSON of all the other members. A file that is not byte for byte so is refused, so
// there is one text for a report and nothing in it that is not signed.

// signingPrefix keeps a signature of a report from being taken for one of anything else.
const signingPrefix = "bighead signed report 1\n"

const (
	signedByMember  = "signed_by"
	signatureMember = "signature"
	keyKind         = "ed25519:" // what the text of a key or a signature begins with
)

// ErrSignature says that a report is not what was signed.
var ErrSignature = errors.New("the signature is not of this report by this key: it was changed after it was signed, or signed by another")

// Signed writes a report with its signature.
func Signed(report any, key ed25519.PrivateKey) ([]byte, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("sign a report: the key is no Ed25519 key")
	}
	doc, err := asObject(report)
	if err != nil {
		return nil, fmt.Errorf("sign a report: %w", err)
	}
	doc[signedByMember] = KeyText(public)
	body, err := canonical(doc)
	if err != nil {
		return nil, fmt.Errorf("sign a report: %w", err)
	}
	doc[signatureMember] = keyKind + base64.StdEncoding.EncodeToString(ed25519.Sign(key, append([]byte(signingPrefix), body...)))
	text, err := canonical(doc)
	return append(text, '\n'), err
}

// CheckSigned checks a signed report and gives the key in it, which is the one that signed it. Whose that is only who asked for it knows.
func CheckSigned(text []byte) (ed25519.PublicKey, error) {
	doc, err := decodeObject(text)
	if err != nil {
		return nil, fmt.Errorf("it is no signed report: %w", err)
	}
	again, err := canonical(doc)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(append(again, '\n'), text) {
		return nil, errors.New("it is no signed report: it is not in canonical form, so it was written anew after it was signed")
	}
	by, _ := doc[signedByMember].(string)
	public, err := ParseKey(by)
	if err != nil {
		return nil, fmt.Errorf("it is no signed report: %s: %w", signedByMember, err)
	}
	signature, _ := doc[signatureMember].(string)
	raw, err := rawOf(signature, ed25519.SignatureSize)
	if err != nil {
		return nil, fmt.Errorf("it is no signed report: %s: %w", signatureMember, err)
	}
	delete(doc, signatureMember)
	body, err := canonical(doc)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(public, append([]byte(signingPrefix), body...), raw) {
		return nil, ErrSignature
	}
	return public, nil
}

// asObject is a report's JSON, with numbers as they are written.
func asObject(report any) (map[string]any, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	return decodeObject(text)
}

func decodeObject(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	if doc == nil {
		return nil, errors.New("it is null")
	}
	return doc, nil
}

func canonical(doc map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil { // of maps, by name
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// NewKey makes a key: the private one for a file that only its owner reads, and the public one, both PEM.
func NewKey() (private, public []byte, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), nil
}

// ParsePrivate reads a private key's PEM (PKCS #8).
func ParsePrivate(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM file")
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("it holds a %s, not a PRIVATE KEY", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("its key cannot be read: %w", err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("its key is of another kind (%T); Ed25519 is wanted", key)
	}
	return private, nil
}

// KeyText is a public key in a word.
func KeyText(key ed25519.PublicKey) string { return keyKind + base64.StdEncoding.EncodeToString(key) }

// ParseKey reads a public key: a word, as KeyText writes it, or PEM.
func ParseKey(text string) (ed25519.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return rawOf(strings.TrimSpace(text), ed25519.PublicKeySize)
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("it holds a %s, not a PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("its key cannot be read: %w", err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("its key is of another kind (%T); Ed25519 is wanted", key)
	}
	return public, nil
}

func rawOf(text string, size int) ([]byte, error) {
	word, ok := strings.CutPrefix(text, keyKind)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", keyKind)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(word)
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("it is not %d bytes of base64", size)
	}
	return raw, nil
}
