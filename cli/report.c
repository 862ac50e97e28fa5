/* report: the one JSON object of --json. */
#include <stdio.h>

#include "cli/cli.h"

#define REPORT_MAX (256 * GF_MIB)

static const char *const classes[] = { "done", "failed", "usage", "refused", "damaged", "target" };

const char *gf_class_text(gf_class class)
{
	return classes[class];
}

void gf_report_open(gf_report *r, const gf_run *run, gf_error *err)
{
	gf_buf_init(&r->text, REPORT_MAX);
	gf_json_begin(&r->out, &r->text, 2, err);
	r->out.shown = true;
	gf_json_open(&r->out, NULL, '{');
	gf_json_put(&r->out, "verb", run->verb->name);
}

bool gf_report_close(gf_report *r, gf_run *run, const gf_error *failure, gf_error *err)
{
	bool ok;

	gf_json_put_u64(&r->out, "status", failure != NULL ? (uint64_t)failure->class : 0);
	if (failure != NULL) {
		gf_json_open(&r->out, "error", '{');
		gf_json_put(&r->out, "class", gf_class_text(failure->class));
		gf_json_put(&r->out, "name", failure->name);
		if (failure->object[0] != '\0')
			gf_json_put(&r->out, "object", failure->object);
		gf_json_put(&r->out, "text", failure->text);
		gf_json_close(&r->out, '}');
	}
	gf_json_close(&r->out, '}');
	ok = gf_json_end(&r->out) && gf_buf_puts(&r->text, "\n", err);
	if (ok)
		run->reported = fwrite(r->text.data, 1, r->text.len, stdout) == r->text.len;
	gf_buf_clear(&r->text);
	return ok && (run->reported || gf_fail_errno(err, GF_FAILED, "write", "stdout", "writing to stdout"));
}
