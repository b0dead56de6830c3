package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"afloat/internal/store"
)

// docker runs the fleet as a project of its own, so that nobody's data in the project afloat is touched.
type docker struct {
	project  string
	probe    string            // the probe's binary on this machine
	services map[string]string // service → container, known once it is up
}

const (
	project    = "afloat-fleet-test"
	developers = "afloat" // the project of a plain `docker compose up`, with which this one shares addresses and ports
)

// command runs the docker client and returns its standard output.
func command(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), env...)
	var out, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(failed.Bytes()))
	}
	return out.String(), nil
}

func (d *docker) compose(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"compose", "-p", d.project, "-f", "docker-compose.yml", "-f", "test/fleet/compose.yml", "--progress", "quiet"}, args...)
	return command(ctx, []string{"AFLOAT_PROBE=" + d.probe}, args...)
}

// openDocker says what is missing in one sentence, and builds the probe for the machine on which containers run.
func openDocker(ctx context.Context, dir string) (*docker, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, fmt.Errorf("docker is not installed: see https://docs.docker.com/get-docker/")
	}
	arch, err := command(ctx, nil, "version", "--format", "{{.Server.Arch}}")
	if err != nil {
		return nil, fmt.Errorf("no Docker engine answers: start Docker and try again\n%w", err)
	}
	if _, err := command(ctx, nil, "compose", "version"); err != nil {
		return nil, fmt.Errorf("docker has no compose: see https://docs.docker.com/compose/install/")
	}
	others, err := command(ctx, nil, "ps", "-aq", "--filter", "label=com.docker.compose.project="+developers)
	if err != nil {
		return nil, err
	}
	if others != "" {
		return nil, fmt.Errorf("a fleet of yours is there, whose addresses and ports this test needs: `docker compose down` first (it keeps the data)")
	}
	d := &docker{project: project, probe: filepath.Join(dir, "probe")}
	build := exec.CommandContext(ctx, "go", "build", "-o", d.probe, "./test/fleet/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+strings.TrimSpace(arch))
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build ./test/fleet/probe: %w\n%s", err, out)
	}
	return d, nil
}

func (d *docker) build(ctx context.Context) error {
	_, err := d.compose(ctx, "build")
	return err
}

// up starts everything and learns which container is which service.
func (d *docker) up(ctx context.Context) error {
	if _, err := d.compose(ctx, "up", "-d"); err != nil {
		return err
	}
	out, err := command(ctx, nil, "ps", "-a", "--filter", "label=com.docker.compose.project="+d.project,
		"--format", `{{.Label "com.docker.compose.service"}} {{.ID}}`)
	if err != nil {
		return err
	}
	d.services = map[string]string{}
	for line := range strings.Lines(out) {
		service, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		d.services[service] = id
	}
	return nil
}

// isUp reports whether a run before has left the fleet up.
func (d *docker) isUp(ctx context.Context) (bool, error) {
	out, err := command(ctx, nil, "ps", "-q", "--filter", "label=com.docker.compose.project="+d.project)
	return out != "", err
}

func (d *docker) down(ctx context.Context) error {
	_, err := d.compose(ctx, "down", "-v", "--remove-orphans", "--timeout", "5")
	return err
}

// do runs one docker command on containers of services, together.
func (d *docker) do(ctx context.Context, services []string, args ...string) error {
	for _, s := range services {
		id, ok := d.services[s]
		if !ok {
			return fmt.Errorf("the fleet has no service %s", s)
		}
		args = append(args, id)
	}
	_, err := command(ctx, nil, args...)
	return err
}

// restart restarts all of the fleet but the probe, so that what a case left behind hurts no other.
func (d *docker) restart(ctx context.Context) error {
	var services []string
	for s := range d.services {
		if s != "probe" {
			services = append(services, s)
		}
	}
	slices.Sort(services) // the holder of the fronts' network before them
	return d.do(ctx, services, "restart", "-t", "5")
}

// exec runs a command inside a service's container.
func (d *docker) exec(ctx context.Context, service string, args ...string) (string, error) {
	return command(ctx, nil, append([]string{"exec", d.services[service]}, args...)...)
}

// passedOutbox are the hashed keys of the comments of which a server said, since a moment, that they pass the outbox.
func (d *docker) passedOutbox(ctx context.Context, since time.Time) (map[string]bool, error) {
	passed := map[string]bool{}
	for service, id := range d.services {
		if !strings.HasPrefix(service, "blog") {
			continue
		}
		out, err := exec.CommandContext(ctx, "docker", "logs", "--since", since.Format(time.RFC3339Nano), id).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("docker logs of %s: %w", service, err)
		}
		if err := parsePassed(string(out), passed); err != nil {
			return nil, fmt.Errorf("the log of %s: %w", service, err)
		}
	}
	return passed, nil
}

var passedKey = regexp.MustCompile(` key_hash=([0-9a-f]{64})\b`)

func parsePassed(log string, into map[string]bool) error {
	for line := range strings.Lines(log) {
		if !strings.Contains(line, store.PassesOutbox) {
			continue
		}
		match := passedKey.FindStringSubmatch(line)
		if match == nil {
			return fmt.Errorf("a line that names no comment: %s", line)
		}
		into[match[1]] = true
	}
	return nil
}

// place is where a container is in a network.
type place struct {
	network, address string
	aliases          []string
}

func (d *docker) places(ctx context.Context, service string) ([]place, error) {
	out, err := command(ctx, nil, "inspect", "--format", "{{json .NetworkSettings.Networks}}", d.services[service])
	if err != nil {
		return nil, err
	}
	return parsePlaces(out, service)
}

func parsePlaces(inspected, service string) ([]place, error) {
	var networks map[string]struct {
		Aliases    []string
		IPAMConfig *struct{ IPv4Address string }
	}
	if err := json.Unmarshal([]byte(inspected), &networks); err != nil {
		return nil, err
	}
	var all []place
	for name, n := range networks {
		p := place{network: name, aliases: n.Aliases}
		if n.IPAMConfig != nil {
			p.address = n.IPAMConfig.IPv4Address
		}
		if !slices.Contains(p.aliases, service) {
			p.aliases = append(p.aliases, service)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b place) int { return strings.Compare(a.network, b.network) })
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is in no network", service)
	}
	return all, nil
}

func (d *docker) disconnect(ctx context.Context, service string, p place) error {
	_, err := command(ctx, nil, "network", "disconnect", p.network, d.services[service])
	return err
}

// connect puts a container back where it was: Docker would give it another address, and no name.
func (d *docker) connect(ctx context.Context, service string, p place) error {
	args := []string{"network", "connect"}
	if p.address != "" {
		args = append(args, "--ip", p.address)
	}
	for _, alias := range p.aliases {
		args = append(args, "--alias", alias)
	}
	_, err := command(ctx, nil, append(args, p.network, d.services[service])...)
	return err
}
