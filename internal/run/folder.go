package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

// folder is a run's place on disk:
//
//	run.json     what was asked for, where the run stands, what it made on a cluster
//	facts.simd   every fact, as it happens
//	report.json  the verdict, once there is one
//	lock         held by the process that plays the run
type folder string

func (f folder) facts() string  { return filepath.Join(string(f), "facts.simd") }
func (f folder) record() string { return filepath.Join(string(f), "run.json") }
func (f folder) report() string { return filepath.Join(string(f), "report.json") }

// record is the content of run.json.
type record struct {
	ID       string             `json:"id"`
	Scenario *scenario.Scenario `json:"scenario"`
	Speed    float64            `json:"speed"`
	Seed     uint64             `json:"seed"`
	State    State              `json:"state"`
	Error    string             `json:"error,omitempty"`
	Created  time.Time          `json:"created"`
	Started  time.Time          `json:"started,omitzero"`
	Ended    time.Time          `json:"ended,omitzero"`
	Cluster  string             `json:"cluster,omitempty"`
	Brokers  int                `json:"brokers,omitempty"` // how many it has
	// Leftovers says that the run's topic, group and quota may still be on the cluster.
	Leftovers bool `json:"leftovers,omitempty"`
	// Key and Body are the request's Idempotency-Key, and what it stood for.
	Key  string `json:"idempotency_key,omitempty"`
	Body string `json:"request_digest,omitempty"`
	// Ok and Figures are the verdict in short, for the run's status after its end.
	Ok      *bool       `json:"ok"`
	Figures report.Live `json:"figures"`
}

// create makes the folder and takes its lock.
func (f folder) create() (*flock.Flock, error) {
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return nil, fmt.Errorf("making the run's folder: %w: set SIMD_DATA_DIR to a folder that can be written", err)
	}
	lock, err := f.lock()
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fmt.Errorf("the folder %s is in use by another process", f)
	}
	return lock, nil
}

// lock takes the folder's lock, or returns nil when a living process has it.
func (f folder) lock() (*flock.Flock, error) {
	lock := flock.New(filepath.Join(string(f), "lock"))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the run's folder %s: %w", f, err)
	}
	if !got {
		return nil, nil
	}
	return lock, nil
}

func (f folder) save(rec *record) error { return writeJSON(f.record(), rec) }

func (f folder) load() (*record, error) {
	rec := new(record)
	return rec, readJSON(f.record(), rec)
}

func (f folder) saveReport(rep *report.Report) error { return writeJSON(f.report(), rep) }

func (f folder) loadReport() (*report.Report, error) {
	rep := new(report.Report)
	return rep, readJSON(f.report(), rep)
}

// writeJSON puts the whole content under path, or leaves what is there.
func writeJSON(path string, v any) (err error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(append(data, '\n'))
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// folders are the runs' folders under a data directory, oldest first: their
// names, which are the runs' ids, begin with the time.
func folders(dataDir string) ([]folder, error) {
	entries, err := os.ReadDir(runsDir(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []folder
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, folder(filepath.Join(runsDir(dataDir), e.Name())))
		}
	}
	return all, nil
}

func runsDir(dataDir string) string { return filepath.Join(dataDir, "runs") }
