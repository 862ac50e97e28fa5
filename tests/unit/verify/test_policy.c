/* Trust files: what is read, what is refused whole, what an edit makes. */
#include "policies.h"

static char *good; /* whole(3), printed */
static size_t good_size;

static int prepare(void **state)
{
	gf_error err = { 0 };
	gf_policy *p;
	gf_buf text;

	if (make_people(state) != 0)
		return -1;
	p = whole(3);
	p->keys[2].not_before = 1700000000;
	p->keys[2].not_after = 2000000000;
	gf_buf_init(&text, GF_COMPANION_MAX);
	if (!gf_policy_check(p, &err) || !gf_policy_print(p, &text, &err))
		return -1;
	gf_policy_free(p);
	good = text.data;
	good_size = text.len;
	return 0;
}

static int finish(void **state)
{
	free(good);
	return leave(state);
}

/* The good one with every `from` replaced; to NULL: everything from `from` on is cut. */
static void change(gf_buf *out, const char *from, const char *to)
{
	gf_error err = { 0 };
	const char *at = good, *next;

	gf_buf_init(out, 2 * GF_COMPANION_MAX);
	assert_non_null(strstr(good, from));
	while ((next = strstr(at, from)) != NULL) {
		need(gf_buf_add(out, at, (size_t)(next - at), &err) && gf_buf_puts(out, to, &err));
		at = next + strlen(from);
	}
	need(gf_buf_puts(out, at, &err));
}

static void test_round_trip(void **state)
{
	gf_error err = { 0 };
	gf_policy *p;
	gf_buf again;
	const gf_policy_stream *s;
	const gf_policy_environment *e;

	(void)state;
	need((p = gf_policy_parse(good, good_size, "trust.json", &err)) != NULL);
	need(gf_policy_check(p, &err));
	gf_buf_init(&again, GF_COMPANION_MAX);
	need(gf_policy_print(p, &again, &err));
	assert_int_equal(again.len, good_size);
	assert_memory_equal(again.data, good, good_size);
	assert_int_equal(p->version, 3);
	assert_int_equal(p->n_keys, 7);
	assert_string_equal(p->keys[2].holder, "ci");
	assert_string_equal(gf_pubkey_holder(p->keys[2].key), "ci");
	assert_true(gf_policy_key_valid(&p->keys[2], 1700000000) && gf_policy_key_valid(&p->keys[2], 2000000000));
	assert_false(gf_policy_key_valid(&p->keys[2], 1699999999) || gf_policy_key_valid(&p->keys[2], 2000000001));
	assert_true(gf_policy_key_valid(&p->keys[2], 0));
	need((s = gf_policy_stream_find(p, "shop")) != NULL);
	assert_int_equal(s->max_age, 90 * 86400);
	assert_int_equal(s->min_sequence, 5);
	assert_int_equal(s->epoch, 1);
	need((e = gf_policy_environment_find(s, "test")) != NULL);
	assert_true(e->approvers == NULL && e->n_after == 0 && !e->allow_unsigned && e->n_evidence == 0);
	need((e = gf_policy_environment_find(s, "prod")) != NULL);
	assert_true(e->separate && e->allow_unsigned && e->evidence[0].each_platform);
	assert_null(gf_policy_environment_find(s, "dev"));
	assert_null(gf_policy_stream_find(p, "shop2"));
	assert_int_equal(gf_policy_role_find(p, "approver:prod")->threshold, 2);
	gf_buf_clear(&again);
	gf_policy_free(p);
}

