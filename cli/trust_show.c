/* A trust file for two people on the phone, and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trust.h"

#define GROUPS_SIZE 40

/* "1f3a 88c0 ...": sixteen groups of four, in two lines of eight. */
static void groups(const gf_digest *d, size_t line, char out[GROUPS_SIZE])
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(d, hex);
	for (size_t i = 0; i < 8; i++) {
		memcpy(out + 5 * i, hex + 32 * line + 4 * i, 4);
		out[5 * i + 4] = i < 7 ? ' ' : '\0';
	}
}

/* Several things in one cell; what has no room is cut. */
typedef struct line {
	char text[400];
} line;

static void add(line *l, const char *separator, const char *text)
{
	size_t n = strlen(l->text);

	(void)snprintf(l->text + n, sizeof l->text - n, "%s%s", n > 0 ? separator : "", text);
}

/* Has holder signed as a root? */
static bool holder_signed(const gf_trust_file *t, const char *holder)
{
	const gf_policy_role *root = gf_policy_role_find(t->policy, "root");
	const gf_member *file = &t->files.members[0];

	for (size_t i = 0; i < root->n_keys; i++) {
		const gf_policy_key *k = &t->policy->keys[root->keys[i]];

		if (strcmp(k->holder, holder) == 0 &&
		    gf_signature_among(
			k->key, file->name, gf_buf_text(&file->bytes), file->bytes.len, t->files.members, t->files.n))
			return true;
	}
	return false;
}

/* take(ctx, holder) for each holder who has signed as a root; how many. */
static size_t each_signer(const gf_trust_file *t, void (*take)(void *ctx, const char *holder), void *ctx)
{
	const gf_policy_role *root = gf_policy_role_find(t->policy, "root");
	size_t n = 0;

	for (size_t i = 0; i < root->n_keys; i++) {
		const char *holder = t->policy->keys[root->keys[i]].holder;

		if (!gf_policy_is_first(t->policy, root, i) || !holder_signed(t, holder))
			continue;
		take(ctx, holder);
		n++;
	}
	return n;
}

/* ---- text ---- */

static void add_name(void *ctx, const char *holder)
{
	add(ctx, ", ", holder);
}

static bool show_head(const gf_trust_file *t, gf_error *err)
{
	const gf_policy *p = t->policy;
	gf_table *table = gf_table_new(2, err);
	char text[GF_DIGEST_SIZE], group[GROUPS_SIZE];
	line names = { "" }, signers = { "" };
	size_t n = each_signer(t, add_name, &names);

	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)p->version);
	gf_table_add(table, "trust file", t->path);
	gf_table_add(table, "version", text);
	gf_time_print(p->created, text);
	gf_table_add(table, "created", text);
	gf_time_print(p->expires, text);
	gf_table_add(table, "expires", text);
	gf_digest_hex(&t->digest, text);
	gf_table_add(table, "sha256", text);
	for (size_t i = 0; i < 2; i++) {
		groups(&t->digest, i, group);
		gf_table_add(table, i == 0 ? "to read out" : "", group);
	}
	(void)snprintf(
	    text, sizeof text, "%zu of %llu roots", n, (unsigned long long)gf_policy_role_find(p, "root")->threshold);
	add(&signers, "", text);
	if (n > 0)
		add(&signers, ": ", names.text);
	gf_table_add(table, "signed by", signers.text);
	return gf_table_print(table, stdout, 0, err);
}

static bool show_keys(const gf_policy *p, gf_error *err)
{
	gf_table *t = gf_table_new(4, err);

	gf_table_add(t, "holder", "type", "key", "valid");
	for (size_t i = 0; i < p->n_keys; i++) {
		const gf_policy_key *k = &p->keys[i];
		char group[GROUPS_SIZE], from[GF_TIME_SIZE] = "", to[GF_TIME_SIZE] = "", valid[64] = "", type[40];
		gf_time not_before, not_after;

		groups(&k->id, 0, group);
		group[19] = '\0'; /* sixteen digits, as in names of signatures */
		gf_policy_key_times(k, &not_before, &not_after);
		if (not_before != 0)
			gf_time_print(not_before, from);
		if (not_after != 0)
			gf_time_print(not_after, to);
		if (from[0] != '\0' || to[0] != '\0')
			(void)snprintf(valid, sizeof valid, "%s%s%s%s%s", from[0] != '\0' ? "from " : "", from,
			    from[0] != '\0' && to[0] != '\0' ? " " : "", to[0] != '\0' ? "to " : "", to);
		(void)snprintf(type, sizeof type, "%s%s", gf_pubkey_type(k->key),
		    gf_pubkey_is_certificate(k->key) ? " certificate" : "");
		gf_table_add(t, k->holder, type, group, valid);
	}
	putchar('\n');
	return gf_table_print(t, stdout, 0, err);
}

