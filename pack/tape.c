/*
 * Our half of a tape: what the contained reader asks for is given, and what it says is believed no further than an archive
 * by the same hand would be.
 */
#include <stdlib.h>
#include <string.h>

#include "pack/tape_line.h"

/* Words in a row that bring nothing on. */
#define IDLE_MAX 64

struct gf_tape {
	gf_contained *child;
	gf_input *in;
	char *name;
	uint64_t size;  /* UINT64_MAX: not known */
	uint64_t taken; /* from in */
	uint64_t given; /* where the reader thinks we are */
	size_t entries, idle;
	unsigned char block[GF_TAPE_BLOCK]; /* the last that was given; it ends at given */
	size_t block_n;
	/* the entry just reported */
	uint64_t at, left; /* of its bytes */
	char names[2 * GF_TAPE_NAME + 2];
	gf_buf clean;
	unsigned char *buf; /* of a drain */
};

gf_tape *gf_tape_open_with(
    gf_contained_run run, void *ctx, gf_input *in, uint64_t size, const char *name, gf_error *err)
{
	gf_tape *t = in != NULL ? gf_alloc(1, sizeof *t, err) : NULL;

	if (t == NULL) {
		gf_input_close(in);
		return NULL;
	}
	t->in = in;
	t->size = size;
	gf_buf_init(&t->clean, GF_TAPE_NAME);
	t->name = gf_strdup(name, err);
	t->child = t->name != NULL ? gf_contained_start(run, ctx != NULL ? ctx : t->name, -1, name, err) : NULL;
	if (t->child != NULL)
		return t;
	gf_tape_close(t);
	return NULL;
}

gf_tape *gf_tape_open(gf_input *in, uint64_t size, const char *name, gf_error *err)
{
	return gf_tape_open_with(gf_tape_read, NULL, in, size, name, err);
}

void gf_tape_close(gf_tape *t)
{
	if (t == NULL)
		return;
	gf_contained_close(t->child);
	gf_input_close(t->in);
	gf_buf_clear(&t->clean);
	free(t->buf);
	free(t->name);
	free(t);
}

const char *gf_tape_walls(const gf_tape *t)
{
	return gf_contained_walls(t->child);
}

bool gf_tape_clean(const char *name, gf_buf *out, const char *archive, gf_error *err)
{
	const char *p = name;

	gf_buf_clear(out);
	if (*p == '/')
		goto refuse;
	while (*p != '\0') {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			goto refuse;
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			if ((out->len > 0 && !gf_buf_puts(out, "/", err)) || !gf_buf_add(out, p, n, err))
				return gf_because(err, "a member's name");
		}
		p += n + (p[n] == '/');
	}
	return true;
refuse:
	return gf_fail(err, GF_DAMAGED, "archive-path", archive,
	    "has a member with an absolute name or '..' in it; nothing that saves images writes one");
}

/* ---- what the reader asks for ---- */

static bool idle(gf_tape *t, bool yes, gf_error *err)
{
	t->idle = yes ? t->idle + 1 : 0;
	return t->idle <= IDLE_MAX || gf_contained_broke(t->child, "asks without end", err);
}

/* Whole blocks where there are some: a pipe hands them out in any pieces. */
static bool give(gf_tape *t, gf_error *err)
{
	uint64_t n;

	if (t->taken != t->given)
		return gf_contained_broke(t->child, "reads where members were", err);
	t->block_n = 0;
	while (t->block_n < sizeof t->block) {
		ptrdiff_t got = gf_input_read(t->in, t->block + t->block_n, sizeof t->block - t->block_n, err);
		if (got < 0)
			return false;
		if (got == 0)
			break;
		t->block_n += (size_t)got;
	}
	n = t->block_n;
	t->taken += n;
	t->given += n;
	return idle(t, n == 0, err) && gf_contained_send(t->child, &n, sizeof n, t->block, t->block_n, err);
}

/* Up to there, or to the end where nobody knows how much there is. */
static bool pass(gf_tape *t, uint64_t to, gf_error *err)
{
	unsigned char drop[GF_TAPE_BLOCK];

	if (t->size != UINT64_MAX) {
		if (!gf_input_skip(t->in, to - t->taken, err))
			return false;
		t->taken = to;
	}
	while (t->taken < to) {
		uint64_t n = to - t->taken;
		ptrdiff_t got = gf_input_read(t->in, drop, n < sizeof drop ? (size_t)n : sizeof drop, err);
		if (got < 0)
			return false;
		if (got == 0)
			break;
		t->taken += (uint64_t)got;
	}
	return true;
}

/* The fill behind a last member may be missing: what is not there is not skipped. */
static bool skip(gf_tape *t, uint64_t want, gf_error *err)
{
	uint64_t room = t->size - t->given, to = t->given + (want < room ? want : room), n;

	if (to < t->taken)
		return gf_contained_broke(t->child, "reads where members were", err);
	if (!pass(t, to, err))
		return false;
	n = t->taken - t->given;
	t->given = t->taken;
	t->block_n = 0;
	return idle(t, n == 0, err) && gf_contained_send(t->child, &n, sizeof n, NULL, 0, err);
}

/* ---- what the reader says ---- */

