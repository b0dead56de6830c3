package testenv

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"go.uber.org/goleak"

	"afloat/internal/local"
)

// docker is a server that runs in a container.
type docker struct {
	kind      kind
	engine    *testcontainers.DockerClient
	container *testcontainers.DockerContainer
	location  url.URL
}

// inContainers is set where a container was started.
var inContainers atomic.Bool

// Leaks are goleak's options for a package whose tests use this one: where
// containers were used, testcontainers keeps its connections to the engine.
func Leaks() []goleak.Option {
	if !inContainers.Load() {
		return nil
	}
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	}
}

// dockerEngine returns the engine that testcontainers finds, if it answers at once.
func dockerEngine(ctx context.Context) (*testcontainers.DockerClient, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	log.SetDefault(log.NewNoopLogger())
	return testcontainers.NewDockerClientWithOpts(ctx)
}

// startContainer publishes the server on a port of our choice, since the engine would choose another at each start.
func startContainer(ctx context.Context, engine *testcontainers.DockerClient, k kind) (server, error) {
	inContainers.Store(true)
	port, err := local.FreePort()
	if err != nil {
		return nil, err
	}
	inside, err := network.ParsePort(k.port)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	c, err := testcontainers.Run(ctx, k.image,
		testcontainers.WithEnv(k.env),
		testcontainers.WithExposedPorts(k.port),
		testcontainers.WithCmd(k.cmd...),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			host.PortBindings = network.PortMap{inside: {{HostIP: netip.IPv4Unspecified(), HostPort: strconv.Itoa(port)}}}
		}))
	d := &docker{kind: k, engine: engine, container: c, location: k.url}
	if err == nil {
		var host string
		if host, err = c.Host(ctx); err == nil {
			d.location.Host = net.JoinHostPort(host, strconv.Itoa(port))
			err = k.ready(ctx, d.location.String())
		}
	}
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(c))
	}
	return d, nil
}

func (d *docker) url() url.URL { return d.location }

func (d *docker) pause(ctx context.Context) error {
	_, err := d.engine.ContainerPause(ctx, d.container.GetContainerID(), client.ContainerPauseOptions{})
	return err
}

func (d *docker) resume(ctx context.Context) error {
	_, err := d.engine.ContainerUnpause(ctx, d.container.GetContainerID(), client.ContainerUnpauseOptions{})
	return err
}

func (d *docker) kill(ctx context.Context) error {
	_ = d.resume(ctx) // an error means that it is not paused; an engine kills no paused container
	_, err := d.engine.ContainerKill(ctx, d.container.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"})
	return err
}

func (d *docker) restart(ctx context.Context) error {
	_, err := d.engine.ContainerStart(ctx, d.container.GetContainerID(), client.ContainerStartOptions{})
	if err != nil {
		return err
	}
	return d.kind.ready(ctx, d.location.String())
}

func (d *docker) close() {
	_ = d.resume(context.Background()) // an error means that it is not paused
	_ = testcontainers.TerminateContainer(d.container, testcontainers.StopTimeout(0))
}