static bool show_roles(const gf_policy *p, gf_error *err)
{
	gf_table *t = gf_table_new(3, err);

	gf_table_add(t, "role", "needs", "holders");
	for (size_t i = 0; i < p->n_roles; i++) {
		const gf_policy_role *r = &p->roles[i];
		line names = { "" };
		char needs[48];

		for (size_t k = 0; k < r->n_keys; k++)
			if (gf_policy_is_first(p, r, k))
				add(&names, ", ", p->keys[r->keys[k]].holder);
		(void)snprintf(
		    needs, sizeof needs, "%llu of %zu", (unsigned long long)r->threshold, gf_policy_holders(p, r));
		gf_table_add(t, r->name, needs, names.text);
	}
	putchar('\n');
	return gf_table_print(t, stdout, 0, err);
}

static void add_number(line *l, const char *what, uint64_t n)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%s %llu", what, (unsigned long long)n);
	add(l, ", ", text);
}

static void add_named(line *l, const char *what, const char *name)
{
	char text[200];

	(void)snprintf(text, sizeof text, "%s %.150s", what, name);
	add(l, ", ", text);
}

static void describe_stream(const gf_policy_stream *s, line *l)
{
	char age[GF_DURATION_SIZE];

	add_named(l, "signed by role", s->release);
	add_number(l, "epoch", s->epoch);
	if (s->min_sequence != 1)
		add_number(l, "from sequence", s->min_sequence);
	if (s->max_age > 0) {
		gf_duration_print(s->max_age, age);
		add_named(l, "at most old", age);
	}
	if (s->max_jump > 0)
		add_number(l, "steps of at most", s->max_jump);
}

static void describe_environment(const gf_policy_environment *e, line *l)
{
	for (size_t i = 0; i < e->n_after; i++)
		add_named(l, "after", e->after[i]);
	if (e->approvers != NULL)
		add_named(l, "approved by role", e->approvers);
	if (e->approvers != NULL)
		add(l, ", ", e->separate ? "releasers apart" : "releasers may approve");
	for (size_t i = 0; i < e->n_evidence; i++) {
		add_named(l, "evidence", e->evidence[i].type);
		if (e->evidence[i].role != NULL)
			add_named(l, "by role", e->evidence[i].role);
		for (size_t k = 0; k < e->evidence[i].n_builders; k++)
			add_named(l, "of builder", e->evidence[i].builders[k]);
		if (e->evidence[i].each_platform)
			add(l, ", ", "for each platform");
	}
	if (e->allow_unsigned)
		add(l, ", ", "UNSIGNED BUNDLES ALLOWED");
	if (l->text[0] == '\0')
		add(l, "", "no gates");
}

static bool show_streams(const gf_policy *p, gf_error *err)
{
	gf_table *t = gf_table_new(3, err);

	gf_table_add(t, "stream", "environment", "rules");
	for (size_t i = 0; i < p->n_streams; i++) {
		const gf_policy_stream *s = &p->streams[i];
		line l = { "" };

		describe_stream(s, &l);
		gf_table_add(t, s->name, "", l.text);
		for (size_t k = 0; k < s->n_environments; k++) {
			line gates = { "" };

			describe_environment(&s->environments[k], &gates);
			gf_table_add(t, s->name, s->environments[k].name, gates.text);
		}
	}
	putchar('\n');
	return gf_table_print(t, stdout, 0, err);
}

/* ---- JSON ---- */

