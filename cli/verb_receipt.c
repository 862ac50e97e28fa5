/* receipt: what a site says of a run, shown and checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/receipt.h"

#define PAGE_NAMES 24 /* of a printed page */

/* ---- show ---- */

static void add_digest(gf_table *t, const char *term, const gf_digest *d)
{
	char text[GF_DIGEST_SIZE];

	gf_digest_text(d, text);
	gf_table_add(t, term, text);
}

static void add_release(gf_table *t, const gf_receipt *r)
{
	char text[160] = "none: nothing protects against an older bundle";

	if (r->stream != NULL)
		(void)snprintf(text, sizeof text, "%s, epoch %llu, sequence %llu", r->stream,
		    (unsigned long long)r->epoch, (unsigned long long)r->sequence);
	gf_table_add(t, "stream", text);
	add_digest(t, "manifest", &r->manifest);
}

static void add_trust(gf_table *t, const gf_receipt *r)
{
	char text[120], hex[GF_HEX_SIZE];

	if (r->trust_version > 0) {
		gf_digest_hex(&r->trust, hex);
		(void)snprintf(text, sizeof text, "version %llu, %s", (unsigned long long)r->trust_version, hex);
		gf_table_add(t, "trust file", text);
	} else {
		gf_table_add(t, "trust file", "none: loose keys");
	}
	for (size_t i = 0; i < r->n_signers; i++) {
		gf_digest_hex(&r->signers[i], hex);
		(void)snprintf(text, sizeof text, "key %s", hex);
		gf_table_add(t, i == 0 ? "signed by" : "", text);
	}
	if (r->n_signers == 0)
		gf_table_add(t, "signed by", "nobody (--allow-unsigned)");
	for (size_t i = 0; i < r->n_words; i++) {
		const struct gf_receipt_word *w = &r->words[i];

		gf_digest_hex(&w->file, hex);
		(void)snprintf(text, sizeof text, "%.40s %s", w->holder != NULL ? w->holder : "statement", hex);
		gf_table_add(t, w->permit ? "permit" : "approved by", text);
	}
}

/* Checks of one result, in their order, in one cell. */
static void add_checks(gf_table *t, const gf_receipt *r, const char *result, gf_buf *room)
{
	gf_error why;

	gf_buf_clear(room);
	for (size_t i = 0; i < r->n_checks; i++)
		if (strcmp(r->checks[i].result, result) == 0 &&
		    !gf_buf_printf(room, &why, "%s%s", room->len > 0 ? " " : "", r->checks[i].name))
			break;
	if (room->len > 0)
		gf_table_add(t, result, room->data);
}

static void add_end(gf_table *t, const gf_receipt *r)
{
	char text[120], when[GF_TIME_SIZE], hex[GF_HEX_SIZE], read[GF_SIZE_TEXT], held[GF_SIZE_TEXT];

	gf_size_text(r->bytes_read, read);
	gf_size_text(r->bytes_held, held);
	(void)snprintf(text, sizeof text, "%s read, %s held", read, held);
	gf_table_add(t, "bytes", text);
	gf_digest_hex(&r->log_root, hex);
	(void)snprintf(text, sizeof text, "%llu lines, root %s", (unsigned long long)r->log_size, hex);
	gf_table_add(t, "log", text);
	gf_time_print(r->created, when);
	gf_table_add(t, "created", when);
}

static bool show_images(const gf_receipt *r, size_t most, gf_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_images; i++) {
		const gf_receipt_image *im = &r->images[i];
		char digest[GF_DIGEST_SIZE];
		gf_table *t;
		gf_buf room;

		if (n >= most)
			break;
		gf_digest_text(&im->digest, digest);
		gf_buf_init(&room, 4096);
		printf("\n%s\n  %s\n", digest, gf_shown(&room, im->target));
		gf_buf_clear(&room);
		t = gf_table_new(2, err);
		for (size_t k = 0; k < im->n_names && n < most; k++, n++) {
			gf_table_add(t, im->names[k].name, "");
			if (im->names[k].before != NULL)
				gf_table_add(t, "  was", im->names[k].before);
		}
		if (!gf_table_print(t, stdout, 4, err))
			return false;
	}
	return true;
}

