/* Judging under a trust file (FORMAT.md 5, steps 2 to 6): roles, thresholds, gates, rejections, permits, times. */
#include "policies.h"
#include "verify/companion.h"
#include "verify/evidence.h"
#include "verify/judgement.h"
#include "verify/state.h"

#define DAY ((gf_time)86400)
#define SITE "a"

static const char *const KEYS[] = { "root", "ci", "cj", "carol", "dave", "erin", "lab", "mallory" };

static int setup(void **state)
{
	if (enter(state) != 0)
		return -1;
	for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
		make_key(KEYS[i]);
	return 0;
}

/* ---- a trust file ---- */

static gf_policy_stream *stream_of(gf_policy *p, const char *name)
{
	gf_error err = { 0 };
	gf_policy_stream *s;

	need((s = gf_policy_stream_get(p, name, &err)) != NULL);
	return s;
}

static gf_policy_environment *environment_of(gf_policy *p, const char *stream, const char *name)
{
	gf_error err = { 0 };
	gf_policy_environment *e;

	need((e = gf_policy_environment_get(stream_of(p, stream), name, &err)) != NULL);
	return e;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = strdup(value);
	assert_non_null(*text);
}

/* ci releases shop; test has no gates, prod asks for carol and dave, lab for test before; other is cj's. */
static gf_policy *base_policy(void)
{
	gf_error err = { 0 };
	gf_policy *p;

	need((p = gf_policy_new(&err)) != NULL);
	p->created = gf_now() - DAY;
	p->expires = gf_now() + 100 * DAY;
	add_person(p, "root", "root");
	add_person(p, "release", "ci");
	add_person(p, "other", "cj");
	add_person(p, "approver:prod", "carol");
	add_person(p, "approver:prod", "dave");
	set_threshold(p, "approver:prod", 2);
	add_person(p, "permit", "erin");
	add_person(p, "receipt:test", "lab");
	set_text(&stream_of(p, "shop")->release, "release");
	set_text(&stream_of(p, "other")->release, "other");
	(void)environment_of(p, "shop", "test");
	set_text(&environment_of(p, "shop", "prod")->approvers, "approver:prod");
	environment_of(p, "shop", "prod")->separate = true;
	(void)environment_of(p, "other", "prod");
	return p;
}

static int states;

/* A fresh state with this trust file installed; p is freed. */
static gf_state *install(gf_policy *p)
{
	gf_member file = { .name = strdup("trust-1.json") }, signature = { .name = NULL };
	gf_error err = { 0 };
	gf_digest digest;
	gf_trust *t;
	gf_state *s;
	char path[64];

	(void)snprintf(path, sizeof path, "state-%d", ++states);
	need((s = gf_state_open(path, true, &err)) != NULL);
	need(gf_state_set_site(s, SITE, &err));
	gf_buf_init(&file.bytes, GF_COMPANION_MAX);
	need(gf_policy_print(p, &file.bytes, &err));
	sign_as("root", file.name, &file.bytes, &signature);
	hash_buf(&file.bytes, &digest);
	need((t = gf_trust_begin(&digest, &file, &signature, 1, &err)) != NULL);
	need(gf_state_lock(s, &err) && gf_trust_install(t, s, &err));
	gf_state_unlock(s);
	gf_trust_free(t);
	free(file.name);
	gf_buf_clear(&file.bytes);
	free(signature.name);
	gf_buf_clear(&signature.bytes);
	gf_policy_free(p);
	return s;
}

/* ---- companions ---- */

static gf_member companions[600];
static size_t n_companions;

static void forget(void)
{
	for (size_t i = 0; i < n_companions; i++) {
		free(companions[i].name);
		gf_buf_clear(&companions[i].bytes);
	}
	n_companions = 0;
}

/* A file with these bytes, signed by each of the names. */
static void put_signed(const char *type, gf_buf *bytes, const char *by, const char *also)
{
	gf_error err = { 0 };
	char name[64];

	need(gf_companion_name(type, bytes, name, &err));
	if (by != NULL)
		sign_as(by, name, bytes, &companions[n_companions++]);
	if (also != NULL)
		sign_as(also, name, bytes, &companions[n_companions++]);
	companions[n_companions].name = strdup(name);
	companions[n_companions++].bytes = *bytes;
}

static char A[] = SITE, B[] = "b", PROD[] = "prod", TEST[] = "test", SHOP[] = "shop", WHY[] = "because";
static char *only_a[] = { A }, *only_b[] = { B };

/* What an approver says of the bundle in b.tar. */
static gf_approval word(const made *m, const spec *s, gf_decision d)
{
	return (gf_approval){ .decision = d,
		.manifest = m->manifest,
		.sites = only_a,
		.n_sites = 1,
		.environment = PROD,
		.stream = SHOP,
		.epoch = s->epoch,
		.sequence = s->sequence,
		.created = gf_now() - 60,
		.expires = gf_now() + DAY,
		.reason = WHY };
}

/* A permit of a sequence that is too low, for the test site. */
static gf_approval permit(const made *m, const spec *s)
{
	gf_approval a = word(m, s, GF_PERMIT);

	a.environment = TEST;
	a.waives = GF_WAIVE_SEQUENCE;
	return a;
}

static void say(const gf_approval *a, const char *by)
{
	gf_error err = { 0 };
	gf_buf bytes;

	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_approval_print(a, &bytes, &err));
	put_signed(a->decision == GF_PERMIT ? "permit" : "approval", &bytes, by, NULL);
}

/* ---- one judgement ---- */

typedef struct outcome {
	bool ok;
	gf_error err;
	gf_verdict v;
	gf_trust *trust;
	gf_manifest *m;
	gf_reader *r;
} outcome;

static gf_judge judge_for(gf_state *s, const char *environment)
{
	return (
	    gf_judge){ .state = s, .environment = environment, .companions = companions, .n_companions = n_companions };
}

static void judge(gf_judge j, outcome *o)
{
	gf_error err = { 0 };

	memset(o, 0, sizeof *o);
	gf_verdict_init(&o->v);
	need((o->trust = gf_trust_for(j.state, NULL, 0, NULL, GF_TRUST_UNPACK, &err)) != NULL);
	need((o->r = gf_reader_open("b.tar", &err)) != NULL);
	j.trust = o->trust;
	o->ok = gf_accept(o->r, &j, &o->v, &o->m, &o->err);
}

static void done(outcome *o)
{
	gf_reader_close(o->r);
	gf_manifest_free(o->m);
	gf_verdict_clear(&o->v);
	gf_trust_free(o->trust);
}

/* name NULL: accepted, with this result of the check. */
static void expect(const char *title, gf_judge j, const char *name, gf_check_id id, gf_result result)
{
	outcome o;

	judge(j, &o);
	if (name == NULL && !o.ok)
		fail_msg("%s: %s: %s", title, o.err.name, o.err.text);
	if (name != NULL && (o.ok || strcmp(o.err.name, name) != 0))
		fail_msg("%s: expected '%s', found %s '%s'", title, name, o.ok ? "nothing" : o.err.name, o.err.text);
	if (o.v.checks[id].result != result)
		fail_msg("%s: '%s' is %s: %s", title, o.v.checks[id].name, gf_result_text(o.v.checks[id].result),
		    o.v.checks[id].detail);
	done(&o);
}

/* The words of a verdict are what a person decides by. */
static void says(const char *title, gf_judge j, gf_check_id id, const char *words)
{
	outcome o;

	judge(j, &o);
	if (strstr(o.v.checks[id].detail, words) == NULL)
		fail_msg("%s: expected '%s' in '%s'", title, words, o.v.checks[id].detail);
	for (size_t i = 0; i < GF_CHECKS; i++)
		if (o.v.checks[i].advisory !=
		    (j.advisory && i != GF_CHECK_STREAM && i != GF_CHECK_AUDIENCE && i >= GF_CHECK_TRUST_VERSION &&
			i <= GF_CHECK_APPROVALS))
			fail_msg("%s: does '%s' decide?", title, o.v.checks[i].name);
	done(&o);
}

