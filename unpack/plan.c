#include <stdlib.h>
#include <string.h>

#include "unpack/plan.h"

bool gf_plan_names(gf_targets *s, const gf_retag *r, gf_error *err)
{
	for (size_t i = 0; i < gf_targets_count(s); i++) {
		gf_target *t = gf_targets_at(s, i);

		if (!gf_retag_names(r, t->spec, &t->names, &t->n_names, err))
			return false;
	}
	return true;
}

static bool check_absent(gf_targets *s, const gf_job *job, size_t blob, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	bool absent = false;

	if (!gf_reader_pass(job->reader, blob, &absent, err))
		return false;
	gf_digest_text(&job->manifest->blobs[blob].digest, digest);
	for (size_t i = 0; absent && i < gf_targets_count(s); i++) {
		gf_target *t = gf_targets_at(s, i);
		gf_error why;
		bool held = false;

		if (t->failed)
			continue;
		if (t->sink.ops->has(&t->sink, blob, &held, &why) && !held)
			gf_fail(&why, GF_DAMAGED, "absent", digest,
			    "layer %s is left out of this thin copy, and this target has not got it: carry the full bundle, or load into the target that the copy was made for",
			    digest);
		if (!held)
			gf_targets_drop(s, t, &why);
	}
	return true;
}

bool gf_plan_ask(gf_targets *s, const gf_job *job, gf_error *err)
{
	const gf_manifest *m = job->manifest;

	for (size_t i = 0; i < gf_targets_count(s); i++) {
		gf_target *t = gf_targets_at(s, i);
		gf_error why;

		if (t->ops->plan(t, &why))
			continue;
		if (why.class != GF_FAILED && why.class != GF_TARGET) {
			*err = why;
			return gf_because(err, "target %s", t->spec->label);
		}
		gf_targets_drop(s, t, &why);
	}
	if (gf_reader_thin(job->reader) && gf_reader_seekable(job->reader))
		for (size_t b = 0; b < m->n_blobs; b++)
			if (m->blobs[b].kind == GF_KIND_LAYER && !check_absent(s, job, b, err))
				return false;
	if (gf_targets_alive(s) > 0)
		return true;
	*err = gf_targets_at(s, 0)->sum.error;
	return false;
}

/* ---- the report ---- */

/* A row is whole, or none. */
static bool add_row(gf_row *row, const gf_target *t, const gf_naming *n, gf_error *err)
{
	row->target = gf_strdup(t->spec->label, err);
	row->packed = row->target != NULL ? gf_strdup(n->packed, err) : NULL;
	row->name = row->packed != NULL ? gf_strdup(n->text, err) : NULL;
	row->before = row->name != NULL && n->before[0] != '\0' ? gf_strdup(n->before, err) : NULL;
	if (row->name == NULL || (row->before == NULL && n->before[0] != '\0')) {
		free(row->target);
		free(row->packed);
		free(row->name);
		return false;
	}
	row->digest = n->digest;
	row->state = n->state;
	if (t->failed && !t->committed && n->state != GF_ROW_SENT && n->state != GF_ROW_HELD)
		row->state = GF_ROW_FAILED;
	row->moved = n->moved;
	return true;
}

bool gf_plan_report(const gf_targets *s, const gf_job *job, gf_unpack_result *result, gf_error *err)
{
	size_t n = gf_targets_count(s), rows = 0;

	(void)job;
	for (size_t i = 0; i < n; i++)
		rows += gf_targets_at(s, i)->n_names;
	result->targets = gf_alloc(n > 0 ? n : 1, sizeof *result->targets, err);
	result->rows = gf_alloc(rows > 0 ? rows : 1, sizeof *result->rows, err);
	if (result->targets == NULL || result->rows == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const gf_target *t = gf_targets_at(s, i);

		result->targets[i] = t->sum;
		result->targets[i].target = gf_strdup(t->spec->label, err);
		if (result->targets[i].target == NULL)
			return false;
		result->n_targets++;
		for (size_t k = 0; k < t->n_names; k++, result->n_rows++)
			if (!add_row(&result->rows[result->n_rows], t, &t->names[k], err))
				return false;
	}
	return true;
}