static const struct {
	const char *from, *to, *name;
} malformed[] = {
	{ "\"subject\": []", "\"subject\": [{}]", "statement" },
	{ "\"subject\": [],\n", "", "missing-key" },
	{ "urn:gapferry:trust:v1", "urn:gapferry:bundle:v1", "statement" },
	{ "in-toto.io/Statement/v1", "in-toto.io/Statement/v2", "statement" },
	{ "\"version\": 3", "\"version\": 0", "trust-version" },
	{ "\"version\": 3", "\"version\": 3, \"version\": 4", "json" },
	{ "\"version\": 3", "\"version\": 3, \"note\": \"\"", "unknown-key" },
	{ "\"version\": 3", "\"version\": 9007199254740992", "json-range" },
	{ "\"expires\": \"20", "\"expires\": \"19", "time-form" },
	{ "\"expires\": \"202", "\"expires\": \"199", "trust-time" },
	{ "\"created\": \"2", "\"created\": \"x", "time-form" },
	{ "\"notBefore\": \"2023", "\"notBefore\": \"2223", "trust-time" },
	{ "\"notBefore\": \"2023-11-14T22:13:20Z\"", "\"notBefore\": \"1970-01-01T00:00:00Z\"", "trust-time" },
	{ "\"holder\": \"ci\"", "\"holder\": \"CI\"", "trust-name" },
	{ "\"holder\": \"ci\"", "\"holder\": \"ci\", \"mail\": \"x\"", "unknown-key" },
	{ "\"type\": \"spki\"", "\"type\": \"x509-leaf\"", "trust-key" },
	{ "\"type\": \"spki\"", "\"type\": \"minisign\"", "trust-key" },
	{ "\"type\": \"spki\"", "\"type\": \"ssh\"", "trust-key" },
	{ "BEGIN PUBLIC KEY", "BEGIN PRIVATE KEY", "trust-key" },
	{ "\"root\": {\n        \"keys\": [\n          \"", "\"root\": {\n        \"keys\": [\n          \"0",
	    "trust-key" },
	{ "\"permit\": {", "\"per:mit:x\": {", "trust-name" },
	{ "\"permit\": {", "\"Permit\": {", "trust-name" },
	{ "\"threshold\": 2", "\"threshold\": \"2\"", "json-type" },
	{ "\"threshold\": 2", "\"threshold\": 2, \"any\": 1", "unknown-key" },
	{ "\"shop\": {", "\"Shop\": {", "trust-name" },
	{ "\"test\": {}", "\"test\": null", "json-type" },
	{ "\"test\": {}", "\"te st\": {}", "trust-name" },
	{ "\"test\": {}", "\"test\": {\"gates\": false}", "unknown-key" },
	{ "\"epoch\": 1,", "", "missing-key" },
	{ "\"epoch\": 1,", "\"epoch\": 1, \"x\": 1,", "unknown-key" },
	{ "\"maxAge\": \"90d\"", "\"maxAge\": \"90\"", "trust-time" },
	{ "\"maxAge\": \"90d\"", "\"maxAge\": \"0d\"", "trust-time" },
	{ "\"maxJump\": 1000", "\"maxJump\": 0", "trust-stream" },
	{ "\"after\": [", "\"after\": [\"test\", ", "trust-twice" },
	{ "\"separateFromRelease\": true", "\"separateFromRelease\": 1", "json-type" },
	{ "each-platform", "each-layer", "trust-evidence" },
	{ "https://slsa.dev/provenance/v1", "", "trust-evidence" },
};

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
		gf_error err = { 0 };
		gf_policy *p;
		gf_buf text;

		change(&text, malformed[i].from, malformed[i].to);
		p = gf_policy_parse(text.data, text.len, "trust.json", &err);
		if (p != NULL || strcmp(err.name, malformed[i].name) != 0)
			fail_msg("%s -> %s: %s %s", malformed[i].from, malformed[i].to, err.name, err.text);
		assert_int_equal(err.class, GF_DAMAGED);
		gf_buf_clear(&text);
	}
}

/* More keys than a trust file has are not read at all. */
static void test_many_keys(void **state)
{
	static char keys[1025 * 80];
	gf_error err = { 0 };
	char *at = keys;
	gf_buf text;

	(void)state;
	/* Before the seven that are there. */
	at += sprintf(at, "\"keys\": {\n");
	for (unsigned i = 0; i < 1025 - 7; i++)
		at += sprintf(at, "\"%064x\":{},\n", i);
	change(&text, "\"keys\": {\n", keys);
	assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
	assert_string_equal(err.name, "trust-key");
	assert_non_null(strstr(err.text, "more than 1024 keys"));
	gf_buf_clear(&text);
}

