#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/pool.h"

unsigned gf_cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

typedef struct loop {
	pthread_mutex_t lock;
	size_t next, n;
	bool (*work)(void *ctx, size_t i, gf_error *err);
	void *ctx;
	bool failed;
	gf_error *err; /* the first failure */
} loop;

/* The next item, or n when there is none or a failure has ended the loop. */
static size_t loop_take(loop *l)
{
	size_t i;

	pthread_mutex_lock(&l->lock);
	i = l->failed ? l->n : l->next;
	if (i < l->n)
		l->next++;
	pthread_mutex_unlock(&l->lock);
	return i;
}

static void loop_fail(loop *l, const gf_error *err)
{
	pthread_mutex_lock(&l->lock);
	if (!l->failed)
		*l->err = *err;
	l->failed = true;
	pthread_mutex_unlock(&l->lock);
}

static void *loop_run(void *arg)
{
	loop *l = arg;
	size_t i;

	while ((i = loop_take(l)) < l->n) {
		gf_error err = { .class = GF_OK };

		if (!l->work(l->ctx, i, &err))
			loop_fail(l, &err);
	}
	return NULL;
}

bool gf_parallel(unsigned jobs, size_t n, bool (*work)(void *ctx, size_t i, gf_error *err), void *ctx, gf_error *err)
{
	loop l = { .n = n, .work = work, .ctx = ctx, .err = err };
	size_t helpers = jobs > 1 && n > 1 ? (n < jobs ? n : jobs) - 1 : 0;
	pthread_t *threads = NULL;
	size_t started = 0;

	if (helpers > 0 && (threads = gf_alloc(helpers, sizeof *threads, err)) == NULL)
		return false;
	pthread_mutex_init(&l.lock, NULL);
	/* A thread that cannot be had costs speed and nothing else: this one does the work. */
	while (started < helpers && pthread_create(&threads[started], NULL, loop_run, &l) == 0)
		started++;
	loop_run(&l);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&l.lock);
	free(threads);
	return !l.failed;
}
