package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"afloat/internal/fleet"
)

// fleet reads FLEET_FILE, and finds this server in it. The lab answers to the
// hosts of the file too: servers ask each other by address, and requests keep
// the name under which they reached the front.
func (r *reader) fleet(c *Config) {
	const name = "FLEET_FILE"
	path := strings.TrimSpace(r.getenv(name))
	if path == "" {
		return
	}
	if !filepath.IsAbs(path) {
		r.refuse(name, fmt.Sprintf("%q is not an absolute path", path), "name a file such as /etc/afloat/fleet.json, or unset it to run without a fleet")
		return
	}
	f, err := fleet.Load(path)
	if err != nil {
		r.refuse(name, fmt.Sprintf("%q can't be used: %v", path, err), "correct the file, or unset "+name+" to run without a fleet")
		return
	}
	if c.Node == "" {
		if c.Node, err = os.Hostname(); err != nil {
			r.refuse("NODE", "is unset, and this machine has no name", "set this server's name in "+path)
			return
		}
	}
	if !f.Has(c.Node) {
		var servers []string
		for _, n := range f.Of(fleet.Server) {
			servers = append(servers, n.Name)
		}
		r.refuse("NODE", fmt.Sprintf("%q is no server of the fleet in %s", c.Node, path), "set one of "+strings.Join(servers, ", ")+", or add this server there")
		return
	}
	c.Fleet = f
	for _, host := range f.Hosts() {
		if !slices.Contains(c.LabHosts, host) {
			c.LabHosts = append(c.LabHosts, host)
		}
	}
}
