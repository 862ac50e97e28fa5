/* An input that is read in a contained child. */
#include <stdlib.h>
#include <string.h>

#include "base/contain.h"

typedef struct contained_input {
	gf_input in;
	gf_input *up; /* the child's, but for its descriptor */
	gf_contained *child;
	uint64_t left;
	bool ended;
	gf_error failure;
	size_t at, n;
	unsigned char bytes[GF_LINE_PIECE];
} contained_input;

static void pump(void *ctx, int line)
{
	gf_input *up = ctx;
	gf_error err = { 0 };
	unsigned char what = GF_LINE_BYTES, *buf = gf_alloc(1, GF_LINE_PIECE, &err);
	ptrdiff_t got = -1;

	while (buf != NULL && (got = gf_input_read(up, buf, GF_LINE_PIECE, &err)) > 0)
		if (!gf_line_send(line, &what, 1, buf, (size_t)got))
			break;
	if (got <= 0) {
		what = got == 0 ? GF_LINE_END : GF_LINE_FAILURE;
		(void)gf_line_send(line, &what, 1, &err, got == 0 ? 0 : sizeof err);
	}
	free(buf);
}

static bool next(contained_input *c, void *into, size_t cap, size_t *got, gf_error *err)
{
	unsigned char what;

	*got = 0;
	if (c->ended)
		return true;
	if (!gf_contained_receive(c->child, &what, 1, into, cap, got, err))
		return false;
	switch (what) {
	case GF_LINE_FAILURE: return gf_contained_failed(c->child, into, *got, err);
	case GF_LINE_END:
		c->ended = true;
		return *got == 0 || gf_contained_broke(c->child, "sent an end that is none", err);
	case GF_LINE_BYTES:
		if (*got == 0 || *got > c->left)
			return gf_contained_broke(c->child, "sent more bytes than there can be", err);
		c->left -= *got;
		return true;
	default: return gf_contained_broke(c->child, "sent what is no message", err);
	}
}

static ptrdiff_t contained_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	contained_input *c = (contained_input *)in;
	size_t n = c->n - c->at;
	bool ok = c->failure.class == GF_OK;

	if (!ok)
		*err = c->failure;
	if (ok && n == 0 && cap >= GF_LINE_PIECE) {
		ok = next(c, buf, cap, &n, err);
	} else if (ok) {
		c->at = n == 0 ? 0 : c->at;
		ok = n > 0 || next(c, c->bytes, sizeof c->bytes, &n, err);
		c->n = c->at + n;
		n = n < cap ? n : cap;
		memcpy(buf, c->bytes + c->at, n);
		c->at += n;
	}
	if (ok)
		return (ptrdiff_t)n;
	c->failure = *err;
	return -1;
}

static void contained_close(gf_input *in)
{
	contained_input *c = (contained_input *)in;

	gf_contained_close(c->child);
	gf_input_close(c->up);
	free(c);
}

gf_input *gf_input_contained(gf_input *up, int keep, uint64_t max, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { contained_read, NULL, contained_close };
	contained_input *c = up != NULL ? gf_alloc(1, sizeof *c, err) : NULL;

	if (c == NULL) {
		gf_input_close(up);
		return NULL;
	}
	c->in.ops = &ops;
	c->up = up;
	c->left = max;
	c->child = gf_contained_start(pump, up, keep, object, err);
	if (c->child == NULL) {
		contained_close(&c->in);
		return NULL;
	}
	return &c->in;
}
