#include <pthread.h>

#include "common.h"

typedef struct log_entry {
	gf_event_type type;
	unsigned transfer, whole;
	char text[64];
	uint64_t bytes;
} log_entry;

static log_entry seen[8];
static size_t seen_n;

static void take(void *ctx, const gf_event *e)
{
	log_entry *l = &seen[seen_n++];

	assert_string_equal(ctx, "ctx");
	l->type = e->type;
	l->transfer = e->transfer;
	l->whole = e->whole;
	l->bytes = e->bytes;
	(void)snprintf(l->text, sizeof l->text, "%.60s", e->text != NULL ? e->text : "(null)");
}

static void test_what_is_told(void **state)
{
	char ctx[] = "ctx";
	gf_events e = { .take = take, .ctx = ctx };
	unsigned a, b;

	(void)state;
	a = gf_event_begin(&e, "layer one", 100);
	b = gf_event_begin(&e, "layer two", 0);
	assert_true(a != 0 && b != 0 && a != b);
	gf_event_advance(&e, b, 7);
	gf_event_end(&e, a);
	gf_event_say(&e, GF_EVENT_WARNING, "%d of %s", 3, "four");
	assert_int_equal(seen_n, 5);
	assert_int_equal(seen[0].type, GF_EVENT_BEGIN);
	assert_int_equal(seen[0].transfer, a);
	assert_string_equal(seen[0].text, "layer one");
	assert_int_equal(seen[0].bytes, 100);
	assert_int_equal(seen[2].type, GF_EVENT_ADVANCE);
	assert_int_equal(seen[2].transfer, b);
	assert_int_equal(seen[2].bytes, 7);
	assert_int_equal(seen[3].type, GF_EVENT_END);
	assert_int_equal(seen[3].transfer, a);
	assert_int_equal(seen[4].type, GF_EVENT_WARNING);
	assert_int_equal(seen[4].transfer, 0);
	assert_string_equal(seen[4].text, "3 of four");
}

/* A blob is a part of a transfer; one that is over at once is not told of, and its number is taken by the others. */
static void test_blobs(void **state)
{
	char ctx[] = "ctx";
	gf_events e = { .take = take, .ctx = ctx };
	const gf_digest d = { { 0xab, 0xcd } };
	unsigned whole, part;

	(void)state;
	seen_n = 0;
	whole = gf_event_begin(&e, "all", 2 * GF_EVENT_BLOB_MIN);
	part = gf_event_begin_blob(&e, whole, &d, GF_EVENT_BLOB_MIN);
	assert_int_equal(gf_event_begin_blob(&e, whole, &d, GF_EVENT_BLOB_MIN - 1), 0);
	assert_int_equal(gf_event_begin_blob(NULL, 1, &d, GF_EVENT_BLOB_MIN), 0);
	gf_event_advance(&e, 0, 5);
	gf_event_end(&e, 0);
	assert_int_equal(seen_n, 2);
	assert_int_equal(seen[0].whole, 0);
	assert_int_equal(seen[1].whole, whole);
	assert_int_equal(seen[1].transfer, part);
	assert_string_equal(seen[1].text, "blob abcd00000000");
}

static void test_null_is_taken(void **state)
{
	(void)state;
	assert_int_equal(gf_event_begin(NULL, "x", 1), 0);
	gf_event_advance(NULL, 1, 1);
	gf_event_end(NULL, 1);
	gf_event_say(NULL, GF_EVENT_NOTE, "x");
}

static void ignore(void *ctx, const gf_event *e)
{
	(void)ctx, (void)e;
}

static gf_events shared = { .take = ignore };
static unsigned char used[4 * 5000 + 1];
static pthread_mutex_t used_lock = PTHREAD_MUTEX_INITIALIZER;

static void *begin_many(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		unsigned n = gf_event_begin(&shared, "x", 0);

		pthread_mutex_lock(&used_lock);
		if (n < sizeof used)
			used[n]++;
		pthread_mutex_unlock(&used_lock);
	}
	return arg;
}

/* No number is given twice. */
static void test_numbers_from_many_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, begin_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 1; i < sizeof used; i++)
		assert_int_equal(used[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_blobs),
		cmocka_unit_test(test_null_is_taken),
		cmocka_unit_test(test_numbers_from_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
