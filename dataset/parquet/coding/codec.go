package coding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codecs.
const (
	CodecNone      = 0
	CodecSnappy    = 1
	CodecGzip      = 2
	codecLZO       = 3
	codecBrotli    = 4
	codecLZ4Hadoop = 5
	CodecZstd      = 6
	codecLZ4       = 7
)

var codecNames = [...]string{"none", "snappy", "gzip", "lzo", "brotli", "lz4 (hadoop)", "zstd", "lz4"}

func codecName(c int32) string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec %d", c)
	}
	return codecNames[c]
}

// expansions are how many times larger a codec's output can be than its input, rounded up, so that a damaged size in a page header
// is found out before memory is made for it.
var expansions = [...]int{CodecNone: 1, CodecSnappy: 64, CodecGzip: 1100, codecBrotli: 1 << 20, codecLZ4Hadoop: 260, CodecZstd: 1 << 17, codecLZ4: 260}

// slack is room after the output with which the zstd decoder may copy in whole words; without it it takes a slower way.
const slack = 64

// Decompress gives the size bytes that src stands for, in dst's memory where it is large enough.
func Decompress(codec int32, dst, src []byte, size int) ([]byte, error) {
	if codec == codecLZO || codec < 0 || int(codec) >= len(expansions) {
		return nil, fmt.Errorf("compressed with %s, which is not one that is read; write the file with zstd or snappy", codecName(codec))
	}
	if size/expansions[codec] > len(src)+64 {
		return nil, fmt.Errorf("%d bytes of %s cannot be %d bytes", len(src), codecName(codec), size)
	}
	if codec == codecBrotli {
		return decompressBrotli(dst, src, size)
	}
	if cap(dst) < size+slack {
		dst = make([]byte, size+slack)
	}
	dst = dst[:size]
	n, err := decompressInto(codec, dst, src)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", codecName(codec), err)
	case n != size:
		return nil, fmt.Errorf("%s: %d bytes, not %d", codecName(codec), n, size)
	}
	return dst, nil
}

// decompressInto fills dst, whose length is the size that is expected.
func decompressInto(codec int32, dst, src []byte) (int, error) {
	switch codec {
	case CodecNone:
		copy(dst, src)
		return len(src), nil
	case CodecSnappy:
		if n, err := snappy.DecodedLen(src); err != nil || n != len(dst) {
			return n, err
		}
		out, err := snappy.Decode(dst, src)
		return len(out), err
	case CodecZstd:
		out, err := zstdDecoder().DecodeAll(src, dst[:0:len(dst)+slack])
		return len(out), err
	case CodecGzip:
		return decompressGzip(dst, src)
	case codecLZ4:
		return lz4.UncompressBlock(src, dst)
	}
	return decompressHadoop(dst, src)
}

var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	// DecodeAll never writes beyond the capacity that it is given. It is safe for concurrent use.
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // the options are constant
	}
	return d
})

var gzipReaders sync.Pool

func decompressGzip(dst, src []byte) (int, error) {
	var r *gzip.Reader
	var err error
	if x := gzipReaders.Get(); x != nil {
		r = x.(*gzip.Reader)
		err = r.Reset(bytes.NewReader(src))
	} else {
		r, err = gzip.NewReader(bytes.NewReader(src))
	}
	if err != nil {
		return 0, err
	}
	defer gzipReaders.Put(r)
	n, err := io.ReadFull(r, dst)
	if err != nil {
		return n, err
	}
	if k, _ := r.Read(make([]byte, 1)); k != 0 {
		return n, errors.New("more bytes than expected")
	}
	return n, nil
}

// decompressBrotli grows its output as it comes, since brotli bounds it in no useful way.
func decompressBrotli(dst, src []byte, size int) ([]byte, error) {
	out := bytes.NewBuffer(dst[:0])
	n, err := io.Copy(out, io.LimitReader(brotli.NewReader(bytes.NewReader(src)), int64(size)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("brotli: %w", err)
	case n != int64(size):
		return nil, fmt.Errorf("brotli: %d bytes, not %d", n, size)
	}
	return out.Bytes(), nil
}

// decompressHadoop reads the older LZ4: blocks, each after its size decompressed and compressed in 4 bytes, most significant first;
// some writers left the sizes out, so what does not look so is one plain block.
func decompressHadoop(dst, src []byte) (int, error) {
	done, rest := 0, src
	for len(rest) >= 8 {
		size, packed := int(binary.BigEndian.Uint32(rest)), int(binary.BigEndian.Uint32(rest[4:]))
		if size > len(dst)-done || packed > len(rest)-8 {
			break
		}
		n, err := lz4.UncompressBlock(rest[8:8+packed], dst[done:done+size])
		if err != nil || n != size {
			break
		}
		done, rest = done+n, rest[8+packed:]
	}
	if len(rest) == 0 && done == len(dst) {
		return done, nil
	}
	return lz4.UncompressBlock(src, dst)
}
