#include <pthread.h>
#include <stdatomic.h>

#include "common.h"

typedef struct record {
	atomic_int count[1000];
	atomic_int running, most;
	atomic_size_t begun, last;
	size_t fail_at;
	pthread_t caller;
	atomic_bool elsewhere, disorder;
} record;

static bool work(void *ctx, size_t i, gf_error *err)
{
	record *r = ctx;
	int now = atomic_fetch_add(&r->running, 1) + 1;
	int most = atomic_load(&r->most);

	while (now > most && !atomic_compare_exchange_weak(&r->most, &most, now)) {
	}
	if (!pthread_equal(pthread_self(), r->caller))
		atomic_store(&r->elsewhere, true);
	atomic_fetch_add(&r->count[i], 1);
	atomic_fetch_add(&r->begun, 1);
	for (volatile int spin = 0; spin < 2000; spin++) {
	}
	atomic_fetch_sub(&r->running, 1);
	return i != r->fail_at || gf_fail(err, GF_DAMAGED, "planted", NULL, "item %zu", i);
}

static void test_every_item_once(void **state)
{
	static const unsigned jobs[] = { 0, 1, 2, 3, 8, 2000 };

	(void)state;
	for (size_t j = 0; j < TESTS_OF(jobs); j++)
		for (size_t n = 0; n <= 1000; n = n * 3 + 1) {
			record *r = calloc(1, sizeof *r);
			gf_error err;

			r->fail_at = SIZE_MAX;
			r->caller = pthread_self();
			assert_ok(gf_parallel(jobs[j], n, work, r, &err), err);
			for (size_t i = 0; i < 1000; i++)
				assert_int_equal(r->count[i], i < n);
			assert_true(r->most <= (int)(jobs[j] > 1 ? jobs[j] : 1));
			if (jobs[j] <= 1)
				assert_false(r->elsewhere);
			free(r);
		}
}

static void test_first_failure_ends_it(void **state)
{
	static const unsigned jobs[] = { 1, 2, 4 };

	(void)state;
	for (size_t j = 0; j < TESTS_OF(jobs); j++) {
		record *r = calloc(1, sizeof *r);
		gf_error err;

		r->fail_at = 10;
		r->caller = pthread_self();
		assert_refused(gf_parallel(jobs[j], 1000, work, r, &err), err, GF_DAMAGED, "planted");
		assert_string_equal(err.text, "item 10");
		assert_true(r->begun >= 11 && r->begun < 1000);
		for (size_t i = 0; i < 10; i++)
			assert_int_equal(r->count[i], 1); /* begun in order */
		if (jobs[j] == 1)
			assert_int_equal(r->begun, 11);
		free(r);
	}
}

static void test_cores(void **state)
{
	const char *const argv[] = { "nproc", NULL };
	const char *const env[] = { "OMP_NUM_THREADS=", "OMP_THREAD_LIMIT=", NULL };
	gf_process p = { .argv = argv, .env_add = env, .seconds = 10 };
	gf_buf out;
	gf_error err;
	int status = -1;
	char want[16];

	(void)state;
	gf_buf_init(&out, 100);
	assert_ok(gf_process_run(&p, &out, &status, &err), err);
	(void)snprintf(want, sizeof want, "%u\n", gf_cores());
	assert_string_equal(gf_buf_text(&out), want);
	gf_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_item_once),
		cmocka_unit_test(test_first_failure_ends_it),
		cmocka_unit_test(test_cores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
