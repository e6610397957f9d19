package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kafkasim.example/simd/internal/scenario"
)

func (a *app) scenariosCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios [NAME]",
		Short: "List the presets, or print one as a file to start from",
		Example: `  simd scenarios
  simd scenarios case-2 > mine.yaml     and change it; then: simd run mine.yaml`,
		Args:              takes(0, 1, "at most one name"),
		ValidArgsFunction: presetNames,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listScenarios()
			}
			s, err := scenario.Preset(args[0])
			if err != nil {
				return err
			}
			text, err := s.YAML()
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
}

func (a *app) listScenarios() error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tMESSAGES\tLOAD\tTITLE")
	for _, s := range scenario.Presets() {
		plan := s.Plan()
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.Name, plan.Total(), plan.End().Round(time.Second), s.Title)
	}
	return table.Flush()
}

func (a *app) validateCommand() *cobra.Command {
	var overrides []string
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check scenarios without playing them",
		Long:  "Checks each file (- is the standard input) as a run would, and prints a sentence for everything that is wrong.",
		Example: `  simd validate mine.yaml
  simd scenarios case-2 | simd validate - --set producer.buffer.memory=4MiB`,
		Args: takes(1, -1, "at least one file"),
		RunE: func(_ *cobra.Command, args []string) error {
			failed := false
			for _, path := range args {
				plan, err := a.planFrom(path)
				if err == nil {
					err = override(plan, overrides)
				}
				if err != nil {
					failed = true
					for line := range strings.Lines(err.Error()) {
						fmt.Fprintf(a.stderr, "%s: %s\n", path, strings.TrimRight(line, "\n"))
					}
					continue
				}
				fastest, _ := plan.MaxSpeed()
				fmt.Fprintf(a.stdout, "%s: %s is sound: %d messages in %s, up to speed %.4g\n",
					path, plan.Name, plan.Plan().Total(), plan.Plan().End().Round(time.Second), fastest)
			}
			if failed {
				return exit(exitCannot)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&overrides, "set", nil, setUsage)
	return cmd
}

const setUsage = "override a field by its path, `FIELD=VALUE`, such as producer.buffer.memory=4MiB; may be repeated"

// plan is the preset or the file that somebody named.
func (a *app) plan(name string) (*scenario.Scenario, error) {
	preset, err := scenario.Preset(name)
	if err == nil {
		return preset, nil
	}
	var unknown *scenario.Error
	_, missing := os.Stat(name)
	if missing != nil && name != "-" && !looksLikeFile(name) && errors.As(err, &unknown) {
		return nil, fmt.Errorf("%q is neither a preset nor a file; want %s", name, unknown.Want)
	}
	return a.planFrom(name)
}

func looksLikeFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".json")
}

// maxPlan is the largest scenario file, in bytes.
const maxPlan = 1 << 20

// planFrom reads a scenario from a file, or from the standard input.
func (a *app) planFrom(path string) (*scenario.Scenario, error) {
	in := a.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPlan+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPlan {
		return nil, fmt.Errorf("%s is larger than %d bytes; no scenario is", path, maxPlan)
	}
	return scenario.Parse(text)
}

// override sets fields of a plan and judges it again.
func override(plan *scenario.Scenario, overrides []string) error {
	var wrong []error
	for _, o := range overrides {
		path, value, ok := strings.Cut(o, "=")
		if !ok {
			wrong = append(wrong, fmt.Errorf("--set %s; want FIELD=VALUE, such as producer.buffer.memory=4MiB", o))
			continue
		}
		if err := plan.Set(path, value); err != nil {
			wrong = append(wrong, err)
		}
	}
	if wrong != nil {
		return errors.Join(wrong...)
	}
	return plan.Validate()
}

// presetNames completes the names of the presets.
func presetNames(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, s := range scenario.Presets() {
		names = append(names, cobra.CompletionWithDesc(s.Name, s.Title))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
