/* Judging, the walk, the log and what is asked of it, when an allocation or a call to the system or to a library fails: an
 * error that says so, or what a run without faults gives; and what is on the disk then is opened, and audited, again. */
#include "policies.h"
#include "tests/unit/failing.h"
#include "verify/checkpoint.h"
#include "verify/dsse.h"
#include "verify/log.h"

#define DAY ((gf_time)86400)

static char A[] = "a", PROD[] = "prod", SHOP[] = "shop", TARGET[] = "docker://registry.example",
	    NAME[] = "registry.example/app:1", PASSED[] = "passed", CHECK[] = "signature";
static char *only_a[] = { A };

static made bundle;          /* b.tar: shop 7, signed by ci, with evidence */
static signed_file one, two; /* trust files; two follows one */
static gf_digest digest_one;
static gf_member companions[16];
static size_t n_companions;
static gf_buf approval_text, receipt_text;
static gf_receipt receipt; /* what receipt_text says */
static gf_pubkey *site, *other;

/* ---- the state that all begin with: directory "first" ---- */

static bool copy_one(void *ctx, const char *name, gf_error *err);

/* What is in from, into the new directory to. */
static void copy_tree(const char *from, const char *to)
{
	gf_error err = { 0 };
	const char *const both[] = { from, to };
	int fd = open(from, O_RDONLY | O_DIRECTORY);

	assert_int_equal(mkdir(to, 0700), 0);
	need(gf_dir_each(fd, from, copy_one, (void *)(uintptr_t)both, &err));
	assert_int_equal(close(fd), 0);
}

static bool copy_one(void *ctx, const char *name, gf_error *err)
{
	const char *const *both = ctx;
	char from[512], to[512];
	struct stat st;
	gf_buf bytes;
	int fd;

	(void)snprintf(from, sizeof from, "%s/%s", both[0], name);
	(void)snprintf(to, sizeof to, "%s/%s", both[1], name);
	assert_int_equal(stat(from, &st), 0);
	if (S_ISDIR(st.st_mode)) {
		copy_tree(from, to);
		return true;
	}
	gf_buf_init(&bytes, GF_MIB);
	assert_true(gf_file_load(from, GF_MIB, GF_FAILED, &bytes, err));
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(write(fd, gf_buf_text(&bytes), bytes.len) == (ssize_t)bytes.len);
	assert_int_equal(close(fd), 0);
	gf_buf_clear(&bytes);
	return true;
}

static void remove_tree(const char *path)
{
	gf_error err = { 0 };

	need(gf_dir_remove(path, &err));
}

/* Whatever happened, the state is whole: it opens, and its log fits its checkpoint and its cache. */
static void whole_state(const char *path)
{
	gf_audit_options o = { .key = NULL };
	gf_error err = { 0 };
	gf_audit audit;
	gf_state *s;

	need((s = gf_state_open(path, false, &err)) != NULL);
	need(gf_audit_run(s, &o, &audit, &err));
	gf_state_close(s);
	need((s = gf_state_open(path, true, &err)) != NULL);
	need(gf_state_lock(s, &err));
	gf_state_unlock(s);
	gf_state_close(s);
}

/* ---- texts ---- */

static bool policy_text(void *ctx, gf_error *err)
{
	gf_policy *p = gf_policy_parse(one.all[0].bytes.data, one.all[0].bytes.len, "trust.json", err);
	gf_buf out;
	bool ok;

	(void)ctx;
	gf_buf_init(&out, GF_COMPANION_MAX);
	ok = p != NULL && gf_policy_check(p, err) && gf_policy_print(p, &out, err);
	faults_end();
	if (ok)
		assert_string_equal(out.data, one.all[0].bytes.data);
	gf_buf_clear(&out);
	gf_policy_free(p);
	return ok;
}

/* The first, then the one that follows it. */
static bool policy_chain(void *ctx, gf_error *err)
{
	gf_policy *p = gf_policy_first(&digest_one, &one.all[0], one.all + 1, one.n - 1, err);
	gf_policy *next = p != NULL ? gf_policy_next(p, &two.all[0], two.all + 1, two.n - 1, err) : NULL;
	bool ok = next != NULL;

	(void)ctx;
	faults_end();
	if (ok)
		assert_int_equal(next->version, 2);
	gf_policy_free(p);
	gf_policy_free(next);
	return ok;
}

