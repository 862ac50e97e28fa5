/* unpack: load a bundle under the names of an environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "unpack/unpack.h"

static const char *state_text(gf_row_state state)
{
	static const char *const texts[] = { "planned", "sent", "held", "kept", "failed" };

	return texts[state];
}

/* The target that is an archive on stdout, or NULL: the report then goes to stderr. */
static const char *on_stdout(const gf_unpack_options *o)
{
	for (size_t i = 0; i < o->n_to; i++)
		if (gf_target_is_stdout(o->to[i]))
			return o->to[i];
	return NULL;
}

static bool take_options(const gf_run *run, gf_unpack_options *o, gf_secret *password, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *archive;

	o->bundle = a->words.items[0];
	o->environment = gf_value(a, GF_OPT_ENV);
	o->to = a->options[GF_OPT_TO].items;
	o->n_to = a->options[GF_OPT_TO].n;
	o->name = gf_value(a, GF_OPT_NAME);
	o->tags = a->options[GF_OPT_TAG].items;
	o->n_tags = a->options[GF_OPT_TAG].n;
	o->keys = a->options[GF_OPT_KEY].items;
	o->n_keys = a->options[GF_OPT_KEY].n;
	o->with = a->options[GF_OPT_WITH].items;
	o->n_with = a->options[GF_OPT_WITH].n;
	o->state_dir = gf_value(a, GF_OPT_STATE);
	o->site = gf_value(a, GF_OPT_SITE);
	o->receipt_dir = gf_value(a, GF_OPT_RECEIPT_DIR);
	o->sign_cmd = gf_value(a, GF_OPT_SITE_SIGN_CMD);
	o->allow_unsigned = gf_given(a, GF_OPT_ALLOW_UNSIGNED);
	o->dry_run = gf_given(a, GF_OPT_DRY_RUN);
	o->verify_first = gf_given(a, GF_OPT_VERIFY_FIRST);
	archive = on_stdout(o);
	if (archive != NULL && gf_given(a, GF_OPT_JSON))
		return gf_value_fail(GF_OPT_JSON, err, "stdout already takes the archive (--to %s)", archive);
	if (archive != NULL && !o->dry_run && isatty(STDOUT_FILENO))
		return gf_value_fail(GF_OPT_TO, err,
		    "'%s' would write an archive to the terminal; send stdout to a file or a program, or name a path",
		    archive);
	if (o->environment == NULL && o->n_to == 0)
		return gf_fail(err, GF_USAGE, "option", NULL, "nowhere to load to: give --env NAME or --to TARGET");
	return gf_jobs(run, &o->jobs, err) && gf_docker_take(run, &o->docker, err) &&
	    gf_registry_take(run, strcmp(o->bundle, "-") == 0 ? "the bundle" : NULL, &o->registry, password, err);
}

/* The reason alone: the target stands before it already. */
static const char *without_label(const gf_target_sum *s)
{
	size_t n = strlen(s->target);
	const char *text = s->error.text;

	return gf_starts_with(text, "target ") && strncmp(text + 7, s->target, n) == 0 &&
		gf_starts_with(text + 7 + n, ": ")
	    ? text + 7 + n + 2
	    : text;
}

/* One line for a target, then its names. */
static void show_sum(const gf_target_sum *s, bool dry_run, FILE *to)
{
	char sent[GF_SIZE_TEXT], held[GF_SIZE_TEXT], space[GF_SIZE_TEXT];
	gf_buf room;

	gf_buf_init(&room, 2048);
	gf_size_text(s->bytes_sent, sent);
	gf_size_text(s->bytes_held, held);
	gf_size_text(s->free_bytes, space);
	fprintf(to, "\n%s  ", gf_shown(&room, s->target));
	if (s->failed)
		fprintf(to, "failed: %s", gf_shown(&room, without_label(s)));
	else
		fprintf(to, "%llu blob%s (%s) %s, %llu (%s) held", (unsigned long long)s->blobs_sent,
		    s->blobs_sent == 1 ? "" : "s", sent, dry_run ? "to send" : "sent",
		    (unsigned long long)s->blobs_held, held);
	if (dry_run && s->free_known)
		fprintf(to, ", %s free", space);
	fputc('\n', to);
	gf_buf_clear(&room);
}

