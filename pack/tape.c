/* tape: events out of libarchive. */
#include "pack/tape.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_LIMIT 4096
/* What one header with all its extensions may take; a sparse map of millions of entries does not fit. */
#define HEADER_LIMIT ((uint64_t)1024 * 1024)
#define SEEK_STEP 4096

struct gf_tape {
	struct archive *a;
	gf_input *in;
	char *name;
	unsigned char *buf;
	size_t step;
	uint64_t size;      /* UINT64_MAX: not known */
	uint64_t taken;     /* from in */
	uint64_t in_header; /* bytes read since the header began; UINT64_MAX: not in one */
	bool at_end;        /* in is at its end */
	gf_error fault;     /* of in */
	size_t entries;
	gf_buf clean;
	/* the entry just reported */
	const unsigned char *piece;
	size_t piece_n;
	uint64_t passed, entry_size;
};

static la_ssize_t on_read(struct archive *a, void *ctx, const void **out)
{
	gf_tape *t = ctx;
	ptrdiff_t got = gf_input_read(t->in, t->buf, t->step, &t->fault);

	*out = t->buf;
	if (got > 0 && t->in_header != UINT64_MAX && (t->in_header += (uint64_t)got) > HEADER_LIMIT + t->step) {
		gf_fail(&t->fault, GF_DAMAGED, "archive-header", t->name,
		    "a member's header takes more than the %llu bytes allowed", (unsigned long long)HEADER_LIMIT);
		got = -1;
	}
	if (got < 0) {
		archive_set_error(a, EIO, "input");
		return -1;
	}
	t->at_end = got == 0;
	t->taken += (uint64_t)got;
	return got;
}

/* The fill behind a last member may be missing: what is not there is not skipped. */
static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t n)
{
	gf_tape *t = ctx;
	uint64_t want = n > 0 ? (uint64_t)n : 0, left = t->size - t->taken;

	if (want > left)
		want = left;
	if (!gf_input_skip(t->in, want, &t->fault)) {
		archive_set_error(a, EIO, "input");
		return -1;
	}
	t->taken += want;
	return (la_int64_t)want;
}

gf_tape *gf_tape_open(gf_input *in, uint64_t size, const char *name, gf_error *err)
{
	gf_tape *t = in != NULL ? gf_alloc(1, sizeof *t, err) : NULL;

	if (t == NULL) {
		gf_input_close(in);
		return NULL;
	}
	t->in = in;
	t->size = size;
	t->in_header = UINT64_MAX;
	t->step = size == UINT64_MAX ? GF_COPY_STEP : SEEK_STEP;
	gf_buf_init(&t->clean, NAME_LIMIT);
	t->name = gf_strdup(name, err);
	t->buf = t->name != NULL ? gf_alloc(t->step, 1, err) : NULL;
	if (t->buf == NULL)
		goto fail;
	t->a = archive_read_new();
	if (t->a == NULL) {
		gf_no_memory(err);
		goto fail;
	}
	archive_read_support_format_tar(t->a);
	archive_read_set_read_callback(t->a, on_read);
	if (size != UINT64_MAX)
		archive_read_set_skip_callback(t->a, on_skip);
	archive_read_set_callback_data(t->a, t);
	if (archive_read_open1(t->a) == ARCHIVE_OK)
		return t;
	if (t->fault.class != GF_OK)
		*err = t->fault;
	else
		gf_fail(err, GF_DAMAGED, "archive-format", name, "cannot be read as a tar archive");
fail:
	gf_tape_close(t);
	return NULL;
}

void gf_tape_close(gf_tape *t)
{
	if (t == NULL)
		return;
	archive_read_free(t->a);
	gf_input_close(t->in);
	gf_buf_clear(&t->clean);
	free(t->buf);
	free(t->name);
	free(t);
}

