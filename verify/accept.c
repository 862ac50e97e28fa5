/*
 * The decision: FORMAT.md 5, judging, steps 1 to 6, top to bottom, as far as no trust file is
 * installed.  Every check of steps 5 and 6 is made and shown; the first that fails is the reason.
 */
#include <string.h>

#include "verify/floors.h"
#include "verify/signers.h"
#include "verify/state.h"

#define SKEW 600 /* seconds that clocks may differ */

typedef struct judgement {
	const gf_judge *judge;
	const gf_manifest *manifest;
	gf_verdict *verdict;
	gf_time now;
	bool repeated; /* accepted or loaded here before: expires does not count */
} judgement;

/* ---- steps 5 and 6 ---- */

static bool check_stream(judgement *g, gf_error *err)
{
	size_t keys = g->judge->trust != NULL ? gf_trust_count(g->judge->trust) : 0;

	(void)err;
	if (g->manifest->stream == NULL)
		gf_check_set(g->verdict, GF_CHECK_STREAM, GF_CHECK_NOT_REQUIRED,
		    "the bundle belongs to no stream: there is no protection against replay");
	else
		gf_check_set(g->verdict, GF_CHECK_STREAM, GF_CHECK_PASSED,
		    "'%s', epoch %llu, sequence %llu; no trust file is installed: %zu key%s trusted for every stream, and there are no gates",
		    g->manifest->stream, (unsigned long long)g->manifest->epoch,
		    (unsigned long long)g->manifest->sequence, keys, keys == 1 ? " is" : "s are");
	return true;
}

/* The name of this site: asked for and kept must agree. */
static bool site_of(const judgement *g, const char **site, gf_error *err)
{
	const char *kept = g->judge->state != NULL ? gf_state_site(g->judge->state) : NULL;

	*site = g->judge->site != NULL ? g->judge->site : kept;
	if (g->judge->site != NULL && kept != NULL && strcmp(kept, g->judge->site) != 0)
		return gf_fail(err, GF_USAGE, "site", kept, "this site is called '%s' (in '%s'), not '%s'", kept,
		    gf_state_dir(g->judge->state), g->judge->site);
	return true;
}

static bool check_audience(judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;
	const char *site;
	char names[200] = "";

	if (!site_of(g, &site, err))
		return false;
	if (m->n_audience == 0) {
		gf_check_set(g->verdict, GF_CHECK_AUDIENCE, GF_CHECK_NOT_REQUIRED, "the bundle is for every site");
		return true;
	}
	for (size_t i = 0; i < m->n_audience; i++) {
		if (site != NULL && strcmp(m->audience[i], site) == 0) {
			gf_check_set(g->verdict, GF_CHECK_AUDIENCE, GF_CHECK_PASSED, "for this site, '%s'", site);
			return true;
		}
		gf_text_append(names, sizeof names, "%s%s", i > 0 ? ", " : "", m->audience[i]);
	}
	if (site == NULL)
		return gf_fail(err, GF_REFUSED, "audience", names,
		    "the bundle is for %s, and this site has no name; --site NAME gives it one, once", names);
	return gf_fail(err, GF_REFUSED, "audience", names, "the bundle is for %s; this site is '%s'", names, site);
}

static bool check_trust_version(judgement *g, gf_error *err)
{
	uint64_t version = g->manifest->trust_version;

	(void)err;
	/* With nothing to compare with, the number is a report (FORMAT.md 4). */
	if (version > 0)
		gf_check_set(g->verdict, GF_CHECK_TRUST_VERSION, GF_CHECK_NOT_REQUIRED,
		    "packed under trust file %llu; none is installed here", (unsigned long long)version);
	else
		gf_check_set(g->verdict, GF_CHECK_TRUST_VERSION, GF_CHECK_NOT_REQUIRED, "no trust file is installed");
	return true;
}

static bool check_created(judgement *g, gf_error *err)
{
	gf_time newest = g->judge->state != NULL ? gf_state_newest(g->judge->state) : 0;
	char created[GF_TIME_SIZE], now[GF_TIME_SIZE], seen[GF_TIME_SIZE];

	gf_time_print(g->manifest->created, created);
	gf_time_print(g->now, now);
	if (newest > g->now + SKEW) {
		gf_time_print(newest, seen);
		return gf_fail(err, GF_USAGE, "clock", NULL,
		    "the clock says %s, but a bundle accepted here was packed at %s: set the clock", now, seen);
	}
	if (g->manifest->created > g->now + SKEW)
		return gf_fail(err, GF_REFUSED, "created", NULL,
		    "the bundle says that it was packed at %s, and the clock here says %s: one of the two clocks is wrong",
		    created, now);
	gf_check_set(g->verdict, GF_CHECK_CREATED, GF_CHECK_PASSED, "packed at %s", created);
	return true;
}