static bool policy_edit(void *ctx, gf_error *err)
{
	gf_policy *p = gf_policy_parse(one.all[0].bytes.data, one.all[0].bytes.len, "trust.json", err);
	gf_policy_stream *s = p != NULL ? gf_policy_stream_get(p, "other", err) : NULL;
	size_t n = 0;
	bool ok = s != NULL && gf_policy_environment_get(s, "test", err) != NULL &&
	    gf_policy_add_key(p, "extra", "lab", other, err) && gf_policy_remove_holder(p, "permit", "op", err) &&
	    gf_policy_remove_environment(gf_policy_stream_get(p, "other", err), "test", err) &&
	    gf_policy_remove_stream(p, "other", err) && gf_policy_revoke(p, "lab", &n, err);

	(void)ctx;
	faults_end();
	if (ok) {
		assert_int_equal(n, 1);
		assert_null(gf_policy_stream_find(p, "other"));
		assert_null(gf_policy_role_find(p, "permit"));
	}
	gf_policy_free(p);
	return ok;
}

static bool approval_job(void *ctx, gf_error *err)
{
	gf_approval a = { 0 };
	gf_buf out;
	bool ok;

	(void)ctx;
	gf_buf_init(&out, GF_COMPANION_MAX);
	ok = gf_approval_parse(approval_text.data, approval_text.len, "a", &a, err) && gf_approval_print(&a, &out, err);
	faults_end();
	if (ok)
		assert_string_equal(out.data, approval_text.data);
	gf_buf_clear(&out);
	gf_approval_clear(&a);
	return ok;
}

static bool receipt_job(void *ctx, gf_error *err)
{
	gf_digest digest = { { 1 } };
	gf_receipt r = { .complete = false };
	gf_buf out, summary;
	bool ok;

	(void)ctx;
	gf_buf_init(&out, GF_COMPANION_MAX);
	gf_buf_init(&summary, GF_COMPANION_MAX);
	ok = gf_receipt_parse(receipt_text.data, receipt_text.len, "r", &r, err) && gf_receipt_print(&r, &out, err) &&
	    gf_receipt_summary(&r, &digest, &summary, err);
	faults_end();
	if (ok) {
		assert_string_equal(out.data, receipt_text.data);
		assert_non_null(strstr(summary.data, "verification_summary"));
	}
	gf_buf_clear(&summary);
	gf_buf_clear(&out);
	gf_receipt_clear(&r);
	return ok;
}

/* An envelope, its payload a Statement. */
static bool envelope_job(void *ctx, gf_error *err)
{
	const gf_buf *text = ctx;
	gf_json_doc *doc = gf_json_parse(text->data, text->len, GF_MIB, GF_DAMAGED, "e", err), *inner = NULL;
	gf_attestation a = { .type = NULL };
	gf_envelope e = { .payload_type = NULL };
	bool is = false;
	bool ok = doc != NULL && gf_envelope_open(gf_json_root(doc), &is, &e, err);

	if (ok)
		inner = gf_json_parse(e.payload.data, e.payload.len, GF_MIB, GF_DAMAGED, "p", err);
	ok = inner != NULL && gf_attestation_read(gf_json_root(inner), &a, err);
	faults_end();
	if (ok) {
		assert_true(is && gf_envelope_is_statement(&e));
		assert_int_equal(e.n_signatures, 1);
		assert_int_equal(a.n_subjects, 1);
		assert_string_equal(a.builder, "https://ci.example/builder");
	}
	gf_attestation_clear(&a);
	gf_json_free(inner);
	if (doc != NULL)
		gf_envelope_close(&e);
	gf_json_free(doc);
	return ok;
}