/* On a tape that is read once, members begin within the block given last. */
static bool is_at(gf_tape *t, const gf_tape_entry *e, gf_error *err)
{
	uint64_t back = t->given - e->offset;

	if (e->offset > t->given || back > t->block_n || t->taken != t->given || e->n_magic > back ||
	    memcmp(t->block + (t->block_n - back), e->magic, e->n_magic) != 0)
		return gf_contained_broke(t->child, "says that a member is where it is not", err);
	t->at = e->offset;
	t->left = e->size;
	return true;
}

static bool entry(gf_tape *t, const gf_tape_word *w, size_t n, gf_tape_entry *e, gf_error *err)
{
	size_t link_n = n - w->name_n;
	char *link;

	if (w->name_n == 0 || w->name_n > GF_TAPE_NAME || w->name_n > n || link_n >= GF_TAPE_NAME ||
	    w->size >= GF_BLOB_MAX || w->n_magic > GF_TAPE_MAGIC || w->n_magic > w->size ||
	    (w->linked ? w->size > 0 : link_n > 0) || memchr(t->names, '\0', n) != NULL)
		return gf_contained_broke(t->child, "says of a member what cannot be", err);
	link = t->names + w->name_n + 1;
	memmove(link, t->names + w->name_n, link_n);
	link[link_n] = t->names[w->name_n] = '\0';
	*e = (gf_tape_entry){ .name = t->names,
		.link = w->linked ? link : NULL,
		.hard = w->hard != 0,
		.size = w->size,
		.offset = w->offset,
		.n_magic = w->n_magic };
	memcpy(e->magic, w->magic, sizeof e->magic);
	if (!gf_tape_clean(e->name, &t->clean, t->name, err) || strcmp(gf_buf_text(&t->clean), e->name) != 0)
		return gf_contained_broke(t->child, "says of a member what cannot be", err);
	if (++t->entries > GF_ARCHIVE_MEMBERS_MAX)
		return gf_contained_broke(t->child, "has members without end", err);
	return t->size != UINT64_MAX || e->size == 0 || is_at(t, e, err);
}

bool gf_tape_next(gf_tape *t, gf_tape_entry *e, bool *end, gf_error *err)
{
	*end = false;
	t->left = 0;
	for (;;) {
		gf_tape_word w;
		size_t n;
		bool ok;

		if (!gf_contained_receive(t->child, &w, sizeof w, t->names, 2 * GF_TAPE_NAME, &n, err))
			return false;
		switch (w.what) {
		case GF_TAPE_READ: ok = give(t, err); break;
		case GF_TAPE_SKIP: ok = skip(t, w.size, err); break;
		case GF_TAPE_ENTRY: return entry(t, &w, n, e, err);
		case GF_TAPE_END: *end = true; return true;
		case GF_TAPE_FAILURE: return gf_contained_failed(t->child, t->names, n, err);
		default: ok = gf_contained_broke(t->child, "sent what is no message", err);
		}
		if (!ok)
			return false;
	}
}

/* ---- members ---- */

typedef struct member {
	gf_input base;
	gf_tape *tape;
} member;

static ptrdiff_t member_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	gf_tape *t = ((member *)in)->tape;
	size_t n = cap < t->left ? cap : (size_t)t->left;
	uint64_t back = t->given - t->at;
	ptrdiff_t got;

	if (n == 0)
		return 0;
	if (t->at < t->given) {
		got = (ptrdiff_t)(n < back ? n : back);
		memcpy(buf, t->block + (t->block_n - back), (size_t)got);
	} else {
		got = gf_input_read(t->in, buf, n, err);
		if (got > 0)
			t->taken += (uint64_t)got;
	}
	if (got == 0) {
		gf_fail(err, GF_DAMAGED, "cut-short", t->name,
		    "the archive ends in the middle of a member; make or copy it again");
		got = -1;
	}
	if (got > 0) {
		t->at += (uint64_t)got;
		t->left -= (uint64_t)got;
	}
	return got;
}

static void member_close(gf_input *in)
{
	free(in);
}

static const gf_input_ops member_ops = { member_read, NULL, member_close };

gf_input *gf_tape_member(gf_tape *t, gf_error *err)
{
	member *m = gf_alloc(1, sizeof *m, err);

	if (m == NULL)
		return NULL;
	m->base.ops = &member_ops;
	m->tape = t;
	return &m->base;
}

bool gf_tape_drain(gf_tape *t, bool *foreign, gf_error *err)
{
	uint64_t passed = 0;
	ptrdiff_t got = -1;

	*foreign = false;
	t->buf = gf_alloc(1, GF_COPY_STEP, err);
	while (t->buf != NULL && (got = gf_input_read(t->in, t->buf, GF_COPY_STEP, err)) > 0) {
		passed += (uint64_t)got;
		if (passed > GF_ARCHIVE_TAIL_MAX)
			return gf_fail(err, GF_DAMAGED, "archive-tail", t->name,
			    "more than %zu MiB follow the end of the archive: cut it there",
			    GF_ARCHIVE_TAIL_MAX / GF_MIB);
		for (ptrdiff_t i = 0; i < got && !*foreign; i++)
			*foreign = t->buf[i] != 0;
	}
	return got == 0;
}
