package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// An end is what the client holds of a connection: it reads what comes down
// and writes what goes up. Its errors are those of a TCP connection.
type end struct {
	c *conn
}

func (e *end) Read(p []byte) (int, error) {
	n, err := e.c.down.Read(p)
	return n, e.opError("read", err)
}

func (e *end) Write(p []byte) (int, error) {
	n, err := e.c.up.Write(p)
	return n, e.opError("write", err)
}

// Close lets what was written before go its way, as closing a socket does.
func (e *end) Close() error {
	e.c.up.finish(io.EOF, net.ErrClosed)
	e.c.down.abort(net.ErrClosed, syscall.ECONNRESET)
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.c.server.LocalAddr() }
func (e *end) RemoteAddr() net.Addr { return e.c.server.RemoteAddr() }

func (e *end) SetDeadline(t time.Time) error {
	e.c.down.setReadDeadline(t)
	e.c.up.setWriteDeadline(t)
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.c.down.setReadDeadline(t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.c.up.setWriteDeadline(t)
	return nil
}

// opError dresses an error as package net does. The end of the stream stays
// bare: readers compare with io.EOF.
func (e *end) opError(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: e.LocalAddr(), Addr: e.RemoteAddr(), Err: err}
}

var _ net.Conn = (*end)(nil)
