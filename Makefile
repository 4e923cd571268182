# Everything here works on a fresh clone with git, make and Python 3.10 to 3.13 (with venv).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Here no test may be left out because a library is missing.
PYTEST := EFFVIT_ALL_LIBRARIES=1 $(BIN)/python -m pytest
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt

# ROS 2 has wheels for Linux on x86-64 alone. On other boards the demo runs without ROS, and what
# needs ROS says so before anything is installed.
PLATFORM ?= $(shell uname -sm)
ifeq ($(PLATFORM),Linux x86_64)
EXTRAS := cpu,ros,demo,bags,map,view
DEMO_OPTIONS :=
else
EXTRAS := cpu,demo,view
DEMO_OPTIONS := --no-ros
endif

# What `make demo` shows; see `make help`.
SOURCE ?= flight
DIR ?=
FILE ?=
MODEL ?=
PICTURES ?=
RUNTIME ?= auto
DURATION ?= 20
# A page to watch the demo at, on this machine or at an address (0.0.0.0); VIEW=0: none.
VIEW ?= 1
# How long `make soak` runs.
MINUTES ?= 30

.DEFAULT_GOAL := help
.PHONY: help setup setup-train setup-test demo map-demo bench bench-peers soak test test-slow test-long lint docs clean setup-rtx gpu-check needs-ros test-aarch64

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.setup ## build .venv with the node, ROS 2 from wheels and the CPU runtimes
setup-train: $(VENV)/.setup-train ## add what compression needs (torch: large)
setup-rtx: $(VENV)/.setup-rtx ## add TensorRT for RTX (x86_64): engines for RTX cards, also without a GPU
setup-test: $(VENV)/.setup-test

demo: setup ## watch a simulated flight being segmented (SOURCE=folder DIR=... | SOURCE=file FILE=...)
	@[ -z "$(DEMO_OPTIONS)" ] || echo "no ROS 2 wheels for $(PLATFORM): the demo runs without ROS"
	$(BIN)/effvit_demo $(DEMO_OPTIONS) --source $(SOURCE) --path "$(DIR)$(FILE)" --model "$(MODEL)" \
		--runtime $(RUNTIME) --duration $(DURATION) $(if $(filter-out 0,$(VIEW)),--view $(filter-out 1,$(VIEW)))

bench: needs-ros setup ## time the bare runtimes, the core and the node, side by side
	$(BIN)/python -m effvit_ros.bench

bench-peers: setup-train ## time the shipped bundles and networks of smp and torchvision -> out/peers
	$(BIN)/effvit-compress peers --bundle $(or $(MODEL),mobilevit_lite0_lpcv mobilevit_lite2_lpcv)

soak: needs-ros setup ## run under full load and watch for leaks (MINUTES=30) -> out/soak
	$(BIN)/python -m effvit_ros.soak --minutes $(MINUTES) --model "$(MODEL)"

map-demo: needs-ros setup ## fly, record and map a simulated flight, with exact and with erring poses -> out/map
	$(BIN)/python -m effvit_ros.map_demo --out out/map --model "$(MODEL)"

gpu-check: setup ## on a machine with a GPU: builds, parity (PICTURES=folder), latency -> out/gpu
	$(BIN)/python -m effvit_ros.gpu_check --bundle "$(MODEL)" --pictures "$(PICTURES)"

test: needs-ros setup-test setup-train ## run the tests, but for the slow and long ones
	$(PYTEST) -m 'not slow and not long'

test-slow: needs-ros setup-test setup-train ## run the slow tests
	$(PYTEST) -m slow

test-long: needs-ros setup-test setup-train ## run the tests of long trainings: several minutes
	$(PYTEST) -m long

test-aarch64: ## run the core's tests as on an ARM board, by emulation in Docker
	.ci/test_aarch64

needs-ros:
	@[ -z "$(DEMO_OPTIONS)" ] || { echo "error: no ROS 2 wheels for $(PLATFORM): make demo works \
	here; ROS from apt: docs/onboard.md" >&2; exit 2; }

lint: setup-test setup-train ## check style, imports, docstrings and types
	$(BIN)/ruff check
	$(BIN)/mypy

docs: $(VENV)/.setup-docs ## build the docs as a site, every link checked -> out/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

clean: ## remove what the targets above made
	rm -rf $(VENV) build install log out *.egg-info compression/*.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; ok = (3, 10) <= sys.version_info < (3, 14); \
		sys.exit(None if ok else "error: Python %d.%d: the libraries need 3.10 to 3.13: " \
		"make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

# puts the commands into .venv/bin (setup.cfg sends them elsewhere for colcon).
$(VENV)/.setup: setup.py setup.cfg .ci/constraints.txt | $(BIN)/python
	$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.setup-test: $(VENV)/.setup
	$(PIP) --editable '.[$(EXTRAS),test,lint]'
	@touch $@

$(VENV)/.setup-docs: $(VENV)/.setup
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.setup-train: $(VENV)/.setup compression/pyproject.toml
	$(PIP) --editable './compression[imagenet,int8,test]'
	@touch $@

$(VENV)/.setup-rtx: $(VENV)/.setup
	$(PIP) --editable '.[rtx]'
	@touch $@
