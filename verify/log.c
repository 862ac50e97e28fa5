#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/log.h"
#include "verify/merkle.h"

struct gf_log {
	int fd; /* -1: not there, empty */
	char *path;
	uint64_t offset; /* behind the last line handed out */
	uint64_t lines;
};

gf_log *gf_log_open(const char *path, bool write, gf_error *err)
{
	gf_log *l = gf_alloc(1, sizeof *l, err);
	int flags = write ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY;
	struct stat st;
	bool ok;

	if (l == NULL)
		return NULL;
	l->fd = -1;
	l->path = gf_strdup(path, err);
	ok = l->path != NULL;
	if (ok) {
		/* O_NONBLOCK: nobody waits for the other end of a FIFO. */
		l->fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		ok = l->fd >= 0 || (errno == ENOENT && !write) ||
		    gf_fail_errno(err, GF_FAILED, "state", path, "the log '%s' cannot be opened", path);
	}
	if (ok && l->fd >= 0 && (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode)))
		ok = gf_fail(err, GF_FAILED, "state", path, "the log '%s' is not a regular file", path);
	/* Its name is on the disk before its first line is: where lines are, an earlier run saw to it. */
	ok = ok && (!write || st.st_size > 0 || gf_dir_sync_parent(path, err));
	if (ok)
		return l;
	gf_log_close(l);
	return NULL;
}

void gf_log_close(gf_log *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->path);
	free(l);
}

static bool log_size(const gf_log *l, uint64_t *size, gf_error *err)
{
	struct stat st;

	if (fstat(l->fd, &st) != 0)
		return gf_fail_errno(err, GF_FAILED, "state", l->path, "the log '%s' cannot be read", l->path);
	*size = (uint64_t)st.st_size;
	return *size >= l->offset ||
	    gf_fail(err, GF_FAILED, "log", l->path,
		"the log '%s' has become shorter: %llu bytes, %llu had been read; it is only ever appended to", l->path,
		(unsigned long long)*size, (unsigned long long)l->offset);
}

/* The lines in the n bytes at piece, which begin where line ends. */
static bool take_lines(
    gf_log *l, gf_buf *line, const char *piece, size_t n, gf_log_take *take, void *ctx, gf_error *err)
{
	const char *end = piece + n;
	gf_error full;

	while (piece < end) {
		const char *lf = memchr(piece, '\n', (size_t)(end - piece));
		size_t part = (size_t)((lf != NULL ? lf : end) - piece);

		/* Longer than a line may be: an error once its LF is seen, else torn. */
		if (line->len <= GF_LOG_LINE_MAX && !gf_buf_add(line, piece, part, &full))
			line->len = GF_LOG_LINE_MAX + 1;
		if (lf == NULL)
			break;
		if (line->len > GF_LOG_LINE_MAX)
			return gf_fail(err, GF_FAILED, "log", l->path, "line %llu of '%s' is longer than %d bytes",
			    (unsigned long long)l->lines + 1, l->path, GF_LOG_LINE_MAX);
		if (!take(ctx, gf_buf_text(line), line->len, l->lines + 1, err))
			return false;
		l->lines++;
		l->offset += line->len + 1;
		line->len = 0;
		piece = lf + 1;
	}
	return true;
}

/* How much of the file, size bytes long, is read at once from here. */
static size_t step(uint64_t at, uint64_t size)
{
	return size - at < GF_COPY_STEP ? (size_t)(size - at) : GF_COPY_STEP;
}

bool gf_log_read(gf_log *l, gf_log_take *take, void *ctx, gf_error *err)
{
	uint64_t size = 0, at = l->offset;
	char *piece;
	gf_buf line;
	bool ok;

	if (l->fd < 0)
		return true;
	if (!log_size(l, &size, err))
		return false;
	if (at == size)
		return true;
	gf_buf_init(&line, GF_LOG_LINE_MAX + 1);
	piece = gf_alloc(1, step(at, size), err);
	ok = piece != NULL;
	while (ok && at < size) {
		size_t n = step(at, size);

		ok = gf_pread_full(l->fd, piece, n, at, l->path, err) ||
		    gf_fail(err, GF_FAILED, "state", l->path, "the log '%s' cannot be read: %s", l->path, err->text);
		ok = ok && take_lines(l, &line, piece, n, take, ctx, err);
		at += n;
	}
	gf_buf_clear(&line);
	free(piece);
	return ok;
}

bool gf_log_rest(const gf_log *l, uint64_t *bytes, gf_error *err)
{
	uint64_t size = 0;

	if (l->fd >= 0 && !log_size(l, &size, err))
		return false;
	*bytes = size - l->offset;
	return true;
}

void gf_log_stand(gf_log *l, uint64_t lines, uint64_t offset)
{
	l->lines = lines;
	l->offset = offset;
}

