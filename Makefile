# `make demo` and `make test` are all that a newcomer needs. Both install what is missing.

CARGO ?= cargo
NPM ?= npm
PORT ?= 8080
VIDEO ?=
VIDEOS ?=
RUNS ?= 3
SCALE ?= 1
OPTIONS ?=
FILE ?=
OUTPUT ?=
FILTER ?=
BENCH := target/bench/venv/bin
TOOLS := target/tools/bin
export PATH := $(CURDIR)/$(TOOLS):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-trixie chaos corpus judge api-fuzz build-debug load shots film bench \
	bench-catalog soak fuzz fix check advisories unit lighthouse deb deb-lint deb-test vm-test repro generate build \
	web examples deps test-deps clean bench-sizing bench-first-frame docs fixtures upgrade-test

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# The profile of the tests compiles in half the time of a release, and `make test` reuses what it built.
# GStreamer's own AV1 decoder is enough here.
demo: deps web ## Build, start the appliance, encode a clip, print a URL that plays: VIDEO=file.mp4 PORT=8080
	$(CARGO) build --locked --no-default-features
	@node .ci/demo.mjs target/debug/ladderd $(PORT) "$(VIDEO)"

ifeq ($(FILTER),)
test: test-deps web examples check unit ## Run every check and test; FILTER=name runs only the tests whose name holds it
else
test: test-deps web examples
	$(CARGO) nextest run --workspace --locked $(FILTER)
endif

test-trixie: test-deps web ## Run the tests of pipeline and streams with the GStreamer of Debian 13
	@.ci/trixie

# Long runs, each alone on the machine. Chaos mounts a small disk in a namespace of its own.
UNSHARE = unshare --mount $(if $(filter 0,$(shell id -u)),,--map-root-user)

chaos: test-deps web ## Upload while everything breaks: CHAOS_UPLOADS=500 CHAOS_SEED=1 FILTER=on_moto
	$(UNSHARE) $(CARGO) nextest run --locked --profile long --run-ignored all --ignore-default-filter \
		-E 'test(/^(fleet::)?chaos::.*$(FILTER)/)'

# FILE and OUTPUT are paths on this machine. Without OUTPUT the file is transcoded first.
judge: test-deps web ## Compare one output with its source, frame by frame: FILE=clip.mp4 OUTPUT=folder
	@LADDERD_JUDGE="$(abspath $(FILE))" LADDERD_JUDGE_OUTPUT="$(abspath $(OUTPUT))" \
		$(CARGO) nextest run --locked --run-ignored only --no-capture -E 'test(=fidelity::judge_one)'

# One file at a time, because their times are compared with limits.
corpus: test-deps web ## Judge every file of the corpus; prints what each took: FILTER=name
	LADDERD_CORPUS_TIMES=1 $(CARGO) nextest run --locked --profile corpus --run-ignored all \
		-E 'test(/^corpus::.*$(FILTER)/)'

fixtures: test-deps web ## Write the data of this version as tests/fixtures/VERSION, at a release
	$(CARGO) nextest run --locked --run-ignored only -E 'test(=released::write_the_data_of_this_version)'

upgrade-test: test-deps web ## Run an older version beside this one on one queue and two buckets: PREVIOUS=path/to/ladderd
	@[ -x "$(PREVIOUS)" ] || { echo 'say which: make upgrade-test PREVIOUS=path/to/ladderd' >&2; exit 2; }
	LADDERD_PREVIOUS="$(abspath $(PREVIOUS))" $(CARGO) nextest run --locked --profile long --run-ignored only \
		-E 'test(=released::two_versions_share_a_queue_and_buckets)'

# The readers of the check: transport streams, fragmented MP4, packed audio, parameter sets, codec strings.
fuzz: test-deps web ## Feed damaged streams and any bytes to all readers: SECS=300 CASES=100000
	LADDERD_FUZZ_SECS=$(or $(SECS),300) PROPTEST_CASES=$(or $(CASES),100000) $(CARGO) nextest run --locked \
		--profile long --ignore-default-filter -E 'test(/^fuzzing::/) | test(/^check::.*::any_/)'

api-fuzz: build-debug ## Call the API as its own document describes it, and walk over states at random: EXAMPLES=20 SEED=1 SCOPES=admin
	@.ci/api-fuzz

build-debug: deps web
	$(CARGO) build --locked

shots: test-deps web ## Take pictures of each view of the page, at each size, light and dark: OUTPUT=target/shots
	$(CARGO) build --locked
	node web/e2e/shots.mjs target/debug/ladderd "$(or $(OUTPUT),target/shots)"

lighthouse: test-deps web ## Measure library and watch page by Lighthouse 12, which npx fetches: RUNS=5
	$(CARGO) build --locked
	node web/e2e/lighthouse.mjs target/debug/ladderd $(if $(filter file,$(origin RUNS)),5,$(RUNS))

film: test-deps web ## Film the way from upload to playing as docs/film.webp
	$(CARGO) build --locked
	node web/e2e/film.mjs target/debug/ladderd docs/film.webp