static void test_texts(void **state)
{
	gf_buf envelope, statement;
	gf_error err = { 0 };

	(void)state;
	gf_buf_init(&envelope, GF_MIB);
	gf_buf_init(&statement, GF_MIB);
	need(gf_buf_printf(&statement, &err,
	    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"x\",\"digest\":{\"sha256\":"
	    "\"%064d\"}}],\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{\"runDetails\":"
	    "{\"builder\":{\"id\":\"https://ci.example/builder\"}}}}",
	    1));
	need(gf_buf_puts(&envelope, "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"", &err) &&
	    gf_base64_encode(&envelope, statement.data, statement.len, &err) &&
	    gf_buf_puts(&envelope, "\",\"signatures\":[{\"keyid\":\"k\",\"sig\":\"c2ln\"}]}", &err));
	fail_all(envelope_job, &envelope);
	gf_buf_clear(&statement);
	gf_buf_clear(&envelope);
	fail_all(policy_text, NULL);
	fail_all(policy_chain, NULL);
	fail_all(policy_edit, NULL);
	fail_all(approval_job, NULL);
	fail_all(receipt_job, NULL);
}

/* ---- the state, read ---- */

static bool count_line(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	uint64_t *last = ctx;

	(void)line;
	(void)n;
	(void)err;
	*last = number;
	return true;
}

static bool count_load(void *ctx, const char *name, const gf_manifest *m, gf_error *err)
{
	size_t *n = ctx;

	(void)err;
	assert_string_equal(name, NAME);
	assert_int_equal(m->sequence, 7);
	++*n;
	return true;
}

static bool ask(void *ctx, gf_error *err)
{
	gf_state *s = gf_state_open("first", false, err);
	gf_audit_options o = { .key = NULL };
	gf_floor floor = { .present = false };
	gf_member *said = NULL;
	gf_audit audit;
	gf_buf proof, growth;
	gf_checkpoint then = { .size = 1 };
	uint64_t lines = 0;
	bool done = false, ok;
	size_t n = 0;

	(void)ctx;
	gf_buf_init(&proof, GF_MIB);
	gf_buf_init(&growth, GF_MIB);
	ok = s != NULL && gf_state_lines(s, count_line, &lines, err) && gf_audit_run(s, &o, &audit, err) &&
	    gf_audit_prove(s, site, 2, &proof, err) && gf_audit_growth(s, site, &then, false, 0, &growth, err) &&
	    gf_state_floor(s, SHOP, PROD, &floor, err) && gf_state_complete(s, PROD, &bundle.manifest, &done, err) &&
	    gf_state_statements(s, &bundle.manifest, &said, &n, err);
	faults_end();
	if (ok) {
		assert_int_equal(lines, audit.now.size);
		assert_int_equal(audit.checkpoint.size, audit.now.size);
		assert_true(floor.present && floor.sequence == 7 && done);
		assert_int_equal(n, 6); /* two approvals and the receipt, each with its signature */
		assert_non_null(strstr(proof.data, "gapferry/a"));
		assert_non_null(strstr(growth.data, "old 1\n"));
	}
	gf_members_free(said, n);
	gf_buf_clear(&growth);
	gf_buf_clear(&proof);
	gf_state_close(s);
	return ok;
}

static size_t most_loads;

static bool trace_job(void *ctx, gf_error *err)
{
	gf_state *s = gf_state_open("first", false, err);
	gf_trust *t = s != NULL ? gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, err) : NULL;
	gf_trace_trust believe = { .keys = t, .site = site };
	gf_trace trace = { .lines = 0 };
	gf_digest digest = { { 0 } };
	bool found = false, ok;
	size_t loads = 0;

	(void)ctx;
	ok = t != NULL && gf_trace_name(s, NAME, &found, &digest, err) &&
	    gf_trace_find(s, &believe, &bundle.manifest, &trace, err) &&
	    gf_trace_loads(s, TARGET, count_load, &loads, err);
	faults_end();
	if (ok) {
		assert_true(found);
		assert_true(loads <= 1); /* a guess: what it is not told is passed over */
		most_loads = loads > most_loads ? loads : most_loads;
		/* A record that cannot be read is shown as such. */
		assert_int_equal(trace.n_bundles + trace.n_faults, 1);
	}
	if (ok && trace.n_faults == 0) {
		assert_true(trace.bundles[0].vouched);
		assert_int_equal(trace.bundles[0].n_receipts, 1);
		assert_int_equal(trace.bundles[0].n_loads, 1);
	}
	gf_trace_clear(&trace);
	gf_trust_free(t);
	gf_state_close(s);
	return ok;
}

