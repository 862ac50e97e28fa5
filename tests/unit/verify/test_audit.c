/* The log looked at whole, and proofs from it: what is found, and by which name each change of it is refused. */
#include "common.h"
#include "verify/merkle.h"
#include "verify/state.h"

#define LINES 11 /* of the log: state.json knows what it was with 8, 10 and 11 lines */
#define SIGNED 7 /* of the checkpoint */
#define KEPT 4   /* of what an auditor kept */
#define ANY ((uint64_t)-1)

static gf_digest leaves[LINES];

static gf_state *look(const char *path)
{
	gf_error err = { 0 };
	gf_state *s;

	need((s = gf_state_look(path, &err)) != NULL);
	return s;
}

static void lines(gf_state *s, unsigned n)
{
	static unsigned number;
	gf_error err = { 0 };

	need(gf_state_lock(s, &err));
	for (unsigned i = 0; i < n; i++) {
		gf_digest d = { { (unsigned char)++number } };
		gf_record r = { .type = "restored",
			.stream = "shop",
			.environment = "prod",
			.epoch = 1,
			.sequence = number,
			.manifest = &d,
			.statement = &d,
			.created = 1700000000 + number };

		need(gf_state_append(s, &r, 1, &err));
	}
	gf_state_unlock(s);
}

static void checkpoint(gf_state *s)
{
	gf_error err = { 0 };
	gf_signer *key;

	need((key = gf_state_site_key(s, NULL, &err)) != NULL);
	need(gf_state_checkpoint(s, key, &err));
	gf_signer_free(key);
}

static void load(const char *path, gf_buf *out)
{
	gf_error err = { 0 };

	gf_buf_init(out, GF_MIB);
	need(gf_file_load(path, GF_MIB, GF_FAILED, out, &err));
}

static gf_pubkey *public(const char *path)
{
	gf_error err = { 0 };
	gf_pubkey *key = NULL;

	if (path != NULL)
		need((key = gf_pubkey_load(path, &err)) != NULL);
	return key;
}

/* state.json with a sum that fits what it says. */
static void lie(const char *path, const char *from, const char *to)
{
	gf_error err = { 0 };
	gf_buf was, is;
	gf_digest d;
	const char *at;
	char hex[GF_HEX_SIZE];

	load("good/state.json", &was);
	gf_buf_init(&is, GF_MIB);
	assert_non_null(at = strstr(was.data, from));
	add_bytes(&is, was.data, (size_t)(at - was.data));
	need(gf_buf_puts(&is, to, &err) && gf_buf_puts(&is, at + strlen(from), &err));
	is.len = (size_t)(strstr(is.data, ",\"sum\":") - is.data);
	hash_buf(&is, &d);
	gf_digest_hex(&d, hex);
	need(gf_buf_printf(&is, &err, ",\"sum\":\"sha256:%s\"}\n", hex));
	need(gf_file_store(path, 0600, is.data, is.len, &err));
	gf_buf_clear(&was);
	gf_buf_clear(&is);
}

static void read_leaves(void)
{
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);
	gf_buf log;
	const char *at;

	load("good/audit.jsonl", &log);
	at = log.data;
	for (size_t i = 0; i < LINES; i++) {
		const char *lf = strchr(at, '\n');

		need(gf_merkle_leaf(h, at, (size_t)(lf - at), &leaves[i], &err));
		at = lf + 1;
	}
	assert_int_equal(*at, '\0');
	gf_buf_clear(&log);
	gf_hash_free(h);
}

static int prepare(void **state)
{
	gf_error err = { 0 };
	gf_state *s;

	if (enter(state) != 0)
		return -1;
	need((s = gf_state_open("good", true, &err)) != NULL);
	lines(s, 1);
	checkpoint(s);
	assert_int_equal(sh("cp good/checkpoint unnamed"), 0);
	need(gf_state_set_site(s, "site-a", &err));
	lines(s, KEPT - 1);
	checkpoint(s);
	assert_int_equal(
	    sh("cp good/checkpoint kept.note && head -n 3 kept.note >kept.txt && cp good/state.json early.json"), 0);
	lines(s, SIGNED - KEPT);
	checkpoint(s);
	lines(s, LINES - SIGNED);
	gf_state_close(s);
	make_key("other");
	lie("shorter.json", "\"acceptedCut\":false", "\"acceptedCut\":true");
	lie("same.json", "\"epoch\":1", "\"epoch\":2");
	read_leaves();
	return sh("sed '3s/.*/rrbPzidLcKFPsGel5VeCZNsPqbUeoLpRWRWPMp8GngA=/' kept.note >changed.note &&"
		  "sed s/site-a/site-b/ kept.txt >other.txt && head -n 1 kept.txt >half.txt");
}

