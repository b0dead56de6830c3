package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const firstPage = 3 * time.Minute // on a machine that has to make its databases first

// start builds the images, starts the fleet, and measures how long it takes and how much memory it has then. The probe
// is followed until watching ends, which watched tells.
func (h *harness) start(ctx, watching context.Context, watched chan<- error) (err error) {
	followed := false
	defer func() {
		if !followed {
			watched <- nil
		}
	}()
	kept, err := h.docker.isUp(ctx)
	if err != nil {
		return err
	}
	h.say("building images")
	if err := h.docker.build(ctx); err != nil {
		return err
	}
	h.say("starting the fleet")
	began := time.Now()
	up := make(chan error, 1)
	go func() { up <- h.docker.up(ctx) }()
	for isUp := false; ; {
		_, err := get(ctx, blogURL+"/")
		if err == nil {
			h.report.Started = seconds(time.Since(began))
			if !isUp {
				err = <-up
			}
			if err != nil {
				return err
			}
			break
		}
		select {
		case err := <-up:
			if isUp = true; err != nil {
				return err
			}
		case <-time.After(tick / 5):
		}
		if time.Since(began) > firstPage || ctx.Err() != nil {
			return fmt.Errorf("no page came in %v: %w", time.Since(began).Round(time.Second), err)
		}
	}
	followed = true
	go func() { watched <- h.docker.follow(watching, h.watch) }()
	since, err := h.watch.whole(ctx)
	if err != nil {
		return err
	}
	if kept { // its start was another run's
		h.report.Started = 0
		return nil
	}
	h.report.Whole = seconds(since.Sub(began))
	if h.report.Memory, err = h.docker.memory(ctx); err != nil {
		return err
	}
	h.say("first page after %.1f s, whole after %.1f s, %.0f MiB in all", h.report.Started, h.report.Whole, h.report.Memory)
	return nil
}

var memoryUse = regexp.MustCompile(`^([0-9.]+)(KiB|MiB|GiB|B) `)

// memory is that of all containers but the probe's, in MiB.
func (d *docker) memory(ctx context.Context) (mib float64, err error) {
	args := []string{"stats", "--no-stream", "--format", "{{.MemUsage}}"}
	for service, id := range d.services {
		if service != "probe" {
			args = append(args, id)
		}
	}
	out, err := command(ctx, nil, args...)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) {
		mib += parseMemory(line)
	}
	return mib, nil
}

// parseMemory reads what docker stats says, such as `41.2MiB / 256MiB`; 0 for a container that has ended.
func parseMemory(line string) float64 {
	m := memoryUse.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0
	}
	return n * map[string]float64{"B": 1.0 / (1 << 20), "KiB": 1.0 / (1 << 10), "MiB": 1, "GiB": 1 << 10}[m[2]]
}
