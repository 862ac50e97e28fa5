/* Numbers and times: the clock, created, epoch, floor, maxJump, expires, maxAge (FORMAT.md 5, steps 5 and 6). */
#include <string.h>

#include "verify/floors.h"
#include "verify/judgement.h"
#include "verify/state.h"

#define DAY 86400

bool gf_judge_clock(const gf_judgement *g, gf_error *err)
{
	gf_time newest = g->judge->state != NULL ? gf_state_newest(g->judge->state) : 0;
	char now[GF_TIME_SIZE], seen[GF_TIME_SIZE];

	if (g->policy != NULL && g->policy->created > newest)
		newest = g->policy->created;
	if (newest <= g->now + GF_SKEW)
		return true;
	gf_time_print(g->now, now);
	gf_time_print(newest, seen);
	return gf_fail(err, GF_USAGE, "clock", NULL,
	    "the clock says %s, but what was accepted here was signed at %s: set the clock", now, seen);
}

bool gf_judge_created(gf_judgement *g, gf_error *err)
{
	char created[GF_TIME_SIZE], now[GF_TIME_SIZE];

	if (!gf_judge_clock(g, err))
		return false;
	gf_time_print(g->manifest->created, created);
	gf_time_print(g->now, now);
	if (g->manifest->created > g->now + GF_SKEW)
		return gf_fail(err, GF_REFUSED, "created", NULL,
		    "the bundle says that it was packed at %s, and the clock here says %s: one of the two clocks is wrong",
		    created, now);
	gf_check_set(g->verdict, GF_CHECK_CREATED, GF_CHECK_PASSED, "packed at %s", created);
	return true;
}

/* Whose permit lifts what would be refused; from here on the verdict names it. */
static const char *lifted_by(gf_judgement *g, unsigned bit)
{
	g->verdict->has_permit = true;
	g->verdict->permit = g->permits[bit];
	return g->waived_by[bit];
}

/* Why no floor and no epoch is looked at; NULL: they are. */
static const char *no_floor(const gf_judgement *g)
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

/* ---- epoch ---- */

static bool epoch_of_policy(gf_judgement *g, gf_error *err)
{
	unsigned long long ours = g->stream->epoch, theirs = g->manifest->epoch;

	if (ours != theirs)
		return gf_fail(err, GF_REFUSED, "epoch", g->manifest->stream,
		    "the bundle is of epoch %llu of stream '%s'; the trust file (version %llu) has epoch %llu", theirs,
		    g->manifest->stream, (unsigned long long)g->policy->version, ours);
	gf_check_set(g->verdict, GF_CHECK_EPOCH, GF_CHECK_PASSED, "%llu, as the trust file has it", ours);
	return true;
}

bool gf_judge_epoch(gf_judgement *g, gf_error *err)
{
	const char *why = no_floor(g), *stream = g->manifest->stream;
	uint64_t first;

	if (why != NULL) {
		gf_check_set(g->verdict, GF_CHECK_EPOCH, GF_CHECK_NOT_REQUIRED, "%s", why);
		return true;
	}
	if (g->stream != NULL)
		return epoch_of_policy(g, err);
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

/* ---- floor ---- */

/* `previous` is a report; it is refused only when it names another release than the one accepted under its number. */
static bool check_previous(const gf_judgement *g, gf_error *err)
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

static bool in_epoch(const gf_judgement *g, const gf_floor *f)
{
	return f->present && f->epoch == g->manifest->epoch;
}

/* Nothing of this epoch was accepted here yet: minSequence counts. */
static bool first_of_epoch(gf_judgement *g, gf_error *err)
{
	unsigned long long sequence = g->manifest->sequence, least = g->stream != NULL ? g->stream->min_sequence : 0;

	if (sequence >= least) {
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_PASSED,
		    "sequence %llu, the first of '%s' for '%s' here", sequence, g->manifest->stream,
		    g->judge->environment);
		return true;
	}
	if (g->waived & GF_WAIVE_SEQUENCE) {
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_LIFTED,
		    "sequence %llu is below minSequence %llu; lifted by a permit of %s", sequence, least,
		    lifted_by(g, GF_WAIVE_SEQUENCE));
		return true;
	}
	return gf_fail(err, GF_REFUSED, "min-sequence", g->manifest->stream,
	    "the bundle has sequence %llu of stream '%s'; the trust file (version %llu) asks for %llu or more, and a permit "
	    "can waive it (gapferry permit --waive sequence)",
	    sequence, g->manifest->stream, (unsigned long long)g->policy->version, least);
}

