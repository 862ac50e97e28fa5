/* Whose a receipt is, and the floors that come back by it. */
#include "policies.h"
#include "verify/state.h"

static char A[] = "a", TEST[] = "test", SHOP[] = "shop";
static gf_digest signer = { { 3 } };
static char signature[] = "signature", passed[] = "passed";
static struct gf_receipt_check check = { signature, passed };

static gf_receipt receipt(void)
{
	return (gf_receipt){ .manifest = { { 1 } },
		.site = A,
		.environment = TEST,
		.stream = SHOP,
		.epoch = 1,
		.sequence = 7,
		.complete = true,
		.checks = &check,
		.n_checks = 1,
		.signers = &signer,
		.n_signers = 1 };
}

/* ---- whose ---- */

#define BOTH "role receipt:test: "

/* by, and those that are asked: "op site"; NULL: nobody. */
typedef struct row {
	const char *by, *given;
	const gf_policy *policy;
	const char *site;
	const char *how, *key; /* NULL: refused */
	const char *why;
	bool own;
} row;

static size_t load_keys(const char *names, gf_pubkey *keys[4])
{
	char copy[64], *rest = copy, *name;
	gf_error err = { 0 };
	size_t n = 0;

	(void)snprintf(copy, sizeof copy, "%s", names != NULL ? names : "");
	for (; (name = strtok_r(rest, " ", &rest)) != NULL; n++) {
		char path[32];

		(void)snprintf(path, sizeof path, "%s.pub", name);
		need((keys[n] = gf_pubkey_load(path, &err)) != NULL);
	}
	return n;
}

static void sign_by_all(signed_file *f, const char *names)
{
	char copy[64], *rest = copy, *name;

	(void)snprintf(copy, sizeof copy, "%s", names != NULL ? names : "");
	file_add_text(f, "receipt-0123456789abcdef.json", "any bytes");
	while ((name = strtok_r(rest, " ", &rest)) != NULL)
		file_sign(f, name);
}

static void judge(const gf_receipt *r, const row *x)
{
	gf_pubkey *given[4], *site[4], *key[4];
	gf_receipt_keys keys = { .n_given = load_keys(x->given, given), .policy = x->policy };
	size_t n_site = load_keys(x->site, site), n_key = load_keys(x->key, key);
	signed_file f = { .n = 0 };
	gf_receipt_by by = { .own = false };
	gf_error err = { 0 };
	bool ok;

	keys.given = (const gf_pubkey *const *)given;
	keys.site = n_site > 0 ? site[0] : NULL;
	sign_by_all(&f, x->by);
	ok = gf_receipt_judge(r, f.all, f.n, &keys, gf_now(), &by, &err);
	if (ok != (x->how != NULL))
		fail_msg("%s %s: %s", x->how, x->why, ok ? by.how : err.text);
	assert_int_equal(by.own, x->own);
	if (ok && x->key == NULL) { /* their order is that of the key ids */
		assert_int_equal(strncmp(by.how, BOTH, strlen(BOTH)), 0);
		assert_non_null(strstr(by.how, " erin"));
		assert_non_null(strstr(by.how, " frank"));
		assert_non_null(by.key);
	} else if (ok) {
		assert_string_equal(by.how, x->how);
		assert_true(gf_digest_equal(gf_pubkey_id(by.key), gf_pubkey_id(key[0])));
	} else {
		assert_string_equal(err.name, "receipt-signature");
		assert_int_equal(err.class, GF_REFUSED);
		if (strstr(err.text, x->why) == NULL)
			fail_msg("%s", err.text);
	}
	while (keys.n_given > 0)
		gf_pubkey_free(given[--keys.n_given]);
	while (n_site > 0)
		gf_pubkey_free(site[--n_site]);
	while (n_key > 0)
		gf_pubkey_free(key[--n_key]);
	file_clear(&f);
}

