/* log: the audit log shown, looked at whole, and proved from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/receipt.h"

#define PROOF_MAX (64 * GF_KIB)

static gf_state *look(const gf_run *run, gf_error *err)
{
	return gf_state_look(gf_value(&run->args, GF_OPT_STATE), err);
}

/* --key; *key NULL: not given. */
static bool take_key(const gf_run *run, gf_pubkey **key, gf_error *err)
{
	const char *path = gf_value(&run->args, GF_OPT_LOG_KEY);

	*key = path != NULL ? gf_pubkey_load(path, err) : NULL;
	return path == NULL || *key != NULL;
}

static bool number_of(const char *text, uint64_t *out, gf_error *err)
{
	return (gf_u64_parse(text, GF_BLOB_MAX, out) && *out > 0) ||
	    gf_fail(err, GF_USAGE, "argument", text, "'%s' is not the number of a line; the first is 1", text);
}

/* ---- show ---- */

typedef struct showing {
	uint64_t from, to;
	gf_json_out *out; /* NULL: text */
	gf_buf room;
} showing;

/* "N", "N-", "N-M". */
static bool range_of(const char *text, showing *s, gf_error *err)
{
	const char *dash = strchr(text, '-');
	char *first = gf_strndup(text, dash != NULL ? (size_t)(dash - text) : strlen(text), err);
	bool ok = first != NULL && number_of(first, &s->from, err);

	if (ok && dash == NULL)
		s->to = s->from;
	else if (ok && dash[1] != '\0')
		ok = number_of(dash + 1, &s->to, err);
	if (ok && s->to < s->from)
		ok = gf_fail(err, GF_USAGE, "argument", text, "'%s' ends before it begins", text);
	free(first);
	return ok;
}

static void show_text(showing *s, gf_json root, const char *key, const char *before)
{
	const char *text = NULL;
	gf_error why;

	if (gf_json_string_if(root, key, &text, &why) && text != NULL)
		printf("%s%s", before, gf_shown(&s->room, text));
}

static void show_number(gf_json root, const char *key, const char *before)
{
	uint64_t n = 0;
	gf_error why;

	if (gf_json_typeof(gf_json_get(root, key)) == GF_JSON_INTEGER && gf_json_u64(root, key, &n, &why))
		printf("%s%llu", before, (unsigned long long)n);
}

static void show_line(showing *s, gf_json root, uint64_t number)
{
	const char *time = "", *type = "";
	gf_error why;

	(void)(gf_json_string_if(root, "time", &time, &why) && gf_json_string_if(root, "type", &type, &why));
	printf("%6llu  %s", (unsigned long long)number, gf_shown(&s->room, time));
	printf("  %-9s", gf_shown(&s->room, type));
	show_text(s, root, "environment", "  ");
	show_text(s, root, "stream", "  ");
	show_number(root, "epoch", " ");
	show_number(root, "sequence", ".");
	show_number(root, "trustVersion", "  trust ");
	show_text(s, root, "holder", "  ");
	show_text(s, root, "step", "  ");
	show_text(s, root, "code", " ");
	show_text(s, root, "name", "  ");
	show_text(s, root, "target", " at ");
	show_text(s, root, "digest", " ");
	if (gf_json_typeof(gf_json_get(root, "digest")) == GF_JSON_ABSENT) {
		show_text(s, root, "manifest", "  ");
		show_text(s, root, "statement", "  ");
	}
	putchar('\n');
}

static bool show(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	showing *s = ctx;
	gf_json_doc *doc;

	if (number < s->from || number > s->to)
		return true;
	if (s->out != NULL) {
		gf_json_open(s->out, NULL, '{');
		gf_json_put_u64(s->out, "number", number);
		gf_json_put(s->out, "line", line);
		gf_json_close(s->out, '}');
		return true;
	}
	doc = gf_json_parse(line, n, GF_LOG_LINE_MAX, GF_FAILED, "line", err);
	if (doc == NULL)
		printf("%6llu  is not a record\n", (unsigned long long)number);
	else
		show_line(s, gf_json_root(doc), number);
	gf_json_free(doc);
	return true;
}

bool gf_verb_log_show(gf_run *run, gf_error *err)
{
	showing s = { .from = 1, .to = UINT64_MAX };
	gf_state *state;
	gf_report r;
	bool ok;

	if (run->args.words.n > 0 && !range_of(run->args.words.items[0], &s, err))
		return false;
	state = look(run, err);
	if (state == NULL)
		return false;
	gf_buf_init(&s.room, 4096);
	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_put(&r.out, "state", gf_state_dir(state));
		gf_json_open(&r.out, "lines", '[');
		s.out = &r.out;
	}
	ok = gf_state_lines(state, show, &s, err);
	if (run->json) {
		gf_json_close(&r.out, ']');
		ok = ok ? gf_report_close(&r, run, NULL, err) : (gf_buf_clear(&r.text), false);
	}
	gf_buf_clear(&s.room);
	gf_state_close(state);
	return ok;
}

/* ---- verify ---- */

