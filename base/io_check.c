/* Inputs over inputs: sizes, digests, bytes put back. */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

/*
 * The shared part of the inputs here.  A stage that has failed says so for ever: who reads
 * on after an error must not come to an end that looks good.
 */
typedef struct stage {
	gf_input in;
	gf_input *up;
	char *object;
	uint64_t size, left; /* limit, exact */
	gf_hash *hash;       /* sha256 */
	gf_digest want;
	char *bytes; /* unread: left of them */
	bool done;
	gf_error failure; /* class GF_OK: none */
} stage;

static ptrdiff_t failed(stage *s, gf_error *err)
{
	s->failure = *err;
	return -1;
}

static void stage_close(gf_input *in)
{
	stage *s = (stage *)in;

	gf_input_close(s->up);
	gf_hash_free(s->hash);
	free(s->object);
	free(s->bytes);
	free(s);
}

static stage *stage_new(const gf_input_ops *ops, gf_input *up, const char *object, gf_error *err)
{
	stage *s;

	if (up == NULL)
		return NULL;
	s = gf_alloc(1, sizeof *s, err);
	if (s == NULL) {
		gf_input_close(up);
		return NULL;
	}
	s->in.ops = ops;
	s->up = up;
	s->object = gf_strdup(object != NULL ? object : "", err);
	if (s->object == NULL) {
		stage_close(&s->in);
		return NULL;
	}
	return s;
}

/* Read from up within what is left; an early end is a failure with this name. */
static ptrdiff_t read_left(stage *s, void *buf, size_t cap, const char *name, gf_error *err)
{
	ptrdiff_t got = gf_input_read(s->up, buf, cap < s->left ? cap : (size_t)s->left, err);

	if (got == 0) {
		gf_fail(err, GF_DAMAGED, name, s->object,
		    "'%s': expected %llu bytes, found %llu; copy it again from its source", s->object,
		    (unsigned long long)s->size, (unsigned long long)(s->size - s->left));
		got = -1;
	}
	if (got < 0)
		return failed(s, err);
	s->left -= (uint64_t)got;
	return got;
}

static ptrdiff_t limit_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	stage *s = (stage *)in;

	if (s->failure.class != GF_OK) {
		*err = s->failure;
		return -1;
	}
	return s->left == 0 ? 0 : read_left(s, buf, cap, "cut-short", err);
}

/* Only now is it known whether up goes on. */
static ptrdiff_t exact_end(stage *s, gf_error *err)
{
	char extra;
	ptrdiff_t got = s->done ? 0 : gf_input_read(s->up, &extra, 1, err);

	if (got > 0)
		gf_fail(err, GF_DAMAGED, "blob-size", s->object,
		    "'%s': expected %llu bytes, found more; copy it again from its source", s->object,
		    (unsigned long long)s->size);
	if (got != 0)
		return failed(s, err);
	s->done = true;
	return 0;
}

static ptrdiff_t exact_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	stage *s = (stage *)in;

	if (s->failure.class != GF_OK) {
		*err = s->failure;
		return -1;
	}
	return s->left == 0 ? exact_end(s, err) : read_left(s, buf, cap, "blob-size", err);
}

/* Shared by limit and exact. */
static bool sized_skip(gf_input *in, uint64_t n, gf_error *err)
{
	stage *s = (stage *)in;

	if (s->failure.class != GF_OK) {
		*err = s->failure;
		return false;
	}
	if (n > s->left)
		gf_fail(err, GF_DAMAGED, "cut-short", s->object,
		    "'%s' ends %llu bytes too early; copy it again from its source", s->object,
		    (unsigned long long)(n - s->left));
	if (n > s->left || !gf_input_skip(s->up, n, err)) {
		failed(s, err);
		return false;
	}
	s->left -= n;
	return true;
}

gf_input *gf_input_limit(gf_input *up, uint64_t size, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { limit_read, sized_skip, stage_close };
	stage *s = stage_new(&ops, up, object, err);

	if (s == NULL)
		return NULL;
	s->size = s->left = size;
	return &s->in;
}

gf_input *gf_input_exact(gf_input *up, uint64_t size, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { exact_read, sized_skip, stage_close };
	stage *s = stage_new(&ops, up, object, err);

	if (s == NULL)
		return NULL;
	s->size = s->left = size;
	return &s->in;
}

static ptrdiff_t sha256_end(stage *s, gf_error *err)
{
	char want[GF_DIGEST_SIZE], found[GF_DIGEST_SIZE];
	gf_digest got;

	if (s->done)
		return 0;
	if (!gf_hash_finish(s->hash, &got, err))
		return failed(s, err);
	if (!gf_digest_equal(&got, &s->want)) {
		gf_digest_text(&s->want, want);
		gf_digest_text(&got, found);
		gf_fail(err, GF_DAMAGED, "blob-digest", s->object,
		    "'%s': expected %s, found %s; copy it again from its source", s->object, want, found);
		return failed(s, err);
	}
	s->done = true;
	return 0;
}

static ptrdiff_t sha256_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	stage *s = (stage *)in;
	ptrdiff_t got;

	if (s->failure.class != GF_OK) {
		*err = s->failure;
		return -1;
	}
	got = s->done ? 0 : gf_input_read(s->up, buf, cap, err);
	if (got == 0)
		return sha256_end(s, err);
	if (got < 0 || !gf_hash_update(s->hash, buf, (size_t)got, err))
		return failed(s, err);
	return got;
}

gf_input *gf_input_sha256(gf_input *up, const gf_digest *want, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { sha256_read, NULL, stage_close };
	stage *s = stage_new(&ops, up, object, err);

	if (s == NULL)
		return NULL;
	s->want = *want;
	s->hash = gf_hash_new(err);
	if (s->hash == NULL) {
		stage_close(&s->in);
		return NULL;
	}
	return &s->in;
}

/* size bytes of s->bytes, of which left were not read yet. */
static ptrdiff_t unread_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	stage *s = (stage *)in;

	if (s->left == 0)
		return gf_input_read(s->up, buf, cap, err);
	if (cap > s->left)
		cap = (size_t)s->left;
	memcpy(buf, s->bytes + (s->size - s->left), cap);
	s->left -= cap;
	return (ptrdiff_t)cap;
}

static bool unread_skip(gf_input *in, uint64_t n, gf_error *err)
{
	stage *s = (stage *)in;
	uint64_t here = n < s->left ? n : s->left;

	s->left -= here;
	return gf_input_skip(s->up, n - here, err);
}

gf_input *gf_input_unread(gf_input *up, const void *bytes, size_t n, gf_error *err)
{
	static const gf_input_ops ops = { unread_read, unread_skip, stage_close };
	stage *s = stage_new(&ops, up, NULL, err);

	if (s == NULL)
		return NULL;
	s->size = s->left = n;
	s->bytes = gf_strndup(bytes, n, err);
	if (s->bytes == NULL) {
		stage_close(&s->in);
		return NULL;
	}
	return &s->in;
}
