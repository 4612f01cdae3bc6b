package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bighead-ml/bighead/model"
)

// Options say where objects lie. What is empty is by the environment, as other tools have it.
type Options struct {
	Bucket, Prefix string
	// Endpoint is the server, http://host:9000; "": AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS.
	Endpoint string
	Region   string // "": AWS_REGION, AWS_DEFAULT_REGION, else us-east-1
}

// Bucket is a bucket, below a prefix.
type Bucket struct {
	core   minio.Core
	bucket string
	prefix string
}

var _ model.Bucket = (*Bucket)(nil)

// retries is how often a call is tried that failed as if it could succeed: with the waits between, some seconds.
const retries = 4

// roleTimeout bounds asking the machine for the credentials of its role, which most machines do not answer.
const roleTimeout = 3 * time.Second

// Parse reads s3://bucket/prefix.
func Parse(text string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(text, "s3://")
	if !ok {
		return "", "", fmt.Errorf("%q is no s3://bucket/prefix", text)
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.Trim(prefix, "/")
	if !bucketName.MatchString(bucket) {
		return "", "", fmt.Errorf("%q names no bucket: write s3://bucket/prefix", text)
	}
	if prefix != "" && path.Clean(prefix) != prefix || strings.HasPrefix(prefix, "..") {
		return "", "", fmt.Errorf("%q: the prefix is no path: write s3://bucket/prefix", text)
	}
	return bucket, prefix, nil
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Open makes a client. It asks nobody yet.
func Open(o Options) (*Bucket, error) {
	endpoint := first(o.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("the S3 server %q is no address: write http://host:9000, or https://", endpoint)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: roleTimeout}},
		}),
		Secure: u.Scheme == "https", Region: first(o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1"), MaxRetries: retries,
	})
	if err != nil {
		return nil, fmt.Errorf("the S3 server %s: %w", endpoint, err)
	}
	return &Bucket{core: minio.Core{Client: client}, bucket: o.Bucket, prefix: o.Prefix}, nil
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

func (b *Bucket) key(key string) string {
	if b.prefix == "" {
		return key
	}
	return b.prefix + "/" + key
}

// Has reports whether there is an object; see model.Bucket.
func (b *Bucket) Has(ctx context.Context, key string) (bool, error) {
	_, err := b.core.StatObject(ctx, b.bucket, b.key(key), minio.StatObjectOptions{})
	if err = b.failed(ctx, key, err); errors.Is(err, model.ErrNoObject) {
		return false, nil
	}
	return err == nil, err
}

// Put writes an object; see model.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	_, err := b.core.Client.PutObject(ctx, b.bucket, b.key(key), r, size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return b.failed(ctx, key, err)
}

// Get reads an object; see model.Bucket.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r, _, _, err := b.core.GetObject(ctx, b.bucket, b.key(key), minio.GetObjectOptions{})
	if err != nil {
		return nil, b.failed(ctx, key, err)
	}
	return r, nil
}

// failed is an error that says what was asked, and what to do about it.
func (b *Bucket) failed(ctx context.Context, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	at := "s3://" + b.bucket + "/" + b.key(key)
	switch r := minio.ToErrorResponse(err); r.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s: %w", at, model.ErrNoObject)
	case minio.NoSuchBucket:
		return fmt.Errorf("%s: there is no bucket %s: make it, or name another in [models] artifacts", at, b.bucket)
	case minio.AccessDenied:
		return fmt.Errorf("%s: the credentials may not do this (%w); AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials or the machine's role say who asks", at, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}