load: test-deps web ## Play beside silent sockets and event streams; prints times of the players' requests
	$(CARGO) nextest run --locked --profile long --run-ignored only -E 'test(/^load::/)'

bench: build target/bench/packages ## ladderd against ffmpeg, CPU, memory, quality: VIDEOS="a.mp4 b.mp4" RUNS=3 OPTIONS="--repeat-to 180"
	@[ -n "$(VIDEOS)" ] || { echo 'say which: make bench VIDEOS="film.mp4"' >&2; exit 2; }
	$(BENCH)/python3 benches/compare.py --runs $(RUNS) $(OPTIONS) $(VIDEOS)

# The store is the embedded one, or that of STORE.
bench-catalog: build ## Time lists and searches among many videos: VIDEOS=100000 STORE=http://127.0.0.1:5000
	python3 benches/catalog.py target/release/ladderd --videos $(or $(VIDEOS),100000) \
		$(if $(STORE),--store $(STORE))

target/bench/packages: benches/requirements.txt
	python3 -m venv target/bench/venv
	@$(BENCH)/python3 -m pip install -q --disable-pip-version-check -r $<
	@touch $@

# In a mount namespace of its own: its disk becomes full and read-only.
soak: build target/bench/packages ## Load one appliance for up to an hour and look for what grows: SCALE=0.1
	$(UNSHARE) $(BENCH)/python3 benches/soak.py target/release/ladderd --scale $(SCALE)
bench-sizing: build ## CPU, memory and bytes for each minute of video, for docs/explanation/sizing.md: VIDEOS="a.mp4" RUNS=3
	@[ -n "$(VIDEOS)" ] || { echo 'say which: make bench-sizing VIDEOS="film.mp4"' >&2; exit 2; }
	python3 benches/sizing.py --runs $(RUNS) $(OPTIONS) $(VIDEOS)

bench-first-frame: build ## Time from upload to playback, by step: VIDEO=a.mp4 RUNS=10 OPTIONS="--delay-ms 30"
	@[ -n "$(VIDEO)" ] || { echo 'say which: make bench-first-frame VIDEO="film.mp4"' >&2; exit 2; }
	python3 benches/first_frame.py --runs $(or $(RUNS),10) $(OPTIONS) $(VIDEO)

docs: ## The documentation as a book with a search: target/book/index.html
	@.ci/deps docs
	@.ci/book

fix: ## Format the code and apply the lints' own suggestions
	$(CARGO) fmt --all
	$(CARGO) clippy --fix --allow-dirty --allow-staged --workspace --all-targets --locked

generate: ## Write the files that are generated from the code: settings, reference pages, types of the page
	LADDERD_WRITE_GENERATED=1 $(CARGO) nextest run --workspace --locked generated:: s3_operations::
	cd web && $(NPM) run --silent generate

check: web ## Check formatting, lints, docs, licences, types and sizes, test the page's logic; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --lib --locked --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) deny --locked check bans licenses sources
	cd web && $(NPM) run --silent check && $(NPM) run --silent test && node e2e/budgets.mjs

advisories: ## Compare the dependencies with the advisories of RustSec (fetched from GitHub)
	$(CARGO) deny --locked check advisories

unit: ## Run every test
	$(CARGO) nextest run --workspace --locked
	$(CARGO) test --doc --workspace --locked

build: deps web ## The release binary: target/release/ladderd
	$(CARGO) build --release --locked

# BINARY=target/debug/ladderd packs another build; the tests of the package take that as it is.
RELEASE_BUILD = $(if $(BINARY),,build)

deb: $(RELEASE_BUILD) ## The Debian packages with SBOM and checksums: target/packages
	@.ci/deb

deb-lint: deb ## Check the package by lintian
	@.ci/deb-lint

deb-test: $(RELEASE_BUILD) ## Install, upgrade, downgrade, remove and purge the package in Debian 12 and 13, with jobs
	@.ci/deb-test

vm-test: $(RELEASE_BUILD) ## Boot Debian 12 and 13 in virtual machines and run jobs inside the unit
	@.ci/vm-test

repro: ## Build the package twice in two folders and compare the bytes
	@.ci/repro

web: web/dist/index.html ## The page: web/dist, which becomes part of the binary

# Made anew only if something of it changed: the binary would have to be, too.
web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public -type f) $(wildcard web/*.*)
	cd web && $(NPM) run --silent build

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && $(NPM) ci --no-progress

examples: examples/express-react/public/page.js ## The page of examples/express-react

examples/express-react/public/page.js: $(addprefix examples/express-react/,package-lock.json package.json page.jsx)
	cd examples/express-react && $(NPM) ci --no-progress --no-audit --no-fund && $(NPM) run --silent build

deps: ## Debian packages that the build and the appliance need
	@.ci/deps build

test-deps: ## Debian packages and tools that the tests need
	@.ci/deps build test

clean: ## Remove what was built
	rm -rf target web/dist web/node_modules examples/express-react/node_modules
