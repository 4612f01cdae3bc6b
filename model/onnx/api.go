package onnx

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// apiVersion is the version of the table that is asked for: what is used was there before, and a newer library serves it.
const apiVersion = 16

// The places of functions in the table OrtApi (onnxruntime_c_api.h): places are never given anew.
const (
	fnGetErrorMessage            = 2
	fnCreateEnv                  = 3
	fnCreateSessionFromArray     = 8
	fnRun                        = 9
	fnCreateSessionOptions       = 10
	fnSetIntraOpNumThreads       = 24
	fnSetInterOpNumThreads       = 25
	fnSessionGetInputCount       = 30
	fnSessionGetOutputCount      = 31
	fnSessionGetInputTypeInfo    = 33
	fnSessionGetOutputTypeInfo   = 34
	fnSessionGetInputName        = 36
	fnSessionGetOutputName       = 37
	fnCreateRunOptions           = 39
	fnRunOptionsSetTerminate     = 46
	fnCreateTensor               = 48
	fnCreateTensorWithData       = 49
	fnGetTensorMutableData       = 51
	fnFillStringTensor           = 52
	fnGetStringTensorDataLength  = 53
	fnGetStringTensorContent     = 54
	fnCastTypeInfoToTensorInfo   = 55
	fnGetOnnxTypeFromTypeInfo    = 56
	fnGetTensorElementType       = 60
	fnGetDimensionsCount         = 61
	fnGetDimensions              = 62
	fnGetTensorShapeElementCount = 64
	fnGetTensorTypeAndShape      = 65
	fnCreateCPUMemoryInfo        = 69
	fnAllocatorFree              = 76
	fnGetDefaultAllocator        = 78
	fnReleaseStatus              = 93
	fnReleaseMemoryInfo          = 94
	fnReleaseSession             = 95
	fnReleaseValue               = 96
	fnReleaseRunOptions          = 97
	fnReleaseTypeInfo            = 98
	fnReleaseTensorInfo          = 99
	fnReleaseSessionOptions      = 100
	fnCount                      = 101
)

// Element types of tensors (ONNXTensorElementDataType).
const (
	typeFloat32 = 1
	typeInt32   = 6
	typeInt64   = 7
	typeString  = 8
	typeBool    = 9
	typeFloat64 = 11
)

var typeNames = map[uint32]string{
	1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
	14: "complex64", 15: "complex128", 16: "bfloat16",
}

func typeName(t uint32) string {
	if n, ok := typeNames[t]; ok {
		return n
	}
	return fmt.Sprintf("type %d of ONNX", t)
}

// Kinds of values (ONNXType).
const (
	kindTensor   = 1
	kindSequence = 2
	kindMap      = 3
)

// runtimeError is what ONNX Runtime says, in its words.
type runtimeError struct{ said string }

func (e *runtimeError) Error() string { return "ONNX Runtime says: " + e.said }

// library is ONNX Runtime, loaded. It stays as long as the process: unloading code that has threads ends badly.
type library struct {
	path, version string
	functions     *[fnCount]uintptr
	env           uintptr
	memory        uintptr // that tensors over our memory are said to be in
	allocator     uintptr // the default one, which is nobody's to release
}

// do calls a function of the table that answers with a status, which becomes an error and is released.
func (l *library) do(fn int, args ...uintptr) error {
	status := call(l.functions[fn], args...)
	if status == 0 {
		return nil
	}
	said := text(call(l.functions[fnGetErrorMessage], status))
	call(l.functions[fnReleaseStatus], status)
	return &runtimeError{said}
}

// release calls one of the functions that take a thing and answer nothing; of nothing, none.
func (l *library) release(fn int, thing uintptr) {
	if thing != 0 {
		call(l.functions[fn], thing)
	}
}

// slots are words that C writes into: on the heap, for a stack would move under it.
var slots = sync.Pool{New: func() any { return new(uintptr) }}

// get calls a function whose last argument is where it puts what it makes.
func (l *library) get(fn int, args ...uintptr) (uintptr, error) {
	slot := slots.Get().(*uintptr)
	defer slots.Put(slot)
	*slot = 0
	var all [10]uintptr
	n := copy(all[:], args)
	all[n] = uintptr(unsafe.Pointer(slot))
	err := l.do(fn, all[:n+1]...)
	return *slot, err
}

// pointer makes a pointer of an address that C gave: memory of its own, of which Go's collector knows nothing.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// longestText bounds what is read of a text that C gave.
const longestText = 1 << 16

// text copies a text that ends with a zero byte.
func text(address uintptr) string {
	if address == 0 {
		return ""
	}
	p := pointer(address)
	n := 0
	for n < longestText && *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// connect makes what every model needs of a loaded library, of whose entry point the address is given.
func connect(path string, entry uintptr) (*library, error) {
	base := (*[2]uintptr)(pointer(call(entry)))
	if base == nil {
		return nil, errors.New("it has no table of functions")
	}
	l := &library{path: path, version: text(call(base[1]))}
	table := call(base[0], apiVersion)
	if table == 0 {
		return nil, fmt.Errorf("it is ONNX Runtime %s, and 1.%d or later is needed", l.version, apiVersion)
	}
	l.functions = (*[fnCount]uintptr)(pointer(table))
	const fatal = 4 // what goes wrong comes as a status; it need not be logged, too
	name := cText("bighead")
	var err error
	if l.env, err = l.get(fnCreateEnv, fatal, address(name)); err != nil {
		return nil, err
	}
	const arena, ordinary = 1, 0
	if l.memory, err = l.get(fnCreateCPUMemoryInfo, arena, ordinary); err != nil {
		return nil, err
	}
	l.allocator, err = l.get(fnGetDefaultAllocator)
	return l, err
}

// texts holds what was handed to C as names: it stays where it is, and as long as the process.
var texts sync.Map

// cText is a text as C has it. There are few, for they are names of the code's own.
func cText(s string) *byte {
	if b, ok := texts.Load(s); ok {
		return b.(*byte)
	}
	b := append([]byte(s), 0)
	kept, _ := texts.LoadOrStore(s, &b[0])
	return kept.(*byte)
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
