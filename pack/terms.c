/* terms: what the options, an older bundle and the build system say about a bundle's place in its stream. */
#include "pack/terms.h"

#include <stdlib.h>
#include <string.h>

#include "pack/metadata.h"
#include "verify/verify.h"

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)
#define OLD_SECONDS ((gf_time)7 * 24 * 60 * 60)
#define CREATED_MAX ((gf_time)8589934591) /* eleven octal digits of a tar header */

bool gf_layers_parse(const char *text, gf_layers *out)
{
	static const char *const words[] = { "gzip", "zstd", "none" }; /* in the order of gf_layers */
	size_t i = 0;

	while (i < sizeof words / sizeof *words && strcmp(words[i], text) != 0)
		i++;
	*out = i < sizeof words / sizeof *words ? (gf_layers)i : GF_LAYERS_GZIP;
	return i < sizeof words / sizeof *words;
}

gf_codec gf_layers_codec(gf_layers layers)
{
	switch (layers) {
	case GF_LAYERS_ZSTD: return GF_CODEC_ZSTD;
	case GF_LAYERS_NONE: return GF_CODEC_NONE;
	default: return GF_CODEC_GZIP;
	}
}

bool gf_platform_check(const char *text, gf_error *err)
{
	if (strcmp(text, "all") == 0)
		return gf_fail(err, GF_USAGE, "platform", text,
		    "'all' is what is packed without it: an index is kept whole, with every platform");
	return gf_platform_valid(text) ||
	    gf_fail(err, GF_USAGE, "platform", text,
		"'%.60s' is no platform: write OS/ARCHITECTURE[/VARIANT] in lower case, such as linux/arm64", text);
}

bool gf_expires_parse(const char *text, gf_pack_options *o)
{
	o->expires = 0;
	o->lifetime = 0;
	return gf_date_parse(text, &o->expires) ||
	    (gf_duration_parse(text, &o->lifetime) && o->lifetime > 0 && o->lifetime <= GF_LIFETIME_MAX);
}

static bool set_created(const gf_pack_options *o, gf_events *events, gf_manifest *m, gf_error *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	gf_time now = gf_now();
	uint64_t seconds;
	char text[GF_TIME_SIZE];

	m->created = now;
	if (o->has_created) {
		m->created = o->created;
	} else if (epoch != NULL && *epoch != '\0') {
		if (!gf_u64_parse(epoch, (uint64_t)CREATED_MAX, &seconds))
			return gf_fail(err, GF_USAGE, "created", epoch, "SOURCE_DATE_EPOCH is no number of seconds");
		m->created = (gf_time)seconds;
	}
	if (m->created < 0 || m->created > CREATED_MAX)
		return gf_fail(err, GF_USAGE, "created", NULL, "the time of creation lies outside 1970 to 2242");
	gf_time_print(m->created, text);
	if (m->created < now - OLD_SECONDS)
		gf_event_say(events, GF_EVENT_WARNING,
		    "created is %s, more than 7 days ago: a site with a 'maxAge' may refuse this bundle", text);
	m->expires = o->expires == 0 && o->lifetime != 0 ? m->created + o->lifetime : o->expires;
	if (m->expires != 0 && m->expires <= m->created)
		return gf_fail(
		    err, GF_USAGE, "expires", NULL, "the bundle would expire before it was made, at %s", text);
	return true;
}

static bool from_build_system(gf_events *events, uint64_t *sequence)
{
	const char *name;

	if (!gf_metadata_rising(NUMBER_MAX, &name, sequence))
		return false;
	gf_event_say(events, GF_EVENT_NOTE, "sequence %llu, from %s", (unsigned long long)*sequence, name);
	return true;
}

/* The release before this one, as its bundle or a receipt of it says. */
typedef struct older {
	char *stream; /* NULL: none */
	uint64_t epoch, sequence;
	gf_digest manifest;
} older;

static bool read_bundle(const char *path, older *old, gf_error *err)
{
	gf_reader *r = gf_reader_open(path, err);
	const gf_buf *text = r != NULL ? gf_reader_statement(r) : NULL;
	gf_manifest *m = text != NULL ? gf_manifest_parse(gf_buf_text(text), text->len, err) : NULL;
	bool ok = m != NULL && gf_hash_bytes(gf_buf_text(text), text->len, &old->manifest, err);

	if (ok) {
		old->epoch = m->epoch;
		old->sequence = m->sequence;
		ok = m->stream == NULL || (old->stream = gf_strdup(m->stream, err)) != NULL;
	}
	gf_manifest_free(m);
	gf_reader_close(r);
	return ok;
}

