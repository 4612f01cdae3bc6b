package format

import (
	"errors"
	"fmt"
)

// Physical is a type as stored.
type Physical int32

// The physical types.
const (
	Boolean        Physical = 0
	Int32          Physical = 1
	Int64          Physical = 2
	Int96          Physical = 3
	Float          Physical = 4
	Double         Physical = 5
	ByteArray      Physical = 6
	FixedByteArray Physical = 7
)

var physicalNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

// String is the format's word.
func (p Physical) String() string {
	if p < 0 || int(p) >= len(physicalNames) {
		return fmt.Sprintf("physical type %d", int32(p))
	}
	return physicalNames[p]
}

// Repetitions of a schema element.
const (
	Required = 0
	Optional = 1
	Repeated = 2
)

// Annotation is what a physical type means: a logical type, or the converted type of older files that says the same.
type Annotation int

// The annotations. None is no annotation, Other one of a later version of the format.
const (
	None Annotation = iota
	String
	Map
	List
	Enum
	Decimal
	Date
	Time
	Timestamp
	Integer
	Unknown
	JSON
	BSON
	UUID
	Float16
	Interval
	MapKeyValue
	Other
)

var annotationNames = [...]string{"", "STRING", "MAP", "LIST", "ENUM", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "INTEGER", "UNKNOWN", "JSON", "BSON", "UUID", "FLOAT16", "INTERVAL", "MAP_KEY_VALUE", "a newer type"}

// String is the format's word.
func (a Annotation) String() string { return annotationNames[a] }

// Logical is an annotation with its parameters.
type Logical struct {
	Kind      Annotation
	Unit      int // of times: 3, 6 or 9 digits of a second
	Signed    bool
	Scale     int32
	Precision int32
	Tag       int // of Other: the union's field
}

// Element is a node of the schema as the footer has it, in depth-first order.
type Element struct {
	Physical   Physical
	Group      bool
	Length     int32
	Repetition int32
	Name       string
	Children   int32
	ID         int32 // of the field in a table format's schema; 0: none
	Logical    Logical
}

// Statistics are a chunk's least and greatest value as stored, without a length, and how many nulls it has.
type Statistics struct {
	Min, Max       []byte // nil: unknown
	OldMin, OldMax []byte // signed order, whatever the type
	Nulls          int64  // -1: unknown
}

// ChunkMeta says where a column's pages of a row group stand.
type ChunkMeta struct {
	File       string
	Physical   Physical
	Codec      int32
	Compressed int64
	data, dict int64 // offsets; dict 0: none
	Stats      Statistics
	Encrypted  bool
	Present    bool
}

// Start is the offset of the chunk's first page.
func (c *ChunkMeta) Start() int64 {
	if c.dict > 0 && c.dict < c.data {
		return c.dict
	}
	return c.data
}

// RowGroup is rows that stand together, column by column, in the order of the schema's leaves.
type RowGroup struct {
	Rows   int64
	Chunks []ChunkMeta
}

// Footer is FileMetaData.
type Footer struct {
	Schema    []Element
	Rows      int64
	Groups    []RowGroup
	KeyValues map[string]string
	CreatedBy string
}

// ParseFooter reads FileMetaData.
func ParseFooter(b []byte) (*Footer, error) {
	f := &Footer{}
	r := &thrift{b: b}
	r.fields(TStruct, func(id int, t byte) bool {
		switch id {
		case 2:
			r.list(t, func(n int) { f.Schema = make([]Element, 0, n) }, func(t byte) { f.Schema = append(f.Schema, r.element(t)) })
		case 3:
			f.Rows = r.integer(t)
		case 4:
			r.list(t, func(n int) { f.Groups = make([]RowGroup, 0, n) }, func(t byte) { f.Groups = append(f.Groups, r.rowGroup(t)) })
		case 5:
			r.list(t, func(n int) { f.KeyValues = make(map[string]string, n) }, func(t byte) { r.keyValue(t, f.KeyValues) })
		case 6:
			f.CreatedBy = string(r.binary(t))
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

func (r *thrift) element(t byte) (e Element) {
	e.Group = true
	converted, scale, precision := int32(-1), int32(0), int32(0)
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			e.Physical, e.Group = Physical(r.i32(t)), false
		case 2:
			e.Length = r.i32(t)
		case 3:
			e.Repetition = r.i32(t)
		case 4:
			e.Name = string(r.binary(t))
		case 5:
			e.Children = r.i32(t)
		case 6:
			converted = r.i32(t)
		case 7:
			scale = r.i32(t)
		case 8:
			precision = r.i32(t)
		case 9:
			e.ID = r.i32(t)
		case 10:
			e.Logical = r.logical(t)
		default:
			return false
		}
		return true
	})
	if e.Logical.Kind == None {
		e.Logical = convertedType(converted, scale, precision)
	}
	return e
}

// convertedType is the logical type that a converted type of older files stands for.
func convertedType(c, scale, precision int32) Logical {
	switch c {
	case 0:
		return Logical{Kind: String}
	case 1:
		return Logical{Kind: Map}
	case 2:
		return Logical{Kind: MapKeyValue}
	case 3:
		return Logical{Kind: List}
	case 4:
		return Logical{Kind: Enum}
	case 5:
		return Logical{Kind: Decimal, Scale: scale, Precision: precision}
	case 6:
		return Logical{Kind: Date}
	case 7, 8:
		return Logical{Kind: Time, Unit: int(c-6) * 3}
	case 9, 10:
		return Logical{Kind: Timestamp, Unit: int(c-8) * 3}
	case 11, 12, 13, 14:
		return Logical{Kind: Integer}
	case 15, 16, 17, 18:
		return Logical{Kind: Integer, Signed: true}
	case 19:
		return Logical{Kind: JSON}
	case 20:
		return Logical{Kind: BSON}
	case 21:
		return Logical{Kind: Interval}
	}
	return Logical{}
}

// logical reads the union LogicalType.
func (r *thrift) logical(t byte) (l Logical) {
	kinds := map[int]Annotation{1: String, 2: Map, 3: List, 4: Enum, 5: Decimal, 6: Date, 7: Time, 8: Timestamp, 10: Integer, 11: Unknown, 12: JSON, 13: BSON, 14: UUID, 15: Float16}
	r.fields(t, func(id int, t byte) bool {
		kind, ok := kinds[id]
		if !ok {
			l = Logical{Kind: Other, Tag: id}
			return false
		}
		l = Logical{Kind: kind}
		r.fields(t, func(id int, t byte) bool {
			switch {
			case kind == Decimal && id == 1:
				l.Scale = r.i32(t)
			case kind == Decimal && id == 2:
				l.Precision = r.i32(t)
			case (kind == Time || kind == Timestamp) && id == 2:
				r.fields(t, func(id int, t byte) bool {
					l.Unit = 3 * id
					return false
				})
			case kind == Integer && id == 2:
				l.Signed = r.boolean(t)
			default:
				return false
			}
			return true
		})
		return true
	})
	return l
}

func (r *thrift) rowGroup(t byte) (g RowGroup) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			r.list(t, func(n int) { g.Chunks = make([]ChunkMeta, 0, n) }, func(t byte) { g.Chunks = append(g.Chunks, r.chunk(t)) })
		case 3:
			g.Rows = r.integer(t)
		default:
			return false
		}
		return true
	})
	return g
}

