# Everything that one does here, on a fresh machine too. `make` lists it.

# Where rustup puts cargo, for a shell that was opened before.
export PATH := $(PATH):$(HOME)/.cargo/bin
# The lock file is what is tested. With the crates there, cargo then needs no network.
CARGO_FLAGS := --locked
# The tests wait for servers more than they compute: this many at a time keep two cores busy.
export RUST_TEST_THREADS ?= 12
# What these ask of Redis, the others ask of a cluster, in less time; test-all skips none.
SLOTLESS := $(addprefix --skip accounts::,bearer hashing limits log_in outage profile refresh_model refusals resume \
	sign_up throttle)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint fmt bench load clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: redis-server, PostgreSQL, a C compiler
	@.ci/setup

# The development profile: a release build takes minutes.
run: setup ## Build and start the service in development mode, until Ctrl-C
	@cargo build $(CARGO_FLAGS) --bin vestibule
	@exec target/debug/vestibule dev

test: setup lint ## Check format and lints, and run the tests: what a change must pass
	cargo test $(CARGO_FLAGS)
	VESTIBULE_TEST_REDIS=cluster cargo test $(CARGO_FLAGS) --test e2e -- accounts candidate mail_queue outage $(SLOTLESS)

test-all: test ## The tests, those that take minutes, the benchmarks' code once over, and the load tests
	VESTIBULE_TEST_REDIS=cluster cargo test $(CARGO_FLAGS) --test e2e -- accounts
	cargo test $(CARGO_FLAGS) --test e2e -- --ignored --test-threads=1 --nocapture
	cargo test $(CARGO_FLAGS) --benches
	$(MAKE) load

lint: setup ## Check format and lints
	@cargo fmt --version >/dev/null && cargo clippy --version >/dev/null \
		|| { echo "Run: rustup component add rustfmt clippy" >&2; exit 1; }
	cargo fmt --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings

fmt: ## Format the code
	cargo fmt

bench: setup ## Measure decisions, with criterion, and log-ins
	cargo bench $(CARGO_FLAGS) --benches

load: setup ## Send a crowd of candidates through, and one of members (PROFILE=release builds that)
	load-tests/run

clean: ## Remove what was built, and the data of development mode
	cargo clean
	rm -rf .vestibule