static bool refuse_fork(const gf_judgement *g, const gf_floor *f, gf_error *err)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(&f->manifest, hex);
	return gf_fail(err, GF_REFUSED, "fork", g->manifest->stream,
	    "'%s' has accepted sequence %llu (epoch %llu) of stream '%s' already, with another manifest (%.16s): two "
	    "releases have one number; ask who packs it",
	    g->judge->environment, (unsigned long long)f->sequence, (unsigned long long)f->epoch, g->manifest->stream,
	    hex);
}

/* order: of the bundle's numbers to the floor's. */
static bool compare_floor(gf_judgement *g, const gf_floor *f, int order, gf_error *err)
{
	unsigned long long sequence = g->manifest->sequence, floor = f->sequence, epoch = f->epoch;
	char hex[GF_HEX_SIZE];

	gf_digest_hex(&f->manifest, hex);
	if (order > 0)
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_PASSED, "sequence %llu is above %llu (epoch %llu)",
		    sequence, floor, epoch);
	else if (order == 0)
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_PASSED,
		    "sequence %llu is what was accepted here last (%llu, epoch %llu)", sequence, floor, epoch);
	else if (g->repeated)
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_LIFTED,
		    "sequence %llu is below %llu (epoch %llu), but is what was loaded here last", sequence, floor,
		    epoch);
	else if (g->waived & GF_WAIVE_SEQUENCE)
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_LIFTED,
		    "sequence %llu is below %llu (epoch %llu); lifted by a permit of %s", sequence, floor, epoch,
		    lifted_by(g, GF_WAIVE_SEQUENCE));
	else
		return gf_fail(err, GF_REFUSED, "floor", g->manifest->stream,
		    "the bundle has sequence %llu (epoch %llu) of stream '%s'; '%s' has accepted sequence %llu (epoch %llu, "
		    "manifest %.16s), and nothing lower is accepted%s",
		    sequence, (unsigned long long)g->manifest->epoch, g->manifest->stream, g->judge->environment, floor,
		    epoch, hex, g->policy != NULL ? " without a permit (gapferry permit --waive sequence)" : "");
	return true;
}

bool gf_judge_floor(gf_judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;
	const gf_digest *digest = &g->verdict->manifest_digest;
	const char *why = no_floor(g);
	gf_floor f;
	int order;

	g->repeated = false;
	if (why != NULL) {
		gf_check_set(g->verdict, GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED, "%s", why);
		return true;
	}
	if (!gf_state_floor(g->judge->state, m->stream, g->judge->environment, &f, err))
		return false;
	order = f.present ? -gf_floor_compare(&f, m->epoch, m->sequence) : 1;
	g->repeated = f.present &&
	    ((order == 0 && gf_digest_equal(digest, &f.manifest)) ||
		(f.has_loaded && gf_digest_equal(digest, &f.loaded)));
	if (order == 0 && !gf_digest_equal(digest, &f.manifest))
		return refuse_fork(g, &f, err);
	if (order > 0 && !in_epoch(g, &f))
		return first_of_epoch(g, err);
	return (!in_epoch(g, &f) || check_previous(g, err)) && compare_floor(g, &f, order, err);
}

