// Package s3 is a bucket for artifacts of models in S3, or in a server that speaks its protocol. It knows keys and bytes; what an artifact is, and when
// it is whole, is model's (bucket.go).
package s3
