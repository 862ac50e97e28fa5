/*
 * The child's half of a tape: events out of libarchive.
 *
 * What it reads it asks for, block by block; what lies inside members it asks to be skipped.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pack/tape_line.h"

/* What one header with all its extensions may take; a sparse map of millions of entries does not fit. */
#define HEADER_LIMIT ((uint64_t)1024 * 1024)

typedef struct reader {
	struct archive *a;
	int line;
	const char *name;   /* of the archive */
	uint64_t in_header; /* bytes read since the header began; UINT64_MAX: not in one */
	bool at_end;        /* no more to be read */
	gf_error fault;     /* of our own, inside a call of libarchive */
	size_t entries;
	gf_buf clean;
	unsigned char block[GF_TAPE_BLOCK];
} reader;

/* An answer: its number, and bytes where some were asked for.  Without one there is nobody to read for. */
static bool ask(reader *r, gf_tape_ask what, uint64_t want, uint64_t *n, size_t *got)
{
	const gf_tape_word w = { .what = what, .size = want };

	return (gf_line_send(r->line, &w, sizeof w, NULL, 0) &&
		   gf_line_receive(r->line, n, sizeof *n, r->block, sizeof r->block, got)) ||
	    gf_fail(&r->fault, GF_FAILED, "contained", r->name, "the reader of '%s' was left", r->name);
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **out)
{
	reader *r = ctx;
	uint64_t n;
	size_t got;
	bool ok = ask(r, GF_TAPE_READ, sizeof r->block, &n, &got);

	*out = r->block;
	if (ok && r->in_header != UINT64_MAX && (r->in_header += got) > HEADER_LIMIT + sizeof r->block)
		ok = gf_fail(&r->fault, GF_DAMAGED, "archive-header", r->name,
		    "a member's header takes more than the %llu bytes allowed", (unsigned long long)HEADER_LIMIT);
	if (!ok) {
		archive_set_error(a, EIO, "input");
		return -1;
	}
	r->at_end = got == 0;
	return (la_ssize_t)got;
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t n)
{
	reader *r = ctx;
	uint64_t skipped = 0;
	size_t none;

	(void)a;
	/* Nothing skipped makes libarchive read, which fails; after a negative number it asks for the skip without end. */
	if (n > 0 && !ask(r, GF_TAPE_SKIP, (uint64_t)n, &skipped, &none))
		return 0;
	return (la_int64_t)skipped;
}

/* libarchive failed: our own fault first, then memory, then an early end, then what libarchive says. */
static void explain(reader *r, gf_error *err)
{
	const char *why = archive_error_string(r->a);
	gf_buf text;

	if (r->fault.class != GF_OK) {
		*err = r->fault;
	} else if (archive_errno(r->a) == ENOMEM || archive_errno(r->a) == 0) {
		/* It tells of memory that it lacks by ENOMEM, or by no reason at all. */
		gf_no_memory(err);
	} else if (r->at_end && r->entries > 0) {
		gf_fail(err, GF_DAMAGED, "cut-short", r->name,
		    "the archive ends in the middle of a member; make or copy it again");
	} else if (r->entries == 0) {
		gf_fail(err, GF_DAMAGED, "archive-format", r->name,
		    "not a tar archive that 'docker save' or an OCI tool writes");
	} else {
		gf_buf_init(&text, 4096);
		gf_text_escape(&text, why != NULL ? why : "unknown fault", 200, err);
		gf_fail(err, GF_DAMAGED, "archive", r->name, "the archive is damaged: %s", gf_buf_text(&text));
		gf_buf_clear(&text);
	}
}

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* That the entry's bytes begin where they should; *piece: the first of them. */
static bool first_bytes(reader *r, uint64_t size, const void **piece, size_t *n, gf_error *err)
{
	la_int64_t offset = 0;
	int rc;

	do {
		rc = archive_read_data_block(r->a, piece, n, &offset);
	} while (rc == ARCHIVE_OK && *n == 0);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_EOF) {
		explain(r, err);
		return false;
	}
	return (rc == ARCHIVE_OK && offset == 0) ||
	    gf_fail(err, GF_DAMAGED, "archive", r->name, "a member has 0 bytes where %llu were announced",
		(unsigned long long)size);
}

/* A regular file: its size, where its bytes begin, and the first of them. */
static bool look_at_file(reader *r, struct archive_entry *ae, gf_tape_entry *e, gf_error *err)
{
	la_int64_t size = archive_entry_size(ae);
	const void *piece = NULL;
	size_t n = 0;

	if (!archive_entry_size_is_set(ae) || size < 0 || (uint64_t)size >= GF_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "archive", r->name, "member '%s' has an impossible size", e->name);
	if (archive_entry_sparse_reset(ae) > 0)
		return gf_fail(err, GF_DAMAGED, "archive-sparse", r->name,
		    "member '%s' is sparse, which nothing that saves images writes; make the archive again without --sparse",
		    e->name);
	e->size = (uint64_t)size;
	if (e->size == 0)
		return true;
	if (!first_bytes(r, e->size, &piece, &n, err))
		return false;
	e->offset = (uint64_t)archive_filter_bytes(r->a, 0);
	e->n_magic = n < GF_TAPE_MAGIC ? n : GF_TAPE_MAGIC;
	memcpy(e->magic, piece, e->n_magic);
	return true;
}

