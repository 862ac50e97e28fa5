/* state.json, the checkpoint and the site's key: whatever becomes of them, the log is what counts. */
#include <sys/wait.h>

#include "common.h"
#include "verify/cache.h"
#include "verify/checkpoint.h"
#include "verify/note.h"

static gf_state *open_state(const char *path, bool write)
{
	gf_error err = { 0 };
	gf_state *s = gf_state_open(path, write, &err);

	if (s == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return s;
}

static void refuse_state(const char *path, const char *name, const char *text)
{
	gf_error err = { 0 };

	for (int write = 0; write < 2; write++) {
		if (gf_state_open(path, write, &err) != NULL)
			fail_msg("opened: %s", text);
		assert_string_equal(err.name, name);
		if (strstr(err.text, text) == NULL)
			fail_msg("%s", err.text);
	}
}

static void lines(gf_state *s, gf_record r, unsigned n)
{
	gf_error err = { 0 };

	need(gf_state_lock(s, &err));
	for (unsigned i = 0; i < n; i++)
		need(gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
}

static gf_digest digest_of(unsigned number)
{
	gf_digest d = { { 0 } };

	memcpy(d.bytes, &number, sizeof number);
	return d;
}

/* Restored, for that needs no record. */
static void restore(gf_state *s, const char *stream, unsigned number)
{
	gf_digest manifest = digest_of(number), receipt = { { 7 } };

	lines(s,
	    (gf_record){ .type = "restored",
		.stream = stream,
		.environment = "prod",
		.epoch = 1,
		.sequence = number,
		.manifest = &manifest,
		.statement = &receipt,
		.created = 1700000000 + number },
	    1);
}

static void complete(gf_state *s, const char *environment, unsigned number)
{
	gf_digest manifest = digest_of(number);

	lines(s, (gf_record){ .type = "complete", .environment = environment, .manifest = &manifest }, 1);
}

static void path_of(const char *state, const char *name, char out[128])
{
	(void)snprintf(out, 128, "%s/%s", state, name);
}

static void get(const char *state, const char *name, gf_buf *out)
{
	gf_error err = { 0 };
	char path[128];

	path_of(state, name, path);
	gf_buf_init(out, 64 * GF_MIB);
	need(gf_file_load(path, 64 * GF_MIB, GF_FAILED, out, &err));
}

static void put(const char *state, const char *name, const void *bytes, size_t n)
{
	gf_error err = { 0 };
	char path[128];

	path_of(state, name, path);
	need(gf_file_store(path, 0600, bytes, n, &err));
}

static void drop(const char *state, const char *name)
{
	char path[128];

	path_of(state, name, path);
	assert_int_equal(unlink(path), 0);
}

static bool there(const char *state, const char *name)
{
	char path[128];

	path_of(state, name, path);
	return access(path, F_OK) == 0;
}

/* state.json made from nothing but the log. */
static void made_anew(const char *state, gf_buf *out)
{
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);
	gf_cache *c = calloc(1, sizeof *c);
	const char *at, *end;
	gf_buf log;

	get(state, "audit.jsonl", &log);
	at = log.data;
	end = at + log.len;
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		need(gf_cache_take(c, h, at, (size_t)(lf - at), &err));
		at = lf + 1;
	}
	gf_buf_init(out, GF_STATEMENT_MAX);
	need(gf_cache_print(c, out, &err));
	gf_cache_clear(c);
	free(c);
	gf_hash_free(h);
	gf_buf_clear(&log);
}

static void expect_cache(const char *state)
{
	gf_buf found, want;

	get(state, "state.json", &found);
	made_anew(state, &want);
	assert_string_equal(found.data, want.data);
	gf_buf_clear(&found);
	gf_buf_clear(&want);
}

static void expect_floor(gf_state *s, unsigned number)
{
	gf_digest want = digest_of(number);
	gf_error err = { 0 };
	gf_floor f;

	need(gf_state_floor(s, "shop", "prod", &f, &err));
	assert_true(f.present);
	assert_int_equal(f.sequence, number);
	assert_true(gf_digest_equal(&f.manifest, &want));
}

static void filled(const char *state)
{
	gf_state *s = open_state(state, true);
	gf_digest trust = digest_of(5);

	restore(s, "shop", 1);
	complete(s, "prod", 1);
	restore(s, "other", 9);
	lines(s, (gf_record){ .type = "trust", .statement = &trust, .trust_version = 2, .created = 1700000001 }, 1);
	restore(s, "shop", 3);
	gf_state_close(s);
	expect_cache(state);
}

