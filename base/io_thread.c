/* An output whose lower part runs in a thread of its own, behind a ring of blocks. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/limits.h"

#define SLOTS 4
#define SLOT_SIZE GF_COPY_STEP /* four of them: the 1 MiB of io.h */

typedef struct thread_output {
	gf_output out;
	gf_output *down;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock: */
	size_t len[SLOTS];
	unsigned head, full; /* the slot to be written down next; how many wait */
	bool finish, abandon, ended;
	gf_error failure; /* class GF_OK: none */
	/* the writer's: */
	unsigned tail; /* the slot being filled */
	size_t filled; /* bytes in it */
	bool joined;
	unsigned char slots[SLOTS][SLOT_SIZE];
} thread_output;

static void *run(void *arg)
{
	thread_output *t = arg;
	gf_error err = { .class = GF_OK };
	bool ok = true;

	pthread_mutex_lock(&t->lock);
	while (ok) {
		unsigned slot;

		while (t->full == 0 && !t->finish && !t->abandon)
			pthread_cond_wait(&t->changed, &t->lock);
		if (t->abandon || t->full == 0)
			break;
		slot = t->head;
		pthread_mutex_unlock(&t->lock);
		ok = gf_output_write(t->down, t->slots[slot], t->len[slot], &err);
		pthread_mutex_lock(&t->lock);
		t->head = (slot + 1) % SLOTS;
		t->full--;
		pthread_cond_signal(&t->changed);
	}
	if (ok && !t->abandon) {
		pthread_mutex_unlock(&t->lock);
		ok = gf_output_finish(t->down, &err);
		pthread_mutex_lock(&t->lock);
	}
	if (!ok)
		t->failure = err;
	t->ended = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* Hand over the slot being filled and wait for the next to be free. */
static bool hand_over(thread_output *t, gf_error *err)
{
	bool ok;

	pthread_mutex_lock(&t->lock);
	if (t->filled > 0) {
		t->len[t->tail] = t->filled;
		t->tail = (t->tail + 1) % SLOTS;
		t->filled = 0;
		t->full++;
		pthread_cond_signal(&t->changed);
	}
	while (t->full == SLOTS && !t->ended)
		pthread_cond_wait(&t->changed, &t->lock);
	ok = !t->ended;
	if (!ok)
		*err = t->failure;
	pthread_mutex_unlock(&t->lock);
	return ok;
}

static bool thread_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	thread_output *t = (thread_output *)out;
	const unsigned char *p = bytes;

	while (n > 0) {
		size_t step = SLOT_SIZE - t->filled < n ? SLOT_SIZE - t->filled : n;

		memcpy(t->slots[t->tail] + t->filled, p, step);
		t->filled += step;
		p += step;
		n -= step;
		if (t->filled == SLOT_SIZE && !hand_over(t, err))
			return false;
	}
	return true;
}

static void join(thread_output *t)
{
	if (!t->joined)
		(void)pthread_join(t->thread, NULL);
	t->joined = true;
}

static bool thread_finish(gf_output *out, gf_error *err)
{
	thread_output *t = (thread_output *)out;

	if (!hand_over(t, err))
		return false;
	pthread_mutex_lock(&t->lock);
	t->finish = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	join(t);
	if (t->failure.class == GF_OK)
		return true;
	*err = t->failure;
	return false;
}

static void thread_close(gf_output *out)
{
	thread_output *t = (thread_output *)out;

	pthread_mutex_lock(&t->lock);
	t->abandon = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	join(t);
	gf_output_close(t->down);
	(void)pthread_cond_destroy(&t->changed);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

gf_output *gf_output_thread(gf_output *down, gf_error *err)
{
	static const gf_output_ops ops = { thread_write, thread_finish, thread_close };
	thread_output *t;

	if (down == NULL)
		return NULL;
	t = malloc(sizeof *t); /* a zeroed megabyte would be touched for nothing */
	if (t == NULL) {
		gf_no_memory(err);
		gf_output_close(down);
		return NULL;
	}
	memset(t, 0, offsetof(thread_output, slots));
	t->out.ops = &ops;
	t->down = down;
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->changed, NULL);
	if (pthread_create(&t->thread, NULL, run, t) != 0) {
		gf_fail(err, GF_FAILED, "thread", NULL, "no thread can be started");
		(void)pthread_cond_destroy(&t->changed);
		(void)pthread_mutex_destroy(&t->lock);
		free(t);
		gf_output_close(down);
		return NULL;
	}
	return &t->out;
}
