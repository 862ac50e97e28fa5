/* Floors, the log, records: what must survive anything. */
#define _DEFAULT_SOURCE /* chroot */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"
#include "verify/state.h"

/* A state of its own for each test. */
static const char *fresh(void)
{
	static char path[32];
	static unsigned n;

	(void)snprintf(path, sizeof path, "state%u", n++);
	return path;
}

static gf_state *open_state(const char *path, bool write)
{
	gf_error err = { 0 };
	gf_state *s = gf_state_open(path, write, &err);

	if (s == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return s;
}

static void append(gf_state *s, const gf_record *r)
{
	gf_error err = { 0 };

	need(gf_state_lock(s, &err));
	need(gf_state_append(s, r, 1, &err));
	gf_state_unlock(s);
}

/* As unpack does: the manifest into records/, then the line. */
static gf_digest accept_release(gf_state *s, const char *environment, const spec *what, bool unsigned_bundle)
{
	gf_error err = { 0 };
	made m;
	gf_record r = { .type = "accepted",
		.run = "0123456789abcdef",
		.stream = what->stream,
		.environment = environment,
		.epoch = what->epoch,
		.sequence = what->sequence,
		.manifest = &m.manifest,
		.unsigned_bundle = unsigned_bundle };

	make_bundle("b.tar", what, &m);
	need(gf_state_keep(s, &m.manifest, &m.statement, NULL, 0, &err));
	append(s, &r);
	gf_buf_clear(&m.statement);
	return m.manifest;
}

static gf_digest accept_number(gf_state *s, const char *environment, uint64_t epoch, uint64_t sequence)
{
	spec what = { .stream = "shop", .epoch = epoch, .sequence = sequence };

	return accept_release(s, environment, &what, false);
}

static void expect_floor(
    gf_state *s, const char *environment, uint64_t epoch, uint64_t sequence, const gf_digest *digest)
{
	gf_error err = { 0 };
	gf_floor f;

	need(gf_state_floor(s, "shop", environment, &f, &err));
	assert_true(f.present);
	assert_int_equal(f.epoch, epoch);
	assert_int_equal(f.sequence, sequence);
	assert_true(gf_digest_equal(&f.manifest, digest));
}

static void expect_no_floor(gf_state *s, const char *stream, const char *environment)
{
	gf_error err = { 0 };
	gf_floor f;

	need(gf_state_floor(s, stream, environment, &f, &err));
	assert_false(f.present);
}

static void test_floors(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_digest d5, d7, d6, e1;
	gf_record loaded = { .type = "loaded", .stream = "shop", .environment = "prod", .epoch = 1, .sequence = 6 };
	gf_error err = { 0 };
	gf_floor f;

	(void)state;
	expect_no_floor(s, "shop", "prod");
	d5 = accept_number(s, "prod", 1, 5);
	expect_floor(s, "prod", 1, 5, &d5);
	expect_no_floor(s, "shop", "test");
	expect_no_floor(s, "shop2", "prod");
	d7 = accept_number(s, "prod", 1, 7);
	expect_floor(s, "prod", 1, 7, &d7);
	/* A permit lets a lower one be accepted; that lowers nothing, but it is what was loaded last. */
	d6 = accept_number(s, "prod", 1, 6);
	loaded.manifest = &d6;
	loaded.target = "docker://registry.example";
	loaded.name = "registry.example/app:1";
	append(s, &loaded);
	expect_floor(s, "prod", 1, 7, &d7);
	need(gf_state_floor(s, "shop", "prod", &f, &err));
	assert_true(f.has_loaded && gf_digest_equal(&f.loaded, &d6));
	/* epoch before sequence */
	e1 = accept_number(s, "prod", 2, 1);
	expect_floor(s, "prod", 2, 1, &e1);
	/* and all of it stands in the log alone */
	gf_state_close(s);
	s = open_state(path, false);
	expect_floor(s, "prod", 2, 1, &e1);
	need(gf_state_floor(s, "shop", "prod", &f, &err));
	assert_true(f.has_loaded && gf_digest_equal(&f.loaded, &d6));
	expect_no_floor(s, "shop", "test");
	gf_state_close(s);
}

/* The log says which trust file is installed, and raises a floor from a receipt. */
static void test_trust_lines(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_digest one = { { 1 } }, two = { { 2 } }, found;
	gf_record r = { .type = "trust", .statement = &one, .trust_version = 3, .created = 1700000000 };
	gf_record restored = { .type = "restored",
		.stream = "shop",
		.environment = "prod",
		.epoch = 2,
		.sequence = 9,
		.manifest = &two,
		.statement = &one,
		.created = 1800000000 };
	gf_error err = { 0 };

	(void)state;
	assert_int_equal(gf_state_trust(s, &found), 0);
	append(s, &r);
	r.trust_version = 4;
	r.statement = &two;
	append(s, &r);
	append(s, &restored);
	gf_state_close(s);
	s = open_state(path, true);
	assert_int_equal(gf_state_trust(s, &found), 4);
	assert_true(gf_digest_equal(&found, &two));
	expect_floor(s, "prod", 2, 9, &two);
	/* no version is left out */
	r.trust_version = 6;
	need(gf_state_lock(s, &err));
	assert_false(gf_state_append(s, &r, 1, &err));
	assert_string_equal(err.name, "log");
	gf_state_close(s);
}

static void test_unsigned_is_no_floor(void **state)
{
	spec what = { .stream = "shop", .epoch = 1, .sequence = 9 };
	gf_state *s = open_state(fresh(), true);

	(void)state;
	(void)accept_release(s, "prod", &what, true);
	expect_no_floor(s, "shop", "prod");
	gf_state_close(s);
}

/* Another process raised it while this one was streaming. */
static void test_lock_rereads(void **state)
{
	const char *path = fresh();
	gf_state *a = open_state(path, true), *b = open_state(path, true);
	gf_error err = { 0 };
	gf_digest d = accept_number(a, "prod", 1, 3);

	(void)state;
	expect_no_floor(b, "shop", "prod");
	need(gf_state_lock(b, &err));
	expect_floor(b, "prod", 1, 3, &d);
	gf_state_unlock(b);
	gf_state_close(a);
	gf_state_close(b);
}

static void test_accepted_needs_record(void **state)
{
	gf_digest nowhere = { { 7 } };
	gf_record r = {
		.type = "accepted", .stream = "shop", .environment = "prod", .sequence = 1, .manifest = &nowhere
	};
	gf_state *s = open_state(fresh(), true);
	gf_error err = { 0 };
	char path[128];
	struct stat st;

	(void)state;
	need(gf_state_lock(s, &err));
	assert_false(gf_state_append(s, &r, 1, &err));
	assert_string_equal(err.name, "state");
	gf_state_unlock(s);
	(void)snprintf(path, sizeof path, "%s/audit.jsonl", gf_state_dir(s));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	gf_state_close(s);
}

static void test_unlocked_and_read_only(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_record r = { .type = "intent" };
	gf_error err = { 0 };

	(void)state;
	assert_false(gf_state_append(s, &r, 1, &err));
	assert_string_equal(err.name, "state");
	gf_state_close(s);
	s = open_state(path, false);
	assert_false(gf_state_lock(s, &err));
	assert_string_equal(err.name, "state");
	err = (gf_error){ 0 };
	assert_false(gf_state_keep(s, &(gf_digest){ { 1 } }, &(gf_buf){ 0 }, NULL, 0, &err));
	assert_string_equal(err.name, "state");
	assert_non_null(strstr(err.text, "is open for reading only"));
	gf_state_close(s);
}

/* ---- the file ---- */

static void put_log(const char *state, const void *bytes, size_t n)
{
	gf_error err = { 0 };
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/audit.jsonl", state);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	need(gf_write_all(fd, bytes, n, path, &err));
	(void)close(fd);
}

static void get_log(const char *state, gf_buf *out)
{
	gf_error err = { 0 };
	char path[128];

	(void)snprintf(path, sizeof path, "%s/audit.jsonl", state);
	gf_buf_init(out, 64 * GF_MIB);
	need(gf_file_load(path, 64 * GF_MIB, GF_FAILED, out, &err));
}

/* The n-th line from the end, as a document. */
static gf_json_doc *last_line(const char *state)
{
	gf_error err = { 0 };
	gf_json_doc *doc;
	gf_buf log;
	char *start;

	get_log(state, &log);
	assert_true(log.len > 0 && log.data[log.len - 1] == '\n');
	log.data[log.len - 1] = '\0';
	start = strrchr(log.data, '\n');
	start = start != NULL ? start + 1 : log.data;
	need((doc = gf_json_parse(start, strlen(start), GF_LOG_LINE_MAX, GF_FAILED, "line", &err)) != NULL);
	gf_buf_clear(&log);
	return doc;
}

static void test_torn(void **state)
{
	static char huge[200000];
	static const struct {
		const char *bytes;
		size_t n;
	} tails[] = { { "{\"time\":\"2026-11-", 17 }, { "{}", 2 }, { "\0\0\0\0", 4 }, { huge, sizeof huge } };

	(void)state;
	memset(huge, 'h', sizeof huge);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		const char *path = fresh();
		gf_state *s = open_state(path, true);
		gf_digest d = accept_number(s, "prod", 1, 4), want, found;
		gf_error err = { 0 };
		gf_json_doc *doc;
		uint64_t bytes = 0;
		const char *type;
		gf_buf before, after;

		gf_state_close(s);
		get_log(path, &before);
		put_log(path, tails[i].bytes, tails[i].n);
		/* A reader leaves it alone: somebody may be writing there. */
		s = open_state(path, false);
		expect_floor(s, "prod", 1, 4, &d);
		gf_state_close(s);
		get_log(path, &after);
		assert_int_equal(after.len, before.len + tails[i].n);
		gf_buf_clear(&after);
		/* Who takes the lock cuts it off and says so. */
		s = open_state(path, true);
		expect_floor(s, "prod", 1, 4, &d);
		need(gf_state_lock(s, &err));
		gf_state_unlock(s);
		need(gf_state_lock(s, &err)); /* and only once */
		gf_state_unlock(s);
		gf_state_close(s);
		get_log(path, &after);
		assert_memory_equal(after.data, before.data, before.len);
		assert_ptr_equal(strchr(after.data + before.len, '\n'), after.data + after.len - 1);
		doc = last_line(path);
		need(gf_json_string(gf_json_root(doc), "type", &type, &err));
		assert_string_equal(type, "recovered");
		need(gf_json_u64(gf_json_root(doc), "bytes", &bytes, &err));
		assert_int_equal(bytes, tails[i].n);
		need(gf_json_digest(gf_json_root(doc), "digest", &found, &err));
		need(gf_hash_bytes(tails[i].bytes, tails[i].n, &want, &err));
		assert_true(gf_digest_equal(&found, &want));
		gf_json_free(doc);
		gf_buf_clear(&before);
		gf_buf_clear(&after);
	}
}