/* An id must be that of the key under it, and a role names keys that are there, each once. */
static void test_ids(void **state)
{
	char alice[GF_HEX_SIZE], other[GF_HEX_SIZE], pair[80], twice[200];
	gf_error err = { 0 };
	gf_policy *p;
	gf_buf text;

	(void)state;
	need((p = gf_policy_parse(good, good_size, "trust.json", &err)) != NULL);
	gf_digest_hex(&p->keys[0].id, alice);
	gf_policy_free(p);
	memcpy(other, alice, sizeof other);
	other[0] = other[0] == '0' ? '1' : '0';
	change(&text, alice, other);
	assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
	assert_string_equal(err.name, "trust-key");
	gf_buf_clear(&text);
	(void)snprintf(pair, sizeof pair, "\"%s\": {", alice);
	(void)snprintf(twice, sizeof twice, "\"%.63sX\": {", alice);
	change(&text, pair, twice);
	assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
	assert_string_equal(err.name, "trust-key");
	assert_non_null(strstr(err.text, "a key id has 64 lower-case hex digits"));
	gf_buf_clear(&text);
	(void)snprintf(pair, sizeof pair, "          \"%s\"", alice);
	change(&text, pair, "          \"0000000000000000000000000000000000000000000000000000000000000000\"");
	assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
	assert_string_equal(err.name, "trust-role");
	gf_buf_clear(&text);
	(void)snprintf(twice, sizeof twice, "%s,\n%s", pair, pair);
	change(&text, pair, twice);
	assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
	assert_string_equal(err.name, "trust-twice");
	gf_buf_clear(&text);
}

static gf_error said; /* by the last refusal */

static void judged_as(gf_policy *p, const char *name)
{
	gf_error err = { 0 };

	if (name == NULL)
		need(gf_policy_check(p, &err));
	else if (gf_policy_check(p, &err) || strcmp(err.name, name) != 0 || err.class != GF_REFUSED)
		fail_msg("expected %s, found '%s' %s", name, err.name, err.text);
	said = err;
	gf_policy_free(p);
}

static gf_policy_environment *prod_of(gf_policy *p)
{
	gf_error err = { 0 };

	return gf_policy_environment_get(gf_policy_stream_get(p, "shop", &err), "prod", &err);
}

static void set_text(char **at, const char *text)
{
	gf_error err = { 0 };

	free(*at);
	need((*at = gf_strdup(text, &err)) != NULL);
}

static void test_roles(void **state)
{
	gf_error err = { 0 };
	gf_policy *p;

	(void)state;
	judged_as(whole(1), NULL);
	p = gf_policy_new(&err);
	judged_as(p, "trust-role"); /* no root */
	p = whole(1);
	set_threshold(p, "root", 0);
	judged_as(p, "trust-threshold");
	p = whole(1);
	set_threshold(p, "root", 3);
	judged_as(p, "trust-threshold");
	assert_non_null(strstr(said.text, "has threshold 3 and 2 holders;"));
	/* Two keys of one holder are one holder. */
	p = rooted(1, "alice", 2);
	add_holder(p, "root", "bob", "alice");
	judged_as(p, "trust-threshold");
	assert_non_null(strstr(said.text, "has threshold 2 and 1 holder;"));
	p = rooted(1, "alice bob", 2);
	set_text(&p->keys[0].holder, "bob");
	judged_as(p, "trust-threshold");
	/* One key under two holders: reading cannot give it, since ids are keys of an object. */
	p = rooted(1, "alice bob", 2);
	p->keys[1].id = p->keys[0].id;
	judged_as(p, "trust-holder");
	/* A role that nothing has. */
	p = whole(1);
	set_text(&p->streams[0].release, "releases");
	judged_as(p, "trust-role");
	p = whole(1);
	set_text(&prod_of(p)->approvers, "approver:test");
	judged_as(p, "trust-role");
	p = whole(1);
	set_text(&prod_of(p)->evidence[0].role, "builder");
	judged_as(p, "trust-role");
}

