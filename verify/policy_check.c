/* The rules about a trust file as a whole (FORMAT.md 4, "Refused whole"). */
#include <string.h>

#include "verify/verify.h"

/* ---- holders ---- */

bool gf_policy_is_first(const gf_policy *p, const gf_policy_role *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(p->keys[r->keys[k]].holder, p->keys[r->keys[i]].holder) == 0)
			return false;
	return true;
}

size_t gf_policy_holders(const gf_policy *p, const gf_policy_role *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_keys; i++)
		n += gf_policy_is_first(p, r, i);
	return n;
}

bool gf_policy_has_role(const gf_policy *p, const gf_policy_role *r, const char *holder)
{
	for (size_t i = 0; i < r->n_keys; i++)
		if (strcmp(p->keys[r->keys[i]].holder, holder) == 0)
			return true;
	return false;
}

/* Distinct holders of r that have no key in other. */
static size_t holders_apart(const gf_policy *p, const gf_policy_role *r, const gf_policy_role *other)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_keys; i++)
		n += gf_policy_is_first(p, r, i) && !gf_policy_has_role(p, other, p->keys[r->keys[i]].holder);
	return n;
}

/* ---- keys and roles ---- */

static bool check_keys(const gf_policy *p, gf_error *err)
{
	for (size_t i = 0; i < p->n_keys; i++)
		for (size_t k = 0; k < i; k++)
			if (gf_digest_compare(&p->keys[i].id, &p->keys[k].id) == 0)
				return gf_fail(err, GF_REFUSED, "trust-holder", p->keys[i].holder,
				    "one key stands under '%s' and under '%s'; a key has one holder", p->keys[k].holder,
				    p->keys[i].holder);
	return true;
}

static bool check_role(const gf_policy *p, const gf_policy_role *r, gf_error *err)
{
	size_t holders = gf_policy_holders(p, r);

	if (r->threshold >= 1 && r->threshold <= holders)
		return true;
	return gf_fail(err, GF_REFUSED, "trust-threshold", r->name,
	    "role '%s' has threshold %llu and %zu holder%s; expected 1 to the number of distinct holders", r->name,
	    (unsigned long long)r->threshold, holders, holders == 1 ? "" : "s");
}

static bool check_roles(const gf_policy *p, gf_error *err)
{
	if (gf_policy_role_find(p, "root") == NULL)
		return gf_fail(err, GF_REFUSED, "trust-role", "root",
		    "there is no role 'root': nobody could sign the next version");
	for (size_t i = 0; i < p->n_roles; i++)
		if (!check_role(p, &p->roles[i], err))
			return false;
	return true;
}

/* ---- keys that must not be held together ---- */

static bool is_or_of(const char *role, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(role, kind, n) == 0 && (role[n] == '\0' || role[n] == ':');
}

/* What a site signs with lies on its server, and must not be able to make releases or trust. */
static bool is_site_role(const gf_policy_role *r)
{
	return is_or_of(r->name, "receipt") || is_or_of(r->name, "log");
}

static bool is_release_role(const gf_policy *p, const gf_policy_role *r)
{
	bool is = is_or_of(r->name, "root") || is_or_of(r->name, "release");

	for (size_t i = 0; !is && i < p->n_streams; i++)
		is = strcmp(p->streams[i].release, r->name) == 0;
	return is;
}

static bool check_pair(const gf_policy *p, const gf_policy_role *a, const gf_policy_role *b, gf_error *err)
{
	for (size_t i = 0; i < a->n_keys; i++)
		for (size_t k = 0; k < b->n_keys; k++)
			if (a->keys[i] == b->keys[k])
				return gf_fail(err, GF_REFUSED, "trust-apart", p->keys[a->keys[i]].holder,
				    "a key of '%s' has role '%s' and role '%s'; what a site signs with must be a key of its own",
				    p->keys[a->keys[i]].holder, a->name, b->name);
	return true;
}

static bool check_apart(const gf_policy *p, gf_error *err)
{
	for (size_t i = 0; i < p->n_roles; i++)
		for (size_t k = 0; is_release_role(p, &p->roles[i]) && k < p->n_roles; k++)
			if (is_site_role(&p->roles[k]) && !check_pair(p, &p->roles[i], &p->roles[k], err))
				return false;
	return true;
}

/* ---- streams ---- */