static bool load_checkpoint(const char *path, gf_member *out, gf_error *err)
{
	gf_buf_init(&out->bytes, GF_SIGNATURE_MAX);
	return (out->name = gf_strdup(path, err)) != NULL &&
	    gf_file_load(path, GF_SIGNATURE_MAX, GF_USAGE, &out->bytes, err);
}

/* A receipt by the key of the site is a checkpoint, too. */
static bool load_receipt(const char *path, const gf_pubkey *site, gf_member *out, gf_error *err)
{
	gf_receipt_keys keys = { .site = site };
	gf_receipt_file f;
	gf_receipt_by by;
	bool ok = gf_receipt_file_open(&f, path, err) &&
	    gf_receipt_judge(&f.r, f.files.members, f.files.n, &keys, gf_now(), &by, err) &&
	    gf_receipt_file_checkpoint(&f, out, err);

	gf_receipt_file_clear(&f);
	return ok;
}

/* What an auditor kept: --checkpoint, then --receipt.  key NULL: site.pub. */
static bool load_kept(
    const gf_arguments *a, const gf_state *state, const gf_pubkey *key, gf_member **out, size_t *n, gf_error *err)
{
	const gf_words *checkpoints = &a->options[GF_OPT_CHECKPOINT], *receipts = &a->options[GF_OPT_LOG_RECEIPT];
	gf_pubkey *site = NULL;
	bool ok = (*out = gf_alloc(checkpoints->n + receipts->n + 1, sizeof **out, err)) != NULL &&
	    (key != NULL || gf_state_site_public(state, &site, err));

	for (size_t i = 0; ok && i < checkpoints->n; i++)
		ok = load_checkpoint(checkpoints->items[i], &(*out)[(*n)++], err);
	for (size_t i = 0; ok && i < receipts->n; i++)
		ok = load_receipt(receipts->items[i], key != NULL ? key : site, &(*out)[(*n)++], err);
	gf_pubkey_free(site);
	return ok;
}

static bool root_of(const gf_checkpoint *c, gf_buf *out, gf_error *err)
{
	return gf_base64_encode(out, c->root.bytes, sizeof c->root.bytes, err);
}

static bool tell(const gf_audit *a, const gf_state *state, gf_error *err)
{
	gf_table *t = gf_table_new(2, err);
	char text[400];
	gf_buf root;
	bool ok;

	gf_buf_init(&root, 64);
	ok = root_of(&a->now, &root, err);
	gf_table_add(t, "log", gf_state_dir(state));
	gf_table_add(t, "name", a->now.origin);
	(void)snprintf(text, sizeof text, "%llu, every one a record", (unsigned long long)a->now.size);
	gf_table_add(t, "lines", text);
	gf_table_add(t, "root", gf_buf_text(&root));
	if (!a->has_checkpoint)
		(void)snprintf(text, sizeof text, "none: nothing here says that the log was not cut short");
	else
		(void)snprintf(text, sizeof text, "signed over the first %llu lines; %llu since",
		    (unsigned long long)a->checkpoint.size, (unsigned long long)(a->now.size - a->checkpoint.size));
	gf_table_add(t, "checkpoint", text);
	gf_table_add(t, "state.json",
	    a->cache == GF_CACHE_FITS       ? "says what the lines say"
		: a->cache == GF_CACHE_NONE ? "is not there; the next run makes it"
					    : "cannot be used; the next run makes it anew");
	if (a->torn > 0) {
		(void)snprintf(
		    text, sizeof text, "%llu bytes, which the next run cuts off", (unsigned long long)a->torn);
		gf_table_add(t, "torn line", text);
	}
	gf_buf_clear(&root);
	return gf_table_print(t, stdout, 0, err) && ok;
}

static bool report(gf_run *run, const gf_audit *a, const gf_state *state, const gf_error *failure, gf_error *err)
{
	static const char *const caches[] = { "absent", "unusable", "fits" };
	gf_report r;
	gf_buf root;
	bool ok;

	gf_buf_init(&root, 64);
	ok = root_of(&a->now, &root, err);
	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "state", gf_state_dir(state));
	gf_json_put(&r.out, "origin", a->now.origin);
	gf_json_put_u64(&r.out, "lines", a->now.size);
	gf_json_put_u64(&r.out, "bytes", a->bytes);
	if (failure == NULL)
		gf_json_put(&r.out, "root", gf_buf_text(&root));
	if (a->has_checkpoint)
		gf_json_put_u64(&r.out, "checkpoint", a->checkpoint.size);
	gf_json_put_u64(&r.out, "vouchedTo", a->good_to);
	gf_json_put(&r.out, "cache", caches[a->cache]);
	gf_json_put_u64(&r.out, "torn", a->torn);
	gf_buf_clear(&root);
	return gf_report_close(&r, run, failure, err) && ok;
}