static void refused(const char *title, gf_judge j, const char *name, gf_check_id id)
{
	expect(title, j, name, id, GF_CHECK_FAILED);
}

static void bundle(spec *s, made *m)
{
	if (s->keys[0] == NULL)
		s->keys[0] = "ci";
	make_bundle("b.tar", s, m);
}

/* m: of the bundle that was judged. */
static void end(gf_state *s, made *m)
{
	gf_buf_clear(&m->statement);
	forget();
	gf_state_close(s);
}

static spec shop(uint64_t sequence)
{
	return (spec){ .stream = "shop", .epoch = 1, .sequence = sequence };
}

/* As unpack does once everything has passed. */
static void accept_here(gf_state *s, const char *environment, const made *m, const spec *what, const char *also)
{
	gf_error err = { 0 };
	gf_record r = { .type = "accepted",
		.stream = what->stream,
		.environment = environment,
		.epoch = what->epoch,
		.sequence = what->sequence,
		.manifest = &m->manifest };

	need(gf_state_lock(s, &err) && gf_state_keep(s, &m->manifest, &m->statement, NULL, 0, &err) &&
	    gf_state_append(s, &r, 1, &err));
	r.type = also;
	need(also == NULL || gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
}

/* ---- steps 2 to 4 ---- */

static void test_release(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);
	gf_judge j;

	(void)state;
	add_person(p, "release", "carol"); /* a second releaser, who approves too: that is another test */
	environment_of(p, "shop", "prod")->separate = false;
	s = install(p);
	j = judge_for(s, "test");
	bundle(&what, NULL);
	expect("one of one", j, NULL, GF_CHECK_STREAM, GF_CHECK_PASSED);
	expect("the trust file is named", j, NULL, GF_CHECK_TRUST, GF_CHECK_PASSED);
	what.keys[0] = "cj";
	bundle(&what, NULL);
	refused("the role of another stream", j, "threshold", GF_CHECK_STREAM);
	what.keys[0] = "root";
	bundle(&what, NULL);
	refused("root releases nothing", j, "threshold", GF_CHECK_STREAM);
	what.keys[0] = "mallory";
	bundle(&what, NULL);
	refused("a stranger", j, "signature", GF_CHECK_SIGNATURE);
	what = (spec){ .stream = "unknown", .epoch = 1, .sequence = 1 };
	bundle(&what, NULL);
	refused("an unknown stream", j, "stream", GF_CHECK_STREAM);
	what = (spec){ 0 };
	bundle(&what, NULL);
	refused("no stream", j, "stream", GF_CHECK_STREAM);
	what = shop(1);
	bundle(&what, NULL);
	refused("an unknown environment", judge_for(s, "nowhere"), "environment", GF_CHECK_ENVIRONMENT);
	expect("no environment", judge_for(s, NULL), NULL, GF_CHECK_ENVIRONMENT, GF_CHECK_NOT_REQUIRED);
	gf_state_close(s);
}

static void test_threshold(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);

	(void)state;
	add_person(p, "release", "mallory");
	set_threshold(p, "release", 2);
	s = install(p);
	bundle(&what, NULL);
	refused("one of two", judge_for(s, "test"), "threshold", GF_CHECK_STREAM);
	what.keys[1] = "cj";
	bundle(&what, NULL);
	refused("one of two and a holder without the role", judge_for(s, "test"), "threshold", GF_CHECK_STREAM);
	what.keys[1] = "mallory";
	bundle(&what, NULL);
	expect("two of two", judge_for(s, "test"), NULL, GF_CHECK_STREAM, GF_CHECK_PASSED);
	gf_state_close(s);
}

/* One holder with two keys is one holder. */
static void test_distinct_holders(void **state)
{
	gf_policy *p = base_policy();
	gf_error err = { 0 };
	gf_pubkey *second;
	gf_state *s;
	spec what = shop(1);

	(void)state;
	need((second = gf_pubkey_load("mallory.pub", &err)) != NULL);
	need(gf_policy_add_key(p, "release", "ci", second, &err));
	gf_pubkey_free(second);
	add_person(p, "release", "dave");
	environment_of(p, "shop", "prod")->separate = false;
	set_threshold(p, "release", 2);
	s = install(p);
	what.keys[0] = "ci";
	what.keys[1] = "mallory";
	bundle(&what, NULL);
	refused("two keys of one holder", judge_for(s, "test"), "threshold", GF_CHECK_STREAM);
	what.keys[1] = "dave";
	bundle(&what, NULL);
	expect("two holders", judge_for(s, "test"), NULL, GF_CHECK_STREAM, GF_CHECK_PASSED);
	gf_state_close(s);
}

static void test_key_times(void **state)
{
	static const struct {
		const char *title;
		gf_time before, after; /* from now */
		bool good;
	} rows[] = { { "valid", -DAY, DAY, true }, { "not yet", DAY, 2 * DAY, false },
		{ "no more", -2 * DAY, -DAY, false }, { "from today", -1, 0, true } };
	spec what = shop(1);
	char at[GF_TIME_SIZE], words[120];
	outcome o;

	(void)state;
	bundle(&what, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_policy *p = base_policy();
		gf_state *s;

		for (size_t k = 0; k < p->n_keys; k++)
			if (strcmp(p->keys[k].holder, "ci") == 0) {
				p->keys[k].not_before = gf_now() + rows[i].before;
				p->keys[k].not_after = rows[i].after != 0 ? gf_now() + rows[i].after : 0;
			}
		s = install(p);
		if (rows[i].good)
			expect(rows[i].title, judge_for(s, "test"), NULL, GF_CHECK_SIGNATURE, GF_CHECK_PASSED);
		else
			refused(rows[i].title, judge_for(s, "test"), "signature", GF_CHECK_SIGNATURE);
		if (!rows[i].good) {
			gf_time_print(gf_now() + (rows[i].before > 0 ? rows[i].before : rows[i].after), at);
			at[13] = '\0'; /* the hour */
			(void)snprintf(words, sizeof words, "; ci signed it, with a key that is valid %s %s",
			    rows[i].before > 0 ? "only from" : "until", at);
			judge(judge_for(s, "test"), &o);
			if (strstr(o.err.text, words) == NULL)
				fail_msg("expected '%s' in '%s'", words, o.err.text);
			done(&o);
		}
		gf_state_close(s);
	}
}

static void test_unsigned(void **state)
{
	gf_policy *p = base_policy();
	gf_policy_environment *prod;
	gf_error err = { 0 };
	gf_state *s;
	spec what = shop(1);
	gf_judge j;
	made m;

	(void)state;
	environment_of(p, "shop", "test")->allow_unsigned = true;
	s = install(p);
	what.keys[0] = NULL;
	make_bundle("b.tar", &what, &m);
	j = judge_for(s, "test");
	refused("not spelled out", j, "signature", GF_CHECK_SIGNATURE);
	j.allow_unsigned = true;
	expect("allowed there", j, NULL, GF_CHECK_SIGNATURE, GF_CHECK_LIFTED);
	j.environment = "prod";
	refused("not there", j, "unsigned", GF_CHECK_ENVIRONMENT);
	j.environment = NULL;
	refused("nowhere", j, "unsigned", GF_CHECK_ENVIRONMENT);
	gf_state_close(s);

	p = base_policy();
	environment_of(p, "shop", "prod")->allow_unsigned = true;
	s = install(p);
	j = judge_for(s, "prod");
	j.allow_unsigned = true;
	refused("it satisfies no gate", j, "approvals", GF_CHECK_APPROVALS);
	gf_state_close(s);

	p = base_policy();
	prod = environment_of(p, "shop", "prod");
	prod->allow_unsigned = true;
	free(prod->approvers);
	prod->approvers = NULL;
	need(gf_grow(&prod->after, &prod->after_room, prod->n_after, sizeof *prod->after, &err));
	prod->after[prod->n_after++] = strdup("test");
	s = install(p);
	j = judge_for(s, "prod");
	j.allow_unsigned = true;
	refused("it was nowhere before", j, "after", GF_CHECK_AFTER);
	/* Nor when its signatures were there the last time. */
	accept_here(s, "test", &m, &what, "complete");
	refused("it was signed then", j, "after", GF_CHECK_AFTER);
	gf_buf_clear(&m.statement);
	gf_state_close(s);
}

