# Gapferry.  make, make deps, make demo, make test, make check, make bench, make static, make install.
# Rooms and who may include whom: DESIGN.md section 4, held by tests/structure.sh.

VERSION  := 1.0.0
PREFIX   ?= /usr/local
B        ?= build
CC       ?= cc
CFLAGS   ?= -O2 -g
PKGS     := libcurl libarchive libcrypto libsodium libisal libzstd zlib jansson yaml-0.1

ROOMS    := base bundles sign verify remote pack unpack cli
LINKED   := cli unpack pack remote verify sign bundles base

WARN     := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wwrite-strings -Wundef
HARDEN   := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
LDHARD   := -pie -Wl,-z,relro,-z,now,-z,noexecstack
DEFS     := -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -DGF_VERSION='"$(VERSION)"'
ALL_CFLAGS = $(WARN) $(WERROR) $(HARDEN) $(CFLAGS) $(CPPFLAGS) $(DEFS) -I. $(shell pkg-config --cflags $(PKGS)) -pthread
ALL_LIBS   = $(LDFLAGS) $(LDHARD) $(shell pkg-config --libs $(PKGS)) -pthread

SRC      := $(foreach r,$(ROOMS),$(wildcard $(r)/*.c))
OBJ      := $(SRC:%.c=$(B)/%.o)
LIBS     := $(LINKED:%=$(B)/%.a)

all: $(B)/gapferry

$(B)/gapferry: $(LIBS)
	$(CC) $(CFLAGS) -o $@ $(B)/cli/main.o $(LIBS) $(ALL_LIBS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define room_archive
$(B)/$(1).a: $$(patsubst %.c,$(B)/%.o,$$(wildcard $(1)/*.c))
	@rm -f $$@
	ar rcsD $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_archive,$(r))))

# Unit tests: tests/unit/ROOM/test_NOUN.c sees its room and the rooms below it.
SEES_base    := base
SEES_bundles := bundles base
SEES_sign    := sign base
SEES_verify  := verify sign bundles base
SEES_remote  := remote base
SEES_pack    := pack verify sign bundles remote base
SEES_unpack  := unpack verify sign bundles remote base
SEES_cli     := cli unpack pack remote verify sign bundles base

UNITS    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
units: $(UNITS)

define room_units
$(patsubst %.c,$(B)/%,$(wildcard tests/unit/$(1)/test_*.c)): $(B)/%: %.c $(SEES_$(1):%=$(B)/%.a)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -MMD -MP -o $$@ $$< $(SEES_$(1):%=$(B)/%.a) $$(ALL_LIBS) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call room_units,$(r))))

clean:
	rm -rf $(B)

-include $(OBJ:.o=.d)
.PHONY: all units clean
