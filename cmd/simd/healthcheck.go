package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthyWithin is how long the daemon has to say that it lives.
const healthyWithin = 3 * time.Second

func (a *app) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck [URL]",
		Short: "Ask the daemon on this machine whether it lives",
		Long: `Asks /healthz at SIMD_LISTEN, or of the daemon at a URL. It is a container's health check: simd's image
holds no shell and no curl. Exit status: 0 the daemon lives, 1 it does not answer.`,
		Example: `  simd healthcheck
  simd healthcheck http://simd.internal:8080`,
		Args: takes(0, 1, "at most one URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return healthcheck(cmd.Context(), args[0])
			}
			s, err := readSettings(a.environment)
			if err != nil {
				return err
			}
			return healthcheck(cmd.Context(), "http://"+dialable(s.Listen))
		},
	}
}

// healthcheck asks the daemon at this URL.
func healthcheck(ctx context.Context, daemon string) error {
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	url := strings.TrimRight(daemon, "/") + "/healthz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%q cannot be asked: %w; want a URL, such as http://127.0.0.1:8080", daemon, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no daemon answers at %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s, want 200", url, resp.Status)
	}
	return nil
}

// dialable is where to call a daemon that listens there: one that listens on all
// of the machine's addresses hears this machine at its loopback.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && ip == netip.IPv6Unspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
