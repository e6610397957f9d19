package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

const about = `simd is a wind tunnel for Kafka integrations. A scenario is a load, a producer's settings, a broker's
limits, the faults on the way, and what the application does about them. simd plays it on an embedded
Kafka, or on yours, and accounts for every single message: what the application was told, how many
copies the log really holds, and why they differ.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "simd",
		Short: "A wind tunnel for Kafka integrations",
		Long:  about,
		Example: `  simd run case-2 --speed 20        play a preset, twenty times as fast, and read the verdict
  simd scenarios                    what presets there are
  simd serve                        the daemon: its page starts runs and shows them live, /docs lists the rest
  simd compare A B                  two runs side by side`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			problem := fmt.Sprintf("there is no command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				problem += "; did you mean " + near[0] + "?"
			}
			return usageError{errors.New(problem)}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.AddCommand(a.runCommand(), a.serveCommand(), a.scenariosCommand(), a.validateCommand(), a.compareCommand(), a.healthcheckCommand(), a.versionCommand())
	root.InitDefaultCompletionCmd("")
	return root
}

// takes is a check of how many arguments a command takes, in words.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return usageError{fmt.Errorf("%s takes %s, not %d arguments", cmd.CommandPath(), what, len(args))}
	}
}
