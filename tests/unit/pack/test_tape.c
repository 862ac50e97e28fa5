/* tape: our half of it against readers that were taken over. */
#include "common.h"
#include "pack/tape_line.h"

#define BLOCKS 8

/* ---- what a planted reader says; then it ends ---- */

static gf_tape_word word(gf_tape_ask what)
{
	return (gf_tape_word){ .what = what };
}

static void say(int line, gf_tape_word w, const void *body, size_t n)
{
	(void)gf_line_send(line, &w, sizeof w, body, n);
}

static void entry(int line, const char *name, size_t name_n, uint64_t size, uint64_t offset)
{
	gf_tape_word w = word(GF_TAPE_ENTRY);

	w.name_n = (uint32_t)name_n;
	w.size = size;
	w.offset = offset;
	say(line, w, name, name_n);
}

/* The answer to what was asked: bytes. */
static size_t ask(int line, gf_tape_ask what, uint64_t size)
{
	gf_tape_word w = word(what);
	unsigned char block[GF_TAPE_BLOCK];
	uint64_t n;
	size_t got = 0;

	w.size = size;
	say(line, w, NULL, 0);
	(void)gf_line_receive(line, &n, sizeof n, block, sizeof block, &got);
	return got;
}

static void ends(void *ctx, int line)
{
	(void)ctx;
	(void)line;
}

static void babbles(void *ctx, int line)
{
	(void)ctx;
	(void)gf_line_send(line, "hello", 5, NULL, 0);
}

static void unknown(void *ctx, int line)
{
	(void)ctx;
	say(line, word((gf_tape_ask)99), NULL, 0);
}

static void too_long(void *ctx, int line)
{
	static const char big[3 * GF_TAPE_NAME];

	(void)ctx;
	say(line, word(GF_TAPE_ENTRY), big, sizeof big);
}

static void no_name(void *ctx, int line)
{
	(void)ctx;
	entry(line, "", 0, 0, 0);
}

static void climbs(void *ctx, int line)
{
	(void)ctx;
	entry(line, "a/../b", 6, 0, 0);
}

static void absolute(void *ctx, int line)
{
	(void)ctx;
	entry(line, "/a", 2, 0, 0);
}

static void not_clean(void *ctx, int line)
{
	(void)ctx;
	entry(line, "./a", 3, 0, 0);
}

static void two_names(void *ctx, int line)
{
	(void)ctx;
	entry(line, "a\0b", 3, 0, 0);
}

static void name_beyond(void *ctx, int line)
{
	gf_tape_word w = word(GF_TAPE_ENTRY);

	(void)ctx;
	w.name_n = 1000;
	say(line, w, "a", 1);
}

static void huge(void *ctx, int line)
{
	(void)ctx;
	entry(line, "a", 1, UINT64_MAX, 0);
}

static void link_with_bytes(void *ctx, int line)
{
	gf_tape_word w = word(GF_TAPE_ENTRY);

	(void)ctx;
	w.name_n = 1;
	w.linked = 1;
	w.size = 10;
	say(line, w, "ab", 2);
}

static void much_magic(void *ctx, int line)
{
	gf_tape_word w = word(GF_TAPE_ENTRY);

	(void)ctx;
	w.name_n = 1;
	w.size = 1000;
	w.n_magic = 200;
	say(line, w, "a", 1);
}

static void before_block(void *ctx, int line)
{
	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	(void)ask(line, GF_TAPE_READ, 0);
	entry(line, "a", 1, 10, 512);
}

static void behind_block(void *ctx, int line)
{
	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	entry(line, "a", 1, 10, UINT64_MAX);
}

static void other_magic(void *ctx, int line)
{
	gf_tape_word w = word(GF_TAPE_ENTRY);

	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	w.name_n = 1;
	w.size = 10;
	w.offset = 512;
	w.n_magic = 1;
	w.magic[0] = 'x';
	say(line, w, "a", 1);
}

static void reads_on(void *ctx, int line)
{
	(void)ctx;
	for (int i = 0; i < 1000; i++)
		(void)ask(line, GF_TAPE_READ, 0);
}

static void skips_on(void *ctx, int line)
{
	(void)ctx;
	for (int i = 0; i < 1000; i++)
		(void)ask(line, GF_TAPE_SKIP, UINT64_MAX);
}

