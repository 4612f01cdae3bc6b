package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// calls is a caller of gRPC, by hand: a whole client takes as much of the machine as the server that is measured, and a call of one message each
// way on a connection of its own needs a frame of headers, one of data, and the bytes of the answer given back to the window.
type calls struct {
	net.Conn
	frames *http2.Framer // reads from the connection, writes to out
	out    bytes.Buffer  // what goes with the next call
	head   bytes.Buffer
	fields *hpack.Encoder
	path   string
	host   string
	next   uint32 // stream
	spent  bool
}

// window is what an answer may be as long as.
const window = 1 << 24

func connectGRPC(host, path string) (caller, error) {
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	k := &calls{Conn: c, host: host, path: path, next: 1}
	k.fields = hpack.NewEncoder(&k.head)
	k.frames = http2.NewFramer(&k.out, bufio.NewReaderSize(c, 64<<10))
	k.frames.SetReuseFrames()
	k.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	k.out.WriteString(http2.ClientPreface)
	// Of a buffer, writing cannot fail.
	_ = k.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
	_ = k.frames.WriteWindowUpdate(0, window)
	return k, nil
}

func (k *calls) done() bool { return k.spent }

func (k *calls) call(request, into []byte) ([]byte, error) {
	k.spent = true // until the answer is whole
	if err := k.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	stream := k.next
	k.next += 2
	k.head.Reset()
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", k.path}, {":authority", k.host}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
		_ = k.fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = k.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: k.head.Bytes(), EndHeaders: true})
	message := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request)))
	_ = k.frames.WriteData(stream, true, append(message, request...))
	if _, err := k.out.WriteTo(k.Conn); err != nil {
		return nil, err
	}
	answer, err := k.answer(stream, into[:0])
	k.spent = err != nil
	return answer, err
}

// answer reads frames until the stream's end.
func (k *calls) answer(stream uint32, message []byte) ([]byte, error) {
	for {
		frame, err := k.frames.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			message = append(message, f.Data()...)
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = k.frames.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() { // the server measures by it how much it may send: it is told at once
				_ = k.frames.WritePing(true, f.Data)
				if _, err := k.out.WriteTo(k.Conn); err != nil {
					return nil, err
				}
			}
		case *http2.MetaHeadersFrame:
			if !f.StreamEnded() || f.StreamID != stream {
				continue
			}
			if len(message) > 0 {
				_ = k.frames.WriteWindowUpdate(0, uint32(len(message)))
			}
			return unwrapped(message, f)
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return nil, fmt.Errorf("the server ends the call: %v", frame)
		}
	}
}

// unwrapped is the one message of an answer that ended well.
func unwrapped(message []byte, trailers *http2.MetaHeadersFrame) ([]byte, error) {
	for _, f := range trailers.Fields {
		if f.Name == "grpc-status" && f.Value != "0" {
			return nil, fmt.Errorf("status %s", f.Value)
		}
	}
	if len(message) < 5 || message[0] != 0 || int(binary.BigEndian.Uint32(message[1:])) != len(message)-5 {
		return nil, fmt.Errorf("an answer of %d bytes is not one message", len(message))
	}
	return message[5:], nil
}