/* What is there is read again as it was written, and nothing else is. */
static void test_written_and_read(void **state)
{
	gf_cache *c = calloc(1, sizeof *c);
	gf_error err = { 0 };
	gf_buf text, again;

	(void)state;
	filled("round");
	get("round", "state.json", &text);
	need(gf_cache_parse(text.data, text.len, c, &err));
	gf_buf_init(&again, GF_STATEMENT_MAX);
	need(gf_cache_print(c, &again, &err));
	assert_string_equal(again.data, text.data);
	gf_cache_clear(c);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] = (char)(text.data[i] ^ 1);
		assert_false(gf_cache_parse(text.data, text.len, c, &err));
		assert_string_equal(err.name, "cache");
		text.data[i] = (char)(text.data[i] ^ 1);
		assert_false(gf_cache_parse(text.data, i, c, &err));
	}
	free(c);
	gf_buf_clear(&text);
	gf_buf_clear(&again);
}

/* Sum and all, by somebody who means it. */
static void forge(gf_buf *text, const char *from, const char *to)
{
	char hex[GF_HEX_SIZE], *at = strstr(text->data, from), *sum;
	size_t n = strlen(from), more = strlen(to);
	gf_error err = { 0 };
	gf_digest d;

	if (at == NULL)
		fail_msg("no '%s' in %s", from, text->data);
	assert_true(text->len - n + more < text->room);
	memmove(at + more, at + n, text->len - (size_t)(at + n - text->data) + 1);
	memcpy(at, to, more);
	text->len = text->len - n + more;
	sum = strstr(text->data, ",\"sum\":");
	need(gf_hash_bytes(text->data, (size_t)(sum - text->data), &d, &err));
	gf_digest_hex(&d, hex);
	memcpy(sum + strlen(",\"sum\":\"sha256:"), hex, 64);
}

/* A sum that fits says nothing of what is under it. */
static void test_forged(void **state)
{
	gf_digest d = digest_of(3);
	gf_state *s;
	static const char *const forged[][2] = { { "\"loaded\":\"sha256:", "\"loaded\":\"sha255:" },
		{ "\"leaf\":\"sha256:", "\"leaf\":\"sha255:" }, { "\"version\":1", "\"version\":2" },
		{ "\"sequence\":3", "\"sequence\":x" }, { "\"offset\":", "\"offset\":0,\"x\":" },
		/* a release of a stream that is not among the streams */
		{ "\"accepted\":[{\"stream\":\"shop\"", "\"accepted\":[{\"stream\":\"shoq\"" } };
	gf_cache *c = calloc(1, sizeof *c);
	struct gf_floor_release *r;
	char first[400];
	gf_error err = { 0 };
	gf_buf text;

	(void)state;
	filled("forged");
	s = open_state("forged", true);
	lines(s,
	    (gf_record){ .type = "complete",
		.stream = "shop",
		.environment = "prod",
		.epoch = 1,
		.sequence = 3,
		.manifest = &d },
	    1);
	gf_state_close(s);
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
		get("forged", "state.json", &text);
		need(gf_buf_reserve(&text, text.len + 100, &err));
		forge(&text, forged[i][0], forged[i][1]);
		if (gf_cache_parse(text.data, text.len, c, &err))
			fail_msg("%s is taken", forged[i][1]);
		assert_string_equal(err.name, "cache");
		gf_buf_clear(&text);
	}
	/* of nothing */
	gf_buf_init(&text, GF_STATEMENT_MAX);
	need(gf_cache_print(c, &text, &err));
	need(gf_cache_parse(text.data, text.len, c, &err));
	/* as many releases as it keeps, and one more */
	gf_buf_clear(&text);
	filled("full");
	get("full", "state.json", &text);
	need(gf_cache_parse(text.data, text.len, c, &err));
	while (c->floors.n_releases < GF_FLOORS_LAST) {
		r = &c->floors.releases[c->floors.n_releases++];
		*r = c->floors.releases[0];
		r->sequence = 1000 + c->floors.n_releases;
	}
	gf_buf_clear(&text);
	gf_buf_init(&text, GF_STATEMENT_MAX);
	need(gf_cache_print(c, &text, &err));
	gf_cache_clear(c);
	need(gf_cache_parse(text.data, text.len, c, &err));
	gf_cache_clear(c);
	need(gf_buf_reserve(&text, text.len + sizeof first, &err));
	(void)snprintf(first, sizeof first, "\"accepted\":[%.*s,",
	    (int)(strchr(strstr(text.data, "\"accepted\":["), '}') + 1 - (strstr(text.data, "\"accepted\":[") + 12)),
	    strstr(text.data, "\"accepted\":[") + 12);
	forge(&text, "\"accepted\":[", first);
	assert_false(gf_cache_parse(text.data, text.len, c, &err));
	gf_buf_clear(&text);
	free(c);
}

