package local

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// DataDir returns the directory for data, made where it is missing: configured if set; else .afloat in cwd; else, for
// root, whose home the servers' unprivileged user can't enter, a directory of cwd's own in /var/lib/afloat.
// What existed before keeps its mode and owner.
func DataDir(configured, cwd string) (string, error) {
	root := os.Geteuid() == 0
	dir := filepath.Join(cwd, ".afloat")
	switch {
	case configured != "":
		dir = configured
	case root:
		dir = filepath.Join("/var/lib/afloat", fmt.Sprintf("%x", sha256.Sum256([]byte(cwd)))[:12])
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	mode := os.FileMode(0o700)
	if root {
		mode = 0o711 // the servers' user goes through it to a directory of its own
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", fmt.Errorf("data directory: %w; set DATA_DIR to one that can be written", err)
	}
	return dir, nil
}

// owner is the unprivileged user that PostgreSQL, which refuses to be root, and Redis run as. A nil owner is ourselves.
type owner struct {
	name     string
	uid, gid int
}

// unprivileged returns the user postgres, or nobody where there is none, and nil when we are not root ourselves.
func unprivileged() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody: %w", err)
	}
	o := &owner{name: u.Username}
	if o.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	o.gid, err = strconv.Atoi(u.Gid)
	return o, err
}

func (o *owner) own(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, o.uid, o.gid)
}

// mayEnter says which directory on the way to dir is closed to the owner.
func (o *owner) mayEnter(dir string) error {
	if o == nil {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		uid, gid := fileOwner(info)
		enter := os.FileMode(0o001)
		switch {
		case uid == o.uid:
			enter = 0o100
		case gid == o.gid:
			enter = 0o010
		}
		if info.Mode()&enter == 0 {
			return fmt.Errorf("user %s can't enter %s: unset DATA_DIR or set it to a directory that others may enter", o.name, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// makeDir makes a directory of the owner's alone, unless it is there.
func (o *owner) makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return o.own(dir)
}
