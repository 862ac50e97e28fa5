/* One line of the log, read twice in the code: as any JSON, and as the plain JSON that gf_log_print writes. */
#include <string.h>

#include "verify/entry.h"

static bool read_entry(gf_json root, gf_entry *e, gf_error *err)
{
	const char *time = NULL, *created = NULL;
	gf_time at;

	if (!gf_json_string(root, "type", &e->type, err) || !gf_json_string(root, "time", &time, err))
		return false;
	if (!gf_time_parse(time, &at))
		return gf_json_fail(gf_json_get(root, "time"), "log", err, "'%s' is not a time", time);
	if (!gf_json_string_if(root, "stream", &e->stream, err) ||
	    !gf_json_string_if(root, "environment", &e->environment, err) ||
	    !gf_json_string_if(root, "created", &created, err) ||
	    !gf_json_bool_if(root, "unsigned", &e->unsigned_bundle, err))
		return false;
	if (created != NULL && !gf_time_parse(created, &e->created))
		return gf_json_fail(gf_json_get(root, "created"), "log", err, "'%s' is not a time", created);
	e->has_manifest = gf_json_typeof(gf_json_get(root, "manifest")) != GF_JSON_ABSENT;
	e->has_statement = gf_json_typeof(gf_json_get(root, "statement")) != GF_JSON_ABSENT;
	if ((e->has_manifest && !gf_json_digest(root, "manifest", &e->manifest, err)) ||
	    (e->has_statement && !gf_json_digest(root, "statement", &e->statement, err)) ||
	    !gf_json_u64_if(root, "trustVersion", &e->trust_version, err))
		return false;
	/* A line with a stream has its numbers: a floor that lost its number would be no floor. */
	return e->stream == NULL ||
	    (gf_json_u64(root, "epoch", &e->epoch, err) && gf_json_u64(root, "sequence", &e->sequence, err));
}

bool gf_entry_read(const char *line, size_t n, gf_json_doc **doc, gf_entry *e, gf_error *err)
{
	*e = (gf_entry){ 0 };
	*doc = gf_json_parse(line, n, GF_LOG_LINE_MAX, GF_FAILED, "line", err);
	return *doc != NULL && read_entry(gf_json_root(*doc), e, err);
}

/* ---- plain ---- */

static bool is(const gf_json_plain *m, const char *key)
{
	return strlen(key) == m->key_n && memcmp(m->key, key, m->key_n) == 0;
}

/* With a NUL behind it; no: it is no text, or longer than room. */
static bool copy(const gf_json_plain *m, char *room, size_t size)
{
	if (m->type != GF_JSON_STRING || m->n >= size)
		return false;
	memcpy(room, m->text, m->n);
	room[m->n] = '\0';
	return true;
}

static bool take_text(const gf_json_plain *m, char *room, size_t size, const char **out)
{
	*out = room;
	return copy(m, room, size);
}

static bool take_time(const gf_json_plain *m, gf_time *out)
{
	char text[GF_TIME_SIZE];

	return copy(m, text, sizeof text) && gf_time_parse(text, out);
}

static bool take_digest(const gf_json_plain *m, bool *there, gf_digest *out)
{
	char text[GF_DIGEST_SIZE];

	*there = true;
	return copy(m, text, sizeof text) && gf_digest_parse(text, out);
}

static bool take_number(const gf_json_plain *m, uint64_t *out)
{
	if (m->type != GF_JSON_INTEGER)
		return false;
	*out = m->integer;
	return true;
}

typedef struct seen {
	gf_time time;     /* 0: none, or one that gf_entry_read is to judge */
	unsigned numbers; /* of a stream: epoch and sequence */
} seen;

static bool take_member(const gf_json_plain *m, gf_entry *e, gf_entry_words *w, seen *s)
{
	if (is(m, "type"))
		return take_text(m, w->type, sizeof w->type, &e->type);
	if (is(m, "time"))
		return take_time(m, &s->time);
	if (is(m, "stream"))
		return take_text(m, w->stream, sizeof w->stream, &e->stream);
	if (is(m, "environment"))
		return take_text(m, w->environment, sizeof w->environment, &e->environment);
	if (is(m, "created"))
		return take_time(m, &e->created);
	if (is(m, "manifest"))
		return take_digest(m, &e->has_manifest, &e->manifest);
	if (is(m, "statement"))
		return take_digest(m, &e->has_statement, &e->statement);
	if (is(m, "trustVersion"))
		return take_number(m, &e->trust_version);
	if (is(m, "epoch"))
		return ++s->numbers > 0 && take_number(m, &e->epoch);
	if (is(m, "sequence"))
		return ++s->numbers > 0 && take_number(m, &e->sequence);
	if (is(m, "unsigned")) {
		e->unsigned_bundle = m->flag;
		return m->type == GF_JSON_OTHER;
	}
	return true;
}

bool gf_entry_read_plain(const char *line, size_t n, gf_entry_words *words, gf_entry *e)
{
	gf_json_plain members[GF_JSON_PLAIN_MAX];
	seen s = { .time = 0 };
	size_t count;

	*e = (gf_entry){ 0 };
	if (n > GF_LOG_LINE_MAX || !gf_json_plain_read(line, n, members, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_member(&members[i], e, words, &s))
			return false;
	return e->type != NULL && s.time > 0 && s.numbers == (e->stream != NULL ? 2 : 0);
}

/* ---- what it says ---- */

bool gf_entry_accepts(const gf_entry *e)
{
	return !e->unsigned_bundle && (strcmp(e->type, "accepted") == 0 || strcmp(e->type, "restored") == 0);
}

bool gf_entry_completes(const gf_entry *e)
{
	return !e->unsigned_bundle && strcmp(e->type, "complete") == 0 && e->environment != NULL &&
	    gf_name_valid(e->environment);
}