/* ---- step 5 ---- */

static void test_trust_version(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);

	(void)state;
	what.trust_version = 1;
	bundle(&what, NULL);
	expect("ours", judge_for(s, "test"), NULL, GF_CHECK_TRUST_VERSION, GF_CHECK_PASSED);
	what.trust_version = 2;
	bundle(&what, NULL);
	refused("newer than ours", judge_for(s, "test"), "trust-version", GF_CHECK_TRUST_VERSION);
	gf_state_close(s);
}

static void test_expired_trust(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);

	(void)state;
	p->created = gf_now() - 10 * DAY;
	p->expires = gf_now() - DAY;
	s = install(p);
	bundle(&what, NULL);
	refused("an expired trust file", judge_for(s, "test"), "trust-expired", GF_CHECK_TRUST);
	gf_state_close(s);
}

static void test_clock(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1), ahead = shop(2);
	outcome o;
	made m;

	(void)state;
	p->created = gf_now() + 300; /* within what clocks may differ */
	s = install(p);
	bundle(&what, NULL);
	expect("a little ahead", judge_for(s, "test"), NULL, GF_CHECK_TRUST, GF_CHECK_PASSED);
	/* what was accepted last is newer than the trust file, and ahead of the clock */
	ahead.created = gf_now() + 700;
	bundle(&ahead, &m);
	accept_here(s, "test", &m, &ahead, NULL);
	gf_buf_clear(&m.statement);
	bundle(&what, NULL);
	judge(judge_for(s, "test"), &o);
	assert_false(o.ok);
	assert_string_equal(o.err.name, "clock");
	done(&o);
	gf_state_close(s);
}

static void test_max_age(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);
	gf_approval a;
	made m;

	(void)state;
	stream_of(p, "shop")->max_age = 10 * DAY;
	s = install(p);
	what.created = gf_now() - 9 * DAY;
	bundle(&what, NULL);
	expect("young", judge_for(s, "test"), NULL, GF_CHECK_MAX_AGE, GF_CHECK_PASSED);
	expect("young, no environment", judge_for(s, NULL), NULL, GF_CHECK_MAX_AGE, GF_CHECK_PASSED);
	what.created = gf_now() - 11 * DAY;
	bundle(&what, &m);
	refused("old", judge_for(s, "test"), "max-age", GF_CHECK_MAX_AGE);
	refused("old, no environment", judge_for(s, NULL), "max-age", GF_CHECK_MAX_AGE);
	a = word(&m, &what, GF_PERMIT);
	a.environment = TEST;
	a.waives = GF_WAIVE_EXPIRES;
	say(&a, "erin");
	refused("a permit for something else", judge_for(s, "test"), "max-age", GF_CHECK_MAX_AGE);
	a.waives = GF_WAIVE_MAX_AGE;
	say(&a, "erin");
	expect("a permit", judge_for(s, "test"), NULL, GF_CHECK_MAX_AGE, GF_CHECK_LIFTED);
	forget();
	accept_here(s, "test", &m, &what, NULL);
	expect("accepted before", judge_for(s, "test"), NULL, GF_CHECK_MAX_AGE, GF_CHECK_LIFTED);
	end(s, &m);
}

/* ---- step 6: numbers ---- */