static unsigned entries(const gf_buf *text, const char *list)
{
	const char *at = strstr(text->data, list), *end = strchr(at, ']');
	unsigned n = 0;

	for (; (at = strchr(at, '{')) != NULL && at < end; at++)
		n++;
	return n;
}

/* A release, and a load that was complete, are kept once, whatever repeats them. */
static void test_kept_once(void **state)
{
	gf_digest d = digest_of(1);
	gf_record r = { .type = "restored", .stream = "shop", .environment = "prod", .epoch = 1, .sequence = 1 };
	gf_buf text;
	gf_state *s = open_state("once", true);

	(void)state;
	r.manifest = &d;
	lines(s, r, 2);
	r.environment = "test";
	lines(s, r, 1);
	r.stream = "other";
	lines(s, r, 1);
	r.epoch = 2;
	lines(s, r, 1);
	r.sequence = 2;
	lines(s, r, 2);
	r.type = "complete";
	lines(s, r, 2);
	r.environment = "prod";
	lines(s, r, 2);
	gf_state_close(s);
	get("once", "state.json", &text);
	assert_int_equal(entries(&text, "\"accepted\":["), 4);
	assert_int_equal(entries(&text, "\"complete\":["), 2);
	gf_buf_clear(&text);
	/* the newest time is the newest, whatever came after it */
	filled("newest");
	get("newest", "state.json", &text);
	assert_non_null(strstr(text.data, "\"newest\":\"2023-11-14T22:13:29Z\""));
	gf_buf_clear(&text);
	s = open_state("newest", true);
	lines(s, (gf_record){ .type = "trust", .statement = &d, .trust_version = 3, .created = 1700000100 }, 1);
	gf_state_close(s);
	get("newest", "state.json", &text);
	assert_non_null(strstr(text.data, "\"newest\":\"2023-11-14T22:15:00Z\""));
	gf_buf_clear(&text);
}

typedef enum damage { MISSING, TORN, EMPTY, STALE, AHEAD, MOVED, ANOTHER, DIRECTORY, DAMAGES } damage;

static void spoil(const char *state, damage how, const gf_buf *stale, const gf_buf *ahead)
{
	gf_buf text;
	char path[128];

	get(state, "state.json", &text);
	switch (how) {
	case TORN: put(state, "state.json", text.data, text.len / 2); break;
	case EMPTY: put(state, "state.json", "", 0); break;
	case STALE: put(state, "state.json", stale->data, stale->len); break;
	case AHEAD: put(state, "state.json", ahead->data, ahead->len); break;
	case MOVED: /* another place of the last line */
		forge(&text, "\"last\":", "\"lost\":");
		put(state, "state.json", text.data, text.len);
		break;
	case ANOTHER: /* the last line is another */
		forge(&text, "\"leaf\":\"sha256:", "\"leaf\":\"sha255:");
		put(state, "state.json", text.data, text.len);
		break;
	case DIRECTORY:
	case MISSING:
	default:
		drop(state, "state.json");
		path_of(state, "state.json", path);
		if (how == DIRECTORY)
			assert_int_equal(mkdir(path, 0700), 0);
	}
	gf_buf_clear(&text);
}

static void test_whatever_becomes_of_it(void **state)
{
	gf_buf stale, ahead, log;
	gf_state *s;

	(void)state;
	filled("d");
	get("d", "state.json", &stale);
	get("d", "audit.jsonl", &log);
	s = open_state("d", true);
	restore(s, "shop", 4);
	gf_state_close(s);
	get("d", "state.json", &ahead);
	for (int how = 0; how < DAMAGES; how++) {
		gf_digest root, want;
		gf_error err = { 0 };
		uint64_t size;

		/* at an older log the newer cache is ahead */
		assert_int_equal(sh("rm -rf d/state.json"), 0);
		put("d", "audit.jsonl", log.data, log.len);
		s = open_state("d", true);
		if (how != AHEAD)
			restore(s, "shop", 4);
		else
			lines(s, (gf_record){ .type = "intent" }, 0);
		expect_floor(s, how != AHEAD ? 4 : 3);
		need(gf_state_tree(s, &size, &want, &err));
		gf_state_close(s);
		spoil("d", (damage)how, &stale, &ahead);
		s = open_state("d", false);
		expect_floor(s, how != AHEAD ? 4 : 3);
		need(gf_state_tree(s, &size, &root, &err));
		assert_true(gf_digest_equal(&root, &want));
		gf_state_close(s);
		/* and is as it should be after the next line */
		s = open_state("d", true);
		lines(s, (gf_record){ .type = "intent" }, 1);
		gf_state_close(s);
		if (how != DIRECTORY)
			expect_cache("d");
	}
	gf_buf_clear(&stale);
	gf_buf_clear(&ahead);
	gf_buf_clear(&log);
}

