# entk: the only entry point of the build. `make help` lists the targets; products go to $(BUILD)/.
# On a fresh Debian 12 every target installs what it needs by package name (target `deps`, scripts/deps.sh).

VERSION := 0.1.0

BUILD  ?= build
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
LLVM_CONFIG ?= llvm-config-19
CLANG_FORMAT ?= clang-format
# Where the golden values and data sets lie; tests that need them say that they skip when the directory is absent.
ENTK_SHARED ?= ../shared
export ENTK_SHARED PYTHON

ifeq ($(origin CC),default)
CC := gcc
endif

# ---- flags ---------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifneq ($(filter true 1,$(CI) $(WERROR)),)
WARNINGS += -Werror
endif
# Code that flex and bison write is held to fewer rules than ours.
GENERATED_QUIET := -Wno-conversion -Wno-sign-conversion -Wno-missing-prototypes -Wno-unused-function \
	-Wno-unused-but-set-variable -Wno-sign-compare -Wno-unused-parameter

OPTIMIZE ?= -O2 -g
CFLAGS ?=
LDFLAGS ?=
# `make asan` sets SANITIZE; libentk.libs carries it to the programs that entkc links.
SANITIZE ?=
STANDARD := -std=c17 -D_GNU_SOURCE -DENTK_VERSION='"$(VERSION)"'
INCLUDES := -Icompiler -Iruntime -I$(BUILD)/gen
BASE_CFLAGS = $(STANDARD) $(OPTIMIZE) $(SANITIZE) -fPIC -ffp-contract=off $(INCLUDES) $(CFLAGS)
DEPFLAGS = -MMD -MP -MF $(@:.o=.d)

# Only code under compiler/emit sees LLVM.
LLVM_CFLAGS = $(shell $(LLVM_CONFIG) --cflags | sed 's/-I/-isystem /')
LLVM_LIBS = $(shell $(LLVM_CONFIG) --ldflags) -Wl,-rpath,$(shell $(LLVM_CONFIG) --libdir) $(shell $(LLVM_CONFIG) --libs)

RUNTIME_LIBS = $(SANITIZE) -lzip -llapacke -lopenblas -lm -lpthread

# Recipes print one short line; `make V=1` prints the commands.
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)';)

# ---- sources -------------------------------------------------------------------------------------------------------