static void test_corrupt(void **state)
{
	static char longest[GF_LOG_LINE_MAX + 2];
	static const char *const lines[] = { "nonsense\n", "\n", "{}\n", "[]\n", "{\"type\":\"intent\"}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\"}\n", "{\"time\":\"2026-02-30T01:02:03Z\",\"type\":\"intent\"}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"accepted\",\"stream\":\"shop\",\"environment\":\"prod\"}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"trust\",\"trustVersion\":1}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"accepted\",\"stream\":\"shop\",\"environment\":\"prod\","
		"\"epoch\":1,\"sequence\":1,\"created\":\"2026-11-23T01:02:03Z\"}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"accepted\",\"stream\":\"shop\",\"environment\":\"prod\","
		"\"epoch\":1,\"sequence\":\"1\",\"manifest\":\"sha256:"
		"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"created\":\"2026-11-23T01:02:03Z\"}\n",
		"{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"accepted\",\"stream\":\"shop\",\"environment\":\"prod\","
		"\"epoch\":1,\"sequence\":1,\"manifest\":\"sha256:"
		"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
		longest };

	(void)state;
	memset(longest, ' ', sizeof longest);
	memcpy(longest, "{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"intent\"}", 47);
	longest[GF_LOG_LINE_MAX + 1 - 1] = '\n'; /* exactly the longest line: good */
	longest[GF_LOG_LINE_MAX + 1] = '\0';
	for (size_t i = 0; i <= sizeof lines / sizeof lines[0]; i++) {
		bool good = i == sizeof lines / sizeof lines[0];
		const char *path = fresh();
		gf_state *s = open_state(path, true);
		gf_record r = { .type = "intent" };
		gf_error err = { 0 };

		append(s, &r);
		gf_state_close(s);
		if (good) {
			put_log(path, longest, GF_LOG_LINE_MAX + 1);
			gf_state_close(open_state(path, false));
			continue;
		}
		if (lines[i] == longest) {
			put_log(path, longest, GF_LOG_LINE_MAX);
			put_log(path, " \n", 2);
		} else {
			put_log(path, lines[i], strlen(lines[i]));
		}
		put_log(path, "{\"time\":\"2026-11-23T01:02:03Z\",\"type\":\"intent\"}\n", 48);
		s = gf_state_open(path, i % 2 == 0, &err);
		if (s != NULL)
			fail_msg("accepted: %.60s", lines[i]);
		assert_string_equal(err.name, "log");
		assert_int_equal(err.class, GF_FAILED);
		assert_non_null(strstr(err.text, "line 2 "));
	}
}