static void test_judge(void **state)
{
	gf_policy *p = rooted(1, "alice", 1), *none = rooted(1, "alice", 1);
	gf_receipt r = receipt();
	const row rows[] = {
		/* keys that are named, and no others */
		{ .by = "op", .given = "op", .how = "op, as named", .key = "op" },
		{ .by = "erin op",
		    .given = "carol op",
		    .site = "erin",
		    .how = "op, as named",
		    .key = "op",
		    .own = true },
		{ .by = "erin frank",
		    .given = "op",
		    .site = "erin",
		    .policy = p,
		    .own = true,
		    .why =
			"none of the 2 signatures beside 'receipt-0123456789abcdef.json' is by a key that was named" },
		{ .given = "op", .why = "no signature lies beside 'receipt-0123456789abcdef.json'" },
		/* enough of the role */
		{ .by = "erin frank", .policy = p, .how = BOTH },
		{ .by = "frank erin", .policy = p, .site = "erin", .how = BOTH, .own = true },
		{ .by = "frank dave", .policy = p, .how = BOTH },
		{ .by = "frank",
		    .policy = p,
		    .why = "is by enough of its role in the trust file or by this site's own key: "
			   "name the key of site 'a'" },
		{ .by = "dave erin", .policy = p, .why = "is by enough of its role" }, /* two keys of one holder */
		{ .by = "frank", .policy = p, .site = "frank", .how = "this site's key", .key = "frank", .own = true },
		{ .by = "op", .policy = p, .site = "op", .how = "this site's key", .key = "op", .own = true },
		{ .by = "op", .policy = p, .site = "site", .why = "none of the 1 signatures" },
		/* no such role, no trust file */
		{ .by = "erin frank", .policy = none, .why = "is by enough of its role" },
		{ .by = "site", .policy = none, .site = "site", .how = "this site's key", .key = "site", .own = true },
		{ .by = "site", .site = "site", .how = "this site's key", .key = "site", .own = true },
		{ .by = "site",
		    .why = "is by a trust file's role or by this site's own key: name the key of site 'a'" },
	};
	static const row by_site = { .by = "op", .why = "name the key of site 'test'" };
	static const row by_nothing = { .by = "op", .why = "name the key of site 'ENV'" };

	(void)state;
	add_person(p, "receipt:test", "erin");
	add_person(p, "receipt:test", "frank");
	add_holder(p, "receipt:test", "dave", "erin");
	set_threshold(p, "receipt:test", 2);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		judge(&r, &rows[i]);
	r.site = NULL;
	judge(&r, &by_site);
	r.environment = NULL; /* of an export: no role speaks for it */
	judge(&r, &by_nothing);
	judge(&r, &(row){ .by = "erin frank", .policy = p, .why = "name the key of site 'ENV'" });
	gf_policy_free(p);
	gf_policy_free(none);
}

/* ---- for `after` ---- */

/* A receipt of that run, and those who signed it. */
static void add_receipt(signed_file *f, bool complete, uint64_t bytes, const char *by)
{
	gf_receipt r = receipt();
	gf_error err = { 0 };
	signed_file one = { .n = 0 };
	char copy[64], *rest = copy, *name;
	gf_buf text;

	r.complete = complete;
	r.bytes_read = bytes; /* another file */
	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_receipt_print(&r, &text, &err));
	(void)snprintf(copy, sizeof copy, "receipt-%016llx.json", (unsigned long long)bytes);
	file_add_text(&one, copy, text.data);
	gf_buf_clear(&text);
	(void)snprintf(copy, sizeof copy, "%s", by);
	while ((name = strtok_r(rest, " ", &rest)) != NULL)
		file_sign(&one, name);
	for (size_t i = 0; i < one.n; i++)
		f->all[f->n++] = one.all[i];
}

/* Holders are counted over all receipts that say so, and nobody counts who signed none. */
static void test_complete(void **state)
{
	static const struct {
		const char *one, *two; /* who signed them; NULL: there is no such file */
		bool half, done;       /* half: the first says that some targets have nothing */
	} rows[] = { { "erin", NULL, false, false }, { "frank", NULL, false, false },
		{ "op alice", NULL, false, false }, { "erin frank", NULL, false, true },
		{ "erin", "frank", false, true }, { "erin", "frank", true, false }, { "erin", "erin", false, false },
		{ "erin", "op", false, false }, { "erin frank", NULL, true, false } };
	gf_policy *p = rooted(1, "alice", 1);
	const gf_digest manifest = receipt().manifest;

	(void)state;
	add_person(p, "receipt:test", "erin");
	add_person(p, "receipt:test", "frank");
	set_threshold(p, "receipt:test", 2);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		signed_file f = { .n = 0 };
		gf_error err = { 0 };
		bool done = !rows[i].done;

		add_receipt(&f, !rows[i].half, 1, rows[i].one);
		if (rows[i].two != NULL)
			add_receipt(&f, true, 2, rows[i].two);
		need(gf_receipt_complete(p, TEST, &manifest, gf_now(), f.all, f.n, &done, &err));
		if (done != rows[i].done)
			fail_msg("row %zu", i);
		file_clear(&f);
	}
	gf_policy_free(p);
}

/* ---- floors ---- */

static gf_state *fresh(const char *site)
{
	static unsigned n;
	gf_error err = { 0 };
	char path[32];
	gf_state *s;

	(void)snprintf(path, sizeof path, "state-%u", n++);
	need((s = gf_state_open(path, true, &err)) != NULL);
	need(site == NULL || gf_state_set_site(s, site, &err));
	need(gf_state_lock(s, &err));
	return s;
}

static void restores(gf_state *s, const gf_receipt *r, bool want, uint64_t floor)
{
	gf_digest file = { { 9 } };
	gf_error err = { 0 };
	bool raised = !want;
	gf_floor f;

	need(gf_receipt_restore(s, r, &file, &raised, &err));
	assert_int_equal(raised, want);
	need(gf_state_floor(s, r->stream, r->environment, &f, &err));
	assert_true(f.present);
	assert_int_equal(f.sequence, floor);
}

