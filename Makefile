# make serve   the live book:        make serve PORT=9000 STACK=mystack
# make test    everything that is checked
# make test-pythons  the stack on each Python: make test-pythons PYTHONS="3.12 3.15"
# make lab     a lab in the terminal: make lab LAB=1
# make autobahn  the WebSocket judge:  make autobahn PYTHON2=python2.7 CASES="12.* 13.*"
# make fuzz    atheris on the parsers:  make fuzz FUZZ="http1 --seconds 60"
# make soak    ten minutes of mixed load: make soak SOAK="--seconds 60"
# make soak-live  every chapter in Chromium at load 8: make soak-live SOAK_LIVE="--minutes 5"
# make bench   ours and its peers side by side: make bench BENCH="--only ours,tornado"
# make bench-scale  among many connections: make bench-scale SCALE="--only ours"
# make memcheck  the C extension under sanitizers and valgrind

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
NBVAL := $(PYTEST) --nbval --nbval-sanitize-with tests/nbval.cfg -p no:cacheprovider

.PHONY: serve build test test-pythons lint unit notebooks lab run lines outdated autobahn fuzz soak soak-live soak-kernels memcheck bench bench-scale clean

serve: $(READY)
	@$(BIN)/workshop serve $(if $(PORT),--port $(PORT)) $(if $(STACK),--stack $(STACK))

build: $(READY)
	@$(BIN)/workshop build

lab: $(READY)
	@$(if $(LAB),$(BIN)/workshop lab watch $(LAB),$(BIN)/workshop lab list)

test: lint unit notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(READY) build
	$(PYTEST) tests --ignore tests/workshop/test_labs.py --numprocesses auto --dist loadfile
	$(PYTEST) tests/workshop/test_labs.py --numprocesses auto

notebooks: $(READY)
	$(NBVAL) book labs

# Store the notebooks' outputs anew, after a change of text or code.
run: $(READY)
	$(BIN)/workshop run $(or $(NB),book/*.ipynb book/2013/*.ipynb labs/*/*.ipynb)

lines: $(READY)
	@$(BIN)/workshop lines

# The stack's own tests on every Python that it is for, pure and in C: half an hour.
test-pythons:
	@$(PYTHON) tests/pythons.py $(PYTHONS)

# Not part of `test`: the whole of it takes some ten minutes, and needs Python 2.7.
autobahn: $(READY)
	@$(BIN)/python tests/autobahn.py --python2 $(or $(PYTHON2),python2.7) $(CASES)

# Not part of `test` either: ten minutes for each of its targets.
fuzz: $(READY) build/fuzz/env/.ready
	@nice -n 19 $(BIN)/python tests/fuzz/run.py $(FUZZ)

build/fuzz/env/.ready: tests/fuzz/requirements.txt
	@echo "Setting up build/fuzz/env (once) ..."
	@$(PYTHON) -m venv build/fuzz/env
	@build/fuzz/env/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

soak: $(READY)
	@$(BIN)/python benchmarks/soak.py $(SOAK)

soak-live: $(READY)
	@$(BIN)/python benchmarks/soak_live.py $(SOAK_LIVE)

# Kernels whose start is held everywhere, for up to half a minute: an hour in all.
soak-kernels: $(READY)
	$(PYTEST) -m soak tests/workshop/test_kernel_process.py

# The peers have an environment of their own, so that the book's stays small.
BENCH_BIN := build/bench/bin

# BEFORE=commit measures that one's stack beside this one's.
define before
rm -rf build/before && mkdir -p build/before
git archive $(BEFORE) | tar -x -C build/before
cd build/before && ../../$(BENCH_BIN)/python setup.py --quiet build_ext --inplace
endef

bench: build/bench/.ready
	@$(BENCH_BIN)/python setup.py --quiet build_ext --inplace || echo "without the C extension"
	@$(if $(BEFORE),$(before))
	@$(BENCH_BIN)/python benchmarks/bench.py $(or $(BENCH),--save) \
	  $(if $(BEFORE),--before build/before)

# Ten thousand connections need as many descriptors: it raises its own limit.
bench-scale: build/bench/.ready
	@$(BENCH_BIN)/python setup.py --quiet build_ext --inplace || echo "without the C extension"
	@$(BENCH_BIN)/python benchmarks/scale.py $(or $(SCALE),--save)

build/bench/.ready: benchmarks/requirements.txt benchmarks/requirements-bjoern.txt
	@echo "Setting up build/bench (once; a minute) ..."
	@$(PYTHON) -m venv build/bench
	@$(BENCH_BIN)/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@$(BENCH_BIN)/pip install --quiet --disable-pip-version-check -r benchmarks/requirements-bjoern.txt \
	  || echo "bjoern can't be built here (Debian: apt install libev-dev): it is left out."
	@touch $@

# The C extension, every access to memory watched. Not part of `test`: minutes.
memcheck: $(READY)
	@$(BIN)/python tests/memcheck.py

outdated: $(READY)
	$(BIN)/pip list --outdated

# Progress stays visible: a silent minute looks like a hang.
$(READY): requirements.txt pyproject.toml setup.py $(wildcard src/dustdevil/*/*.[ch])
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	  sys.exit(0 if (3, 11) <= v < (3, 16) else "Dust Devil needs Python 3.11 to 3.15, and %s is %d.%d: try make PYTHON=python3.12" % (sys.executable, v[0], v[1]))'
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment: install your system's python3-venv package, then try again."; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt -e . \
	  | sed -u -n -E 's/^Collecting ([A-Za-z0-9._-]+).*/  \1/p; s/^(Installing collected packages).*/  installing .../p; s/^(Successfully installed).*/  done/p'
	@$(BIN)/python -c 'import dustdevil, workshop, jupyter_book'
	@$(BIN)/dustdevil --version
	@touch $(READY)

clean:
	rm -rf build $(VENV)
