#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "unpack/target.h"

struct gf_targets {
	gf_sink sink;
	pthread_mutex_t lock; /* failed and sum.error of the targets, and held */
	const gf_job *job;
	gf_target **list;
	size_t n;
	unsigned char *held; /* [target * n_blobs + blob]: has() said so */
};

/* ---- who is left ---- */

static bool failed(gf_targets *s, const gf_target *t)
{
	bool f;

	(void)pthread_mutex_lock(&s->lock);
	f = t->failed;
	(void)pthread_mutex_unlock(&s->lock);
	return f;
}

void gf_targets_drop(gf_targets *s, gf_target *t, const gf_error *why)
{
	(void)pthread_mutex_lock(&s->lock);
	if (!t->failed) {
		t->failed = t->sum.failed = true;
		t->sum.error = *why;
		if (why->class == GF_FAILED)
			t->sum.error.class = GF_TARGET;
		(void)gf_because(&t->sum.error, "target %s", t->spec->label);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

size_t gf_targets_alive(const gf_targets *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += !failed((gf_targets *)s, s->list[i]);
	return n;
}

/* The walk cannot go on: the first target's reason stands for all. */
static bool none_left(const gf_targets *s, gf_error *err)
{
	*err = s->list[0]->sum.error;
	return false;
}

/* ---- has ---- */

static bool has(gf_sink *sink, size_t i, bool *held, gf_error *err)
{
	gf_targets *s = (gf_targets *)sink;
	size_t left = 0;

	*held = true;
	for (size_t k = 0; k < s->n; k++) {
		gf_target *t = s->list[k];
		gf_error why;
		bool one = false;

		if (failed(s, t))
			continue;
		if (!t->sink.ops->has(&t->sink, i, &one, &why)) {
			gf_targets_drop(s, t, &why);
			continue;
		}
		left++;
		(void)pthread_mutex_lock(&s->lock);
		s->held[k * s->job->manifest->n_blobs + i] = one;
		(void)pthread_mutex_unlock(&s->lock);
		*held = *held && one;
	}
	return left > 0 || none_left(s, err);
}

/* ---- put: one blob to every target that wants it ---- */

typedef struct tee {
	gf_output out;
	gf_targets *targets;
	gf_output **down; /* one for each target; NULL: no use, or failed */
} tee;

/* Target k takes no more bytes.  False: it found the bundle itself wrong, or nobody is left. */
static bool tee_drop(tee *t, size_t k, const gf_error *why, gf_error *err)
{
	gf_output_close(t->down[k]);
	t->down[k] = NULL;
	gf_targets_drop(t->targets, t->targets->list[k], why);
	if (why->class == GF_DAMAGED) {
		*err = *why;
		return false;
	}
	return gf_targets_alive(t->targets) > 0 || none_left(t->targets, err);
}

static bool tee_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	tee *t = (tee *)out;
	gf_error why;

	for (size_t k = 0; k < t->targets->n; k++)
		if (t->down[k] != NULL && !gf_output_write(t->down[k], bytes, n, &why) && !tee_drop(t, k, &why, err))
			return false;
	return true;
}

static bool tee_finish(gf_output *out, gf_error *err)
{
	tee *t = (tee *)out;
	gf_error why;

	for (size_t k = 0; k < t->targets->n; k++)
		if (t->down[k] != NULL && !gf_output_finish(t->down[k], &why) && !tee_drop(t, k, &why, err))
			return false;
	return true;
}

static void tee_close(gf_output *out)
{
	tee *t = (tee *)out;

	for (size_t k = 0; k < t->targets->n; k++)
		gf_output_close(t->down[k]);
	free(t->down);
	free(t);
}

static const gf_output_ops tee_ops = { tee_write, tee_finish, tee_close };

static gf_output *put(gf_sink *sink, size_t i, gf_error *err)
{
	gf_targets *s = (gf_targets *)sink;
	tee *t = gf_alloc(1, sizeof *t, err);
	size_t wanted = 0;

	if (t != NULL)
		t->down = gf_alloc(s->n, sizeof *t->down, err);
	if (t == NULL || t->down == NULL) {
		free(t);
		return NULL;
	}
	t->out.ops = &tee_ops;
	t->targets = s;
	for (size_t k = 0; k < s->n; k++) {
		gf_target *target = s->list[k];
		gf_error why;
		bool one;

		(void)pthread_mutex_lock(&s->lock);
		one = target->failed || s->held[k * s->job->manifest->n_blobs + i] != 0;
		(void)pthread_mutex_unlock(&s->lock);
		if (one)
			continue;
		memset(&why, 0, sizeof why);
		t->down[k] = target->sink.ops->put(&target->sink, i, &why);
		if (t->down[k] == NULL && why.class != GF_OK)
			gf_targets_drop(s, target, &why);
		wanted += t->down[k] != NULL;
	}
	if (wanted == 0 || gf_targets_alive(s) == 0) {
		if (gf_targets_alive(s) == 0)
			(void)none_left(s, err);
		tee_close(&t->out);
		return NULL;
	}
	return &t->out;
}

static const gf_sink_ops sink_ops = { has, put };

/* ---- open, close ---- */

static gf_target *open_one(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	switch (spec->kind) {
	case GF_TO_REGISTRY: return gf_target_registry(spec, job, err);
	case GF_TO_DOCKER: return gf_target_docker(spec, job, err);
	case GF_TO_OCI_ARCHIVE:
	case GF_TO_DOCKER_ARCHIVE: return gf_target_archive(spec, job, err);
	case GF_TO_LAYOUT: break;
	}
	return gf_target_layout(spec, job, err);
}

gf_targets *gf_targets_open(const gf_job *job, gf_error *err)
{
	const gf_environment *e = job->environment;
	size_t blobs = job->manifest->n_blobs > 0 ? job->manifest->n_blobs : 1;
	gf_targets *s = gf_alloc(1, sizeof *s, err);
	bool ok;

	if (s == NULL)
		return NULL;
	s->sink.ops = &sink_ops;
	s->job = job;
	(void)pthread_mutex_init(&s->lock, NULL);
	s->list = gf_alloc(e->n_targets, sizeof(gf_target *), err);
	ok = s->list != NULL && (s->held = gf_alloc(e->n_targets, blobs, err)) != NULL;
	for (size_t i = 0; ok && i < e->n_targets; i++) {
		gf_target *t = open_one(&e->targets[i], job, err);

		ok = t != NULL;
		if (!ok)
			break;
		s->list[s->n++] = t;
		t->spec = &e->targets[i];
		t->job = job;
		t->sum.target = e->targets[i].label;
		if (t->sink.in_order)
			s->sink.in_order = true;
	}
	if (!ok) {
		gf_targets_close(s);
		return NULL;
	}
	return s;
}

void gf_targets_close(gf_targets *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; s->list != NULL && i < s->n; i++)
		gf_target_close(s->list[i]);
	free(s->list);
	free(s->held);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

gf_sink *gf_targets_sink(gf_targets *s)
{
	return &s->sink;
}

size_t gf_targets_count(const gf_targets *s)
{
	return s->n;
}

gf_target *gf_targets_at(const gf_targets *s, size_t i)
{
	return s->list[i];
}
