# make run           start the broker on port 5672
# make test          everything that CI runs: format, lints, Rust tests, clients in Python and Node, the Python package, pages in Chromium
# make verify        format and lints only; writes nothing
# make rust-test     the Rust tests only
# make client-test   the clients in Python and Node only
# make python-test   the Python package only: packs the wheel with the debug build, installs and tests it
# make loom          the hand-overs between threads in every order of the threads, and in random ones
# make soak          mixed load with restarts, kills and full disks for HOURS (default 1), into target/soak
# make wheel         the Python package as users get it, into python/dist
# make browser-test  the management pages in Chromium only
# make fix           mends what format and lints can mend
# make bench         side-by-side, then the stage benchmarks in time, and what a message allocates
# make bench-check   the stages in instructions: fails when one rose by more than 10 % (needs valgrind)
# make bench-record  writes what bench-check compares with, benches/instructions.json
# make side-by-side  HareMQ beside the brokers that are installed here, into docs/performance.md (QUICK=1 only tries)
# make hostile       attacks on a real broker and what its neighbour feels, into docs/reliability-hostile.md (QUICK=1 only tries)
# make deb           a package for Debian and Ubuntu (needs cargo install cargo-deb)
# make sim           the simulated world (tests/sim): SEED=… STEPS=… prints what one seed does, SEEDS=… runs so many fresh ones
# make fuzz          TARGET=… SECONDS=… SEED=… CORPUS=…: one target of fuzz/README.md, with coverage
# make help          this list

CARGO ?= cargo
PYTHON ?= python3

.PHONY: run test verify rust-test loom soak client-test python-test wheel browser-test fix bench bench-check bench-record side-by-side hostile sim fuzz deb help

run:
	$(CARGO) run --release -- --data-dir data

test: verify rust-test loom client-test python-test browser-test

verify:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	cd tests/loom && $(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

rust-test:
	$(CARGO) test --all-targets
	$(CARGO) test --doc

loom:
	cd tests/loom && $(CARGO) test --quiet

soak:
	$(CARGO) build --release
	$(PYTHON) tests/soak/run --hours $(or $(HOURS),1) --binary "$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/haremq"

client-test:
	$(CARGO) build
	$(PYTHON) tests/clients/run "$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/haremq"

python-test:
	$(CARGO) build
	$(PYTHON) python/tests/run

wheel:
	$(PYTHON) -m pip wheel --no-deps --wheel-dir python/dist ./python

browser-test:
	$(CARGO) build
	$(PYTHON) tests/browser/run "$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/haremq"

fix:
	$(CARGO) fmt
	$(CARGO) clippy --all-targets --fix --allow-dirty --allow-staged

bench: side-by-side
	$(CARGO) bench

bench-check:
	@$(CARGO) bench --quiet --bench instructions -- check

bench-record:
	@$(CARGO) bench --quiet --bench instructions -- record

sim:
	HAREMQ_SIM_SEED=$(SEED) HAREMQ_SIM_SEEDS=$(or $(SEEDS),5) HAREMQ_SIM_STEPS=$(or $(STEPS),2000) $(CARGO) test --test main -- --exact sim::seeds::the_promises_hold_for_fresh_seeds

deb:
	$(CARGO) build --release
	config/debian/prepare "$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release"
	$(CARGO) deb --no-build

TARGET ?= connection
SECONDS ?= 60
SEED ?= 1
# The counters of edges that fuzz/src/coverage.rs reads; the stable compiler takes these flags.
FUZZ_FLAGS = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-prune-blocks=0

fuzz:
	RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) run --release --manifest-path fuzz/Cargo.toml \
		--target "$$(rustc -vV | sed -n 's/^host: //p')" -- \
		$(TARGET) --seconds $(SECONDS) --seed $(SEED) $(if $(CORPUS),--corpus "$(CORPUS)")

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(firstword $(MAKEFILE_LIST))

side-by-side:
	$(CARGO) build --release
	$(PYTHON) benches/side_by_side $(if $(QUICK),--quick,--write)

hostile:
	$(CARGO) build --release
	$(PYTHON) benches/hostile $(if $(QUICK),--quick,--write)