bool gf_judge_max_jump(gf_judgement *g, gf_error *err)
{
	const char *why = no_floor(g);
	unsigned long long sequence = g->manifest->sequence, most = g->stream != NULL ? g->stream->max_jump : 0;
	gf_floor f;

	if (why == NULL && most == 0)
		why = g->policy != NULL ? "the trust file sets no maxJump" : "no trust file is installed";
	if (why != NULL) {
		gf_check_set(g->verdict, GF_CHECK_MAX_JUMP, GF_CHECK_NOT_REQUIRED, "%s", why);
		return true;
	}
	if (!gf_state_floor(g->judge->state, g->manifest->stream, g->judge->environment, &f, err))
		return false;
	if (!in_epoch(g, &f)) {
		gf_check_set(g->verdict, GF_CHECK_MAX_JUMP, GF_CHECK_NOT_REQUIRED,
		    "nothing of this epoch was accepted here yet");
		return true;
	}
	if (sequence <= f.sequence || sequence - f.sequence <= most) {
		gf_check_set(g->verdict, GF_CHECK_MAX_JUMP, GF_CHECK_PASSED, "from %llu to %llu; at most %llu at once",
		    (unsigned long long)f.sequence, sequence, most);
		return true;
	}
	if (g->waived & GF_WAIVE_SEQUENCE) {
		gf_check_set(g->verdict, GF_CHECK_MAX_JUMP, GF_CHECK_LIFTED,
		    "from %llu to %llu is more than %llu; lifted by a permit of %s", (unsigned long long)f.sequence,
		    sequence, most, lifted_by(g, GF_WAIVE_SEQUENCE));
		return true;
	}
	return gf_fail(err, GF_REFUSED, "max-jump", g->manifest->stream,
	    "the bundle has sequence %llu of stream '%s', '%s' has accepted %llu, and the trust file allows steps of %llu: "
	    "is a number mistyped? a permit can waive it (gapferry permit --waive sequence)",
	    sequence, g->manifest->stream, g->judge->environment, (unsigned long long)f.sequence, most);
}

/* ---- times ---- */

bool gf_judge_expires(gf_judgement *g, gf_error *err)
{
	char expires[GF_TIME_SIZE], now[GF_TIME_SIZE];

	if (g->manifest->expires == 0) {
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_NOT_REQUIRED, "the bundle does not expire");
		return true;
	}
	gf_time_print(g->manifest->expires, expires);
	gf_time_print(g->now, now);
	if (g->now < g->manifest->expires)
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_PASSED, "expires at %s", expires);
	else if (g->repeated)
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_LIFTED,
		    "expired at %s, and was accepted here before", expires);
	else if (g->waived & GF_WAIVE_EXPIRES)
		gf_check_set(g->verdict, GF_CHECK_EXPIRES, GF_CHECK_LIFTED, "expired at %s; lifted by a permit of %s",
		    expires, lifted_by(g, GF_WAIVE_EXPIRES));
	else
		return gf_fail(err, GF_REFUSED, "expired", NULL,
		    "the bundle expired at %s; now it is %s: pack it again%s", expires, now,
		    g->policy != NULL ? ", or waive it by a permit (gapferry permit --waive expires)" : "");
	return true;
}

bool gf_judge_max_age(gf_judgement *g, gf_error *err)
{
	int64_t most = g->stream != NULL ? g->stream->max_age : 0;
	char created[GF_TIME_SIZE], allowed[GF_DURATION_SIZE];

	if (most == 0) {
		gf_check_set(g->verdict, GF_CHECK_MAX_AGE, GF_CHECK_NOT_REQUIRED, "%s",
		    g->policy != NULL ? "the trust file sets no maxAge" : "no trust file is installed");
		return true;
	}
	gf_time_print(g->manifest->created, created);
	gf_duration_print(most, allowed);
	if (g->now - g->manifest->created <= most)
		gf_check_set(
		    g->verdict, GF_CHECK_MAX_AGE, GF_CHECK_PASSED, "packed at %s, less than %s ago", created, allowed);
	else if (g->repeated)
		gf_check_set(g->verdict, GF_CHECK_MAX_AGE, GF_CHECK_LIFTED,
		    "packed at %s, more than %s ago, and was accepted here before", created, allowed);
	else if (g->waived & GF_WAIVE_MAX_AGE)
		gf_check_set(g->verdict, GF_CHECK_MAX_AGE, GF_CHECK_LIFTED,
		    "packed at %s, more than %s ago; lifted by a permit of %s", created, allowed,
		    lifted_by(g, GF_WAIVE_MAX_AGE));
	else
		return gf_fail(err, GF_REFUSED, "max-age", g->manifest->stream,
		    "the bundle was packed at %s, %lld days ago; the trust file takes none of stream '%s' that is older than "
		    "%s: pack it again, or waive it by a permit (gapferry permit --waive maxAge)",
		    created, (long long)((g->now - g->manifest->created) / DAY), g->manifest->stream, allowed);
	return true;
}
