#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "unpack/target.h"

void gf_target_close(gf_target *t)
{
	if (t == NULL)
		return;
	free(t->names);
	t->names = NULL;
	t->ops->close(t);
}

static bool may_move(const gf_naming *n, const gf_environment *e)
{
	if (e->existing == GF_EXISTING_OVERWRITE)
		return true;
	for (size_t i = 0; i < e->n_moving; i++)
		if (strcmp(e->moving[i], n->to.tag) == 0)
			return true;
	return false;
}

bool gf_naming_judge(gf_naming *n, const gf_target *t, const char *now, bool same, gf_error *err)
{
	const gf_environment *e = t->job->environment;
	char want[GF_DIGEST_SIZE];

	n->state = GF_ROW_PLANNED;
	n->moved = false;
	n->set = now != NULL && same;
	n->before[0] = '\0';
	if (now == NULL || same)
		return true;
	gf_digest_text(&n->digest, want);
	if (!may_move(n, e) && e->existing == GF_EXISTING_REFUSE)
		return gf_fail(err, GF_REFUSED, "exists", n->text,
		    "'%s' is already there and shows %s, not %s; on-existing: keep or overwrite, or moving: [\"%s\"], in the "
		    "environment allow that",
		    n->text, now, want, n->to.tag);
	if (strlen(now) >= sizeof n->before)
		return gf_fail(err, GF_TARGET, "digest-form", n->text,
		    "'%s' shows '%.40s...', which is no digest: remove the name there, and run again", n->text, now);
	memcpy(n->before, now, strlen(now) + 1);
	if (may_move(n, e))
		n->moved = true;
	else
		n->state = GF_ROW_KEPT;
	return true;
}

bool gf_naming_rejudge(gf_naming *n, const gf_target *t, const char *now, bool same, gf_error *err)
{
	gf_naming was = *n;

	if (!gf_naming_judge(n, t, now, same, err))
		return gf_because(err, "since the plan was made");
	if (n->state == GF_ROW_KEPT && was.state != GF_ROW_KEPT)
		return gf_fail(err, GF_TARGET, "exists", n->text,
		    "'%s' was set by somebody else while this ran; it shows %s; run again", n->text, n->before);
	if (was.state == GF_ROW_KEPT && n->state != GF_ROW_KEPT) { /* its image was not sent: leave the name alone */
		*n = was;
		return true;
	}
	return true;
}

bool gf_naming_misread(const gf_naming *n, const char *want, const char *now, gf_error *err)
{
	return gf_fail(err, GF_TARGET, "read-back", n->text,
	    "'%s' was set to %s and shows %s: somebody else sets it at the same time, or what answers is not what was "
	    "written to; look there, and run again",
	    n->text, want, now != NULL ? now : "nothing");
}

bool gf_target_wants(const gf_target *t, size_t image)
{
	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].image == image && t->names[i].state != GF_ROW_KEPT)
			return true;
	return false;
}

void gf_target_mark(const gf_target *t, unsigned char *blobs, unsigned char mark)
{
	for (size_t i = 0; i < t->job->manifest->n_images; i++) {
		const gf_tree *tree = &t->job->graph->trees[i];

		if (!gf_target_wants(t, i))
			continue;
		for (size_t k = 0; k < tree->n_needs; k++)
			blobs[tree->needs[k]] = mark;
		for (size_t k = 0; k < tree->n_pushes; k++) {
			size_t blob = gf_graph_find(t->job->graph, &tree->pushes[k].digest);

			if (blob != SIZE_MAX)
				blobs[blob] = mark;
		}
	}
}

bool gf_free_space(const char *path, uint64_t *bytes)
{
	struct statvfs v;
	char at[4096];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof at)
		return false;
	memcpy(at, path, n + 1);
	while (statvfs(at, &v) != 0) {
		char *slash = strrchr(at, '/');

		if (slash == NULL && strcmp(at, ".") != 0)
			memcpy(at, ".", 2);
		else if (slash == NULL || strcmp(at, "/") == 0)
			return false;
		else
			slash[slash == at ? 1 : 0] = '\0';
	}
	*bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return true;
}