/* A line in the place of the last one, or the last one cut: the log is read again, and what stands there counts. */
static void test_another_last_line(void **state)
{
	gf_state *s;
	gf_buf log;
	char *last;

	(void)state;
	filled("another");
	get("another", "audit.jsonl", &log);
	last = strstr(log.data, "\"sequence\":3");
	last[strlen("\"sequence\":")] = '2';
	put("another", "audit.jsonl", log.data, log.len);
	s = open_state("another", false);
	assert_int_equal(s != NULL, 1);
	gf_state_close(s);
	s = open_state("another", true);
	lines(s, (gf_record){ .type = "intent" }, 1);
	gf_state_close(s);
	expect_cache("another");
	gf_buf_clear(&log);
}

/* What the lists have no room for is found in the log. */
static void test_older_than_the_lists(void **state)
{
	static gf_digest manifests[GF_FLOORS_LAST + 4];
	static gf_record records[GF_FLOORS_LAST + 4];
	gf_state *s = open_state("old", true);
	gf_error err = { 0 };
	bool is;

	(void)state;
	for (unsigned i = 1; i <= GF_FLOORS_LAST + 3; i++) {
		manifests[i] = digest_of(i);
		records[i] = (gf_record){
			.type = "complete", .environment = i == 2 ? "test" : "prod", .manifest = &manifests[i]
		};
	}
	need(gf_state_lock(s, &err) && gf_state_append(s, records + 1, GF_FLOORS_LAST + 3, &err));
	gf_state_unlock(s);
	complete(s, "prod", 9);
	for (int turn = 0; turn < 2; turn++) {
		for (unsigned i = 1; i <= GF_FLOORS_LAST + 4; i++) {
			gf_digest d = digest_of(i);

			need(gf_state_complete(s, "prod", &d, &is, &err));
			assert_int_equal(is, i != 2 && i <= GF_FLOORS_LAST + 3);
			if (i == 2) {
				need(gf_state_complete(s, "test", &d, &is, &err));
				assert_true(is);
			}
		}
		gf_state_close(s);
		s = open_state("old", false);
	}
	gf_state_close(s);
	expect_cache("old");
}

/* Bytes that this process has read, whatever from. */
static uint64_t bytes_read(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	unsigned long long n = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "rchar: %llu", &n), 1);
	(void)fclose(f);
	return n;
}

static uint64_t cost_of_a_line(const char *state, unsigned n)
{
	static const char line[] = "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\"}\n";
	gf_state *s = open_state(state, true);
	uint64_t before;
	char path[128];
	FILE *f;

	path_of(state, "audit.jsonl", path);
	f = fopen(path, "a");
	assert_non_null(f);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(fwrite(line, 1, sizeof line - 1, f), sizeof line - 1);
	assert_int_equal(fclose(f), 0);
	lines(s, (gf_record){ .type = "intent" }, 1);
	gf_state_close(s);
	before = bytes_read();
	s = open_state(state, true);
	lines(s, (gf_record){ .type = "intent" }, 1);
	gf_state_close(s);
	return bytes_read() - before;
}

/* GF_LONG: a million lines. */
static void test_constant_cost(void **state)
{
	unsigned n = getenv("GF_LONG") != NULL ? 1000000 : 50000;
	uint64_t few = cost_of_a_line("few", 10), many = cost_of_a_line("many", n);

	(void)state;
	print_message("read for one line more: %llu bytes behind 10 lines, %llu behind %u\n", (unsigned long long)few,
	    (unsigned long long)many, n);
	assert_true(many < few + 1024); /* some digits more, and peaks of the tree */
	expect_cache("many");
}