/* ---- what the log was ---- */

/* RFC 6962, 2.1, as it is written there. */
static gf_digest tree(const gf_digest *from, size_t n)
{
	unsigned char room[65] = { 1 };
	gf_error err = { 0 };
	gf_digest left, right, out;
	size_t k = 1;

	if (n == 1)
		return *from;
	while (2 * k < n)
		k *= 2;
	left = tree(from, k);
	right = tree(from + k, n - k);
	memcpy(room + 1, left.bytes, 32);
	memcpy(room + 33, right.bytes, 32);
	need(gf_hash_bytes(room, sizeof room, &out, &err));
	return out;
}

static void put_hash(gf_buf *out, gf_digest d)
{
	gf_error err = { 0 };

	need(gf_base64_encode(out, d.bytes, sizeof d.bytes, &err) && gf_buf_puts(out, "\n", &err));
}

/* 2.1.1 */
static void put_path(gf_buf *out, size_t leaf, const gf_digest *from, size_t n)
{
	size_t k = 1;

	if (n == 1)
		return;
	while (2 * k < n)
		k *= 2;
	put_path(out, leaf < k ? leaf : leaf - k, leaf < k ? from : from + k, leaf < k ? k : n - k);
	put_hash(out, leaf < k ? tree(from + k, n - k) : tree(from, k));
}

/* 2.1.2 */
static void put_growth(gf_buf *out, size_t old, const gf_digest *from, size_t n, bool whole)
{
	size_t k = 1;

	if (old == n) {
		if (!whole)
			put_hash(out, tree(from, n));
		return;
	}
	while (2 * k < n)
		k *= 2;
	put_growth(out, old <= k ? old : old - k, old <= k ? from : from + k, old <= k ? k : n - k, whole && old <= k);
	put_hash(out, old <= k ? tree(from + k, n - k) : tree(from, k));
}

/* ---- verify ---- */

typedef struct row {
	const char *spoil;   /* in a copy of the state, ../ is the directory of the test */
	const char *key;     /* NULL: none is named */
	const char *kept[3]; /* files of an auditor */
	const char *name;    /* of the error; NULL: none */
	const char *text;    /* in its text */
	gf_class class;
	uint64_t signed_to, cached, torn, good_to;
} row;

#define CHANGED .name = "log-changed", .class = GF_DAMAGED
#define CUT .name = "log-cut", .class = GF_DAMAGED
#define LINE .name = "log-line", .class = GF_DAMAGED
#define NO_CACHE "rm state.json;"
#define ALONE "rm state.json checkpoint;"

