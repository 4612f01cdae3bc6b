//go:build nextversion

package tile

const next = 1
