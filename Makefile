# The entrance. Every verb sets up what it needs in .venv; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= demo-home
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: setup demo test check bench torture docs schemas kafka kafka-jars lock clean
.DEFAULT_GOAL := setup

setup: $(VENV)/.runtime          ## build .venv with the locked dependencies

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tallystick needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 -m venv failed: install your system's venv package (Debian: python3-venv) and run make again"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) (once) …"
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	@echo "Installing the locked test tools into $(VENV) (once) …"
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

demo: setup                      ## fill a demo partnership and serve its scorecard on loopback
	@$(BIN)/tallystick demo --home $(HOME_DIR) $(DEMO_FLAGS)

test: $(VENV)/.test              ## run every test this machine can run; skipped ones say why
	@$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: $(VENV)/.test             ## lint, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.test             ## ratios measured in one run
	@$(BIN)/python -m ops.bench $(BENCH_FLAGS)

torture: $(VENV)/.test           ## 2,000 kills and 2,000 power cuts, with the control that must lose
	@$(BIN)/python -m ops.torture $(TORTURE_FLAGS)

docs: $(VENV)/.test              ## regenerate the reference from the code and build the HTML into docs/_build
	@$(BIN)/python -m ops.reference docs/reference
	@$(BIN)/python -m sphinx -q -W -b html docs docs/_build

schemas: setup                   ## write the published JSON Schemas from the code
	@$(BIN)/python -m contracts.schemas_export

kafka: setup                     ## run Apache Kafka on loopback in a temporary folder (needs Java 17 and Maven)
	@$(BIN)/python -m ops.deploy.kafka.local $(KAFKA_FLAGS)

kafka-jars: setup                ## only bring the jars of Apache Kafka into .kafka/
	@$(BIN)/python -m ops.deploy.kafka.local --resolve-only

lock:                            ## resolve the dependencies again (needs uv on the PATH; users never do)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q pyproject.toml requirements/build.in -o requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q --extra test pyproject.toml requirements/build.in -c requirements/runtime.txt -o requirements/test.txt

clean:                           ## remove what make made
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
