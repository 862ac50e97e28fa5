#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "common.h"

/* Stands before that of libc: while none are left it says so. */
static bool no_threads;
int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return no_threads ? EAGAIN : create(thread, how, run, arg);
}

/* What is below: records, fails at a place, or waits for a gate. */
typedef struct below {
	gf_output out;
	gf_buf *got;
	size_t fail_at; /* of bytes */
	pthread_t thread;
	bool other_thread, fail_finish, finished;
	pthread_mutex_t *gate;
} below;

static int closed;
static bool last_finished, last_other;

static bool below_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	below *b = (below *)out;

	if (b->gate != NULL) {
		pthread_mutex_lock(b->gate);
		pthread_mutex_unlock(b->gate);
	}
	b->other_thread = !pthread_equal(b->thread, pthread_self());
	if (b->got->len + n > b->fail_at)
		return gf_fail(err, GF_TARGET, "planted", "below", "planted");
	return gf_buf_add(b->got, bytes, n, err);
}

static bool below_finish(gf_output *out, gf_error *err)
{
	below *b = (below *)out;

	if (b->fail_finish)
		return gf_fail(err, GF_TARGET, "at-finish", "below", "planted");
	b->finished = true;
	return true;
}

static void below_close(gf_output *out)
{
	below *b = (below *)out;

	last_finished = b->finished;
	last_other = b->other_thread;
	closed++;
	free(b);
}

static gf_output *below_new(gf_buf *got, size_t fail_at, bool fail_finish, pthread_mutex_t *gate)
{
	static const gf_output_ops ops = { below_write, below_finish, below_close };
	gf_error err;
	below *b = gf_alloc(1, sizeof *b, &err);

	assert_non_null(b);
	b->out.ops = &ops;
	b->got = got;
	b->fail_at = fail_at;
	b->fail_finish = fail_finish;
	b->gate = gate;
	b->thread = pthread_self();
	gf_buf_init(got, 1 << 24);
	return &b->out;
}

static void test_bytes_arrive(void **state)
{
	static const size_t steps[] = { 1 << 22, 262144, 262145, 100003, 777 };
	size_t n = 3333333;
	unsigned char *bytes = malloc(n);
	gf_error err;

	(void)state;
	noise(bytes, n, 1);
	for (size_t i = 0; i < TESTS_OF(steps); i++) {
		gf_buf got;
		gf_output *out = gf_output_thread(below_new(&got, SIZE_MAX, false, NULL), &err);

		closed = 0;
		assert_non_null(out);
		for (size_t at = 0; at < n; at += steps[i])
			assert_ok(gf_output_write(out, bytes + at, steps[i] < n - at ? steps[i] : n - at, &err), err);
		assert_ok(gf_output_finish(out, &err), err);
		assert_int_equal(got.len, n);
		assert_memory_equal(got.data, bytes, n);
		gf_output_close(out);
		assert_int_equal(closed, 1);
		assert_true(last_finished);
		assert_true(last_other);
		gf_buf_clear(&got);
	}
	free(bytes);
}

static void test_nothing_at_all(void **state)
{
	gf_buf got;
	gf_error err;
	gf_output *out = gf_output_thread(below_new(&got, SIZE_MAX, false, NULL), &err);

	(void)state;
	assert_ok(gf_output_finish(out, &err), err);
	gf_output_close(out);
	assert_true(last_finished);
	assert_int_equal(got.len, 0);
	gf_buf_clear(&got);
}

/* An error below comes back at a later write, or at finish at the latest, and is never lost. */
static void test_errors_come_back(void **state)
{
	static const size_t places[] = { 0, 1, 262143, 262144, 1000000, 2999999 };
	size_t n = 3000000;
	unsigned char *bytes = calloc(1, n);
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(places); i++) {
		gf_buf got;
		gf_output *out = gf_output_thread(below_new(&got, places[i], false, NULL), &err);
		bool ok = true;

		memset(&err, 0, sizeof err);
		for (size_t at = 0; ok && at < n; at += 10000)
			ok = gf_output_write(out, bytes + at, 10000, &err);
		ok = ok && gf_output_finish(out, &err);
		assert_false(ok);
		assert_int_equal(err.class, GF_TARGET);
		assert_string_equal(err.name, "planted");
		gf_output_close(out);
		assert_false(last_finished);
		gf_buf_clear(&got);
	}
	for (size_t size = 0; size <= 10; size += 10) {
		gf_buf got;
		gf_output *out = gf_output_thread(below_new(&got, SIZE_MAX, true, NULL), &err);

		assert_ok(gf_output_write(out, bytes, size, &err), err);
		assert_refused(gf_output_finish(out, &err), err, GF_TARGET, "at-finish");
		gf_output_close(out);
		gf_buf_clear(&got);
	}
	free(bytes);
}

/* Closing without finish never finishes below, whatever waits in the ring. */
static void test_abandon(void **state)
{
	static unsigned char bytes[700000];

	(void)state;
	for (size_t n = 0; n <= sizeof bytes; n += 70000) {
		gf_buf got;
		gf_error err;
		gf_output *out = gf_output_thread(below_new(&got, SIZE_MAX, false, NULL), &err);

		closed = 0;
		assert_ok(gf_output_write(out, bytes, n, &err), err);
		gf_output_close(out);
		assert_int_equal(closed, 1);
		assert_false(last_finished);
		gf_buf_clear(&got);
	}
}

/* No thread to be had: an error, and what was to be written to is closed. */
static void test_no_thread(void **state)
{
	gf_error err;
	gf_buf got;

	(void)state;
	closed = 0;
	no_threads = true;
	assert_refused(
	    gf_output_thread(below_new(&got, SIZE_MAX, false, NULL), &err) != NULL, err, GF_FAILED, "thread");
	no_threads = false;
	assert_int_equal(closed, 1);
	assert_false(last_finished);
	gf_buf_clear(&got);
}

/* The writer runs ahead of a blocked lower part by less than the ring, and no more. */
typedef struct ahead {
	gf_output *out;
	pthread_mutex_t lock;
	size_t written;
} ahead;

static void *write_on(void *arg)
{
	static unsigned char piece[65536];
	ahead *a = arg;
	gf_error err;

	for (int i = 0; i < 64; i++) {
		assert_ok(gf_output_write(a->out, piece, sizeof piece, &err), err);
		pthread_mutex_lock(&a->lock);
		a->written += sizeof piece;
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

static void test_ring_is_bounded(void **state)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	ahead a = { .lock = PTHREAD_MUTEX_INITIALIZER };
	size_t seen = 0, before = 1;
	pthread_t thread;
	gf_error err;
	gf_buf got;

	(void)state;
	pthread_mutex_lock(&gate);
	a.out = gf_output_thread(below_new(&got, SIZE_MAX, false, &gate), &err);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &a), 0);
	/* Until the writer stands still. */
	for (int still = 0; still < 10;) {
		(void)nanosleep(&nap, NULL);
		pthread_mutex_lock(&a.lock);
		seen = a.written;
		pthread_mutex_unlock(&a.lock);
		still = seen == before && seen > 0 ? still + 1 : 0;
		before = seen;
	}
	assert_true(seen <= 1024 * 1024);
	assert_true(seen >= 512 * 1024);
	pthread_mutex_unlock(&gate);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_ok(gf_output_finish(a.out, &err), err);
	assert_int_equal(got.len, 64 * 65536);
	gf_output_close(a.out);
	gf_buf_clear(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_arrive),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_errors_come_back),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_no_thread),
		cmocka_unit_test(test_ring_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