static const row rows[] = {
	{ ":", .signed_to = SIGNED, .cached = LINES, .good_to = LINES },
	{ "printf '{\"time' >>audit.jsonl", .signed_to = SIGNED, .cached = LINES, .torn = 6, .good_to = LINES },
	{ NO_CACHE, .signed_to = SIGNED, .good_to = SIGNED },
	{ "echo x >state.json", .signed_to = SIGNED, .cached = ANY, .good_to = SIGNED },
	{ "cp ../early.json state.json", .signed_to = SIGNED, .cached = KEPT, .good_to = SIGNED },
	{ "rm checkpoint", .cached = LINES, .good_to = LINES },
	{ ALONE, .good_to = 0 },
	{ ALONE ": >audit.jsonl", .good_to = 0 },
	{ ALONE "rm audit.jsonl", .good_to = 0 },
	{ "rm audit.jsonl", CUT, .text = "has 0 lines, and '" },
	/* lines that are none */
	{ "sed -i '3s/.*/no record/' audit.jsonl", LINE, .text = "line 3 of '" },
	{ "sed -i '3s/.*/no record/' audit.jsonl", LINE, .text = "' is not a record: " },
	{ "sed -i '9s/.*/{}/' audit.jsonl", LINE, .text = "line 9 of '", .good_to = 8 },
	{ "sed -i '9s/\"type\":\"restored\"/\"type\":\"accepted\"/; 9s/,\"created\":\"[^\"]*\"//' audit.jsonl", LINE,
	    .text = "without created", .good_to = 8 },
	{ "head -c 70000 /dev/zero | tr '\\0' x >>audit.jsonl; echo >>audit.jsonl", LINE,
	    .text = "line 12 of 'state/audit.jsonl' is not a record: line 12 of 'state/audit.jsonl' is longer than",
	    .good_to = LINES },
	{ "rm audit.jsonl; mkdir audit.jsonl", .name = "state", .class = GF_FAILED, .text = "audit.jsonl" },
	/* other lines */
	{ "sed -i '2s/\"epoch\":1/\"epoch\":2/' audit.jsonl", CHANGED,
	    .text =
		"the first 7 lines are not those that 'checkpoint' knows: the first that was changed, added or taken "
		"away is one of the lines 1 to 7" },
	{ "sed -i '8s/\"epoch\":1/\"epoch\":2/' audit.jsonl", CHANGED, .good_to = SIGNED,
	    .text =
		"the first 8 lines are not those that 'state.json' knows: the first that was changed, added or taken "
		"away is one of the lines 8 to 8" },
	{ "sed -i '9s/\"epoch\":1/\"epoch\":2/' audit.jsonl", CHANGED, .good_to = 8,
	    .text = "one of the lines 9 to 10" },
	{ "sed -i '11s/\"epoch\":1/\"epoch\":2/' audit.jsonl", CHANGED, .good_to = 10,
	    .text = "one of the lines 11 to 11" },
	{ "sed -i 5p audit.jsonl", CHANGED, .text = "one of the lines 1 to 7" },
	{ "sed -i 5d audit.jsonl", CHANGED, .text = "one of the lines 1 to 7" },
	{ NO_CACHE "sed -i '8s/\"epoch\":1/\"epoch\":2/' audit.jsonl", .signed_to = SIGNED, .good_to = SIGNED },
	{ "sed -i '$d' audit.jsonl", CUT, .good_to = 10,
	    .text = "the log has 10 lines, and 'state.json' knows of 11:" },
	{ NO_CACHE "sed -i '5,$d' audit.jsonl", CUT, .text = "the log has 4 lines, and 'checkpoint' knows of 7:" },
	/* what an auditor kept */
	{ ":", .kept = { "kept.txt", "kept.note" }, .signed_to = SIGNED, .cached = LINES, .good_to = LINES },
	{ ALONE, .kept = { "kept.note", "kept.txt" }, .good_to = KEPT },
	{ ALONE, .kept = { "unnamed", "kept.txt" }, .good_to = KEPT },
	{ ALONE, .kept = { "kept.txt" }, .key = "other.pub", .good_to = KEPT },
	{ ALONE "sed -i '2s/\"epoch\":1/\"epoch\":2/' audit.jsonl", .kept = { "kept.txt" }, CHANGED,
	    .text = "the first 4 lines are not those that 'kept.txt' knows: " },
	{ "sed -i '6s/\"epoch\":1/\"epoch\":2/' audit.jsonl", .kept = { "kept.txt", "unnamed" }, CHANGED,
	    .good_to = KEPT, .text = "lines 5 to 7" },
	{ ALONE "sed -i '4,$d' audit.jsonl", .kept = { "kept.txt", "unnamed" }, CUT, .good_to = 1,
	    .text = "the log has 3 lines, and 'kept.txt' knows of 4:" },
	{ ":", .kept = { "other.txt" }, .name = "checkpoint", .class = GF_USAGE,
	    .text = "'other.txt' is of the log 'gapferry/site-b', and this one is 'gapferry/site-a'" },
	{ ":", .kept = { "kept.txt", "half.txt" }, .name = "checkpoint", .class = GF_DAMAGED,
	    .text = "'half.txt': not a checkpoint: its second line is no size" },
	{ ":", .kept = { "changed.note" }, .name = "note-signature", .class = GF_REFUSED, .text = "'changed.note': " },
	{ ALONE "rm site.pub", .kept = { "changed.note" }, CHANGED, .text = "'changed.note'" },
	{ ALONE "rm site.pub", .kept = { "kept.note" }, .good_to = KEPT },
	{ ALONE "echo x >site.pub", .good_to = 0 },
	{ ALONE "echo x >site.pub", .kept = { "kept.txt" }, .name = "key-form", .class = GF_USAGE },
	{ ALONE "cp site.pub ../pub; echo x >site.pub", .kept = { "kept.note" }, .key = "pub", .good_to = KEPT },
	{ ":", .kept = { "kept.note" }, .key = "other.pub", .name = "note-signature", .class = GF_REFUSED,
	    .text = "'kept.note': no signature is by key 'other' under the name 'gapferry/site-a'" },
	/* the file `checkpoint`: said where the lines are right */
	{ ":", .key = "good/site.pub", .signed_to = SIGNED, .cached = LINES, .good_to = LINES },
	{ "rm site.pub", .key = "good/site.pub", .signed_to = SIGNED, .cached = LINES, .good_to = LINES },
	{ "cp ../unnamed checkpoint", .signed_to = 1, .cached = LINES, .good_to = LINES },
	{ "rm site.pub", .name = "site-key", .class = GF_USAGE, .good_to = LINES },
	{ ":", .key = "other.pub", .name = "note-signature", .class = GF_REFUSED, .good_to = LINES },
	{ "cp ../changed.note checkpoint", .name = "note-signature", .class = GF_REFUSED, .good_to = LINES },
	{ "echo site-b >site", .name = "checkpoint", .class = GF_USAGE, .good_to = LINES,
	    .text = "'checkpoint' is of the log 'gapferry/site-a', and this one is 'gapferry/site-b'" },
	{ "head -c 60 ../kept.note >checkpoint", .name = "note", .class = GF_DAMAGED, .good_to = LINES },
	{ "echo x >site.pub", .name = "key-form", .class = GF_USAGE, .good_to = LINES },
	{ "rm site.pub; sed -i '3s/.*/no record/' audit.jsonl", LINE },
	/* state.json that lies: said last, and what was found first */
	{ "cp ../shorter.json state.json", .name = "log-cache", .class = GF_DAMAGED, .good_to = LINES,
	    .signed_to = SIGNED, .text = "state.json says of the first 11 lines what they do not say" },
	{ "cp ../same.json state.json", .name = "log-cache", .class = GF_DAMAGED, .good_to = LINES,
	    .signed_to = SIGNED },
	{ "cp ../same.json state.json", .key = "other.pub", .name = "note-signature", .class = GF_REFUSED,
	    .good_to = LINES },
};

