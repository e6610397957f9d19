package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// failed says what it means that a request of ours failed. A missing permission
// is told with the one that would be right: allowed names it in the words of
// Kafka's ACLs, operation on resource. said is the broker's own message, if any.
func (c *Cluster) failed(doing, allowed string, err error, said string) error {
	switch {
	case isForbidden(err):
		return fmt.Errorf("%s: not allowed: this user needs %s: %w", doing, allowed, err)
	case said != "":
		return fmt.Errorf("%s: %w (the broker says: %s)", doing, err, said)
	case errors.Is(err, kgo.ErrClientClosed):
		return fmt.Errorf("%s: %w", doing, errClosed)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s did not answer in time: %w", doing, c.name, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isForbidden(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) ||
		errors.Is(err, kerr.GroupAuthorizationFailed)
}

// text is what a broker said, which is nothing when it left that out.
func text(said *string) string {
	if said == nil {
		return ""
	}
	return *said
}

// count is "1 broker", "3 brokers".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