static void test_ask(void **state)
{
	(void)state;
	fail_all(ask, NULL);
	fail_all(trace_job, NULL);
	assert_int_equal(most_loads, 1);
}

/* ---- judging, and every byte ---- */

static bool judge_all(gf_state *s, unsigned jobs, gf_verdict *v, bool keep, gf_error *err)
{
	gf_judge j = { .state = s, .environment = PROD, .companions = companions, .n_companions = n_companions };
	gf_reader *r = gf_reader_open("b.tar", err);
	gf_manifest *m = NULL;
	bool ok;

	j.trust = r != NULL ? gf_trust_for(s, NULL, 0, NULL, GF_TRUST_UNPACK, err) : NULL;
	ok = j.trust != NULL && gf_accept(r, &j, v, &m, err);
	if (ok) {
		gf_walk w = { .reader = r, .manifest = m, .jobs = jobs, .deep = true };

		ok = gf_walk_run(&w, v, err);
	}
	if (ok && keep)
		ok = gf_state_lock(s, err) && gf_accept_again(&j, m, v, err) && gf_accept_keep(r, &j, v, err) &&
		    gf_rejections_keep(&j, err);
	gf_reader_close(r);
	gf_manifest_free(m);
	if (ok)
		v->policy = NULL;
	gf_trust_free(j.trust);
	return ok;
}

static bool judge_job(void *ctx, gf_error *err)
{
	const unsigned *jobs = ctx;
	gf_state *s = gf_state_open("first", false, err);
	gf_verdict v;
	bool ok;

	gf_verdict_init(&v);
	ok = s != NULL && judge_all(s, *jobs, &v, false, err);
	faults_end();
	if (ok) {
		assert_true(gf_verdict_good(&v));
		assert_int_equal(v.n_approvals, 2);
		assert_int_equal(v.blobs_read, bundle.n_blobs);
	}
	gf_verdict_clear(&v);
	gf_state_close(s);
	return ok;
}

static void test_judge(void **state)
{
	unsigned jobs = 1;

	(void)state;
	fail_all(judge_job, &jobs);
	jobs = 4;
	fail_all(judge_job, &jobs);
}

/* ---- the state, written ---- */

/* As unpack does: judge, keep, the lines, the receipt, the checkpoint. */
static bool write_job(void *ctx, gf_error *err)
{
	gf_member file = { .name = NULL }, signature = { .name = NULL };
	gf_record lines[] = { { .type = "accepted" }, { .type = "loaded", .target = TARGET, .name = NAME },
		{ .type = "complete" } };
	gf_signer *key = NULL;
	gf_checkpoint now;
	gf_state *s;
	gf_verdict v;
	bool ok;

	gf_verdict_init(&v);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		lines[i].stream = SHOP;
		lines[i].environment = PROD;
		lines[i].epoch = 1;
		lines[i].sequence = 7;
		lines[i].manifest = lines[i].digest = &bundle.manifest;
	}
	s = gf_state_open("now", true, err);
	ok = s != NULL && judge_all(s, 1, &v, true, err) && gf_state_append(s, lines, 3, err) &&
	    gf_state_now(s, &now, err) && (key = gf_state_site_key(s, NULL, err)) != NULL &&
	    gf_receipt_keep(s, &receipt, key, &file, &signature, err) && gf_state_checkpoint(s, key, err);
	if (s != NULL)
		gf_state_unlock(s);
	faults_end();
	if (ok)
		assert_non_null(strstr(file.bytes.data, "urn:gapferry:receipt:v1"));
	gf_verdict_clear(&v);
	free(file.name);
	free(signature.name);
	gf_buf_clear(&file.bytes);
	gf_buf_clear(&signature.bytes);
	gf_signer_free(key);
	gf_state_close(s);
	whole_state("now");
	if (ctx == NULL) {
		remove_tree("now");
		copy_tree("installed", "now");
	}
	return ok;
}

static uint64_t newest;