static void no_error(void *ctx, int line)
{
	(void)ctx;
	say(line, word(GF_TAPE_FAILURE), "no", 2);
}

static void endless(void *ctx, int line)
{
	(void)ctx;
	for (int i = 0; i <= GF_ARCHIVE_MEMBERS_MAX; i++)
		entry(line, "a", 1, 0, 0);
}

static const unsigned char noughts[BLOCKS * GF_TAPE_BLOCK];

static gf_tape *open_with(gf_contained_run run)
{
	gf_error err = { 0 };
	gf_tape *t =
	    gf_tape_open_with(run, NULL, gf_input_memory(noughts, sizeof noughts, &err), UINT64_MAX, "planted", &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static void planted(void **state)
{
	static const struct {
		const char *name;
		gf_contained_run run;
	} rows[] = { { "ends", ends }, { "babbles", babbles }, { "unknown", unknown }, { "too long", too_long },
		{ "no name", no_name }, { "climbs", climbs }, { "absolute", absolute }, { "not clean", not_clean },
		{ "two names", two_names }, { "name beyond", name_beyond }, { "huge", huge },
		{ "link with bytes", link_with_bytes }, { "much magic", much_magic }, { "before", before_block },
		{ "behind", behind_block }, { "other magic", other_magic }, { "reads on", reads_on },
		{ "skips on", skips_on }, { "no error", no_error }, { "endless", endless } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_tape *t = open_with(rows[i].run);
		gf_error err = { 0 };
		gf_tape_entry e;
		bool end = false;

		while (gf_tape_next(t, &e, &end, &err) && !end)
			continue;
		if (end || err.class != GF_FAILED || strcmp(err.name, "contained") != 0)
			fail_msg("%s: %d %s %s", rows[i].name, err.class, err.name, err.text);
		gf_tape_close(t);
	}
}

/* One that goes on in its member, although we have read it, is not given other bytes instead. */
static void reads_member(void *ctx, int line)
{
	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	entry(line, "a", 1, 2 * GF_TAPE_BLOCK, 512);
	(void)ask(line, GF_TAPE_READ, 0);
}

static void skips_less(void *ctx, int line)
{
	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	entry(line, "a", 1, 2 * GF_TAPE_BLOCK, 512);
	(void)ask(line, GF_TAPE_SKIP, 512);
}

static void inside_a_member(void **state)
{
	static const gf_contained_run runs[] = { reads_member, skips_less };

	(void)state;
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		gf_tape *t = open_with(runs[i]);
		gf_error err = { 0 };
		gf_tape_entry e;
		bool end;
		unsigned char buf[GF_TAPE_BLOCK];
		size_t n = 0;
		ptrdiff_t got;
		gf_input *in;

		assert_true(gf_tape_next(t, &e, &end, &err) && !end);
		in = gf_tape_member(t, &err);
		assert_non_null(in);
		while ((got = gf_input_read(in, buf, sizeof buf, &err)) > 0)
			n += (size_t)got;
		assert_int_equal(got, 0);
		assert_int_equal(n, 2 * GF_TAPE_BLOCK);
		gf_input_close(in);
		assert_false(gf_tape_next(t, &e, &end, &err));
		assert_string_equal(err.name, "contained");
		gf_tape_close(t);
	}
}

/* Longer than the tape. */
static void beyond(void *ctx, int line)
{
	(void)ctx;
	(void)ask(line, GF_TAPE_READ, 0);
	entry(line, "a", 1, 1 << 20, 512);
}

static void cut_member(void **state)
{
	gf_tape *t = open_with(beyond);
	gf_error err = { 0 };
	gf_tape_entry e;
	bool end;
	unsigned char buf[GF_TAPE_BLOCK];
	gf_input *in;

	(void)state;
	assert_true(gf_tape_next(t, &e, &end, &err) && !end);
	in = gf_tape_member(t, &err);
	assert_non_null(in);
	while (gf_input_read(in, buf, sizeof buf, &err) > 0)
		continue;
	assert_string_equal(err.name, "cut-short");
	gf_input_close(in);
	gf_tape_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted),
		cmocka_unit_test(inside_a_member),
		cmocka_unit_test(cut_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
