# Set-up, tests and the demonstration. `make setup` needs nothing but Python 3.11 or newer and, on Debian, apt-get.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What `make test` runs at once (more than two cores hold, for tests wait for compilers), and where MNIST and the spoken digits are looked for.
JOBS   ?= 3
export QSSMC_DATA ?= $(abspath ../shared/data)

# The version that is tested stands in constraints.txt. Where pip would take a CUDA build, name an index of CPU builds.
TORCH       := $(shell grep '^torch==' constraints.txt)
TORCH_INDEX ?=

FAST := -m "not slow" --ignore hw_tests --ignore tests/benchmarks

.PHONY: help setup system demo check test lint bench results results-crossbar results-targets results-verilog results-trust fuzz campaign mutants clean

help:
	@echo "make setup    install what is missing: Debian packages, a virtual environment in $(VENV)"
	@echo "make demo     compile and verify the shipped model, then train, compile and verify a small one"
	@echo "make check    lint, types, layers and the fast tests, in under a minute"
	@echo "make test     lint, types, layers and every test"
	@echo "make lint     the same without the tests"
	@echo "make bench    nanoseconds a step beside other runtimes"
	@echo "make results  accuracy and memory of the shipped models under each scheme, written to docs/results"
	@echo "make results-crossbar  accuracy on arrays over the errors of cells and converters"
	@echo "make results-targets  C, HLS C++ and ONNX held against golden on whole sequences; AP_TYPES=DIR names the open ap_int.h"
	@echo "make results-verilog  clocks a step of the Verilog cores beside their bounds, and cores placed on boards"
	@echo "make fuzz     changed inputs for every reader, FUZZ_MINUTES=4; a failing one is kept in out/trust/fuzz/failed"
	@echo "make campaign random models on inputs of every kind through every target, MODELS=60"
	@echo "make mutants  faults in the arithmetic of compiled designs, which verify must find, MUTANTS=40"
	@echo "make results-trust  what these three ran, written to docs/results/trust.md"
	@echo "make clean    remove outputs and caches; the virtual environment and unfinished trainings stay"

setup: $(VENV)/.installed

# Checks Python first, then which Debian packages are missing; only those are installed.
system:
	@command -v $(PYTHON) >/dev/null || { echo "qssmc: $(PYTHON) is not on PATH; install it with: apt-get install python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qssmc: Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) -V 2>&1); give another: make setup PYTHON=python3.12" >&2; exit 2; }
	@missing=""; \
	command -v gcc >/dev/null || missing="$$missing build-essential"; \
	command -v clang >/dev/null || missing="$$missing clang"; \
	command -v iverilog >/dev/null || missing="$$missing iverilog"; \
	command -v verilator >/dev/null || missing="$$missing verilator"; \
	command -v yosys >/dev/null || missing="$$missing yosys"; \
	command -v nextpnr-ice40 >/dev/null || missing="$$missing nextpnr-ice40"; \
	command -v icepack >/dev/null || missing="$$missing fpga-icestorm"; \
	command -v z3 >/dev/null || missing="$$missing z3"; \
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null; then \
	  echo "qssmc: missing:$$missing (their Debian names); install them with this system's package tool, then run make again" >&2; exit 4; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif command -v sudo >/dev/null; then sudo="sudo"; else \
	  echo "qssmc: missing:$$missing; run as root: apt-get install -y$$missing" >&2; exit 4; fi; \
	echo "installing:$$missing"; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q $$missing || { \
	  echo "qssmc: apt-get could not install:$$missing; install them by hand, then run make again" >&2; exit 4; }

$(VENV)/.created:
	@$(MAKE) --no-print-directory system
	@[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --no-deps $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[torch,train,hw,dev]"
	@touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[bench]"
	@touch $@

demo: setup
	$(BIN)/qssmc demo

lint: setup
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is slow stands in tests/slow.txt.
check: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal $(FAST)

# Work is stolen, not dealt out: a file's tests stay with one process, which makes what they share once.
test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.engines --eval

results: $(VENV)/.bench
	$(BIN)/python -m benchmarks.schemes
	$(BIN)/python -m benchmarks.ptq

results-crossbar: $(VENV)/.bench
	$(BIN)/python -m benchmarks.crossbar

results-targets: $(VENV)/.bench
	$(BIN)/python -m benchmarks.targets $(if $(AP_TYPES),--ap-types $(AP_TYPES))

# Some minutes by default; FUZZ_MINUTES=60, MODELS=1000 and MUTANTS=300 are full runs, and all of them go on where
# they stopped but the fuzzers, whose seed is printed.
FUZZ_MINUTES ?= 4
MODELS       ?= 60
MUTANTS      ?= 40

fuzz: $(VENV)/.bench
	$(BIN)/python -m benchmarks.trust.fuzz --minutes $(FUZZ_MINUTES) $(if $(SEED),--seed $(SEED)) --work out/trust/fuzz

campaign: $(VENV)/.bench
	$(BIN)/python -m benchmarks.trust.campaign --models $(MODELS) -j $(JOBS)

mutants: $(VENV)/.bench
	$(BIN)/python -m benchmarks.trust.mutants --mutants $(MUTANTS)

results-trust: $(VENV)/.bench
	$(BIN)/python -m benchmarks.trust --parts page

# The programs on PATH and those of the yowasp packages, which have the ECP5's.
results-verilog: $(VENV)/.bench
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[fpga]"
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m benchmarks.verilog

clean:
	rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find compiler runtime_sim templates tests hw_tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