static size_t count_names(const gf_receipt *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_images; i++)
		n += r->images[i].n_names;
	return n;
}

static bool show(const gf_receipt_file *f, const char *signature, size_t most, gf_error *err)
{
	static const char *const results[] = { "passed", "lifted", "not required" };
	const gf_receipt *r = &f->r;
	size_t n = count_names(r);
	gf_table *t = gf_table_new(2, err);
	char hex[GF_HEX_SIZE];
	gf_buf room;

	gf_digest_hex(&f->digest, hex);
	gf_table_add(t, "receipt", gf_path_base(f->path));
	gf_table_add(t, "sha256", hex);
	gf_table_add(t, "signature", signature);
	gf_table_add(t, "site", r->site != NULL ? r->site : "it has no name");
	gf_table_add(t, "environment", r->environment != NULL ? r->environment : "none: written to local files");
	add_release(t, r);
	gf_table_add(t, "result", r->complete ? "complete" : "partial: some targets have nothing");
	add_trust(t, r);
	gf_buf_init(&room, GF_COMPANION_MAX);
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		add_checks(t, r, results[i], &room);
	gf_buf_clear(&room);
	if (r->has_config) {
		gf_digest_hex(&r->config, hex);
		gf_table_add(t, "environment file", hex);
	}
	add_end(t, r);
	if (!gf_table_print(t, stdout, 0, err) || !show_images(r, most, err))
		return false;
	if (n > most)
		printf("\n    and %zu more names\n", n - most);
	return true;
}

static bool put_receipt(gf_json_out *o, const gf_receipt_file *f, gf_error *err)
{
	const gf_buf *bytes = &f->files.members[0].bytes;
	gf_json_doc *doc = gf_json_parse(bytes->data, bytes->len, GF_COMPANION_MAX, GF_DAMAGED, f->path, err);

	if (doc == NULL)
		return false;
	gf_json_put(o, "file", f->path);
	gf_json_put_digest(o, "digest", &f->digest);
	gf_json_put_value(o, "receipt", gf_json_root(doc));
	gf_json_free(doc);
	return true;
}

static bool print_summary(const gf_receipt_file *f, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, 8 * GF_COMPANION_MAX);
	ok = gf_receipt_summary(&f->r, &f->digest, &text, err);
	if (ok && (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0))
		ok = gf_fail_errno(err, GF_FAILED, "write", "stdout", "writing to stdout");
	gf_buf_clear(&text);
	return ok;
}

bool gf_verb_receipt_show(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	bool summary = gf_given(a, GF_OPT_VSA), ok;
	gf_receipt_file f;
	gf_report r;

	if (summary && (run->json || gf_given(a, GF_OPT_SHORT)))
		return gf_value_fail(GF_OPT_VSA, err, "the summary is all that is printed");
	ok = gf_receipt_file_open(&f, a->words.items[0], err);
	if (ok && summary) {
		ok = print_summary(&f, err);
	} else if (ok && run->json) {
		gf_report_open(&r, run, err);
		ok = put_receipt(&r.out, &f, err) && gf_report_close(&r, run, NULL, err);
	} else if (ok) {
		ok = show(&f, "not checked here (gapferry receipt verify)",
		    gf_given(a, GF_OPT_SHORT) ? PAGE_NAMES : SIZE_MAX, err);
	}
	gf_receipt_file_clear(&f);
	return ok;
}

/* ---- verify ---- */

typedef struct checking {
	gf_receipt_file file;
	gf_state *state;
	gf_trust *trust;
	gf_site_keys keys;
	gf_receipt_by by;
	gf_audit audit; /* of an own one */
	const char *bundle;
} checking;

