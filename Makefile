# Two commands matter: `make run` and `make test`. Both install what they need first, and say so.
SHELL := /bin/sh
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help run test bench soak report prove fleet-test fleet-test-all demo-failover build lint clean go docker

help: ## these lines
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do printf '%-19s %s\n' "$$target" "$$what"; done

run: go ## the whole demo on http://127.0.0.1:8080, with its own PostgreSQL and Redis; Ctrl-C stops all of it
	@scripts/deps run && go build -o bin/blog ./cmd/blog && exec bin/blog

# Several packages start a PostgreSQL each: two at a time suits a small machine, which may be slow in a browser too.
# These watch the time, so each has the machine to itself; those under test/ drive processes of their own, of which the
# race detector sees nothing.
ALONE = afloat/cmd/blog afloat/internal/lab/experiments afloat/internal/store afloat/internal/web
DRIVERS = afloat/test/browser afloat/test/lab afloat/test/outage
# Under the detector their bounds are longer and their readers fewer: here they hold as they are.
BOUNDED = ^(TestOutages|TestNothingIsShedAt200ReadersASecond)$$
test: go ## all tests, with the race detector, on real PostgreSQL, Redis and Chromium
	@scripts/deps test && go vet ./... || exit 1; failed=0; \
	go test -race -p 2 -timeout 30m $$(go list ./... | grep -vxF "$$(printf '%s\n' $(ALONE) $(DRIVERS))") || failed=1; \
	go test -race -p 1 -timeout 30m $(ALONE) || failed=1; \
	go test -p 1 -timeout 30m $(DRIVERS) || failed=1; \
	go test -run '$(BOUNDED)' ./internal/web || failed=1; \
	exit $$failed

# QUICK=-quick takes two minutes instead of ten. nginx, if it is there, is measured too: apt-get install nginx-light
bench: go ## what it does a second, and how that compares with nginx, bare net/http and the twin; results in bench/
	@scripts/deps run && go build -o bin/bench ./test/bench && exec bin/bench $(QUICK)

# FOR=2m is enough to see that it works; a leak takes longer to show.
soak: go ## 20 minutes of readers while faults come and go: memory and goroutines, and whether they grow
	@scripts/deps run && go build -o bin/blog ./cmd/blog && go run ./test/soak -for $(or $(FOR),20m) bin/blog

# QUICK=-quick takes minutes: few trials, short loads.
report: go ## carries out all experiments of the lab on a system of their own: bin/report.html
	@scripts/deps run && go build -o bin/blog ./cmd/blog && exec bin/blog report $(QUICK) -out bin/report.html

prove: go ## the lab's claims: each one's test passes, and fails without the protection that it is about
	@scripts/deps run && go run ./test/prove

# OUT=dir is where fleet.md, fleet.json and the drawings go; CASES=zone,edge-kill names the cases; KEEP=-keep leaves it up.
FLEET = go run ./test/fleet -out $(or $(OUT),bin/fleet) $(KEEP) $(FLEET_FLAGS)
fleet-test: go docker ## the fleet in containers: a dozen of its parts killed under load, a quarter of an hour
	@$(FLEET) $(if $(CASES),-cases $(CASES))

fleet-test-all: go docker ## the same with every part and every way to break it: two hours, resumed where it was cut off
	@$(FLEET) -all -resume

demo-failover: docker ## five minutes for a class: kills parts of a running fleet, and says what to watch
	@scripts/demo-failover

build: go ## the program alone, as bin/blog
	@go build -o bin/blog ./cmd/blog

lint: go ## golangci-lint; the first time it is compiled, which takes some minutes
	@go run $(GOLANGCI_LINT) run

clean: ## what make has built; data in .afloat/ stays
	@rm -rf bin

go:
	@command -v go >/dev/null || { echo 'afloat: Go 1.26 or newer is needed: https://go.dev/dl/' >&2; exit 1; }

docker:
	@command -v docker >/dev/null || { echo 'afloat: Docker is needed for this: https://docs.docker.com/get-docker/' >&2; exit 1; }
	@docker compose version >/dev/null 2>&1 || { echo 'afloat: docker compose is needed for this: https://docs.docker.com/compose/install/' >&2; exit 1; }
	@docker version >/dev/null 2>&1 || { echo 'afloat: no Docker engine answers: start Docker, and see that you may use it' >&2; exit 1; }
