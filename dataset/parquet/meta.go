package parquet

import (
	"errors"
	"fmt"
)

// physical is a type as stored.
type physical int32

const (
	pBool   physical = 0
	pInt32  physical = 1
	pInt64  physical = 2
	pInt96  physical = 3
	pFloat  physical = 4
	pDouble physical = 5
	pBytes  physical = 6
	pFixed  physical = 7
)

var physicalNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

func (p physical) String() string {
	if p < 0 || int(p) >= len(physicalNames) {
		return fmt.Sprintf("physical type %d", int32(p))
	}
	return physicalNames[p]
}

// Repetitions of a schema element.
const (
	required = 0
	optional = 1
	repeated = 2
)

// annotation is what a physical type means: a logical type, or the converted type of older files that says the same.
type annotation int

const (
	aNone annotation = iota
	aString
	aMap
	aList
	aEnum
	aDecimal
	aDate
	aTime
	aTimestamp
	aInteger
	aUnknown
	aJSON
	aBSON
	aUUID
	aFloat16
	aInterval
	aMapKeyValue
	aOther
)

var annotationNames = [...]string{"", "STRING", "MAP", "LIST", "ENUM", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "INTEGER", "UNKNOWN", "JSON", "BSON", "UUID", "FLOAT16", "INTERVAL", "MAP_KEY_VALUE", "a newer type"}

func (a annotation) String() string { return annotationNames[a] }

// logical is an annotation with its parameters.
type logical struct {
	kind     annotation
	unit     int // of times: 3, 6 or 9 digits of a second
	utc      bool
	bits     int32
	signed   bool
	scale    int32
	precis   int32
	otherTag int // of aOther: the union's field
}

// element is a node of the schema as the footer has it, in depth-first order.
type element struct {
	physical   physical
	group      bool
	length     int32
	repetition int32
	name       string
	children   int32
	logical    logical
}

type statistics struct {
	min, max       []byte // nil: unknown
	oldMin, oldMax []byte // signed order, whatever the type
	nulls          int64  // -1: unknown
}

type chunkMeta struct {
	file         string
	physical     physical
	codec        int32
	values       int64
	compressed   int64
	uncompressed int64
	data, dict   int64 // offsets; dict 0: none
	stats        statistics
	encrypted    bool
	present      bool
}

// start is the offset of the chunk's first page.
func (c *chunkMeta) start() int64 {
	if c.dict > 0 && c.dict < c.data {
		return c.dict
	}
	return c.data
}

type rowGroup struct {
	rows   int64
	chunks []chunkMeta
}

type footer struct {
	schema    []element
	rows      int64
	groups    []rowGroup
	keyValues map[string]string
	createdBy string
}

// parseFooter reads FileMetaData.
func parseFooter(b []byte) (*footer, error) {
	f := &footer{}
	r := &thrift{b: b}
	r.fields(tStruct, func(id int, t byte) bool {
		switch id {
		case 2:
			r.list(t, func(n int) { f.schema = make([]element, 0, n) }, func(t byte) { f.schema = append(f.schema, r.element(t)) })
		case 3:
			f.rows = r.integer(t)
		case 4:
			r.list(t, func(n int) { f.groups = make([]rowGroup, 0, n) }, func(t byte) { f.groups = append(f.groups, r.rowGroup(t)) })
		case 5:
			r.list(t, func(n int) { f.keyValues = make(map[string]string, n) }, func(t byte) { r.keyValue(t, f.keyValues) })
		case 6:
			f.createdBy = string(r.binary(t))
		case 8:
			r.fail(errors.New("the file is encrypted; write it again without encryption"))
		default:
			return false
		}
		return true
	})
	return f, r.err
}

func (r *thrift) keyValue(t byte, into map[string]string) {
	var key, val string
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			key = string(r.binary(t))
		case 2:
			val = string(r.binary(t))
		default:
			return false
		}
		return true
	})
	into[key] = val
}

func (r *thrift) element(t byte) (e element) {
	e.group = true
	converted, scale, precision := int32(-1), int32(0), int32(0)
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			e.physical, e.group = physical(r.i32(t)), false
		case 2:
			e.length = r.i32(t)
		case 3:
			e.repetition = r.i32(t)
		case 4:
			e.name = string(r.binary(t))
		case 5:
			e.children = r.i32(t)
		case 6:
			converted = r.i32(t)
		case 7:
			scale = r.i32(t)
		case 8:
			precision = r.i32(t)
		case 10:
			e.logical = r.logical(t)
		default:
			return false
		}
		return true
	})
	if e.logical.kind == aNone {
		e.logical = convertedType(converted, scale, precision)
	}
	return e
}

// convertedType is the logical type that a converted type of older files stands for.
func convertedType(c, scale, precision int32) logical {
	switch c {
	case 0:
		return logical{kind: aString}
	case 1:
		return logical{kind: aMap}
	case 2:
		return logical{kind: aMapKeyValue}
	case 3:
		return logical{kind: aList}
	case 4:
		return logical{kind: aEnum}
	case 5:
		return logical{kind: aDecimal, scale: scale, precis: precision}
	case 6:
		return logical{kind: aDate}
	case 7, 8:
		return logical{kind: aTime, unit: int(c-6) * 3, utc: true}
	case 9, 10:
		return logical{kind: aTimestamp, unit: int(c-8) * 3, utc: true}
	case 11, 12, 13, 14:
		return logical{kind: aInteger, bits: 8 << (c - 11)}
	case 15, 16, 17, 18:
		return logical{kind: aInteger, bits: 8 << (c - 15), signed: true}
	case 19:
		return logical{kind: aJSON}
	case 20:
		return logical{kind: aBSON}
	case 21:
		return logical{kind: aInterval}
	}
	return logical{}
}

