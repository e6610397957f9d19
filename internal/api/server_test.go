package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestServeAndShutdown(t *testing.T) {
	defer goleak.VerifyNone(t)
	var inside = make(chan struct{})
	var release = make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-release
		_, _ = io.WriteString(w, "whole")
	})
	s, err := Listen(t.Context(), "127.0.0.1:0", textLog(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(slow) }()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer := make(chan string, 1)
	go func() {
		resp, err := client.Get("http://" + s.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-inside
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	if err := <-served; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
	close(release)
	if got := <-answer; got != "whole" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown ended with %v", err)
	}
}

func TestAnAddressThatIsTaken(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0", textLog(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = Listen(t.Context(), s.Addr().String(), textLog(io.Discard))
	if err == nil || !strings.Contains(err.Error(), s.Addr().String()) {
		t.Errorf("the second listener: %v", err)
	}
}

// TestConnectionsAreLimited: a place that is left is taken by the next, and a
// listener without a place can still be closed.
func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := &pipes{arriving: make(chan net.Conn, 3), closed: make(chan struct{})}
		l := limit(under, 2)
		accepted := make(chan net.Conn)
		ended := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				accepted <- c
			}
		}()
		for range 3 {
			a, b := net.Pipe()
			defer b.Close()
			under.arriving <- a
		}
		first, second := <-accepted, <-accepted
		synctest.Wait()
		select {
		case <-accepted:
			t.Fatal("a third connection had a place")
		default:
		}
		_ = first.Close()
		_ = first.Close() // leaves once
		third := <-accepted
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil {
			t.Error("Accept went on after Close")
		}
		_ = second.Close()
		_ = third.Close()
	})
}

// pipes is a listener of connections in memory.
type pipes struct {
	arriving chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.arriving:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