bool gf_verb_log_verify(gf_run *run, gf_error *err)
{
	gf_audit_options o = { .n_checkpoints = 0 };
	gf_state *state = NULL;
	gf_member *files = NULL;
	gf_pubkey *key = NULL;
	gf_audit audit;
	gf_error shown = { .class = GF_OK };
	bool ok, said = true;

	ok = take_key(run, &key, err) && (state = look(run, err)) != NULL &&
	    load_kept(&run->args, state, key, &files, &o.n_checkpoints, err);
	if (ok) {
		o.key = key;
		o.checkpoints = files;
		ok = gf_audit_run(state, &o, &audit, err);
		if (run->json)
			said = report(run, &audit, state, ok ? NULL : err, &shown);
		else if (ok)
			said = tell(&audit, state, &shown);
	}
	if (ok && !said)
		*err = shown;
	if (files != NULL)
		gf_members_free(files, o.n_checkpoints);
	gf_pubkey_free(key);
	gf_state_close(state);
	return ok && said;
}

/* ---- prove, consistency ---- */

static bool print_proof(bool ok, gf_buf *proof)
{
	if (ok)
		(void)fwrite(proof->data, 1, proof->len, stdout);
	gf_buf_clear(proof);
	return ok;
}

bool gf_verb_log_prove(gf_run *run, gf_error *err)
{
	gf_state *state = NULL;
	gf_pubkey *key = NULL;
	uint64_t number = 0;
	gf_buf proof;
	bool ok;

	gf_buf_init(&proof, PROOF_MAX);
	ok = number_of(run->args.words.items[0], &number, err) && take_key(run, &key, err) &&
	    (state = look(run, err)) != NULL && gf_audit_prove(state, key, number, &proof, err);
	gf_pubkey_free(key);
	gf_state_close(state);
	return print_proof(ok, &proof);
}

/* A size, or a file with a checkpoint. */
static bool old_of(const char *word, const gf_pubkey *key, gf_checkpoint *old, bool *with_root, gf_error *err)
{
	gf_member file = { .name = NULL };
	bool ok;

	memset(old, 0, sizeof *old);
	*with_root = !gf_u64_parse(word, GF_BLOB_MAX, &old->size);
	if (!*with_root)
		return true;
	gf_buf_init(&file.bytes, GF_SIGNATURE_MAX);
	file.name = gf_strdup(word, err);
	ok = file.name != NULL && gf_file_load(word, GF_SIGNATURE_MAX, GF_USAGE, &file.bytes, err) &&
	    gf_audit_checkpoint(&file, key, old, err);
	free(file.name);
	gf_buf_clear(&file.bytes);
	return ok;
}

bool gf_verb_log_consistency(gf_run *run, gf_error *err)
{
	const gf_words *words = &run->args.words;
	gf_state *state = NULL;
	gf_pubkey *key = NULL;
	gf_checkpoint old;
	uint64_t size = 0;
	bool with_root, ok;
	gf_buf proof;

	gf_buf_init(&proof, PROOF_MAX);
	ok = (words->n < 2 || number_of(words->items[1], &size, err)) && take_key(run, &key, err) &&
	    old_of(words->items[0], key, &old, &with_root, err) && (state = look(run, err)) != NULL &&
	    gf_audit_growth(state, key, &old, with_root, size, &proof, err);
	gf_pubkey_free(key);
	gf_state_close(state);
	return print_proof(ok, &proof);
}

/* ---- checkpoint ---- */

static bool report_checkpoint(gf_run *run, gf_state *state, const gf_checkpoint *c, gf_error *err)
{
	gf_pubkey *key = NULL;
	gf_buf root, line;
	gf_report r;
	bool ok;

	gf_buf_init(&root, 64);
	gf_buf_init(&line, GF_KEY_FILE_MAX);
	ok = root_of(c, &root, err) && gf_state_site_public(state, &key, err) &&
	    (key == NULL || gf_checkpoint_key(c, key, &line, err));
	if (ok) {
		gf_report_open(&r, run, err);
		gf_json_put(&r.out, "origin", c->origin);
		gf_json_put_u64(&r.out, "size", c->size);
		gf_json_put(&r.out, "root", root.data);
		gf_json_put(&r.out, "verifierKey", line.data);
		ok = gf_report_close(&r, run, NULL, err);
	}
	gf_pubkey_free(key);
	gf_buf_clear(&root);
	gf_buf_clear(&line);
	return ok;
}

bool gf_verb_log_checkpoint(gf_run *run, gf_error *err)
{
	gf_state *state = gf_state_open(gf_value(&run->args, GF_OPT_STATE), false, err);
	gf_checkpoint c;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_KIB);
	ok = state != NULL && gf_state_now(state, &c, err);
	if (ok && run->json) {
		ok = report_checkpoint(run, state, &c, err);
	} else if (ok) {
		ok = gf_checkpoint_print(&c, &text, err);
		if (ok)
			(void)fwrite(text.data, 1, text.len, stdout);
		if (ok && gf_given(&run->args, GF_OPT_QR))
			ok = gf_show_qr(text.data, stdout, err);
	}
	gf_buf_clear(&text);
	gf_state_close(state);
	return ok;
}
