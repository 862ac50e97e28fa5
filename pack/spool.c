/*
 * spool: a tar that only goes forward, kept in one pass.
 *
 * Which members are layers is known only at the end (manifest.json is written last), so every
 * member that is no small text is taken for one.  Two unnamed files: raw layers go through the
 * compressing ring into one, while members that are kept as they are go into the other.
 */
#include "pack/archive.h"

#include <stdlib.h>

/* Texts: what manifest.json, configs and documents look like, and the VERSION files of old saves. */
#define TEXT_MAX (4 * GF_MIB)
#define TINY_MAX 512

typedef struct pass {
	gf_archive *archive;
	gf_tape *tape;
	const gf_spooling *how;
	int squeezed, kept; /* descriptors */
	size_t in_memory;
	uint64_t kept_at;
	unsigned transfer;
	/* Entries on their way through the ring: the reader appends, the writer follows. */
	gf_entry *last, *first, *current;
	uint64_t squeezed_at;
} pass;

static bool is_text(const gf_tape_entry *e)
{
	if (e->size <= TINY_MAX)
		return true;
	return e->size <= TEXT_MAX && e->n_magic > 0 && (e->magic[0] == '{' || e->magic[0] == '[');
}

static bool keep_text(pass *p, gf_entry *e, gf_error *err)
{
	gf_input *in;
	gf_output *out;
	bool ok;

	if (e->size > GF_ARCHIVE_JSON_MAX - p->in_memory)
		return gf_fail(err, GF_DAMAGED, "too-large", gf_archive_name(p->archive),
		    "its small members take more than the %zu bytes allowed", GF_ARCHIVE_JSON_MAX);
	p->in_memory += (size_t)e->size;
	e->lies = GF_LIES_MEMORY;
	gf_buf_init(&e->bytes, TEXT_MAX);
	in = gf_tape_member(p->tape, err);
	out = gf_output_buf(&e->bytes, err);
	ok = in != NULL && out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);
	gf_output_close(out);
	gf_input_close(in);
	return ok;
}

static bool take_kept(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	pass *p = ctx;

	if (!gf_pwrite_all(p->kept, bytes, n, p->kept_at, "the spool file", err))
		return false;
	p->kept_at += n;
	gf_event_advance(p->how->events, p->transfer, n);
	return true;
}

static bool keep_layer(pass *p, gf_entry *e, gf_error *err)
{
	gf_input *in = gf_tape_member(p->tape, err);
	gf_codec codec = gf_entry_codec(e);
	gf_error unfit;
	bool ok = in != NULL;

	e->lies = GF_LIES_SPOOL;
	e->spool = p->kept;
	e->offset = p->kept_at;
	if (ok && gf_codec_kept(codec)) {
		ok = gf_made_packed(in, codec, e->name, take_kept, p, &e->made, &unfit, err);
		e->inflated = ok && unfit.class == GF_OK;
	} else if (ok) {
		ok = gf_made_raw(in, take_kept, p, &e->made, err);
		e->inflated = codec == GF_CODEC_NONE;
	}
	gf_input_close(in);
	return ok;
}

/* The tape up to the next raw layer; all that lies before it is kept on the way. */
static bool next_layer(void *ctx, gf_input **in, gf_error *err)
{
	pass *p = ctx;
	gf_tape_entry seen;
	bool end;

	*in = NULL;
	for (;;) {
		gf_entry *e;
		if (!gf_tape_next(p->tape, &seen, &end, err))
			return false;
		if (end)
			return true;
		if (!gf_archive_add(p->archive, &seen, &e, err))
			return false;
		if (e->link != NULL)
			continue;
		if (is_text(&seen)) {
			if (!keep_text(p, e, err))
				return false;
		} else if (p->how->squeeze == GF_CODEC_NONE || gf_entry_codec(e) != GF_CODEC_NONE) {
			if (!keep_layer(p, e, err))
				return false;
		} else {
			e->lies = GF_LIES_SPOOL;
			e->spool = p->squeezed;
			if (p->last != NULL)
				p->last->next = e;
			else
				p->first = e;
			p->last = e;
			*in = gf_tape_member(p->tape, err);
			return *in != NULL;
		}
	}
}

static bool begin_layer(void *ctx, gf_error *err)
{
	pass *p = ctx;

	(void)err;
	p->current = p->current != NULL ? p->current->next : p->first;
	p->current->offset = p->squeezed_at;
	return true;
}

static bool write_layer(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	pass *p = ctx;

	if (!gf_pwrite_all(p->squeezed, bytes, n, p->squeezed_at, "the spool file", err))
		return false;
	p->squeezed_at += n;
	return true;
}

static bool end_layer(void *ctx, const gf_made *made, gf_error *err)
{
	pass *p = ctx;

	(void)err;
	p->current->made = *made;
	p->current->inflated = true;
	gf_event_advance(p->how->events, p->transfer, made->raw_size);
	return true;
}

bool gf_archive_spool(gf_archive *a, gf_tape *t, const gf_spooling *how, int fd[2], gf_error *err)
{
	pass p = { .archive = a, .tape = t, .how = how };
	gf_squeeze s = { next_layer, begin_layer, write_layer, end_layer, &p, how->squeeze };
	bool foreign = false, ok;

	fd[0] = gf_file_spool(how->output, err);
	fd[1] = fd[0] >= 0 ? gf_file_spool(how->output, err) : -1;
	if (fd[1] < 0)
		return false;
	p.squeezed = fd[0];
	p.kept = fd[1];
	p.transfer = gf_event_begin(how->events, gf_archive_name(a), 0);
	ok = gf_squeeze_run(&s, how->jobs, err) && gf_tape_drain(t, &foreign, err);
	gf_event_end(how->events, p.transfer);
	if (ok && foreign)
		gf_event_say(how->events, GF_EVENT_WARNING, "%s: there is more behind the end of the archive; left out",
		    gf_archive_name(a));
	return ok;
}
