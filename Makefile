# Gapferry.
#   make              the program: build/gapferry          make static    one that needs no library of the host
#   make deps         install what building needs          make install   PREFIX (/usr/local), DESTDIR
#   make demo         carry one real image, step by step   make bench     against the peers, on real images
#   make test         every test, with a sum at the end    make fuzz      FUZZ_SECONDS=60 each target
#   make afl          the program under AFL++, FUZZ_SECONDS=60 each way
#   make mutate      flips conditions in the code that decides: each must be noticed
#   make coverage    lines and branches that the tests reach, by room and file; too few are an error
#   make test-engines against the Docker and podman of Debian 11 and 13, debootstrapped
#   make check        format, warnings, linters, sanitizers over all tests
# Nothing but make, a shell and root (for apt-get) need be there for make demo and make test.
# Rooms and who may include whom: DESIGN.md section 4, held by tests/structure.sh.

VERSION  := 1.0.0
PREFIX   ?= /usr/local
B        ?= build
CC       ?= cc
CFLAGS   ?= -O2 -g
PKGS     := libcurl libarchive libcrypto libsodium libisal libzstd liblzma zlib jansson yaml-0.1 libqrencode

ROOMS    := base bundles sign verify remote pack unpack cli
LINKED   := cli unpack pack remote verify sign bundles base

TRIPLET  := $(shell $(CC) -dumpmachine 2>/dev/null)
# Of the flags $(2), those that the compiler $(1) knows: it quotes each that it does not; the driver first, so twice.
unquoted  = $(filter-out $(shell LC_ALL=C $(1) -Werror $(2) -S -o /dev/null -x c /dev/null 2>&1 | \
	    sed -n "s/^[^']*'\(-[^']*\)'.*/\1/p"),$(2))
known     = $(call unquoted,$(1),$(call unquoted,$(1),$(2)))

WARN     := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wwrite-strings -Wundef -Wimplicit-fallthrough -Werror=format-security -Werror=implicit \
            -Werror=incompatible-pointer-types -Werror=int-conversion
# The OpenSSF's guide (best.openssf.org, Compiler Options Hardening Guide for C and C++), less what is for C++, for
# shared libraries (ld drops nodlopen from programs), and for threads that are cancelled.  Held by tests/checksec.sh.
GUIDE    := -fPIE -fstack-protector-strong -fstack-clash-protection -fstrict-flex-arrays=3 -fno-strict-aliasing \
            -fno-strict-overflow -fno-delete-null-pointer-checks -ftrivial-auto-var-init=zero \
            -fzero-init-padding-bits=all -Wtrampolines -Wbidi-chars=any \
            $(if $(filter x86_64%,$(TRIPLET)),-fcf-protection=full) \
            $(if $(filter aarch64%,$(TRIPLET)),-mbranch-protection=standard)
FORTIFY  := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
HARDEN   := $(call known,$(CC),$(GUIDE)) $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),$(FORTIFY))
LDHARD   := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
DEFS     := -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -DGF_VERSION='"$(VERSION)"'
ALL_CFLAGS = $(WARN) $(WERROR) $(HARDEN) $(CFLAGS) $(CPPFLAGS) $(DEFS) -I. $(shell pkg-config --cflags $(PKGS)) -pthread
ALL_LIBS   = $(FAULTS_L) $(LDFLAGS) $(LDHARD) $(shell pkg-config --libs $(PKGS)) -lbz2 -pthread

