package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disk is a real file on a disk that fails at one named step.
type disk struct {
	*os.File
	room     int     // bytes until Write fails with writing
	writing  error   // nil together with short: a short write without an error
	short    bool    // Write fails at room
	syncing  error   // what Sync answers
	closing  error   // what Close answers, having closed
	cutting  error   // what Truncate answers, having done nothing
	syncedAt []int64 // how long the file was at each Sync
}

func (d *disk) Write(p []byte) (int, error) {
	if !d.short || d.room >= len(p) {
		d.room -= len(p)
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:d.room])
	d.room = 0
	return n, errors.Join(err, d.writing)
}

func (d *disk) Sync() error {
	info, err := d.File.Stat()
	if err != nil {
		return err
	}
	d.syncedAt = append(d.syncedAt, info.Size())
	return d.syncing
}

func (d *disk) Truncate(size int64) error {
	if d.cutting != nil {
		return d.cutting
	}
	return d.File.Truncate(size)
}

func (d *disk) Close() error { return errors.Join(d.File.Close(), d.closing) }

// openOn opens the file on a disk that fails as d says.
func openOn(d *disk) func(string) (File, error) {
	return func(path string) (File, error) {
		file, err := os.Create(path)
		d.File = file
		return d, err
	}
}

// Whichever step of the disk fails: the file keeps what it had, Each gets
// everything, and the error tells the operator what to do.
func TestADiskThatFails(t *testing.T) {
	pathError := func(err error) error { return &fs.PathError{Op: "write", Path: "/facts", Err: err} }
	for _, row := range []struct {
		name  string
		disk  disk
		sync  bool // Options.Sync
		kept  int  // facts that the file must still hold, of 30 in three flushes of 10
		torn  bool // a torn tail stays behind
		reads string
	}{
		{
			name: "no space left in the middle of a block", kept: 20,
			disk:  disk{short: true, room: 1000, writing: pathError(syscall.ENOSPC)},
			reads: "facts file F: no space left on device after N bytes; what was recorded up to then is kept: free some space or set SIMD_DATA_DIR to another disk",
		}, {
			name: "no space, and the torn tail cannot be cut off either", kept: 20, torn: true,
			disk:  disk{short: true, room: 1000, writing: syscall.ENOSPC, cutting: syscall.EIO},
			reads: "facts file F: no space left on device after N bytes; what was recorded up to then is kept: free some space or set SIMD_DATA_DIR to another disk",
		}, {
			name: "over the user's quota", kept: 20,
			disk:  disk{short: true, room: 1000, writing: pathError(syscall.EDQUOT)},
			reads: "facts file F: disk quota exceeded after N bytes; what was recorded up to then is kept: free some space or set SIMD_DATA_DIR to another disk",
		}, {
			name: "the disk is broken", kept: 20,
			disk:  disk{short: true, room: 1000, writing: pathError(syscall.EIO)},
			reads: "facts file F: input/output error after N bytes; what was recorded up to then is kept: check the disk or set SIMD_DATA_DIR to another one",
		}, {
			name: "a short write without a reason", kept: 20,
			disk:  disk{short: true, room: 1000},
			reads: "facts file F: short write after N bytes; what was recorded up to then is kept: check the disk or set SIMD_DATA_DIR to another one",
		}, {
			name: "a sync after a flush", kept: 10, sync: true,
			disk:  disk{syncing: pathError(syscall.EIO)},
			reads: "facts file F: cannot be synced to its disk: input/output error after N bytes; what was recorded up to then is kept unless the machine goes down: check the disk or set SIMD_DATA_DIR to another one",
		}, {
			name: "the sync at the end", kept: 30,
			disk:  disk{syncing: pathError(syscall.EIO)},
			reads: "facts file F: cannot be synced to its disk: input/output error after N bytes; what was recorded up to then is kept unless the machine goes down: check the disk or set SIMD_DATA_DIR to another one",
		}, {
			name: "the close", kept: 30,
			disk:  disk{closing: pathError(syscall.EDQUOT)},
			reads: "facts file F: cannot be closed: disk quota exceeded after N bytes; what was recorded up to then is kept unless the disk says otherwise: free some space or set SIMD_DATA_DIR to another disk",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			var live gatherer
			log, path := create(t, Options{Flush: time.Hour, Sync: row.sync, Each: live.each, Open: openOn(&row.disk)})
			for range 3 {
				for range 10 { // in one block of some 400 bytes: the third does not fit into 1000
					log.Record(Fact{Kind: FaultBegan, Note: strings.Repeat("x", 34)})
				}
				log.Flush()
			}
			err := log.Close()

			if n := len(live.got()); n != 30 {
				t.Errorf("Each got %d facts of 30", n)
			}
			read, readErr := all(Read(path))
			if len(read) != row.kept || readErr != nil {
				t.Errorf("the file holds %d facts, not %d: %v", len(read), row.kept, readErr)
			}
			if found, err := Check(path); err != nil || found.Torn > 0 != row.torn || found.Bytes != log.Bytes() {
				t.Errorf("the file is in condition %+v, the log says %d bytes: %v", found, log.Bytes(), err)
			}
			want := strings.NewReplacer("F:", path+":", "N bytes", size(log.Bytes())).Replace(row.reads)
			if err == nil || err.Error() != want {
				t.Errorf("the error reads\n  %v\nand should read\n  %s", err, want)
			}
			if !errors.Is(log.Err(), err) || !errors.Is(log.Close(), err) || !errors.Is(log.Flush(), err) {
				t.Error("the first error does not stay")
			}
			select {
			case <-log.Failed():
			default:
				t.Error("Failed is not closed")
			}
		})
	}
}

