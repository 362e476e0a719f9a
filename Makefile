# The two commands that matter: `make demo` and `make test`. Both install what is missing.

CARGO ?= cargo
NPM ?= npm
PORT ?= 8080
VIDEO ?=
VIDEOS ?=
RUNS ?= 3
OPTIONS ?=
BENCH := target/bench/venv/bin
TOOLS := target/tools/bin
export PATH := $(CURDIR)/$(TOOLS):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-trixie bench check unit build web deps test-deps clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: deps web ## Build, start the appliance, put a video through it, print where to watch: VIDEO=file.mp4 PORT=8080
	$(CARGO) build --release --locked
	@node .ci/demo.mjs target/release/ladderd $(PORT) "$(VIDEO)"

test: test-deps web check unit ## Install what is missing and run every check and test

test-trixie: test-deps web ## The tests of pipeline and streams once more, with the GStreamer of Debian 13
	@.ci/trixie

bench: build ## ladderd against ffmpeg, CPU, memory, quality: VIDEOS="a.mp4 b.mp4" RUNS=3 OPTIONS="--repeat-to 180"
	@[ -n "$(VIDEOS)" ] || { echo 'say which: make bench VIDEOS="film.mp4"' >&2; exit 2; }
	@[ -x $(BENCH)/python3 ] || python3 -m venv target/bench/venv
	@$(BENCH)/python3 -m pip install -q --disable-pip-version-check -r benches/requirements.txt
	$(BENCH)/python3 benches/compare.py --runs $(RUNS) $(OPTIONS) $(VIDEOS)

check: ## Formatting, lints, documentation, licences, types: warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) deny --locked check bans licenses sources
	cd web && $(NPM) run --silent check

unit: ## Every test
	$(CARGO) nextest run --workspace --locked

build: deps web ## The release binary: target/release/ladderd
	$(CARGO) build --release --locked

web: web/dist/index.html ## The page: web/dist, which becomes part of the binary

# Made anew only if something of it changed: the binary would have to be, too.
web/dist/index.html: web/node_modules/.package-lock.json $(wildcard web/*.* web/src/*)
	cd web && $(NPM) run --silent build

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && $(NPM) ci --no-progress

deps: ## Debian packages that the build and the appliance need
	@.ci/deps build

test-deps: ## Debian packages and tools that the tests need
	@.ci/deps build test

clean: ## Remove what was built
	rm -rf target web/dist web/node_modules
