/* The decision: each check fails in turn, by name, and its harmless twin is accepted. */
#include "common.h"

#define MANIFEST_JSON "manifest.json"

/* What one judging gave. */
typedef struct outcome {
	bool ok;
	gf_error err;
	gf_verdict v;
	gf_manifest *manifest;
	gf_reader *reader;
} outcome;

static gf_trust *trust; /* ci and ops */
static unsigned states;

static int enter_with_keys(void **state)
{
	const char *const paths[] = { "ci.pub", "ops.pub" };
	gf_error err = { 0 };

	if (enter(state) != 0)
		return -1;
	make_key("ci");
	make_key("ops");
	make_key("evil");
	trust = gf_trust_open(paths, 2, NULL, &err);
	return trust != NULL ? 0 : -1;
}

static int leave_with_keys(void **state)
{
	gf_trust_free(trust);
	return leave(state);
}

static gf_state *new_state(void)
{
	gf_error err = { 0 };
	char path[32];
	gf_state *s;

	(void)snprintf(path, sizeof path, "state%u", states++);
	need((s = gf_state_open(path, true, &err)) != NULL);
	return s;
}

static void judge(const char *path, const gf_judge *j, outcome *o)
{
	*o = (outcome){ 0 };
	gf_verdict_init(&o->v);
	o->reader = gf_reader_open(path, &o->err);
	if (o->reader == NULL)
		fail_msg("%s: %s", o->err.name, o->err.text);
	o->ok = gf_accept(o->reader, j, &o->v, &o->manifest, &o->err);
	assert_int_equal(o->ok, o->manifest != NULL);
}

static void done(outcome *o)
{
	gf_reader_close(o->reader);
	gf_manifest_free(o->manifest);
	gf_verdict_clear(&o->v);
}

/* The check that made it fail, and no other that comes before it in the table. */
static void refused(outcome *o, const char *title, gf_class class, const char *name, gf_check_id id)
{
	gf_error err = { 0 };
	bool absent;

	if (o->ok)
		fail_msg("%s: accepted", title);
	if (strcmp(o->err.name, name) != 0 || o->err.class != class)
		fail_msg("%s: expected %s, found %s: %s", title, name, o->err.name, o->err.text);
	if (o->v.checks[id].result != GF_CHECK_FAILED)
		fail_msg("%s: check %s is %s", title, o->v.checks[id].name, gf_result_text(o->v.checks[id].result));
	assert_false(gf_verdict_good(&o->v));
	assert_true(strlen(o->v.checks[id].detail) > 0);
	/* And the reader stays shut. */
	assert_null(gf_reader_blob(o->reader, 0, &absent, &err));
	assert_false(gf_reader_front(o->reader, &err));
	done(o);
}

static void accepted(outcome *o, const char *title)
{
	if (!o->ok)
		fail_msg("%s: %s: %s", title, o->err.name, o->err.text);
}

static void accepted_with(outcome *o, const char *title, gf_check_id id, gf_result result)
{
	accepted(o, title);
	if (o->v.checks[id].result != result)
		fail_msg("%s: check %s is %s (%s)", title, o->v.checks[id].name, gf_result_text(o->v.checks[id].result),
		    o->v.checks[id].detail);
	done(o);
}

/* ---- signatures ---- */

