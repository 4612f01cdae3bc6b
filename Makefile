# Everything a clean clone needs: Go, a C compiler (the race detector), Python >= 3.10, Java 17 and make.
# `make demo` needs neither C nor Java.

GO      ?= go
PYTHON  ?= python3
BIN     := bin
CACHE   ?= $(CURDIR)/.cache
LINTER  := $(CACHE)/bin/golangci-lint
VERSION_OF_LINTER := v2.15.0
FUZZ    ?= 20s

.PHONY: build demo test test-short test-python soak mixed lint bench fuzz docs proto clean

# TAGS=static makes one that needs no libc where it runs, and loads no libraries (ONNX Runtime's).
TAGS ?=

build:
	CGO_ENABLED=0 $(GO) build -tags "$(TAGS)" -o $(BIN)/bighead ./cmd/bighead

demo: build
	$(BIN)/bighead demo

# All of it: the embedded roads under the race detector, planted faults, and the language on the real Spark and Flink. Its parts run beside each
# other, in up to 16 GB of memory: those of cmd/bighead, one test after the other, mostly wait, for servers that start, jobs that recover and leases
# that run out. What fails keeps no other part from running, and all of it from being green.
test: build test-python
	$(GO) vet ./...
	$(GO) list -race -test -export ./... > /dev/null # compiles: parts that begin at once would each compile what they share
	$(MAKE) --no-print-directory --keep-going --jobs=3 test-clusters test-command test-rooms test-faults

# Which tests of cmd/bighead are on a cluster of others, by name; all that do not match are the other part, so that each is in one of them, whatever its
# name. They stand together because a process has one Spark, one Flink and one Kafka for all its tests.
CLUSTERS := Spark|Flink|Gateway|Hive|PartitionsThatAreNotRegistered|Topic|MixedRoads

# Without a list of packages that part would be green.
ROOMS = $(filter-out %/cmd/bighead,$(or $(shell $(GO) list ./...),$(error go lists no packages)))

TESTED := BIGHEAD_REQUIRE_ENGINES=1 $(GO) test -race -vet=off -timeout 80m # all of it was vetted

.PHONY: test-clusters test-command test-rooms test-faults
test-clusters:
	$(TESTED) -run '$(CLUSTERS)' ./cmd/bighead

test-command:
	$(TESTED) -skip '$(CLUSTERS)' ./cmd/bighead

test-rooms:
	$(TESTED) $(ROOMS)

test-faults:
	CGO_ENABLED=0 BIGHEAD_REQUIRE_ENGINES=1 $(GO) test ./model/onnx
	$(GO) test -tags faults -timeout 20m ./engine/enginetest/faults
	$(GO) test -tags faults -timeout 60m -run Fault ./cmd/bighead

# The embedded roads alone.
test-short: build test-python
	$(GO) test -short -timeout 10m ./...

# A server under half its load for SOAK, with reads beside: memory, goroutines and files must not grow.
SOAK ?= 10m
soak:
	BIGHEAD_SOAK=$(SOAK) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./cmd/bighead

# The flights example on all roads at once, each failing on the way; `make test` runs it too.
mixed:
	BIGHEAD_REQUIRE_ENGINES=1 $(GO) test -count=1 -timeout 60m -v -run '^TestMixedRoads$$' ./cmd/bighead

test-python:
	cd sdk/python && $(PYTHON) -m unittest discover -q -s tests

lint: $(LINTER)
	$(LINTER) run ./...

$(LINTER):
	GOBIN=$(CACHE)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(VERSION_OF_LINTER)

bench: build
	bench/run

# Each fuzz target for FUZZ, one after the other.
fuzz:
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$p || exit 1; \
	  done; \
	done

# Pages and functions of the SDK that are generated from the tables in the code.
docs:
	$(GO) test ./expr -run Reference -update
	$(GO) test ./feature -run Page -rewrite
	$(GO) generate ./agg ./model/transform
	$(GO) test ./project -run 'Stubs|Steps' -update

# The code of the .proto files.
proto:
	$(GO) generate ./serve/grpc/pb

clean:
	rm -rf $(BIN) dist
