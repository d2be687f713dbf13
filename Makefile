# make run     start the broker on port 5672
# make test    everything that CI runs: format, lints, Rust tests, clients in Python and Node
# make verify  format and lints only; writes nothing
# make fix     mends what format and lints can mend
# make bench   the stage benchmarks, and HareMQ beside the brokers that are installed here
# make side-by-side   only the latter, written into docs/performance.md (QUICK=1 to try it)

CARGO ?= cargo
PYTHON ?= python3

.PHONY: run test verify rust-test client-test fix bench side-by-side

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

bench: side-by-side
	$(CARGO) bench

side-by-side:
	$(CARGO) build --release
	$(PYTHON) benches/side_by_side $(if $(QUICK),--quick,--write)
