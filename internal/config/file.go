package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSecretFile bounds what is read of a secret's file, in bytes. No URL is
// that long, and /dev/zero has no end.
const maxSecretFile = 64 << 10

// secretOrFile reads a variable that may hold a password, or else the file
// that NAME_FILE names. A container's environment is shown by docker inspect
// and inherited by every child; a file has an owner and a mode.
func (r *reader) secretOrFile(name string, ok check) Secret {
	direct := r.secret(name, ok)
	file := name + "_FILE"
	path := strings.TrimSpace(r.getenv(file))
	switch {
	case path == "":
		return direct
	case direct.IsSet():
		r.refuse(file, "is set beside "+name, "unset one of them")
		return Secret{}
	case !filepath.IsAbs(path): // not quoted, for it may be the secret itself, set here by mistake
		r.refuse(file, "is not an absolute path", "name a file such as /run/secrets/url, or set "+name)
		return Secret{}
	}
	v, err := readSecretFile(path)
	if err != nil {
		r.refuse(file, fmt.Sprintf("%q can't be used: %v", path, err), "name a file that holds the value of "+name+" and that this user may read")
		return Secret{}
	}
	if what, remedy := ok(v); what != "" {
		r.refuse(file, fmt.Sprintf("the content of %q %s", path, what), remedy)
	}
	return NewSecret(v)
}

// readSecretFile returns a file's text without the space around it. Its errors
// quote neither path nor content.
func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", cause(err)
	}
	v := strings.TrimSpace(string(text))
	switch {
	case len(text) > maxSecretFile:
		return "", fmt.Errorf("it is larger than %d KiB", maxSecretFile>>10)
	case v == "":
		return "", errors.New("it is empty")
	}
	return v, nil
}

// cause takes the path out of a file's error, since the problem names it.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
