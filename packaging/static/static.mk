# make static: one executable, static-pie, that needs no file of the host (facts and measurements: the static build of
# Debian's -dev archives; curl, isa-l and libqrencode from Debian's sources).  Traps that stay shut here and in cli/main.c:
#   NSS        no module of the host is loaded: names come from files and DNS
#   OpenSSL    the host's openssl.cnf is not read: it may load modules that bring another libc
#   locale     setlocale is never called: iconv would load modules
#   libc       -B, or gcc takes the host's libc.a and start files before the sysroot's
ARCH    := $(shell dpkg --print-architecture 2>/dev/null)
S       := $(B)/static-$(ARCH)
HERE    := packaging/static
SYSLIB  := $(S)/sysroot/usr/lib/$(TRIPLET)

# Asked when it is first used.
SHARDEN  = $(eval SHARDEN := $$(call known,gcc,$$(GUIDE)) $$(FORTIFY))$(SHARDEN)
SCC     := gcc --sysroot=$(S)/sysroot -B$(SYSLIB)/
SCFLAGS  = -O2 -g -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. $(SHARDEN)
SLDFLAGS := -static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack,-z,text -Wl,--build-id=sha1
ifeq ($(ARCH),amd64)
SLDFLAGS += -Wl,-z,pack-relative-relocs
endif
SINCLUDE := -I. -isystem $(S)/curl/include -isystem $(S)/qrencode -isystem $(S)/include
SLIBS   := $(S)/libcurl.a -larchive $(S)/libisal.a -lzstd -llzma -lbz2 -lssl -lcrypto -lsodium -lz -ljansson -lyaml $(S)/libqrencode.a

SOBJ    := $(SRC:%.c=$(S)/%.o)

static: $(S)/gapferry
	sh $(HERE)/check.sh $<

$(S)/fetched: $(HERE)/fetch.sh $(HERE)/apt.sh $(HERE)/packages
	sh $(HERE)/fetch.sh $(S)
	touch $@
$(S)/libcurl.a: $(S)/fetched $(HERE)/curl_config.h $(HERE)/curl.mk
	$(MAKE) -f $(HERE)/curl.mk HERE=$(HERE) CURL=$(S)/curl OUT=$(S)/curl-obj LIB=$@ CC="$(SCC)" CFLAGS="$(SCFLAGS)" AR=ar
# isa-l takes CFLAGS from its own rules; its assembler code needs nasm.  as_feature_level is said, not probed: without
# AVX-512 the compressed bytes would not be those of the shared library.  The probe is there all the same, and nasm
# removes the output of a failed run, which root must not let be /dev/null.
$(S)/libisal.a: $(S)/fetched
	sed -i 's|$${tmpf} -o /dev/null|$${tmpf} -o $${tmpf}.o|' $(S)/isal/make.inc
	+CFLAGS= $(MAKE) -C $(S)/isal -f Makefile.unx CC="gcc -fPIE -ffunction-sections" AS=nasm as_feature_level=10 \
		D_HAVE_AS_KNOWS_AVX512_y=-DHAVE_AS_KNOWS_AVX512 lib isa-l.h >$(S)/isal.log 2>&1 || \
		{ tail -n 20 $(S)/isal.log >&2; false; }
	mkdir -p $(S)/include/isa-l
	cp $(S)/isal/include/*.h $(S)/isal/isa-l.h $(S)/include/isa-l/
	cp $(S)/isal/isa-l.h $(S)/include/
	cp $(S)/isal/bin/isa-l.a $@
# libqrencode without its program, its threads and its configure, which would find nothing else to say.
$(S)/libqrencode.a: $(S)/fetched
	mkdir -p $(S)/qrencode-obj
	for f in $$(cd $(S)/qrencode && ls *.c | grep -v '^qrenc\.c$$'); do \
		$(SCC) $(SCFLAGS) -DSTATIC_IN_RELEASE=static -DMAJOR_VERSION=4 -DMINOR_VERSION=1 -DMICRO_VERSION=1 \
			-DVERSION='"4.1.1"' -w -c -o $(S)/qrencode-obj/$${f%.c}.o $(S)/qrencode/$$f || exit 1; \
	done
	rm -f $@
	ar rcsD $@ $(S)/qrencode-obj/*.o
$(S)/%.o: %.c Makefile $(HERE)/static.mk $(S)/fetched $(S)/libisal.a
	@mkdir -p $(@D)
	$(SCC) $(WARN) $(SCFLAGS) $(DEFS) -DSTATIC_BUILD -DCURL_STATICLIB $(SINCLUDE) -pthread -MMD -MP -c -o $@ $<

# The linker's warnings about dlopen and gethostbyname come from libcrypto.a, which never gets there; the one about
# getaddrinfo is trap NSS.
$(S)/gapferry: $(SOBJ) $(S)/libcurl.a $(S)/libisal.a $(S)/libqrencode.a
	$(SCC) $(SCFLAGS) -o $@.debug $(SOBJ) $(SLDFLAGS) $(SLIBS) -pthread
	strip -o $@ $@.debug

-include $(SOBJ:.o=.d)
.PHONY: static