SRC      := $(foreach r,$(ROOMS),$(wildcard $(r)/*.c))
OBJ      := $(SRC:%.c=$(B)/%.o)
LIBS     := $(LINKED:%=$(B)/%.a)

# With FAULTS the n-th call of a kind can be made to fail (tests/failing.c): the linker puts that file between us and libraries.
CALLS    := read pread64 write pwrite64 fsync mkdirat mkdir mkdtemp fchmod rename renameat renameat2 linkat unlinkat \
            fstat64 stat64 lstat64 fstatat64 ftruncate64 fallocate64 fdopendir readdir64 flock pipe2 socketpair fork \
            waitpid getrandom malloc calloc realloc sodium_malloc inflateInit2_ inflate BZ2_bzDecompressInit \
            BZ2_bzDecompress lzma_stream_decoder lzma_code ZSTD_createCCtx ZSTD_createDCtx ZSTD_CCtx_setParameter \
            ZSTD_DCtx_setParameter ZSTD_decompressStream yaml_parser_initialize yaml_parser_parse archive_read_new \
            archive_read_support_format_tar archive_read_support_format_empty crypto_pwhash_scryptsalsa208sha256 \
            crypto_pwhash_scryptsalsa208sha256_ll isal_deflate isal_deflate_set_dict ZSTD_compress2 pthread_create \
            EVP_MD_CTX_new EVP_DigestInit_ex EVP_DigestUpdate EVP_DigestFinal_ex EVP_DigestSignInit EVP_DigestSign \
            EVP_DigestVerifyInit BIO_new BIO_new_mem_buf d2i_PUBKEY i2d_PUBKEY i2d_PublicKey i2d_X509_PUBKEY d2i_X509 \
            d2i_PKCS8_PRIV_KEY_INFO EVP_PKEY2PKCS8 EVP_PKCS82PKEY OPENSSL_sk_new_null OPENSSL_sk_push \
            crypto_generichash crypto_sign_detached sodium_init curl_easy_init curl_multi_init curl_multi_add_handle \
            curl_multi_perform curl_multi_poll curl_slist_append curl_url curl_url_set open64 openat64
ifdef FAULTS
FAULTS_O := $(B)/tests/failing.o
FAULTS_L := $(FAULTS_O) $(CALLS:%=-Wl,--wrap=%)
CPPFLAGS += -DGF_TEST_FAULTS
endif

all: $(B)/gapferry

$(B)/gapferry: $(LIBS) $(FAULTS_O)
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
$(patsubst %.c,$(B)/%,$(wildcard tests/unit/$(1)/test_*.c)): $(B)/%: %.c $(SEES_$(1):%=$(B)/%.a) $(FAULTS_O)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -MMD -MP -o $$@ $$< $(SEES_$(1):%=$(B)/%.a) $$(ALL_LIBS) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call room_units,$(r))))

# ---- running things ----

deps:
	tests/deps.sh build

demo:
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory -s all
	@tests/demo.sh $(B)/gapferry

test:
	@tests/deps.sh test
	@B=$(B) tests/run.sh

# What takes longer than a commit should wait: 4 GB of memory test, every fault point, every byte flipped.
test-long:
	@tests/deps.sh test
	@B=$(B) GF_LONG=1 tests/run.sh

# Engines that Debian 12 does not have, in trees that debootstrap makes once (tests/lib/tree.sh): root and the network.
test-engines: all
	@tests/deps.sh test
	@tests/lib/tree.sh make bullseye
	@tests/lib/tree.sh make trixie
	@GF_TREES=$${GF_TREES:-$$HOME/.cache/gapferry-trees} GAPFERRY=$(abspath $(B))/gapferry bats --tap --timing tests/engines

# Each condition of the files that decide, flipped: does a test notice?  (make test-long has it too.)  Minutes; all three
# rooms, MUTATE='verify/*.c bundles/*.c sign/*.c', have 4000 conditions and take two cores about an hour the first time;
# which test killed a mutant is kept in the build directory, and asked first the next time.
MUTATE ?= verify/accept.c verify/freshness.c verify/gates.c verify/kept.c verify/companion.c verify/signers.c
mutate: all units
	@tests/deps.sh test
	@tests/mutate.py $(B) $(MUTATE)

check-docs: all
	tests/docs.sh

check:
	@tests/deps.sh test
	@B=$(B) tests/check.sh

# What is shipped is what is measured: the static program.  The other one spends 8 ms in the libraries of libcurl.
bench: static
	@tests/deps.sh test
	@GAPFERRY=$(S)/gapferry tests/bench/run.sh $(B)

install: $(B)/gapferry
	install -D -m 755 $(B)/gapferry $(DESTDIR)$(PREFIX)/bin/gapferry
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(B)/gapferry help --man > $(DESTDIR)$(PREFIX)/share/man/man1/gapferry.1

# ---- fuzzing: tests/fuzz/fuzz_NAME.c, one a parser; its corpus is tests/fuzz/corpus/NAME/ ----

FUZZ_SECONDS ?= 60
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_B   := $(B)/fuzz

# Instrumented: our own code alone.  The main of libFuzzer is in the link only.
fuzz:
	@tests/deps.sh test
	@$(MAKE) --no-print-directory -s fuzz-build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZ_B) $(FUZZERS)
fuzz-build:
	$(MAKE) B=$(FUZZ_B) CC=clang-14 CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
		-fprofile-instr-generate -fcoverage-mapping" CPPFLAGS=-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION \
		HARDEN=-fPIE FUZZ_MAIN=-fsanitize=fuzzer $(foreach f,fuzz planted,$(FUZZERS:%=$(FUZZ_B)/tests/fuzz/$(f)_%))
replay: $(FUZZERS:%=$(B)/tests/fuzz/fuzz_%)

FUZZ_MAIN ?= tests/fuzz/replay.c
FUZZ_LIBS := $(filter-out $(B)/cli.a,$(LIBS))
FUZZ_DEPS := $(wildcard tests/fuzz/*.h) tests/fuzz/replay.c $(FUZZ_LIBS) $(FAULTS_O)
$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_DEPS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(FUZZ_MAIN) $(FUZZ_LIBS) $(ALL_LIBS)
$(B)/tests/fuzz/planted_%: tests/fuzz/fuzz_%.c $(FUZZ_DEPS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DGF_PLANTED_BUG -o $@ $< $(FUZZ_MAIN) $(FUZZ_LIBS) $(ALL_LIBS)

# The whole program under AFL++ (Debian: afl++; nothing else here needs it): one build that is fast, one with sanitizers,
# and a way to change inputs, whose own edges are not to be counted.
afl: all $(B)/afl/mutate.so
	@$(MAKE) --no-print-directory -s B=$(B)/afl/fast CC=afl-clang-fast HARDEN=-fPIE afl-program
	@$(MAKE) --no-print-directory -s B=$(B)/afl/asan CC=afl-clang-fast HARDEN=-fPIE LDFLAGS=-fsanitize=address,undefined \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" afl-program
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/afl.sh $(B)
afl-program: $(B)/tests/fuzz/afl
$(B)/tests/fuzz/afl: tests/fuzz/afl.c $(FUZZ_DEPS) $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wl,--wrap=gf_contain_self -o $@ $< $(LIBS) $(ALL_LIBS)
$(B)/afl/mutate.so: tests/fuzz/afl_mutate.c $(FUZZ_DEPS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -o $@ $< $(wildcard base/*.c) \
		$(filter-out -pie,$(ALL_LIBS))

# All tests again with ASan and UBSan, and with calls that fail.
sanitized:
	$(MAKE) B=$(B)/asan HARDEN=-fPIE FAULTS=1 LDFLAGS=-fsanitize=address,undefined \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" \
		all units drivers replay

# What runs in threads again with ThreadSanitizer (tests/threads.sh).
threaded:
	$(MAKE) B=$(B)/tsan HARDEN=-fPIE LDFLAGS=-fsanitize=thread \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread" all units

# All tests again with counters in the code (tests/coverage.sh).  The counters are in files that are mapped shared at
# the start (%c), one for each program (%m): what a contained, a forked or a killed process reaches counts, and its walls
# stay as they are.  Atomic, for some counts are differences of two.
COV_B    := $(B)/coverage
coverage:
	@tests/deps.sh test
	@$(MAKE) --no-print-directory -s -j2 covered
	@B=$(COV_B) tests/coverage.sh
covered:
	@mkdir -p $(COV_B)/profiles && chmod 1777 $(COV_B)/profiles
	$(MAKE) B=$(COV_B) CC=clang-14 HARDEN=-fPIE FAULTS=1 CFLAGS="-O1 -g -fno-omit-frame-pointer \
		-fprofile-instr-generate=$(abspath $(COV_B))/profiles/%m%c.profraw -fprofile-update=atomic -fcoverage-mapping \
		-mllvm -runtime-counter-relocation -Wno-unused-command-line-argument" all units drivers replay

# ---- drivers of tests that need the libraries ----

$(B)/tests/hostile/%: tests/hostile/%.c $(filter-out $(B)/cli.a,$(LIBS)) $(FAULTS_O)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(filter-out $(B)/cli.a,$(LIBS)) $(ALL_LIBS)

drivers: $(patsubst %.c,$(B)/%,$(wildcard tests/hostile/*.c))

include packaging/static/static.mk

clean:
	rm -rf $(B)

-include $(OBJ:.o=.d) $(UNITS:=.d)
.PHONY: all units clean deps demo test test-long test-engines mutate check-docs check bench install fuzz fuzz-build replay afl afl-program drivers sanitized threaded coverage covered
