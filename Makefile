# make demo needs Python 3.11 or later and nothing else; the rest needs what it installs.
#   make test VENV=/tmp/other PYTHON=python3.12

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
INSTALLED := $(VENV)/.installed
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup --max-worker-restart=0

.PHONY: help demo test check lint types heavy fuzz goldens zoo docs bench examples format clean
.NOTPARALLEL:

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "archc needs Python 3.11 or later; PYTHON=... says where it is" >&2; exit 1; }
	@echo "$(VENV): a virtual environment with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "$(VENV): installing archc, PyTorch and the tools of the tests; this can take some minutes"
	@$(BIN)/python -m pip install -qq --editable '.[dev,draw,report]'
	@touch $@

demo: $(INSTALLED) ## show what archc does with ResNet
	$(BIN)/archc check resnet50
	@mkdir -p out
	$(BIN)/archc build resnet50 -o out/resnet50.py
	$(BIN)/archc table resnet50
	$(BIN)/archc table specs/resnet.yaml
	$(BIN)/archc draw resnet50 -o out/resnet50.svg
	$(BIN)/archc verify resnet50 --against torchvision:resnet50

test: $(INSTALLED) ## run the tests
	$(PYTEST)

check: lint types test ## run all that a change must pass

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

heavy: $(INSTALLED) ## run the tests that sweep over the big networks
	$(PYTEST) -m heavy

fuzz: $(INSTALLED) ## hand 10,000 damaged inputs to archc, and count what becomes of them
	$(BIN)/python tests/fuzz.py --count 10000

goldens: $(INSTALLED) ## rewrite the expected outputs of the tests; read the diff
	$(PYTEST) --update-goldens

zoo: $(INSTALLED) ## compare with torchvision anew, and write docs/zoo.md
	$(PYTEST) -m "heavy or not heavy" tests/runtime/test_zoo.py tests/runtime/test_torchvision.py \
		-k "small_maps or any_size or one_size or native_size" --update-goldens
	$(BIN)/python docs/generate.py

docs: $(INSTALLED) ## write what the documents say of ops, commands and diagnostics, and draw
	$(BIN)/python docs/generate.py --pictures

bench: $(INSTALLED) ## measure
	@set -e; for f in $(wildcard benchmarks/*.py); do echo "== $$f"; $(BIN)/python $$f; done

examples: $(INSTALLED) ## run the examples
	@set -e; export PATH="$(abspath $(BIN)):$$PATH"; \
	for f in $(wildcard examples/*.py); do echo "== $$f"; python $$f; done; \
	for f in $(wildcard examples/*.sh); do echo "== $$f"; bash $$f; done

format: $(INSTALLED) ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove all that make wrote
	rm -rf .venv out dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find archc benchmarks docs examples tests -name __pycache__ -prune -exec rm -rf {} +
