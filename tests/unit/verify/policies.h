/* Trust files for tests: made by the functions that 'gapferry trust' uses, signed by keys made here. */
#ifndef GF_TESTS_VERIFY_POLICIES_H
#define GF_TESTS_VERIFY_POLICIES_H

#include <time.h>

#include "common.h"

static inline int make_people(void **state)
{
	static const char *const names[] = { "alice", "bob", "carol", "dave", "erin", "frank", "ci", "op", "site" };

	if (enter(state) != 0)
		return -1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		make_key(names[i]);
	return 0;
}

static inline void add_holder(gf_policy *p, const char *role, const char *key, const char *holder)
{
	gf_error err = { 0 };
	char path[64];
	gf_pubkey *k;

	(void)snprintf(path, sizeof path, "%s.pub", key);
	need((k = gf_pubkey_load(path, &err)) != NULL);
	need(gf_policy_add_key(p, role, holder, k, &err));
	gf_pubkey_free(k);
}

static inline void add_person(gf_policy *p, const char *role, const char *name)
{
	add_holder(p, role, name, name);
}

static inline void set_threshold(gf_policy *p, const char *role, uint64_t n)
{
	gf_error err = { 0 };
	gf_policy_role *r = gf_policy_role_get(p, role, &err);

	assert_non_null(r);
	r->threshold = n;
}

/* Roots are named with blanks between: "alice bob". */
static inline gf_policy *rooted(uint64_t version, const char *roots, uint64_t threshold)
{
	gf_error err = { 0 };
	gf_policy *p = gf_policy_new(&err);
	char copy[128], *rest = copy, *name;

	assert_non_null(p);
	p->version = version;
	p->created = gf_now() - 60;
	p->expires = p->created + 86400;
	(void)snprintf(copy, sizeof copy, "%s", roots);
	while ((name = strtok_r(rest, " ", &rest)) != NULL)
		add_person(p, "root", name);
	set_threshold(p, "root", threshold);
	return p;
}

/* With a stream, environments with gates, and every optional member but times of keys. */
static inline gf_policy *whole(uint64_t version)
{
	gf_error err = { 0 };
	gf_policy *p = rooted(version, "alice bob", 2);
	gf_policy_stream *s;
	gf_policy_environment *e;
	gf_policy_evidence *rule;

	add_person(p, "release", "ci");
	add_person(p, "approver:prod", "carol");
	add_person(p, "approver:prod", "dave");
	set_threshold(p, "approver:prod", 2);
	add_person(p, "receipt:test", "site");
	add_person(p, "permit", "op");
	need((s = gf_policy_stream_get(p, "shop", &err)) != NULL);
	s->min_sequence = 5;
	s->max_age = 90 * 86400;
	s->max_jump = 1000;
	need(gf_policy_environment_get(s, "test", &err) != NULL);
	need((e = gf_policy_environment_get(s, "prod", &err)) != NULL);
	need((e->after = gf_alloc(1, sizeof *e->after, &err)) != NULL &&
	    (e->after[0] = gf_strdup("test", &err)) != NULL);
	e->n_after = e->after_room = 1;
	need((e->approvers = gf_strdup("approver:prod", &err)) != NULL);
	e->allow_unsigned = true;
	need(gf_grow(&e->evidence, &e->evidence_room, 0, sizeof *e->evidence, &err));
	rule = &e->evidence[0];
	need((rule->type = gf_strdup("https://slsa.dev/provenance/v1", &err)) != NULL &&
	    (rule->role = gf_strdup("release", &err)) != NULL &&
	    (rule->builders = gf_alloc(1, sizeof *rule->builders, &err)) != NULL &&
	    (rule->builders[0] = gf_strdup("https://ci.example/builder", &err)) != NULL);
	rule->n_builders = 1;
	rule->each_platform = true;
	e->n_evidence = 1;
	return p;
}

/* A trust file and the signatures beside it. */
typedef struct signed_file {
	gf_member all[24]; /* the file first */
	size_t n;
} signed_file;

static inline void file_add_text(signed_file *f, const char *name, const char *text)
{
	gf_error err = { 0 };
	gf_member *m = &f->all[f->n++];

	gf_buf_init(&m->bytes, GF_COMPANION_MAX);
	need((m->name = gf_strdup(name, &err)) != NULL && gf_buf_puts(&m->bytes, text, &err));
}

static inline void file_sign(signed_file *f, const char *name)
{
	sign_as(name, f->all[0].name, &f->all[0].bytes, &f->all[f->n++]);
}

/* p is freed.  signers: "alice bob". */
static inline signed_file file_of(gf_policy *p, const char *signers)
{
	signed_file f = { .n = 1 };
	gf_error err = { 0 };
	char copy[128], *rest = copy, *name;
	char file[64];

	/* As among companions, but that nobody looks at the digits. */
	(void)snprintf(file, sizeof file, "trust-%016llx.json", (unsigned long long)p->version);
	gf_buf_init(&f.all[0].bytes, GF_COMPANION_MAX);
	need((f.all[0].name = gf_strdup(file, &err)) != NULL && gf_policy_print(p, &f.all[0].bytes, &err));
	gf_policy_free(p);
	(void)snprintf(copy, sizeof copy, "%s", signers);
	while ((name = strtok_r(rest, " ", &rest)) != NULL)
		file_sign(&f, name);
	return f;
}

static inline void file_clear(signed_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->all[i].name);
		gf_buf_clear(&f->all[i].bytes);
	}
	f->n = 0;
}

static inline gf_digest file_digest(const signed_file *f)
{
	gf_error err = { 0 };
	gf_digest d;

	need(gf_hash_bytes(gf_buf_text(&f->all[0].bytes), f->all[0].bytes.len, &d, &err));
	return d;
}

#endif