/* Two operators: the lines of both are in the cache of whoever wrote last. */
static void test_two_operators(void **state)
{
	pid_t pid[2];

	(void)state;
	gf_state_close(open_state("two", true));
	for (int p = 0; p < 2; p++) {
		pid[p] = fork();
		assert_true(pid[p] >= 0);
		if (pid[p] == 0) {
			gf_error err;
			bool ok = true;

			for (int i = 0; ok && i < 30; i++) {
				gf_state *mine = gf_state_open("two", true, &err);
				gf_record r = { .type = "failed", .code = p == 0 ? "a" : "b" };
				gf_signer *key = NULL;

				ok = mine != NULL && gf_state_lock(mine, &err) && gf_state_append(mine, &r, 1, &err);
				if (ok)
					gf_state_unlock(mine);
				ok = ok && (key = gf_state_site_key(mine, NULL, &err)) != NULL &&
				    gf_state_checkpoint(mine, key, &err);
				gf_signer_free(key);
				gf_state_close(mine);
			}
			if (!ok)
				(void)fprintf(stderr, "%s: %s\n", err.name, err.text);
			_exit(ok ? 0 : 1);
		}
	}
	for (int p = 0; p < 2; p++) {
		int status;

		assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
		assert_int_equal(status, 0);
	}
	expect_cache("two");
	assert_int_equal(sh("test $(wc -l <two/audit.jsonl) = 60 && sed -n 2p two/checkpoint | grep -qx 60"), 0);
}

/* ---- the site's key and the checkpoint ---- */

static void checkpoint(gf_state *s)
{
	gf_error err = { 0 };
	gf_signer *key = gf_state_site_key(s, NULL, &err);

	if (key == NULL)
		fail_msg("%s", err.text);
	need(gf_state_checkpoint(s, key, &err));
	gf_signer_free(key);
}