/* Why no floor and no epoch is looked at; NULL: they are. */
static const char *no_floor(const judgement *g)
{
	if (g->manifest->stream == NULL)
		return "no stream: there is no protection against replay";
	if (g->judge->environment == NULL)
		return "no environment was named: no floor is looked at";
	if (g->judge->state == NULL)
		return "no state: no floor is looked at";
	if (g->verdict->unsigned_bundle)
		return "an unsigned bundle touches no floor";
	return NULL;
}

static bool check_epoch(judgement *g, gf_error *err)
{
	const char *why = no_floor(g), *stream = g->manifest->stream;
	uint64_t first;

	if (why != NULL) {
		gf_check_set(g->verdict, GF_CHECK_EPOCH, GF_CHECK_NOT_REQUIRED, "%s", why);
		return true;
	}
	if (!gf_state_first_epoch(g->judge->state, stream, &first)) {
		gf_check_set(g->verdict, GF_CHECK_EPOCH, GF_CHECK_PASSED, "%llu, the first of stream '%s' here",
		    (unsigned long long)g->manifest->epoch, stream);
		return true;
	}
	if (first != g->manifest->epoch)
		return gf_fail(err, GF_REFUSED, "epoch", stream,
		    "the bundle is of epoch %llu of stream '%s'; without a trust file the first epoch accepted here stays, "
		    "which is %llu",
		    (unsigned long long)g->manifest->epoch, stream, (unsigned long long)first);
	gf_check_set(g->verdict, GF_CHECK_EPOCH, GF_CHECK_PASSED, "%llu", (unsigned long long)first);
	return true;
}

/* `previous` is a report; it is refused only when it names another release than the one accepted under its number. */
static bool check_previous(const judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;
	char ours[GF_HEX_SIZE], theirs[GF_HEX_SIZE];
	gf_digest accepted;
	bool known;

	if (!m->has_previous)
		return true;
	if (!gf_state_accepted(g->judge->state, m->stream, m->epoch, m->previous_sequence, &known, &accepted, err))
		return false;
	if (!known || gf_digest_equal(&accepted, &m->previous))
		return true;
	gf_digest_hex(&accepted, ours);
	gf_digest_hex(&m->previous, theirs);
	return gf_fail(err, GF_REFUSED, "previous", m->stream,
	    "the bundle follows %llu of stream '%s' with manifest %.16s; accepted here under that number was %.16s: one "
	    "of the two is not of this line of releases",
	    (unsigned long long)m->previous_sequence, m->stream, theirs, ours);
}

static bool check_floor(judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;
	const gf_digest *digest = &g->verdict->manifest_digest;
	const char *why = no_floor(g);
	unsigned long long epoch = m->epoch, sequence = m->sequence;
	char hex[GF_HEX_SIZE];
	gf_floor f;
	int order;

	g->repeated = false;
	if (why != NULL) {
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED, "%s", why);
		return true;
	}
	if (!gf_state_floor(g->judge->state, m->stream, g->judge->environment, &f, err) || !check_previous(g, err))
		return false;
	if (!f.present) {
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_PASSED,
		    "sequence %llu, the first of '%s' for '%s' here", sequence, m->stream, g->judge->environment);
		return true;
	}
	order = -gf_floor_compare(&f, m->epoch, m->sequence);
	gf_digest_hex(&f.manifest, hex);
	if (order == 0 && !gf_digest_equal(digest, &f.manifest))
		return gf_fail(err, GF_REFUSED, "fork", m->stream,
		    "'%s' has accepted sequence %llu (epoch %llu) of stream '%s' already, with another manifest (%.16s): two "
		    "releases have one number; ask who packs it",
		    g->judge->environment, sequence, epoch, m->stream, hex);
	g->repeated = order == 0 || (f.has_loaded && gf_digest_equal(digest, &f.loaded));
	if (order < 0 && !g->repeated)
		return gf_fail(err, GF_REFUSED, "floor", m->stream,
		    "the bundle has sequence %llu (epoch %llu) of stream '%s'; '%s' has accepted sequence %llu (epoch %llu, manifest "
		    "%.16s), and nothing lower is accepted",
		    sequence, epoch, m->stream, g->judge->environment, (unsigned long long)f.sequence,
		    (unsigned long long)f.epoch, hex);
	gf_check_set(g->verdict, GF_CHECK_FLOOR, order < 0 ? GF_CHECK_LIFTED : GF_CHECK_PASSED,
	    order < 0       ? "sequence %llu is below %llu (epoch %llu), but is what was loaded here last"
		: order > 0 ? "sequence %llu is above %llu (epoch %llu)"
			    : "sequence %llu is what was accepted here last (%llu, epoch %llu)",
	    sequence, (unsigned long long)f.sequence, (unsigned long long)f.epoch);
	return true;
}

