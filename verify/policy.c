/* A trust file, read.  One function for each object of FORMAT.md 4. */
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

#define MINISIGN_HEAD "untrusted comment: minisign public key\n"
#define KEYS_MAX 1024 /* reading each costs a tenth of a millisecond */

/* ---- single values ---- */

/* The first second of 1970 is how "none" is written in memory. */
static bool read_time(gf_json object, const char *key, gf_time *out, gf_error *err)
{
	return gf_json_time(object, key, out, err) &&
	    (*out > 0 || gf_json_fail(gf_json_get(object, key), "trust-time", err, "1970 had only begun then"));
}

static bool read_time_if(gf_json object, const char *key, gf_time *out, gf_error *err)
{
	return gf_json_typeof(gf_json_get(object, key)) == GF_JSON_ABSENT || read_time(object, key, out, err);
}

static bool check_name(gf_json v, const char *name, gf_error *err)
{
	return gf_name_valid(name) ||
	    gf_json_fail(v, "trust-name", err, "'%.80s' is no name: a-z 0-9 . _ - and at most 64 bytes", name);
}

/* "root", "approver:prod": a name, or two with a colon between. */
static bool role_name_valid(const char *name)
{
	const char *colon = strchr(name, ':');
	char first[65];

	if (colon == NULL)
		return gf_name_valid(name);
	if ((size_t)(colon - name) >= sizeof first)
		return false;
	memcpy(first, name, (size_t)(colon - name));
	first[colon - name] = '\0';
	return gf_name_valid(first) && gf_name_valid(colon + 1);
}

/* Texts, each once; absent: none. */
static bool read_texts_if(gf_json object, const char *key, char ***out, size_t *n, gf_error *err)
{
	if (!gf_json_texts_if(object, key, out, n, err))
		return false;
	for (size_t i = 0; i < *n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp((*out)[k], (*out)[i]) == 0)
				return gf_json_fail(gf_json_get(object, key), "trust-twice", err,
				    "'%.64s' stands here twice", (*out)[i]);
	return true;
}

/* ---- keys ---- */

/* public holds what its type says, and nothing else. */
static gf_pubkey *make_key(gf_json v, const gf_policy_key *k, gf_error *err)
{
	bool minisign = strcmp(k->type, "minisign") == 0, leaf = strcmp(k->type, "x509-leaf") == 0;
	gf_pubkey *key = NULL;
	gf_error why = { 0 };
	gf_buf text, name;

	if (!minisign && !leaf && strcmp(k->type, "spki") != 0) {
		gf_json_fail(v, "trust-key", err, "'%.64s' is not spki, minisign or x509-leaf", k->type);
		return NULL;
	}
	gf_buf_init(&text, GF_COMPANION_MAX + sizeof MINISIGN_HEAD + 1);
	gf_buf_init(&name, 128);
	if (gf_buf_printf(&text, &why, "%s%s%s", minisign ? MINISIGN_HEAD : "", k->public, minisign ? "\n" : "") &&
	    gf_buf_printf(&name, &why, "%s.pub", k->holder) && (minisign || gf_starts_with(k->public, "-----BEGIN ")))
		key = gf_pubkey_parse(gf_buf_text(&text), text.len, name.data, &why);
	if (key != NULL && gf_pubkey_is_certificate(key) != leaf) {
		gf_pubkey_free(key);
		key = NULL;
	}
	if (key == NULL)
		gf_json_fail(v, "trust-key", err, "the key of '%s' is not one of type %s%s%s", k->holder, k->type,
		    why.text[0] != '\0' ? ": " : "", why.text);
	gf_buf_clear(&name);
	gf_buf_clear(&text);
	return key;
}

static bool read_key(gf_json v, const char *id, gf_policy_key *k, gf_error *err)
{
	static const char *const members[] = { "holder", "type", "public", "notBefore", "notAfter", NULL };

	if (!gf_digest_parse_hex(id, &k->id))
		return gf_json_fail(v, "trust-key", err, "a key id has 64 lower-case hex digits");
	if (!gf_json_only(v, members, err) || !gf_json_copy(v, "holder", &k->holder, err) ||
	    !check_name(gf_json_get(v, "holder"), k->holder, err) || !gf_json_copy(v, "type", &k->type, err) ||
	    !gf_json_copy(v, "public", &k->public, err) || !read_time_if(v, "notBefore", &k->not_before, err) ||
	    !read_time_if(v, "notAfter", &k->not_after, err) || (k->key = make_key(v, k, err)) == NULL)
		return false;
	if (!gf_digest_equal(&k->id, gf_pubkey_id(k->key)))
		return gf_json_fail(
		    v, "trust-key", err, "is not the id of the key of '%s' that stands under it", k->holder);
	return k->not_after == 0 || k->not_before <= k->not_after ||
	    gf_json_fail(v, "trust-time", err, "the key of '%s' ends before it begins", k->holder);
}

