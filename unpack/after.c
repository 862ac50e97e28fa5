/* after: what would be done once everything is loaded, found out before anything is sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unpack/record.h"

#define LINES_MAX 4096 /* of a file whose changes are shown */

static size_t count_lines(const gf_buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

static bool has_line(const gf_buf *text, const char *line, size_t n)
{
	const char *at = gf_buf_text(text);

	while (*at != '\0') {
		size_t length = strcspn(at, "\n");

		if (length == n && memcmp(at, line, n) == 0)
			return true;
		at += length + (at[length] == '\n');
	}
	return false;
}

/* The lines of one text that the other has not. */
static bool add_lines(gf_buf *out, char sign, const gf_buf *of, const gf_buf *other, gf_error *err)
{
	const char *at = gf_buf_text(of);
	bool ok = true;

	while (ok && *at != '\0') {
		size_t n = strcspn(at, "\n");

		if (n > 0 && !has_line(other, at, n))
			ok = gf_buf_printf(out, err, "%c %.*s\n", sign, (int)n, at);
		at += n + (at[n] == '\n');
	}
	return ok;
}

static bool compare_lock(gf_after *a, const char *path, const gf_buf *text, gf_error *err)
{
	gf_buf there;
	bool ok = true;

	a->state = GF_AFTER_NEW;
	if (access(path, F_OK) != 0)
		return errno == ENOENT ||
		    gf_fail_errno(err, GF_FAILED, "lock-file", path, "the lock file '%s' cannot be read", path);
	gf_buf_init(&there, GF_DERIVED_MAX);
	ok = gf_file_load(path, GF_DERIVED_MAX, GF_FAILED, &there, err) || gf_because(err, "lock file");
	if (ok) {
		bool same = there.len == text->len && memcmp(gf_buf_text(&there), text->data, text->len) == 0;

		a->state = same ? GF_AFTER_SAME : GF_AFTER_CHANGED;
		if (!same && count_lines(&there) <= LINES_MAX && count_lines(text) <= LINES_MAX)
			ok = add_lines(&a->changes, '-', &there, text, err) &&
			    add_lines(&a->changes, '+', text, &there, err);
	}
	gf_buf_clear(&there);
	return ok;
}

static gf_after *add(gf_unpack_result *r)
{
	gf_after *a = &r->after[r->n_after++];

	gf_buf_init(&a->changes, 2 * GF_DERIVED_MAX);
	return a;
}

static bool plan_lock(const gf_lock_spec *s, const gf_telling *t, gf_unpack_result *r, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_DERIVED_MAX);
	ok = gf_lock_print(s, t, &text, err);
	if (ok && r->after != NULL) {
		gf_after *a = add(r);

		a->kind = GF_AFTER_LOCK;
		a->form = gf_lock_form_names[s->form];
		a->what = gf_strdup(s->path, err);
		ok = a->what != NULL && compare_lock(a, s->path, &text, err);
	}
	gf_buf_clear(&text);
	return ok;
}

static bool plan_hook(const gf_hook *h, gf_unpack_result *r, gf_error *err)
{
	bool ok = h->url == NULL || gf_webhook_check(h, err);

	if (ok && r->after != NULL) {
		gf_after *a = add(r);
		gf_buf shown;

		gf_buf_init(&shown, GF_YAML_MAX);
		a->kind = h->url != NULL ? GF_AFTER_WEBHOOK : GF_AFTER_RUN;
		ok = gf_hook_show(h, &shown, err) && (a->what = gf_strdup(gf_buf_text(&shown), err)) != NULL;
		gf_buf_clear(&shown);
	}
	return ok;
}

bool gf_after_plan(const gf_telling *t, gf_unpack_result *result, gf_error *err)
{
	const gf_environment *e = t->job->environment;
	bool ok = true;

	if (t->job->options->dry_run) {
		result->after = gf_alloc(e->n_locks + e->n_hooks + 1, sizeof *result->after, err);
		ok = result->after != NULL;
	}
	for (size_t i = 0; ok && i < e->n_locks; i++)
		ok = plan_lock(&e->locks[i], t, result, err);
	for (size_t i = 0; ok && i < e->n_hooks; i++)
		ok = plan_hook(&e->hooks[i], result, err);
	return ok;
}
