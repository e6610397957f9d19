package main

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestHealthcheckAsksTheDaemon(t *testing.T) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	d := startDaemon(t, map[string]string{"SIMD_LISTEN": "0.0.0.0:0", "SIMD_TRUST_NETWORK": "true"})
	_, port, _ := strings.Cut(strings.TrimPrefix(d.url, "http://["), "]:") // 0.0.0.0 reads [::]
	a := &app{stdout: new(strings.Builder), stderr: new(strings.Builder),
		environment: map[string]string{"SIMD_LISTEN": "0.0.0.0:" + port, "SIMD_TRUST_NETWORK": "true"}}
	if code := a.run(context.Background(), []string{"healthcheck"}); code != 0 {
		t.Errorf("of a daemon that lives: exit %d: %s", code, a.stderr)
	}
	if code := a.run(context.Background(), []string{"healthcheck", "http://127.0.0.1:" + port + "/"}); code != 0 {
		t.Errorf("by its URL: exit %d: %s", code, a.stderr)
	}
	signalSelf(t, syscall.SIGTERM)
	d.ends(0)
	if code := a.run(context.Background(), []string{"healthcheck"}); code != exitCannot {
		t.Errorf("of a daemon that has ended: exit %d", code)
	}
}

func TestDialable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080":    "127.0.0.1:8080",
		":8080":             "127.0.0.1:8080",
		"0.0.0.0:8080":      "127.0.0.1:8080",
		"[::]:8080":         "[::1]:8080",
		"simd.example:8080": "simd.example:8080",
	} {
		if got := dialable(listen); got != want {
			t.Errorf("a daemon that listens on %s is called at %s, want %s", listen, got, want)
		}
	}
}