static void test_numbers(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(4), other;
	made m, n;

	(void)state;
	stream_of(p, "shop")->min_sequence = 5;
	stream_of(p, "shop")->max_jump = 10;
	s = install(p);
	bundle(&what, NULL);
	refused("below minSequence", judge_for(s, "test"), "min-sequence", GF_CHECK_FLOOR);
	what = shop(500);
	bundle(&what, NULL);
	expect("the first may be anything above", judge_for(s, "test"), NULL, GF_CHECK_MAX_JUMP, GF_CHECK_NOT_REQUIRED);
	what = shop(5);
	what.created = gf_now(); /* it is made twice, and is the same */
	bundle(&what, &m);
	expect("minSequence itself", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	accept_here(s, "test", &m, &what, "loaded");
	expect("the same again", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_PASSED);
	other = shop(5);
	other.version = "another";
	bundle(&other, NULL);
	refused("a fork", judge_for(s, "test"), "fork", GF_CHECK_FLOOR);
	other = shop(16);
	bundle(&other, NULL);
	refused("a jump of 11", judge_for(s, "test"), "max-jump", GF_CHECK_MAX_JUMP);
	other = shop(15);
	bundle(&other, &n);
	expect("a jump of 10", judge_for(s, "test"), NULL, GF_CHECK_MAX_JUMP, GF_CHECK_PASSED);
	accept_here(s, "test", &n, &other, NULL);
	gf_buf_clear(&n.statement);
	other = shop(14);
	bundle(&other, NULL);
	refused("below the floor", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	says("words", judge_for(s, "test"), GF_CHECK_FLOOR, "nothing lower is accepted without a permit");
	bundle(&what, NULL);
	expect("what was loaded last", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	what = shop(20);
	what.epoch = 2;
	bundle(&what, NULL);
	refused("an epoch that the trust file has not", judge_for(s, "test"), "epoch", GF_CHECK_EPOCH);
	end(s, &m);
}

/* Is a permit named as one that lifted something? */
static void permit_counts(gf_judge j, bool wanted)
{
	outcome o;

	judge(j, &o);
	assert_int_equal(o.v.has_permit, wanted);
	done(&o);
}

static void test_permits(void **state)
{
	gf_state *s = install(base_policy());
	spec newer = shop(9), what = shop(8);
	made m, n;
	gf_approval a;

	(void)state;
	bundle(&newer, &n);
	accept_here(s, "test", &n, &newer, NULL);
	gf_buf_clear(&n.statement);
	bundle(&what, &m);
	refused("below the floor", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	a = permit(&m, &what);
	say(&a, "carol");
	refused("a permit of somebody without the role", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.sites = only_b;
	say(&a, "erin");
	refused("a permit for another site", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.sites = only_a;
	a.environment = PROD;
	say(&a, "erin");
	refused("a permit for another environment", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.environment = TEST;
	a.manifest = n.manifest;
	say(&a, "erin");
	refused("a permit for another bundle", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.manifest = m.manifest;
	a.expires = gf_now() - 1;
	say(&a, "erin");
	refused("an expired permit", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.created = gf_now() + 700;
	a.expires = gf_now() + DAY;
	say(&a, "erin");
	refused("a permit dated ahead", judge_for(s, "test"), "floor", GF_CHECK_FLOOR);
	forget();
	a.created = gf_now() - 60;
	say(&a, "erin");
	expect("a permit", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	permit_counts(judge_for(s, "test"), true);
	permit_counts(judge_for(s, "prod"), false); /* nothing was accepted there: it lifts nothing */
	/* a fork is never waived */
	what = shop(9);
	what.version = "fork";
	bundle(&what, &n);
	a.manifest = n.manifest;
	a.sequence = 9;
	say(&a, "erin");
	refused("a fork with a permit", judge_for(s, "test"), "fork", GF_CHECK_FLOOR);
	gf_buf_clear(&n.statement);
	end(s, &m);
}

/* Without role permit it is root that waives. */
static void test_permit_by_root(void **state)
{
	gf_policy *p = base_policy();
	gf_error err = { 0 };
	gf_state *s;
	spec what = shop(8);
	gf_approval a;
	made m;
	size_t gone;

	(void)state;
	need(gf_policy_revoke(p, "erin", &gone, &err));
	stream_of(p, "shop")->min_sequence = 100;
	s = install(p);
	bundle(&what, &m);
	a = permit(&m, &what);
	say(&a, "carol");
	refused("not root", judge_for(s, "test"), "min-sequence", GF_CHECK_FLOOR);
	say(&a, "root");
	expect("root", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	end(s, &m);
}

/* Several permits count together, each for who signed it. */
static void test_permits_together(void **state)
{
	gf_policy *p = base_policy();
	gf_error err = { 0 };
	gf_pubkey *second;
	gf_state *s;
	spec what = shop(8);
	gf_approval a;
	made m;

	(void)state;
	add_person(p, "permit", "dave");
	need((second = gf_pubkey_load("mallory.pub", &err)) != NULL);
	need(gf_policy_add_key(p, "permit", "erin", second, &err));
	gf_pubkey_free(second);
	set_threshold(p, "permit", 2);
	stream_of(p, "shop")->min_sequence = 100;
	s = install(p);
	bundle(&what, &m);
	a = permit(&m, &what);
	say(&a, "erin");
	refused("one of two", judge_for(s, "test"), "min-sequence", GF_CHECK_FLOOR);
	a.expires += 1;
	say(&a, "erin");
	refused("the same one twice", judge_for(s, "test"), "min-sequence", GF_CHECK_FLOOR);
	a.expires += 1;
	say(&a, "mallory");
	refused("her other key", judge_for(s, "test"), "min-sequence", GF_CHECK_FLOOR);
	forget();
	say(&a, "mallory");
	say(&a, "dave");
	expect("her other key alone, and another's", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	forget();
	say(&a, "erin");
	a.expires += 1;
	say(&a, "dave");
	expect("two of two", judge_for(s, "test"), NULL, GF_CHECK_FLOOR, GF_CHECK_LIFTED);
	says("words", judge_for(s, "test"), GF_CHECK_FLOOR, "lifted by a permit of erin, dave");
	end(s, &m);
}

/* ---- step 6: gates ---- */

static void test_approvals(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_approval a;
	made m;

	(void)state;
	bundle(&what, &m);
	refused("none", judge_for(s, "prod"), "approvals", GF_CHECK_APPROVALS);
	says("none", judge_for(s, "prod"), GF_CHECK_APPROVALS,
	    "there are 0; still possible: carol, dave (gapferry approve BUNDLE --env prod --site a)");
	a = word(&m, &what, GF_APPROVE);
	say(&a, "carol");
	refused("one of two", judge_for(s, "prod"), "approvals", GF_CHECK_APPROVALS);
	says("one of two", judge_for(s, "prod"), GF_CHECK_APPROVALS,
	    "there is 1 (carol); still possible: dave (gapferry approve");
	a.created++;
	say(&a, "carol");
	refused("the same one twice", judge_for(s, "prod"), "approvals", GF_CHECK_APPROVALS);
	say(&a, "erin");
	refused("one without the role", judge_for(s, "prod"), "approvals", GF_CHECK_APPROVALS);
	say(&a, "dave");
	expect("two", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	says("two", judge_for(s, "prod"), GF_CHECK_APPROVALS, "2 of 2 asked for: carol, dave");
	expect("test asks for none", judge_for(s, "test"), NULL, GF_CHECK_APPROVALS, GF_CHECK_NOT_REQUIRED);
	end(s, &m);
}

/* Each of carol's is good; dave's has one fault. */
static void test_faulty_approvals(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_approval good, a;
	gf_buf bytes;
	gf_error err = { 0 };
	made m;

	(void)state;
	bundle(&what, &m);
	good = word(&m, &what, GF_APPROVE);
	for (int i = 0; i < 8; i++) {
		const char *name = "approvals";

		say(&good, "carol");
		a = good;
		switch (i) {
		case 0: a.sites = only_b; break;
		case 1: a.environment = TEST; break;
		case 2: a.manifest.bytes[0] ^= 1; break;
		case 3: a.sequence++; break;
		case 4: a.epoch++; break;
		case 5:
			a.created = gf_now() - 2 * DAY;
			a.expires = gf_now();
			break;
		case 6: a.created = gf_now() + 700; break;
		default: name = NULL; break;
		}
		say(&a, "dave");
		expect("faulty", judge_for(s, "prod"), name, GF_CHECK_APPROVALS,
		    name != NULL ? GF_CHECK_FAILED : GF_CHECK_PASSED);
		forget();
	}
	/* a file that says permit on the outside and is an approval inside is an approval: the type inside decides */
	say(&good, "carol");
	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_approval_print(&good, &bytes, &err));
	put_signed("permit", &bytes, "dave", NULL);
	expect("the type inside decides", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	forget();
	/* one file, two signatures */
	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_approval_print(&good, &bytes, &err));
	put_signed("approval", &bytes, "dave", "carol");
	expect("one file, two signatures", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	forget();
	/* bytes changed after signing */
	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_approval_print(&good, &bytes, &err));
	put_signed("approval", &bytes, "dave", "carol");
	companions[n_companions - 1].bytes.data[companions[n_companions - 1].bytes.len - 1] = ' ';
	refused("changed after signing", judge_for(s, "prod"), "approvals", GF_CHECK_APPROVALS);
	end(s, &m);
}

static void test_rejections(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_approval yes, no;
	made m;

	(void)state;
	bundle(&what, &m);
	yes = word(&m, &what, GF_APPROVE);
	no = word(&m, &what, GF_REJECT);
	say(&yes, "carol");
	say(&yes, "dave");
	no.created = yes.created - 10;
	say(&no, "dave");
	expect("taken back", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	no.created = yes.created;
	say(&no, "dave");
	refused("a tie", judge_for(s, "prod"), "rejected", GF_CHECK_APPROVALS);
	says("a tie", judge_for(s, "prod"), GF_CHECK_APPROVALS, "Z: because; only a later approval of dave");
	no.reason = NULL;
	no.created++;
	say(&no, "dave");
	says("no reason", judge_for(s, "prod"), GF_CHECK_APPROVALS, "Z; only a later approval of dave");
	no.reason = WHY;
	forget();
	say(&yes, "carol");
	say(&yes, "dave");
	no.created = gf_now() + 7000; /* dated ahead: a rejection counts */
	no.expires = 0;
	say(&no, "carol");
	refused("dated ahead", judge_for(s, "prod"), "rejected", GF_CHECK_APPROVALS);
	forget();
	say(&yes, "carol");
	say(&yes, "dave");
	say(&no, "erin");
	expect("by somebody without the role", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	no.created = yes.created + 1;
	no.expires = gf_now() - 1;
	say(&no, "dave");
	expect("an expired one", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	end(s, &m);
}

/* Seen once, it stays, though the file is taken away and the bundle was refused. */
static void test_rejection_is_kept(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_approval yes, no, hers;
	gf_error err = { 0 };
	gf_judge j;
	outcome o;
	made m;
	gf_buf log;

	(void)state;
	bundle(&what, &m);
	yes = word(&m, &what, GF_APPROVE);
	no = word(&m, &what, GF_REJECT);
	no.created = yes.created + 5;
	say(&no, "dave");
	hers = no;
	hers.created++;
	say(&hers, "erin"); /* who approves nothing: her word is not kept */
	j = judge_for(s, "prod");
	judge(j, &o);
	assert_string_equal(o.err.name, "rejected");
	j.trust = o.trust;
	for (int i = 0; i < 2; i++) { /* twice: one line, one file */
		need(gf_state_lock(s, &err) && gf_rejections_keep(&j, &err));
		gf_state_unlock(s);
	}
	done(&o);
	forget();
	say(&yes, "carol");
	say(&yes, "dave");
	refused("it stays", judge_for(s, "prod"), "rejected", GF_CHECK_APPROVALS);
	yes.created = no.created + 1;
	say(&yes, "dave");
	expect("a later approval takes it back", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	gf_buf_init(&log, GF_MIB);
	{
		char path[128];
		const char *at;

		(void)snprintf(path, sizeof path, "%s/audit.jsonl", gf_state_dir(s));
		need(gf_file_load(path, GF_MIB, GF_FAILED, &log, &err));
		at = strstr(log.data, "\"type\":\"rejected\"");
		assert_non_null(at);
		assert_null(strstr(at + 1, "\"type\":\"rejected\""));
		assert_non_null(strstr(at, "\"holder\":\"dave\""));
	}
	gf_buf_clear(&log);
	end(s, &m);
}

/* A receipt as another site writes it. */
static void put_receipt(const gf_digest *manifest, char *environment, bool complete, char *signature, const char *by)
{
	static char site[] = "lab", name[] = "signature";
	struct gf_receipt_check check = { name, signature };
	gf_digest signer = { { 7 } };
	gf_receipt r = { .manifest = *manifest,
		.site = site,
		.environment = environment,
		.complete = complete,
		.checks = &check,
		.n_checks = 1,
		.signers = &signer,
		.n_signers = 1,
		.created = gf_now() };
	gf_error err = { 0 };
	gf_buf bytes;

	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_receipt_print(&r, &bytes, &err));
	put_signed("receipt", &bytes, by, NULL);
}

/* What was said of a bundle that is accepted stays beside it: what somebody of the trust file signed, under its own name. */
static void test_statements_are_kept(void **state)
{
	static char passed[] = "passed";
	gf_state *s = install(base_policy());
	spec what = shop(1), other = shop(2);
	gf_approval a;
	gf_error err = { 0 };
	gf_member *list;
	gf_judge j;
	outcome o;
	made m, n;
	size_t found;

	(void)state;
	bundle(&other, &n);
	bundle(&what, &m);
	a = word(&m, &what, GF_APPROVE);
	say(&a, "carol");
	say(&a, "mallory"); /* in no role */
	a.decision = GF_PERMIT;
	a.waives = GF_WAIVE_SEQUENCE;
	say(&a, "erin");
	put_receipt(&m.manifest, TEST, true, passed, "lab");
	a = word(&n, &other, GF_APPROVE);
	say(&a, "dave");
	j = judge_for(s, "prod");
	judge(j, &o);
	j.trust = o.trust;
	need(gf_state_lock(s, &err) && gf_statements_keep(&j, &m.manifest, &err) &&
	    gf_statements_keep(&j, &m.manifest, &err)); /* again: the same files */
	gf_state_unlock(s);
	done(&o);
	need(gf_state_statements(s, &m.manifest, &list, &found, &err));
	assert_int_equal(found, 6);
	for (size_t i = 0; i < found; i++) {
		static const char *const starts[] = { "approval-", "permit-", "receipt-" };
		size_t same = 0;

		for (size_t k = 0; k < 3; k++)
			same += strncmp(list[i].name, starts[k], strlen(starts[k])) == 0;
		assert_int_equal(same, 1);
		for (same = 0; same < n_companions; same++)
			if (strcmp(list[i].name, companions[same].name) == 0 &&
			    list[i].bytes.len == companions[same].bytes.len &&
			    memcmp(list[i].bytes.data, companions[same].bytes.data, list[i].bytes.len) == 0)
				break;
		if (same == n_companions)
			fail_msg("%s is none of the companions", list[i].name);
	}
	gf_members_free(list, found);
	need(gf_state_statements(s, &n.manifest, &list, &found, &err));
	assert_int_equal(found, 0);
	gf_members_free(list, found);
	/* without a trust file nobody's word is kept */
	j.trust = NULL;
	need(gf_statements_keep(&j, &n.manifest, &err));
	gf_buf_clear(&n.statement);
	end(s, &m);
}

/* The site's own receipt lies beside the manifest, with its signature. */
static void test_receipt_is_kept(void **state)
{
	static char site[] = "a", name[] = "signature", result[] = "passed";
	struct gf_receipt_check check = { name, result };
	gf_digest signer = { { 7 } }, bundle_digest = { { 9 } };
	gf_receipt r = { .manifest = bundle_digest,
		.site = site,
		.environment = TEST,
		.complete = true,
		.checks = &check,
		.n_checks = 1,
		.signers = &signer,
		.n_signers = 1,
		.created = gf_now() };
	gf_state *s = install(base_policy());
	gf_member file, signature, *list;
	gf_error err = { 0 };
	gf_signer *key;
	size_t n;

	(void)state;
	need(gf_state_lock(s, &err));
	need((key = gf_state_site_key(s, NULL, &err)) != NULL);
	need(gf_receipt_keep(s, &r, key, &file, &signature, &err));
	gf_state_unlock(s);
	assert_true(gf_signature_fits(gf_signer_public(key), gf_signature_ext(signature.name, file.name),
	    &signature.bytes, file.bytes.data, file.bytes.len));
	need(gf_state_statements(s, &r.manifest, &list, &n, &err));
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		const gf_member *m = strcmp(list[i].name, file.name) == 0 ? &file : &signature;

		assert_string_equal(list[i].name, m->name);
		assert_int_equal(list[i].bytes.len, m->bytes.len);
		assert_memory_equal(list[i].bytes.data, m->bytes.data, m->bytes.len);
	}
	assert_int_equal(strncmp(file.name, "receipt-", 8), 0);
	gf_members_free(list, n);
	free(file.name);
	gf_buf_clear(&file.bytes);
	free(signature.name);
	gf_buf_clear(&signature.bytes);
	gf_signer_free(key);
	gf_state_close(s);
}

/* ---- step 7: evidence ---- */

#define PROVENANCE "https://slsa.dev/provenance/v1"

/* The rule asks for role builder where there is one; each: for every platform. */
static gf_state *asks_evidence(const char *role, bool each)
{
	gf_policy *p = base_policy();
	gf_policy_environment *e = environment_of(p, "shop", "test");
	gf_error err = { 0 };

	add_person(p, "builder", "lab");
	need(gf_grow(&e->evidence, &e->evidence_room, 0, sizeof *e->evidence, &err));
	e->evidence[0] = (gf_policy_evidence){ .each_platform = each };
	set_text(&e->evidence[0].type, PROVENANCE);
	if (role != NULL)
		set_text(&e->evidence[0].role, role);
	e->n_evidence = 1;
	return install(p);
}

/* A Statement of this type about that digest. */
static void statement_of(const char *type, const gf_digest *about, gf_buf *out)
{
	gf_error err = { 0 };
	char hex[GF_HEX_SIZE];

	gf_digest_hex(about, hex);
	buf_new(out);
	need(gf_buf_printf(out, &err,
	    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"x\",\"digest\":{\"sha256\":\"%s\"}}],"
	    "\"predicateType\":\"%s\",\"predicate\":{}}",
	    hex, type));
}

/* The same signed by lab, in an envelope with this type of payload. */
static void enveloped(const char *payload_type, gf_buf *inout)
{
	gf_member sig = { .name = NULL };
	gf_error err = { 0 };
	gf_buf pae, out;

	buf_new(&pae);
	buf_new(&out);
	need(gf_buf_printf(&pae, &err, "DSSEv1 %zu %s %zu ", strlen(payload_type), payload_type, inout->len) &&
	    gf_buf_add(&pae, inout->data, inout->len, &err));
	sign_as("lab", "dsse", &pae, &sig);
	need(gf_buf_printf(&out, &err, "{\"payloadType\":\"%s\",\"payload\":\"", payload_type) &&
	    gf_base64_encode(&out, inout->data, inout->len, &err) &&
	    gf_buf_printf(&out, &err, "\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"%.*s\"}]}", (int)sig.bytes.len - 1,
		sig.bytes.data));
	free(sig.name);
	gf_buf_clear(&sig.bytes);
	gf_buf_clear(&pae);
	gf_buf_clear(inout);
	*inout = out;
}

/* What is said once these n have been given; they are cleared. */
static void evidence_says(gf_state *s, gf_buf *given, size_t n, bool good, const char *words)
{
	gf_evidence *e = NULL;
	const char *said;
	gf_error err = { 0 };
	outcome o;

	judge(judge_for(s, "test"), &o);
	if (!o.ok)
		fail_msg("%s: %s", o.err.name, o.err.text);
	need(gf_evidence_new(&o.v, o.m, &e, &err));
	assert_non_null(e);
	for (size_t i = 0; i < n; i++) {
		need(gf_evidence_take(e, &given[i], &err));
		gf_buf_clear(&given[i]);
	}
	assert_int_equal(gf_evidence_judge(e, &o.v, &err), good);
	assert_true(good || strcmp(err.name, "evidence") == 0);
	said = good ? o.v.checks[GF_CHECK_EVIDENCE].detail : err.text;
	if (strstr(said, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, said);
	gf_evidence_free(e);
	done(&o);
}

static void test_evidence(void **state)
{
	static const char *const statements[] = { GF_TYPE_IN_TOTO, "application/vnd.in-toto.provenance+json" };
	gf_state *s = asks_evidence(NULL, false);
	spec what = shop(1);
	gf_digest image;
	gf_buf given[3];
	outcome o;

	(void)state;
	bundle(&what, NULL);
	judge(judge_for(s, "test"), &o);
	image = o.m->images[0].digest;
	done(&o);
	/* under the signature of the bundle */
	evidence_says(s, given, 0, false, "nothing else of this type");
	statement_of(PROVENANCE, &image, &given[0]);
	evidence_says(s, given, 1, true, PROVENANCE ": 1 image");
	statement_of("https://spdx.dev/Document", &image, &given[0]);
	statement_of(PROVENANCE, &(gf_digest){ { 1 } }, &given[1]);
	statement_of(PROVENANCE, &(gf_digest){ { 2 } }, &given[2]);
	evidence_says(s, given, 3, false, "2 about something else");
	for (int i = 0; i < 3; i++)
		buf_new(&given[i]);
	add_bytes(&given[0], "none", 4);
	add_bytes(&given[1], "{}", 2);
	add_bytes(&given[2], "{\"payloadType\":\"x\",\"payload\":\"!\",\"signatures\":[]}", 49);
	evidence_says(s, given, 3, false, "nothing else of this type");
	buf_new(&given[0]);
	add_bytes(&given[0], "no JSON", 7);
	enveloped(GF_TYPE_IN_TOTO, &given[0]);
	evidence_says(s, given, 1, false, "nothing else of this type");
	gf_state_close(s);
	/* under one of the role */
	s = asks_evidence("builder", false);
	statement_of(PROVENANCE, &image, &given[0]);
	evidence_says(s, given, 1, false, "1 without a signature");
	for (int i = 0; i < 2; i++) {
		statement_of(PROVENANCE, &image, &given[0]);
		enveloped(statements[i], &given[0]);
		evidence_says(s, given, 1, true, PROVENANCE " by role 'builder': 1 image");
	}
	for (int i = 0; i < 3; i++)
		statement_of(PROVENANCE, &image, &given[i]);
	enveloped("application/json", &given[0]);
	enveloped("application/vnd.in-toto.provenance", &given[1]);
	enveloped("application/x+json", &given[2]);
	evidence_says(s, given, 3, false, "nothing else of this type");
	statement_of(PROVENANCE, &image, &given[0]);
	statement_of(PROVENANCE, &image, &given[1]);
	enveloped(GF_TYPE_IN_TOTO, &given[1]);
	memcpy(strstr(given[1].data, "sig\":\"") + 12, "AAAA", 4); /* another signature */
	evidence_says(s, given, 2, false, "1 not signed by the threshold of the role, 1 without a signature");
	gf_state_close(s);
	/* for each platform */
	s = asks_evidence(NULL, true);
	statement_of(PROVENANCE, &image, &given[0]);
	evidence_says(s, given, 1, true, PROVENANCE ": 1 platform");
	gf_state_close(s);
}

/* As evidence_says, of a manifest that change makes of the bundle's, and of one attestation at most. */
static void evidence_of(gf_state *s, void (*change)(outcome *o), gf_buf *given, bool good, const char *words)
{
	const char *said;
	gf_evidence *e = NULL;
	gf_error err = { 0 };
	gf_image image;
	outcome o;

	judge(judge_for(s, "test"), &o);
	image = o.m->images[0];
	change(&o);
	need(gf_evidence_new(&o.v, o.m, &e, &err));
	for (size_t i = 0; i < o.m->n_blobs; i++)
		assert_int_equal(
		    gf_evidence_wants(e, i), o.m->blobs[i].kind == GF_KIND_EVIDENCE && o.m->blobs[i].size < GF_MIB);
	if (given != NULL) {
		need(gf_evidence_take(e, given, &err));
		gf_buf_clear(given);
	}
	assert_int_equal(gf_evidence_judge(e, &o.v, &err), good);
	said = good ? o.v.checks[GF_CHECK_EVIDENCE].detail : err.text;
	if (good ? strcmp(said, words) != 0 : strstr(said, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, said);
	o.m->images[0] = image;
	gf_evidence_free(e);
	done(&o);
}

static const gf_digest an_index = { { 7 } };

static void as_it_is(outcome *o)
{
	(void)o;
}

/* Its platform is the one manifest. */
static void as_index(outcome *o)
{
	o->m->images[0].digest = an_index;
}

static void without_platforms(outcome *o)
{
	as_index(o);
	o->m->images[0].n_platforms = 0;
}

static void unsigned_by_anybody(outcome *o)
{
	o->v.n_signers = 0;
}

static void with_large_evidence(outcome *o)
{
	for (size_t i = 0; i < o->m->n_blobs; i++)
		if (o->m->blobs[i].kind == GF_KIND_EVIDENCE)
			o->m->blobs[i].size = (uint64_t)1 << 40;
}

/* An image, or each of its platforms: what is about the one, and about the other. */
static void test_evidence_targets(void **state)
{
	spec what = shop(1);
	gf_digest manifest;
	gf_buf given;
	gf_state *s;
	outcome o;

	(void)state;
	what.evidence = true;
	s = asks_evidence(NULL, false);
	bundle(&what, NULL);
	judge(judge_for(s, "test"), &o);
	manifest = o.m->images[0].digest;
	done(&o);
	statement_of(PROVENANCE, &an_index, &given);
	evidence_of(s, as_index, &given, true, PROVENANCE ": 1 image");
	statement_of(PROVENANCE, &manifest, &given); /* all its platforms have it */
	evidence_of(s, as_index, &given, true, PROVENANCE ": 1 image");
	statement_of(PROVENANCE, &manifest, &given);
	evidence_of(s, without_platforms, &given, false, "about docker.io/acme/app:1.4.0 (sha256:07");
	evidence_of(
	    s, unsigned_by_anybody, NULL, false, "nothing else of this type; the bundle is not signed; pack the image");
	evidence_of(s, as_it_is, NULL, false, "nothing else of this type; pack the image");
	evidence_of(s, with_large_evidence, NULL, false, "none that counts: 1 of any type too large to be read; pack");
	gf_state_close(s);
	s = asks_evidence(NULL, true);
	statement_of(PROVENANCE, &an_index, &given);
	evidence_of(s, as_index, &given, false, "about docker.io/acme/app:1.4.0 linux/amd64 (sha256:");
	statement_of(PROVENANCE, &manifest, &given);
	evidence_of(s, as_index, &given, true, PROVENANCE ": 1 platform");
	evidence_of(s, without_platforms, NULL, true, PROVENANCE ": 0 platforms");
	gf_state_close(s);
}

/* What lies in the bundle is read as it passes. */
static void test_evidence_inside(void **state)
{
	gf_state *s = asks_evidence(NULL, false);
	spec what = shop(1);
	gf_error err = { 0 };

	(void)state;
	what.evidence = true;
	for (int right = 0; right < 2; right++) {
		outcome o;
		gf_walk w = { .jobs = 1 };

		what.attests = right ? PROVENANCE : "https://spdx.dev/Document";
		bundle(&what, NULL);
		judge(judge_for(s, "test"), &o);
		assert_true(o.ok);
		w.reader = o.r;
		w.manifest = o.m;
		if (gf_walk_run(&w, &o.v, &err) != right)
			fail_msg("%s: %s", what.attests, err.text);
		assert_int_equal(o.v.checks[GF_CHECK_EVIDENCE].result, right ? GF_CHECK_PASSED : GF_CHECK_FAILED);
		assert_true(right || strcmp(err.name, "evidence") == 0);
		done(&o);
	}
	gf_state_close(s);
}

/* A Statement of this builder. */
static void built_by(const gf_digest *about, const char *builder, gf_buf *out)
{
	gf_error err = { 0 };
	gf_buf plain;

	statement_of(PROVENANCE, about, &plain);
	buf_new(out);
	need(gf_buf_add(out, plain.data, plain.len - 3, &err) &&
	    gf_buf_printf(out, &err, "{\"runDetails\":{\"builder\":{\"id\":\"%s\"}}}}", builder));
	gf_buf_clear(&plain);
}

static void test_evidence_builders(void **state)
{
	static const char *const theirs[] = { "https://ci.example/one", "https://ci.example/two" };
	gf_policy *p = base_policy();
	gf_policy_environment *e = environment_of(p, "shop", "test");
	spec what = shop(1);
	gf_error err = { 0 };
	gf_digest image;
	gf_buf given;
	gf_state *s;
	outcome o;

	(void)state;
	need(gf_grow(&e->evidence, &e->evidence_room, 0, sizeof *e->evidence, &err));
	e->evidence[0] = (gf_policy_evidence){ .n_builders = 2 };
	set_text(&e->evidence[0].type, PROVENANCE);
	need((e->evidence[0].builders = gf_alloc(2, sizeof *e->evidence[0].builders, &err)) != NULL);
	for (size_t i = 0; i < 2; i++)
		e->evidence[0].builders[i] = strdup(theirs[i]);
	e->n_evidence = 1;
	s = install(p);
	bundle(&what, NULL);
	judge(judge_for(s, "test"), &o);
	image = o.m->images[0].digest;
	done(&o);
	for (size_t i = 0; i < 2; i++) {
		built_by(&image, theirs[i], &given);
		evidence_says(s, &given, 1, true, PROVENANCE ": 1 image");
	}
	built_by(&image, "https://ci.example/three", &given);
	evidence_says(s, &given, 1, false, "1 of another builder; the builder was https://ci.example/three;");
	statement_of(PROVENANCE, &image, &given);
	evidence_says(s, &given, 1, false, "1 of another builder; the builder was nobody;");
	gf_state_close(s);
}

/* Who could have released it does not approve it. */
static void test_separation(void **state)
{
	spec what = shop(1);
	made m;

	(void)state;
	bundle(&what, &m);
	for (int apart = 0; apart < 2; apart++) {
		gf_policy *p = base_policy();
		gf_approval a = word(&m, &what, GF_APPROVE);
		gf_state *s;

		add_person(p, "approver:prod", "erin");
		add_person(p, "release", "carol"); /* who did not sign this one */
		environment_of(p, "shop", "prod")->separate = apart;
		s = install(p);
		say(&a, "carol");
		say(&a, "dave");
		expect("carol releases", judge_for(s, "prod"), apart ? "approvals" : NULL, GF_CHECK_APPROVALS,
		    apart ? GF_CHECK_FAILED : GF_CHECK_PASSED);
		say(&a, "erin");
		expect("two others", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
		a.decision = GF_REJECT;
		a.created++;
		say(&a, "carol");
		refused("but her rejection counts", judge_for(s, "prod"), "rejected", GF_CHECK_APPROVALS);
		forget();
		gf_state_close(s);
	}
	gf_buf_clear(&m.statement);
}

static void test_after(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1), other = shop(2);
	gf_error err = { 0 };
	gf_policy_environment *prod = environment_of(p, "shop", "prod");
	static char test[] = "test", prod_name[] = "prod", passed[] = "passed", lifted[] = "lifted";
	made m, n;

	(void)state;
	free(prod->approvers);
	prod->approvers = NULL;
	need(gf_grow(&prod->after, &prod->after_room, prod->n_after, sizeof *prod->after, &err));
	prod->after[prod->n_after++] = strdup("test");
	s = install(p);
	bundle(&other, &n);
	bundle(&what, &m);
	refused("test comes first", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	accept_here(s, "test", &m, &what, "loaded");
	refused("loaded and not complete", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&m.manifest, test, false, passed, "lab");
	refused("a receipt that is not complete", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&m.manifest, prod_name, true, passed, "lab");
	refused("a receipt of another environment", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&n.manifest, test, true, passed, "lab");
	refused("a receipt of another bundle", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&m.manifest, test, true, lifted, "lab");
	refused("a receipt of an unsigned bundle", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&m.manifest, test, true, passed, "carol");
	refused("a receipt by somebody without the role", judge_for(s, "prod"), "after", GF_CHECK_AFTER);
	put_receipt(&m.manifest, test, true, passed, "lab");
	expect("a receipt", judge_for(s, "prod"), NULL, GF_CHECK_AFTER, GF_CHECK_PASSED);
	forget();
	accept_here(s, "test", &m, &what, "complete");
	expect("complete in the log", judge_for(s, "prod"), NULL, GF_CHECK_AFTER, GF_CHECK_PASSED);
	says("complete in the log", judge_for(s, "prod"), GF_CHECK_AFTER, "loaded whole in test before");
	gf_buf_clear(&m.statement);
	gf_buf_clear(&n.statement);
	gf_state_close(s);
}

/* Under the lock it is looked at again (W3). */
static void test_again(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1), newer = shop(2);
	gf_record trust = { .type = "trust", .trust_version = 2, .created = gf_now() };
	gf_error err = { 0 };
	gf_judge j = judge_for(s, "test");
	outcome o;
	made n;

	(void)state;
	bundle(&newer, &n);
	bundle(&what, NULL);
	judge(j, &o);
	assert_true(o.ok);
	j.trust = o.trust;
	need(gf_accept_again(&j, o.m, &o.v, &err));
	assert_int_equal(o.v.checks[GF_CHECK_ENVIRONMENT].result, GF_CHECK_PASSED);
	accept_here(s, "test", &n, &newer, NULL);
	assert_false(gf_accept_again(&j, o.m, &o.v, &err));
	assert_string_equal(err.name, "floor");
	trust.statement = &n.manifest;
	need(gf_state_lock(s, &err) && gf_state_append(s, &trust, 1, &err));
	gf_state_unlock(s);
	assert_false(gf_accept_again(&j, o.m, &o.v, &err));
	assert_string_equal(err.name, "trust-changed");
	done(&o);
	gf_buf_clear(&n.statement);
	gf_state_close(s);
}

static void test_words(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);
	gf_judge j;
	outcome o;

	(void)state;
	set_threshold(p, "approver:prod", 1);
	s = install(p);
	j = judge_for(s, "test");
	bundle(&what, NULL);
	says("one image", j, GF_CHECK_MANIFEST, "1 image, ");
	says("the version", j, GF_CHECK_TRUST, "version 1, until 20");
	j.environment = NULL;
	says("none named", j, GF_CHECK_ENVIRONMENT, "no environment was named");
	says("none named", j, GF_CHECK_AFTER, "no environment was named");
	says("none named", j, GF_CHECK_APPROVALS, "no environment was named");
	j.environment = "test";
	says("none asked for", j, GF_CHECK_APPROVALS, "the trust file asks for none here");
	says("none before", j, GF_CHECK_AFTER, "names no environment that comes before");
	says("no jump", j, GF_CHECK_MAX_JUMP, "the trust file sets no maxJump");
	says("no age", j, GF_CHECK_MAX_AGE, "the trust file sets no maxAge");
	says("no version", j, GF_CHECK_TRUST_VERSION, "the bundle names none");
	j.environment = "prod";
	says("who may", j, GF_CHECK_APPROVALS, "by 1 of approver:prod; there are 0; still possible: carol, dave (");
	j.advisory = true;
	j.site = SITE;
	says("advice", j, GF_CHECK_APPROVALS, "there are 0");
	what.keys[0] = "cj";
	what.keys[1] = "root";
	bundle(&what, NULL);
	says("who signed", judge_for(s, "test"), GF_CHECK_STREAM,
	    "asks for signatures by 1 of role 'release', and 0 of the signers (");
	judge(judge_for(s, "test"), &o); /* in the order of the files, which is that of the key ids */
	assert_true(strstr(o.v.checks[GF_CHECK_STREAM].detail, "(cj, root) have it") != NULL ||
	    strstr(o.v.checks[GF_CHECK_STREAM].detail, "(root, cj) have it") != NULL);
	done(&o);
	gf_state_close(s);
}

/* Named keys leave the trust file aside, and the verdict says so. */
static void test_signature_only(void **state)
{
	static const char *const keys[] = { "ci.pub" };
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_error err = { 0 };
	gf_judge j = judge_for(s, NULL);
	gf_verdict v;
	gf_manifest *m;
	gf_reader *r;
	gf_trust *t;

	(void)state;
	bundle(&what, NULL);
	for (int i = 0; i < 2; i++) {
		gf_verdict_init(&v);
		need((t = gf_trust_for(j.state, keys, 1, NULL, GF_TRUST_VERIFY, &err)) != NULL);
		need((r = gf_reader_open("b.tar", &err)) != NULL);
		j.trust = t;
		need(gf_accept(r, &j, &v, &m, &err));
		assert_int_equal(
		    v.checks[GF_CHECK_TRUST].result, j.state != NULL ? GF_CHECK_PASSED : GF_CHECK_NOT_REQUIRED);
		assert_true((strstr(v.checks[GF_CHECK_TRUST].detail, "signature only") != NULL) == (j.state != NULL));
		assert_non_null(strstr(v.checks[GF_CHECK_STREAM].detail, "1 key is trusted for every stream"));
		assert_string_equal(v.checks[GF_CHECK_ENVIRONMENT].detail, "no trust file is installed");
		gf_reader_close(r);
		gf_manifest_free(m);
		gf_verdict_clear(&v);
		gf_trust_free(t);
		j.state = NULL;
	}
	gf_state_close(s);
}

/* inspect --unverified goes on under a trust file that has expired. */
static void test_unverified(void **state)
{
	gf_policy *p = base_policy();
	gf_state *s;
	spec what = shop(1);
	gf_judge j;

	(void)state;
	p->created = gf_now() - 10 * DAY;
	p->expires = gf_now() - DAY;
	s = install(p);
	bundle(&what, NULL);
	j = judge_for(s, NULL);
	j.skip_signatures = true;
	expect("shown all the same", j, NULL, GF_CHECK_TRUST, GF_CHECK_FAILED);
	gf_state_close(s);
}

/* A newer version beside the bundle is in force before it is installed. */
static void test_newer_trust(void **state)
{
	gf_policy *p = base_policy(), *next = base_policy();
	gf_error err = { 0 };
	gf_state *s;
	spec what = shop(1);
	gf_buf bytes;
	size_t gone;

	(void)state;
	next->version = 2;
	need(gf_policy_revoke(next, "ci", &gone, &err));
	add_person(next, "release", "mallory");
	s = install(p);
	bundle(&what, NULL);
	expect("the old one", judge_for(s, "test"), NULL, GF_CHECK_TRUST, GF_CHECK_PASSED);
	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_policy_print(next, &bytes, &err));
	put_signed("trust", &bytes, "root", NULL);
	refused("ci is revoked", judge_for(s, "test"), "signature", GF_CHECK_SIGNATURE);
	says("it came along", judge_for(s, "test"), GF_CHECK_TRUST, "version 2, until");
	says("it came along", judge_for(s, "test"), GF_CHECK_TRUST, "it came with this bundle");
	what.keys[0] = "mallory";
	bundle(&what, NULL);
	expect("the new releaser", judge_for(s, "test"), NULL, GF_CHECK_STREAM, GF_CHECK_PASSED);
	gf_policy_free(next);
	forget();
	refused("and not without it", judge_for(s, "test"), "signature", GF_CHECK_SIGNATURE);
	gf_state_close(s);
}

/* 256 companions of noise change nothing. */
static void test_noise(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_approval a;
	made m;

	(void)state;
	bundle(&what, &m);
	a = word(&m, &what, GF_APPROVE);
	say(&a, "carol");
	say(&a, "dave");
	for (int i = 0; i < 256; i++) {
		char name[80];

		(void)snprintf(name, sizeof name,
		    i % 2 == 0 ? "approval-%016x.json" : "approval-%016x.json.0123456789abcdef.sig", (unsigned)(i / 2));
		companions[n_companions].name = strdup(name);
		gf_buf_init(&companions[n_companions].bytes, GF_COMPANION_MAX);
		add_bytes(&companions[n_companions].bytes, i % 4 == 0 ? "{\"_type\":" : "\xff\x00noise", 7);
		n_companions++;
	}
	expect("noise", judge_for(s, "prod"), NULL, GF_CHECK_APPROVALS, GF_CHECK_PASSED);
	end(s, &m);
}

/* approve and permit are decided by less, and show the rest. */
static void test_advisory(void **state)
{
	gf_state *s = install(base_policy());
	spec what = shop(1);
	gf_judge j = judge_for(s, "prod");

	(void)state;
	j.advisory = true;
	j.site = SITE;
	bundle(&what, NULL);
	expect("no approval yet", j, NULL, GF_CHECK_APPROVALS, GF_CHECK_FAILED);
	what.audience[0] = "b";
	bundle(&what, NULL);
	refused("another site", j, "audience", GF_CHECK_AUDIENCE);
	says("another site", j, GF_CHECK_AUDIENCE, "the bundle is for b; this site is 'a'");
	j.site = "b";
	expect("the site that was named", j, NULL, GF_CHECK_AUDIENCE, GF_CHECK_PASSED);
	what = (spec){ .stream = "shop", .epoch = 1, .sequence = 1, .keys = { "mallory" } };
	bundle(&what, NULL);
	refused("a stranger", j, "signature", GF_CHECK_SIGNATURE);
	gf_state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_release), cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_distinct_holders), cmocka_unit_test(test_key_times),
		cmocka_unit_test(test_unsigned), cmocka_unit_test(test_trust_version),
		cmocka_unit_test(test_expired_trust), cmocka_unit_test(test_clock), cmocka_unit_test(test_max_age),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_permits), cmocka_unit_test(test_permit_by_root),
		cmocka_unit_test(test_permits_together), cmocka_unit_test(test_approvals),
		cmocka_unit_test(test_faulty_approvals), cmocka_unit_test(test_rejections),
		cmocka_unit_test(test_rejection_is_kept), cmocka_unit_test(test_statements_are_kept),
		cmocka_unit_test(test_receipt_is_kept), cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_evidence_targets), cmocka_unit_test(test_evidence_builders),
		cmocka_unit_test(test_evidence_inside), cmocka_unit_test(test_separation), cmocka_unit_test(test_after),
		cmocka_unit_test(test_again), cmocka_unit_test(test_noise), cmocka_unit_test(test_words),
		cmocka_unit_test(test_signature_only), cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_newer_trust), cmocka_unit_test(test_advisory) };

	return cmocka_run_group_tests(tests, setup, leave);
}