static void test_signatures(void **state)
{
	static const struct {
		const char *title, *keys[4];
		bool allow;
		bool ok;
		size_t signers, unknown;
		gf_result result;
	} rows[] = {
		{ "by ci", { "ci" }, false, true, 1, 0, GF_CHECK_PASSED },
		{ "by both", { "ci", "ops" }, false, true, 2, 0, GF_CHECK_PASSED },
		{ "by evil", { "evil" }, false, false, 0, 1, GF_CHECK_FAILED },
		{ "by evil and ci", { "evil", "ci" }, false, true, 1, 1, GF_CHECK_PASSED },
		{ "by nobody", { NULL }, false, false, 0, 0, GF_CHECK_FAILED },
		{ "by nobody, allowed", { NULL }, true, true, 0, 0, GF_CHECK_LIFTED },
		{ "by evil, unsigned allowed", { "evil" }, true, false, 0, 1, GF_CHECK_FAILED },
		{ "by ci, unsigned allowed", { "ci" }, true, true, 1, 0, GF_CHECK_PASSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		spec s = { .stream = "shop", .epoch = 1, .sequence = 1 };
		gf_judge j = { .trust = trust, .allow_unsigned = rows[i].allow };
		outcome o;

		memcpy(s.keys, rows[i].keys, sizeof s.keys);
		make_bundle("b.tar", &s, NULL);
		judge("b.tar", &j, &o);
		assert_int_equal(o.v.n_signers, rows[i].signers);
		assert_int_equal(o.v.n_unknown, rows[i].unknown);
		assert_int_equal(o.v.unsigned_bundle, rows[i].result == GF_CHECK_LIFTED);
		if (rows[i].ok)
			accepted_with(&o, rows[i].title, GF_CHECK_SIGNATURE, rows[i].result);
		else
			refused(&o, rows[i].title, GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
	}
}

/* The message says what was found, what is trusted, and what else may be the cause. */
static void test_message(void **state)
{
	spec s = { .keys = { "evil" } };
	gf_judge j = { .trust = trust, .allow_unsigned = true };
	gf_error err = { 0 };
	char hex[GF_HEX_SIZE];
	gf_pubkey *evil;
	outcome o;

	(void)state;
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	need((evil = gf_pubkey_load("evil.pub", &err)) != NULL);
	gf_digest_hex(gf_pubkey_id(evil), hex);
	hex[16] = '\0';
	assert_non_null(strstr(o.err.text, hex));
	assert_non_null(strstr(o.err.text, "1 signature "));
	assert_non_null(strstr(o.err.text, "ci "));
	assert_non_null(strstr(o.err.text, "ops "));
	assert_non_null(strstr(o.err.text, "medium is damaged"));
	assert_non_null(strstr(o.err.text, "--allow-unsigned is for bundles without any signature"));
	gf_pubkey_free(evil);
	refused(&o, "message", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
	/* No key at all is no error, and satisfies nothing. */
	j.trust = NULL;
	judge("b.tar", &j, &o);
	assert_non_null(strstr(o.err.text, "no key is trusted"));
	refused(&o, "no keys", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
}

static void test_companions(void **state)
{
	spec s = { .stream = "shop", .epoch = 1, .sequence = 1 },
	     other = { .stream = "shop", .epoch = 1, .sequence = 2 };
	gf_judge j = { .trust = trust };
	gf_member beside[4] = { 0 };
	char note[] = "approval-0123456789abcdef.json", minisig[] = "manifest.json.0123456789abcdef.minisig";
	outcome o;
	made m, m2;

	(void)state;
	make_bundle("b.tar", &s, &m);
	make_bundle("c.tar", &other, &m2);
	sign_by("ci", &m.statement, &beside[0]);
	sign_by("ci", &m.statement, &beside[1]);
	sign_by("ops", &m2.statement, &beside[2]);
	beside[3] = (gf_member){ .name = note };
	j.companions = beside;

	j.n_companions = 4; /* twice by ci, one over another manifest, one that is no signature */
	judge("b.tar", &j, &o);
	assert_int_equal(o.v.n_signers, 1);
	assert_int_equal(o.v.n_signatures, 3);
	assert_int_equal(o.v.n_unknown, 1);
	assert_string_equal(gf_pubkey_holder(o.v.signers[0]), "ci");
	accepted_with(&o, "companions", GF_CHECK_SIGNATURE, GF_CHECK_PASSED);

	j.companions = beside + 2;
	j.n_companions = 2;
	judge("b.tar", &j, &o);
	refused(&o, "over another manifest", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);

	/* A signature beside it, of whatever kind, makes it a signed bundle: --allow-unsigned does not help. */
	j.allow_unsigned = true;
	judge("b.tar", &j, &o);
	refused(&o, "not unsigned", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
	beside[3].name = minisig;
	j.companions = beside + 3;
	j.n_companions = 1;
	judge("b.tar", &j, &o);
	refused(&o, "not unsigned either", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
	beside[3].name = note;
	judge("b.tar", &j, &o);
	accepted_with(&o, "unsigned with a note", GF_CHECK_SIGNATURE, GF_CHECK_LIFTED);

	for (size_t i = 0; i < 3; i++) {
		free(beside[i].name);
		gf_buf_clear(&beside[i].bytes);
	}
	gf_buf_clear(&m.statement);
	gf_buf_clear(&m2.statement);
}

/* Every byte of the statement is under the signature. */
static void test_flipped(void **state)
{
	spec s = { .stream = "shop", .epoch = 1, .sequence = 1, .keys = { "ci" } };
	gf_judge j = { .trust = trust };
	gf_error err = { 0 };
	gf_buf file;
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	buf_new(&file);
	need(gf_file_load("b.tar", 64 * GF_MIB, GF_FAILED, &file, &err));
	for (size_t at = 0; at < m.statement.len; at += 7) {
		outcome o;

		file.data[512 + at] ^= 1;
		need(gf_file_store("flip.tar", 0600, file.data, file.len, &err));
		file.data[512 + at] ^= 1;
		judge("flip.tar", &j, &o);
		refused(&o, "flipped", GF_REFUSED, "signature", GF_CHECK_SIGNATURE);
	}
	gf_buf_clear(&file);
	gf_buf_clear(&m.statement);
}

/* Signed, and not what is signed usually: the signature is good and the manifest is refused. */
static void test_signed_garbage(void **state)
{
	static const char *const texts[] = { "garbage", "{}", "[1]",
		"{\"_type\":\"https://in-toto.io/Statement/v1\"}" };
	gf_judge j = { .trust = trust };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		static const char zeros[1024];
		unsigned char header[512];
		gf_error err = { 0 };
		char name[256];
		gf_member sig;
		gf_buf text, tar;
		outcome o;

		buf_new(&text);
		buf_new(&tar);
		add_bytes(&text, texts[i], strlen(texts[i]));
		sign_by("ci", &text, &sig);
		gf_tar_header("META/manifest.json", text.len, 0, header);
		add_bytes(&tar, header, 512);
		add_bytes(&tar, text.data, text.len);
		add_bytes(&tar, zeros, (size_t)(gf_tar_round(text.len) - text.len));
		(void)snprintf(name, sizeof name, "META/%s", sig.name);
		gf_tar_header(name, sig.bytes.len, 0, header);
		add_bytes(&tar, header, 512);
		add_bytes(&tar, sig.bytes.data, sig.bytes.len);
		add_bytes(&tar, zeros, (size_t)(gf_tar_round(sig.bytes.len) - sig.bytes.len));
		add_bytes(&tar, zeros, 1024);
		need(gf_file_store("g.tar", 0600, tar.data, tar.len, &err));
		judge("g.tar", &j, &o);
		if (o.ok || o.err.class != GF_DAMAGED || o.v.checks[GF_CHECK_SIGNATURE].result != GF_CHECK_PASSED ||
		    o.v.checks[GF_CHECK_MANIFEST].result != GF_CHECK_FAILED)
			fail_msg("%s: %s: %s", texts[i], o.err.name, o.err.text);
		done(&o);
		free(sig.name);
		gf_buf_clear(&sig.bytes);
		gf_buf_clear(&text);
		gf_buf_clear(&tar);
	}
}

/* ---- what the manifest says ---- */

static void check(
    const char *title, spec s, const gf_judge *how, const char *name, gf_class class, gf_check_id id, gf_result result)
{
	gf_judge j = *how;
	outcome o;

	s.keys[0] = "ci";
	j.trust = trust;
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	assert_null(strstr(o.v.checks[id].detail, "permit")); /* without a trust file there is none */
	if (name != NULL)
		refused(&o, title, class, name, id);
	else
		accepted_with(&o, title, id, result);
}

static void test_claims(void **state)
{
	gf_time now = gf_now();
	gf_state *named = new_state();
	gf_error err = { 0 };
	gf_judge plain = { 0 }, a = { .site = "site-a" }, kept = { .state = named },
		 both = { .state = named, .site = "site-b" };

	(void)state;
	need(gf_state_set_site(named, "site-a", &err));
	check("no stream", (spec){ 0 }, &plain, NULL, GF_OK, GF_CHECK_STREAM, GF_CHECK_NOT_REQUIRED);
	check("stream", (spec){ .stream = "shop", .epoch = 1, .sequence = 0 }, &plain, NULL, GF_OK, GF_CHECK_STREAM,
	    GF_CHECK_PASSED);
	check("created ahead", (spec){ .created = now + 700 }, &plain, "created", GF_REFUSED, GF_CHECK_CREATED, 0);
	check("created a little ahead", (spec){ .created = now + 500 }, &plain, NULL, GF_OK, GF_CHECK_CREATED,
	    GF_CHECK_PASSED);
	check("expired", (spec){ .created = now - 100, .expires = now - 1 }, &plain, "expired", GF_REFUSED,
	    GF_CHECK_EXPIRES, 0);
	check("expires later", (spec){ .expires = now + 100 }, &plain, NULL, GF_OK, GF_CHECK_EXPIRES, GF_CHECK_PASSED);
	check("expires never", (spec){ 0 }, &plain, NULL, GF_OK, GF_CHECK_EXPIRES, GF_CHECK_NOT_REQUIRED);
	check("no audience", (spec){ 0 }, &a, NULL, GF_OK, GF_CHECK_AUDIENCE, GF_CHECK_NOT_REQUIRED);
	check("audience, no name", (spec){ .audience = { "site-a" } }, &plain, "audience", GF_REFUSED,
	    GF_CHECK_AUDIENCE, 0);
	check("audience", (spec){ .audience = { "site-a" } }, &a, NULL, GF_OK, GF_CHECK_AUDIENCE, GF_CHECK_PASSED);
	check("second of the audience", (spec){ .audience = { "other", "site-a" } }, &a, NULL, GF_OK, GF_CHECK_AUDIENCE,
	    GF_CHECK_PASSED);
	check("audience, kept name", (spec){ .audience = { "site-a" } }, &kept, NULL, GF_OK, GF_CHECK_AUDIENCE,
	    GF_CHECK_PASSED);
	check("other audience", (spec){ .audience = { "site-b" } }, &a, "audience", GF_REFUSED, GF_CHECK_AUDIENCE, 0);
	check("longer name", (spec){ .audience = { "site-a2", "site-" } }, &a, "audience", GF_REFUSED,
	    GF_CHECK_AUDIENCE, 0);
	check("another name than the kept one", (spec){ .audience = { "site-b" } }, &both, "site", GF_USAGE,
	    GF_CHECK_AUDIENCE, 0);
	check("trust version", (spec){ .trust_version = 9 }, &plain, NULL, GF_OK, GF_CHECK_TRUST_VERSION,
	    GF_CHECK_NOT_REQUIRED);
	gf_state_close(named);
}

/* ---- floors ---- */

/* As unpack does after the walk. */
static gf_digest raise_to(gf_state *st, const char *environment, spec s)
{
	gf_error err = { 0 };
	made m;
	gf_record r = { .type = "accepted",
		.stream = s.stream,
		.environment = environment,
		.epoch = s.epoch,
		.sequence = s.sequence,
		.manifest = &m.manifest };

	s.keys[0] = "ci";
	make_bundle("raise.tar", &s, &m);
	need(gf_state_keep(st, &m.manifest, &m.statement, NULL, 0, &err));
	need(gf_state_lock(st, &err));
	need(gf_state_append(st, &r, 1, &err));
	gf_state_unlock(st);
	gf_buf_clear(&m.statement);
	return m.manifest;
}

static void record_loaded(gf_state *st, const char *environment, const spec *s, const gf_digest *manifest)
{
	gf_error err = { 0 };
	gf_record r = { .type = "loaded",
		.stream = s->stream,
		.environment = environment,
		.epoch = s->epoch,
		.sequence = s->sequence,
		.manifest = manifest,
		.target = "oci:x",
		.name = "x" };

	need(gf_state_lock(st, &err));
	need(gf_state_append(st, &r, 1, &err));
	gf_state_unlock(st);
}

static void test_floors(void **state)
{
	gf_time then = gf_now() - 1000;
	spec s42 = { .stream = "shop", .epoch = 2, .sequence = 42, .created = then, .expires = then + 500 };
	spec s41 = { .stream = "shop", .epoch = 2, .sequence = 41, .created = then, .expires = then + 500 };
	spec s43 = { .stream = "shop", .epoch = 2, .sequence = 43, .created = then };
	spec fork42 = { .stream = "shop", .epoch = 2, .sequence = 42, .created = then, .version = "other" };
	spec e1 = { .stream = "shop", .epoch = 1, .sequence = 99, .created = then };
	spec e3 = { .stream = "shop", .epoch = 3, .sequence = 1, .created = then };
	spec blog = { .stream = "blog", .epoch = 1, .sequence = 1, .created = then };
	gf_state *st = new_state();
	gf_judge prod = { .state = st, .environment = "prod" }, test = { .state = st, .environment = "test" },
		 none = { .state = st };
	gf_digest d41;

	(void)state;
	check("the first", s43, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	check("the first, expired", s42, &prod, "expired", GF_REFUSED, GF_CHECK_EXPIRES, 0);
	d41 = raise_to(st, "prod", s41);
	(void)raise_to(st, "prod", s42);
	check("lower", s41, &prod, "floor", GF_REFUSED, GF_CHECK_FLOOR, 0);
	check("the same", s42, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	check("the same, expired meanwhile", s42, &prod, NULL, GF_OK, GF_CHECK_EXPIRES, GF_CHECK_LIFTED);
	check("fork", fork42, &prod, "fork", GF_REFUSED, GF_CHECK_FLOOR, 0);
	check("higher", s43, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	check("other environment", s43, &test, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	check("no environment", s43, &none, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED);
	check("no environment, a fork", fork42, &none, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED);
	check("other stream", blog, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	check("no stream", (spec){ 0 }, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED);
	/* The first epoch of a stream stays, in every environment. */
	check("lower epoch", e1, &prod, "epoch", GF_REFUSED, GF_CHECK_EPOCH, 0);
	check("higher epoch", e3, &prod, "epoch", GF_REFUSED, GF_CHECK_EPOCH, 0);
	check("higher epoch elsewhere", e3, &test, "epoch", GF_REFUSED, GF_CHECK_EPOCH, 0);
	/* What was loaded last may be loaded again, below the floor and expired. */
	record_loaded(st, "prod", &s41, &d41);
	check("loaded last", s41, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	check("loaded last, expired", s41, &prod, NULL, GF_OK, GF_CHECK_EXPIRES, GF_CHECK_LIFTED);
	check("loaded last, elsewhere", s41, &test, "expired", GF_REFUSED, GF_CHECK_EXPIRES, 0);
	gf_state_close(st);
}

static void test_previous(void **state)
{
	gf_state *st = new_state();
	gf_judge prod = { .state = st, .environment = "prod" };
	gf_digest d5 = raise_to(st, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 5 }), wrong = d5;
	spec next = { .stream = "shop",
		.epoch = 1,
		.sequence = 6,
		.has_previous = true,
		.previous_sequence = 5,
		.previous = d5 };

	(void)state;
	check("in line", next, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	wrong.bytes[3] ^= 1;
	next.previous = wrong;
	check("of another line", next, &prod, "previous", GF_REFUSED, GF_CHECK_FLOOR, 0);
	next.previous_sequence = 4; /* never seen here: a gap is normal */
	check("a gap", next, &prod, NULL, GF_OK, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	gf_state_close(st);
}

static void test_clock(void **state)
{
	gf_state *st = new_state();
	gf_judge prod = { .state = st, .environment = "prod" }, none = { .state = st };
	spec s = { .stream = "shop", .epoch = 1, .sequence = 9 };

	(void)state;
	(void)raise_to(st, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 1, .created = gf_now() + 300 });
	check("within the skew", s, &prod, NULL, GF_OK, GF_CHECK_CREATED, GF_CHECK_PASSED);
	(void)raise_to(st, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 2, .created = gf_now() + 2000 });
	check("the clock is behind", s, &prod, "clock", GF_USAGE, GF_CHECK_CREATED, 0);
	check("the clock is behind, no environment", s, &none, "clock", GF_USAGE, GF_CHECK_CREATED, 0);
	gf_state_close(st);
}

/* An unsigned bundle moves and meets no floor. */
static void test_unsigned(void **state)
{
	gf_state *st = new_state();
	gf_judge j = { .trust = trust, .state = st, .environment = "prod", .allow_unsigned = true };
	spec s = { .stream = "shop", .epoch = 1, .sequence = 1 };
	outcome o;

	(void)state;
	(void)raise_to(st, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 5 });
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	accepted_with(&o, "unsigned", GF_CHECK_FLOOR, GF_CHECK_NOT_REQUIRED);
	gf_state_close(st);
}

/* Several things wrong: all are shown, the first in the order of the format is the reason. */
static void test_all_shown(void **state)
{
	gf_state *st = new_state();
	gf_judge j = { .trust = trust, .state = st, .environment = "prod" };
	gf_time now = gf_now();
	spec s = { .stream = "shop",
		.epoch = 1,
		.sequence = 1,
		.created = now - 50,
		.expires = now - 10,
		.audience = { "elsewhere" },
		.keys = { "ci" } };
	outcome o;

	(void)state;
	(void)raise_to(st, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 5 });
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	assert_int_equal(o.v.checks[GF_CHECK_EXPIRES].result, GF_CHECK_FAILED);
	assert_int_equal(o.v.checks[GF_CHECK_FLOOR].result, GF_CHECK_FAILED);
	assert_int_equal(o.v.checks[GF_CHECK_EPOCH].result, GF_CHECK_PASSED);
	assert_int_equal(o.v.checks[GF_CHECK_LAYERS].result, GF_CHECK_OPEN);
	refused(&o, "all wrong", GF_REFUSED, "audience", GF_CHECK_AUDIENCE);
	gf_state_close(st);
}

/* inspect --unverified: shown, not refused, and never good. */
static void test_skip(void **state)
{
	gf_time now = gf_now();
	spec s = { .created = now - 50, .expires = now - 10, .keys = { "evil" } };
	gf_judge j = { .trust = trust, .skip_signatures = true };
	outcome o;

	(void)state;
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	accepted(&o, "skip");
	assert_int_equal(o.v.checks[GF_CHECK_SIGNATURE].result, GF_CHECK_FAILED);
	assert_int_equal(o.v.checks[GF_CHECK_EXPIRES].result, GF_CHECK_FAILED);
	assert_false(gf_verdict_good(&o.v));
	done(&o);
}

/* Between judging and accepting another run raised the floor (W3). */
static void test_again(void **state)
{
	gf_state *mine = new_state(), *theirs;
	gf_judge j = { .trust = trust, .state = mine, .environment = "prod" };
	spec s = { .stream = "shop", .epoch = 1, .sequence = 4, .keys = { "ci" } };
	gf_error err = { 0 };
	outcome o;

	(void)state;
	need((theirs = gf_state_open(gf_state_dir(mine), true, &err)) != NULL);
	make_bundle("b.tar", &s, NULL);
	judge("b.tar", &j, &o);
	accepted(&o, "first");
	need(gf_state_lock(mine, &err));
	need(gf_accept_again(&j, o.manifest, &o.v, &err));
	gf_state_unlock(mine);
	(void)raise_to(theirs, "prod", (spec){ .stream = "shop", .epoch = 1, .sequence = 5 });
	need(gf_state_lock(mine, &err));
	assert_false(gf_accept_again(&j, o.manifest, &o.v, &err));
	assert_string_equal(err.name, "floor");
	assert_int_equal(o.v.checks[GF_CHECK_FLOOR].result, GF_CHECK_FAILED);
	gf_state_unlock(mine);
	done(&o);
	gf_state_close(mine);
	gf_state_close(theirs);
}

/* records/ gets the statement and the signatures that counted, and openssl agrees. */
static void test_keep(void **state)
{
	gf_state *st = new_state();
	gf_judge j = { .trust = trust, .state = st };
	spec s = { .stream = "shop", .epoch = 1, .sequence = 4, .keys = { "ci", "evil" } };
	char command[1024], hex[GF_HEX_SIZE];
	gf_error err = { 0 };
	gf_member beside;
	outcome o;
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	sign_by("ops", &m.statement, &beside);
	j.companions = &beside;
	j.n_companions = 1;
	judge("b.tar", &j, &o);
	accepted(&o, "keep");
	need(gf_accept_keep(o.reader, &j, &o.v, &err));
	gf_digest_hex(&m.manifest, hex);
	(void)snprintf(command, sizeof command,
	    "cd %s/records/%s && test $(ls | wc -l) = 3 && echo '%s  manifest.json' | sha256sum -c --strict --quiet && "
	    "for k in ci ops; do n=0; for f in *.sig; do base64 -d $f > /tmp/gf-sig.$$ && "
	    "openssl dgst -sha256 -verify %s/$k.pub -signature /tmp/gf-sig.$$ manifest.json > /dev/null && n=$((n + 1)); done; "
	    "rm -f /tmp/gf-sig.$$; test $n = 1 || exit 1; done",
	    gf_state_dir(st), hex, hex, dir);
	assert_int_equal(sh(command), 0);
	done(&o);
	free(beside.name);
	gf_buf_clear(&beside.bytes);
	gf_buf_clear(&m.statement);
	gf_state_close(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_signatures), cmocka_unit_test(test_message),
		cmocka_unit_test(test_companions), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_signed_garbage), cmocka_unit_test(test_claims), cmocka_unit_test(test_floors),
		cmocka_unit_test(test_previous), cmocka_unit_test(test_clock), cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_all_shown), cmocka_unit_test(test_skip), cmocka_unit_test(test_again),
		cmocka_unit_test(test_keep) };

	return cmocka_run_group_tests(tests, enter_with_keys, leave_with_keys);
}
