/* A trust file, changed: what 'gapferry trust' does to it. */
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

gf_policy *gf_policy_new(gf_error *err)
{
	gf_policy *p = gf_alloc(1, sizeof *p, err);

	if (p != NULL)
		p->version = 1;
	return p;
}

static bool need_name(const char *what, const char *name, gf_error *err)
{
	return gf_name_valid(name) ||
	    gf_fail(err, GF_USAGE, "trust-edit", name, "'%s' is no name for %s: a-z 0-9 . _ - and at most 64 bytes",
		name, what);
}

gf_policy_role *gf_policy_role_get(gf_policy *p, const char *name, gf_error *err)
{
	for (size_t i = 0; i < p->n_roles; i++)
		if (strcmp(p->roles[i].name, name) == 0)
			return &p->roles[i];
	if (!gf_grow(&p->roles, &p->roles_room, p->n_roles, sizeof *p->roles, err) ||
	    (p->roles[p->n_roles].name = gf_strdup(name, err)) == NULL)
		return NULL;
	p->roles[p->n_roles].threshold = 1;
	return &p->roles[p->n_roles++];
}

gf_policy_stream *gf_policy_stream_get(gf_policy *p, const char *name, gf_error *err)
{
	gf_policy_stream *s;

	for (size_t i = 0; i < p->n_streams; i++)
		if (strcmp(p->streams[i].name, name) == 0)
			return &p->streams[i];
	if (!need_name("a stream", name, err) ||
	    !gf_grow(&p->streams, &p->streams_room, p->n_streams, sizeof *p->streams, err))
		return NULL;
	s = &p->streams[p->n_streams];
	s->epoch = s->min_sequence = 1;
	s->name = gf_strdup(name, err);
	s->release = s->name != NULL ? gf_strdup("release", err) : NULL;
	if (s->release == NULL) {
		free(s->name);
		s->name = NULL;
		return NULL;
	}
	p->n_streams++;
	return s;
}

gf_policy_environment *gf_policy_environment_get(gf_policy_stream *s, const char *name, gf_error *err)
{
	gf_policy_environment *e;

	for (size_t i = 0; i < s->n_environments; i++)
		if (strcmp(s->environments[i].name, name) == 0)
			return &s->environments[i];
	if (!need_name("an environment", name, err) ||
	    !gf_grow(&s->environments, &s->environments_room, s->n_environments, sizeof *s->environments, err))
		return NULL;
	e = &s->environments[s->n_environments];
	e->separate = true;
	e->name = gf_strdup(name, err);
	if (e->name == NULL)
		return NULL;
	s->n_environments++;
	return e;
}

/* ---- keys ---- */

/* The second line alone: the first is a comment that nobody signed. */
static char *minisign_line(const char *text, gf_error *err)
{
	const char *line = strchr(text, '\n');

	return line != NULL ? gf_strndup(line + 1, strcspn(line + 1, "\n"), err) : gf_strdup("", err);
}

static bool print_key(const gf_pubkey *k, gf_buf *text, gf_error *err)
{
	if (gf_pubkey_is_certificate(k))
		return gf_pubkey_print_certificate(k, text, err);
	return gf_pubkey_is_minisign(k) ? gf_pubkey_print_minisign(k, text, err) : gf_pubkey_print(k, text, err);
}

static bool fill_key(gf_policy_key *k, const char *holder, const gf_pubkey *from, gf_error *err)
{
	bool minisign = gf_pubkey_is_minisign(from), ok;
	const char *type = gf_pubkey_is_certificate(from) ? "x509-leaf" : minisign ? "minisign" : "spki";
	gf_buf text, name;

	gf_buf_init(&text, GF_KEY_FILE_MAX);
	gf_buf_init(&name, 128);
	ok = (k->holder = gf_strdup(holder, err)) != NULL && (k->type = gf_strdup(type, err)) != NULL &&
	    print_key(from, &text, err) &&
	    (k->public = minisign ? minisign_line(text.data, err) : gf_strdup(text.data, err)) != NULL &&
	    gf_buf_printf(&name, err, "%s.pub", holder) &&
	    (k->key = gf_pubkey_parse(text.data, text.len, name.data, err)) != NULL;
	if (ok)
		k->id = *gf_pubkey_id(k->key);
	gf_buf_clear(&name);
	gf_buf_clear(&text);
	return ok;
}

/* The key is there; a certificate of it says more than a bare key, and a renewed one says it anew. */
static bool renew_key(gf_policy_key *there, const char *holder, const gf_pubkey *k, gf_error *err)
{
	gf_policy_key next = { .not_before = there->not_before, .not_after = there->not_after };

	if (strcmp(there->holder, holder) != 0)
		return gf_fail(err, GF_USAGE, "trust-holder", holder,
		    "the key of '%s' is that of '%s' already; a key has one holder", holder, there->holder);
	if (!gf_pubkey_is_certificate(k))
		return true;
	if (!fill_key(&next, holder, k, err)) {
		gf_policy_key_clear(&next);
		return false;
	}
	gf_policy_key_clear(there);
	*there = next;
	return true;
}

/* The place of the key, which is put in where it is not there. */
static bool key_place(gf_policy *p, const char *holder, const gf_pubkey *k, size_t *at, gf_error *err)
{
	for (*at = 0; *at < p->n_keys; ++*at)
		if (gf_digest_compare(&p->keys[*at].id, gf_pubkey_id(k)) == 0)
			return renew_key(&p->keys[*at], holder, k, err);
	if (!need_name("a holder", holder, err) || !gf_grow(&p->keys, &p->keys_room, p->n_keys, sizeof *p->keys, err))
		return false;
	if (fill_key(&p->keys[p->n_keys], holder, k, err)) {
		p->n_keys++;
		return true;
	}
	gf_policy_key_clear(&p->keys[p->n_keys]);
	p->keys[p->n_keys] = (gf_policy_key){ 0 };
	return false;
}