/* The keys of a site vouch for nothing but its receipts and log. */
static void test_apart(void **state)
{
	static const char *const roles[] = { "receipt:test", "receipt", "log", "log:a" };
	gf_policy *p;

	(void)state;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		p = whole(1);
		add_person(p, roles[i], "alice");
		judged_as(p, "trust-apart");
		p = whole(1);
		add_person(p, roles[i], "ci");
		judged_as(p, "trust-apart");
		p = whole(1);
		add_person(p, roles[i], "carol");
		judged_as(p, NULL);
	}
	p = whole(1);
	add_person(p, "publishers", "site");
	judged_as(p, NULL);
	p = whole(1);
	add_person(p, "publishers", "site");
	set_text(&p->streams[0].release, "publishers");
	judged_as(p, "trust-apart");
	p = whole(1);
	add_person(p, "logbook", "alice"); /* not "log" */
	judged_as(p, NULL);
}

static void test_separate(void **state)
{
	gf_policy *p = whole(1);

	(void)state;
	add_person(p, "release", "dave");
	judged_as(p, "trust-separate");
	assert_non_null(strstr(said.text, "apart from role 'release', and there is 1"));
	p = whole(1);
	add_person(p, "release", "dave");
	add_person(p, "release", "carol");
	judged_as(p, "trust-separate");
	assert_non_null(strstr(said.text, "apart from role 'release', and there are 0"));
	/* It is the holder that counts: another key of dave's makes releases. */
	p = whole(1);
	add_holder(p, "release", "frank", "dave");
	judged_as(p, "trust-separate");
	p = whole(1);
	add_person(p, "release", "dave");
	add_person(p, "approver:prod", "erin");
	judged_as(p, NULL);
	p = whole(1);
	add_person(p, "release", "dave");
	prod_of(p)->separate = false;
	judged_as(p, NULL);
}

static void after(gf_policy *p, const char *environment, const char *other)
{
	gf_error err = { 0 };
	gf_policy_environment *e = gf_policy_environment_get(gf_policy_stream_get(p, "shop", &err), environment, &err);

	need(gf_grow(&e->after, &e->after_room, e->n_after, sizeof *e->after, &err) &&
	    (e->after[e->n_after++] = gf_strdup(other, &err)) != NULL);
}

static void test_after(void **state)
{
	gf_policy *p = whole(1);

	(void)state;
	after(p, "test", "test");
	judged_as(p, "trust-after");
	p = whole(1);
	after(p, "test", "prod");
	judged_as(p, "trust-after");
	p = whole(1);
	after(p, "test", "dev");
	after(p, "dev", "prod");
	judged_as(p, "trust-after");
	p = whole(1);
	after(p, "test", "elsewhere");
	judged_as(p, "trust-after");
	/* ... unless its receipts are believed. */
	p = whole(1);
	add_person(p, "receipt:elsewhere", "frank");
	after(p, "test", "elsewhere");
	judged_as(p, NULL);
}

static void test_many_environments(void **state)
{
	gf_error err = { 0 };
	gf_policy *p = rooted(1, "alice", 1);
	gf_policy_stream *s;
	char name[16];

	(void)state;
	add_person(p, "release", "ci");
	need((s = gf_policy_stream_get(p, "shop", &err)) != NULL);
	for (int i = 0; i < 257; i++) {
		(void)snprintf(name, sizeof name, "e%d", i);
		need(gf_policy_environment_get(s, name, &err) != NULL);
	}
	judged_as(p, "trust-stream");
}

