# make run     start the broker on port 5672
# make test    everything that CI runs: format, lints, Rust tests, clients in Python and Node
# make verify  format and lints only; writes nothing
# make fix     mends what format and lints can mend
# make bench   the stage benchmarks

CARGO ?= cargo
PYTHON ?= python3

.PHONY: run test verify rust-test client-test fix bench

run:
	$(CARGO) run --release -- --data-dir data

test: verify rust-test client-test

verify:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

rust-test:
	$(CARGO) test --all-targets
	$(CARGO) test --doc

client-test:
	$(CARGO) build
	$(PYTHON) tests/clients/run "$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/haremq"

fix:
	$(CARGO) fmt
	$(CARGO) clippy --all-targets --fix --allow-dirty --allow-staged

bench:
	$(CARGO) bench
