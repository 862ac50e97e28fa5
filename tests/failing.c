/*
 * Linked into builds with GF_TEST_FAULTS, between the program and the libraries (ld --wrap; the list is in the Makefile).
 *	GAPFERRY_FAIL=KIND:N[:ERRNO]	the N-th call of this kind fails, once; ERRNO is a number or a name, EIO when left out
 * Kinds: open read pread write pwrite fsync mkdir mode rename link unlink stat truncate dir lock thread pipe fork wait random alloc
 * archive scrypt compress crypto curl.  alloc: our own, and what libraries answer when they get no memory.
 * N counts from the last change of the variable.
 */
#define _GNU_SOURCE
#include <archive.h>
#include <bzlib.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "tests/failing.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char plan[128]; /* the variable's value that count belongs to */
static unsigned long count;
static bool failed;

static int errno_of(const char *text)
{
	static const struct {
		const char *name;
		int value;
	} table[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EINTR", EINTR },
		{ "EACCES", EACCES }, { "EROFS", EROFS }, { "ENOENT", ENOENT }, { "EEXIST", EEXIST },
		{ "EXDEV", EXDEV }, { "EMFILE", EMFILE }, { "EOPNOTSUPP", EOPNOTSUPP }, { "EISDIR", EISDIR },
		{ "EINVAL", EINVAL }, { "EPIPE", EPIPE }, { "ENOMEM", ENOMEM }, { "EAGAIN", EAGAIN },
		{ "ECHILD", ECHILD }, { "EPERM", EPERM }, { "ENOSYS", ENOSYS } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(text, table[i].name) == 0)
			return table[i].value;
	return atoi(text) > 0 ? atoi(text) : EIO;
}

/* Is this the call that shall fail?  Sets errno. */
static bool fails(const char *kind)
{
	const char *value = getenv("GAPFERRY_FAIL");
	size_t n = strlen(kind);
	bool now = false;
	int with = EIO;

	if (value == NULL || strlen(value) >= sizeof plan)
		return false;
	pthread_mutex_lock(&lock);
	if (strcmp(plan, value) != 0) {
		strcpy(plan, value);
		count = 0;
		failed = false;
	}
	if (strncmp(plan, kind, n) == 0 && plan[n] == ':') {
		char *end;
		unsigned long wanted = strtoul(plan + n + 1, &end, 10);

		now = ++count == wanted;
		failed = failed || now;
		if (*end == ':')
			with = errno_of(end + 1);
	}
	pthread_mutex_unlock(&lock);
	if (now)
		errno = with;
	return now;
}

bool gf_call_failed(void)
{
	return failed;
}

#define CALL(kind, type, result, name, parameters, arguments)                                                          \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return fails(kind) ? (result) : __real_##name arguments;                                               \
	}