func (r *thrift) chunk(t byte) (c ChunkMeta) {
	c.Stats.Nulls = -1
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			c.File = string(r.binary(t))
		case 3:
			c.Present = true
			r.chunkData(t, &c)
		case 8, 9:
			c.Encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	return c
}

func (r *thrift) chunkData(t byte, c *ChunkMeta) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			c.Physical = Physical(r.i32(t))
		case 4:
			c.Codec = r.i32(t)
		case 7:
			c.Compressed = r.integer(t)
		case 9:
			c.data = r.integer(t)
		case 11:
			c.dict = r.integer(t)
		case 12:
			c.Stats = r.statistics(t)
		default:
			return false
		}
		return true
	})
}

func (r *thrift) statistics(t byte) (s Statistics) {
	s.Nulls = -1
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			s.OldMax = r.binary(t)
		case 2:
			s.OldMin = r.binary(t)
		case 3:
			s.Nulls = r.integer(t)
		case 5:
			s.Max = r.binary(t)
		case 6:
			s.Min = r.binary(t)
		default:
			return false
		}
		return true
	})
	return s
}

// Kinds of pages.
const (
	DataPage       = 0
	indexPage      = 1
	DictionaryPage = 2
	DataPageV2     = 3
)

// Encodings.
const (
	EncPlain           = 0
	EncPlainDict       = 2
	EncRLE             = 3
	encBitPacked       = 4
	EncDelta           = 5
	EncDeltaLength     = 6
	EncDeltaBytes      = 7
	EncDict            = 8
	EncByteStreamSplit = 9
)

// PageHeader is the header of any kind of page.
type PageHeader struct {
	Kind         int32
	Uncompressed int32
	Compressed   int32
	CRC          uint32
	HasCRC       bool
	Values       int32
	Encoding     int32
	DefEncoding  int32
	RepEncoding  int32
	DefBytes     int32 // v2
	RepBytes     int32 // v2
	Packed       bool  // v2: the values are compressed
}

// ParsePageHeader reads a PageHeader and says how many bytes it took. errShort: there may be more to it than b.
func ParsePageHeader(b []byte) (h PageHeader, n int, err error) {
	r := &thrift{b: b}
	h.Packed = true
	h.Kind = -1
	r.fields(TStruct, func(id int, t byte) bool {
		switch id {
		case 1:
			h.Kind = r.i32(t)
		case 2:
			h.Uncompressed = r.i32(t)
		case 3:
			h.Compressed = r.i32(t)
		case 4:
			h.CRC, h.HasCRC = uint32(r.i32(t)), true
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
func (r *thrift) pageFields(t byte, h *PageHeader) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			h.Values = r.i32(t)
		case 2:
			h.Encoding = r.i32(t)
		case 3:
			if t == tTrue || t == tFalse { // a dictionary's is_sorted
				return false
			}
			h.DefEncoding = r.i32(t)
		case 4:
			h.RepEncoding = r.i32(t)
		default:
			return false
		}
		return true
	})
}

func (r *thrift) pageFieldsV2(t byte, h *PageHeader) {
	r.fields(t, func(id int, t byte) bool {
		switch id {
		case 1:
			h.Values = r.i32(t)
		case 4:
			h.Encoding = r.i32(t)
		case 5:
			h.DefBytes = r.i32(t)
		case 6:
			h.RepBytes = r.i32(t)
		case 7:
			h.Packed = r.boolean(t)
		default:
			return false
		}
		return true
	})
}
