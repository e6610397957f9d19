// Command simd is a wind tunnel for Kafka integrations, as a daemon and from a
// shell. It reads settings and arguments and wires the rooms together; it knows
// nothing of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// What the commands exit with, beside 0 and 128 + a signal's number.
const (
	exitCannot  = 1  // it could not be done: a wrong argument, no cluster, a full disk
	exitNotHeld = 99 // the run showed something else than its scenario expects
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is simd: it does what args say and returns what to exit with. When ctx
// ends, what is under way ends as after a Ctrl-C.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdin: os.Stdin, stdout: stdout, stderr: stderr, environment: env.ToMap(os.Environ())}
	return a.run(ctx, args)
}

// run does what args say.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(a.stderr, "simd: %s\n", strings.TrimRight(line, "\n"))
	}
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(a.stderr, "Try: %s --help\n", command.CommandPath())
	}
	return exitCannot
}

// exit is how a command ends that has said all there is to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usageError is a wrong argument: the help would have helped.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environment    map[string]string
}
