# Everything that one does here, on a fresh machine too. `make` lists it.

# Where rustup puts cargo, for a shell that was opened before.
export PATH := $(PATH):$(HOME)/.cargo/bin
# The lock file is what is tested. With the crates there, cargo then needs no network.
CARGO_FLAGS := --locked
# The tests wait for servers more than they compute: this many at a time keep two cores busy.
export RUST_TEST_THREADS ?= 12
# Of `make load`.
SCENARIO ?= monday
# Of `make fleet`.
PROXY ?= haproxy
NODES ?= 3
# What these ask of Redis, the others ask of a cluster, in less time; test-all skips none.
SLOTLESS := --skip concurrency $(addprefix --skip accounts::,bearer hashing limits log_in outage profile refresh_model \
	refusals resume sign_up throttle)
# `cargo clippy` is `cargo check` with this in rustc's place, which shares nothing with a build of the tests: each crate
# would be read twice. It compiles, too, so that one build is linted and run.
LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
# A package of its own, linted as it is built. `make test COUNTS=` leaves its counts out.
COUNTS ?= check
COUNTER := $(CARGO_FLAGS) --quiet --release --bin instructions --manifest-path benches/instructions/Cargo.toml \
	--target-dir target/instructions
# Whether everybody can use a page; prints its folder.
AXE := .ci/npm axe-core 4.14.1

.DEFAULT_GOAL := help
.PHONY: help setup run fleet dist test test-all lint format fmt bench capacity counts load clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: redis-server, PostgreSQL, a C compiler; for the tests nginx, HAProxy, Prometheus, Chromium, npm, Valgrind
	@.ci/setup tests

# The development profile: a release build takes minutes.
run: ## Build and start the service in development mode, until Ctrl-C
	@.ci/setup
	@cargo build $(CARGO_FLAGS) --bin vestibule
	@exec target/debug/vestibule dev

# PROXY=nginx or none; NODES=5.
fleet: ## Build and start three nodes behind HAProxy (PROXY=nginx: behind that), until Ctrl-C
	@.ci/setup fleet $(PROXY)
	@cargo build $(CARGO_FLAGS) --bin vestibule
	@exec target/debug/vestibule dev --nodes $(NODES) --proxy $(PROXY)

test: setup format ## Check format and lints, and run the tests: what a change must pass
	@# The counter is built where the other build leaves a core idle; what is wrong with it shows when it is run.
	$(if $(COUNTS),nice env $(LINTED) cargo build $(COUNTER) 2>/dev/null &) \
		$(LINTED) cargo build $(CARGO_FLAGS) --all-targets; built=$$?; wait; exit $$built
	$(if $(COUNTS),$(LINTED) cargo run $(COUNTER) -- $(COUNTS))
	axe=$$($(AXE)) && $(LINTED) VESTIBULE_TEST_AXE=$$axe .ci/tests $(CARGO_FLAGS)
	$(LINTED) VESTIBULE_TEST_REDIS=cluster .ci/tests $(CARGO_FLAGS) --test e2e -- \
		accounts authz candidate mail_queue on_call outage $(SLOTLESS)

test-all: test ## The tests, those that take minutes, Schemathesis, the benchmarks' code once over, and the load tests
	$(LINTED) VESTIBULE_TEST_REDIS=cluster cargo test $(CARGO_FLAGS) --test e2e -- accounts authz interviews concurrency
	axe=$$($(AXE)) && $(LINTED) VESTIBULE_TEST_AXE=$$axe \
		cargo test $(CARGO_FLAGS) --test e2e -- --ignored --test-threads=3 pages::
	schemathesis=$$(.ci/pypi schemathesis 4.32.5) && $(LINTED) VESTIBULE_TEST_SCHEMATHESIS=$$schemathesis \
		cargo test $(CARGO_FLAGS) --test e2e -- --ignored --test-threads=1 --nocapture --skip pages::
	$(LINTED) cargo test $(CARGO_FLAGS) --benches
	$(LINTED) cargo build $(COUNTER) --benches
	$(MAKE) load DURATION=15 PATIENCE=5
	$(MAKE) load SCENARIO=abuse

lint: setup format ## Check format and lints, without a build: the quickest answer
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings

format: setup
	@cargo fmt --version >/dev/null && cargo clippy --version >/dev/null \
		|| { echo "Run: rustup component add rustfmt clippy" >&2; exit 1; }
	cargo fmt --all --check
	cargo fmt --check --manifest-path benches/instructions/Cargo.toml

fmt: ## Format the code
	cargo fmt --all
	cargo fmt --manifest-path benches/instructions/Cargo.toml

# wrk is Debian's; what it is for is in benches/node.rs.
bench: setup ## Measure endpoints, log-ins, a storm and the footprint against yardsticks, and decisions with criterion
	@.ci/setup bench
	cargo bench $(CARGO_FLAGS) --benches

# Apart from `make bench`: a million links take minutes to be there.
capacity: setup ## Measure how costs grow with links and nodes, in a quarter of an hour; writes config/capacity.md and its plot
	@.ci/setup bench
	cargo bench $(CARGO_FLAGS) --bench node growth

counts: setup ## Count instructions, and keep the counts, which `make test` then holds to 5 %
	$(LINTED) cargo run $(COUNTER) -- keep

# DURATION=600 SCALE=2, and more: load-tests/run has them.
load: setup ## Send a Monday morning through a fleet for a minute (SCENARIO=abuse: another; PROFILE=release builds that)
	load-tests/run $(SCENARIO)

# Paths of this machine do not get into the program. It takes minutes.
dist: ## Build the release and pack it under target/dist/, with config and unit; prints its size
	RUSTFLAGS="$(RUSTFLAGS) --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo" \
		cargo build $(CARGO_FLAGS) --release --bin vestibule --target-dir target/dist/build
	@.ci/dist target/dist/build/release/vestibule target/dist

clean: ## Remove what was built, and the data of development mode
	cargo clean
	rm -rf .vestibule