COMPILER_SRC := $(sort $(shell find compiler -name '*.c' 2>/dev/null))
# Everything but LLVM, lowering and the command line.
FRONT_SRC    := $(filter-out compiler/emit/% compiler/driver/% compiler/recursion/% compiler/main.c,$(COMPILER_SRC))
# What every program links beside the runtime: `check` reads the sources once more, to make finite networks of them.
CHECK_SRC    := $(filter-out compiler/reference/% compiler/analysis/%,$(FRONT_SRC))
RUNTIME_SRC  := $(sort $(shell find runtime -name '*.c'))
UNIT_SRC     := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELPERS := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
FUZZ_SRC     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
HEADERS      := $(sort $(shell find compiler runtime -name '*.h' 2>/dev/null))
HAND_WRITTEN := $(COMPILER_SRC) $(RUNTIME_SRC) $(HEADERS) $(UNIT_SRC) $(UNIT_HELPERS) $(FUZZ_SRC) \
	$(sort $(wildcard tests/*/*.h bench/*.c))

GEN := $(BUILD)/gen/entk.tab.c $(BUILD)/gen/entk.lex.c
GEN_HEADERS := $(BUILD)/gen/entk.tab.h $(BUILD)/gen/entk.lex.h

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
GEN_OBJ      := $(patsubst $(BUILD)/gen/%.c,$(BUILD)/obj/gen/%.o,$(GEN))
COMPILER_OBJ := $(call objects,$(COMPILER_SRC)) $(GEN_OBJ)
FRONT_OBJ    := $(call objects,$(FRONT_SRC)) $(GEN_OBJ)
RUNTIME_OBJ  := $(call objects,$(RUNTIME_SRC))
# The one object with entkc's main().
MAIN_OBJ     := $(call objects,$(filter %/main.c,$(COMPILER_SRC)))
# entk_program() of the reference backend reads sources that only such a program carries: no part of entkc.
TABLE_OBJ    := $(call objects,compiler/reference/program.c)

UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

PRODUCTS := $(BUILD)/entkc $(BUILD)/libentk.a $(BUILD)/libentk_reference.a $(BUILD)/libentk.libs \
	$(BUILD)/entk_abi.h

# ---- main targets --------------------------------------------------------------------------------------------------

.PHONY: all help demo check check-unit check-reject check-run check-slow bench duals asan fuzz fuzz-smoke format install clean \
	deps deps-fuzz headers unit-programs fuzz-programs FORCE
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

all: $(PRODUCTS) ## build the compiler and the runtime libraries in build/

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: BUILD=dir (build)  CC=gcc|clang  PREFIX=/usr/local  WERROR=1  PYTHON=/usr/bin/python3"

# ---- packages ------------------------------------------------------------------------------------------------------

deps: $(BUILD)/deps.stamp ## install missing Debian packages (silent when nothing is missing)
deps-fuzz: $(BUILD)/deps-fuzz.stamp

$(BUILD)/deps.stamp: scripts/deps.sh
	@PYTHON='$(PYTHON)' CC='$(CC)' LLVM_CONFIG='$(LLVM_CONFIG)' sh scripts/deps.sh base
	@mkdir -p $(@D) && touch $@

$(BUILD)/deps-fuzz.stamp: scripts/deps.sh
	@sh scripts/deps.sh fuzz
	@mkdir -p $(@D) && touch $@

# ---- compile -------------------------------------------------------------------------------------------------------

# Rebuild everything when the compiler or its flags change.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(BASE_CFLAGS) $(WARNINGS)' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

$(BUILD)/gen/entk.tab.c $(BUILD)/gen/entk.tab.h &: grammar/entk.y | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,BISON,$<)bison -Wall -d -o $(BUILD)/gen/entk.tab.c $<

$(BUILD)/gen/entk.lex.c $(BUILD)/gen/entk.lex.h &: grammar/entk.l | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,FLEX,$<)flex --header-file=$(BUILD)/gen/entk.lex.h -o $(BUILD)/gen/entk.lex.c $<

# `entkc --explain=CODE` says what the document says.
$(BUILD)/gen/codes.inc: docs/diagnostics.md scripts/diagnostics.awk
	@mkdir -p $(@D)
	$(call say,AWK,$<)awk -f scripts/diagnostics.awk $< > $@
$(BUILD)/obj/compiler/driver/codes.o: $(BUILD)/gen/codes.inc

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags $(GEN_HEADERS) | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(WARNINGS) $(GENERATED_QUIET) $(DEPFLAGS) -c $< -o $@

$(BUILD)/obj/compiler/emit/%.o: compiler/emit/%.c $(BUILD)/flags | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(LLVM_CFLAGS) $(WARNINGS) $(DEPFLAGS) -c $< -o $@

# Only the parser's wrapper sees what bison and flex declare.
$(filter $(BUILD)/obj/compiler/syntax/%,$(COMPILER_OBJ)): | $(GEN_HEADERS)

$(BUILD)/obj/compiler/%.o: compiler/%.c $(BUILD)/flags | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(WARNINGS) $(DEPFLAGS) -c $< -o $@

$(BUILD)/obj/runtime/%.o: runtime/%.c $(BUILD)/flags | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(WARNINGS) $(DEPFLAGS) -c $< -o $@

# Built beside and moved into place: a program that is being linked never meets half a library.
define archive
@rm -f $@.new
$(call say,AR,$@)$(AR) qcs $@.new $^
@mv -f $@.new $@
endef

$(BUILD)/entkc: $(filter-out $(TABLE_OBJ),$(COMPILER_OBJ)) | $(BUILD)/deps.stamp
	$(call say,LINK,$@)$(CC) $(SANITIZE) $(LDFLAGS) $^ $(LLVM_LIBS) -lm -o $@

$(BUILD)/libentk.a: $(RUNTIME_OBJ) $(call objects,$(CHECK_SRC)) $(GEN_OBJ)
	$(archive)

# What else a program of the reference backend links.
$(BUILD)/libentk_reference.a: $(filter-out $(call objects,$(CHECK_SRC)) $(GEN_OBJ),$(FRONT_OBJ))
	$(archive)

# All of the compiler but main(): what unit tests link.
$(BUILD)/tests/libentkc.a: $(filter-out $(MAIN_OBJ),$(COMPILER_OBJ))
	@mkdir -p $(@D)
	$(archive)

$(BUILD)/libentk.libs: $(BUILD)/flags Makefile | $(BUILD)/deps.stamp
	@echo '$(strip $(RUNTIME_LIBS))' > $@

# entkc looks for it beside the library, and copies it beside shared libraries.
$(BUILD)/entk_abi.h: runtime/entk_abi.h
	@mkdir -p $(@D)
	@cp $< $@

# ---- tests ---------------------------------------------------------------------------------------------------------

# Sanitized builds need no fuzzers: those carry sanitizers of their own.
check: all unit-programs $(if $(ENTK_ASAN),,fuzz-programs) ## every fast test; ends with "N passed, N failed"
	tests/check.sh $(BUILD)

check-unit: all unit-programs ## only the C unit tests
	tests/check.sh $(BUILD) unit

check-reject: all ## only the diagnostics' tests
	tests/check.sh $(BUILD) reject

check-run: all ## only the tests that compile and run programs
	tests/check.sh $(BUILD) run

check-slow: all unit-programs fuzz-programs ## the long random tests as well
	ENTK_SLOW=1 tests/check.sh $(BUILD)

# The whole suite once more, compiler, runtime and generated programs under AddressSanitizer and
# UndefinedBehaviorSanitizer, in a build folder of its own.
asan: ## the whole suite under ASan and UBSan
	$(MAKE) check BUILD=$(BUILD)/asan OPTIMIZE='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all' ENTK_ASAN=1

unit-programs: $(UNIT_BIN)

# test_cg*.c speak to the emitter's helpers, and so to LLVM.
$(BUILD)/obj/tests/unit/%.o: tests/unit/%.c $(BUILD)/flags | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(if $(findstring /test_cg,$<),$(LLVM_CFLAGS)) -Itests/unit $(WARNINGS) $(DEPFLAGS) -c $< -o $@

$(BUILD)/tests/libhelpers.a: $(call objects,$(UNIT_HELPERS))
	@mkdir -p $(@D)
	$(archive)

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/tests/libentkc.a $(BUILD)/libentk.a \
		$(if $(UNIT_HELPERS),$(BUILD)/tests/libhelpers.a)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(SANITIZE) $(LDFLAGS) $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(RUNTIME_LIBS) \
		$(LLVM_LIBS) -o $@

# Fuzzers: clang's libFuzzer with both sanitizers, one program per tests/fuzz/fuzz_*.c, objects of their own.
FUZZ_CC = $(shell sh scripts/deps.sh fuzz-compiler)
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

$(BUILD)/fuzz/obj/%.o: %.c $(BUILD)/flags | $(BUILD)/deps.stamp $(BUILD)/deps-fuzz.stamp $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)$(FUZZ_CC) $(STANDARD) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(INCLUDES) -w $(DEPFLAGS) -c $< -o $@

$(BUILD)/fuzz/obj/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags $(GEN_HEADERS) | $(BUILD)/deps-fuzz.stamp
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)$(FUZZ_CC) $(STANDARD) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(INCLUDES) -w $(DEPFLAGS) -c $< -o $@

$(BUILD)/fuzz/libfront.a: $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(FRONT_SRC)) \
		$(patsubst $(BUILD)/gen/%.c,$(BUILD)/fuzz/obj/gen/%.o,$(GEN))
	$(archive)

$(BUILD)/fuzz/libruntime.a: $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(RUNTIME_SRC))
	$(archive)

$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/libfront.a $(BUILD)/fuzz/libruntime.a
	$(call say,LINK,$@)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		-lzip -llapacke -lopenblas -lm -lpthread -o $@

fuzz-programs: $(FUZZ_BIN)

fuzz-smoke: all fuzz-programs ## 20 seconds of fuzzing over all fuzzers
	tests/check.sh $(BUILD) fuzz-smoke

fuzz: all fuzz-programs ## 10 minutes for each fuzzer
	tests/fuzz/run.sh $(BUILD) 600

# Every header compiles alone.
headers: | $(BUILD)/deps.stamp $(GEN_HEADERS) ## check that every header compiles alone
	@for header in $(HEADERS); do \
		case $$header in compiler/emit/*) llvm="$$($(LLVM_CONFIG) --cflags)";; *) llvm=;; esac; \
		$(CC) $(STANDARD) $(INCLUDES) $$llvm $(WARNINGS) -Wno-unused-macros -fsyntax-only -x c -include $$header /dev/null || exit 1; \
	done

# ---- demo, bench, housekeeping --------------------------------------------------------------------------------------

demo: all ## compile examples/histology.entk and compare a plain and two equivariant networks
	@mkdir -p $(BUILD)/demo
	$(PYTHON) examples/make_textures.py $(BUILD)/demo/patches.npz
	$(BUILD)/entkc examples/histology.entk --precision=f32 -o $(BUILD)/demo/histology
	$(BUILD)/demo/histology compare $(BUILD)/demo/patches.npz --json $(BUILD)/demo/curves.json \
		--figure $(BUILD)/demo/curves > $(BUILD)/demo/table.txt
	@cat $(BUILD)/demo/table.txt
	@echo "The table is in $(BUILD)/demo/table.txt, the numbers in $(BUILD)/demo/curves.json, the curves in $(BUILD)/demo/curves.svg, .png and .pdf."

$(BUILD)/bench/sampler.so: bench/sampler.c $(BUILD)/flags | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(BASE_CFLAGS) $(WARNINGS) -shared $< -o $@

bench: all $(BUILD)/bench/sampler.so ## time per step and per pair, beside the cost of the arithmetic
	$(PYTHON) bench/bench.py $(BUILD)

duals: $(BUILD)/tests/unit/test_cg_duals ## errors of every nonlinearity's kernel, as the table of docs/nonlinearities.md
	@$< --table

format: ## rewrite the C sources in the project's layout
	@command -v $(CLANG_FORMAT) >/dev/null || { echo 'make format needs clang-format (Debian package clang-format)' >&2; exit 1; }
	$(CLANG_FORMAT) -i $(HAND_WRITTEN)

install: all ## install into PREFIX (DESTDIR is respected)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/entk $(DESTDIR)$(PREFIX)/include/entk \
		$(DESTDIR)$(PREFIX)/share/doc/entk/examples
	install -m 755 $(BUILD)/entkc $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libentk.a $(BUILD)/libentk_reference.a $(BUILD)/libentk.libs $(DESTDIR)$(PREFIX)/lib/entk/
	install -m 644 $(wildcard runtime/entk_*.h) $(DESTDIR)$(PREFIX)/include/entk/
	install -m 644 README.md LICENSE $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/entk/
	install -m 644 $(wildcard examples/*.entk) $(DESTDIR)$(PREFIX)/share/doc/entk/examples/

clean: ## remove build/
	rm -rf $(BUILD)

-include $(COMPILER_OBJ:.o=.d) $(RUNTIME_OBJ:.o=.d) $(patsubst tests/unit/%.c,$(BUILD)/obj/tests/unit/%.d,$(UNIT_SRC) $(UNIT_HELPERS)) \
	$(shell find $(BUILD)/fuzz -name '*.d' 2>/dev/null)
