#define _GNU_SOURCE /* madvise */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/secret.h"

#define PASSPHRASE_MAX 4096
#define KEYS_SIZE ((size_t)256 * 1024) /* a private RSA key and what signing makes of it is some 10 KiB */

/* A forked child finds zeros in the pages of p: what is contained there holds no secret of ours (Linux 4.14). */
static void forks_see_zeros(void *p, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)p / page * page;

	(void)madvise((void *)begin, (uintptr_t)p + n - begin, MADV_WIPEONFORK);
}

/* ---- OpenSSL's own memory ---- */

static void *plain_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return gf_malloc(n);
}

static void wiping_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p != NULL)
		sodium_memzero(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *old, size_t n, const char *file, int line)
{
	size_t had = old != NULL ? malloc_usable_size(old) : 0;
	void *p = n > 0 ? gf_malloc(n) : NULL;

	if (p == NULL && n > 0)
		return NULL;
	if (had > 0 && n > 0)
		memcpy(p, old, had < n ? had : n);
	wiping_free(old, file, line);
	return p;
}

void gf_secret_wipe_frees(void)
{
	(void)CRYPTO_set_mem_functions(plain_malloc, wiping_realloc, wiping_free);
}

void gf_secret_guard(void)
{
	void *all;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (CRYPTO_secure_malloc_initialized() || CRYPTO_secure_malloc_init(KEYS_SIZE, 32) == 0)
		return;
	/* Whoever is given as much as there is has been told where it lies. */
	all = OPENSSL_secure_malloc(KEYS_SIZE);
	if (all != NULL)
		forks_see_zeros(all, KEYS_SIZE);
	OPENSSL_secure_free(all);
}

/* n bytes and a NUL of guarded memory; the guard page stands right behind the NUL. */
static bool secret_new(gf_secret *s, size_t n, gf_error *err)
{
	*s = (gf_secret){ .data = NULL };
	if (sodium_init() < 0)
		return gf_fail(err, GF_FAILED, "secret", NULL, "libsodium cannot be started");
	s->data = n < SIZE_MAX ? sodium_malloc(n + 1) : NULL;
	if (s->data == NULL)
		return gf_no_memory(err);
	forks_see_zeros(s->data, n + 1);
	s->data[n] = '\0';
	s->len = n;
	return true;
}

bool gf_secret_set(gf_secret *s, const void *bytes, size_t n, gf_error *err)
{
	gf_secret made;

	if (!secret_new(&made, n, err))
		return false;
	if (n > 0)
		memcpy(made.data, bytes, n);
	gf_secret_clear(s); /* last: bytes may lie in it */
	*s = made;
	return true;
}

void gf_secret_clear(gf_secret *s)
{
	if (s->data != NULL)
		sodium_free(s->data); /* wipes */
	*s = (gf_secret){ .data = NULL };
}

void gf_buf_wipe(gf_buf *b)
{
	if (b->data != NULL)
		sodium_memzero(b->data, b->len);
	gf_buf_clear(b);
}

/* Bytes of fd into s until its end, until s is full, or (line) up to and with the first LF,
 * behind which nothing is taken from fd: it may be a terminal or hold more answers. */
static bool fill(int fd, bool line, gf_secret *s, const char *path, gf_error *err)
{
	size_t have = 0;

	while (have < s->len) {
		ssize_t n = read(fd, s->data + have, line ? 1 : s->len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gf_fail_errno(
			    err, errno == EISDIR ? GF_USAGE : GF_FAILED, "read", path, "reading '%s'", path);
		have += (size_t)n;
		if (n == 0 || (line && s->data[have - 1] == '\n'))
			break;
	}
	s->data[have] = '\0';
	s->len = have;
	return true;
}

/* At most max bytes of path in *s; more show as max + 1. */
static bool load(int fd, bool line, size_t max, gf_secret *s, const char *path, gf_error *err)
{
	if (!secret_new(s, max + 1, err))
		return false;
	if (fill(fd, line, s, path, err))
		return true;
	gf_secret_clear(s);
	return false;
}

static int open_path(const char *path)
{
	return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
}

bool gf_secret_load_line(gf_secret *s, const char *path, gf_error *err)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open_path(path);
	gf_secret line = { .data = NULL };
	bool ok;

	if (fd < 0)
		return gf_fail_errno(err, GF_USAGE, "passphrase", path, "'%s' cannot be opened", path);
	ok = load(fd, true, PASSPHRASE_MAX, &line, path, err);
	if (ok && line.len > 0 && line.data[line.len - 1] == '\n')
		line.data[--line.len] = '\0';
	if (ok && line.len > PASSPHRASE_MAX)
		ok = gf_fail(err, GF_USAGE, "passphrase", path, "the first line of '%s' is longer than %d bytes", path,
		    PASSPHRASE_MAX);
	if (ok && memchr(line.data, '\0', line.len) != NULL)
		ok = gf_fail(err, GF_USAGE, "passphrase", path, "the first line of '%s' has a NUL byte in it", path);
	ok = ok && gf_secret_set(s, line.data, line.len, err);
	gf_secret_clear(&line);
	if (!from_stdin)
		(void)close(fd);
	return ok;
}

bool gf_secret_load(gf_secret *s, const char *path, size_t max, gf_error *err)
{
	int fd = open_path(path);
	gf_secret whole = { .data = NULL };
	bool ok;

	if (fd < 0 && gf_is_absent(errno))
		return gf_fail_errno(err, GF_USAGE, "not-found", path, "'%s' cannot be opened", path);
	if (fd < 0)
		return gf_fail_errno(err, GF_USAGE, "read", path, "'%s' cannot be opened", path);
	ok = load(fd, false, max, &whole, path, err);
	if (ok && whole.len > max)
		ok = gf_fail(
		    err, GF_USAGE, "too-large", path, "'%s' is larger than the %zu bytes allowed here", path, max);
	ok = ok && gf_secret_set(s, whole.data, whole.len, err);
	gf_secret_clear(&whole);
	(void)close(fd);
	return ok;
}
