GO ?= go
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build check test man demo bench proof clean

all: build

# The binary is the same for everybody: no paths, no VCS state, no cgo.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o detinstall ./cmd/detinstall

# Everything a change must pass.
check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) test -race ./...

test:
	$(GO) test ./...

man: build
	./detinstall man > doc/detinstall.1

bench: build
	bench/run

proof: build
	bench/proof

clean:
	rm -rf detinstall root

# The main job, on what ships with the project: offline, as any user.
demo: build
	rm -rf root root.manifest
	./detinstall --repo demo-debian --pkgs erlang -o root/
