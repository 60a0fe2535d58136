# The suite from a fresh clone: `make report` runs the notebooks, `make test` the tests.
# Each target first sees to .venv, so nothing but Python 3.11 to 3.13 with venv is needed.

PYTHON ?= python3
SOURCE ?=
ROOT ?=
PROFILE ?=
LAB_OPTIONS ?=

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
BROKEN := $(VENV)/.installing

# the recipes read these from the environment, so that a path may hold spaces
export PYTHON SOURCE ROOT PROFILE SIZE WORKERS AGAINST

.PHONY: help report test study check lab bench scale docs wheel clean
.DEFAULT_GOAL := help

help:
	@echo "make report [PROFILE=quick] [SOURCE=mapping.yaml ROOT=folder]   run the notebooks, write reports/"
	@echo "make test     check, then the tests"
	@echo "make study NAME   a count of hours, into tests/studies/NAME.csv; without NAME, which there are"
	@echo "make check    ruff, mypy, notebooks without outputs; changes nothing"
	@echo "make lab      JupyterLab on the project, on this machine only (root: LAB_OPTIONS=--allow-root)"
	@echo "make bench    speed against other tools, and of worlds up to ten million applicants"
	@echo "make scale SIZE=3000000 [WORKERS=2] [JOBS=1]   one large run through all stages: seconds and memory"
	@echo "make docs     the documentation, offline, into docs/_build/html"
	@echo "make wheel    dist/, and the suite from the wheel alone with each Python 3.11 to 3.13 found"
	@echo "make clean    remove caches; keeps data, reports and .venv"
	@echo "PYTHON=python3.12 chooses another Python for .venv"

# An install cut short leaves $(BROKEN) behind and is begun anew.
$(STAMP): requirements.lock pyproject.toml
	@command -v "$$PYTHON" >/dev/null \
	  || { echo "riskkit needs Python 3.11 to 3.13, and there is no $$PYTHON; try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	  || { echo "riskkit needs Python 3.11 to 3.13, and $$PYTHON is $$("$$PYTHON" -V 2>&1 | tail -n 1); try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$$PYTHON has no venv; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@[ ! -L $(VENV) ] || { echo "$(VENV) is a link, and what it leads to is not this project's to set up" >&2; exit 1; }
	@echo "Setting up $(VENV): about 1.8 GB, some minutes the first time. pip shows its progress."
	@if [ -e $(BROKEN) ] || ! $(PY) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
	  then "$$PYTHON" -m venv --clear $(VENV); fi
	@touch $(BROKEN)
	@rm -f $(STAMP)
	$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -c 'import riskkit.schema'
	@rm -f $(BROKEN)
	@touch $(STAMP)
	@echo "$(VENV) is ready."

# Code 3: done, but a monitoring alert is red.
report: $(STAMP)
	@set -- run; \
	if [ -n "$$PROFILE" ]; then set -- "$$@" --profile "$$PROFILE"; fi; \
	if [ -n "$$SOURCE" ]; then set -- "$$@" --source "$$SOURCE"; fi; \
	if [ -n "$$ROOT" ]; then set -- "$$@" --root "$$ROOT"; fi; \
	code=0; page=$$($(PY) -m riskkit.cli "$$@") || code=$$?; \
	if [ $$code -eq 3 ]; then echo "ALERT: a monitoring alert is red, see the report."; code=0; fi; \
	if [ -n "$$page" ]; then echo "$$page"; fi; \
	exit $$code

# two files of tests at a time, the longest first (tests/conftest.py), each worker in one thread
test: check
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(PY) -m pytest \
	  --ignore=tests/benchmarks -n 2 --dist loadscope --no-loadscope-reorder

# the words behind `make study` are the studies' names
ifeq ($(firstword $(MAKECMDGOALS)),study)
STUDIES := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
.PHONY: $(STUDIES)
$(STUDIES): ; @:
endif
study: $(STAMP)
	@PYTHONPATH=tests $(PY) -m studies $(STUDIES)

check: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m nbstripout --verify --keep-id notebooks/*.ipynb

# on the project, so that data and reports are in the file browser; asks no other machine anything
LAB_SETTINGS := --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks \
  --LabApp.app_settings_dir=.jupyterlab --LabApp.extension_manager=readonly
lab: $(STAMP)
	$(PY) -m jupyterlab $(LAB_SETTINGS) $(LAB_OPTIONS)

bench: $(STAMP)
	$(PY) -m pytest -s tests/benchmarks

# a row of docs/scale.md
scale: $(STAMP)
	$(PY) tests/benchmarks/large_run.py "$${SIZE:-1000000}" --workers "$${WORKERS:-0}" \
	  --jobs "$${JOBS:-2}" --against "$${AGAINST:-}"

# A quick run of the synthetic lender in a project of its own, then the pages; it fetches nothing,
# and a warning, a link to nothing or a page that loads from elsewhere is an error.
docs: $(STAMP)
	$(PY) docs/pages.py lay docs/_build
	$(PY) -m riskkit.cli run --project docs/_build/lender --profile quick --run quick || [ $$? -eq 3 ]
	$(PY) -m sphinx -b html -c docs -d docs/_build/trees -W --keep-going -q docs/_build/pages docs/_build/html
	$(PY) docs/pages.py check docs/_build/html
	@echo docs/_build/html/index.html

wheel: check
	$(PY) -m hatchling build -t wheel -d dist
	$(PY) tests/from_wheel.py

clean:
	rm -rf docs/_build
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find src tests notebooks -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +
