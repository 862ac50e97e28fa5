/* From an image back to the bundles that brought it, and who vouches for them: what the log and records/ hold, in words. */
#include "policies.h"
#include "verify/records.h"

#define STATE "state"
#define BUNDLES 8

static const char *const people[] = { "alice", "bob", "carol", "dave", "erin", "frank", "ci", "op", "site" };
#define PEOPLE (sizeof people / sizeof *people)

static gf_pubkey *keys[PEOPLE];
static made bundles[BUNDLES];
static gf_digest trust[2], image, image_id, other_image, elsewhere = { { 0x77 } };

/* ---- what lies there ---- */

static void keep_bundle(size_t i, const spec *s)
{
	gf_error err = { 0 };
	gf_member signatures[4];
	size_t n = 0;

	spec fixed = *s;

	fixed.created = 1700000000;
	make_bundle("b.tar", &fixed, &bundles[i]);
	for (; s->keys[n] != NULL; n++)
		sign_by(s->keys[n], &bundles[i].statement, &signatures[n]);
	need(gf_records_keep(STATE, &bundles[i].manifest, &bundles[i].statement, signatures, n, &err));
	while (n-- > 0) {
		free(signatures[n].name);
		gf_buf_clear(&signatures[n].bytes);
	}
}

/* Beside the bundle, signed by these. */
static void keep_file(const gf_digest *of, const char *type, gf_buf *bytes, const char *by, const char *also)
{
	gf_member file = { .bytes = *bytes }, signatures[2];
	gf_error err = { 0 };
	char name[64];
	size_t n = 0;
	bool new;

	need(gf_companion_name(type, bytes, name, &err));
	file.name = name;
	if (by != NULL)
		sign_as(by, name, bytes, &signatures[n++]);
	if (also != NULL)
		sign_as(also, name, bytes, &signatures[n++]);
	need(gf_records_keep_statement(STATE, of, type, &file, signatures, n, &new, &err));
	while (n-- > 0) {
		free(signatures[n].name);
		gf_buf_clear(&signatures[n].bytes);
	}
	gf_buf_clear(bytes);
}

static char A[] = "a", PROD[] = "prod", TEST[] = "test", SHOP[] = "shop", WHY[] = "because";
static char *sites[] = { A };

static gf_approval word(size_t of, gf_decision decision, gf_time created)
{
	return (gf_approval){ .decision = decision,
		.manifest = bundles[of].manifest,
		.sites = sites,
		.n_sites = 1,
		.environment = PROD,
		.stream = SHOP,
		.epoch = 1,
		.sequence = 1,
		.created = created,
		.expires = decision == GF_PERMIT ? created + 60 : 0,
		.reason = decision == GF_APPROVE ? NULL : WHY,
		.waives = decision == GF_PERMIT ? GF_WAIVE_SEQUENCE : 0 };
}

/* The digest of the file. */
static gf_digest say(const gf_approval *a, const char *by, const char *also)
{
	gf_error err = { 0 };
	gf_digest d;
	gf_buf bytes;

	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_approval_print(a, &bytes, &err));
	hash_buf(&bytes, &d);
	keep_file(&bundles[0].manifest, a->decision == GF_PERMIT ? "permit" : "approval", &bytes, by, also);
	return d;
}

static void receive(size_t of, char *environment, gf_time created, const gf_digest *counted, const char *by)
{
	static char passed[] = "passed", signature[] = "signature", target[] = "oci:/x", name[] = "n:1",
		    carol[] = "carol";
	struct gf_receipt_check check = { signature, passed };
	struct gf_receipt_word counts = { .holder = carol };
	struct gf_receipt_name names = { name, NULL };
	gf_receipt_image at = { .digest = image, .target = target, .names = &names, .n_names = 1 };
	gf_receipt r = { .manifest = bundles[of].manifest,
		.site = A,
		.environment = environment,
		.complete = environment == TEST,
		.checks = &check,
		.n_checks = 1,
		.signers = &elsewhere,
		.n_signers = 1,
		.words = &counts,
		.n_words = counted != NULL ? 1 : 0,
		.images = &at,
		.n_images = 1,
		.log_size = 1,
		.created = created };
	gf_error err = { 0 };
	gf_buf bytes;

	if (counted != NULL)
		counts.file = *counted;
	gf_buf_init(&bytes, GF_COMPANION_MAX);
	need(gf_receipt_print(&r, &bytes, &err));
	keep_file(&bundles[0].manifest, "receipt", &bytes, by, NULL);
}

static void keep_trust(uint64_t version, uint64_t threshold)
{
	gf_policy *p = rooted(version, "alice", 1);
	gf_error err = { 0 };
	gf_policy_stream *s;
	signed_file f;

	p->created = 1;
	add_person(p, "release", "ci");
	add_person(p, "release", "bob");
	set_threshold(p, "release", threshold);
	add_holder(p, "approver:prod", "carol", "carol");
	add_holder(p, "approver:prod", "dave", "carol");
	add_person(p, "approver:prod", "frank");
	add_person(p, "permit", "op");
	add_person(p, "receipt:test", "erin");
	need((s = gf_policy_stream_get(p, "shop", &err)) != NULL);
	free(s->release);
	need((s->release = gf_strdup("release", &err)) != NULL);
	need(gf_policy_environment_get(s, "prod", &err) != NULL);
	f = file_of(p, "alice");
	trust[version - 1] = file_digest(&f);
	need(gf_records_keep_trust(STATE, version, &f.all[0], &f.all[1], f.n - 1, &err));
	file_clear(&f);
}

static void image_of(const made *b, gf_digest *digest, gf_digest *id)
{
	gf_error err = { 0 };
	gf_manifest *m;

	need((m = gf_manifest_parse(b->statement.data, b->statement.len, &err)) != NULL);
	*digest = m->images[0].digest;
	*id = m->images[0].platforms[0].image_id;
	gf_manifest_free(m);
}

/* One line, the text of which has for `D` the digest. */
static void put_line(FILE *log, const char *text, const gf_digest *manifest, const gf_digest *digest)
{
	char word[GF_DIGEST_SIZE];

	(void)fprintf(log, "{%s", text);
	if (manifest != NULL) {
		gf_digest_text(manifest, word);
		(void)fprintf(log, ",\"manifest\":\"%s\"", word);
	}
	if (digest != NULL) {
		gf_digest_text(digest, word);
		(void)fprintf(log, ",\"digest\":\"%s\"", word);
	}
	(void)fprintf(log, "}\n");
}

#define AT(second, type) "\"time\":\"2026-01-01T00:00:0" #second "Z\",\"type\":\"" type "\""
#define RUN(second, type, run, environment, target, name)                                                              \
	AT(second, type)                                                                                               \
	",\"run\":\"" run "\",\"environment\":\"" environment "\",\"site\":\"a\",\"target\":\"" target                 \
	"\",\"name\":\"" name "\""

static void put_trust(FILE *log, unsigned version)
{
	char word[GF_DIGEST_SIZE];

	gf_digest_text(&trust[version - 1], word);
	(void)fprintf(log, "{" AT(0, "trust") ",\"trustVersion\":%u,\"statement\":\"%s\"}\n", version, word);
}

static void put_log(void)
{
	FILE *log = fopen(STATE "/audit.jsonl", "w");

	assert_non_null(log);
	put_line(log, AT(0, "accepted"), &bundles[7].manifest, NULL); /* before any trust file */
	put_trust(log, 1);
	put_line(log, AT(1, "intent"), &bundles[4].manifest, NULL);
	put_line(log, AT(1, "accepted"), &bundles[0].manifest, NULL);
	put_line(log, RUN(2, "loaded", "r1", "prod", "oci:/x", "n:1"), &bundles[0].manifest, &image);
	put_line(log, RUN(2, "loaded", "r1", "prod", "oci:/xy", "n:2"), &bundles[0].manifest, &image_id);
	put_line(log, AT(2, "loaded"), NULL, &elsewhere);
	put_line(log, AT(3, "accepted"), &bundles[1].manifest, NULL);
	put_line(log, AT(3, "accepted"), &bundles[2].manifest, NULL);
	put_line(log, AT(3, "accepted") ",\"unsigned\":true", &bundles[3].manifest, NULL);
	put_line(log, AT(3, "accepted"), &bundles[4].manifest, NULL);
	put_line(log, RUN(4, "exported", "r2", "", "oci:/x/y", "n:1"), &bundles[0].manifest, &elsewhere);
	put_trust(log, 2);
	put_line(log, AT(5, "accepted"), &bundles[6].manifest, NULL);
	put_line(log, RUN(6, "loaded", "r3", "prod", "oci:/x/y", "n:1"), &bundles[5].manifest, &other_image);
	put_line(log, AT(7, "refused") ",\"name\":\"n:1\",\"target\":\"oci:/x\"", &bundles[1].manifest, &elsewhere);
	assert_int_equal(fclose(log), 0);
}

#define SIX_RECEIPTS                                                                                                   \
	"  receipt a test at 500 whole by this site's key\n"                                                           \
	"  receipt a test at 510 whole by this site's key\n"                                                           \
	"  receipt a test at 520 whole by this site's key\n"                                                           \
	"  receipt a test at 530 whole by this site's key\n"                                                           \
	"  receipt a test at 540 whole by this site's key\n"                                                           \
	"  receipt a test at 550 whole by this site's key\n"

static void put_words(void)
{
	gf_approval a = word(0, GF_REJECT, 300), b = word(0, GF_APPROVE, 200), c = word(0, GF_PERMIT, 100);
	gf_approval again = word(0, GF_APPROVE, 200), late = word(0, GF_APPROVE, 400), foreign = word(1, GF_APPROVE, 1);
	gf_digest counted, lifted;
	gf_error err = { 0 };
	gf_buf none;

	(void)say(&a, "frank", NULL);
	counted = say(&b, "carol", "dave"); /* two keys, one holder */
	lifted = say(&c, "op", NULL);
	again.environment = TEST;
	(void)say(&again, "carol", NULL);
	(void)say(&late, "carol", "frank");
	late.created++;
	(void)say(&late, "alice", "site"); /* the root's key is one of the trust file, the site's is none */
	late.created++;
	(void)say(&late, "site", NULL);
	late.created++;
	(void)say(&late, NULL, NULL);
	(void)say(&foreign, "carol", NULL);
	again = word(0, GF_REJECT, 200); /* the same holder and second as an approval */
	(void)say(&again, "carol", NULL);
	gf_buf_init(&none, 64);
	need(gf_buf_puts(&none, "{}", &err));
	keep_file(&bundles[0].manifest, "approval", &none, "carol", NULL);
	for (gf_time t = 500; t <= 550; t += 10) /* their names are digests: in order by chance alone */
		receive(0, TEST, t, NULL, "site");
	receive(0, PROD, 600, &counted, "site");
	receive(0, TEST, 450, &lifted, "erin"); /* a role's receipt makes nothing count here */
	receive(0, PROD, 460, &lifted, "erin"); /* of another role */
	receive(0, PROD, 470, &lifted, NULL);
	receive(1, TEST, 480, &lifted, "site");
}

static int prepare(void **state)
{
	static const spec specs[BUNDLES] = { { .stream = "shop", .epoch = 1, .sequence = 1, .keys = { "ci", "bob" } },
		{ .stream = "shop", .epoch = 1, .sequence = 2, .keys = { "ci" } },
		{ .stream = "other", .epoch = 1, .sequence = 3, .keys = { "ci" } }, { .sequence = 0 },
		{ .stream = "shop", .epoch = 1, .sequence = 5, .keys = { "site", "alice" } },
		{ .stream = "shop", .epoch = 1, .sequence = 6, .layers = 3, .keys = { "ci" } },
		{ .version = "6", .keys = { "bob" } },
		{ .stream = "shop", .epoch = 1, .sequence = 8, .keys = { "ci", "frank" } } };
	gf_error err = { 0 };

	if (make_people(state) != 0)
		return -1;
	for (size_t i = 0; i < PEOPLE; i++) {
		char path[64];

		(void)snprintf(path, sizeof path, "%s.pub", people[i]);
		need((keys[i] = gf_pubkey_load(path, &err)) != NULL);
	}
	if (mkdir(STATE, 0700) != 0)
		return -1;
	keep_trust(1, 2);
	keep_trust(2, 1);
	for (size_t i = 0; i < BUNDLES; i++)
		keep_bundle(i, &specs[i]);
	image_of(&bundles[0], &image, &image_id);
	image_of(&bundles[5], &other_image, &elsewhere);
	elsewhere = (gf_digest){ { 0x77 } };
	put_log();
	put_words();
	return 0;
}

static int leave_all(void **state)
{
	for (size_t i = 0; i < PEOPLE; i++)
		gf_pubkey_free(keys[i]);
	for (size_t i = 0; i < BUNDLES; i++)
		gf_buf_clear(&bundles[i].statement);
	return leave(state);
}

/* ---- in words ---- */

static void put_image(gf_buf *out, const gf_digest *d)
{
	gf_error err = { 0 };

	need(gf_buf_puts(out,
	    gf_digest_equal(d, &image)             ? "image"
		: gf_digest_equal(d, &image_id)    ? "id"
		: gf_digest_equal(d, &other_image) ? "other"
						   : "elsewhere",
	    &err));
}

static void put_number(gf_buf *out, const gf_digest *manifest)
{
	gf_error err = { 0 };
	size_t i = 0;

	while (i < BUNDLES && !gf_digest_equal(&bundles[i].manifest, manifest))
		i++;
	need(gf_buf_printf(out, &err, "%zu", i));
}

static void put_signers(gf_buf *out, const gf_trace_bundle *b)
{
	gf_error err = { 0 };

	need(gf_buf_printf(out, &err, "%zu signatures:", b->n_signatures));
	for (size_t i = 0; i < b->n_signers; i++)
		for (size_t k = 0; k < PEOPLE; k++)
			if (gf_digest_equal(gf_pubkey_id(b->signers[i]), gf_pubkey_id(keys[k])))
				need(gf_buf_printf(out, &err, " %s", people[k]));
	need(gf_buf_printf(
	    out, &err, "%s%s%s\n", b->vouched ? ", enough" : "", b->lacks[0] != '\0' ? ", " : "", b->lacks));
}

/* Words of one holder and second come in any order. */
static int order_of_words(const void *x, const void *y)
{
	const gf_trace_word *a = x, *b = y;
	int holder = strcmp(a->holder, b->holder);

	if (a->created != b->created || holder != 0)
		return a->created != b->created ? (a->created < b->created ? -1 : 1) : holder;
	return a->decision != b->decision ? (int)a->decision - (int)b->decision
					  : strcmp(a->environment, b->environment);
}

static void sort_words(const gf_trace_bundle *b)
{
	for (size_t i = 1; i < b->n_words; i++) {
		const gf_trace_word *last = &b->words[i - 1], *w = &b->words[i];

		assert_true(last->created < w->created ||
		    (last->created == w->created && strcmp(last->holder, w->holder) <= 0));
	}
	if (b->n_words > 0)
		qsort(b->words, b->n_words, sizeof *b->words, order_of_words);
}

static void put_bundle(gf_buf *out, const gf_trace_bundle *b)
{
	gf_error err = { 0 };

	put_number(out, &b->digest);
	need(gf_buf_printf(out, &err, " image %d at %d trust %u%s%s, ", b->image == SIZE_MAX ? -1 : (int)b->image,
	    (int)(b->accepted % 60), (unsigned)b->trust_version, b->policy != NULL ? " read" : "",
	    b->unsigned_bundle ? " unsigned" : ""));
	put_signers(out, b);
	for (size_t i = 0; i < b->n_loads; i++) {
		const gf_trace_load *l = &b->loads[i];

		need(gf_buf_printf(out, &err, "  loaded %d %s %s %s %s %s ", (int)(l->time % 60), l->run,
		    l->environment, l->site, l->target, l->name));
		put_image(out, &l->digest);
		need(gf_buf_puts(out, "\n", &err));
	}
	sort_words(b);
	for (size_t i = 0; i < b->n_words; i++) {
		const gf_trace_word *w = &b->words[i];
		static const char *const decisions[] = { "approved", "rejected", "permitted" };

		need(gf_buf_printf(out, &err, "  %s %s %s at %d to %d%s%s%s\n", w->holder, decisions[w->decision],
		    w->environment, (int)w->created, (int)w->expires, w->reason != NULL ? " " : "",
		    w->reason != NULL ? w->reason : "", w->counted ? " counted" : ""));
	}
	for (size_t i = 0; i < b->n_receipts; i++) {
		const gf_trace_receipt *r = &b->receipts[i];

		need(gf_buf_printf(out, &err, "  receipt %s %s at %d %s by %s\n", r->site, r->environment,
		    (int)r->created, r->complete ? "whole" : "partial", r->by));
		assert_int_equal(strncmp(r->name, "receipt-", 8), 0);
	}
}

/* Without the digests in it. */
static void put_text(gf_buf *out, const char *text)
{
	gf_error err = { 0 };

	while (*text != '\0') {
		size_t n = strspn(text, "0123456789abcdef");

		if (n != 64)
			need(gf_buf_add(out, text, n > 0 ? n : 1, &err));
		text += n > 0 ? n : 1;
	}
}

static void put_trace(gf_buf *out, const gf_trace *t)
{
	gf_error err = { 0 };

	for (size_t i = 0; i < t->n_bundles; i++)
		put_bundle(out, &t->bundles[i]);
	for (size_t i = 0; i < t->n_faults; i++) {
		need(gf_buf_puts(out, "fault ", &err));
		put_number(out, &t->faults[i].manifest);
		need(gf_buf_puts(out, ": ", &err));
		put_text(out, t->faults[i].text);
		need(gf_buf_puts(out, "\n", &err));
	}
	need(gf_buf_printf(out, &err, "%u lines, %u records", (unsigned)t->lines, (unsigned)t->records));
}

static gf_state *look(void)
{
	gf_error err = { 0 };
	gf_state *s;

	need((s = gf_state_look(STATE, &err)) != NULL);
	return s;
}

/* named: NULL, or the one key that is. */
static void traced(const gf_digest *wanted, const char *named, const char *want)
{
	const char *paths[2] = { "frank.pub", "ci.pub" };
	gf_error err = { 0 };
	gf_trace_trust whom = { .named = named != NULL, .site = keys[PEOPLE - 1] };
	gf_state *s = look();
	gf_trust *t;
	gf_trace out;
	gf_buf text;

	if (named != NULL)
		paths[0] = named;
	need((t = gf_trust_open(paths, named != NULL ? 1 : 2, NULL, &err)) != NULL);
	whom.keys = t;
	gf_buf_init(&text, GF_MIB);
	need(gf_trace_find(s, &whom, wanted, &out, &err));
	put_trace(&text, &out);
	assert_string_equal(gf_buf_text(&text), want);
	gf_trace_clear(&out);
	gf_buf_clear(&text);
	gf_trust_free(t);
	gf_state_close(s);
}

static void test_find(void **state)
{
	gf_digest unknown = { { 9 } };

	(void)state;
	traced(&image, NULL,
	    "7 image 0 at 0 trust 0, 2 signatures: frank ci, enough\n"
	    "0 image 0 at 4 trust 1 read, 2 signatures: ci bob, enough\n"
	    "  loaded 2 r1 prod a oci:/x n:1 image\n"
	    "  loaded 2 r1 prod a oci:/xy n:2 id\n"
	    "  op permitted prod at 100 to 160 because\n"
	    "  carol approved prod at 200 to 0 counted\n"
	    "  carol approved test at 200 to 0\n"
	    "  carol rejected prod at 200 to 0 because\n"
	    "  frank rejected prod at 300 to 0 because\n"
	    "  carol approved prod at 400 to 0\n"
	    "  frank approved prod at 400 to 0\n"
	    "  alice approved prod at 401 to 0\n"
	    "  receipt a test at 450 whole by role receipt:test: erin\n" SIX_RECEIPTS
	    "  receipt a prod at 600 partial by this site's key\n"
	    "1 image 0 at 3 trust 1 read, 1 signatures: ci, trust file 1 asks for signatures by 2 of role 'release', and there are 1\n"
	    "2 image 0 at 3 trust 1 read, 1 signatures: ci, trust file 1 knows no stream 'other'\n"
	    "3 image 0 at 3 trust 1 read unsigned, 0 signatures:\n"
	    "4 image 0 at 3 trust 1 read, 2 signatures: alice, trust file 1 asks for signatures by 2 of role 'release', and there are 0\n"
	    "6 image 0 at 5 trust 2 read, 1 signatures: bob, trust file 2 knows no stream ''\n"
	    "16 lines, 8 records");
	traced(&image_id, "ci.pub",
	    "7 image 0 at 0 trust 0, 2 signatures: ci, enough\n"
	    "0 image 0 at 4 trust 0, 2 signatures: ci, enough\n"
	    "  loaded 2 r1 prod a oci:/x n:1 image\n"
	    "  loaded 2 r1 prod a oci:/xy n:2 id\n" SIX_RECEIPTS "  receipt a prod at 600 partial by this site's key\n"
	    "1 image 0 at 3 trust 0, 1 signatures: ci, enough\n"
	    "2 image 0 at 3 trust 0, 1 signatures: ci, enough\n"
	    "3 image 0 at 3 trust 0 unsigned, 0 signatures:\n"
	    "4 image 0 at 3 trust 0, 2 signatures:\n"
	    "6 image 0 at 5 trust 0, 1 signatures:\n"
	    "16 lines, 8 records");
	traced(&other_image, NULL,
	    "5 image 0 at 6 trust 2 read, 1 signatures: ci, enough\n"
	    "  loaded 6 r3 prod a oci:/x/y n:1 other\n"
	    "16 lines, 8 records");
	traced(&bundles[0].manifest, NULL,
	    "0 image -1 at 4 trust 1 read, 2 signatures: ci bob, enough\n"
	    "  loaded 2 r1 prod a oci:/x n:1 image\n"
	    "  loaded 2 r1 prod a oci:/xy n:2 id\n"
	    "  loaded 4 r2  a oci:/x/y n:1 elsewhere\n"
	    "  op permitted prod at 100 to 160 because\n"
	    "  carol approved prod at 200 to 0 counted\n"
	    "  carol approved test at 200 to 0\n"
	    "  carol rejected prod at 200 to 0 because\n"
	    "  frank rejected prod at 300 to 0 because\n"
	    "  carol approved prod at 400 to 0\n"
	    "  frank approved prod at 400 to 0\n"
	    "  alice approved prod at 401 to 0\n"
	    "  receipt a test at 450 whole by role receipt:test: erin\n" SIX_RECEIPTS
	    "  receipt a prod at 600 partial by this site's key\n"
	    "16 lines, 8 records");
	traced(&unknown, NULL, "16 lines, 8 records");
}

/* What was kept and is not there as it was: said, and the rest counts. */
static void test_faults(void **state)
{
	char hex[GF_HEX_SIZE], command[512];

	(void)state;
	assert_int_equal(sh("cp -r " STATE " whole"), 0);
	gf_digest_hex(&bundles[0].manifest, hex);
	(void)snprintf(command, sizeof command, "cd " STATE "/records && rm %s/manifest.json trust-2.json", hex);
	assert_int_equal(sh(command), 0);
	gf_digest_hex(&bundles[1].manifest, hex);
	(void)snprintf(command, sizeof command,
	    "cd " STATE "/records/%s && rm manifest.json.*.sig && mkdir manifest.json.0123456789abcdef.sig", hex);
	assert_int_equal(sh(command), 0);
	gf_digest_hex(&bundles[2].manifest, hex);
	(void)snprintf(command, sizeof command, "cd " STATE "/records/%s && rm manifest.json.*.sig", hex);
	assert_int_equal(sh(command), 0);
	gf_digest_hex(&bundles[4].manifest, hex);
	(void)snprintf(command, sizeof command,
	    "cd " STATE "/records/%s && echo >>manifest.json && mkfifo receipt-0123456789abcdef.json", hex);
	assert_int_equal(sh(command), 0);
	gf_digest_hex(&bundles[7].manifest, hex);
	(void)snprintf(command, sizeof command, "cd " STATE "/records/%s && mkfifo receipt-0123456789abcdef.json", hex);
	assert_int_equal(sh(command), 0);
	traced(&image, NULL,
	    "2 image 0 at 3 trust 1 read, 0 signatures:\n"
	    "3 image 0 at 3 trust 1 read unsigned, 0 signatures:\n"
	    "fault 7: 'receipt-0123456789abcdef.json' is not a regular file\n"
	    "fault 0: 'state/records//manifest.json' cannot be opened: No such file or directory\n"
	    "fault 1: 'manifest.json.0123456789abcdef.sig' is not a regular file\n"
	    "fault 4: 'state/records//manifest.json' is not the manifest of that digest\n"
	    "fault 6: trust file 2, which was in force when it was accepted: 'state/records/trust-2.json' cannot be opened: No such file or directory\n"
	    "16 lines, 8 records");
	traced(&bundles[0].manifest, NULL,
	    "fault 0: 'state/records//manifest.json' cannot be opened: No such file or directory\n"
	    "fault 4: 'state/records//manifest.json' is not the manifest of that digest\n"
	    "16 lines, 8 records");
	assert_int_equal(sh("rm -r " STATE " && mv whole " STATE), 0);
}

/* ---- lines ---- */

static void test_lines(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = { { "x", "" }, { "[1]", "" }, { "{}", "type" }, { "{\"time\":\"2026-01-01T00:00:00Z\"}", "type" },
		{ "{\"type\":\"loaded\"}", "time" },
		{ "{\"time\":\"yesterday\",\"type\":\"x\"}", "'yesterday' is not a time" },
		{ "{" AT(0, "x") ",\"run\":1}", "run" }, { "{" AT(0, "x") ",\"environment\":1}", "environment" },
		{ "{" AT(0, "x") ",\"site\":1}", "site" }, { "{" AT(0, "x") ",\"target\":1}", "target" },
		{ "{" AT(0, "x") ",\"name\":1}", "name" }, { "{" AT(0, "x") ",\"unsigned\":1}", "unsigned" },
		{ "{" AT(0, "x") ",\"manifest\":\"sha256:00\"}", "manifest" },
		{ "{" AT(0, "x") ",\"statement\":\"sha256:00\"}", "statement" },
		{ "{" AT(0, "x") ",\"trustVersion\":\"1\"}", "trustVersion" }, { "{" AT(0, "loaded") "}", "digest" },
		{ "{" AT(0, "exported") ",\"digest\":7}", "digest" } };
	gf_trace_trust whom = { .named = false };
	gf_error err = { 0 };
	gf_digest d;
	gf_trace out;
	bool found;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		FILE *log;
		gf_state *s;

		(void)mkdir("lines", 0700);
		assert_non_null(log = fopen("lines/audit.jsonl", "w"));
		(void)fprintf(log, "{" AT(0, "x") "}\n%s\n{" AT(0, "x") "}\n", rows[i].line);
		assert_int_equal(fclose(log), 0);
		need((s = gf_state_look("lines", &err)) != NULL);
		if (gf_trace_find(s, &whom, &image, &out, &err))
			fail_msg("read: %s", rows[i].line);
		assert_string_equal(err.name, "log");
		assert_int_equal(err.class, GF_FAILED);
		if (strstr(err.text, "line 2 of 'lines/audit.jsonl' is not a record: ") == NULL ||
		    strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].line, err.text);
		gf_trace_clear(&out);
		assert_false(gf_trace_name(s, "n:1", &found, &d, &err));
		assert_false(found);
		gf_state_close(s);
	}
}

/* ---- names ---- */

