/* A trust file, written and freed: keys in the order of FORMAT.md 4. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

void gf_duration_print(int64_t seconds, char out[GF_DURATION_SIZE])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (seconds % units[i].seconds != 0)
		i++;
	(void)snprintf(out, GF_DURATION_SIZE, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
}

static void put_key(gf_json_out *o, const gf_policy_key *k)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(&k->id, hex);
	gf_json_open(o, hex, '{');
	gf_json_put(o, "holder", k->holder);
	gf_json_put(o, "type", k->type);
	gf_json_put(o, "public", k->public);
	if (k->not_before != 0)
		gf_json_put_time(o, "notBefore", k->not_before);
	if (k->not_after != 0)
		gf_json_put_time(o, "notAfter", k->not_after);
	gf_json_close(o, '}');
}

static void put_role(gf_json_out *o, const gf_policy *p, const gf_policy_role *r)
{
	gf_json_open(o, r->name, '{');
	gf_json_open(o, "keys", '[');
	for (size_t i = 0; i < r->n_keys; i++)
		gf_json_put_hex(o, NULL, &p->keys[r->keys[i]].id);
	gf_json_close(o, ']');
	gf_json_put_u64(o, "threshold", r->threshold);
	gf_json_close(o, '}');
}

static void put_environment(gf_json_out *o, const gf_policy_environment *e)
{
	gf_json_open(o, e->name, '{');
	if (e->n_after > 0)
		gf_json_put_texts(o, "after", e->after, e->n_after);
	gf_json_put(o, "approvers", e->approvers);
	/* It has a meaning beside approvers alone. */
	if (e->approvers != NULL || !e->separate)
		gf_json_put_bool(o, "separateFromRelease", e->separate);
	if (e->n_evidence > 0) {
		gf_json_open(o, "evidence", '[');
		for (size_t i = 0; i < e->n_evidence; i++) {
			gf_json_open(o, NULL, '{');
			gf_json_put(o, "type", e->evidence[i].type);
			gf_json_put(o, "role", e->evidence[i].role);
			if (e->evidence[i].n_builders > 0)
				gf_json_put_texts(o, "builders", e->evidence[i].builders, e->evidence[i].n_builders);
			if (e->evidence[i].each_platform)
				gf_json_put(o, "for", "each-platform");
			gf_json_close(o, '}');
		}
		gf_json_close(o, ']');
	}
	if (e->allow_unsigned)
		gf_json_put_bool(o, "allowUnsigned", true);
	gf_json_close(o, '}');
}

static void put_stream(gf_json_out *o, const gf_policy_stream *s)
{
	char age[GF_DURATION_SIZE];

	gf_json_open(o, s->name, '{');
	gf_json_put(o, "release", s->release);
	gf_json_put_u64(o, "epoch", s->epoch);
	if (s->min_sequence != 1)
		gf_json_put_u64(o, "minSequence", s->min_sequence);
	if (s->max_age > 0) {
		gf_duration_print(s->max_age, age);
		gf_json_put(o, "maxAge", age);
	}
	if (s->max_jump > 0)
		gf_json_put_u64(o, "maxJump", s->max_jump);
	gf_json_open(o, "environments", '{');
	for (size_t i = 0; i < s->n_environments; i++)
		put_environment(o, &s->environments[i]);
	gf_json_close(o, '}');
	gf_json_close(o, '}');
}

bool gf_policy_print(const gf_policy *p, gf_buf *text, gf_error *err)
{
	gf_json_out o;

	gf_statement_begin(&o, text, GF_TYPE_TRUST, NULL, NULL, err);
	gf_json_put_u64(&o, "version", p->version);
	gf_json_put_time(&o, "created", p->created);
	gf_json_put_time(&o, "expires", p->expires);
	gf_json_open(&o, "keys", '{');
	for (size_t i = 0; i < p->n_keys; i++)
		put_key(&o, &p->keys[i]);
	gf_json_close(&o, '}');
	gf_json_open(&o, "roles", '{');
	for (size_t i = 0; i < p->n_roles; i++)
		put_role(&o, p, &p->roles[i]);
	gf_json_close(&o, '}');
	gf_json_open(&o, "streams", '{');
	for (size_t i = 0; i < p->n_streams; i++)
		put_stream(&o, &p->streams[i]);
	gf_json_close(&o, '}');
	return gf_statement_end(&o);
}

/* ---- freeing ---- */

void gf_policy_environment_clear(gf_policy_environment *e)
{
	free(e->name);
	gf_texts_free(e->after, e->n_after);
	free(e->approvers);
	for (size_t i = 0; i < e->n_evidence; i++) {
		free(e->evidence[i].type);
		free(e->evidence[i].role);
		gf_texts_free(e->evidence[i].builders, e->evidence[i].n_builders);
	}
	free(e->evidence);
}

void gf_policy_stream_clear(gf_policy_stream *s)
{
	free(s->name);
	free(s->release);
	for (size_t i = 0; i < s->n_environments; i++)
		gf_policy_environment_clear(&s->environments[i]);
	free(s->environments);
}

void gf_policy_key_clear(gf_policy_key *k)
{
	free(k->holder);
	free(k->type);
	free(k->public);
	gf_pubkey_free(k->key);
}

void gf_policy_role_clear(gf_policy_role *r)
{
	free(r->name);
	free(r->keys);
}

void gf_policy_free(gf_policy *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_keys; i++)
		gf_policy_key_clear(&p->keys[i]);
	free(p->keys);
	for (size_t i = 0; i < p->n_roles; i++)
		gf_policy_role_clear(&p->roles[i]);
	free(p->roles);
	for (size_t i = 0; i < p->n_streams; i++)
		gf_policy_stream_clear(&p->streams[i]);
	free(p->streams);
	free(p);
}
