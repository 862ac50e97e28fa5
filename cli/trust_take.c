/* Options of the trust verbs, put into a trust file. */
#include <stdlib.h>
#include <string.h>

#include "cli/trust.h"

#define NAME_ROOM 160 /* of a role: two names and a colon */

/* ---- pieces of values ---- */

/* text up to at, which the caller frees. */
static char *head_of(const char *text, const char *at, gf_error *err)
{
	return gf_strndup(text, (size_t)(at - text), err);
}

/* "ENV:REST" */
static bool split(gf_option_id id, const char *text, char **head, const char **rest, gf_error *err)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon == text || colon[1] == '\0')
		return gf_value_fail(id, err, "'%s' is not of the form %s", text, gf_options[id].argument);
	*rest = colon + 1;
	return (*head = head_of(text, colon, err)) != NULL;
}

/* "ROLE:REST", where ROLE may have a colon and REST none before its first '/' or '='. */
static bool split_role(gf_option_id id, const char *text, char **role, const char **rest, gf_error *err)
{
	size_t end = strcspn(text, "/="), at = end;

	while (at > 0 && text[at - 1] != ':')
		at--;
	if (at < 2 || text[at] == '\0')
		return gf_value_fail(id, err, "'%s' is not of the form %s", text, gf_options[id].argument);
	*rest = text + at;
	return (*role = head_of(text, text + at - 1, err)) != NULL;
}

/* ---- keys ---- */

static bool set_times(const gf_run *run, gf_policy *p, const gf_pubkey *k, gf_error *err)
{
	static const gf_option_id ids[] = { GF_OPT_NOT_BEFORE, GF_OPT_NOT_AFTER };

	for (size_t i = 0; i < 2; i++) {
		const char *text = gf_value(&run->args, ids[i]);
		gf_time at;

		if (text == NULL)
			continue;
		if (!gf_when_parse(text, p->created, &at) || at <= 0)
			return gf_value_fail(ids[i], err, "'%s' is no date and no duration", text);
		for (size_t n = 0; n < p->n_keys; n++)
			if (gf_digest_equal(&p->keys[n].id, gf_pubkey_id(k)))
				*(i == 0 ? &p->keys[n].not_before : &p->keys[n].not_after) = at;
	}
	return true;
}

/* "[NAME=]FILE" */
static bool take_key(const gf_run *run, gf_policy *p, const char *role, const char *text, gf_error *err)
{
	const char *equal = strchr(text, '='), *path = text;
	char *name = NULL;
	gf_pubkey *k = NULL;
	bool ok = true;

	if (equal != NULL && equal[1] != '\0' && (name = head_of(text, equal, err)) == NULL)
		return false;
	if (name != NULL && gf_name_valid(name))
		path = equal + 1;
	ok = (k = gf_pubkey_load(path, err)) != NULL;
	if (ok && path == text && !gf_name_valid(gf_pubkey_holder(k)))
		ok = gf_fail(err, GF_USAGE, "trust-edit", path,
		    "'%s' is no name for a holder (a-z 0-9 . _ - and at most 64 bytes): write NAME=%s",
		    gf_pubkey_holder(k), path);
	ok = ok && gf_policy_add_key(p, role, path == text ? gf_pubkey_holder(k) : name, k, err) &&
	    set_times(run, p, k, err);
	gf_pubkey_free(k);
	free(name);
	return ok;
}

/* --root and its like: the role is the option's own name. */
static bool take_plain(const gf_run *run, gf_option_id id, gf_policy *p, gf_error *err)
{
	const gf_words *w = &run->args.options[id];

	for (size_t i = 0; i < w->n; i++)
		if (!take_key(run, p, gf_options[id].name, w->items[i], err))
			return false;
	return true;
}

/* --approver and --receipt: the role is "approver:ENV". */
static bool take_of_environment(const gf_run *run, gf_option_id id, gf_policy *p, gf_error *err)
{
	const gf_words *w = &run->args.options[id];
	bool ok = true;
	gf_buf role;

	gf_buf_init(&role, NAME_ROOM);
	for (size_t i = 0; ok && i < w->n; i++) {
		char *environment = NULL;
		const char *rest = "";

		gf_buf_clear(&role);
		ok = split(id, w->items[i], &environment, &rest, err) &&
		    (gf_name_valid(environment) ||
			gf_value_fail(id, err, "'%s' is no name of an environment", environment)) &&
		    gf_buf_printf(&role, err, "%s:%s", gf_options[id].name, environment) &&
		    take_key(run, p, role.data, rest, err);
		free(environment);
	}
	gf_buf_clear(&role);
	return ok;
}

static bool take_any_role(const gf_run *run, gf_policy *p, gf_error *err)
{
	const gf_words *w = &run->args.options[GF_OPT_ROLE];

	for (size_t i = 0; i < w->n; i++) {
		char *role = NULL;
		const char *rest = "";
		bool ok = split_role(GF_OPT_ROLE, w->items[i], &role, &rest, err) && take_key(run, p, role, rest, err);

		free(role);
		if (!ok)
			return false;
	}
	return true;
}