static void named(const char *name, const gf_digest *want)
{
	gf_state *s = look();
	gf_error err = { 0 };
	gf_digest d;
	bool found;

	need(gf_trace_name(s, name, &found, &d, &err));
	assert_int_equal(found, want != NULL);
	assert_true(want == NULL || gf_digest_equal(&d, want));
	gf_state_close(s);
}

static void test_names(void **state)
{
	(void)state;
	named("n:1", &other_image); /* neither what was exported since under that name, nor what was refused */
	named("n:2", &image_id);
	named("n:3", NULL);
}

static bool note_name(void *ctx, const char *name, const gf_manifest *m, gf_error *err)
{
	gf_buf *out = ctx;

	return gf_buf_printf(out, err, "%s of %u, ", name, (unsigned)m->sequence);
}

static bool stop_at_once(void *ctx, const char *name, const gf_manifest *m, gf_error *err)
{
	(void)note_name(ctx, name, m, err);
	return false;
}

static void loads(const char *target, gf_load_visitor *visit, const char *want)
{
	gf_state *s = look();
	gf_error err = { 0 };
	gf_buf out;

	gf_buf_init(&out, GF_MIB);
	assert_int_equal(gf_trace_loads(s, target, visit, &out, &err), visit == note_name);
	assert_string_equal(gf_buf_text(&out), want);
	gf_buf_clear(&out);
	gf_state_close(s);
}

static void test_loads(void **state)
{
	char hex[GF_HEX_SIZE], command[512];
	FILE *log;

	(void)state;
	assert_int_equal(sh("cp -r " STATE " whole"), 0);
	assert_non_null(log = fopen(STATE "/audit.jsonl", "a"));
	put_line(log, RUN(8, "loaded", "r4", "prod", "oci:/x", "n:4"), &bundles[0].manifest, &image);
	put_line(log, RUN(8, "loaded", "r4", "prod", "oci:/x", "n:5"), &bundles[1].manifest, &image);
	put_line(log, AT(8, "loaded") ",\"name\":\"n:6\"", &bundles[1].manifest, &image);
	put_line(log, AT(8, "loaded") ",\"target\":\"oci:/x\"", &bundles[1].manifest, &image);
	put_line(log, RUN(8, "loaded", "r4", "prod", "oci:/x", "n:7"), NULL, &image);
	assert_int_equal(fclose(log), 0);
	loads("oci:/x", note_name, "n:5 of 2, n:4 of 1, n:1 of 1, n:1 of 6, ");
	loads("oci:/x/y", note_name, "n:1 of 6, ");
	loads("oci:/xy", note_name, "n:2 of 1, ");
	loads("oci:/", note_name, "");
	loads("oci:/x", stop_at_once, "n:5 of 2, ");
	/* a record that is not there is passed over */
	gf_digest_hex(&bundles[0].manifest, hex);
	(void)snprintf(command, sizeof command, "rm -r " STATE "/records/%s", hex);
	assert_int_equal(sh(command), 0);
	loads("oci:/x", note_name, "n:5 of 2, n:1 of 6, ");
	/* more manifests than are asked for */
	assert_non_null(log = fopen(STATE "/audit.jsonl", "a"));
	for (unsigned i = 0; i < GF_LOADS_MAX - 1; i++) {
		gf_digest d = { { (unsigned char)i, 1 } };

		put_line(log, RUN(8, "loaded", "r5", "prod", "oci:/x", "n:8"), &d, &image);
	}
	assert_int_equal(fclose(log), 0);
	loads("oci:/x", note_name, "n:5 of 2, ");
	/* a log that is too long is not read: its last line would be an error */
	assert_int_equal(sh("echo x >>" STATE "/audit.jsonl && truncate -s 16777217 " STATE "/audit.jsonl"), 0);
	loads("oci:/x", note_name, "");
	assert_int_equal(sh("rm " STATE "/audit.jsonl"), 0);
	loads("oci:/x", note_name, "");
	assert_int_equal(sh("rm -r " STATE " && mv whole " STATE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find), cmocka_unit_test(test_faults),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_names), cmocka_unit_test(test_loads) };

	return cmocka_run_group_tests(tests, prepare, leave_all);
}