static void test_minisign(void **state)
{
	gf_error err = { 0 };
	gf_policy *p = rooted(1, "alice", 1), *again;
	gf_secret private = { 0 };
	gf_pubkey *k;
	gf_buf public, text;

	(void)state;
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_key_generate("minisign", NULL, &private, &public, &err));
	need((k = gf_pubkey_parse(public.data, public.len, "mini.pub", &err)) != NULL);
	need(gf_policy_add_key(p, "release", "mini", k, &err) && gf_policy_print(p, &text, &err));
	assert_string_equal(p->keys[1].type, "minisign");
	assert_non_null(strstr(public.data, p->keys[1].public)); /* its line, as minisign wrote it */
	assert_int_equal(strlen(p->keys[1].public), 56);
	need((again = gf_policy_parse(text.data, text.len, "trust.json", &err)) != NULL);
	assert_true(gf_digest_equal(gf_pubkey_id(again->keys[1].key), gf_pubkey_id(k)));
	gf_policy_free(again);
	gf_policy_free(p);
	gf_pubkey_free(k);
	gf_secret_clear(&private);
	gf_buf_clear(&public);
	gf_buf_clear(&text);
}

/* What is said of a key that is none of its type: the reader's own words, where it had any. */
static void test_key_words(void **state)
{
	static const struct {
		const char *from, *to, *want;
	} rows[] = { { "\"type\": \"spki\"", "\"type\": \"x509-leaf\"", "is not one of type x509-leaf" },
		{ "BEGIN PUBLIC KEY", "BEGIN PRIVATE KEY", "is not one of type spki: " } };
	gf_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *at;
		gf_buf text;

		change(&text, rows[i].from, rows[i].to);
		assert_null(gf_policy_parse(text.data, text.len, "trust.json", &err));
		assert_non_null(at = strstr(err.text, rows[i].want));
		/* nothing behind the type, but where there is a reason */
		assert_int_equal(at[strlen(rows[i].want)] != '\0' && at[strlen(rows[i].want)] != ' ', i == 1);
		gf_buf_clear(&text);
	}
}

/* A certificate of a key that is there takes its place, and the earlier of two ends counts. */
static void test_certificate(void **state)
{
	gf_policy *p = rooted(1, "alice", 1);
	gf_error err = { 0 };
	gf_time from, until, end;
	gf_pubkey *bare, *c = NULL;

	(void)state;
	assert_int_equal(sh("openssl req -x509 -key ci.key -subj /CN=ci -days 10 -out ci.crt 2>/dev/null"), 0);
	need((bare = gf_pubkey_load("ci.pub", &err)) != NULL && (c = gf_pubkey_load("ci.crt", &err)) != NULL);
	need(gf_policy_add_key(p, "release", "ci", bare, &err));
	assert_string_equal(p->keys[1].type, "spki");
	p->keys[1].not_before = 5;
	need(gf_policy_add_key(p, "release", "ci", c, &err));
	assert_int_equal(p->n_keys, 2);
	assert_string_equal(p->keys[1].type, "x509-leaf");
	assert_int_equal(p->keys[1].not_before, 5);
	/* the bare key says less than what is there */
	need(gf_policy_add_key(p, "release", "ci", bare, &err));
	assert_string_equal(p->keys[1].type, "x509-leaf");
	assert_false(gf_policy_add_key(p, "release", "dave", c, &err));
	assert_string_equal(err.name, "trust-holder");
	gf_policy_key_times(&p->keys[1], &from, &end);
	assert_true(from > 5 && end > from);
	p->keys[1].not_after = end + 1;
	gf_policy_key_times(&p->keys[1], &from, &until);
	assert_int_equal(until, end);
	p->keys[1].not_after = end - 1;
	gf_policy_key_times(&p->keys[1], &from, &until);
	assert_int_equal(until, end - 1);
	p->keys[1].not_before = from + 1;
	gf_policy_key_times(&p->keys[1], &end, &until);
	assert_int_equal(end, from + 1);
	gf_policy_free(p);
	gf_pubkey_free(bare);
	gf_pubkey_free(c);
}

