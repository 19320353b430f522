# Set-up: `make run` and `make test`. Everything else is for those who change
# the code.

GO      ?= go
RACED   := bench cluster cluster/embedded otel prometheus siege # tested with the race detector
PLAIN   := clients/ts/e2e cmd/packetmq inspect/browser websocket/interop tools # what is raced in them is tested elsewhere
MODULES := . $(RACED) $(PLAIN) bench/versus internal/browsertest
C       := limit load fan room
FUZZTIME ?= 10s
SOAK    ?= 10m
SEEDS   ?= 500
N       ?= 1000000

.PHONY: run test cluster-test cluster ts test-all test-386 debug build command microbench versus bench bench-quick lint fmt tidy vet fuzz sim siege soak many cross clean

run: build ## a server and its clients, live, with real traffic, for ten seconds
	bin/bench run

cluster: ## three nodes of a cluster as processes, with users who send each other packets; one is killed at half time; what was lost; downloads NATS the first time
	cd cluster/embedded && $(GO) build -o ../../bin/cluster ./cmd/cluster
	bin/cluster run

siege: build ## attacks on a server from outside, promise by promise, for some minutes
	bin/siege run

many: build ## N conns closed under writers that hold on to them; N unknown ids and refused conns, from outside; a million takes some 20 minutes
	$(GO) test ./engine -run OldConns -count=1 -v -timeout 2h -engine.closes=$(N)
	bin/siege run --only log,full --conns $(N)

soak: build ## clients that connect, talk and vanish, for SOAK
	bin/siege soak --duration $(SOAK)

# What the race detector would spoil, and tests that are shorter with it.
UNRACED := Alloc|ConnMemory|OrderOfAllAPIs|TenThousandPauses|GoexitStaysItsOwn|EveryWayOutKeepsMaxTotalPending

# They begin first, so that all is over sooner.
LONGEST := ./peer ./engine

cluster_tests = (cd cluster && $(GO) test -short -timeout 10m ./...) && (cd cluster/embedded && $(GO) test -short -timeout 10m ./...)

test: ## every test of the library in Go, some at a smaller size, in some three minutes; downloads NATS the first time; those that need Python with Twisted are skipped where there is none
	@log=$$(mktemp); trap 'rm -f $$log' EXIT; \
	{ $(cluster_tests); } >$$log 2>&1 & cluster=$$!; \
	code=0; $(GO) test -short -p 4 -parallel 10 -timeout 10m $(LONGEST) ./... || code=$$?; \
	wait $$cluster || code=$$?; cat $$log; exit $$code # most tests wait most of the time, so the cluster's run beside the others

cluster-test: ## the nodes of a cluster, in the test's process and in others that are killed and paused, some at a smaller size, in about a minute; a part of test; downloads NATS the first time
	$(cluster_tests)

ts: ## clients/ts: its packages by npm, its build and its tests; skipped where there is no Node, unless PACKETMQ_NEED_NODE is set
	@if command -v npm >/dev/null; then cd clients/ts && npm ci --silent && npm test; \
	elif [ -n "$$PACKETMQ_NEED_NODE" ]; then echo "there is no Node (Debian: apt-get install nodejs npm)"; exit 1; \
	else echo "clients/ts is skipped: there is no Node (Debian: apt-get install nodejs npm)"; fi

test-all: ts command ## all tests of all modules at their full size, with the race detector where it is our code; then those that it would spoil; some ten minutes, and downloads what bench/versus compares with
	$(GO) test -race -vet=off -p 4 -timeout 15m $(LONGEST) ./...
	printf '%s\n' $(RACED) | xargs -P 2 -I DIR sh -c 'cd DIR && $(GO) test -race -vet=off -timeout 10m ./...'
	printf '%s\n' $(PLAIN) | xargs -P 2 -I DIR sh -c 'cd DIR && $(GO) test -vet=off -timeout 10m ./...'
	cd bench/versus && $(GO) test -vet=off -timeout 10m -p 1 ./... # what it compares with has data races of its own
	$(GO) test -vet=off -run '$(UNRACED)' $$(grep -rlE --include='*_test.go' --exclude-dir=bench --exclude-dir=cluster 'func Test.*($(UNRACED))' . | xargs -n 1 dirname | sort -u)
	$(GO) test -vet=off -tags poll_opt -short ./engine # with gnet's other way to poll