static void refuses(gf_state *s, const gf_receipt *r, const char *name, const char *text)
{
	gf_digest file = { { 9 } };
	gf_error err = { 0 };
	bool raised = true;

	assert_false(gf_receipt_restore(s, r, &file, &raised, &err));
	assert_string_equal(err.name, name);
	assert_int_equal(err.class, GF_REFUSED);
	assert_false(raised);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
}

/* As unpack writes it, but for the record. */
static void accepted(gf_state *s, uint64_t sequence, unsigned char manifest)
{
	gf_digest d = { { manifest } };
	gf_error err = { 0 };
	made m = { .manifest = d };
	spec what = { .stream = SHOP, .epoch = 1, .sequence = sequence };
	gf_record line = {
		.type = "accepted", .stream = SHOP, .environment = "prod", .epoch = 1, .sequence = sequence
	};

	make_bundle("b.tar", &what, &m);
	line.manifest = &m.manifest;
	need(gf_state_keep(s, &m.manifest, &m.statement, NULL, 0, &err) && gf_state_append(s, &line, 1, &err));
	gf_buf_clear(&m.statement);
}

static void test_restore(void **state)
{
	static char b[] = "b";
	gf_receipt r = receipt();
	gf_state *s = fresh("a");

	(void)state;
	restores(s, &r, true, 7);
	restores(s, &r, false, 7);
	r.sequence = 6;
	restores(s, &r, false, 7);
	r.sequence = 8;
	restores(s, &r, true, 8);
	r.site = NULL;
	r.sequence = 9;
	restores(s, &r, true, 9);
	/* another bundle has that number here */
	accepted(s, 10, 5);
	r.sequence = 10;
	refuses(s, &r, "fork", "another bundle of stream 'shop' has epoch 1, sequence 10 here");
	r.sequence = 11;
	restores(s, &r, true, 11);
	/* whose it is, and whether it moved a floor */
	r = receipt();
	r.sequence = 12;
	r.site = b;
	refuses(s, &r, "receipt-site", "the receipt is of site 'b', and this is 'a'");
	r.site = A;
	r.stream = NULL;
	refuses(s, &r, "receipt-floor", "it is of a bundle without a stream");
	r.environment = NULL;
	refuses(s, &r, "receipt-floor", "it is of an export");
	r.stream = SHOP;
	refuses(s, &r, "receipt-floor", "it is of an export");
	r = receipt();
	r.n_signers = 0;
	refuses(s, &r, "receipt-floor", "it is of an unsigned bundle");
	gf_state_unlock(s);
	gf_state_close(s);
	/* a site without a name takes any */
	s = fresh(NULL);
	r = receipt();
	r.site = b;
	restores(s, &r, true, 7);
	gf_state_unlock(s);
	gf_state_close(s);
}

/* Releases that the lists have no room for any more are looked for in the log. */
static void test_long_ago(void **state)
{
	gf_error err = { 0 };
	gf_digest found;
	gf_state *s;
	FILE *log;
	bool is;

	(void)state;
	assert_int_equal(mkdir("long", 0700), 0);
	assert_non_null(log = fopen("long/audit.jsonl", "w"));
	for (unsigned i = 0; i < 2 * GF_FLOORS_LAST; i++)
		(void)fprintf(log,
		    "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"%s\",\"stream\":\"%s\",\"environment\":\"prod\",\"epoch\":%u,"
		    "\"sequence\":%u,\"manifest\":\"sha256:%064x\",\"created\":\"2026-01-01T00:00:00Z\"}\n",
		    i == 0 ? "loaded" : "accepted", i == 1 ? "other" : "shop", i == 2 ? 2U : 1U, i < 3 ? 5 : i + 10, i);
	assert_int_equal(fclose(log), 0);
	need((s = gf_state_open("long", false, &err)) != NULL);
	for (unsigned i = 1; i < 2 * GF_FLOORS_LAST; i += i < 20 ? 1 : 97) {
		need(gf_state_accepted(
		    s, i == 1 ? "other" : "shop", i == 2 ? 2 : 1, i < 3 ? 5 : i + 10, &is, &found, &err));
		assert_true(is);
		assert_int_equal(found.bytes[31] + 256 * found.bytes[30], i);
	}
	need(gf_state_accepted(s, "shop", 1, 5, &is, &found, &err)); /* loaded, not accepted */
	assert_false(is);
	need(gf_state_accepted(s, "shop", 2, 13, &is, &found, &err));
	assert_false(is);
	gf_state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_judge), cmocka_unit_test(test_complete),
		cmocka_unit_test(test_restore), cmocka_unit_test(test_long_ago) };

	return cmocka_run_group_tests_name("receipt_judge", tests, make_people, leave);
}
