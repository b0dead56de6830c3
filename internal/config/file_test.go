package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestURLsFromFiles(t *testing.T) {
	c, err := FromEnv(env(
		"DATABASE_URL_FILE", write(t, "postgres://blog:pw@db/blog\n")+" \n",
		"REDIS_URL_FILE", write(t, "\n redis://:pw@cache"),
		"DATABASE_URL", " ",
	))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.DatabaseURL.Reveal(), "postgres://blog:pw@db/blog"; got != want {
		t.Errorf("DATABASE_URL is %q, want %q", got, want)
	}
	if got, want := c.RedisURL.Reveal(), "redis://:pw@cache"; got != want {
		t.Errorf("REDIS_URL is %q, want %q", got, want)
	}
}

// A refusal names the file, and shows nothing of what is in it; nor of a
// secret that was set where its file's name should be.
func TestFilesRefused(t *testing.T) {
	const planted = "s3cr3tMARK"
	good := write(t, "postgres://blog:"+planted+"@db/blog")
	mysql := write(t, "mysql://blog:"+planted+"@db/blog")
	words := write(t, planted+" and more\nwords")
	empty := write(t, " \n")
	missing := filepath.Join(t.TempDir(), "absent")
	dir := t.TempDir()
	for _, tt := range []struct{ value, want string }{
		{mysql, `the content of "` + mysql + `" is not a PostgreSQL URL`},
		{words, `the content of "` + words + `" can't be read`},
		{empty, `"` + empty + `" can't be used: it is empty`},
		{missing, `"` + missing + `" can't be used: no such file or directory`},
		{dir, `"` + dir + `" can't be used: is a directory`},
		{"/dev/zero", "it is larger than 64 KiB"},
		{"/a\x00b", "can't be used"},
		{"/a\nb", "can't be used"},
		{"postgres://blog:" + planted + "@db/blog", "is not an absolute path"},
		{"password=" + planted, "is not an absolute path"},
		{"secret", "is not an absolute path"},
	} {
		c, err := FromEnv(env("DATABASE_URL_FILE", tt.value))
		var p *Problem
		if !errors.As(err, &p) || p.Name != "DATABASE_URL_FILE" || p.Remedy == "" || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("DATABASE_URL_FILE=%q: %v, want %q", tt.value, err, tt.want)
		}
		if text := prints(t, c, err); strings.Contains(text, planted) {
			t.Errorf("DATABASE_URL_FILE=%q: the password is printed:\n%s", tt.value, text)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || c.Addr != "") {
			t.Errorf("DATABASE_URL_FILE=%q: want one line and no configuration, got %q and %+v", tt.value, err, c)
		}
	}

	_, err := FromEnv(env("DATABASE_URL", "postgres://db/blog", "DATABASE_URL_FILE", good))
	if want := "DATABASE_URL_FILE: is set beside DATABASE_URL; unset one of them"; err == nil || err.Error() != want {
		t.Errorf("both set: %v, want %s", err, want)
	}
}