static void test_shorter(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_record r = { .type = "intent" };
	gf_error err = { 0 };
	struct stat st;
	char log[128];

	(void)state;
	append(s, &r);
	(void)snprintf(log, sizeof log, "%s/audit.jsonl", path);
	assert_int_equal(truncate(log, 3), 0);
	assert_false(gf_state_lock(s, &err));
	assert_string_equal(err.name, "log");
	assert_non_null(strstr(err.text, "shorter"));
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_size, 3); /* and nothing was done to it */
	gf_state_close(s);
}

/* Two processes append at once: no line is lost, none is mixed. */
static void test_two_processes(void **state)
{
	enum { EACH = 100 };
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	unsigned seen[2][EACH] = { { 0 } };
	pid_t pid[2];
	gf_buf log;

	(void)state;
	gf_state_close(s);
	for (int p = 0; p < 2; p++) {
		pid[p] = fork();
		assert_true(pid[p] >= 0);
		if (pid[p] == 0) {
			gf_error err;
			gf_state *mine = gf_state_open(path, true, &err);
			bool ok = mine != NULL;

			for (int i = 0; ok && i < EACH; i++) {
				char code[32];
				gf_record r = { .type = "failed", .code = code };

				(void)snprintf(code, sizeof code, "p%d-%d", p, i);
				ok = gf_state_lock(mine, &err) && gf_state_append(mine, &r, 1, &err);
				gf_state_unlock(mine);
			}
			_exit(ok ? 0 : 1);
		}
	}
	for (int p = 0; p < 2; p++) {
		int status;

		assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
		assert_int_equal(status, 0);
	}
	gf_state_close(open_state(path, false));
	get_log(path, &log);
	for (char *line = strtok(log.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned p, i;
		const char *code = strstr(line, "\"code\":\"p");

		assert_non_null(code);
		assert_int_equal(sscanf(code, "\"code\":\"p%u-%u\"", &p, &i), 2);
		assert_true(p < 2 && i < EACH);
		seen[p][i]++;
	}
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < EACH; i++)
			assert_int_equal(seen[p][i], 1);
	gf_buf_clear(&log);
}

