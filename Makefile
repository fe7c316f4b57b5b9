# Everything runs in .venv, made on first use. `make help` lists the targets.
# Other interpreter: make PYTHON=/path/to/python3.12 test

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# The tests that pass without pyfftw, without numba and without any extra.
CORE_TESTS ?= tests/core tests/fft tests/engines tests/planning tests/correlation tests/kernels tests/streaming tests/lti tests/probability tests/channels tests/layers \
              tests/test_agreement.py tests/test_convolution.py tests/test_convolver.py \
              tests/test_import.py tests/test_interrupt.py tests/test_missing.py \
              tests/test_pieces.py tests/test_properties.py tests/test_recall.py tests/test_resampling.py

BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check -qq
PYTEST := -m pytest -n 2 --dist worksteal
# A processor that is forced upon OpenBLAS would slow NumPy's side; calibration would help ours.
BENCH := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE SIGCONV_CALIBRATION=off $(BIN)/python -m benchmarks
REDUCED := test-without-pyfftw test-without-numba
NEED_PYTHON := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "sigconv needs Python 3.11 or newer, and '$(PYTHON)' is not. Try: make PYTHON=/path/to/python3.11" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench bench-quick docs clean distclean $(REDUCED)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z -]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "%-12s %s\n", $$1, $$2 }'

demo: $(VENV)/.installed-all ## install with every extra and show what sigconv does
	$(BIN)/sigconv demo

test: $(VENV)/.installed-test ## run all tests, doctests included, on two processes
	$(BIN)/python $(PYTEST) $(PYTEST_ARGS)

check: $(VENV)/.installed-dev ## lint, format, types and the layers of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.installed-bench ## time sigconv beside its peers and write docs/benchmarks.md
	$(BENCH)

bench-quick: $(VENV)/.installed-bench ## the core rows of it, in two minutes
	$(BENCH) --quick

docs: $(VENV)/.installed-docs ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean: ## remove built files and caches
	rm -rf build dist docs/_build demo-output .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests benchmarks examples docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## the same, and the virtual environments
	rm -rf $(VENV) .venv-without-*

# One stamp per set of extras: a set is installed again only when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	$(BIN)/python $(PIP) install --editable '.[$*]'
	@touch $@

$(VENV)/.created:
	@$(NEED_PYTHON)
	$(PYTHON) -m venv $(VENV)
	@touch $@

# An environment in which one dependency was never installed, and no extra either.
LIST_WITHOUT = import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  print(*(r for r in p["dependencies"] + p["optional-dependencies"]["core-test"] if not r.startswith(sys.argv[1])), sep="\n")
IS_ABSENT = import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is not None)

$(REDUCED:test-without-%=.venv-without-%/.installed): .venv-without-%/.installed: pyproject.toml
	@$(NEED_PYTHON)
	$(PYTHON) -m venv --clear .venv-without-$*
	$(PYTHON) -c '$(LIST_WITHOUT)' $* > .venv-without-$*/requirements.txt
	.venv-without-$*/bin/python $(PIP) install --requirement .venv-without-$*/requirements.txt
	.venv-without-$*/bin/python $(PIP) install --no-deps --editable .
	.venv-without-$*/bin/python -c '$(IS_ABSENT)' $*
	@touch $@

$(REDUCED): test-without-%: .venv-without-%/.installed
	.venv-without-$*/bin/python $(PYTEST) -m 'not extras' $(CORE_TESTS) $(PYTEST_ARGS)
