# atomicstatsd: GNU make, no generator, no configure step. `make help` lists the targets.
#
# Knobs: CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR, V=1 as everywhere; MODE=release|asan|tsan|fuzz picks
# a build directory of its own; WERROR=1 turns warnings into errors (`make test` and CI do).

VERSION     := 0.1.0
CFLAGS      ?= -O2 -g
PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
LIBDIR      ?= $(PREFIX)/lib
INCLUDEDIR  ?= $(PREFIX)/include
MANDIR      ?= $(PREFIX)/share/man
# Where bash-completion looks below each prefix.
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
SYSCONFDIR  ?= /etc
DOCDIR      ?= $(PREFIX)/share/doc/atomicstatsd
# By pkg-config where systemd is there, else where it would be.
SYSTEMDUNITDIR ?= $(or $(shell pkg-config --variable=systemdsystemunitdir systemd 2>/dev/null),/lib/systemd/system)
# Where the daemon's shared libraries lie: in the unit's sandbox nothing but them and it is executable.
LIBRARY_DIRS ?= $(shell ldd $(B)/atomicstatsd | grep -o '/[^ ]*' | xargs -r realpath | xargs -r dirname | sort -u)
PYTHON      ?= /usr/bin/python3
MODE        ?= release
Q           := $(if $(V),,@)
say          = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