static void test_edit(void **state)
{
	gf_error err = { 0 };
	gf_policy *p = whole(1);
	gf_pubkey *k;
	char hex[GF_HEX_SIZE];
	size_t n;

	(void)state;
	/* One key, another holder. */
	need((k = gf_pubkey_load("carol.pub", &err)) != NULL);
	assert_false(gf_policy_add_key(p, "release", "caroline", k, &err));
	assert_string_equal(err.name, "trust-holder");
	assert_false(gf_policy_add_key(p, "release", "Carol", k, &err));
	gf_pubkey_free(k);
	need((k = gf_pubkey_load("erin.pub", &err)) != NULL);
	assert_false(gf_policy_add_key(p, "release", "Erin!", k, &err));
	assert_string_equal(err.name, "trust-edit");
	gf_pubkey_free(k);
	/* Out of one role; the key stays while another has it. */
	add_person(p, "permit", "carol");
	need(gf_policy_remove_holder(p, "approver:prod", "carol", &err));
	assert_int_equal(gf_policy_role_find(p, "approver:prod")->n_keys, 1);
	assert_int_equal(gf_policy_role_find(p, "permit")->n_keys, 2);
	need(gf_policy_remove_holder(p, "permit", "carol", &err));
	for (size_t i = 0; i < p->n_keys; i++)
		assert_string_not_equal(p->keys[i].holder, "carol");
	assert_false(gf_policy_remove_holder(p, "permit", "carol", &err));
	/* The last one of a role takes the role away. */
	need(gf_policy_remove_holder(p, "permit", "op", &err));
	assert_null(gf_policy_role_find(p, "permit"));
	/* Revoked: by holder, by id. */
	need(gf_policy_revoke(p, "dave", &n, &err));
	assert_int_equal(n, 1);
	assert_null(gf_policy_role_find(p, "approver:prod"));
	gf_digest_hex(&p->keys[0].id, hex);
	hex[16] = '\0';
	need(gf_policy_revoke(p, hex, &n, &err));
	assert_int_equal(gf_policy_role_find(p, "root")->n_keys, 1);
	assert_string_equal(p->keys[gf_policy_role_find(p, "root")->keys[0]].holder, "bob");
	assert_string_equal(p->keys[gf_policy_role_find(p, "receipt:test")->keys[0]].holder, "site");
	hex[8] = '\0';
	assert_false(gf_policy_revoke(p, hex, &n, &err));
	assert_string_equal(err.name, "trust-edit");
	/* Streams and environments. */
	assert_false(gf_policy_remove_environment(&p->streams[0], "dev", &err));
	need(gf_policy_remove_environment(&p->streams[0], "prod", &err));
	assert_null(gf_policy_stream_get(p, "No", &err));
	assert_null(gf_policy_environment_get(&p->streams[0], "No", &err));
	need(gf_policy_remove_stream(p, "shop", &err));
	assert_false(gf_policy_remove_stream(p, "shop", &err));
	judged_as(p, "trust-threshold"); /* root asks for two */
}

static void test_durations(void **state)
{
	char text[GF_DURATION_SIZE];

	(void)state;
	gf_duration_print(86400, text);
	assert_string_equal(text, "1d");
	gf_duration_print(90000, text);
	assert_string_equal(text, "25h");
	gf_duration_print(90061, text);
	assert_string_equal(text, "90061s");
	gf_duration_print(60, text);
	assert_string_equal(text, "1m");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_many_keys), cmocka_unit_test(test_ids), cmocka_unit_test(test_roles),
		cmocka_unit_test(test_apart), cmocka_unit_test(test_separate), cmocka_unit_test(test_after),
		cmocka_unit_test(test_many_environments), cmocka_unit_test(test_minisign),
		cmocka_unit_test(test_key_words), cmocka_unit_test(test_certificate), cmocka_unit_test(test_edit),
		cmocka_unit_test(test_durations) };

	return cmocka_run_group_tests(tests, prepare, finish);
}