static bool read_receipt(const char *path, older *old, gf_error *err)
{
	gf_receipt r = { .stream = NULL };
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_COMPANION_MAX);
	ok = gf_file_load(path, GF_COMPANION_MAX, GF_USAGE, &text, err) &&
	    gf_receipt_parse(gf_buf_text(&text), text.len, path, &r, err);
	if (ok) {
		old->epoch = r.epoch;
		old->sequence = r.sequence;
		old->manifest = r.manifest;
		old->stream = r.stream;
		r.stream = NULL;
	}
	gf_receipt_clear(&r);
	gf_buf_clear(&text);
	return ok;
}

/* A bundle is a tar or a directory; a receipt is named as statements are. */
static bool read_older(const char *path, older *old, gf_error *err)
{
	return (gf_ends_with(path, ".json") ? read_receipt : read_bundle)(path, old, err) ||
	    gf_because(err, "--after '%s'", path);
}

/* sequence, epoch and previous; whose signatures it has is not this verb's business. */
static bool from_older(const gf_pack_options *o, gf_manifest *m, uint64_t *epoch, gf_error *err)
{
	older old = { .stream = NULL };
	bool ok = read_older(o->after, &old, err);

	if (ok && (old.stream == NULL || strcmp(old.stream, o->stream) != 0)) {
		ok = gf_fail(err, GF_USAGE, "after", o->after, "'%s' belongs to stream '%s', not to '%s'", o->after,
		    old.stream != NULL ? old.stream : "", o->stream);
	} else if (ok && old.sequence == NUMBER_MAX && !o->has_sequence) {
		ok =
		    gf_fail(err, GF_USAGE, "after", o->after, "the sequence of '%s' is the highest there is", o->after);
	} else if (ok) {
		m->has_previous = true;
		m->previous = old.manifest;
		m->previous_sequence = old.sequence;
		m->sequence = old.sequence + 1;
		m->epoch = *epoch = old.epoch;
	}
	free(old.stream);
	return ok;
}

static bool set_stream(const gf_pack_options *o, gf_events *events, gf_manifest *m, gf_error *err)
{
	uint64_t number, old_epoch = 0;

	if (o->stream == NULL) {
		if (o->has_sequence || o->has_epoch || o->after != NULL)
			return gf_fail(err, GF_USAGE, "stream", NULL,
			    "--sequence, --epoch and --after count releases of a stream: name it with --stream");
		return true;
	}
	if (!gf_name_valid(o->stream))
		return gf_fail(err, GF_USAGE, "stream", o->stream,
		    "'%s' is no name of a stream: a-z, 0-9, '.', '_', '-', at most 64, the first a letter or digit",
		    o->stream);
	m->stream = gf_strdup(o->stream, err);
	if (m->stream == NULL)
		return false;
	m->epoch = 1;
	if (o->after != NULL && !from_older(o, m, &old_epoch, err))
		return false;
	if (o->has_epoch)
		m->epoch = o->epoch;
	if (o->has_sequence)
		m->sequence = o->sequence;
	else if (o->after == NULL && from_build_system(events, &number))
		m->sequence = number;
	else if (o->after == NULL)
		return gf_fail(err, GF_USAGE, "sequence", o->stream,
		    "a stream needs a sequence that rises: --sequence N, --after OLD-BUNDLE or its receipt for one more than that, or a build "
		    "system that counts (Azure Pipelines, GitHub Actions, GitLab CI, Bitbucket, Buildkite, Jenkins)");
	if (m->has_previous && (m->epoch < old_epoch || (m->epoch == old_epoch && m->sequence <= m->previous_sequence)))
		return gf_fail(err, GF_USAGE, "sequence", o->after,
		    "epoch %llu, sequence %llu does not rise above %llu, %llu of '%s'", (unsigned long long)m->epoch,
		    (unsigned long long)m->sequence, (unsigned long long)old_epoch,
		    (unsigned long long)m->previous_sequence, o->after);
	return true;
}

static bool set_audience(const gf_pack_options *o, gf_manifest *m, gf_error *err)
{
	if (o->n_audience == 0)
		return true;
	m->audience = gf_alloc(o->n_audience, sizeof *m->audience, err);
	if (m->audience == NULL)
		return false;
	for (size_t i = 0; i < o->n_audience; i++) {
		if (!gf_name_valid(o->audience[i]))
			return gf_fail(
			    err, GF_USAGE, "audience", o->audience[i], "'%s' is no name of a site", o->audience[i]);
		m->audience[m->n_audience] = gf_strdup(o->audience[i], err);
		if (m->audience[m->n_audience++] == NULL)
			return false;
	}
	return true;
}

bool gf_terms_set(const gf_pack_options *o, gf_events *events, gf_manifest *m, gf_error *err)
{
	if (!set_created(o, events, m, err) || !set_stream(o, events, m, err) || !set_audience(o, m, err))
		return false;
	m->trust_version = o->trust_version;
	m->version = o->version != NULL ? gf_strdup(o->version, err) : NULL;
	return o->version == NULL || m->version != NULL;
}
