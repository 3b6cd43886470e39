# The commands of this repository. `make help` lists them; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
HM_SCALE ?= 0.1
HM := build/hm-$(HM_SCALE)
PYTHON := .venv/bin/python
PEER := build/peer-venv
WORKS ?=
SPEC ?= examples/f1/driver-position.yaml

SEEDS ?= 42 43 44 45 46
CHECKPOINTS ?= --set config.n_epochs=16 examples/f1/driver-position.yaml
FUZZ_SECONDS ?= 1200

.PHONY: help setup build test test-full test-asan test-tsan fuzz fuzz-host bench bench-compare bench-peer bench-sampler bench-topk bench-scale bench-checkpoints bench-host soak profile results demo notebooks wheel format check clean distclean

help: ## this list
	@echo "GNN-RLE: graph neural networks on relational databases"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PRESET=release|asan|tsan, JOBS=$(JOBS), HM_SCALE=$(HM_SCALE), FUZZ_SECONDS=$(FUZZ_SECONDS), T=name (make test*: only tests of that name), WORKS=\"f1-512 ...\" (make bench-peer)"

setup: ## install what is missing (system packages, .venv, node_modules)
	@tools/setup.sh

build: setup ## build the engine: build/release/rle
	@tools/build.sh $(PRESET) $(JOBS)

test: build ## all tests; the last line is the count
	@$(PYTHON) tools/run_tests.py --build $(BUILD) --jobs $(JOBS) $(if $(T),--only $(T))

test-full: build ## also the slow tests (published clients, 100 kills), requests made up from the OpenAPI document, all tests under ASan+UBSan and TSan, and the long fuzzing
	@$(PYTHON) tools/run_tests.py --build $(BUILD) --jobs $(JOBS) --slow
	@$(MAKE) --no-print-directory fuzz-host test-asan test-tsan fuzz

test-asan: setup ## unit and end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build.sh asan $(JOBS)
	@$(PYTHON) tools/run_tests.py --build build/asan --jobs $(JOBS) $(if $(T),--only $(T))

test-tsan: setup ## the same under ThreadSanitizer
	@tools/build.sh tsan $(JOBS)
	@$(PYTHON) tools/run_tests.py --build build/tsan --jobs $(JOBS) $(if $(T),--only $(T))

fuzz: setup ## random damage to specifications, checkpoints and Arrow arrays for FUZZ_SECONDS, under ASan+UBSan
	@tools/build.sh asan $(JOBS) rle_job_test rle_train_test rle_ingest_test
	@$(PYTHON) tools/fuzz.py --build build/asan --seconds $(FUZZ_SECONDS)

fuzz-host: build ## requests made up from the engine host's OpenAPI document (schemathesis, 60 MB in build/schemathesis-venv)
	@tools/fuzz_host.sh $(BUILD)

bench: build $(HM)/churn.yaml ## speed: micro-benchmarks beside the machine's peaks, whole jobs, how far each part of a step is from its limit
	@$(PYTHON) bench/bench.py --build $(BUILD) --hm $(HM)/churn.yaml $(BENCH)

bench-compare: setup ## two results.json of make bench side by side: OLD=file NEW=file
	@$(if $(OLD),$(PYTHON) bench/bench_compare.py $(OLD) $(or $(NEW),build/bench/results.json),echo "make bench-compare OLD=file [NEW=file]: which results.json?" >&2; exit 2)

profile: build ## where the time of training goes, by function (perf); SPEC=, BENCH="options of rle_bench"
	@bench/profile.sh $(BUILD) $(SPEC) $(BENCH)

build/hm-%/churn.yaml: $(wildcard python/relationalai_gnns/retail/*.py) | setup
	@PYTHONPATH=python $(PYTHON) -m relationalai_gnns.retail build/hm-$* --scale $*

# The peer is measured on H&M-shaped data of scale 0.1, whatever HM_SCALE is.
bench-peer: build $(PEER)/installed $(if $(filter hm%,$(or $(WORKS),hm)),build/hm-0.1/churn.yaml) ## speed beside RelBench's baseline in PyTorch (1.5 GB in build/peer-venv), on the same batches
	@$(PYTHON) bench/bench_peer.py --build $(BUILD) --peer $(PEER)/bin/python $(WORKS)

bench-sampler: build $(HM)/churn.yaml ## the sampler beside one in numpy, on f1 and H&M-shaped data of HM_SCALE
	@$(PYTHON) bench/bench_sampler.py --build $(BUILD) examples/f1/driver-position.yaml $(HM)/churn.yaml

bench-topk: build ## exact top-12 of dot products beside the bare matrix product, its memory (TOPK=--full: 105,000 x 75,000 x 128)
	@$(BUILD)/bench/rle_topk_bench $(TOPK)

bench-scale: build ## time and memory of one job as the rows grow (H&M-shaped data, scales 0.01, 0.1, 1), with and without a snapshot
	@$(PYTHON) bench/bench_scale.py --build $(BUILD) $(SCALE)

bench-checkpoints: build ## what checkpoints cost a training of Formula 1: none, one a minute, one every 5 seconds (CHECKPOINTS="... SPEC" for another)
	@$(PYTHON) bench/bench_checkpoints.py --build $(BUILD) $(CHECKPOINTS)

bench-host: build ## an engine host under 200 clients that poll a job once a second: latency, errors, what training loses
	@$(PYTHON) bench/bench_host.py --build $(BUILD) $(HOST_BENCH)

soak: build ## 10,000 short jobs over several engines of one host: its memory, file descriptors and processes (SOAK="--jobs N")
	@$(PYTHON) tests/soak.py --program $(BUILD)/rle $(SOAK)

$(PEER)/installed: bench/peer/requirements.txt | setup
	@echo "bench: installing the peer into $(PEER)"
	@$(PYTHON) -m venv --clear $(PEER)
	@$(PEER)/bin/pip install -q --disable-pip-version-check --only-binary :all: -r $< >build/peer-pip.log 2>&1 || \
	  { grep -i error build/peer-pip.log >&2; echo "bench: pip could not install $< (whole log: build/peer-pip.log)" >&2; exit 1; }
	@touch $@

results: build ## train and judge the Formula 1 tasks and a made-up shop with SEEDS (40 minutes on 2 cores), write docs/results.md
	@$(PYTHON) tools/results.py --build $(BUILD) --seeds $(SEEDS)

demo: ## from nothing to predictions on the Formula 1 database, in demo-output/
	@tools/demo.sh

notebooks: build ## run the notebooks of examples/notebooks and keep their outputs (half a minute each; 0.5 GB in build/notebooks-venv)
	@$(PYTHON) tools/notebooks.py --build $(BUILD) --write

wheel: setup ## the Python SDK as wheels in build/wheels: for any platform, and with the engine inside
	@tools/build.sh $(PRESET) $(JOBS) rle_shared
	@$(PYTHON) tools/make_wheels.py --engine $(BUILD)/librle.so

format: setup ## format the C++ sources
	@git ls-files --cached --others --exclude-standard '*.h' '*.cc' | xargs -r clang-format -i

check: setup ## layers, style limits, formatting; clang-tidy where it is installed
	@tools/check.sh $(JOBS)

clean: ## remove build outputs (not .venv, node_modules)
	@rm -rf build/release build/asan build/tsan build/hm-* demo-output

distclean: clean ## also what setup installed here
	@rm -rf build .venv node_modules