/* *skip: nothing that matters here. */
static bool look_at(reader *r, struct archive_entry *ae, gf_tape_entry *e, bool *skip, gf_error *err)
{
	const char *name = archive_entry_pathname(ae), *hard = archive_entry_hardlink(ae),
		   *soft = archive_entry_symlink(ae);

	*e = (gf_tape_entry){ 0 };
	*skip = true;
	if (name == NULL) /* not text in any way; no member of an image has such a name */
		return true;
	if (!gf_tape_clean(name, &r->clean, r->name, err))
		return false;
	e->name = gf_buf_text(&r->clean);
	if (e->name[0] == '\0' || gf_starts_with(last_part(e->name), "._"))
		return true;
	*skip = false;
	if (hard != NULL || soft != NULL) {
		e->hard = hard != NULL;
		e->link = hard != NULL ? hard : soft;
		return strlen(e->link) < GF_TAPE_NAME ||
		    gf_fail(err, GF_DAMAGED, "too-large", r->name, "the target of link '%s' is too long", e->name);
	}
	if (archive_entry_filetype(ae) == AE_IFREG)
		return look_at_file(r, ae, e, err);
	*skip = true;
	return true;
}

/* The next header, behind the bytes of the member before it. */
static int next_header(reader *r, struct archive_entry **ae)
{
	int rc = ARCHIVE_OK;

	/* Here and not inside the next header, whose bytes are counted. */
	if (r->entries > 0)
		rc = archive_read_data_skip(r->a);
	if (rc == ARCHIVE_FATAL || rc == ARCHIVE_FAILED)
		return rc;
	r->in_header = 0;
	rc = archive_read_next_header(r->a, ae);
	r->in_header = UINT64_MAX;
	return rc;
}

static bool next(reader *r, gf_tape_entry *e, bool *end, gf_error *err)
{
	struct archive_entry *ae;
	bool skip = true;

	*end = false;
	while (skip) {
		int rc = next_header(r, &ae);

		*end = rc == ARCHIVE_EOF;
		if (*end)
			break;
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
			explain(r, err);
			return false;
		}
		if (++r->entries > GF_ARCHIVE_MEMBERS_MAX)
			return gf_fail(err, GF_DAMAGED, "archive-members", r->name,
			    "has more than the %d members allowed", GF_ARCHIVE_MEMBERS_MAX);
		if (!look_at(r, ae, e, &skip, err))
			return false;
	}
	return true;
}

static bool tell(reader *r, const gf_tape_entry *e)
{
	size_t name_n = strlen(e->name), link_n = e->link != NULL ? strlen(e->link) : 0;
	char names[2 * GF_TAPE_NAME];
	gf_tape_word w = { .what = GF_TAPE_ENTRY,
		.size = e->size,
		.offset = e->offset,
		.name_n = (uint32_t)name_n,
		.linked = e->link != NULL,
		.hard = e->hard,
		.n_magic = (unsigned char)e->n_magic };

	memcpy(w.magic, e->magic, sizeof w.magic);
	memcpy(names, e->name, name_n);
	memcpy(names + name_n, e->link != NULL ? e->link : "", link_n);
	return gf_line_send(r->line, &w, sizeof w, names, name_n + link_n);
}

/* *left: nobody took a message, so that the end would be one too early. */
static bool read_all(reader *r, bool *left, gf_error *err)
{
	gf_tape_entry e;
	bool end = false;

	if (archive_read_support_format_tar(r->a) != ARCHIVE_OK)
		return gf_no_memory(err);
	archive_read_set_read_callback(r->a, on_read);
	archive_read_set_skip_callback(r->a, on_skip);
	archive_read_set_callback_data(r->a, r);
	if (archive_read_open1(r->a) != ARCHIVE_OK) {
		explain(r, err);
		return false;
	}
	while (!*left && next(r, &e, &end, err)) {
		if (end)
			return true;
		*left = !tell(r, &e);
	}
	return false;
}

void gf_tape_read(void *ctx, int line)
{
	gf_error err = { 0 };
	reader *r = gf_alloc(1, sizeof *r, &err);
	gf_tape_word w = { .what = GF_TAPE_END };
	bool ok = false, left = false;

	if (r != NULL) {
		r->line = line;
		r->name = ctx;
		r->in_header = UINT64_MAX;
		gf_buf_init(&r->clean, GF_TAPE_NAME);
		r->a = archive_read_new();
		ok = r->a != NULL ? read_all(r, &left, &err) : gf_no_memory(&err);
		archive_read_free(r->a);
		gf_buf_clear(&r->clean);
	}
	free(r);
	if (!ok)
		w.what = GF_TAPE_FAILURE;
	if (!left)
		(void)gf_line_send(line, &w, sizeof w, &err, ok ? 0 : sizeof err);
}