static void take_kept(const char *const *names, gf_member *members, gf_audit_options *o)
{
	gf_error err = { 0 };

	for (; names[o->n_checkpoints] != NULL; o->n_checkpoints++) {
		gf_member *m = &members[o->n_checkpoints];

		need((m->name = gf_strdup(names[o->n_checkpoints], &err)) != NULL);
		load(m->name, &m->bytes);
	}
	o->checkpoints = members;
}

static void audit(const row *r)
{
	gf_state *s = look("state");
	gf_pubkey *key = public(r->key);
	gf_member members[3] = { { .name = NULL } };
	gf_audit_options o = { .key = key };
	gf_error err = { 0 };
	gf_audit out;
	bool ok;

	take_kept(r->kept, members, &o);
	ok = gf_audit_run(s, &o, &out, &err);
	if (ok != (r->name == NULL) || (!ok && (strcmp(err.name, r->name) != 0 || err.class != r->class)))
		fail_msg(
		    "%s: %s: %s: %s", r->spoil, r->name != NULL ? r->name : "good", ok ? "good" : err.name, err.text);
	if (r->text != NULL && strstr(err.text, r->text) == NULL)
		fail_msg("%s: %s", r->spoil, err.text);
	if (out.good_to != r->good_to)
		fail_msg("%s: good to %u", r->spoil, (unsigned)out.good_to);
	if (ok) {
		struct stat st = { 0 };

		(void)stat("state/audit.jsonl", &st);
		assert_int_equal(out.bytes + out.torn, st.st_size);
		assert_int_equal(out.torn, r->torn);
		assert_int_equal(out.cache,
		    r->cached == 0         ? GF_CACHE_NONE
			: r->cached == ANY ? GF_CACHE_UNUSABLE
					   : GF_CACHE_FITS);
		assert_int_equal(out.cached, r->cached == ANY ? 0 : r->cached);
		assert_int_equal(out.has_checkpoint, r->signed_to != 0);
		assert_int_equal(out.has_checkpoint ? out.checkpoint.size : 0, r->signed_to);
		assert_string_equal(out.now.origin, "gapferry/site-a");
	}
	for (size_t i = 0; i < o.n_checkpoints; i++) {
		free(members[i].name);
		gf_buf_clear(&members[i].bytes);
	}
	gf_pubkey_free(key);
	gf_state_close(s);
}

