package proc

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// FreePorts returns n different loopback TCP ports that are this process's until it ends: each is held by a socket that is bound and
// does not listen. The kernel gives such a port to nobody who asks for any port, neither to listen nor to connect from, and a server
// that names it may still listen on it, since servers set SO_REUSEADDR; also again, after it was down.
//
// The obvious way, to listen and to close, leaves the port to whoever comes first: another package's test, or a client of the very
// server, which dials before the server listens and, when the kernel gives it the same port to dial from, reaches itself.
//
// Where a kernel lets nobody listen beside such a socket, the port is let go, and a server whose port was taken meanwhile says so
// ([ErrPortTaken]).
func FreePorts(n int) ([]int, error) {
	ports, held := make([]int, n), make([]int, n)
	for i := range ports {
		var err error
		if held[i], ports[i], err = hold(); err != nil {
			for _, fd := range held[:i] {
				_ = syscall.Close(fd)
			}
			return nil, fmt.Errorf("find a free port: %w", err)
		}
	}
	// All are held until the last is known, so that they differ.
	for i, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			_ = syscall.Close(held[i])
			continue
		}
		l.Close()
	}
	return ports, nil
}

// hold binds a socket to a loopback port that the kernel chooses. That others may bind beside it is set once it is bound, so that the
// kernel chooses a port that nobody has.
func hold() (fd, port int, err error) {
	syscall.ForkLock.RLock()
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, 0, err
	}
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	var at syscall.Sockaddr
	if err == nil {
		at, err = syscall.Getsockname(fd)
	}
	if err != nil {
		_ = syscall.Close(fd)
		return 0, 0, err
	}
	return fd, at.(*syscall.SockaddrInet4).Port, nil
}
