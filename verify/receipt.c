#include <stdlib.h>
#include <string.h>

#include "verify/receipt.h"

#define SUBJECT "META/manifest.json"

/* ---- reading ---- */

static bool read_name(gf_json o, const char *key, char **out, gf_error *err)
{
	if (!gf_json_copy_if(o, key, out, err))
		return false;
	return *out == NULL || gf_name_valid(*out) ||
	    gf_json_fail(gf_json_get(o, key), "receipt", err, "'%.64s' is not a name", *out);
}

/* A stream with its numbers, or neither. */
static bool read_place(gf_json p, gf_receipt *r, gf_error *err)
{
	const char *result = NULL;

	if (!read_name(p, "site", &r->site, err) || !read_name(p, "environment", &r->environment, err) ||
	    !read_name(p, "stream", &r->stream, err))
		return false;
	if (r->stream != NULL &&
	    (!gf_json_u64(p, "epoch", &r->epoch, err) || !gf_json_u64(p, "sequence", &r->sequence, err)))
		return false;
	if (r->stream == NULL &&
	    (gf_json_typeof(gf_json_get(p, "epoch")) != GF_JSON_ABSENT ||
		gf_json_typeof(gf_json_get(p, "sequence")) != GF_JSON_ABSENT))
		return gf_json_fail(p, "receipt", err, "'epoch' or 'sequence' without 'stream'");
	if (!gf_json_string(p, "result", &result, err))
		return false;
	r->complete = strcmp(result, "complete") == 0;
	return r->complete || strcmp(result, "partial") == 0 ||
	    gf_json_fail(
		gf_json_get(p, "result"), "receipt", err, "expected 'complete' or 'partial', found '%.64s'", result);
}

/* What failed or was not reached ends a run without a receipt. */
static bool is_result(const char *text)
{
	return strcmp(text, "passed") == 0 || strcmp(text, "lifted") == 0 || strcmp(text, "not required") == 0;
}