static void test_verify(void **state)
{
	char command[1000];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(
		    command, sizeof command, "rm -rf state && cp -r good state && cd state && { %s\n}", rows[i].spoil);
		assert_int_equal(sh(command), 0);
		audit(&rows[i]);
	}
}

static void test_root(void **state)
{
	gf_state *s = look("good");
	gf_audit_options o = { .key = NULL };
	gf_digest want = tree(leaves, LINES);
	gf_error err = { 0 };
	gf_audit out;

	(void)state;
	need(gf_audit_run(s, &o, &out, &err));
	assert_int_equal(out.now.size, LINES);
	assert_true(gf_digest_equal(&out.now.root, &want));
	want = tree(leaves, SIGNED);
	assert_true(gf_digest_equal(&out.checkpoint.root, &want));
	gf_state_close(s);
}

/* ---- proofs ---- */

static void test_prove(void **state)
{
	gf_state *s = look("good");
	gf_error err = { 0 };
	gf_buf note;

	(void)state;
	load("good/checkpoint", &note);
	for (unsigned n = 1; n <= SIGNED; n++) {
		gf_buf proof, want;

		gf_buf_init(&proof, GF_MIB);
		gf_buf_init(&want, GF_MIB);
		need(gf_buf_printf(&want, &err, "c2sp.org/tlog-proof@v1\nindex %u\n", n - 1));
		put_path(&want, n - 1, leaves, SIGNED);
		need(gf_buf_printf(&want, &err, "\n%s", note.data));
		need(gf_audit_prove(s, NULL, n, &proof, &err));
		assert_string_equal(proof.data, want.data);
		gf_buf_clear(&proof);
		gf_buf_clear(&want);
	}
	gf_buf_clear(&note);
	gf_state_close(s);
}

static void test_growth(void **state)
{
	gf_state *s = look("good");
	gf_error err = { 0 };
	gf_buf note;

	(void)state;
	load("good/checkpoint", &note);
	for (unsigned old = 1; old <= SIGNED; old++)
		for (unsigned size = old; size <= SIGNED + 1; size++) {
			gf_checkpoint c = { .size = old, .root = tree(leaves, old) };
			gf_digest root = tree(leaves, size <= SIGNED ? size : SIGNED);
			gf_buf proof, want;

			gf_buf_init(&proof, GF_MIB);
			gf_buf_init(&want, GF_MIB);
			need(gf_buf_printf(&want, &err, "old %u\n", old));
			put_growth(&want, old, leaves, size <= SIGNED ? size : SIGNED, true);
			need(gf_buf_puts(&want, "\n", &err));
			if (size >= SIGNED) {
				need(gf_buf_puts(&want, note.data, &err));
			} else {
				need(gf_buf_printf(&want, &err, "gapferry/site-a\n%u\n", size));
				put_hash(&want, root);
			}
			/* what is asked for last is the checkpoint by its other name */
			need(gf_audit_growth(s, NULL, &c, true, size <= SIGNED ? size : 0, &proof, &err));
			assert_string_equal(proof.data, want.data);
			gf_buf_clear(&proof);
			gf_buf_clear(&want);
		}
	gf_buf_clear(&note);
	gf_state_close(s);
}

