/* Outputs: the plain ones, the hashing ones, and the copy from an input. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"

bool gf_output_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	return n == 0 || out->ops->write(out, bytes, n, err);
}

bool gf_output_finish(gf_output *out, gf_error *err)
{
	return out->ops->finish(out, err);
}

void gf_output_close(gf_output *out)
{
	if (out != NULL)
		out->ops->close(out);
}

bool gf_copy(gf_input *in, gf_output *out, gf_error *err)
{
	char *buf = malloc(GF_COPY_STEP); /* not gf_alloc: zeroing costs a pass over it */
	ptrdiff_t got = 0;
	bool ok = buf != NULL || gf_no_memory(err);

	while (ok) {
		got = gf_input_read(in, buf, GF_COPY_STEP, err);
		if (got <= 0)
			break;
		ok = gf_output_write(out, buf, (size_t)got, err);
	}
	free(buf);
	return ok && got == 0;
}

/* ---- discard, descriptor, buffer ---- */

typedef struct plain_output {
	gf_output out;
	char *name;
	int fd;
	gf_buf *buf;
} plain_output;

static bool discard_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	(void)out, (void)bytes, (void)n, (void)err;
	return true;
}

static bool fd_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	plain_output *p = (plain_output *)out;

	return gf_write_all(p->fd, bytes, n, p->name, err);
}

static bool buf_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	return gf_buf_add(((plain_output *)out)->buf, bytes, n, err);
}

static bool plain_finish(gf_output *out, gf_error *err)
{
	(void)out, (void)err;
	return true;
}

static void plain_close(gf_output *out)
{
	free(((plain_output *)out)->name);
	free(out);
}

static gf_output *plain_new(const gf_output_ops *ops, int fd, const char *name, gf_buf *buf, gf_error *err)
{
	plain_output *p = gf_alloc(1, sizeof *p, err);

	if (p != NULL)
		p->name = gf_strdup(name, err);
	if (p == NULL || p->name == NULL) {
		free(p);
		return NULL;
	}
	p->out.ops = ops;
	p->fd = fd;
	p->buf = buf;
	return &p->out;
}

gf_output *gf_output_discard(gf_error *err)
{
	static const gf_output_ops ops = { discard_write, plain_finish, plain_close };

	return plain_new(&ops, -1, "", NULL, err);
}

gf_output *gf_output_fd(int fd, const char *name, gf_error *err)
{
	static const gf_output_ops ops = { fd_write, plain_finish, plain_close };

	return plain_new(&ops, fd, name, NULL, err);
}

gf_output *gf_output_buf(gf_buf *buf, gf_error *err)
{
	static const gf_output_ops ops = { buf_write, plain_finish, plain_close };

	return plain_new(&ops, -1, "", buf, err);
}

/* ---- hashing ---- */

typedef struct hash_output {
	gf_output out;
	gf_output *down;
	gf_hash *hash;
	uint64_t count;
	gf_digest *digest; /* sha256 */
	uint64_t *size;
	gf_digest want; /* expect */
	char *name, *object;
} hash_output;

static bool hash_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	hash_output *h = (hash_output *)out;

	h->count += n;
	return gf_hash_update(h->hash, bytes, n, err) && gf_output_write(h->down, bytes, n, err);
}

static bool sha256_finish(gf_output *out, gf_error *err)
{
	hash_output *h = (hash_output *)out;
	gf_digest got;

	if (!gf_hash_finish(h->hash, &got, err))
		return false;
	if (h->digest != NULL)
		*h->digest = got;
	if (h->size != NULL)
		*h->size = h->count;
	return gf_output_finish(h->down, err);
}

/* The judgement comes before down is finished: what is wrong never becomes complete. */
static bool expect_finish(gf_output *out, gf_error *err)
{
	hash_output *h = (hash_output *)out;
	char want[GF_DIGEST_SIZE], found[GF_DIGEST_SIZE];
	gf_digest got;

	if (!gf_hash_finish(h->hash, &got, err))
		return false;
	if (!gf_digest_equal(&got, &h->want)) {
		gf_digest_text(&h->want, want);
		gf_digest_text(&got, found);
		return gf_fail(err, GF_DAMAGED, h->name, h->object,
		    "expected %s, found %s; copy the file again from its source", want, found);
	}
	return gf_output_finish(h->down, err);
}

static void hash_close(gf_output *out)
{
	hash_output *h = (hash_output *)out;

	gf_output_close(h->down);
	gf_hash_free(h->hash);
	free(h->name);
	free(h->object);
	free(h);
}

static hash_output *hash_new(
    const gf_output_ops *ops, gf_output *down, const char *name, const char *object, gf_error *err)
{
	hash_output *h;

	if (down == NULL)
		return NULL;
	h = gf_alloc(1, sizeof *h, err);
	if (h == NULL) {
		gf_output_close(down);
		return NULL;
	}
	h->out.ops = ops;
	h->down = down;
	h->hash = gf_hash_new(err);
	h->name = h->hash != NULL ? gf_strdup(name, err) : NULL;
	h->object = h->name != NULL ? gf_strdup(object != NULL ? object : "", err) : NULL;
	if (h->object == NULL) {
		hash_close(&h->out);
		return NULL;
	}
	return h;
}

gf_output *gf_output_sha256(gf_output *down, gf_digest *digest, uint64_t *size, gf_error *err)
{
	static const gf_output_ops ops = { hash_write, sha256_finish, hash_close };
	hash_output *h = hash_new(&ops, down, "", NULL, err);

	if (h == NULL)
		return NULL;
	h->digest = digest;
	h->size = size;
	return &h->out;
}

gf_output *gf_output_expect(gf_output *down, const gf_digest *want, const char *name, const char *object, gf_error *err)
{
	static const gf_output_ops ops = { hash_write, expect_finish, hash_close };
	hash_output *h = hash_new(&ops, down, name, object, err);

	if (h == NULL)
		return NULL;
	h->want = *want;
	return &h->out;
}