static bool check_expires(judgement *g, gf_error *err)
{
	char expires[GF_TIME_SIZE], now[GF_TIME_SIZE];

	if (g->manifest->expires == 0) {
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_NOT_REQUIRED, "the bundle does not expire");
		return true;
	}
	gf_time_print(g->manifest->expires, expires);
	gf_time_print(g->now, now);
	if (g->now < g->manifest->expires) {
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_PASSED, "expires at %s", expires);
		return true;
	}
	if (g->repeated) {
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_LIFTED,
		    "expired at %s, and was accepted here before", expires);
		return true;
	}
	return gf_fail(
	    err, GF_REFUSED, "expired", NULL, "the bundle expired at %s; now it is %s: pack it again", expires, now);
}

typedef struct step {
	gf_check_id id;
	bool (*check)(judgement *g, gf_error *err);
} step;

/* The order of FORMAT.md 5.  The floor comes before expires, which a repetition lifts. */
static const step steps[] = {
	{ GF_CHECK_STREAM, check_stream },
	{ GF_CHECK_AUDIENCE, check_audience },
	{ GF_CHECK_TRUST_VERSION, check_trust_version },
	{ GF_CHECK_CREATED, check_created },
	{ GF_CHECK_EPOCH, check_epoch },
	{ GF_CHECK_FLOOR, check_floor },
	{ GF_CHECK_EXPIRES, check_expires },
};

/* All of them; *err is that of the first that fails. */
static bool run_steps(judgement *g, const step *list, size_t n, gf_error *err)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		gf_error why = { 0 };

		if (list[i].check(g, &why))
			continue;
		gf_check_set(g->verdict, list[i].id, GF_CHECK_FAILED, "%s", why.text);
		if (ok)
			*err = why;
		ok = false;
	}
	return ok;
}

bool gf_accept(gf_reader *r, const gf_judge *j, gf_verdict *v, gf_manifest **manifest, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(r);
	judgement g = { .judge = j, .verdict = v, .now = gf_now() };
	gf_manifest *m = NULL;
	bool ok;

	*manifest = NULL;
	if (!gf_hash_bytes(gf_buf_text(statement), statement->len, &v->manifest_digest, err))
		return false;
	gf_check_set(v, GF_CHECK_HEAD, GF_CHECK_PASSED, "manifest of %zu bytes", statement->len);
	if (!gf_signers_judge(r, j, v, err))
		return false;
	m = gf_manifest_parse(gf_buf_text(statement), statement->len, err);
	if (m == NULL) {
		gf_check_set(v, GF_CHECK_MANIFEST, GF_CHECK_FAILED, "%s", err->text);
		return false;
	}
	gf_check_set(v, GF_CHECK_MANIFEST, GF_CHECK_PASSED, "%zu image%s, %zu blobs", m->n_images,
	    m->n_images == 1 ? "" : "s", m->n_blobs);
	g.manifest = m;
	/* inspect --unverified shows what fails and goes on; a state that cannot be read is no such thing. */
	ok = run_steps(&g, steps, sizeof steps / sizeof steps[0], err) ||
	    (j->skip_signatures && err->class != GF_FAILED);
	if (!ok) {
		gf_manifest_free(m);
		return false;
	}
	gf_reader_release(r, m);
	*manifest = m;
	return true;
}

bool gf_accept_again(const gf_judge *j, const gf_manifest *m, gf_verdict *v, gf_error *err)
{
	static const step again[] = { { GF_CHECK_EPOCH, check_epoch }, { GF_CHECK_FLOOR, check_floor } };
	judgement g = { .judge = j, .manifest = m, .verdict = v, .now = gf_now() };

	return run_steps(&g, again, sizeof again / sizeof again[0], err);
}