static void no_proof(
    const char *spoil, const char *key, uint64_t number, const char *name, gf_class class, const char *text)
{
	char command[1000];
	gf_pubkey *k = public(key);
	gf_error err = { 0 };
	gf_state *s;
	gf_buf proof;

	(void)snprintf(command, sizeof command, "rm -rf state && cp -r good state && cd state && { %s\n}", spoil);
	assert_int_equal(sh(command), 0);
	s = look("state");
	gf_buf_init(&proof, GF_MIB);
	assert_false(gf_audit_prove(s, k, number, &proof, &err));
	assert_string_equal(err.name, name);
	assert_int_equal(err.class, class);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	gf_buf_clear(&proof);
	gf_pubkey_free(k);
	gf_state_close(s);
}

static void test_not_proved(void **state)
{
	(void)state;
	no_proof(":", NULL, 0, "log-line", GF_USAGE, "the lines 1 to 7, not line 0");
	no_proof(":", NULL, SIGNED + 1, "log-line", GF_USAGE, "the lines 1 to 7, not line 8");
	no_proof("rm checkpoint", NULL, 1, "checkpoint", GF_USAGE, "there is no checkpoint");
	no_proof(":", "other.pub", 1, "note-signature", GF_REFUSED, "other");
	no_proof("sed -i '2s/\"epoch\":1/\"epoch\":2/' audit.jsonl", NULL, 1, "log-changed", GF_DAMAGED,
	    "the first 7 lines are not those of the checkpoint");
	no_proof(
	    "sed -i '7,$d' audit.jsonl", NULL, 1, "log-cut", GF_DAMAGED, "the log has 6 lines, and 7 were known of");
}

static void no_growth(
    const char *spoil, unsigned old, bool wrong, uint64_t size, const char *name, gf_class class, const char *text)
{
	char command[1000];
	gf_checkpoint c = { .size = old, .root = tree(leaves, old) };
	gf_error err = { 0 };
	gf_state *s;
	gf_buf proof;

	(void)snprintf(command, sizeof command, "rm -rf state && cp -r good state && cd state && { %s\n}", spoil);
	assert_int_equal(sh(command), 0);
	s = look("state");
	gf_buf_init(&proof, GF_MIB);
	if (wrong)
		c.root.bytes[3] ^= 1;
	if (gf_audit_growth(s, NULL, &c, true, size, &proof, &err))
		fail_msg("%s", text);
	assert_string_equal(err.name, name);
	assert_int_equal(err.class, class);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	if (wrong) { /* who knows its size alone is told of the lines that are there */
		proof.len = 0;
		need(gf_audit_growth(s, NULL, &c, false, size, &proof, &err));
	}
	gf_buf_clear(&proof);
	gf_state_close(s);
}

static void test_not_grown(void **state)
{
	(void)state;
	no_growth(
	    ":", KEPT, true, 0, "log-changed", GF_DAMAGED, "the first 4 lines are not those of the old checkpoint");
	no_growth(
	    ":", KEPT, true, 6, "log-changed", GF_DAMAGED, "the first 4 lines are not those of the old checkpoint");
	no_growth(":", KEPT, false, SIGNED + 1, "log-line", GF_USAGE, "the checkpoint has 7 lines, not 8");
	no_growth(":", KEPT, false, 3, "log-cut", GF_DAMAGED, "knows of 4 lines, and the new one of 3");
	no_growth(":", SIGNED + 1, false, 0, "log-cut", GF_DAMAGED, "knows of 8 lines, and the new one of 7");
	no_growth("rm checkpoint", KEPT, false, 0, "checkpoint", GF_USAGE, "there is no checkpoint");
	no_growth("sed -i '6s/\"epoch\":1/\"epoch\":2/' audit.jsonl", KEPT, false, 0, "log-changed", GF_DAMAGED,
	    "the first 7 lines are not those of the checkpoint");
	no_growth("sed -i '7,$d' audit.jsonl", KEPT, false, 0, "log-cut", GF_DAMAGED,
	    "the log has 6 lines, and 7 were known of");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_verify), cmocka_unit_test(test_root),
		cmocka_unit_test(test_prove), cmocka_unit_test(test_growth), cmocka_unit_test(test_not_proved),
		cmocka_unit_test(test_not_grown) };

	return cmocka_run_group_tests(tests, prepare, leave);
}