// logical reads the union LogicalType.
func (r *thrift) logical(t byte) (l logical) {
	kinds := map[int]annotation{1: aString, 2: aMap, 3: aList, 4: aEnum, 5: aDecimal, 6: aDate, 7: aTime, 8: aTimestamp, 10: aInteger, 11: aUnknown, 12: aJSON, 13: aBSON, 14: aUUID, 15: aFloat16}
	r.fields(t, func(id int, t byte) bool {
		kind, ok := kinds[id]
		if !ok {
			l = logical{kind: aOther, otherTag: id}
			return false
		}
		l = logical{kind: kind}
		r.fields(t, func(id int, t byte) bool {
			switch {
			case kind == aDecimal && id == 1:
				l.scale = r.i32(t)
			case kind == aDecimal && id == 2:
				l.precis = r.i32(t)
			case (kind == aTime || kind == aTimestamp) && id == 1:
				l.utc = r.boolean(t)
			case (kind == aTime || kind == aTimestamp) && id == 2:
				r.fields(t, func(id int, t byte) bool {
					l.unit = 3 * id
					return false
				})
			case kind == aInteger && id == 1:
				l.bits = r.i32(t)
			case kind == aInteger && id == 2:
				l.signed = r.boolean(t)
			default:
				return false
			}
			return true
		})
		return true
	})
	return l
}

func (r *thrift) rowGroup(t byte) (g rowGroup) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			r.list(t, func(n int) { g.chunks = make([]chunkMeta, 0, n) }, func(t byte) { g.chunks = append(g.chunks, r.chunk(t)) })
		case 3:
			g.rows = r.integer(t)
		default:
			return false
		}
		return true
	})
	return g
}

func (r *thrift) chunk(t byte) (c chunkMeta) {
	c.stats.nulls = -1
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			c.file = string(r.binary(t))
		case 3:
			c.present = true
			r.chunkData(t, &c)
		case 8, 9:
			c.encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	return c
}

func (r *thrift) chunkData(t byte, c *chunkMeta) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			c.physical = physical(r.i32(t))
		case 4:
			c.codec = r.i32(t)
		case 5:
			c.values = r.integer(t)
		case 6:
			c.uncompressed = r.integer(t)
		case 7:
			c.compressed = r.integer(t)
		case 9:
			c.data = r.integer(t)
		case 11:
			c.dict = r.integer(t)
		case 12:
			c.stats = r.statistics(t)
		default:
			return false
		}
		return true
	})
}

func (r *thrift) statistics(t byte) (s statistics) {
	s.nulls = -1
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			s.oldMax = r.binary(t)
		case 2:
			s.oldMin = r.binary(t)
		case 3:
			s.nulls = r.integer(t)
		case 5:
			s.max = r.binary(t)
		case 6:
			s.min = r.binary(t)
		default:
			return false
		}
		return true
	})
	return s
}

// Kinds of pages.
const (
	dataPage       = 0
	indexPage      = 1
	dictionaryPage = 2
	dataPageV2     = 3
)

// Encodings.
const (
	encPlain          = 0
	encPlainDict      = 2
	encRLE            = 3
	encBitPacked      = 4
	encDelta          = 5
	encDeltaLength    = 6
	encDeltaBytes     = 7
	encDict           = 8
	encByteStreamSplt = 9
)

type pageHeader struct {
	kind         int32
	uncompressed int32
	compressed   int32
	crc          uint32
	hasCRC       bool
	values       int32
	encoding     int32
	defEncoding  int32
	repEncoding  int32
	defBytes     int32 // v2
	repBytes     int32 // v2
	packed       bool  // v2: the values are compressed
}

// parsePageHeader reads a PageHeader and says how many bytes it took. errShort: there may be more to it than b.
func parsePageHeader(b []byte) (h pageHeader, n int, err error) {
	r := &thrift{b: b}
	h.packed = true
	h.kind = -1
	r.fields(tStruct, func(id int, t byte) bool {
		switch id {
		case 1:
			h.kind = r.i32(t)
		case 2:
			h.uncompressed = r.i32(t)
		case 3:
			h.compressed = r.i32(t)
		case 4:
			h.crc, h.hasCRC = uint32(r.i32(t)), true
		case 5, 7:
			r.pageFields(t, &h)
		case 8:
			r.pageFieldsV2(t, &h)
		default:
			return false
		}
		return true
	})
	return h, r.i, r.err
}

// pageFields reads DataPageHeader and the like-numbered start of DictionaryPageHeader.
func (r *thrift) pageFields(t byte, h *pageHeader) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			h.values = r.i32(t)
		case 2:
			h.encoding = r.i32(t)
		case 3:
			if t == tTrue || t == tFalse { // a dictionary's is_sorted
				return false
			}
			h.defEncoding = r.i32(t)
		case 4:
			h.repEncoding = r.i32(t)
		default:
			return false
		}
		return true
	})
}

func (r *thrift) pageFieldsV2(t byte, h *pageHeader) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			h.values = r.i32(t)
		case 4:
			h.encoding = r.i32(t)
		case 5:
			h.defBytes = r.i32(t)
		case 6:
			h.repBytes = r.i32(t)
		case 7:
			h.packed = r.boolean(t)
		default:
			return false
		}
		return true
	})
}