static bool show_rows(const gf_unpack_result *r, const char *target, FILE *to, gf_error *err)
{
	gf_table *t = gf_table_new(4, err);
	char digest[GF_DIGEST_SIZE];

	gf_table_add(t, "packed name", "new name", "", "digest");
	for (size_t i = 0; i < r->n_rows; i++) {
		const gf_row *row = &r->rows[i];

		if (strcmp(row->target, target) != 0)
			continue;
		gf_digest_text(&row->digest, digest);
		gf_table_add(t, row->packed, row->name, state_text(row->state), digest);
		if (row->state == GF_ROW_FAILED)
			gf_table_mark(t);
		if (row->moved)
			gf_table_add(t, "", "", "was", row->before != NULL ? row->before : "another image");
	}
	return gf_table_print(t, to, 2, err);
}

static const char *after_text(const gf_after *a)
{
	static const char *const states[] = { "new", "changed", "stays as it is" };

	return states[a->state];
}

/* What would be done once everything is loaded. */
static void show_after(const gf_unpack_result *r, FILE *to)
{
	gf_buf room;

	gf_buf_init(&room, GF_COPY_STEP);
	if (r->n_after > 0)
		fputc('\n', to);
	for (size_t i = 0; i < r->n_after; i++) {
		const gf_after *a = &r->after[i];
		const char *line = gf_buf_text(&a->changes);

		if (a->kind == GF_AFTER_LOCK)
			fprintf(to, "would write %s (%s): %s\n", gf_shown(&room, a->what), a->form, after_text(a));
		else
			fprintf(
			    to, "would %s %s\n", a->kind == GF_AFTER_RUN ? "run" : "call", gf_shown(&room, a->what));
		for (; *line != '\0'; line += strcspn(line, "\n") + 1)
			fprintf(to, "  %.*s\n", (int)strcspn(line, "\n"), line);
	}
	gf_buf_clear(&room);
}

static void show_receipt(const gf_unpack_result *r, FILE *to)
{
	gf_buf room;

	gf_buf_init(&room, 8192);
	if (r->receipt != NULL)
		fprintf(to, "\nreceipt  %s\n", gf_shown(&room, r->receipt));
	if (r->receipt_copy != NULL)
		fprintf(to, "copy     %s\n", gf_shown(&room, r->receipt_copy));
	gf_buf_clear(&room);
}

static bool show(
    const gf_run *run, const gf_unpack_options *o, const gf_unpack_result *r, gf_class outcome, gf_error *err)
{
	const gf_verdict *v = &r->verdict;
	const gf_signed_by by = gf_signed_by_of(v);
	FILE *to = on_stdout(o) != NULL ? stderr : stdout;
	bool ok = true;

	if (r->manifest != NULL)
		ok = gf_show_head(run->args.words.items[0], 0, &v->manifest_digest, r->manifest, &by, to, err);
	if (ok && (outcome == GF_REFUSED || outcome == GF_DAMAGED) && r->n_rows == 0) {
		fputc('\n', to);
		ok = gf_show_verdict(v, to, err);
	}
	for (size_t i = 0; ok && i < r->n_targets; i++) {
		if (r->n_rows == 0)
			continue; /* it failed before anything had a name */
		show_sum(&r->targets[i], o->dry_run, to);
		ok = show_rows(r, r->targets[i].target, to, err);
	}
	show_receipt(r, to);
	if (ok && o->dry_run && outcome == GF_OK) {
		show_after(r, to);
		fprintf(to, "\nNothing was changed (--dry-run).\n");
	}
	return ok;
}