static bool read_keys(gf_json predicate, gf_policy *p, gf_error *err)
{
	gf_json all;

	if (!gf_json_object(predicate, "keys", &all, err))
		return false;
	if (gf_json_count(all) > KEYS_MAX)
		return gf_json_fail(all, "trust-key", err, "more than %d keys", KEYS_MAX);
	for (size_t i = 0; i < gf_json_count(all); i++) {
		gf_json v;
		const char *id = gf_json_key_at(all, i, &v);

		if (!gf_grow(&p->keys, &p->keys_room, p->n_keys, sizeof *p->keys, err) ||
		    !read_key(v, id, &p->keys[p->n_keys++], err))
			return false;
	}
	return true;
}

/* ---- roles ---- */

static bool read_member(gf_json v, const gf_policy *p, gf_policy_role *r, gf_error *err)
{
	const char *text = NULL;
	gf_digest id;
	size_t at = 0;

	if (!gf_json_text(v, &text, err))
		return false;
	if (!gf_digest_parse_hex(text, &id))
		return gf_json_fail(v, "trust-key", err, "a key id has 64 lower-case hex digits");
	while (at < p->n_keys && gf_digest_compare(&p->keys[at].id, &id) != 0)
		at++;
	if (at == p->n_keys)
		return gf_json_fail(
		    v, "trust-role", err, "key %.16s of role '%s' is not among the keys", text, r->name);
	for (size_t i = 0; i < r->n_keys; i++)
		if (r->keys[i] == at)
			return gf_json_fail(
			    v, "trust-twice", err, "key %.16s stands twice in role '%s'", text, r->name);
	if (!gf_grow(&r->keys, &r->keys_room, r->n_keys, sizeof *r->keys, err))
		return false;
	r->keys[r->n_keys++] = at;
	return true;
}

static bool read_role(gf_json v, const char *name, const gf_policy *p, gf_policy_role *r, gf_error *err)
{
	static const char *const members[] = { "keys", "threshold", NULL };
	gf_json keys;

	if (!role_name_valid(name))
		return gf_json_fail(v, "trust-name", err, "'%.140s' is no name of a role", name);
	if ((r->name = gf_strdup(name, err)) == NULL || !gf_json_only(v, members, err) ||
	    !gf_json_array(v, "keys", &keys, err) || !gf_json_u64(v, "threshold", &r->threshold, err))
		return false;
	for (size_t i = 0; i < gf_json_count(keys); i++)
		if (!read_member(gf_json_at(keys, i), p, r, err))
			return false;
	return true;
}

static bool read_roles(gf_json predicate, gf_policy *p, gf_error *err)
{
	gf_json all;

	if (!gf_json_object(predicate, "roles", &all, err))
		return false;
	for (size_t i = 0; i < gf_json_count(all); i++) {
		gf_json v;
		const char *name = gf_json_key_at(all, i, &v);

		if (!gf_grow(&p->roles, &p->roles_room, p->n_roles, sizeof *p->roles, err) ||
		    !read_role(v, name, p, &p->roles[p->n_roles++], err))
			return false;
	}
	return true;
}

/* ---- streams ---- */

static bool read_evidence(gf_json v, gf_policy_evidence *e, gf_error *err)
{
	static const char *const members[] = { "type", "role", "builders", "for", NULL };
	const char *scope = "image";

	if (!gf_json_only(v, members, err) || !gf_json_copy(v, "type", &e->type, err) ||
	    !gf_json_copy_if(v, "role", &e->role, err) ||
	    !read_texts_if(v, "builders", &e->builders, &e->n_builders, err) ||
	    !gf_json_string_if(v, "for", &scope, err))
		return false;
	e->each_platform = strcmp(scope, "each-platform") == 0;
	return (e->each_platform || strcmp(scope, "image") == 0 ||
		   gf_json_fail(
		       gf_json_get(v, "for"), "trust-evidence", err, "'%.64s' is not image or each-platform", scope)) &&
	    (e->type[0] != '\0' || gf_json_fail(v, "trust-evidence", err, "the type of evidence has no name"));
}

static bool read_rules(gf_json v, gf_policy_environment *e, gf_error *err)
{
	gf_json list = gf_json_get(v, "evidence");

	if (gf_json_typeof(list) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_array(v, "evidence", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!gf_grow(&e->evidence, &e->evidence_room, e->n_evidence, sizeof *e->evidence, err) ||
		    !read_evidence(gf_json_at(list, i), &e->evidence[e->n_evidence++], err))
			return false;
	return true;
}

static bool read_environment(gf_json v, const char *name, gf_policy_environment *e, gf_error *err)
{
	static const char *const members[] = { "after", "approvers", "separateFromRelease", "evidence", "allowUnsigned",
		NULL };

	e->separate = true;
	if ((e->name = gf_strdup(name, err)) == NULL || !check_name(v, name, err) || !gf_json_only(v, members, err) ||
	    !read_texts_if(v, "after", &e->after, &e->n_after, err) ||
	    !gf_json_copy_if(v, "approvers", &e->approvers, err) ||
	    !gf_json_bool_if(v, "separateFromRelease", &e->separate, err) || !read_rules(v, e, err) ||
	    !gf_json_bool_if(v, "allowUnsigned", &e->allow_unsigned, err))
		return false;
	e->after_room = e->n_after;
	return true;
}

static bool read_max_age(gf_json v, int64_t *out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string_if(v, "maxAge", &text, err))
		return false;
	return text == NULL || (gf_duration_parse(text, out) && *out > 0) ||
	    gf_json_fail(
		gf_json_get(v, "maxAge"), "trust-time", err, "expected a duration as 90d, found '%.64s'", text);
}