# ---- where things go ----------------------------------------------------------------------------
$(if $(filter $(MODE),release asan tsan fuzz),,$(error MODE=$(MODE) is none of release, asan, tsan, fuzz))
B       := $(if $(filter release,$(MODE)),build,build/$(MODE))
OBJ     := $(B)/obj
DAEMON_C := $(filter-out daemon/main.c daemon/atomicstats/% daemon/cli/%,$(sort $(wildcard daemon/*/*.c)))
DAEMON_O := $(DAEMON_C:%.c=$(OBJ)/%.o)
CLI_C    := $(filter-out daemon/cli/main.c,$(sort $(wildcard daemon/cli/*.c)))
CLI_O    := $(CLI_C:%.c=$(OBJ)/%.o)
UNIT     := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/test_*.c)))
STRESS   := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/stress/stress_*.c)))
FUZZERS  := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SHIM     := $(B)/tests/faults/shim.so
BENCHES  := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/bench/*.c)))
MAN      := $(sort $(wildcard daemon/man/*))
UNITS    := $(notdir $(sort $(wildcard systemd/*.service systemd/*.socket)))

# ---- flags --------------------------------------------------------------------------------------
# Recursive (=): pkg-config is asked in the recipes, after `make deps` may have installed it.
PACKAGES  = libuv libmicrohttpd libcjson libxxhash
PKG_FLAGS = $(shell pkg-config --cflags $(PACKAGES) libcurl)
PKG_LIBS  = $(shell pkg-config --libs $(PACKAGES))
CLI_LIBS  = $(shell pkg-config --libs libcurl libcjson)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion \
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wundef \
            -Wformat=2 -Wvla -Wcast-qual -Wcast-align -Wpointer-arith -Wimplicit-fallthrough \
            $(if $(WERROR),-Werror)
MODE_release := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2) \
                -fstack-protector-strong
MODE_asan    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_tsan    := -fsanitize=thread
MODE_fuzz    := -fsanitize=fuzzer-no-link -fsanitize=address,undefined -fno-sanitize-recover=all
# -Wtsan: gcc says that it does not model fences. Ours order atomics only, so nothing is hidden by it.
ifeq ($(MODE),tsan)
WARN += $(if $(findstring clang,$(CC)),,-Wno-tsan)
endif
OUR_CPP     = -Iinclude -Idaemon -D_GNU_SOURCE -DATOMICSTATSD_VERSION='"$(VERSION)"' $(PKG_FLAGS) -MMD -MP
OUR_CFLAGS  = $(WARN) $(MODE_$(MODE)) -fPIE -pthread
OUR_LDFLAGS = $(filter -fsanitize=%,$(filter-out -fsanitize=fuzzer%,$(MODE_$(MODE)))) -pie -pthread \
              -Wl,-z,relro,-z,now -Wl,--as-needed
inputs      = $(filter %.o %.a,$^)
compile     = $(CC) -std=gnu11 $(OUR_CPP) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
link        = $(CC) $(OUR_LDFLAGS) $(CFLAGS) $(LDFLAGS)
# The library is plain C11 and knows none of the daemon's packages.
compile_lib = $(CC) -std=c11 -Iinclude -MMD -MP $(WARN) $(filter-out -fPIE,$(MODE_$(MODE))) -fPIC \
              -fvisibility=hidden -pthread $(CPPFLAGS) $(CFLAGS)
link_lib    = $(CC) -shared -Wl,-soname,libatomicstats.so.0 -Wl,-z,nodelete \
              $(filter-out -pie,$(OUR_LDFLAGS)) $(CFLAGS) $(LDFLAGS)

# It stands in for the C library's functions, in whatever program: no sanitizer, no inlined copies.
compile_shim = $(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -fPIC -shared -pthread $(CPPFLAGS) $(CFLAGS) -U_FORTIFY_SOURCE

# ---- build --------------------------------------------------------------------------------------
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all lib daemon cli unit stress fuzzers benches shim FORCE run test bench lint fuzz model deps deps-build \
        deps-bench deps-test deps-model install uninstall clean help

all: daemon cli lib
daemon: $(B)/atomicstatsd
cli: $(B)/atomicstats
lib: $(B)/libatomicstats.so $(B)/libatomicstats.a
unit: $(UNIT)
stress: $(STRESS)
fuzzers: $(FUZZERS)
benches: $(BENCHES)
shim: $(SHIM)

# VARIABLE.stamp holds what the variable says, and is written only when that has changed: other flags,
# or a source that has gone, make again what they concern.
$(patsubst %,$(OBJ)/%.stamp,compile compile_lib compile_shim link link_lib DAEMON_O CLI_O): $(OBJ)/%.stamp: FORCE
	@$(need_clang)$(shell mkdir -p $(@D))$(file >$@.new,$($*))
	@{ $(if $(AS_MADE),test -e $@ ||) cmp -s $@.new $@ || mv $@.new $@; } && rm -f $@.new
need_clang = $(if $(filter fuzz,$(MODE)),$(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),,\
             $(error MODE=fuzz needs clang, and CC=$(CC) is not: make MODE=fuzz CC=clang)))

# `make CFLAGS=-O3 && sudo make install` installs what was made, and makes the rest in the same way.
FLAGS_GIVEN := $(filter command environment,$(foreach v,CC CFLAGS CPPFLAGS LDFLAGS WERROR,$(origin $v)))
AS_MADE     := $(if $(filter-out install,$(MAKECMDGOALS))$(FLAGS_GIVEN),,$(MAKECMDGOALS))
# (strip: make 4.3 sometimes leaves the line break at the file's end.)
command      = $(or $(if $(AS_MADE),$(strip $(file <$(OBJ)/$1.stamp))),$($1))

$(OBJ)/%.o: %.c $(OBJ)/compile.stamp
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,compile) -c -o $@ $<

# The page's files go into the program; the compiler's own list of dependencies does not know them.
$(OBJ)/daemon/http/web_files.o: $(wildcard daemon/http/web/*)

$(OBJ)/daemon/atomicstats/%.o: daemon/atomicstats/%.c $(OBJ)/compile_lib.stamp
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,compile_lib) -c -o $@ $<

$(B)/libatomicstats.a: $(OBJ)/daemon/atomicstats/atomicstats.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/libatomicstats.so: $(OBJ)/daemon/atomicstats/atomicstats.o $(OBJ)/link_lib.stamp
	$(call say,LD,$@)
	$(Q)$(call command,link_lib) -o $@ $(inputs) -lm

$(B)/libdaemon.a: $(DAEMON_O) $(OBJ)/DAEMON_O.stamp
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(inputs)

$(B)/atomicstatsd: $(OBJ)/daemon/main.o $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)$(call command,link) -o $@ $(inputs) $(PKG_LIBS) -lm

$(B)/libcli.a: $(CLI_O) $(OBJ)/CLI_O.stamp
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(inputs)

# Of the daemon's floors it takes base alone; the linker leaves the others in the archive.
$(B)/atomicstats: $(OBJ)/daemon/cli/main.o $(B)/libcli.a $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)$(call command,link) -o $@ $(inputs) $(CLI_LIBS) -lm

$(B)/tests/unit/test_cli_%: $(OBJ)/tests/unit/test_cli_%.o $(B)/libcli.a $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,link) -o $@ $(inputs) $(CLI_LIBS) -lcmocka -lm

$(B)/tests/unit/%: $(OBJ)/tests/unit/%.o $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,link) -o $@ $(inputs) $(PKG_LIBS) -lcmocka -lm

$(B)/tests/stress/%: $(OBJ)/tests/stress/%.o $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,link) -o $@ $(inputs) $(PKG_LIBS) -lm

$(B)/tests/bench/%: $(OBJ)/tests/bench/%.o $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,link) -o $@ $(inputs) $(PKG_LIBS) -lm

$(SHIM): tests/faults/shim.c tests/faults/fault.c tests/faults/fault.h $(OBJ)/compile_shim.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile_shim) -o $@ $(filter %.c,$^)

$(B)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(B)/libdaemon.a $(OBJ)/link.stamp
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call command,link) -fsanitize=fuzzer -o $@ $(inputs) $(PKG_LIBS) -lm

# ---- what people and CI call -------------------------------------------------------------------
run: deps-build
	$(Q)$(MAKE) --no-print-directory daemon
	$(Q)exec $(B)/atomicstatsd -c config/atomicstatsd.json

test: deps-test
	$(Q)$(PYTHON) tests/run.py

bench: deps-bench
	$(Q)$(MAKE) --no-print-directory daemon benches
	$(Q)ATOMICSTATSD=$(B)/atomicstatsd $(PYTHON) tests/bench/bench.py $(BENCH_ARGS)

fuzz: deps-test
	$(Q)$(PYTHON) tests/fuzz/run.py $(FUZZ_ARGS)

model: deps-model
	$(Q)$(PYTHON) tests/model/run.py $(MODEL_ARGS)

lint: deps-test
	$(Q)$(PYTHON) tests/house/lint.py

install: all
	$(Q)install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/atomicstats \
	    $(DESTDIR)$(SYSCONFDIR)/atomicstatsd $(DESTDIR)$(SYSTEMDUNITDIR) \
	    $(DESTDIR)$(DOCDIR)/prometheus
	$(Q)install -m 755 $(B)/atomicstatsd $(B)/atomicstats $(DESTDIR)$(BINDIR)/
	$(Q)for page in $(MAN); do \
	    install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(Q)install -D -m 644 daemon/cli/completion.bash $(DESTDIR)$(COMPLETIONDIR)/atomicstats
	$(Q)ln -sf atomicstats $(DESTDIR)$(COMPLETIONDIR)/atomicstatsd
	$(Q)install -m 644 $(B)/libatomicstats.a $(DESTDIR)$(LIBDIR)/
	$(Q)install -m 755 $(B)/libatomicstats.so $(DESTDIR)$(LIBDIR)/libatomicstats.so.0
	$(Q)ln -sf libatomicstats.so.0 $(DESTDIR)$(LIBDIR)/libatomicstats.so
	$(Q)install -m 644 include/atomicstats/*.h $(DESTDIR)$(INCLUDEDIR)/atomicstats/
	$(Q)printf '%s\n' 'Name: atomicstats' 'Description: Lock-free statistics for any number of threads' \
	    'Version: $(VERSION)' 'Cflags: -I$(INCLUDEDIR)' 'Libs: -L$(LIBDIR) -latomicstats -lm -pthread' \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/atomicstats.pc
	$(Q)for unit in $(UNITS); do \
	    sed 's|@BINDIR@|$(BINDIR)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|; s|@LIBRARY_DIRS@|$(LIBRARY_DIRS)|' systemd/$$unit \
	        > $(DESTDIR)$(SYSTEMDUNITDIR)/$$unit || exit 1; \
	done
	$(Q)install -m 644 config/prometheus/* $(DESTDIR)$(DOCDIR)/prometheus/
	@# The administrator's file is never overwritten: a newer sample goes beside it.
	$(Q)c=$(DESTDIR)$(SYSCONFDIR)/atomicstatsd/atomicstatsd.json; \
	    install -m 644 config/atomicstatsd.json $$c$$(test -e $$c && echo .new || :)

uninstall:
	$(Q)rm -f $(DESTDIR)$(BINDIR)/atomicstatsd $(DESTDIR)$(BINDIR)/atomicstats $(DESTDIR)$(LIBDIR)/libatomicstats.* \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/atomicstats.pc $(UNITS:%=$(DESTDIR)$(SYSTEMDUNITDIR)/%) \
	    $(DESTDIR)$(SYSCONFDIR)/atomicstatsd/atomicstatsd.json.new
	$(Q)rm -rf $(DESTDIR)$(INCLUDEDIR)/atomicstats $(DESTDIR)$(DOCDIR)
	$(Q)rm -f $(foreach p,$(notdir $(MAN)),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $p))/$p) \
	    $(DESTDIR)$(COMPLETIONDIR)/atomicstats $(DESTDIR)$(COMPLETIONDIR)/atomicstatsd
	@echo 'kept: $(DESTDIR)$(SYSCONFDIR)/atomicstatsd/atomicstatsd.json'

clean:
	$(Q)rm -rf build tests/clients/node_modules tests/page/node_modules

help:
	@echo 'make            build build/atomicstatsd, build/atomicstats and build/libatomicstats.{so,a}'
	@echo 'make run        install what is missing, build, start on the default configuration'
	@echo 'make test       install what is missing, build, run every test'
	@echo 'make bench      measure; ratios taken side by side in one run; BENCH_ARGS=--quick: in 80 s'
	@echo 'make lint       clang-format, clang-tidy, cppcheck, shellcheck, gcc and clang with -Werror'
	@echo 'make fuzz       the fuzzers, and garbage for the whole daemon; FUZZ_ARGS="--seconds 600" for longer'
	@echo 'make model      spin tries all runs of the models in tests/model; MODEL_ARGS="-k cell" for some'
	@echo 'make deps       only install what is missing (Debian packages)'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) SYSCONFDIR=$(SYSCONFDIR)'
	@echo 'make uninstall clean help'
	@echo 'knobs: CC CFLAGS LDFLAGS V=1 WERROR=1 MODE=release|asan|tsan|fuzz (fuzz with CC=clang)'
	@echo '       SYSTEMDUNITDIR=$(SYSTEMDUNITDIR)'

# ---- what is missing ----------------------------------------------------------------------------
BUILD_DEPS := gcc libc6-dev pkg-config libuv1-dev libmicrohttpd-dev libcjson-dev libxxhash-dev libcurl4-openssl-dev
TEST_DEPS  := $(BUILD_DEPS) libcmocka-dev clang llvm libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck \
              python3 curl jq netcat-openbsd systemd procps locales tmux mandoc bash-completion python3-statsd libnet-statsd-perl ruby ruby-statsd ca-certificates chromium
# A node that is already there, from wherever, serves as well as Debian's; it may have brought its headers, too.
TEST_DEPS  += $(if $(shell command -v npm 2>/dev/null),,nodejs npm libnode-dev g++)

# Servers that the fleet's tests start themselves: unpacked into build/, as an installed one would run from
# then on. Whoever has them installed needs neither.
UNPACKED   := prometheus victoria-metrics

# $(1): packages. Asks dpkg first, so that a machine that has them all needs no network and no root.
define install_missing
	$(Q)missing=; for p in $(1); do \
	    dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then \
	    command -v apt-get >/dev/null || { echo "please install the equivalents of:$$missing" >&2; exit 1; }; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    echo "installing:$$missing"; \
	    $$sudo apt-get update -qq && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing </dev/null; \
	fi
endef

# $(1): packages that are needed as programs only: without root, but for the package lists.
define unpack_missing
	$(Q)for p in $(1); do \
	    if command -v $$p >/dev/null || [ -e build/debian/$$p ]; then continue; fi; \
	    command -v apt-get >/dev/null || exit 1; \
	    echo "unpacking: $$p"; \
	    mkdir -p build/debian && cd build/debian || exit 1; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    apt-get -o APT::Sandbox::User=root download -qq $$p || { $$sudo apt-get update -qq && apt-get -o APT::Sandbox::User=root download -qq $$p; } || exit 1; \
	    dpkg-deb -x $${p}_*.deb . && rm $${p}_*.deb && touch $$p && cd ../.. || exit 1; \
	done
endef

deps: deps-test
deps-build:
	$(call install_missing,$(BUILD_DEPS))
deps-bench:
	$(call install_missing,$(BUILD_DEPS) python3)
deps-test:
	$(call install_missing,$(TEST_DEPS))
	@# Where spin cannot be had, the models are skipped.
	-$(call install_missing,spin)
	@# Where these cannot be had, the fleet's tests are skipped.
	-$(call unpack_missing,$(UNPACKED))
deps-model:
	$(call install_missing,gcc libc6-dev python3 spin)

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
