# Two commands matter: `make demo` and `make test`. Both do all their set-up, can be repeated, and clean up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Build results and tools stay outside the checkout, so that a fresh clone is quick.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wedof-sheet-sync
export CARGO_TARGET_DIR ?= $(CACHE)/target
export PATH := $(CACHE)/tools/bin:$(PATH)
export WSS_BINARY := $(CARGO_TARGET_DIR)/release/wedof-sheet-sync

NEXTEST_VERSION := 0.9.151
DENY_VERSION := 0.20.2

.PHONY: help demo test unit faults fuzz clients chart monitoring e2e bench-scale lint build generate tools cluster-down clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /\1\t/' | column -t -s $$'\t'

demo: build ## Show the main job on a real cluster: apply, run, a filled spreadsheet, status; then clean up
	tests/e2e/demo

test: unit faults clients chart monitoring e2e ## Set everything up and run every test, with and without a cluster; then clean up

unit: tools ## Run the tests that need no cluster
	# most tests wait half of their time
	cargo nextest run --locked --test-threads $$(( 2 * $$(nproc) ))

faults: tools ## Let every request of a sync go wrong in every way (about two minutes)
	cargo nextest run --locked --test faults --run-ignored only --no-capture

clients: build ## Run clients of others (gspread, requests) against the simulators
	tests/clients/run

FUZZ_SECONDS ?= 120
# what `cargo fuzz` passes, without the sanitizers, which need a nightly toolchain
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1

fuzz: export CARGO_TARGET_DIR := $(CACHE)/fuzz
fuzz: ## Feed the decoder of Wedof's answers with what nobody thought of, for FUZZ_SECONDS
	mkdir -p $(CACHE)/fuzz/corpus
	# with a target named, build scripts are not instrumented
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" cargo run --locked --release --target "$$(rustc -vV | sed -n 's/^host: //p')" --bin decode -- -max_total_time=$(FUZZ_SECONDS) \
	  -dict=dictionary.txt -artifact_prefix=$(CACHE)/fuzz/ -print_final_stats=1 $(CACHE)/fuzz/corpus corpus/decode

chart: build ## Render, refuse, install, upgrade and uninstall the chart, in every way, on a real cluster
	tests/chart/run

monitoring: tools ## Let a real Prometheus read the operator's metrics, answer the dashboard and judge the alerts
	tests/monitoring/run

e2e: build tools ## Run the tests on a real cluster
	tests/e2e/run

bench-scale: ## Measure the operator with 1,000 and 5,000 objects on a real cluster (about half an hour)
	benches/scale/run

HELM_DOCS = "$$(tests/cluster/cluster program helm-docs)" --chart-search-root charts --sort-values-order file --log-level warning

lint: tools ## Check format, lints, dependencies, scripts and generated files
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	# --all-targets leaves out the tests that `cargo test` does not run by itself, those of clusters
	cargo clippy --locked --test '*' -- -D warnings
	cargo deny --locked check --hide-inclusion-graph bans licenses sources
	diff crds/wedofsheetsyncs.yaml charts/wedof-sheet-sync/files/crd.yaml
	cargo run --locked --quiet -- reference | diff docs/cli.md -
	$(HELM_DOCS) --dry-run | diff charts/wedof-sheet-sync/README.md -
	@if command -v shellcheck >/dev/null; then shellcheck benches/scale/run tests/e2e/{demo,install,run} tests/cluster/cluster tests/chart/run tests/monitoring/run tests/clients/run tests/outages/run; fi

build: ## Build the program as it is shipped
	@echo "Building the program (about ten minutes the first time)…"
	cargo build --locked --release

generate: ## Write the generated files anew: crds/, the chart's copy and README, docs/cli.md
	cargo run --locked --quiet -- crd > crds/wedofsheetsyncs.yaml.new
	mv crds/wedofsheetsyncs.yaml.new crds/wedofsheetsyncs.yaml
	cp crds/wedofsheetsyncs.yaml charts/wedof-sheet-sync/files/crd.yaml
	cargo run --locked --quiet -- reference > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md
	$(HELM_DOCS)

tools: ## Install the pinned test tools into the cache
	@cargo nextest --version 2>/dev/null | grep -qF "cargo-nextest $(NEXTEST_VERSION)" || { \
	  echo "Building cargo-nextest $(NEXTEST_VERSION), once (about five minutes)…"; \
	  cargo install --quiet --locked --root $(CACHE)/tools cargo-nextest@$(NEXTEST_VERSION); }
	@cargo deny --version 2>/dev/null | grep -qF "cargo-deny $(DENY_VERSION)" || { \
	  echo "Building cargo-deny $(DENY_VERSION), once (about five minutes)…"; \
	  cargo install --quiet --locked --root $(CACHE)/tools cargo-deny@$(DENY_VERSION); }

cluster-down: ## Stop the cluster of `make demo KEEP=1` or of a test that was interrupted
	for name in wss wss-chart wss-demo wss-monitoring wss-scale wss-test; do tests/cluster/cluster down --name $$name; done

clean: cluster-down ## Remove build results and tools from the cache (the cluster's binaries stay)
	rm -rf $(CARGO_TARGET_DIR) $(CACHE)/tools