// What cannot even begin says why.
func TestCreateSaysWhyItCannot(t *testing.T) {
	folder := t.TempDir()
	taken := filepath.Join(folder, "taken")
	if err := os.WriteFile(taken, []byte("old facts"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse := func(err error) func(string) (File, error) {
		return func(path string) (File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	}
	for _, row := range []struct {
		name, path string
		open       func(string) (File, error)
		reads      string
	}{
		{"the file exists", taken, nil,
			"cannot be created: file exists: facts are never overwritten; take the old file away or name another"},
		{"there is no such folder", filepath.Join(folder, "no", "facts"), nil,
			"cannot be created: no such file or directory: create its folder first or set SIMD_DATA_DIR to one that exists"},
		{"not allowed", filepath.Join(folder, "a"), refuse(syscall.EACCES),
			"cannot be created: permission denied: set SIMD_DATA_DIR to a folder that simd may write to"},
		{"a disk that is read only", filepath.Join(folder, "b"), refuse(syscall.EROFS),
			"cannot be created: read-only file system: set SIMD_DATA_DIR to a folder that simd may write to"},
		{"no space for the first bytes", filepath.Join(folder, "c"), openOn(&disk{short: true, room: 3, writing: syscall.ENOSPC}),
			"no space left on device after 0 bytes; what was recorded up to then is kept: free some space or set SIMD_DATA_DIR to another disk"},
	} {
		log, err := Create(row.path, Options{Open: row.open})
		if log != nil || err == nil {
			t.Errorf("%s: created all the same", row.name)
			continue
		}
		if want := "facts file " + row.path + ": " + row.reads; err.Error() != want {
			t.Errorf("%s: the error reads\n  %v\nand should read\n  %s", row.name, err, want)
		}
	}
	if old, _ := os.ReadFile(taken); string(old) != "old facts" {
		t.Errorf("the file that existed now holds %q", old)
	}
}

// With Sync every flush is on the disk before Each hears of the next one;
// without, the file is synced once, at its end. Nothing to write: nothing to sync.
func TestSync(t *testing.T) {
	for _, row := range []struct {
		name string
		sync bool
		want int
	}{{"every flush", true, 3 + 1}, {"only at the end", false, 1}} {
		d := &disk{}
		log, _ := create(t, Options{Flush: time.Hour, Sync: row.sync, Open: openOn(d)})
		for range 3 {
			log.Record(Fact{Kind: Offered})
			log.Flush()
			log.Flush()
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if len(d.syncedAt) != row.want || d.syncedAt[len(d.syncedAt)-1] != log.Bytes() {
			t.Errorf("%s: synced at %v, of %d bytes", row.name, d.syncedAt, log.Bytes())
		}
	}
}

// stuck is a disk that answers no write before it is released.
type stuck struct {
	*disk
	writes  int
	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.writes++; s.writes > 1 { // the title passes
		<-s.release
	}
	return s.disk.Write(p)
}

// A disk that does not keep up never holds up a recorder: the file is given up,
// readable, and Each still gets everything.
func TestADiskThatIsTooSlow(t *testing.T) {
	slow := &stuck{disk: &disk{}, release: make(chan struct{})}
	var live gatherer
	log, path := create(t, Options{
		Each:       live.each,
		Flush:      time.Hour,
		MaxPending: 10 * blockSize,
		Open: func(path string) (File, error) {
			_, err := openOn(slow.disk)(path)
			return slow, err
		},
	})
	recorded := 0
	for failed := false; !failed; recorded++ {
		log.Record(Fact{Kind: Offered, Seq: int64(recorded)})
		select {
		case <-log.Failed():
			failed = true
		default:
		}
	}
	if !errors.Is(log.Err(), ErrTooSlow) {
		t.Errorf("the log failed with: %v", log.Err())
	}
	if text := log.Err().Error(); !strings.Contains(text, "the disk is too slow: 6") || !strings.HasSuffix(text, "set SIMD_DATA_DIR to a faster disk or lower the load") {
		t.Errorf("the error reads %s", text)
	}
	for range 1000 {
		log.Record(Fact{Kind: Offered, Seq: int64(recorded)})
		recorded++
	}
	close(slow.release)
	if err := log.Close(); !errors.Is(err, ErrTooSlow) {
		t.Errorf("Close says: %v", err)
	}
	if n := len(live.got()); n != recorded {
		t.Errorf("recorded %d facts, Each got %d", recorded, n)
	}
	read, err := all(Read(path))
	if err != nil || len(read) == 0 || len(read) >= recorded {
		t.Errorf("the file holds %d facts of %d: %v", len(read), recorded, err)
	}
}
