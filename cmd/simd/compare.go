package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kafkasim.example/simd/internal/report"
)

func (a *app) compareCommand() *cobra.Command {
	var dataDir, jsonTo, htmlTo string
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Put the reports of runs side by side",
		Long: `Prints what was set otherwise in the runs, and what came of it. The first run is what the others are held
against. A run is named by its id, if its facts lie in SIMD_DATA_DIR (./simd-data), or by the file of its
report, as --json of simd run writes it.`,
		Example: `  simd compare d4kq0r1m5s7c73f2g9a0 d4kq0r1m5s7c73f2g9b0
  simd compare before.json after.json --html comparison.html`,
		Args: takes(2, -1, "at least two runs"),
		RunE: func(_ *cobra.Command, args []string) error {
			if dataDir == "" {
				s, err := readSettings(a.environment)
				if err != nil {
					return err
				}
				dataDir = s.DataDir
			}
			verdicts := make([]*report.Report, len(args))
			for i, name := range args {
				var err error
				if verdicts[i], err = reportOf(name, dataDir); err != nil {
					return err
				}
			}
			return a.writeComparison(report.Compare(verdicts...), jsonTo, htmlTo)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&jsonTo, "json", "", "write the comparison as JSON to this `FILE`; - prints it in place of the text")
	flags.StringVar(&htmlTo, "html", "", "write the comparison as HTML to this `FILE`")
	flags.StringVar(&dataDir, "data", "", "where the runs' facts are kept, a `DIR`, in place of SIMD_DATA_DIR")
	return cmd
}

func (a *app) writeComparison(c *report.Comparison, jsonTo, htmlTo string) error {
	asJSON := func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(c)
	}
	if jsonTo == "-" {
		if err := asJSON(a.stdout); err != nil {
			return err
		}
	} else if err := c.WriteText(a.stdout, a.colour()); err != nil {
		return err
	}
	if jsonTo != "" && jsonTo != "-" {
		if err := toFile(jsonTo, asJSON); err != nil {
			return err
		}
	}
	if htmlTo != "" {
		return toFile(htmlTo, c.WriteHTML)
	}
	return nil
}

// reportOf reads the report that somebody named: a file, or a run's id.
func reportOf(name, dataDir string) (*report.Report, error) {
	path := name
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		path = filepath.Join(dataDir, "runs", filepath.Base(name), "report.json")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q is neither a report's file nor a run with a report in %s", name, dataDir)
	}
	if err != nil {
		return nil, err
	}
	verdict := new(report.Report)
	if err := json.Unmarshal(text, verdict); err != nil {
		return nil, fmt.Errorf("%s is no report: %w; want what simd run --json writes", path, err)
	}
	if verdict.Scenario == "" {
		return nil, fmt.Errorf("%s is no report: it names no scenario; want what simd run --json writes", path)
	}
	return verdict, nil
}