static void put_targets(gf_json_out *o, const gf_unpack_result *r)
{
	gf_json_open(o, "targets", '[');
	for (size_t i = 0; i < r->n_targets; i++) {
		const gf_target_sum *s = &r->targets[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "target", s->target);
		gf_json_put_u64(o, "blobsSent", s->blobs_sent);
		gf_json_put_u64(o, "bytesSent", s->bytes_sent);
		gf_json_put_u64(o, "blobsHeld", s->blobs_held);
		gf_json_put_u64(o, "bytesHeld", s->bytes_held);
		if (s->free_known)
			gf_json_put_u64(o, "bytesFree", s->free_bytes);
		gf_json_put_bool(o, "failed", s->failed);
		if (s->failed)
			gf_json_put(o, "error", s->error.text);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_open(o, "names", '[');
	for (size_t i = 0; i < r->n_rows; i++) {
		const gf_row *row = &r->rows[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "target", row->target);
		gf_json_put(o, "packed", row->packed);
		gf_json_put(o, "name", row->name);
		gf_json_put_digest(o, "digest", &row->digest);
		gf_json_put(o, "state", state_text(row->state));
		if (row->moved)
			gf_json_put(o, "before", row->before);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_changes(gf_json_out *o, const char *key, char sign, const gf_after *a, gf_error *err)
{
	gf_json_open(o, key, '[');
	for (const char *line = gf_buf_text(&a->changes); *line != '\0'; line += strcspn(line, "\n") + 1) {
		char *text = *line == sign ? gf_strndup(line + 2, strcspn(line + 2, "\n"), err) : NULL;

		if (text != NULL)
			gf_json_put(o, NULL, text);
		free(text);
	}
	gf_json_close(o, ']');
}

static void put_after(gf_json_out *o, const gf_unpack_result *r, gf_error *err)
{
	gf_json_open(o, "after", '[');
	for (size_t i = 0; i < r->n_after; i++) {
		const gf_after *a = &r->after[i];
		static const char *const kinds[] = { "lockFile", "run", "webhook" };

		gf_json_open(o, NULL, '{');
		gf_json_put(o, kinds[a->kind], a->what);
		if (a->kind == GF_AFTER_LOCK) {
			gf_json_put(o, "form", a->form);
			gf_json_put(o, "state", after_text(a));
			put_changes(o, "goes", '-', a, err);
			put_changes(o, "comes", '+', a, err);
		}
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static bool report(
    gf_run *run, const gf_unpack_options *o, const gf_unpack_result *r, const gf_error *failure, gf_error *err)
{
	gf_report report;

	gf_report_open(&report, run, err);
	gf_json_put(&report.out, "bundle", o->bundle);
	gf_json_put(&report.out, "environment", o->environment);
	gf_json_put_bool(&report.out, "dryRun", o->dry_run);
	if (r->run[0] != '\0')
		gf_json_put(&report.out, "run", r->run);
	if (r->manifest != NULL)
		gf_put_manifest(&report.out, &r->verdict.manifest_digest, r->manifest);
	gf_put_verdict(&report.out, &r->verdict);
	put_targets(&report.out, r);
	gf_json_put(&report.out, "receipt", r->receipt);
	gf_json_put(&report.out, "receiptCopy", r->receipt_copy);
	if (o->dry_run)
		put_after(&report.out, r, err);
	return gf_report_close(&report, run, failure, err);
}

bool gf_verb_unpack(gf_run *run, gf_error *err)
{
	gf_unpack_options o = { .bundle = NULL };
	gf_unpack_result r;
	gf_secret password = { .data = NULL };
	gf_buf config;
	gf_error shown = { .class = GF_OK };
	bool ok, said;

	memset(&r, 0, sizeof r);
	gf_verdict_init(&r.verdict);
	gf_buf_init(&config, GF_CONFIG_FILE_MAX);
	ok = gf_config_find(run, &config, err) && take_options(run, &o, &password, err);
	if (!ok)
		goto out;
	o.config_dir = config.data;
	ok = gf_unpack(&o, run->events, &r, err);
	gf_progress_rest(run->progress);
	said = run->json ? report(run, &o, &r, ok ? NULL : err, &shown)
			 : show(run, &o, &r, ok ? GF_OK : err->class, &shown);
	if (ok && !said) {
		*err = shown;
		ok = false;
	}
out:
	gf_unpack_result_clear(&r);
	gf_secret_clear(&password);
	gf_buf_clear(&config);
	return ok;
}