static bool read_checks(gf_json p, gf_receipt *r, gf_error *err)
{
	gf_json list;

	if (!gf_json_object(p, "checks", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		struct gf_receipt_check *c;
		const char *name, *result = NULL;
		gf_json value;

		name = gf_json_key_at(list, i, &value);
		if (!gf_json_text(value, &result, err) ||
		    !gf_grow(&r->checks, &r->checks_room, r->n_checks, sizeof *r->checks, err))
			return false;
		if (!gf_name_valid(name) || !is_result(result))
			return gf_json_fail(value, "receipt", err,
			    "expected a check and 'passed', 'lifted' or 'not required', found '%.64s'", result);
		c = &r->checks[r->n_checks++];
		if ((c->name = gf_strdup(name, err)) == NULL || (c->result = gf_strdup(result, err)) == NULL)
			return false;
	}
	return r->n_checks > 0 || gf_json_fail(list, "receipt", err, "a receipt without checks");
}

static bool read_signers(gf_json trust, gf_receipt *r, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(trust, "signers", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		const char *text = NULL;
		gf_json item = gf_json_at(list, i);

		if (!gf_json_text(item, &text, err) ||
		    !gf_grow(&r->signers, &r->signers_room, r->n_signers, sizeof *r->signers, err))
			return false;
		if (!gf_digest_parse_hex(text, &r->signers[r->n_signers++]))
			return gf_json_fail(item, "receipt", err, "'%.80s' is not the id of a key", text);
	}
	return true;
}

static bool read_trust(gf_json p, gf_receipt *r, gf_error *err)
{
	static const char *const keys[] = { "version", "sha256", "signers", NULL };
	gf_json trust;
	bool has_digest;

	if (!gf_json_object(p, "trust", &trust, err) || !gf_json_only(trust, keys, err) ||
	    !gf_json_u64_if(trust, "version", &r->trust_version, err))
		return false;
	has_digest = gf_json_typeof(gf_json_get(trust, "sha256")) != GF_JSON_ABSENT;
	if (has_digest != (r->trust_version > 0))
		return gf_json_fail(trust, "receipt", err, "a trust file has both 'version', from 1 on, and 'sha256'");
	return (!has_digest || gf_json_hex(trust, "sha256", &r->trust, err)) && read_signers(trust, r, err);
}

static bool read_word(gf_json item, struct gf_receipt_word *w, gf_error *err)
{
	static const char *const keys[] = { "decision", "holder", "sha256", NULL };
	const char *decision = NULL;

	if (!gf_json_only(item, keys, err) || !gf_json_string(item, "decision", &decision, err) ||
	    !read_name(item, "holder", &w->holder, err) || !gf_json_hex(item, "sha256", &w->file, err))
		return false;
	w->permit = strcmp(decision, "permit") == 0;
	if (!w->permit && strcmp(decision, "approve") != 0)
		return gf_json_fail(gf_json_get(item, "decision"), "receipt", err,
		    "expected 'approve' or 'permit', found '%.64s'", decision);
	return w->permit || w->holder != NULL || gf_json_fail(item, "receipt", err, "an approval by nobody");
}

static bool read_words(gf_json p, gf_receipt *r, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(p, "approvals", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!gf_grow(&r->words, &r->words_room, r->n_words, sizeof *r->words, err) ||
		    !read_word(gf_json_at(list, i), &r->words[r->n_words++], err))
			return false;
	return true;
}

static bool read_image(gf_json item, gf_receipt_image *im, gf_error *err)
{
	static const char *const keys[] = { "digest", "target", "names", NULL };
	static const char *const name_keys[] = { "name", "before", NULL };
	gf_json list;

	if (!gf_json_only(item, keys, err) || !gf_json_digest(item, "digest", &im->digest, err) ||
	    !gf_json_copy(item, "target", &im->target, err) || !gf_json_array(item, "names", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		gf_json one = gf_json_at(list, i);

		if (!gf_grow(&im->names, &im->room, im->n_names, sizeof *im->names, err))
			return false;
		im->n_names++;
		if (!gf_json_only(one, name_keys, err) || !gf_json_copy(one, "name", &im->names[i].name, err) ||
		    !gf_json_copy_if(one, "before", &im->names[i].before, err))
			return false;
	}
	return im->n_names > 0 || gf_json_fail(list, "receipt", err, "an image without a name");
}

static bool read_images(gf_json p, gf_receipt *r, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(p, "images", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!gf_grow(&r->images, &r->images_room, r->n_images, sizeof *r->images, err) ||
		    !read_image(gf_json_at(list, i), &r->images[r->n_images++], err))
			return false;
	return true;
}

static bool read_numbers(gf_json p, gf_receipt *r, gf_error *err)
{
	static const char *const bytes_keys[] = { "read", "held", NULL }, *const log_keys[] = { "size", "root", NULL };
	gf_json bytes, log;

	return gf_json_object(p, "bytes", &bytes, err) && gf_json_only(bytes, bytes_keys, err) &&
	    gf_json_u64(bytes, "read", &r->bytes_read, err) && gf_json_u64(bytes, "held", &r->bytes_held, err) &&
	    gf_json_object(p, "log", &log, err) && gf_json_only(log, log_keys, err) &&
	    gf_json_u64(log, "size", &r->log_size, err) && gf_json_hex(log, "root", &r->log_root, err) &&
	    gf_json_time(p, "created", &r->created, err);
}

static bool read_config(gf_json p, gf_receipt *r, gf_error *err)
{
	r->has_config = gf_json_typeof(gf_json_get(p, "configSha256")) != GF_JSON_ABSENT;
	return !r->has_config || gf_json_hex(p, "configSha256", &r->config, err);
}

bool gf_receipt_parse(const void *text, size_t n, const char *name, gf_receipt *out, gf_error *err)
{
	static const char *const keys[] = { "site", "environment", "stream", "epoch", "sequence", "result", "checks",
		"trust", "configSha256", "approvals", "images", "bytes", "log", "created", NULL };
	gf_statement s;
	bool ok;

	*out = (gf_receipt){ .n_checks = 0 };
	if (!gf_statement_open(text, n, name, GF_TYPE_RECEIPT, &s, err))
		return false;
	out->manifest = s.subject;
	ok = gf_json_only(s.predicate, keys, err) && read_place(s.predicate, out, err) &&
	    read_checks(s.predicate, out, err) && read_trust(s.predicate, out, err) &&
	    read_config(s.predicate, out, err) && read_words(s.predicate, out, err) &&
	    read_images(s.predicate, out, err) && read_numbers(s.predicate, out, err);
	gf_statement_close(&s);
	return ok;
}

/* ---- writing ---- */

static void put_trust(gf_json_out *o, const gf_receipt *r)
{
	gf_json_open(o, "trust", '{');
	if (r->trust_version > 0) {
		gf_json_put_u64(o, "version", r->trust_version);
		gf_json_put_hex(o, "sha256", &r->trust);
	}
	gf_json_open(o, "signers", '[');
	for (size_t i = 0; i < r->n_signers; i++)
		gf_json_put_hex(o, NULL, &r->signers[i]);
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static void put_words(gf_json_out *o, const gf_receipt *r)
{
	gf_json_open(o, "approvals", '[');
	for (size_t i = 0; i < r->n_words; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "decision", r->words[i].permit ? "permit" : "approve");
		gf_json_put(o, "holder", r->words[i].holder);
		gf_json_put_hex(o, "sha256", &r->words[i].file);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_images(gf_json_out *o, const gf_receipt *r)
{
	gf_json_open(o, "images", '[');
	for (size_t i = 0; i < r->n_images; i++) {
		const gf_receipt_image *im = &r->images[i];

		gf_json_open(o, NULL, '{');
		gf_json_put_digest(o, "digest", &im->digest);
		gf_json_put(o, "target", im->target);
		gf_json_open(o, "names", '[');
		for (size_t k = 0; k < im->n_names; k++) {
			gf_json_open(o, NULL, '{');
			gf_json_put(o, "name", im->names[k].name);
			gf_json_put(o, "before", im->names[k].before);
			gf_json_close(o, '}');
		}
		gf_json_close(o, ']');
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

bool gf_receipt_print(const gf_receipt *r, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_statement_begin(&o, out, GF_TYPE_RECEIPT, SUBJECT, &r->manifest, err);
	gf_json_put(&o, "site", r->site);
	gf_json_put(&o, "environment", r->environment);
	gf_json_put(&o, "stream", r->stream);
	if (r->stream != NULL) {
		gf_json_put_u64(&o, "epoch", r->epoch);
		gf_json_put_u64(&o, "sequence", r->sequence);
	}
	gf_json_put(&o, "result", r->complete ? "complete" : "partial");
	gf_json_open(&o, "checks", '{');
	for (size_t i = 0; i < r->n_checks; i++)
		gf_json_put(&o, r->checks[i].name, r->checks[i].result);
	gf_json_close(&o, '}');
	put_trust(&o, r);
	if (r->has_config)
		gf_json_put_hex(&o, "configSha256", &r->config);
	put_words(&o, r);
	put_images(&o, r);
	gf_json_open(&o, "bytes", '{');
	gf_json_put_u64(&o, "read", r->bytes_read);
	gf_json_put_u64(&o, "held", r->bytes_held);
	gf_json_close(&o, '}');
	gf_json_open(&o, "log", '{');
	gf_json_put_u64(&o, "size", r->log_size);
	gf_json_put_hex(&o, "root", &r->log_root);
	gf_json_close(&o, '}');
	gf_json_put_time(&o, "created", r->created);
	return gf_statement_end(&o);
}

static void image_clear(gf_receipt_image *im)
{
	for (size_t i = 0; i < im->n_names; i++) {
		free(im->names[i].name);
		free(im->names[i].before);
	}
	free(im->names);
	free(im->target);
}

void gf_receipt_clear(gf_receipt *r)
{
	for (size_t i = 0; i < r->n_checks; i++) {
		free(r->checks[i].name);
		free(r->checks[i].result);
	}
	for (size_t i = 0; i < r->n_words; i++)
		free(r->words[i].holder);
	for (size_t i = 0; i < r->n_images; i++)
		image_clear(&r->images[i]);
	free(r->checks);
	free(r->words);
	free(r->images);
	free(r->signers);
	free(r->site);
	free(r->environment);
	free(r->stream);
	*r = (gf_receipt){ .n_checks = 0 };
}

bool gf_receipt_signed(const gf_receipt *r)
{
	for (size_t i = 0; i < r->n_checks; i++)
		if (strcmp(r->checks[i].name, "signature") == 0)
			return r->n_signers > 0 && strcmp(r->checks[i].result, "passed") == 0;
	return false;
}