bool gf_log_skip(gf_log *l, gf_hash *h, uint64_t lines, uint64_t offset, uint64_t last, const gf_digest *leaf)
{
	/* with the LF before it, where there is one */
	uint64_t from = last > 0 ? last - 1 : 0, size = 0;
	char *piece = NULL, *line;
	gf_digest found;
	gf_error why;
	size_t n;
	bool ok;

	if (l->fd < 0 || offset <= last || offset - last > GF_LOG_LINE_MAX + 1 || !log_size(l, &size, &why) ||
	    size < offset || (piece = gf_alloc(1, (size_t)(offset - from), &why)) == NULL)
		return false;
	n = (size_t)(offset - last) - 1;
	line = piece + (last - from);
	ok = gf_pread_full(l->fd, piece, (size_t)(offset - from), from, l->path, &why) && line[n] == '\n' &&
	    memchr(line, '\n', n) == NULL && (last == 0 || piece[0] == '\n') &&
	    gf_merkle_leaf(h, line, n, &found, &why) && gf_digest_equal(&found, leaf);
	if (ok)
		gf_log_stand(l, lines, offset);
	free(piece);
	return ok;
}

static bool hash_tail(const gf_log *l, uint64_t size, gf_digest *digest, gf_error *err)
{
	char *piece = gf_alloc(1, GF_COPY_STEP, err);
	gf_hash *h = piece != NULL ? gf_hash_new(err) : NULL;
	bool ok = h != NULL;

	for (uint64_t at = l->offset; ok && at < size;) {
		size_t n = step(at, size);

		ok = gf_pread_full(l->fd, piece, n, at, l->path, err) && gf_hash_update(h, piece, n, err);
		at += n;
	}
	ok = ok && gf_hash_finish(h, digest, err);
	gf_hash_free(h);
	free(piece);
	return ok;
}

static void begin(gf_json_out *o, const char *type, gf_buf *out, gf_error *err)
{
	char now[GF_TIME_SIZE];

	gf_time_print(gf_now(), now);
	gf_json_begin(o, out, 0, err);
	o->ascii = true;
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "time", now);
	gf_json_put(o, "type", type);
}

static bool end(gf_json_out *o)
{
	gf_json_close(o, '}');
	return gf_json_end(o);
}

bool gf_log_mend(gf_log *l, gf_error *err)
{
	uint64_t size = 0;
	gf_digest digest;
	gf_json_out o;
	gf_buf line;
	bool ok;

	if (!log_size(l, &size, err))
		return false;
	if (size == l->offset)
		return true;
	gf_buf_init(&line, GF_LOG_LINE_MAX + 1);
	ok = hash_tail(l, size, &digest, err);
	if (ok) {
		begin(&o, "recovered", &line, err);
		gf_json_put_u64(&o, "bytes", size - l->offset);
		gf_json_put_digest(&o, "digest", &digest);
		ok = end(&o);
	}
	if (ok && ftruncate(l->fd, (off_t)l->offset) != 0)
		ok = gf_fail_errno(
		    err, GF_FAILED, "log", l->path, "the torn last line of '%s' cannot be cut off", l->path);
	ok = ok && gf_buf_puts(&line, "\n", err) && gf_log_append(l, &line, err);
	gf_buf_clear(&line);
	return ok;
}

bool gf_log_append(gf_log *l, const gf_buf *lines, gf_error *err)
{
	uint64_t size = 0;

	if (!log_size(l, &size, err))
		return false;
	if (gf_write_all(l->fd, lines->data, lines->len, l->path, err) && gf_sync(l->fd, l->path, err))
		return true;
	gf_fail(err, GF_FAILED, "log", l->path, "nothing is done that cannot be logged: %s", err->text);
	/* Half a line is cut off now if it can be, else by the next who takes the lock. */
	if (ftruncate(l->fd, (off_t)size) != 0)
		(void)gf_because(err, "(a torn line is left)");
	return false;
}

bool gf_log_print(const gf_record *r, gf_time created, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	begin(&o, r->type, out, err);
	gf_json_put(&o, "run", r->run);
	gf_json_put(&o, "site", r->site);
	gf_json_put(&o, "environment", r->environment);
	gf_json_put(&o, "stream", r->stream);
	if (r->stream != NULL) {
		gf_json_put_u64(&o, "epoch", r->epoch);
		gf_json_put_u64(&o, "sequence", r->sequence);
	}
	if (r->manifest != NULL)
		gf_json_put_digest(&o, "manifest", r->manifest);
	if (created > 0)
		gf_json_put_time(&o, "created", created);
	gf_json_put(&o, "target", r->target);
	gf_json_put(&o, "name", r->name);
	if (r->digest != NULL)
		gf_json_put_digest(&o, "digest", r->digest);
	if (r->statement != NULL)
		gf_json_put_digest(&o, "statement", r->statement);
	if (r->trust_version > 0)
		gf_json_put_u64(&o, "trustVersion", r->trust_version);
	gf_json_put(&o, "holder", r->holder);
	gf_json_put(&o, "step", r->step);
	gf_json_put(&o, "code", r->code);
	if (r->unsigned_bundle)
		gf_json_put_bool(&o, "unsigned", true);
	return end(&o);
}
