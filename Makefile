# The two commands of the README, and what developers need beside them. CMake presets do the work: see CMakePresets.json.
#
#   make serve              installs packages, builds, serves the storyteller on http://127.0.0.1:8000 (MODEL=another)
#   make test               installs packages, builds, runs every test
#
#   make build              builds build/release/bin/tenfold
#   make asan | tsan        builds and runs, under sanitizers, the tests of engine, cache and server and what they stand on
#   make fuzz               builds the fuzz targets into build/fuzz/bin (clang) and runs each for a minute (TIME=60)
#   make bench              trains nanoGPT's model of characters with three seeds: three minutes (TEXT=tinyshakespeare.txt)
#   make format | check     formats the sources | checks format, levels and clang-tidy's list
#   make clean              removes build/

MODEL ?=
HOST ?= 127.0.0.1
PORT ?= 8000
ARGS ?=
TIME ?= 60
TEXT ?= ../shared/text/tinyshakespeare.txt

# Warnings are errors where they are looked at: in CI.
CONFIGURE = cmake $(if $(CI),-DTENFOLD_WERROR=ON)
SANITIZED = platform cache scheduler engine server laws training_kernels graph
# Parsers of foreign input, which have no threads; and the trainer, whose threads are those of the graph's executor.
asan: SANITIZED += formats tokenizer sampling hub training
SANITIZED_TARGETS = $(SANITIZED:%=%_test)
empty :=
SANITIZED_LABELS = ^($(subst $(empty) $(empty),|,$(strip $(SANITIZED))))$$

.PHONY: serve test build bench asan tsan fuzz format check clean

serve: build
	build/release/bin/tenfold serve $(if $(MODEL),"$(MODEL)") --host $(HOST) --port $(PORT) $(ARGS)

build:
	@tools/install_dependencies.sh build
	@$(CONFIGURE) --preset release -DTENFOLD_BUILD_TESTS=OFF --log-level=WARNING
	@cmake --build --preset release

test:
	@tools/install_dependencies.sh test
	@$(CONFIGURE) --preset release -DTENFOLD_BUILD_TESTS=ON --log-level=WARNING
	@cmake --build --preset release
	@ctest --preset release

bench: build
	@python3 bench/shakespeare.py build/release/bin/tenfold "$(TEXT)"

asan tsan:
	@tools/install_dependencies.sh test
	@$(CONFIGURE) --preset $@ --log-level=WARNING
	@cmake --build --preset $@ --target $(SANITIZED_TARGETS)
	@ctest --preset $@ -L '$(SANITIZED_LABELS)'

fuzz:
	@tools/install_dependencies.sh develop
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --target fuzzers
	@set -e; for seeds in fuzz/corpus/*; do \
	  name=$$(basename $$seeds); found=build/fuzz/found/$$name; failed=build/fuzz/failed/$$name-; \
	  mkdir -p $$found build/fuzz/failed; \
	  echo "fuzzing $$name for $(TIME) s; an input that fails is written to $$failed*"; \
	  build/fuzz/bin/$${name}_fuzz -max_total_time=$(TIME) -verbosity=0 -print_final_stats=1 -artifact_prefix=$$failed \
	    $$found $$seeds; \
	done

format:
	@clang-format -i $$(git ls-files '*.h' '*.cc')

check:
	@tools/install_dependencies.sh develop
	@$(CONFIGURE) --preset release --log-level=WARNING
	@tools/check.sh

clean:
	rm -rf build
