# make run    start the broker
# make test   everything that CI runs

.PHONY: run test verify fix

run:
	cargo run --release --

test: verify
	cargo test --all-targets

verify:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

fix:
	cargo fmt
	cargo clippy --all-targets --fix --allow-dirty --allow-staged