static void put_keys(gf_json_out *o, const gf_policy *p)
{
	gf_json_open(o, "keys", '[');
	for (size_t i = 0; i < p->n_keys; i++) {
		gf_time from, until;
		char hex[GF_HEX_SIZE];

		gf_policy_key_times(&p->keys[i], &from, &until);
		gf_digest_hex(&p->keys[i].id, hex);
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "id", hex);
		gf_json_put(o, "type", gf_pubkey_type(p->keys[i].key));
		gf_json_put(o, "holder", p->keys[i].holder);
		gf_json_put_bool(o, "certificate", gf_pubkey_is_certificate(p->keys[i].key));
		if (from != 0)
			gf_json_put_time(o, "notBefore", from);
		if (until != 0)
			gf_json_put_time(o, "notAfter", until);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_roles(gf_json_out *o, const gf_policy *p)
{
	gf_json_open(o, "roles", '[');
	for (size_t i = 0; i < p->n_roles; i++) {
		const gf_policy_role *r = &p->roles[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "name", r->name);
		gf_json_put_u64(o, "threshold", r->threshold);
		gf_json_open(o, "holders", '[');
		for (size_t k = 0; k < r->n_keys; k++)
			if (gf_policy_is_first(p, r, k))
				gf_json_put(o, NULL, p->keys[r->keys[k]].holder);
		gf_json_close(o, ']');
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_environment(gf_json_out *o, const gf_policy_environment *e)
{
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "name", e->name);
	gf_json_put_texts(o, "after", e->after, e->n_after);
	gf_json_put(o, "approvers", e->approvers);
	gf_json_put_bool(o, "separateFromRelease", e->separate);
	gf_json_put_bool(o, "allowUnsigned", e->allow_unsigned);
	gf_json_open(o, "evidence", '[');
	for (size_t i = 0; i < e->n_evidence; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "type", e->evidence[i].type);
		gf_json_put(o, "role", e->evidence[i].role);
		gf_json_put_texts(o, "builders", e->evidence[i].builders, e->evidence[i].n_builders);
		gf_json_put(o, "for", e->evidence[i].each_platform ? "each-platform" : "image");
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static void put_streams(gf_json_out *o, const gf_policy *p)
{
	gf_json_open(o, "streams", '[');
	for (size_t i = 0; i < p->n_streams; i++) {
		const gf_policy_stream *s = &p->streams[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "name", s->name);
		gf_json_put(o, "release", s->release);
		gf_json_put_u64(o, "epoch", s->epoch);
		gf_json_put_u64(o, "minSequence", s->min_sequence);
		if (s->max_age > 0)
			gf_json_put_u64(o, "maxAgeSeconds", (uint64_t)s->max_age);
		if (s->max_jump > 0)
			gf_json_put_u64(o, "maxJump", s->max_jump);
		gf_json_open(o, "environments", '[');
		for (size_t k = 0; k < s->n_environments; k++)
			put_environment(o, &s->environments[k]);
		gf_json_close(o, ']');
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_name(void *ctx, const char *holder)
{
	gf_json_put(ctx, NULL, holder);
}

static bool put_file(gf_run *run, const gf_trust_file *t, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_report r;

	gf_digest_hex(&t->digest, hex);
	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "file", t->path);
	gf_json_put_u64(&r.out, "version", t->policy->version);
	gf_json_put(&r.out, "sha256", hex);
	gf_json_put_time(&r.out, "created", t->policy->created);
	gf_json_put_time(&r.out, "expires", t->policy->expires);
	gf_json_open(&r.out, "signedBy", '[');
	(void)each_signer(t, put_name, &r.out);
	gf_json_close(&r.out, ']');
	put_keys(&r.out, t->policy);
	put_roles(&r.out, t->policy);
	put_streams(&r.out, t->policy);
	return gf_report_close(&r, run, NULL, err);
}

bool gf_trust_file_tell(gf_run *run, const gf_trust_file *t, const char *next, gf_error *err)
{
	gf_progress_rest(run->progress);
	if (run->json)
		return put_file(run, t, err);
	if (!show_head(t, err) || !show_keys(t->policy, err) || !show_roles(t->policy, err) ||
	    !show_streams(t->policy, err))
		return false;
	if (next != NULL)
		printf("\n%s\n", next);
	return true;
}