static bool check_signature(checking *c, const gf_run *run, gf_error *err)
{
	gf_receipt_keys keys = { .n_given = 0 };

	if ((c->state = gf_state_open(gf_value(&run->args, GF_OPT_STATE), false, err)) == NULL ||
	    !gf_site_keys_take(&c->keys, &run->args.options[GF_OPT_RECEIPT_KEY], c->state, err) ||
	    (c->trust = gf_trust_for(c->state, NULL, 0, NULL, GF_TRUST_VERIFY, err)) == NULL)
		return false;
	keys.given = (const gf_pubkey *const *)c->keys.given;
	keys.n_given = c->keys.n;
	keys.policy = gf_trust_policy(c->trust);
	keys.site = c->keys.site;
	return gf_receipt_judge(&c->file.r, c->file.files.members, c->file.files.n, &keys, gf_now(), &c->by, err);
}

/* The digest says all: nothing of the bundle is believed here. */
static bool check_bundle(const checking *c, gf_error *err)
{
	gf_reader *r = gf_reader_open(c->bundle, err);
	const gf_buf *statement = r != NULL ? gf_reader_statement(r) : NULL;
	gf_digest digest;
	char is[GF_HEX_SIZE], of[GF_HEX_SIZE];
	bool ok = r != NULL && gf_hash_bytes(gf_buf_text(statement), statement->len, &digest, err);

	if (ok && !gf_digest_equal(&digest, &c->file.r.manifest)) {
		gf_digest_hex(&digest, is);
		gf_digest_hex(&c->file.r.manifest, of);
		ok = gf_fail(err, GF_REFUSED, "receipt-bundle", c->bundle,
		    "'%s' is a receipt of another bundle than '%s': of manifest %s, not %s", c->file.path, c->bundle,
		    of, is);
	}
	gf_reader_close(r);
	return ok;
}

static bool tell(const checking *c, gf_error *err)
{
	gf_table *t;
	char text[160];

	if (!show(&c->file, c->by.how, SIZE_MAX, err))
		return false;
	putchar('\n');
	t = gf_table_new(2, err);
	if (c->bundle != NULL)
		gf_table_add(t, "bundle", "it is of this one");
	if (c->by.own) {
		(void)snprintf(
		    text, sizeof text, "goes on from it: %llu lines now", (unsigned long long)c->audit.now.size);
		gf_table_add(t, "log here", text);
	} else {
		gf_table_add(t, "log here", "not compared: it is another site's");
	}
	return gf_table_print(t, stdout, 0, err);
}

static bool report(gf_run *run, const checking *c, const gf_error *failure, gf_error *err)
{
	gf_report r;
	bool ok = true;

	gf_report_open(&r, run, err);
	if (c->file.r.n_checks > 0)
		ok = put_receipt(&r.out, &c->file, err);
	if (c->by.key != NULL) {
		gf_json_put(&r.out, "signedBy", c->by.how);
		gf_json_put_bool(&r.out, "own", c->by.own);
	}
	return gf_report_close(&r, run, failure, err) && ok;
}

bool gf_verb_receipt_verify(gf_run *run, gf_error *err)
{
	checking c = { .bundle = gf_value(&run->args, GF_OPT_BUNDLE) };
	gf_error shown = { .class = GF_OK };
	bool ok, said = true;

	ok = gf_receipt_file_open(&c.file, run->args.words.items[0], err) && check_signature(&c, run, err) &&
	    (c.bundle == NULL || check_bundle(&c, err)) &&
	    (!c.by.own || gf_receipt_file_audit(&c.file, c.state, &c.audit, err));
	if (run->json)
		said = report(run, &c, ok ? NULL : err, &shown);
	else if (ok)
		said = tell(&c, &shown);
	if (ok && !said)
		*err = shown;
	gf_site_keys_clear(&c.keys);
	gf_trust_free(c.trust);
	gf_state_close(c.state);
	gf_receipt_file_clear(&c.file);
	return ok && said;
}