/* A new site: its name, its trust files, one after the other, and a floor from a receipt. */
static bool begin_job(void *ctx, gf_error *err)
{
	gf_digest file = { { 9 } }, found;
	gf_state *s = gf_state_open("new", true, err);
	gf_trust *t = NULL;
	gf_signer *key = NULL;
	gf_checkpoint now;
	bool raised = false;
	bool ok = s != NULL && gf_state_set_site(s, A, err) &&
	    (t = gf_trust_begin(&digest_one, &one.all[0], one.all + 1, one.n - 1, err)) != NULL &&
	    gf_state_lock(s, err) && gf_trust_install(t, s, err) && gf_trust_extend(t, two.all, two.n, err) &&
	    gf_trust_install(t, s, err) && gf_receipt_restore(s, &receipt, &file, &raised, err) &&
	    (key = gf_state_site_key(s, NULL, err)) != NULL && gf_state_checkpoint(s, key, err) &&
	    gf_state_now(s, &now, err);

	(void)ctx;
	if (s != NULL)
		gf_state_unlock(s);
	faults_end();
	if (ok) {
		assert_true(raised);
		/* What does not follow changes nothing, and what cannot be looked at does not follow. */
		assert_in_range(gf_state_trust(s, &found), 1, 2);
		newest = gf_state_trust(s, &found) > newest ? gf_state_trust(s, &found) : newest;
		assert_string_equal(now.origin, "gapferry/a");
	}
	gf_signer_free(key);
	gf_trust_free(t);
	if (s != NULL) {
		gf_state_close(s);
		whole_state("new");
	}
	remove_tree("new");
	return ok;
}

/* "installed", with a line that was torn. */
static void tear(const char *path)
{
	char log[128];
	FILE *f;

	copy_tree("installed", path);
	(void)snprintf(log, sizeof log, "%s/audit.jsonl", path);
	assert_non_null(f = fopen(log, "a"));
	assert_int_equal(fputs("{\"time\":\"2026-11-", f) >= 0 ? fclose(f) : EOF, 0);
}

/* Who takes the lock cuts it off; when that fails it is for the next one. */
static bool mend_job(void *ctx, gf_error *err)
{
	gf_state *s = gf_state_open(ctx, true, err);
	bool ok = s != NULL && gf_state_lock(s, err);

	if (s != NULL)
		gf_state_unlock(s);
	faults_end();
	gf_state_close(s);
	whole_state(ctx);
	/* The line says it once; or it could not be written. */
	assert_int_equal(sh("test \"$(tail -c 1 torn/audit.jsonl)\" = ''"), 0);
	assert_int_equal(sh(ok ? "test $(grep -c '\"recovered\"' torn/audit.jsonl) = 1"
			       : "test $(grep -c '\"recovered\"' torn/audit.jsonl) -le 1"),
	    0);
	remove_tree(ctx);
	tear(ctx);
	return ok;
}

static void test_mend(void **state)
{
	static char torn[] = "torn";

	(void)state;
	tear(torn);
	fail_all(mend_job, torn);
}

static void test_write(void **state)
{
	(void)state;
	copy_tree("installed", "now");
	fail_all(write_job, NULL);
	fail_all(begin_job, NULL);
	assert_int_equal(newest, 2);
}

/* ---- the world ---- */

static void say(gf_decision decision, const char *by)
{
	gf_approval a = { .decision = decision,
		.manifest = bundle.manifest,
		.sites = only_a,
		.n_sites = 1,
		.environment = PROD,
		.stream = SHOP,
		.epoch = 1,
		.sequence = 7,
		.created = gf_now() - 60,
		.expires = gf_now() + DAY,
		.reason = (char *)(uintptr_t)by };
	gf_error err = { 0 };
	char name[64];
	gf_buf text;

	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_approval_print(&a, &text, &err));
	need(gf_companion_name(decision == GF_PERMIT ? "permit" : "approval", &text, name, &err));
	sign_as(by, name, &text, &companions[n_companions++]);
	need((companions[n_companions].name = gf_strdup(name, &err)) != NULL);
	if (approval_text.data == NULL) {
		gf_buf_init(&approval_text, GF_COMPANION_MAX);
		need(gf_buf_add(&approval_text, text.data, text.len, &err));
	}
	companions[n_companions++].bytes = text;
}

