# `make demo` runs the three Iris labs, `make test` proves the repository. Both work on a bare machine and may be repeated.
# What they set up: the command at .venv/bin/smlocal, a container engine, and the images smlocal/{base,sklearn,xgboost}.

.PHONY: help demo test quick ready clean

help:
	@echo "make demo    set up whatever is missing, then run the three labs on real containers"
	@echo "make test    set up whatever is missing, then lint, types, imports and every test (tox)"
	@echo "make quick   the same without the slow tests"
	@echo "make ready   only set up whatever is missing"
	@echo "make clean   remove the virtual environments (images: .venv/bin/smlocal images list)"

demo: ready
	@echo "== the three labs"
	.venv/bin/smlocal demo

test: ready
	@sh bootstrap.sh test-engines
	@echo "== tox: lint, types, imports, tests"
	.venv/bin/tox run

quick: ready
	@sh bootstrap.sh test-engines
	@echo "== tox: lint, types, imports, quick tests"
	.venv/bin/tox run -e lint,types,imports,quick

ready:
	@sh bootstrap.sh

clean:
	rm -rf .venv .tox
