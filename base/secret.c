#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/sys.h"

#define LINE_MAX_BYTES 4096

static bool secret_new(gf_secret *s, size_t n, gf_error *err)
{
	s->data = NULL;
	s->len = 0;
	if (sodium_init() < 0)
		return gf_fail(err, GF_FAILED, "secret", NULL, "libsodium cannot be started");
	s->data = sodium_malloc(n + 1);
	if (s->data == NULL)
		return gf_no_memory(err);
	s->data[n] = '\0';
	s->len = n;
	return true;
}

bool gf_secret_set(gf_secret *s, const void *bytes, size_t n, gf_error *err)
{
	if (!secret_new(s, n, err))
		return false;
	if (n > 0)
		memcpy(s->data, bytes, n);
	return true;
}

void gf_secret_clear(gf_secret *s)
{
	if (s->data != NULL)
		sodium_free(s->data); /* wipes */
	s->data = NULL;
	s->len = 0;
}

/* Bytes of fd until its end, or until max of them; into guarded memory from the start. */
static bool read_capped(int fd, size_t max, gf_secret *s, const char *path, gf_error *err)
{
	size_t have = 0;

	if (!secret_new(s, max, err))
		return false;
	while (have < max) {
		ssize_t n = gf_sys_read(fd, s->data + have, max - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			gf_secret_clear(s);
			return gf_fail_errno(err, GF_FAILED, "read", path, "reading '%s'", path);
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	s->data[have] = '\0';
	s->len = have;
	return true;
}

static bool load_path(gf_secret *s, const char *path, size_t max, gf_error *err)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : gf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	bool ok;

	s->data = NULL;
	s->len = 0;
	if (fd < 0)
		return gf_fail_errno(err, GF_USAGE, "read", path, "'%s' cannot be opened", path);
	ok = read_capped(fd, max, s, path, err);
	if (fd != STDIN_FILENO)
		(void)close(fd);
	return ok;
}

bool gf_secret_load_line(gf_secret *s, const char *path, gf_error *err)
{
	char *end;

	if (!load_path(s, path, LINE_MAX_BYTES + 1, err))
		return false;
	end = memchr(s->data, '\n', s->len);
	if (end == NULL && s->len > LINE_MAX_BYTES) {
		gf_secret_clear(s);
		return gf_fail(err, GF_USAGE, "passphrase", path, "the first line of '%s' is longer than %d bytes",
		    path, LINE_MAX_BYTES);
	}
	if (end != NULL) {
		sodium_memzero(end, s->len - (size_t)(end - s->data));
		s->len = (size_t)(end - s->data);
	}
	return true;
}

bool gf_secret_load(gf_secret *s, const char *path, size_t max, gf_error *err)
{
	if (!load_path(s, path, max + 1, err))
		return false;
	if (s->len <= max)
		return true;
	gf_secret_clear(s);
	return gf_fail(err, GF_USAGE, "too-large", path, "'%s' has more than %zu bytes", path, max);
}