test-386: ## the tests of what has sizes and counts, on a processor of 32 bits, which those of amd64 are as well; without the race detector, which is not there
	GOARCH=386 $(GO) test -vet=off -short -p 4 -timeout 10m ./internal/... ./codec ./registry ./engine ./memconn ./room ./state

DEBUGGED := $(LONGEST) ./internal/... ./memconn ./call ./room/... ./state ./session ./websocket ./capture

debug: ## the tests in the debug build
	$(GO) test -vet=off -tags packetmq_debug -timeout 20m $(DEBUGGED) -short

build: ## bin/bench and bin/siege
	cd bench && $(GO) build -o ../bin/bench ./cmd/bench
	cd siege && $(GO) build -o ../bin/siege ./cmd/siege

command: ## bin/packetmq, the command line of packetmq
	cd cmd/packetmq && $(GO) build -o ../../bin/packetmq .

microbench: ## the packages' own benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

versus: build ## what the comparison needs; downloads what it compares with
	cd bench/versus && $(GO) build -o ../../bin/versus .
	@set -e; for p in $(C); do \
	  echo "cc -o bin/$$p"; $(CC) -O2 -Wall -Wextra -pthread -o bin/$$p bench/versus/c/$$p.c; done

bench: versus build ## packetmq beside all others, 11 rounds of each cell in under half an hour; the report is in bench/results; then what a second reactor costs the first
	bin/versus run --out bench/results/results.json --report bench/results
	bin/bench beside

bench-quick: versus ## a part of it in under two minutes; the report is in bin/quick
	bin/versus run --groups closed --modes raw,marshal,typed --peers limit,packetmq,gnet,gnet-naive,net,netpoll,nbio \
	  --rounds 4 --window 100ms --warmup 30ms --patience 0 --out bin/quick/results.json --report bin/quick

FUZZED := . cluster cmd/packetmq otel

fuzz: ## every fuzz target, FUZZTIME each
	@set -e; for m in $(FUZZED); do cd $(CURDIR)/$$m; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done; done

sim: ## SEEDS worlds of peers, of peers that call each other, of readers of states, of sessions, and of nodes of a cluster, each with other faults; a seed is always the same world
	$(GO) test ./peer/sim -run Sim -count=1 -timeout 60m -sim.seeds=$(SEEDS)
	$(GO) test ./call/sim -run Sim -count=1 -timeout 60m -sim.seeds=$(SEEDS)
	$(GO) test ./state/sim -run Sim -count=1 -timeout 60m -sim.seeds=$(SEEDS)
	$(GO) test ./session/sim -run Sim -count=1 -timeout 60m -sim.seeds=$(SEEDS)
	cd cluster && $(GO) test . ./internal/directory -run Sim -count=1 -timeout 60m -sim.seeds=$(SEEDS)

fmt: ## fails if gofmt would change a file
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }

vet:
	@set -e; for m in $(MODULES); do (cd $$m && $(GO) vet ./...); done

tidy: ## fails if a go.mod or go.sum is not tidy
	@set -e; for m in $(MODULES); do (cd $$m && $(GO) mod tidy -diff); done

lint: fmt vet ## with the linter that the tools module pins
	cd tools && $(GO) build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@set -e; for m in $(MODULES); do (cd $$m && $(CURDIR)/bin/staticcheck ./...); done

LIBS = $$($(GO) list -f '{{if and .GoFiles (ne .Name "main")}}{{.ImportPath}}{{end}}' ./...) # without linking programs

CROSS := linux/arm64 darwin/arm64 freebsd/amd64 windows/amd64

cross: ## the platforms that are built but not run here; test-386 is for those of 32 bits
	@set -e; for t in $(CROSS); do \
	  echo "$$t"; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build $(LIBS); done # on Windows, Run returns ErrPlatform
	GOOS=darwin GOARCH=arm64 $(GO) vet ./... # the tests too

clean:
	rm -rf bin
