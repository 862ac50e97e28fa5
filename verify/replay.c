#include <stdlib.h>
#include <string.h>

#include "verify/replay.h"

#define LINES 2048
#define BYTES (2 * GF_MIB)
#define CHUNK 128 /* lines that one core takes at a time */

typedef struct row {
	size_t at, n; /* in the text */
	gf_entry entry;
	gf_entry_words words; /* its text */
	gf_digest leaf;
	bool good;
} row;

typedef struct batch {
	gf_replay *replay;
	gf_buf text;
	row *rows;
	size_t n, room;
} batch;

static bool copy(const char **text, char *room, size_t n)
{
	if (*text == NULL)
		return true;
	if (strlen(*text) >= n) {
		*text = NULL; /* it goes with its document */
		return false;
	}
	memcpy(room, *text, strlen(*text) + 1);
	*text = room;
	return true;
}

/* What this program did not write: the document goes where it came from, this thread; a line with longer words is read
 * again in its turn. */
static bool read_other(row *r, const char *line)
{
	gf_entry *e = &r->entry;
	gf_json_doc *doc;
	gf_error why;
	bool ok = gf_entry_read(line, r->n, &doc, e, &why) && copy(&e->type, r->words.type, sizeof r->words.type) &&
	    copy(&e->stream, r->words.stream, sizeof r->words.stream) &&
	    copy(&e->environment, r->words.environment, sizeof r->words.environment);

	gf_json_free(doc);
	return ok;
}

/* Rows of one chunk: read, and their leaves made.  What is wrong with one is found again in its turn. */
static bool read_chunk(void *ctx, size_t chunk, gf_error *err)
{
	batch *b = ctx;
	size_t to = (chunk + 1) * CHUNK < b->n ? (chunk + 1) * CHUNK : b->n;
	gf_hash *h = gf_hash_new(err);
	bool ok = h != NULL;

	for (size_t i = chunk * CHUNK; ok && i < to; i++) {
		row *r = &b->rows[i];
		const char *line = b->text.data + r->at;

		r->good = gf_entry_read_plain(line, r->n, &r->words, &r->entry) || read_other(r, line);
		ok = gf_merkle_leaf(h, line, r->n, &r->leaf, err);
	}
	gf_hash_free(h);
	return ok;
}

static bool add_row(batch *b, row *r, gf_error *err)
{
	gf_replay *replay = b->replay;
	bool ok = r->good ? gf_cache_add(replay->cache, replay->hash, &r->entry, &r->leaf, r->n, err)
			  : gf_cache_take(replay->cache, replay->hash, b->text.data + r->at, r->n, err);

	replay->bad_line = !ok;
	return ok && (replay->each == NULL || replay->each(replay->ctx, err));
}

static bool flush(batch *b, gf_error *err)
{
	size_t chunks = (b->n + CHUNK - 1) / CHUNK;
	bool ok = gf_parallel(chunks < 2 ? 1 : gf_cores(), chunks, read_chunk, b, err);

	for (size_t i = 0; ok && i < b->n; i++)
		ok = add_row(b, &b->rows[i], err);
	b->n = 0;
	b->text.len = 0;
	return ok;
}

static bool take(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	batch *b = ctx;

	(void)number;
	if ((b->n == LINES || b->text.len + n > BYTES) && !flush(b, err))
		return false;
	if (!gf_grow(&b->rows, &b->room, b->n, sizeof *b->rows, err))
		return false;
	b->rows[b->n].at = b->text.len;
	b->rows[b->n].n = n;
	return gf_buf_add(&b->text, line, n, err) && ++b->n > 0;
}

bool gf_replay_run(gf_replay *r, gf_log *l, gf_error *err)
{
	batch b = { .replay = r };
	gf_error why;
	bool ok;

	r->bad_line = false;
	gf_buf_init(&b.text, BYTES + GF_LOG_LINE_MAX);
	ok = gf_log_read(l, take, &b, err);
	if (!flush(&b, &why)) { /* earlier than what could not be read */
		*err = why;
		ok = false;
	}
	if (!ok)
		gf_log_stand(l, r->cache->tree.size, r->cache->offset);
	free(b.rows);
	gf_buf_clear(&b.text);
	return ok;
}