bool gf_policy_add_key(gf_policy *p, const char *role, const char *holder, const gf_pubkey *k, gf_error *err)
{
	gf_policy_role *r;
	size_t at;

	if (!key_place(p, holder, k, &at, err) || (r = gf_policy_role_get(p, role, err)) == NULL)
		return false;
	for (size_t i = 0; i < r->n_keys; i++)
		if (r->keys[i] == at)
			return true;
	if (!gf_grow(&r->keys, &r->keys_room, r->n_keys, sizeof *r->keys, err))
		return false;
	r->keys[r->n_keys++] = at;
	return true;
}

static void drop_from_role(gf_policy_role *r, size_t i)
{
	memmove(&r->keys[i], &r->keys[i + 1], (r->n_keys - i - 1) * sizeof *r->keys);
	r->n_keys--;
}

static void drop_role(gf_policy *p, size_t i)
{
	gf_policy_role_clear(&p->roles[i]);
	memmove(&p->roles[i], &p->roles[i + 1], (p->n_roles - i - 1) * sizeof *p->roles);
	p->n_roles--;
	p->roles[p->n_roles] = (gf_policy_role){ 0 };
}

/* Out of the file; roles count places. */
static void drop_key(gf_policy *p, size_t at)
{
	for (size_t r = 0; r < p->n_roles; r++)
		for (size_t i = p->roles[r].n_keys; i-- > 0;) {
			if (p->roles[r].keys[i] == at)
				drop_from_role(&p->roles[r], i);
			else if (p->roles[r].keys[i] > at)
				p->roles[r].keys[i]--;
		}
	gf_policy_key_clear(&p->keys[at]);
	memmove(&p->keys[at], &p->keys[at + 1], (p->n_keys - at - 1) * sizeof *p->keys);
	p->n_keys--;
	p->keys[p->n_keys] = (gf_policy_key){ 0 };
}

static bool is_used(const gf_policy *p, size_t at)
{
	for (size_t r = 0; r < p->n_roles; r++)
		for (size_t i = 0; i < p->roles[r].n_keys; i++)
			if (p->roles[r].keys[i] == at)
				return true;
	return false;
}

/* What the edit emptied goes: roles, and keys that have no role. */
static void sweep(gf_policy *p)
{
	for (size_t i = p->n_roles; i-- > 0;)
		if (p->roles[i].n_keys == 0)
			drop_role(p, i);
	for (size_t i = p->n_keys; i-- > 0;)
		if (!is_used(p, i))
			drop_key(p, i);
}

bool gf_policy_remove_holder(gf_policy *p, const char *role, const char *holder, gf_error *err)
{
	gf_policy_role *r = NULL;
	bool found = false;

	for (size_t i = 0; i < p->n_roles && r == NULL; i++)
		if (strcmp(p->roles[i].name, role) == 0)
			r = &p->roles[i];
	for (size_t i = r != NULL ? r->n_keys : 0; i-- > 0;)
		if (strcmp(p->keys[r->keys[i]].holder, holder) == 0) {
			drop_from_role(r, i);
			found = true;
		}
	sweep(p);
	return found || gf_fail(err, GF_USAGE, "trust-edit", holder, "'%s' has no key in role '%s'", holder, role);
}

/* A holder, or the beginning of a key id. */
static bool is_named(const gf_policy_key *k, const char *which)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(&k->id, hex);
	return strcmp(k->holder, which) == 0 || (strlen(which) >= 16 && gf_starts_with(hex, which));
}

bool gf_policy_revoke(gf_policy *p, const char *which, size_t *n, gf_error *err)
{
	*n = 0;
	for (size_t i = p->n_keys; i-- > 0;)
		if (is_named(&p->keys[i], which)) {
			drop_key(p, i);
			++*n;
		}
	sweep(p);
	return *n > 0 ||
	    gf_fail(err, GF_USAGE, "trust-edit", which,
		"'%s' is no holder here, and no key id of which at least 16 digits are given begins so", which);
}

/* ---- streams ---- */

bool gf_policy_remove_stream(gf_policy *p, const char *stream, gf_error *err)
{
	for (size_t i = 0; i < p->n_streams; i++) {
		if (strcmp(p->streams[i].name, stream) != 0)
			continue;
		gf_policy_stream_clear(&p->streams[i]);
		memmove(&p->streams[i], &p->streams[i + 1], (p->n_streams - i - 1) * sizeof *p->streams);
		p->streams[--p->n_streams] = (gf_policy_stream){ 0 };
		return true;
	}
	return gf_fail(err, GF_USAGE, "trust-edit", stream, "there is no stream '%s'", stream);
}

bool gf_policy_remove_environment(gf_policy_stream *s, const char *environment, gf_error *err)
{
	for (size_t i = 0; i < s->n_environments; i++) {
		if (strcmp(s->environments[i].name, environment) != 0)
			continue;
		gf_policy_environment_clear(&s->environments[i]);
		memmove(&s->environments[i], &s->environments[i + 1],
		    (s->n_environments - i - 1) * sizeof *s->environments);
		s->environments[--s->n_environments] = (gf_policy_environment){ 0 };
		return true;
	}
	return gf_fail(
	    err, GF_USAGE, "trust-edit", environment, "stream '%s' has no environment '%s'", s->name, environment);
}
