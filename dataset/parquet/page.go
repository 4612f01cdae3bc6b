package parquet

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
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
func (w *window) header() (format.PageHeader, error) {
	for n := 1 << 12; ; n *= 8 {
		if err := w.fill(n); err != nil {
			return format.PageHeader{}, err
		}
		h, size, err := format.ParsePageHeader(w.buf)
		if errors.Is(err, format.ErrShort) && w.left() > int64(len(w.buf)) && n < maxPageHeader {
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
	def, rep coding.Hybrid
	dec      coding.Decoder
	levels   []byte // reused
}

func newChunk(r io.ReaderAt, l *leaf, m *format.ChunkMeta, read *int64) *chunk {
	start := m.Start()
	return &chunk{leaf: l, codec: m.Codec, in: window{r: r, off: start, end: start + m.Compressed, read: read}}
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
		if h.Compressed < 0 || h.Uncompressed < 0 || h.Values < 0 || int64(h.Compressed) > c.in.left() {
			return fmt.Errorf("a page of %d bytes, %d values where %d bytes are left", h.Compressed, h.Values, c.in.left())
		}
		body, err := c.in.take(int(h.Compressed))
		if err != nil {
			return err
		}
		if h.HasCRC && crc32.ChecksumIEEE(body) != h.CRC {
			return errors.New("a page's checksum is wrong: the file was damaged")
		}
		switch h.Kind {
		case format.DictionaryPage:
			err = c.dictionaryPage(h, body)
		case format.DataPage:
			err = c.dataPage(h, body)
		case format.DataPageV2:
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
	if c.codec == coding.CodecNone && !keep {
		if len(body) != size {
			return nil, fmt.Errorf("%d bytes, not %d", len(body), size)
		}
		return body, nil
	}
	if keep {
		return coding.Decompress(c.codec, nil, body, size)
	}
	out, err := coding.Decompress(c.codec, c.plain, body, size)
	if err == nil {
		c.plain = out
	}
	return out, err
}

// viewed reports whether a page's strings are views of it.
func (c *chunk) viewed(encoding int32) bool {
	return (c.leaf.Physical == format.ByteArray || c.leaf.Physical == format.FixedByteArray) && encoding != format.EncDict && encoding != format.EncPlainDict
}

func (c *chunk) dictionaryPage(h format.PageHeader, body []byte) error {
	if h.Encoding != format.EncPlain && h.Encoding != format.EncPlainDict {
		return fmt.Errorf("a dictionary in encoding %d", h.Encoding)
	}
	b, err := c.decompressed(body, int(h.Uncompressed), c.viewed(format.EncPlain))
	if err != nil {
		return err
	}
	c.dict, err = readDictionary(c.leaf, b, int(h.Values))
	return err
}

func (c *chunk) dataPage(h format.PageHeader, body []byte) error {
	b, err := c.decompressed(body, int(h.Uncompressed), c.viewed(h.Encoding))
	if err != nil {
		return err
	}
	if c.leaf.maxRep > 0 {
		if c.rep, b, err = pageLevels(b, h.RepEncoding, c.leaf.maxRep); err != nil {
			return err
		}
	}
	if c.leaf.maxDef > 0 {
		if c.def, b, err = pageLevels(b, h.DefEncoding, c.leaf.maxDef); err != nil {
			return err
		}
	}
	c.values = int(h.Values)
	c.dec, err = c.decoder(h.Encoding, b)
	return err
}

func pageLevels(b []byte, encoding int32, most int) (coding.Hybrid, []byte, error) {
	if encoding != format.EncRLE {
		return coding.Hybrid{}, nil, fmt.Errorf("levels in encoding %d, which only very old writers used; write the file again", encoding)
	}
	head, rest, err := coding.Prefixed(b)
	return coding.NewLevels(head, most), rest, err
}

func (c *chunk) dataPageV2(h format.PageHeader, body []byte) error {
	levels := int64(h.DefBytes) + int64(h.RepBytes)
	if h.DefBytes < 0 || h.RepBytes < 0 || levels > int64(len(body)) || levels > int64(h.Uncompressed) {
		return fmt.Errorf("%d bytes of levels in a page of %d", levels, len(body))
	}
	// Levels stand outside the compression and must outlive the window.
	own := append([]byte(nil), body[:levels]...)
	c.rep = coding.NewLevels(own[:h.RepBytes], c.leaf.maxRep)
	c.def = coding.NewLevels(own[h.RepBytes:], c.leaf.maxDef)
	b, size := body[levels:], int(h.Uncompressed)-int(levels)
	var err error
	switch {
	case h.Packed && (len(b) > 0 || size > 0):
		b, err = c.decompressed(b, size, c.viewed(h.Encoding))
	case c.viewed(h.Encoding):
		b = append([]byte(nil), b...)
	}
	if err != nil {
		return err
	}
	c.values = int(h.Values)
	c.dec, err = c.decoder(h.Encoding, b)
	return err
}

func (c *chunk) decoder(encoding int32, b []byte) (coding.Decoder, error) {
	switch {
	case encoding != format.EncDict && encoding != format.EncPlainDict:
		return coding.NewDecoder(c.leaf.Stored, encoding, b, c.values)
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
	present, err = c.def.Levels(levels, byte(c.leaf.maxDef))
	return levels, present, err
}