bool gf_trust_take_keys(const gf_run *run, gf_policy *p, gf_error *err)
{
	return take_plain(run, GF_OPT_ROOT, p, err) && take_plain(run, GF_OPT_RELEASE, p, err) &&
	    take_of_environment(run, GF_OPT_APPROVER, p, err) && take_of_environment(run, GF_OPT_RECEIPT, p, err) &&
	    take_plain(run, GF_OPT_PERMIT, p, err) && take_any_role(run, p, err);
}

bool gf_trust_take_thresholds(const gf_words *words, gf_policy *p, gf_error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *colon = strrchr(words->items[i], ':');
		char *name = colon != NULL ? head_of(words->items[i], colon, err) : NULL;
		uint64_t n = 0;
		bool ok;

		ok = name != NULL && gf_u64_parse(colon + 1, 1000, &n)
		    ? gf_policy_role_find(p, name) != NULL ||
			gf_value_fail(GF_OPT_THRESHOLD, err, "no key has role '%s'", name)
		    : gf_value_fail(GF_OPT_THRESHOLD, err, "'%s' is not of the form ROLE:N", words->items[i]);
		if (ok)
			gf_policy_role_get(p, name, err)->threshold = n;
		free(name);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- a stream and its environments ---- */

static bool replace(char **at, const char *text, gf_error *err)
{
	char *copy = gf_strdup(text, err);

	if (copy == NULL)
		return false;
	free(*at);
	*at = copy;
	return true;
}

static bool take_after(gf_policy_environment *e, const char *other, gf_error *err)
{
	for (size_t i = 0; i < e->n_after; i++)
		if (strcmp(e->after[i], other) == 0)
			return true;
	if (!gf_grow(&e->after, &e->after_room, e->n_after, sizeof *e->after, err) ||
	    (e->after[e->n_after] = gf_strdup(other, err)) == NULL)
		return false;
	e->n_after++;
	return true;
}

static bool take_builder(gf_policy_evidence *rule, const char *builder, gf_error *err)
{
	char **more = gf_alloc(rule->n_builders + 1, sizeof *more, err);

	if (more == NULL || (more[rule->n_builders] = gf_strdup(builder, err)) == NULL) {
		free(more);
		return false;
	}
	for (size_t i = 0; i < rule->n_builders; i++)
		more[i] = rule->builders[i];
	free(rule->builders);
	rule->builders = more;
	rule->n_builders++;
	return true;
}

/* "TYPE,role=R,builder=B,each-platform" */
static bool take_evidence(gf_policy_environment *e, const char *text, gf_error *err)
{
	char *copy = gf_strdup(text, err), *rest = copy, *word;
	gf_policy_evidence *rule;
	bool ok = copy != NULL && gf_grow(&e->evidence, &e->evidence_room, e->n_evidence, sizeof *e->evidence, err);

	if (!ok) {
		free(copy);
		return false;
	}
	rule = &e->evidence[e->n_evidence++];
	for (bool first = true; ok && (word = strtok_r(rest, ",", &rest)) != NULL; first = false) {
		if (first)
			ok = replace(&rule->type, word, err);
		else if (gf_starts_with(word, "role="))
			ok = replace(&rule->role, word + 5, err);
		else if (gf_starts_with(word, "builder="))
			ok = take_builder(rule, word + 8, err);
		else if (strcmp(word, "each-platform") == 0)
			rule->each_platform = true;
		else
			ok = gf_value_fail(GF_OPT_EVIDENCE, err, "'%s' is not role=, builder= or each-platform", word);
	}
	free(copy);
	return ok && (rule->type != NULL || gf_value_fail(GF_OPT_EVIDENCE, err, "a type is missing"));
}

/* Where there is a role approver:NAME, that its approval is asked for goes without saying. */
static bool ask_approvers(const gf_policy *p, gf_policy_environment *e, gf_error *err)
{
	gf_buf role;
	bool ok;

	gf_buf_init(&role, NAME_ROOM);
	ok = gf_buf_printf(&role, err, "approver:%s", e->name) &&
	    (e->approvers != NULL || gf_policy_role_find(p, role.data) == NULL ||
		replace(&e->approvers, role.data, err));
	gf_buf_clear(&role);
	return ok;
}

/* --env: an environment that is there stays as it is. */
static bool take_environment(const gf_policy *p, gf_policy_stream *s, const char *name, gf_error *err)
{
	gf_policy_environment *e;

	return gf_policy_environment_find(s, name) != NULL ||
	    ((e = gf_policy_environment_get(s, name, err)) != NULL && ask_approvers(p, e, err));
}

bool gf_trust_take_approvers(const gf_run *run, gf_policy *p, gf_error *err)
{
	const gf_words *w = &run->args.options[GF_OPT_APPROVER];

	for (size_t i = 0; i < p->n_streams; i++)
		for (size_t k = 0; k < p->streams[i].n_environments; k++) {
			gf_policy_environment *e = &p->streams[i].environments[k];
			size_t n = strlen(e->name);

			for (size_t m = 0; m < w->n; m++)
				if (strncmp(w->items[m], e->name, n) == 0 && w->items[m][n] == ':' &&
				    !ask_approvers(p, e, err))
					return false;
		}
	return true;
}

/* One word of an option that begins with an environment. */
static bool take_gate(gf_option_id id, gf_policy_stream *s, const char *text, gf_error *err)
{
	bool alone = id == GF_OPT_CLEAR || id == GF_OPT_NOT_SEPARATE || id == GF_OPT_UNSIGNED_ENV;
	char *name = NULL;
	const char *rest = "";
	gf_policy_environment *e = NULL;
	bool ok = alone ? (name = gf_strdup(text, err)) != NULL : split(id, text, &name, &rest, err);

	ok = ok &&
	    (gf_policy_environment_find(s, name) != NULL ||
		gf_value_fail(id, err, "stream '%s' has no environment '%s'; --env %s makes it", s->name, name, name));
	ok = ok && (e = gf_policy_environment_get(s, name, err)) != NULL;
	if (ok && id == GF_OPT_CLEAR)
		ok = gf_policy_remove_environment(s, name, err) && gf_policy_environment_get(s, name, err) != NULL;
	else if (ok && id == GF_OPT_TRUST_AFTER)
		ok = take_after(e, rest, err);
	else if (ok && id == GF_OPT_APPROVERS)
		ok = replace(&e->approvers, rest, err);
	else if (ok && id == GF_OPT_EVIDENCE)
		ok = take_evidence(e, rest, err);
	else if (ok && id == GF_OPT_NOT_SEPARATE)
		e->separate = false;
	else if (ok && id == GF_OPT_UNSIGNED_ENV)
		e->allow_unsigned = true;
	free(name);
	return ok;
}

static bool take_terms(const gf_run *run, gf_policy_stream *s, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *age = gf_value(a, GF_OPT_MAX_AGE), *release = gf_value(a, GF_OPT_RELEASE_ROLE);

	if (!gf_value_u64(a, GF_OPT_TRUST_EPOCH, GF_BLOB_MAX - 1, &s->epoch, err) ||
	    !gf_value_u64(a, GF_OPT_MIN_SEQUENCE, GF_BLOB_MAX - 1, &s->min_sequence, err) ||
	    !gf_value_u64(a, GF_OPT_MAX_JUMP, GF_BLOB_MAX - 1, &s->max_jump, err))
		return false;
	if (age != NULL && strcmp(age, "0") == 0)
		s->max_age = 0;
	else if (age != NULL && (!gf_duration_parse(age, &s->max_age) || s->max_age == 0))
		return gf_value_fail(GF_OPT_MAX_AGE, err, "'%s' is no duration as 90d, 12h", age);
	return release == NULL || replace(&s->release, release, err);
}

bool gf_trust_take_gates(const gf_run *run, gf_policy *p, gf_error *err)
{
	static const gf_option_id ids[] = { GF_OPT_CLEAR, GF_OPT_TRUST_AFTER, GF_OPT_APPROVERS, GF_OPT_NOT_SEPARATE,
		GF_OPT_EVIDENCE, GF_OPT_UNSIGNED_ENV };
	const char *stream = gf_value(&run->args, GF_OPT_TRUST_STREAM);
	gf_policy_stream *s = stream != NULL ? gf_policy_stream_get(p, stream, err) : NULL;
	const gf_words *environments = &run->args.options[GF_OPT_TRUST_ENV];

	if (stream != NULL && (s == NULL || !take_terms(run, s, err)))
		return false;
	if (environments->n > 0 && s == NULL)
		return gf_value_fail(GF_OPT_TRUST_ENV, err, "which stream? --stream NAME is missing");
	for (size_t i = 0; i < environments->n; i++)
		if (!take_environment(p, s, environments->items[i], err))
			return false;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		const gf_words *w = &run->args.options[ids[i]];

		if (w->n > 0 && s == NULL)
			return gf_value_fail(ids[i], err, "which stream? --stream NAME is missing");
		for (size_t k = 0; k < w->n; k++)
			if (!take_gate(ids[i], s, w->items[k], err))
				return false;
	}
	return true;
}

/* ---- times ---- */

bool gf_trust_take_times(const gf_run *run, int64_t lifetime, gf_policy *p, gf_error *err)
{
	const char *created = gf_value(&run->args, GF_OPT_TRUST_CREATED),
		   *expires = gf_value(&run->args, GF_OPT_TRUST_EXPIRES);

	p->created = gf_now();
	if (created != NULL && (!gf_time_parse(created, &p->created) || p->created <= 0))
		return gf_value_fail(GF_OPT_TRUST_CREATED, err, "'%s' is no time as 2026-11-23T01:02:03Z", created);
	p->expires = p->created + lifetime;
	if (expires != NULL && (!gf_when_parse(expires, p->created, &p->expires) || p->expires <= p->created))
		return gf_value_fail(GF_OPT_TRUST_EXPIRES, err, "'%s' is no date behind %s and no duration", expires,
		    created != NULL ? created : "now");
	return true;
}
