package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrTooSlow is inside the [DiskError] of a [Log] whose disk did not keep up.
var ErrTooSlow = errors.New("the disk is too slow")

// DiskError is the first thing that went wrong with a [Log]'s file. The file
// keeps every whole block that it had before.
type DiskError struct {
	Path string
	// Step is what the log was doing: "create", "write", "sync" or "close", or
	// "keep up" with [ErrTooSlow].
	Step string
	// Kept is how many bytes of facts the file holds.
	Kept int64
	// Waiting is how many bytes of facts waited for the disk, for "keep up".
	Waiting int64
	Err     error
}

// Error says what was wrong, what is kept, and what to do about it.
func (e *DiskError) Error() string {
	reason := reasonOf(e.Err)
	switch e.Step {
	case "create":
		return fmt.Sprintf("facts file %s: cannot be created: %v: %s", e.Path, reason, e.remedy())
	case "keep up":
		return fmt.Sprintf("facts file %s: %v: %s of facts wait for it after %s; what was recorded up to then is kept: %s",
			e.Path, reason, size(e.Waiting), size(e.Kept), e.remedy())
	case "sync":
		return fmt.Sprintf("facts file %s: cannot be synced to its disk: %v after %s; what was recorded up to then is kept unless the machine goes down: %s",
			e.Path, reason, size(e.Kept), e.remedy())
	case "close":
		return fmt.Sprintf("facts file %s: cannot be closed: %v after %s; what was recorded up to then is kept unless the disk says otherwise: %s",
			e.Path, reason, size(e.Kept), e.remedy())
	default:
		return fmt.Sprintf("facts file %s: %v after %s; what was recorded up to then is kept: %s",
			e.Path, reason, size(e.Kept), e.remedy())
	}
}

// Unwrap returns the operating system's error, or [ErrTooSlow].
func (e *DiskError) Unwrap() error { return e.Err }

func (e *DiskError) remedy() string {
	switch {
	case errors.Is(e.Err, ErrTooSlow):
		return "set SIMD_DATA_DIR to a faster disk or lower the load"
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "free some space or set SIMD_DATA_DIR to another disk"
	case errors.Is(e.Err, fs.ErrExist):
		return "facts are never overwritten; take the old file away or name another"
	case errors.Is(e.Err, fs.ErrNotExist):
		return "create its folder first or set SIMD_DATA_DIR to one that exists"
	case errors.Is(e.Err, fs.ErrPermission), errors.Is(e.Err, syscall.EROFS):
		return "set SIMD_DATA_DIR to a folder that simd may write to"
	default:
		return "check the disk or set SIMD_DATA_DIR to another one"
	}
}

// reasonOf leaves out what an *fs.PathError says twice: the path.
func reasonOf(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// CorruptBlock is a block of a facts file that is not as it was written: a bit
// has flipped, or something else wrote to the file. Every fact before it is
// sound; none after it is read.
type CorruptBlock struct {
	Path   string
	Offset int64  // of the block, in bytes from the file's beginning
	Facts  int64  // how many facts stand before it
	Reason string // what does not fit
}

// Error says where the file is broken and what can still be had of it.
func (e *CorruptBlock) Error() string {
	return fmt.Sprintf("facts file %s: the block at byte %d is corrupt: %s; the %d facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report",
		e.Path, e.Offset, e.Reason, e.Facts)
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const unit = 1000
	if bytes < unit {
		return fmt.Sprintf("%d bytes", bytes)
	}
	value, prefix := float64(bytes)/unit, 0
	for value >= unit && prefix < len("kMGTPE")-1 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[prefix])
}