/* The disk is full in the middle of a line: the append fails, and no half line is left. */
static void test_no_room(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_record r = { .type = "intent" };
	gf_buf before, after;
	int status;
	pid_t pid;

	(void)state;
	append(s, &r);
	get_log(path, &before);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = { before.len + 20, before.len + 20 };
		gf_error err = { 0 };
		bool ok;

		(void)signal(SIGXFSZ, SIG_IGN);
		ok = setrlimit(RLIMIT_FSIZE, &limit) == 0 && gf_state_lock(s, &err) &&
		    !gf_state_append(s, &r, 1, &err) && strcmp(err.name, "log") == 0 && err.class == GF_FAILED &&
		    strstr(err.text, "torn line is left") == NULL;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	get_log(path, &after);
	assert_int_equal(after.len, before.len);
	gf_buf_clear(&before);
	gf_buf_clear(&after);
	gf_state_close(s);
}

/* One record is one line of ASCII, whatever stands in it; too long a one is refused, not cut. */
static void test_lines(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_record r = {
		.type = "loaded", .name = "a\nb\r\x1b[31m\xc3\xa4\xe2\x80\xae\x7f\xff", .code = "x", .step = "y"
	};
	gf_error err = { 0 };
	char *big = malloc(GF_LOG_LINE_MAX);
	gf_digest d = { { 1 } };
	gf_buf log;

	(void)state;
	assert_non_null(big);
	r.manifest = &d;
	append(s, &r);
	get_log(path, &log);
	for (size_t i = 0; i + 1 < log.len; i++)
		assert_true(log.data[i] >= 0x20 && log.data[i] < 0x7f);
	assert_int_equal(log.data[log.len - 1], '\n');
	gf_buf_clear(&log);
	memset(big, 'x', GF_LOG_LINE_MAX - 1);
	big[GF_LOG_LINE_MAX - 1] = '\0';
	r.name = big;
	need(gf_state_lock(s, &err));
	assert_false(gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
	gf_state_close(s);
	gf_state_close(open_state(path, false));
	free(big);
}

/* FORMAT.md 6.5: the members of a line and their order, behind the time, which is the clock's. */
static void expect_line(const char *state, const char *want)
{
	gf_buf log;
	char *line;

	get_log(state, &log);
	assert_true(log.len > 1);
	log.data[log.len - 1] = '\0';
	line = strrchr(log.data, '\n');
	line = line != NULL ? line + 1 : log.data;
	assert_int_equal(strncmp(line, "{\"time\":\"", 9), 0);
	assert_int_equal(strncmp(line + 29, "\",\"type\":\"", 10), 0);
	assert_string_equal(line + 39, want);
	gf_buf_clear(&log);
}

static void test_members(void **state)
{
	static const gf_digest digest = { { 0xab, 1 } };
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	spec what = { .stream = "shop", .epoch = 1, .sequence = 42, .created = 1795395723 };
	gf_record r = { .type = "loaded",
		.run = "0123456789abcdef",
		.site = "site-a",
		.environment = "prod",
		.stream = "shop",
		.epoch = 1,
		.sequence = 42,
		.manifest = &digest,
		.target = "docker://r/x",
		.name = "r/x/\xc3\xa4:1",
		.digest = &digest,
		.step = "load",
		.code = "http",
		.unsigned_bundle = true };
	char want[1024], hex[GF_HEX_SIZE];
	gf_error err = { 0 };
	gf_digest manifest;

	(void)state;
#define D "sha256:ab01000000000000000000000000000000000000000000000000000000000000"
	append(s, &r);
	expect_line(path,
	    "loaded\",\"run\":\"0123456789abcdef\",\"site\":\"site-a\",\"environment\":\"prod\",\"stream\":\"shop\","
	    "\"epoch\":1,\"sequence\":42,\"manifest\":\"" D
	    "\",\"target\":\"docker://r/x\",\"name\":\"r/x/\\u00e4:1\",\"digest\":\"" D
	    "\",\"step\":\"load\",\"code\":\"http\",\"unsigned\":true}");
#undef D
	r = (gf_record){ .type = "intent" };
	append(s, &r);
	expect_line(path, "intent\"}");
	manifest = accept_release(s, "prod", &what, false);
	gf_digest_hex(&manifest, hex);
	(void)snprintf(want, sizeof want,
	    "accepted\",\"run\":\"0123456789abcdef\",\"environment\":\"prod\",\"stream\":\"shop\",\"epoch\":1,"
	    "\"sequence\":42,\"manifest\":\"sha256:%s\",\"created\":\"2026-11-23T01:02:03Z\"}",
	    hex);
	expect_line(path, want);
	put_log(path, "{\"x", 3);
	need(gf_state_lock(s, &err));
	gf_state_unlock(s);
	expect_line(path,
	    "recovered\",\"bytes\":3,\"digest\":"
	    "\"sha256:63c03b761dc514faf9dc68127ab4035757ea87ecdebf023fab3efb4cf0837ba3\"}");
	gf_state_close(s);
}

/* ---- the directory ---- */

static void test_absent(void **state)
{
	gf_state *s = open_state("nowhere", false);

	(void)state;
	expect_no_floor(s, "shop", "prod");
	assert_null(gf_state_site(s));
	gf_state_close(s);
	assert_int_not_equal(access("nowhere", F_OK), 0);
}

static void test_modes(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	gf_record r = { .type = "intent" };
	struct stat st;
	char log[128];

	(void)state;
	append(s, &r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)snprintf(log, sizeof log, "%s/audit.jsonl", path);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	gf_state_close(s);
}

/* Root passes permissions, so the obstacles are of other kinds; where the test is not root, permissions too. */
static void test_unusable(void **state)
{
	static const char *const make[] = { "echo x > bad", "mkdir bad && mkdir bad/audit.jsonl",
		"mkdir bad && ln -s /dev/null bad/audit.jsonl", "mkdir bad && mkfifo bad/audit.jsonl",
		"mkdir bad && mkdir bad/site", "mkdir bad && printf 'no newline' > bad/site",
		"mkdir bad && echo 'Not A Name' > bad/site", "ln -s bad bad", "mkdir bad && : > bad/site",
		"mkdir bad && ln -s site bad/site" };
	static const char *const says[sizeof make / sizeof make[0]] = { [5] = "does not hold one line",
		[6] = "does not hold the name of a site",
		[8] = "does not hold one line",
		[9] = "cannot be read" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof make / sizeof make[0]; i++) {
		gf_error err = { 0 };

		assert_int_equal(sh("rm -rf bad"), 0);
		assert_int_equal(sh(make[i / 2]), 0);
		if (gf_state_open("bad", i % 2 == 0, &err) != NULL)
			fail_msg("opened: %s", make[i / 2]);
		if (strcmp(err.name, "state") != 0 && !(i / 2 == 4 && err.class == GF_FAILED))
			fail_msg("%s: %s: %s", make[i / 2], err.name, err.text);
		assert_int_equal(err.class, GF_FAILED);
		if (says[i / 2] != NULL && strstr(err.text, says[i / 2]) == NULL)
			fail_msg("%s: %s", make[i / 2], err.text);
	}
	if (geteuid() != 0) {
		gf_error err = { 0 };

		assert_int_equal(sh("rm -rf bad; mkdir -m 0 bad"), 0);
		assert_null(gf_state_open("bad", false, &err));
		assert_string_equal(err.name, "state");
	}
}

static void test_where(void **state)
{
	gf_state *s;
	char here[96], named[128];

	(void)state;
	assert_non_null(getcwd(here, sizeof here));
	(void)snprintf(named, sizeof named, "%s/named", here);
	assert_int_equal(setenv("GAPFERRY_STATE", named, 1), 0);
	s = open_state(NULL, true);
	assert_string_equal(gf_state_dir(s), named);
	gf_state_close(s);
	assert_int_equal(access(named, F_OK), 0);
	(void)unsetenv("GAPFERRY_STATE");
}

static void test_site(void **state)
{
	const char *path = fresh();
	gf_state *a = open_state(path, true), *b = open_state(path, true);
	gf_error err = { 0 };

	(void)state;
	assert_false(gf_state_set_site(a, "Site A", &err));
	assert_string_equal(err.name, "site");
	need(gf_state_set_site(a, "site-a", &err));
	assert_string_equal(gf_state_site(a), "site-a");
	need(gf_state_set_site(a, "site-a", &err));
	/* b was opened before it had a name */
	assert_false(gf_state_set_site(b, "site-b", &err));
	assert_string_equal(err.name, "site");
	assert_int_equal(err.class, GF_USAGE);
	gf_state_close(a);
	gf_state_close(b);
	a = open_state(path, false);
	assert_string_equal(gf_state_site(a), "site-a");
	gf_state_close(a);
}

/* ---- records ---- */

static void test_records(void **state)
{
	const char *path = fresh();
	gf_state *s = open_state(path, true);
	spec what = { .stream = "shop", .epoch = 1, .sequence = 1 };
	char name[] = "manifest.json.0123456789abcdef.sig", evil[] = "../evil";
	gf_member one = { .name = name }, two = { .name = name }, bad = { .name = evil };
	char command[512], hex[GF_HEX_SIZE];
	gf_error err = { 0 };
	gf_digest other;
	made m;

	(void)state;
	make_bundle("b.tar", &what, &m);
	buf_new(&one.bytes);
	buf_new(&two.bytes);
	add_bytes(&one.bytes, "one\n", 4);
	add_bytes(&two.bytes, "two\n", 4);
	need(gf_state_keep(s, &m.manifest, &m.statement, &one, 1, &err));
	need(gf_state_keep(s, &m.manifest, &m.statement, &one, 1, &err));
	need(gf_state_keep(s, &m.manifest, &m.statement, &two, 1, &err));
	gf_digest_hex(&m.manifest, hex);
	(void)snprintf(command, sizeof command,
	    "cd %s/records && test $(ls | wc -l) = 1 && cd %s && test $(ls | wc -l) = 3 && "
	    "echo '%s  manifest.json' | sha256sum -c --strict --quiet && cat *.sig | sort | tr -d '\\n' | grep -qx onetwo",
	    path, hex, hex);
	assert_int_equal(sh(command), 0);
	/* Names from outside never become paths. */
	assert_false(gf_state_keep(s, &m.manifest, &m.statement, &bad, 1, &err));
	assert_string_equal(err.name, "state");
	(void)snprintf(command, sizeof command, "%s/records/evil", path);
	assert_int_equal(access(command, F_OK), -1);
	/* What lies there must be what was signed. */
	other = m.manifest;
	other.bytes[0] ^= 1;
	assert_false(gf_state_keep(s, &other, &m.statement, NULL, 0, &err));
	assert_string_equal(err.name, "state");
	(void)snprintf(command, sizeof command, "echo >> %s/records/%s/manifest.json", path, hex);
	assert_int_equal(sh(command), 0);
	assert_false(gf_state_keep(s, &m.manifest, &m.statement, NULL, 0, &err));
	assert_string_equal(err.name, "state");
	gf_buf_clear(&one.bytes);
	gf_buf_clear(&two.bytes);
	gf_buf_clear(&m.statement);
	gf_state_close(s);
}

/* ---- where it is when nobody says ---- */

static void lies_in(const char *home, const char *want)
{
	gf_error err = { 0 };
	char *found;

	assert_int_equal(home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME"), 0);
	found = gf_state_where(&err);
	if (want == NULL ? found != NULL || strcmp(err.name, "state") != 0 : found == NULL || strcmp(found, want) != 0)
		fail_msg("HOME %s: %s, expected %s", home, found, want);
	free(found);
}

/* Alone in a directory that is the root of all, and nobody. */
static void as_nobody(const char *make, const char *home, const char *want)
{
	int status;
	pid_t pid;

	assert_int_equal(sh("rm -rf jail && mkdir -p jail/var/lib"), 0);
	assert_int_equal(sh(make), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chroot("jail") != 0 || chdir("/") != 0 || seteuid(65534) != 0)
			_exit(2);
		lies_in(home, want);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s, HOME %s: not %s", make, home, want);
}

static void test_nobody_says(void **state)
{
	static const char system[] = "/var/lib/gapferry", own[] = "/home/me/.local/state/gapferry";
	const char *home = getenv("HOME");
	char *kept = home != NULL ? strdup(home) : NULL;

	(void)state;
	if (geteuid() != 0)
		skip();
	lies_in("/home/me", system);
	as_nobody("true", "/home/me", own);
	as_nobody("true", NULL, NULL);
	as_nobody("true", "home/me", NULL);
	as_nobody("mkdir jail/var/lib/gapferry", "/home/me", system);
	as_nobody("chmod 0 jail/var/lib", "/home/me", system);
	as_nobody("rmdir jail/var/lib && touch jail/var/lib", "/home/me", own);
	assert_int_equal(kept != NULL ? setenv("HOME", kept, 1) : unsetenv("HOME"), 0);
	free(kept);
}

/* What takes the lock for itself gives it back, and no other. */
static void test_whose_lock(void **state)
{
	gf_state *s;
	gf_error err = { 0 };
	gf_signer *key;

	(void)state;
	need((s = gf_state_open("whose", true, &err)) != NULL);
	for (int locked = 0; locked < 2; locked++) {
		need(!locked || gf_state_lock(s, &err));
		need(gf_state_set_site(s, "site-a", &err));
		assert_int_equal(gf_state_locked(s), locked);
		need((key = gf_state_site_key(s, NULL, &err)) != NULL);
		assert_int_equal(gf_state_locked(s), locked);
		need(gf_state_checkpoint(s, key, &err));
		assert_int_equal(gf_state_locked(s), locked);
		gf_signer_free(key);
	}
	gf_state_unlock(s);
	gf_state_close(s);
	/* read only: nothing is made, nothing is locked */
	need((s = gf_state_open("whose", false, &err)) != NULL);
	assert_false(gf_state_lock(s, &err));
	assert_non_null(strstr(err.text, "is open for reading only"));
	gf_state_close(s);
	need((s = gf_state_open("nowhere", false, &err)) != NULL);
	gf_state_close(s);
	assert_null(gf_state_look("nowhere", &err));
	assert_string_equal(err.name, "state");
	need((s = gf_state_look("whose", &err)) != NULL);
	gf_state_close(s);
	assert_int_not_equal(sh("test -e nowhere"), 0);
	assert_int_equal(sh("touch plain"), 0);
	err = (gf_error){ 0 };
	assert_null(gf_state_open("plain/x", false, &err));
	assert_string_equal(err.name, "state");
}

/* While a command signs, nobody's lock is held; what it signed is stored under the lock, or not at all. */
static void test_signed_outside(void **state)
{
	static const char command[] = "rm signs/lock && ln -s x signs/lock && cat > in && "
				      "openssl pkeyutl -sign -inkey signs/key.pem -rawin -in in";
	gf_error err = { 0 };
	gf_secret private = { 0 };
	gf_signer *key;
	gf_buf public;
	gf_state *s;

	(void)state;
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	need((s = gf_state_open("signs", true, &err)) != NULL && gf_state_set_site(s, "site-a", &err));
	need(gf_key_generate("ed25519", NULL, &private, &public, &err));
	need(gf_file_store("signs/key.pem", 0600, private.data, private.len, &err) &&
	    gf_file_store("signs/key.pub", 0644, public.data, public.len, &err));
	need((key = gf_signer_command(command, "signs/key.pub", &err)) != NULL);
	assert_false(gf_state_checkpoint(s, key, &err));
	assert_string_equal(err.name, "lock");
	assert_int_not_equal(access("signs/checkpoint", F_OK), 0);
	assert_int_equal(unlink("signs/lock"), 0);
	gf_signer_free(key);
	need((key = gf_signer_command(strstr(command, "cat"), "signs/key.pub", &err)) != NULL);
	need(gf_state_checkpoint(s, key, &err));
	assert_int_equal(access("signs/checkpoint", F_OK), 0);
	gf_signer_free(key);
	gf_secret_clear(&private);
	gf_buf_clear(&public);
	gf_state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_signed_outside), cmocka_unit_test(test_floors),
		cmocka_unit_test(test_trust_lines), cmocka_unit_test(test_unsigned_is_no_floor),
		cmocka_unit_test(test_lock_rereads), cmocka_unit_test(test_accepted_needs_record),
		cmocka_unit_test(test_unlocked_and_read_only), cmocka_unit_test(test_torn),
		cmocka_unit_test(test_corrupt), cmocka_unit_test(test_shorter), cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_no_room), cmocka_unit_test(test_lines), cmocka_unit_test(test_members),
		cmocka_unit_test(test_absent), cmocka_unit_test(test_modes), cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_where), cmocka_unit_test(test_site), cmocka_unit_test(test_nobody_says),
		cmocka_unit_test(test_whose_lock), cmocka_unit_test(test_records) };

	return cmocka_run_group_tests(tests, enter, leave);
}