static bool read_max_jump(gf_json v, uint64_t *out, gf_error *err)
{
	return gf_json_typeof(gf_json_get(v, "maxJump")) == GF_JSON_ABSENT ||
	    (gf_json_u64(v, "maxJump", out, err) &&
		(*out > 0 ||
		    gf_json_fail(
			gf_json_get(v, "maxJump"), "trust-stream", err, "0 would let no release in after the first")));
}

static bool read_environments(gf_json v, gf_policy_stream *s, gf_error *err)
{
	gf_json all;

	if (!gf_json_object(v, "environments", &all, err))
		return false;
	for (size_t i = 0; i < gf_json_count(all); i++) {
		gf_json item;
		const char *name = gf_json_key_at(all, i, &item);

		if (!gf_grow(
			&s->environments, &s->environments_room, s->n_environments, sizeof *s->environments, err) ||
		    !read_environment(item, name, &s->environments[s->n_environments++], err))
			return false;
	}
	return true;
}

static bool read_stream(gf_json v, const char *name, gf_policy_stream *s, gf_error *err)
{
	static const char *const members[] = { "release", "epoch", "minSequence", "maxAge", "maxJump", "environments",
		NULL };

	s->min_sequence = 1;
	return (s->name = gf_strdup(name, err)) != NULL && check_name(v, name, err) && gf_json_only(v, members, err) &&
	    gf_json_copy(v, "release", &s->release, err) && gf_json_u64(v, "epoch", &s->epoch, err) &&
	    gf_json_u64_if(v, "minSequence", &s->min_sequence, err) && read_max_age(v, &s->max_age, err) &&
	    read_max_jump(v, &s->max_jump, err) && read_environments(v, s, err);
}

static bool read_streams(gf_json predicate, gf_policy *p, gf_error *err)
{
	gf_json all;

	if (!gf_json_object(predicate, "streams", &all, err))
		return false;
	for (size_t i = 0; i < gf_json_count(all); i++) {
		gf_json v;
		const char *name = gf_json_key_at(all, i, &v);

		if (!gf_grow(&p->streams, &p->streams_room, p->n_streams, sizeof *p->streams, err) ||
		    !read_stream(v, name, &p->streams[p->n_streams++], err))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

static bool read_predicate(gf_json v, gf_policy *p, gf_error *err)
{
	static const char *const members[] = { "version", "created", "expires", "keys", "roles", "streams", NULL };

	if (!gf_json_only(v, members, err) || !gf_json_u64(v, "version", &p->version, err) ||
	    !read_time(v, "created", &p->created, err) || !read_time(v, "expires", &p->expires, err))
		return false;
	if (p->version == 0)
		return gf_json_fail(gf_json_get(v, "version"), "trust-version", err, "versions begin at 1");
	if (p->expires <= p->created)
		return gf_json_fail(gf_json_get(v, "expires"), "trust-time", err, "it expires before it was made");
	return read_keys(v, p, err) && read_roles(v, p, err) && read_streams(v, p, err);
}

gf_policy *gf_policy_parse(const void *text, size_t n, const char *name, gf_error *err)
{
	gf_policy *p = NULL;
	gf_statement st;

	if (!gf_statement_open(text, n, name, GF_TYPE_TRUST, &st, err))
		return NULL;
	p = gf_alloc(1, sizeof *p, err);
	if (p != NULL && !read_predicate(st.predicate, p, err)) {
		gf_policy_free(p);
		p = NULL;
	}
	gf_statement_close(&st);
	return p;
}

/* ---- finding ---- */

const gf_policy_role *gf_policy_role_find(const gf_policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_roles; i++)
		if (strcmp(p->roles[i].name, name) == 0)
			return &p->roles[i];
	return NULL;
}

const gf_policy_stream *gf_policy_stream_find(const gf_policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_streams; i++)
		if (strcmp(p->streams[i].name, name) == 0)
			return &p->streams[i];
	return NULL;
}

const gf_policy_environment *gf_policy_environment_find(const gf_policy_stream *s, const char *name)
{
	for (size_t i = 0; i < s->n_environments; i++)
		if (strcmp(s->environments[i].name, name) == 0)
			return &s->environments[i];
	return NULL;
}

void gf_policy_key_times(const gf_policy_key *k, gf_time *from, gf_time *until)
{
	gf_pubkey_times(k->key, from, until);
	if (k->not_before > *from)
		*from = k->not_before;
	if (k->not_after != 0 && (*until == 0 || k->not_after < *until))
		*until = k->not_after;
}

bool gf_policy_key_valid(const gf_policy_key *k, gf_time at)
{
	gf_time from, until;

	gf_policy_key_times(k, &from, &until);
	return at == 0 || (at >= from && (until == 0 || at <= until));
}