CALL("read", ssize_t, -1, read, (int fd, void *buf, size_t n), (fd, buf, n))
CALL("pread", ssize_t, -1, pread64, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at))
CALL("write", ssize_t, -1, write, (int fd, const void *buf, size_t n), (fd, buf, n))
CALL("pwrite", ssize_t, -1, pwrite64, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
CALL("fsync", int, -1, fsync, (int fd), (fd))
CALL("mode", int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
CALL("mkdir", int, -1, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL("mkdir", int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
CALL("mkdir", char *, NULL, mkdtemp, (char *path), (path))
CALL("rename", int, -1, rename, (const char *from, const char *to), (from, to))
CALL("rename", int, -1, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
CALL("rename", int, -1, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
    (a, from, b, to, flags))
CALL("link", int, -1, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
CALL("unlink", int, -1, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
CALL("stat", int, -1, fstat64, (int fd, struct stat *st), (fd, st))
CALL("stat", int, -1, stat64, (const char *path, struct stat *st), (path, st))
CALL("stat", int, -1, lstat64, (const char *path, struct stat *st), (path, st))
CALL("stat", int, -1, fstatat64, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags))
CALL("truncate", int, -1, ftruncate64, (int fd, off_t size), (fd, size))
CALL("truncate", int, -1, fallocate64, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
CALL("dir", DIR *, NULL, fdopendir, (int fd), (fd))
CALL("dir", struct dirent *, NULL, readdir64, (DIR * d), (d))
CALL("lock", int, -1, flock, (int fd, int how), (fd, how))
CALL("pipe", int, -1, pipe2, (int fds[2], int flags), (fds, flags))
CALL("pipe", int, -1, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
CALL("fork", pid_t, -1, fork, (void), ())
CALL("wait", pid_t, -1, waitpid, (pid_t pid, int *status, int how), (pid, status, how))
CALL("random", ssize_t, -1, getrandom, (void *buf, size_t n, unsigned flags), (buf, n, flags))
CALL("alloc", void *, NULL, malloc, (size_t n), (n))
CALL("alloc", void *, NULL, calloc, (size_t n, size_t size), (n, size))
CALL("alloc", void *, NULL, realloc, (void *old, size_t n), (old, n))
CALL("alloc", void *, NULL, sodium_malloc, (size_t n), (n))
CALL("alloc", int, Z_MEM_ERROR, inflateInit2_, (z_streamp z, int bits, const char *version, int size),
    (z, bits, version, size))
CALL("alloc", int, Z_MEM_ERROR, inflate, (z_streamp z, int flush), (z, flush))
CALL("alloc", int, BZ_MEM_ERROR, BZ2_bzDecompressInit, (bz_stream * b, int verbosity, int small), (b, verbosity, small))
CALL("alloc", int, BZ_MEM_ERROR, BZ2_bzDecompress, (bz_stream * b), (b))
CALL("alloc", lzma_ret, LZMA_MEM_ERROR, lzma_stream_decoder, (lzma_stream * x, uint64_t most, uint32_t flags),
    (x, most, flags))
CALL("alloc", lzma_ret, LZMA_MEM_ERROR, lzma_code, (lzma_stream * x, lzma_action action), (x, action))
CALL("alloc", ZSTD_CCtx *, NULL, ZSTD_createCCtx, (void), ())
CALL("alloc", ZSTD_DCtx *, NULL, ZSTD_createDCtx, (void), ())
CALL("alloc", size_t, (size_t)-ZSTD_error_memory_allocation, ZSTD_CCtx_setParameter,
    (ZSTD_CCtx * z, ZSTD_cParameter p, int v), (z, p, v))
CALL("alloc", size_t, (size_t)-ZSTD_error_memory_allocation, ZSTD_DCtx_setParameter,
    (ZSTD_DCtx * z, ZSTD_dParameter p, int v), (z, p, v))
CALL("alloc", size_t, (size_t)-ZSTD_error_memory_allocation, ZSTD_decompressStream,
    (ZSTD_DStream * z, ZSTD_outBuffer *out, ZSTD_inBuffer *in), (z, out, in))
CALL("alloc", int, 0, yaml_parser_initialize, (yaml_parser_t * p), (p))
CALL("alloc", int, (p->error = YAML_MEMORY_ERROR, 0), yaml_parser_parse, (yaml_parser_t * p, yaml_event_t *e), (p, e))
CALL("alloc", struct archive *, NULL, archive_read_new, (void), ())
CALL("archive", int, ARCHIVE_FATAL, archive_read_support_format_tar, (struct archive * a), (a))
CALL("archive", int, ARCHIVE_FATAL, archive_read_support_format_empty, (struct archive * a), (a))
CALL("scrypt", int, -1, crypto_pwhash_scryptsalsa208sha256,
    (unsigned char *out, unsigned long long n, const char *pass, unsigned long long len, const unsigned char *salt,
	unsigned long long ops, size_t mem),
    (out, n, pass, len, salt, ops, mem))
CALL("scrypt", int, -1, crypto_pwhash_scryptsalsa208sha256_ll,
    (const uint8_t *pass, size_t len, const uint8_t *salt, size_t salt_n, uint64_t cost, uint32_t r, uint32_t p,
	uint8_t *out, size_t n),
    (pass, len, salt, salt_n, cost, r, p, out, n))
CALL("compress", int, INVALID_FLUSH, isal_deflate, (struct isal_zstream * z), (z))
CALL("compress", int, COMP_OK + 1, isal_deflate_set_dict, (struct isal_zstream * z, uint8_t *dict, uint32_t n),
    (z, dict, n))
CALL("compress", size_t, (size_t)-ZSTD_error_GENERIC, ZSTD_compress2,
    (ZSTD_CCtx * z, void *out, size_t cap, const void *in, size_t n), (z, out, cap, in, n))
CALL("thread", int, EAGAIN, pthread_create, (pthread_t * t, const pthread_attr_t *how, void *(*run)(void *), void *ctx),
    (t, how, run, ctx))
CALL("crypto", EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
CALL("crypto", int, 0, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *md, ENGINE *e), (c, md, e))
CALL("crypto", int, 0, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *d, size_t n), (c, d, n))
CALL("crypto", int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *d, unsigned *n), (c, d, n))
CALL("crypto", int, 0, EVP_DigestSignInit, (EVP_MD_CTX * c, EVP_PKEY_CTX **p, const EVP_MD *md, ENGINE *e, EVP_PKEY *k),
    (c, p, md, e, k))
CALL("crypto", int, 0, EVP_DigestSign,
    (EVP_MD_CTX * c, unsigned char *sig, size_t *n, const unsigned char *data, size_t len), (c, sig, n, data, len))
CALL("crypto", int, -1, EVP_DigestVerifyInit,
    (EVP_MD_CTX * c, EVP_PKEY_CTX **p, const EVP_MD *md, ENGINE *e, EVP_PKEY *k), (c, p, md, e, k))
CALL("crypto", BIO *, NULL, BIO_new, (const BIO_METHOD *method), (method))
CALL("crypto", BIO *, NULL, BIO_new_mem_buf, (const void *buf, int n), (buf, n))
CALL("crypto", EVP_PKEY *, NULL, d2i_PUBKEY, (EVP_PKEY * *k, const unsigned char **p, long n), (k, p, n))
CALL("crypto", int, -1, i2d_PUBKEY, (const EVP_PKEY *k, unsigned char **p), (k, p))
CALL("crypto", int, -1, i2d_PublicKey, (const EVP_PKEY *k, unsigned char **p), (k, p))
CALL("crypto", int, -1, i2d_X509_PUBKEY, (const X509_PUBKEY *k, unsigned char **p), (k, p))
CALL("crypto", X509 *, NULL, d2i_X509, (X509 * *x, const unsigned char **p, long n), (x, p, n))
CALL("crypto", PKCS8_PRIV_KEY_INFO *, NULL, d2i_PKCS8_PRIV_KEY_INFO,
    (PKCS8_PRIV_KEY_INFO * *k, const unsigned char **p, long n), (k, p, n))
CALL("crypto", PKCS8_PRIV_KEY_INFO *, NULL, EVP_PKEY2PKCS8, (const EVP_PKEY *k), (k))
CALL("crypto", EVP_PKEY *, NULL, EVP_PKCS82PKEY, (const PKCS8_PRIV_KEY_INFO *k), (k))
CALL("crypto", OPENSSL_STACK *, NULL, OPENSSL_sk_new_null, (void), ())
CALL("crypto", int, 0, OPENSSL_sk_push, (OPENSSL_STACK * s, const void *p), (s, p))
CALL("crypto", int, -1, crypto_generichash,
    (unsigned char *out, size_t n, const unsigned char *in, unsigned long long len, const unsigned char *key, size_t k),
    (out, n, in, len, key, k))
CALL("crypto", int, -1, crypto_sign_detached,
    (unsigned char *sig, unsigned long long *n, const unsigned char *in, unsigned long long len,
	const unsigned char *key),
    (sig, n, in, len, key))
CALL("crypto", int, -1, sodium_init, (void), ())
CALL("curl", CURL *, NULL, curl_easy_init, (void), ())
CALL("curl", CURLM *, NULL, curl_multi_init, (void), ())
CALL("curl", CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_add_handle, (CURLM * m, CURL *e), (m, e))
CALL("curl", CURLMcode, CURLM_INTERNAL_ERROR, curl_multi_perform, (CURLM * m, int *running), (m, running))
CALL("curl", CURLMcode, CURLM_INTERNAL_ERROR, curl_multi_poll,
    (CURLM * m, struct curl_waitfd *fds, unsigned n, int ms, int *ready), (m, fds, n, ms, ready))
CALL("curl", struct curl_slist *, NULL, curl_slist_append, (struct curl_slist * l, const char *text), (l, text))
CALL("curl", CURLU *, NULL, curl_url, (void), ())
CALL("curl", CURLUcode, CURLUE_OUT_OF_MEMORY, curl_url_set,
    (CURLU * u, CURLUPart part, const char *text, unsigned flags), (u, part, text, flags))

/* These have a third argument that is not always there. */
int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;

	va_start(args, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("open") ? -1 : __real_open64(path, flags, mode);
}

int __real_openat64(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;

	va_start(args, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("open") ? -1 : __real_openat64(dir, path, flags, mode);
}
