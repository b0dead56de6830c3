package config

import (
	"log/slog"
	"regexp"
	"strings"
)

// Secret is a URL or DSN that may hold a password. However it is printed or
// logged it shows at most its scheme and hosts, and nothing at all where it is
// unclear which part is the host. The zero value is unset.
type Secret struct {
	// A pointer, for fmt prints unexported fields without asking String: where
	// a Secret lies below one, all that shows is an address.
	raw *string
}

// NewSecret keeps raw; "" makes an unset Secret.
func NewSecret(raw string) Secret {
	if raw == "" {
		return Secret{}
	}
	return Secret{raw: &raw}
}

// IsSet reports whether there is anything to reveal.
func (s Secret) IsSet() bool { return s.raw != nil }

// Reveal returns the whole value, for the client that connects with it.
func (s Secret) Reveal() string {
	if s.raw == nil {
		return ""
	}
	return *s.raw
}

// String returns scheme://host:port, or [hidden], or "" when unset.
func (s Secret) String() string {
	if s.raw == nil {
		return ""
	}
	name := scheme(*s.raw)
	if name == "" {
		return "[hidden]"
	}
	rest := (*s.raw)[len(name)+len("://"):]
	hosts := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		hosts = rest[:end]
	}
	// An @ after the hosts, or a second one, may well be the end of a password
	// that nobody percent-encoded.
	if strings.Count(rest, "@") != strings.Count(hosts, "@") || strings.Count(hosts, "@") > 1 {
		return name + "://[hidden]"
	}
	if _, after, found := strings.Cut(hosts, "@"); found {
		hosts = after
	}
	return name + "://" + hosts
}

// GoString is String within the type's name, for %#v.
func (s Secret) GoString() string { return "config.Secret(" + s.String() + ")" }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON; a Secret can't be read back from it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

var schemes = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// scheme returns the part of a URL before ://, or "" where raw is no URL, such
// as a keyword DSN.
func scheme(raw string) string {
	return strings.TrimSuffix(schemes.FindString(raw), "://")
}