static bool must_be_role(const gf_policy *p, const char *name, const char *what, const char *where, gf_error *err)
{
	return gf_policy_role_find(p, name) != NULL ||
	    gf_fail(err, GF_REFUSED, "trust-role", where, "%s of '%s' is role '%.140s', which the file does not have",
		what, where, name);
}

static bool has_receipts(const gf_policy *p, const char *environment)
{
	for (size_t i = 0; i < p->n_roles; i++)
		if (gf_starts_with(p->roles[i].name, "receipt:") && strcmp(p->roles[i].name + 8, environment) == 0)
			return true;
	return false;
}

/* Something that can come true: an environment of this stream, or one whose receipts are believed. */
static bool check_after(const gf_policy *p, const gf_policy_stream *s, const gf_policy_environment *e, gf_error *err)
{
	for (size_t i = 0; i < e->n_after; i++)
		if (gf_policy_environment_find(s, e->after[i]) == NULL && !has_receipts(p, e->after[i]))
			return gf_fail(err, GF_REFUSED, "trust-after", e->name,
			    "'%s' of stream '%s' comes after '%.64s', which is no environment of it and has no role 'receipt:%.64s'",
			    e->name, s->name, e->after[i], e->after[i]);
	return true;
}

/* No environment may wait for itself: steps from e along `after`, at most as many as there are environments. */
static bool leads_to(
    const gf_policy_stream *s, const gf_policy_environment *from, const gf_policy_environment *to, bool *seen)
{
	for (size_t i = 0; i < from->n_after; i++) {
		const gf_policy_environment *next = gf_policy_environment_find(s, from->after[i]);

		if (next == NULL || seen[next - s->environments])
			continue;
		seen[next - s->environments] = true;
		if (next == to || leads_to(s, next, to, seen))
			return true;
	}
	return false;
}

static bool check_separate(const gf_policy *p, const gf_policy_stream *s, const gf_policy_environment *e, gf_error *err)
{
	const gf_policy_role *approvers, *release = gf_policy_role_find(p, s->release);
	size_t others;

	if (e->approvers == NULL || !e->separate)
		return true;
	approvers = gf_policy_role_find(p, e->approvers);
	others = holders_apart(p, approvers, release);
	return others >= approvers->threshold ||
	    gf_fail(err, GF_REFUSED, "trust-separate", e->name,
		"'%s' of stream '%s' needs %llu approvers of role '%s' apart from role '%s', and there %s %zu", e->name,
		s->name, (unsigned long long)approvers->threshold, e->approvers, s->release, others == 1 ? "is" : "are",
		others);
}

static bool check_environment(
    const gf_policy *p, const gf_policy_stream *s, const gf_policy_environment *e, gf_error *err)
{
	for (size_t i = 0; i < e->n_evidence; i++)
		if (e->evidence[i].role != NULL && !must_be_role(p, e->evidence[i].role, "evidence", e->name, err))
			return false;
	return (e->approvers == NULL || must_be_role(p, e->approvers, "approvers", e->name, err)) &&
	    check_after(p, s, e, err) && check_separate(p, s, e, err);
}

#define ENVIRONMENTS_MAX 256 /* of a stream: the search below goes no deeper */

static bool check_circles(const gf_policy_stream *s, gf_error *err)
{
	for (size_t i = 0; i < s->n_environments; i++) {
		bool seen[ENVIRONMENTS_MAX] = { false };

		if (leads_to(s, &s->environments[i], &s->environments[i], seen))
			return gf_fail(err, GF_REFUSED, "trust-after", s->environments[i].name,
			    "'%s' of stream '%s' comes after itself", s->environments[i].name, s->name);
	}
	return true;
}

static bool check_stream(const gf_policy *p, const gf_policy_stream *s, gf_error *err)
{
	if (s->n_environments > ENVIRONMENTS_MAX)
		return gf_fail(err, GF_REFUSED, "trust-stream", s->name, "stream '%s' has more than %d environments",
		    s->name, ENVIRONMENTS_MAX);
	if (!must_be_role(p, s->release, "release", s->name, err))
		return false;
	for (size_t i = 0; i < s->n_environments; i++)
		if (!check_environment(p, s, &s->environments[i], err))
			return false;
	return check_circles(s, err);
}

bool gf_policy_check(const gf_policy *p, gf_error *err)
{
	if (!check_keys(p, err) || !check_roles(p, err) || !check_apart(p, err))
		return false;
	for (size_t i = 0; i < p->n_streams; i++)
		if (!check_stream(p, &p->streams[i], err))
			return false;
	return true;
}