static void make_receipt(void)
{
	static struct gf_receipt_check checks[] = { { CHECK, PASSED } };
	static struct gf_receipt_name names[] = { { NAME, NULL } };
	static gf_receipt_image images[1];
	static gf_digest signers[1];
	gf_error err = { 0 };

	images[0] = (gf_receipt_image){ .digest = bundle.manifest, .target = TARGET, .names = names, .n_names = 1 };
	signers[0] = (gf_digest){ { 3 } };
	receipt = (gf_receipt){ .manifest = bundle.manifest,
		.site = A,
		.environment = PROD,
		.stream = SHOP,
		.epoch = 1,
		.sequence = 7,
		.complete = true,
		.checks = checks,
		.n_checks = 1,
		.trust_version = 1,
		.trust = digest_one,
		.signers = signers,
		.n_signers = 1,
		.images = images,
		.n_images = 1,
		.log_size = 4,
		.log_root = { { 5 } },
		.created = gf_now() };
	gf_buf_init(&receipt_text, GF_COMPANION_MAX);
	need(gf_receipt_print(&receipt, &receipt_text, &err));
}

static void unrule(gf_policy_environment *e)
{
	gf_policy_environment copy = {
		.evidence = e->evidence, .n_evidence = e->n_evidence, .after = e->after, .n_after = e->n_after
	};

	gf_policy_environment_clear(&copy);
	e->evidence = NULL;
	e->after = NULL;
	e->n_evidence = e->evidence_room = e->n_after = e->after_room = 0;
}

/* "installed": site a, with its trust file; "first": and the bundle loaded there. */
static int make_world(void **state)
{
	spec what = { .stream = SHOP,
		.epoch = 1,
		.sequence = 7,
		.packing = GF_PACKING_GZIP,
		.evidence = true,
		.keys = { "ci" } };
	gf_policy *p;
	gf_error err = { 0 };
	gf_state *s;
	gf_trust *t;

	gf_json_watch_memory();
	if (make_people(state) != 0)
		return -1;
	need((site = gf_pubkey_load("site.pub", &err)) != NULL && (other = gf_pubkey_load("frank.pub", &err)) != NULL);
	make_bundle("b.tar", &what, &bundle);
	for (uint64_t version = 1; version <= 2; version++) {
		p = whole(version);
		/* The bundle's evidence is none, and nothing was loaded in test. */
		for (size_t i = 0; i < p->streams[0].n_environments; i++)
			unrule(&p->streams[0].environments[i]);
		*(version == 1 ? &one : &two) = file_of(p, "alice bob");
	}
	digest_one = file_digest(&one);
	say(GF_APPROVE, "carol");
	say(GF_APPROVE, "dave");
	say(GF_REJECT, "erin");
	make_receipt();
	need((s = gf_state_open("installed", true, &err)) != NULL && gf_state_set_site(s, A, &err));
	need((t = gf_trust_begin(&digest_one, &one.all[0], one.all + 1, one.n - 1, &err)) != NULL);
	need(gf_state_lock(s, &err) && gf_trust_install(t, s, &err));
	gf_state_unlock(s);
	gf_trust_free(t);
	gf_state_close(s);
	assert_int_equal(sh("cp site.key installed/site.pem && cp site.pub installed/site.pub"), 0);
	copy_tree("installed", "now");
	need(write_job(&err, &err));
	assert_int_equal(rename("now", "first"), 0);
	return 0;
}

static int leave_world(void **state)
{
	for (size_t i = 0; i < n_companions; i++) {
		free(companions[i].name);
		gf_buf_clear(&companions[i].bytes);
	}
	file_clear(&one);
	file_clear(&two);
	gf_buf_clear(&approval_text);
	gf_buf_clear(&receipt_text);
	gf_buf_clear(&bundle.statement);
	gf_pubkey_free(site);
	gf_pubkey_free(other);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_texts), cmocka_unit_test(test_ask),
		cmocka_unit_test(test_judge), cmocka_unit_test(test_write), cmocka_unit_test(test_mend) };

	return cmocka_run_group_tests_name("verify/failing", tests, make_world, leave_world);
}
