/* verify: whom a bundle comes from, and whether it is whole. */
#include <stdio.h>

#include "cli/cli.h"

static bool show(const gf_run *run, const gf_judged *j, bool good, gf_error *err)
{
	const gf_verdict *v = &j->verdict;
	const gf_signed_by by = gf_signed_by_of(v);
	char size[GF_SIZE_TEXT];

	if (j->reader == NULL)
		return true; /* not even a head: the error says it all */
	if (!gf_show_head(run->args.words.items[0], 0, &v->manifest_digest, j->manifest, &by, stdout, err))
		return false;
	putchar('\n');
	if (!gf_show_verdict(v, stdout, err))
		return false;
	if (good) {
		gf_size_text(v->bytes_read, size);
		printf("\nverified: %zu %s, %llu blobs, %s\n", j->manifest->n_images,
		    j->manifest->n_images == 1 ? "image" : "images", (unsigned long long)v->blobs_read, size);
	} else {
		printf("\nNOT VERIFIED\n");
	}
	return true;
}

static bool report(gf_run *run, const gf_judged *j, const gf_error *failure, gf_error *err)
{
	gf_report r;

	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "bundle", run->args.words.items[0]);
	gf_json_put_bool(&r.out, "verified", failure == NULL);
	if (j->reader != NULL)
		gf_put_manifest(&r.out, &j->verdict.manifest_digest, j->manifest);
	gf_put_verdict(&r.out, &j->verdict);
	return gf_report_close(&r, run, failure, err);
}

/* The verdict is an explicit AND; a run without an error whose checks are not all good is a fault of ours. */
static bool agree(const gf_verdict *v, gf_error *err)
{
	return gf_verdict_good(v) ||
	    gf_fail(err, GF_FAILED, "verdict", NULL, "the checks are not all good and no error was reported");
}

bool gf_verb_verify(gf_run *run, gf_error *err)
{
	gf_judged j;
	gf_walk walk = { .deep = gf_given(&run->args, GF_OPT_DEEP), .events = run->events };
	gf_error shown = { .class = GF_OK };
	bool ok, said;

	if (!gf_jobs(run, &walk.jobs, err))
		return false;
	ok = gf_judged_open(&j, run, GF_JUDGE_DECIDE, err);
	if (ok) {
		walk.reader = j.reader;
		walk.manifest = j.manifest;
		ok = gf_walk_run(&walk, &j.verdict, err) && agree(&j.verdict, err);
	}
	gf_progress_rest(run->progress);
	said = run->json ? report(run, &j, ok ? NULL : err, &shown) : show(run, &j, ok, &shown);
	if (ok && !said)
		*err = shown; /* a first failure is the one to tell */
	gf_judged_clear(&j);
	return ok && said;
}
