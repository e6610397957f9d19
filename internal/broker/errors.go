package broker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// needs says what a broker's refusal of a request means: for a missing
// permission, which one would be right (allowed names it, in the words of
// Kafka's ACLs: operation on resource). said is the broker's own message, if any.
func needs(doing string, err error, said *string, allowed string) error {
	if isForbidden(err) {
		return fmt.Errorf("%s: not allowed: this user needs %s: %w", doing, allowed, err)
	}
	if said != nil && *said != "" {
		return fmt.Errorf("%s: %w (the broker says: %s)", doing, err, *said)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isForbidden(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) ||
		errors.Is(err, kerr.GroupAuthorizationFailed)
}

// requestError says what it means that a request got no answer at all.
func (c *Cluster) requestError(doing string, err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		err = errClosed
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%s closed the connection: %w", c.name, err)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%s did not answer in time: %w", c.name, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// codeOf is the broker's error code in err, 0 when a broker did not say it.
func codeOf(err error) int16 {
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		return ke.Code
	}
	return 0
}

// count is "1 broker", "3 brokers".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