static void test_site_key(void **state)
{
	gf_state *s = open_state("key", true);
	gf_error err = { 0 };
	gf_pubkey *public;
	gf_signer *key;
	struct stat st;
	gf_digest id;
	gf_checkpoint c;
	gf_buf note = { 0 };
	bool there;

	(void)state;
	need(gf_state_site_public(s, &public, &err));
	assert_null(public);
	need((key = gf_state_site_key(s, NULL, &err)) != NULL);
	id = *gf_pubkey_id(gf_signer_public(key));
	gf_signer_free(key);
	assert_int_equal(stat("key/site.pem", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* the public half is made again; the same key each time */
	drop("key", "site.pub");
	need((key = gf_state_site_key(s, NULL, &err)) != NULL);
	assert_true(gf_digest_equal(&id, gf_pubkey_id(gf_signer_public(key))));
	gf_signer_free(key);
	need(gf_state_site_public(s, &public, &err));
	assert_true(gf_digest_equal(&id, gf_pubkey_id(public)));
	gf_pubkey_free(public);
	/* a state that is a file, and one that is nowhere */
	put("key", "plain", "", 0);
	assert_false(gf_checkpoint_load("key/plain", &there, &c, &note, &err));
	assert_string_equal(err.name, "state");
	need(gf_checkpoint_load("key/nowhere", &there, &c, &note, &err));
	assert_false(there);
	/* by a command */
	assert_int_equal(sh("mv key/site.pem elsewhere.pem"), 0);
	need((key = gf_state_site_key(s, "openssl dgst -sha256 -sign elsewhere.pem", &err)) != NULL);
	need(gf_state_checkpoint(s, key, &err));
	gf_signer_free(key);
	/* never a second one */
	assert_null(gf_state_site_key(s, NULL, &err));
	assert_string_equal(err.name, "site-key");
	assert_int_equal(err.class, GF_USAGE);
	/* halves of two keys */
	assert_int_equal(sh("mv elsewhere.pem key/site.pem && openssl genpkey -algorithm EC -pkeyopt "
			    "ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout >key/site.pub"),
	    0);
	assert_null(gf_state_site_key(s, NULL, &err));
	assert_string_equal(err.name, "site-key");
	gf_state_close(s);
}

/* The three lines, signed; openssl agrees. */
static void test_checkpoint(void **state)
{
	gf_state *s = open_state("cp", true);
	gf_error err = { 0 };
	gf_buf first, second;

	(void)state;
	restore(s, "shop", 1);
	checkpoint(s);
	get("cp", "checkpoint", &first);
	checkpoint(s); /* nothing new: the file stays */
	get("cp", "checkpoint", &second);
	assert_string_equal(first.data, second.data);
	gf_buf_clear(&second);
	need(gf_state_set_site(s, "site-a", &err));
	checkpoint(s);
	get("cp", "checkpoint", &second);
	assert_int_equal(strncmp(first.data, "gapferry/unnamed\n1\n", 19), 0);
	assert_int_equal(strncmp(second.data, "gapferry/site-a\n1\n", 18), 0);
	assert_int_equal(
	    sh("cd cp && sed -n '1,/^$/{/^$/!p}' checkpoint >text && tail -n 1 checkpoint | cut -d ' ' -f 3 | base64 -d "
	       "| tail -c +5 >sig && openssl dgst -sha256 -verify site.pub -signature sig text | grep -qx 'Verified OK' && "
	       "{ printf '\\0'; head -c -1 audit.jsonl; } | openssl dgst -sha256 -binary | base64 >root && "
	       "sed -n 3p checkpoint | cmp root"),
	    0);
	gf_buf_clear(&first);
	gf_buf_clear(&second);
	gf_state_close(s);
}

/* Cut short, changed, or an older copy: the checkpoint knows better, with a cache or without. */
static void test_cut_short(void **state)
{
	gf_state *s = open_state("cut", true);
	gf_buf log, changed, note;
	size_t first;

	(void)state;
	restore(s, "shop", 1);
	restore(s, "shop", 2);
	checkpoint(s);
	gf_state_close(s);
	get("cut", "audit.jsonl", &log);
	get("cut", "checkpoint", &note);
	first = (size_t)(strchr(log.data, '\n') + 1 - log.data);
	put("cut", "audit.jsonl", log.data, first);
	refuse_state("cut", "log", "1 lines, and its checkpoint was signed over 2");
	put("cut", "audit.jsonl", "", 0);
	refuse_state("cut", "log", "0 lines, and its checkpoint was signed over 2");
	drop("cut", "state.json");
	refuse_state("cut", "log", "0 lines, and its checkpoint was signed over 2");
	/* one digit in the first line */
	get("cut", "audit.jsonl", &changed);
	gf_buf_clear(&changed);
	strstr(log.data, "\"sequence\":1")[11] = '2';
	put("cut", "audit.jsonl", log.data, log.len);
	refuse_state("cut", "log", "is not the one that its checkpoint was signed over");
	strstr(log.data, "\"sequence\":2")[11] = '1';
	put("cut", "audit.jsonl", log.data, log.len);
	gf_state_close(open_state("cut", false));
	/* a checkpoint that is none */
	put("cut", "checkpoint", "gapferry/unnamed\n2\n", 19);
	refuse_state("cut", "note", "checkpoint");
	put("cut", "checkpoint", note.data, note.len);
	gf_state_close(open_state("cut", false));
	gf_buf_clear(&log);
	gf_buf_clear(&note);
}

/* A line that the next run would refuse is not written by this one. */
static void test_tried_before_written(void **state)
{
	gf_state *s = open_state("tried", true);
	gf_digest d = { { 3 } };
	gf_record one = { .type = "trust", .statement = &d, .trust_version = 1, .created = 1700000000 },
		  both[2] = { { .type = "intent" },
			  { .type = "trust", .statement = &d, .trust_version = 3, .created = 1700000000 } };
	gf_error err = { 0 };
	gf_digest found;
	gf_buf before, after;

	(void)state;
	lines(s, one, 1);
	get("tried", "audit.jsonl", &before);
	need(gf_state_lock(s, &err));
	assert_false(gf_state_append(s, both, 2, &err));
	assert_string_equal(err.name, "log");
	gf_state_unlock(s);
	get("tried", "audit.jsonl", &after);
	assert_string_equal(before.data, after.data);
	assert_int_equal(gf_state_trust(s, &found), 1);
	gf_state_close(s);
	gf_state_close(open_state("tried", false));
	assert_true(there("tried", "state.json"));
	gf_buf_clear(&before);
	gf_buf_clear(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_forged),
		cmocka_unit_test(test_kept_once), cmocka_unit_test(test_whatever_becomes_of_it),
		cmocka_unit_test(test_another_last_line), cmocka_unit_test(test_older_than_the_lists),
		cmocka_unit_test(test_constant_cost), cmocka_unit_test(test_two_operators),
		cmocka_unit_test(test_site_key), cmocka_unit_test(test_checkpoint), cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_tried_before_written) };

	return cmocka_run_group_tests(tests, enter, leave);
}
