package parquet

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// readAhead is how much of a chunk is read at once.
const readAhead = 1 << 20

// maxPageHeader bounds a page header, which may hold a page's least and greatest string.
const maxPageHeader = 16 << 20

// window reads a stretch of a file forward. What peek and take give is valid until the next call.
type window struct {
	r        io.ReaderAt
	off, end int64 // of the file: what comes after buf, and the stretch's end
	buf      []byte
	memory   []byte
	read     *int64 // counts bytes
}

// fill makes sure that buf has n bytes, or all that are left.
func (w *window) fill(n int) error {
	if len(w.buf) >= n || w.off >= w.end {
		return nil
	}
	size := int(min(int64(max(n, readAhead)), int64(len(w.buf))+w.end-w.off))
	if cap(w.memory) < size {
		w.memory = make([]byte, size)
	}
	w.memory = w.memory[:size]
	have := copy(w.memory, w.buf)
	k, err := w.r.ReadAt(w.memory[have:], w.off)
	*w.read += int64(k)
	if have+k < size {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	w.off += int64(k)
	w.buf = w.memory
	return nil
}

func (w *window) left() int64 { return int64(len(w.buf)) + w.end - w.off }

func (w *window) take(n int) ([]byte, error) {
	if err := w.fill(n); err != nil {
		return nil, err
	}
	if len(w.buf) < n {
		return nil, io.ErrUnexpectedEOF
	}
	b := w.buf[:n:n]
	w.buf = w.buf[n:]
	return b, nil
}

// header reads the next page header.
func (w *window) header() (pageHeader, error) {
	for n := 1 << 12; ; n *= 8 {
		if err := w.fill(n); err != nil {
			return pageHeader{}, err
		}
		h, size, err := parsePageHeader(w.buf)
		if errors.Is(err, errShort) && w.left() > int64(len(w.buf)) && n < maxPageHeader {
			continue
		}
		if err != nil {
			return h, fmt.Errorf("page header: %w", err)
		}
		w.buf = w.buf[size:]
		return h, nil
	}
}

// chunk streams one leaf's values of a row group, page by page.
type chunk struct {
	leaf  *leaf
	codec int32
	in    window
	dict  *dictionary
	plain []byte // reused for decompression where no string is a view of it

	values   int // of the current page, nulls included, not yet given
	def, rep hybrid
	dec      decoder
	levels   []byte // reused
}

func newChunk(r io.ReaderAt, l *leaf, m *chunkMeta, read *int64) *chunk {
	start := m.start()
	return &chunk{leaf: l, codec: m.codec, in: window{r: r, off: start, end: start + m.compressed, read: read}}
}

var errRows = errors.New("fewer rows than the footer says")

// nextPage reads on to the next data page that holds values.
func (c *chunk) nextPage() error {
	for c.values == 0 {
		if c.in.left() == 0 {
			return errRows
		}
		h, err := c.in.header()
		if err != nil {
			return err
		}
		if h.compressed < 0 || h.uncompressed < 0 || h.values < 0 || int64(h.compressed) > c.in.left() {
			return fmt.Errorf("a page of %d bytes, %d values where %d bytes are left", h.compressed, h.values, c.in.left())
		}
		body, err := c.in.take(int(h.compressed))
		if err != nil {
			return err
		}
		if h.hasCRC && crc32.ChecksumIEEE(body) != h.crc {
			return errors.New("a page's checksum is wrong: the file was damaged")
		}
		switch h.kind {
		case dictionaryPage:
			err = c.dictionaryPage(h, body)
		case dataPage:
			err = c.dataPage(h, body)
		case dataPageV2:
			err = c.dataPageV2(h, body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decompressed gives a page's bytes. keep says that strings will be views of them; else they are good until the next page.
func (c *chunk) decompressed(body []byte, size int, keep bool) ([]byte, error) {
	if c.codec == codecNone && !keep {
		if len(body) != size {
			return nil, fmt.Errorf("%d bytes, not %d", len(body), size)
		}
		return body, nil
	}
	if keep {
		return decompress(c.codec, nil, body, size)
	}
	out, err := decompress(c.codec, c.plain, body, size)
	if err == nil {
		c.plain = out
	}
	return out, err
}

// viewed reports whether a page's strings are views of it.
func (c *chunk) viewed(encoding int32) bool {
	return (c.leaf.physical == pBytes || c.leaf.physical == pFixed) && encoding != encDict && encoding != encPlainDict
}

func (c *chunk) dictionaryPage(h pageHeader, body []byte) error {
	if h.encoding != encPlain && h.encoding != encPlainDict {
		return fmt.Errorf("a dictionary in encoding %d", h.encoding)
	}
	b, err := c.decompressed(body, int(h.uncompressed), c.viewed(encPlain))
	if err != nil {
		return err
	}
	c.dict, err = readDictionary(c.leaf, b, int(h.values))
	return err
}

func levelWidth(most int) uint { return uint(bits.Len(uint(most))) }

func (c *chunk) dataPage(h pageHeader, body []byte) error {
	b, err := c.decompressed(body, int(h.uncompressed), c.viewed(h.encoding))
	if err != nil {
		return err
	}
	if c.leaf.maxRep > 0 {
		if c.rep, b, err = pageLevels(b, h.repEncoding, c.leaf.maxRep); err != nil {
			return err
		}
	}
	if c.leaf.maxDef > 0 {
		if c.def, b, err = pageLevels(b, h.defEncoding, c.leaf.maxDef); err != nil {
			return err
		}
	}
	c.values = int(h.values)
	c.dec, err = c.decoder(h.encoding, b)
	return err
}

func pageLevels(b []byte, encoding int32, most int) (hybrid, []byte, error) {
	if encoding != encRLE {
		return hybrid{}, nil, fmt.Errorf("levels in encoding %d, which only very old writers used; write the file again", encoding)
	}
	head, rest, err := prefixed(b)
	return hybrid{b: head, width: levelWidth(most)}, rest, err
}

func (c *chunk) dataPageV2(h pageHeader, body []byte) error {
	levels := int64(h.defBytes) + int64(h.repBytes)
	if h.defBytes < 0 || h.repBytes < 0 || levels > int64(len(body)) || levels > int64(h.uncompressed) {
		return fmt.Errorf("%d bytes of levels in a page of %d", levels, len(body))
	}
	// Levels stand outside the compression and must outlive the window.
	own := append([]byte(nil), body[:levels]...)
	c.rep = hybrid{b: own[:h.repBytes], width: levelWidth(c.leaf.maxRep)}
	c.def = hybrid{b: own[h.repBytes:], width: levelWidth(c.leaf.maxDef)}
	b, size := body[levels:], int(h.uncompressed)-int(levels)
	var err error
	switch {
	case h.packed && (len(b) > 0 || size > 0):
		b, err = c.decompressed(b, size, c.viewed(h.encoding))
	case c.viewed(h.encoding):
		b = append([]byte(nil), b...)
	}
	if err != nil {
		return err
	}
	c.values = int(h.values)
	c.dec, err = c.decoder(h.encoding, b)
	return err
}

func (c *chunk) decoder(encoding int32, b []byte) (decoder, error) {
	switch {
	case encoding != encDict && encoding != encPlainDict:
		return newDecoder(c.leaf.stored, encoding, b, c.values)
	case c.dict == nil:
		return nil, errors.New("dictionary codes without a dictionary")
	}
	return newCodes(c.dict, b)
}

// fill reads n dense values of the current page into dst.
func (c *chunk) fill(dst *value.Column, at, n int, bad dataset.Lost) error {
	if coded, ok := c.dec.(*codes); ok {
		return coded.fill(dst, at, n, bad)
	}
	return c.leaf.conv.fill(c.dec, dst, at, n, bad)
}

// definitions reads the next n definition levels and counts the values that are there.
func (c *chunk) definitions(n int) (levels []byte, present int, err error) {
	if cap(c.levels) < n {
		c.levels = make([]byte, n)
	}
	levels = c.levels[:n]
	present, err = c.def.levels(levels, byte(c.leaf.maxDef))
	return levels, present, err
}