/* libarchive failed: our input's own fault first, then an early end, then what libarchive says. */
static bool broken(gf_tape *t, gf_error *err)
{
	const char *why = archive_error_string(t->a);
	gf_buf text;

	if (t->fault.class != GF_OK) {
		*err = t->fault;
		return false;
	}
	if (t->at_end && t->entries > 0)
		return gf_fail(err, GF_DAMAGED, "cut-short", t->name,
		    "the archive ends in the middle of a member; make or copy it again");
	if (t->entries == 0)
		return gf_fail(err, GF_DAMAGED, "archive-format", t->name,
		    "not a tar archive that 'docker save' or an OCI tool writes");
	gf_buf_init(&text, 4096);
	gf_text_escape(&text, why != NULL ? why : "unknown fault", 200, err);
	gf_fail(err, GF_DAMAGED, "archive", t->name, "the archive is damaged: %s", gf_buf_text(&text));
	gf_buf_clear(&text);
	return false;
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

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* The next block of the entry's bytes into piece; piece_n 0: its end. */
static bool fill(gf_tape *t, gf_error *err)
{
	const void *bytes = NULL;
	size_t n = 0;
	la_int64_t offset = 0;
	int r;

	do {
		r = archive_read_data_block(t->a, &bytes, &n, &offset);
	} while (r == ARCHIVE_OK && n == 0);
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return broken(t, err);
	if (r == ARCHIVE_EOF)
		n = 0;
	if ((n > 0 && (uint64_t)offset != t->passed) || (n == 0 && t->passed != t->entry_size))
		return gf_fail(err, GF_DAMAGED, "archive", t->name, "a member has %llu bytes where %llu were announced",
		    (unsigned long long)t->passed, (unsigned long long)t->entry_size);
	t->piece = bytes;
	t->piece_n = n;
	t->passed += n;
	return true;
}

/* A regular file: its size, where its bytes begin, and the first of them. */
static bool look_at_file(gf_tape *t, struct archive_entry *ae, gf_tape_entry *e, gf_error *err)
{
	la_int64_t size = archive_entry_size(ae);

	if (!archive_entry_size_is_set(ae) || size < 0 || (uint64_t)size >= GF_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "archive", t->name, "member '%s' has an impossible size", e->name);
	if (archive_entry_sparse_reset(ae) > 0)
		return gf_fail(err, GF_DAMAGED, "archive-sparse", t->name,
		    "member '%s' is sparse, which nothing that saves images writes; make the archive again without --sparse",
		    e->name);
	t->entry_size = e->size = (uint64_t)size;
	if (e->size == 0)
		return true;
	if (!fill(t, err))
		return false;
	e->offset = (uint64_t)archive_filter_bytes(t->a, 0);
	e->n_magic = t->piece_n < GF_TAPE_MAGIC ? t->piece_n : GF_TAPE_MAGIC;
	memcpy(e->magic, t->piece, e->n_magic);
	return true;
}

/* *skip: nothing that matters here. */
static bool look_at(gf_tape *t, struct archive_entry *ae, gf_tape_entry *e, bool *skip, gf_error *err)
{
	const char *name = archive_entry_pathname(ae), *hard = archive_entry_hardlink(ae),
		   *soft = archive_entry_symlink(ae);

	*e = (gf_tape_entry){ 0 };
	*skip = true;
	if (name == NULL) /* not text in any way; no member of an image has such a name */
		return true;
	if (!gf_tape_clean(name, &t->clean, t->name, err))
		return false;
	e->name = gf_buf_text(&t->clean);
	if (e->name[0] == '\0' || gf_starts_with(last_part(e->name), "._"))
		return true;
	*skip = false;
	if (hard != NULL || soft != NULL) {
		e->hard = hard != NULL;
		e->link = hard != NULL ? hard : soft;
		return strlen(e->link) < NAME_LIMIT ||
		    gf_fail(err, GF_DAMAGED, "too-large", t->name, "the target of link '%s' is too long", e->name);
	}
	if (archive_entry_filetype(ae) == AE_IFREG)
		return look_at_file(t, ae, e, err);
	*skip = true;
	return true;
}

bool gf_tape_next(gf_tape *t, gf_tape_entry *e, bool *end, gf_error *err)
{
	bool skip = true;

	*end = false;
	while (skip) {
		struct archive_entry *ae;
		int r = ARCHIVE_OK;
		/* Here and not inside the next header, whose bytes are counted. */
		if (t->entries > 0)
			r = archive_read_data_skip(t->a);
		if (r == ARCHIVE_FATAL || r == ARCHIVE_FAILED)
			return broken(t, err);
		t->piece = NULL;
		t->piece_n = 0;
		t->passed = t->entry_size = 0;
		t->in_header = 0;
		r = archive_read_next_header(t->a, &ae);
		t->in_header = UINT64_MAX;
		if (r == ARCHIVE_EOF) {
			*end = true;
			return true;
		}
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return broken(t, err);
		if (++t->entries > GF_ARCHIVE_MEMBERS_MAX)
			return gf_fail(err, GF_DAMAGED, "archive-members", t->name,
			    "has more than the %d members allowed", GF_ARCHIVE_MEMBERS_MAX);
		if (!look_at(t, ae, e, &skip, err))
			return false;
	}
	return true;
}

typedef struct member {
	gf_input base;
	gf_tape *tape;
} member;

static ptrdiff_t member_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	gf_tape *t = ((member *)in)->tape;
	size_t n;

	if (t->piece_n == 0 && !fill(t, err))
		return -1;
	n = t->piece_n < cap ? t->piece_n : cap;
	if (n > 0)
		memcpy(buf, t->piece, n);
	t->piece += n;
	t->piece_n -= n;
	return (ptrdiff_t)n;
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
	ptrdiff_t got;

	*foreign = false;
	while ((got = gf_input_read(t->in, t->buf, t->step, err)) > 0) {
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
