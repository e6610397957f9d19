# What there is to do here. "make" alone lists it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
BIN      := $(CURDIR)/bin
LINTER   := $(BIN)/golangci-lint-2.15.0
FUZZTIME ?= 30s
SEEDS    ?= 5

# The race detector wants a C compiler. Where there is none, the tests run without it.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)

.PHONY: help
help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/simd
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o $(BIN)/simd ./cmd/simd

.PHONY: demo
demo: build ## overload a producer, twenty times as fast as life: a minute, then the verdict
	$(BIN)/simd run case-2 --speed 20

.PHONY: serve
serve: build ## run the daemon on 127.0.0.1:8080
	$(BIN)/simd serve

.PHONY: test
test: ## run the tests; they need nothing but Go
	$(GO) test $(RACE) -count=1 -timeout=15m ./...

# Only the packages that hold such tests: the others have been tested by "make test".
KAFKA_PACKAGES = $$(grep -rlE '^//go:build .*kafka' --include='*_test.go' cmd deploy internal | xargs -r -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: test-kafka
test-kafka: ## run the tests that want a real Kafka: starts three brokers and stops them (java, mvn)
	@packages="$(KAFKA_PACKAGES)"; \
	[ -n "$$packages" ] || { echo "no test has the build tag kafka"; exit 1; }; \
	trap 'scripts/kafka/cluster clean' EXIT; \
	brokers=$$(scripts/kafka/cluster start); \
	echo "Kafka answers at $$brokers"; \
	SIMD_TEST_BROKERS=$$brokers SIMD_TEST_CLUSTER=$(CURDIR)/scripts/kafka/cluster \
	  $(GO) test -tags kafka -run Kafka -p 1 -count=1 -timeout=20m $$packages

.PHONY: fidelity
fidelity: ## hold the article's cases against the Java client, each with SEEDS (5) seeds, in virtual time
	$(GO) test ./internal/run -run 'Fidelity$$' -count=1 -timeout=60m -fidelity.seeds $(SEEDS)

.PHONY: fidelity-live
fidelity-live: ## the same once at 20x by the clock on the wall: five minutes, on a machine that does nothing else
	$(GO) test ./internal/run -run FidelityLive -count=1 -timeout=30m -parallel 2 -fidelity.live -v

.PHONY: lint
lint: $(LINTER) ## check the format, go vet, and golangci-lint (with staticcheck)
	@unformatted=$$(gofmt -l cmd deploy internal); \
	[ -z "$$unformatted" ] || { echo "not formatted; make fmt does it:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags kafka ./...
	$(LINTER) run ./...

$(LINTER):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(BIN)/golangci-lint $@

.PHONY: fmt
fmt: ## format the code
	gofmt -w cmd deploy internal

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (30s)
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$package; \
	  done; \
	done

.PHONY: picture
picture: ## make the README's picture again: case 2 at 20x on the live page, in a real Chromium
	$(GO) test ./internal/api -run TestBrowserPicture -count=1 -timeout 3m -picture $(CURDIR)/docs/live.png

.PHONY: clean
clean: ## take away what was built; runs in simd-data stay
	rm -rf $(BIN) dist
