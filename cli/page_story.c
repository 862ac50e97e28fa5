/* The page, and what stands first in it: verdict, summary, chain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"

/* ---- loads, put together by where they went ---- */

typedef struct arrivals {
	gf_arrival *list;
	size_t n, room;
} arrivals;

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool arrive(arrivals *a, const gf_arrival *one, gf_error *err)
{
	for (size_t i = a->n; i > 0; i--) {
		gf_arrival *known = &a->list[i - 1];

		if (same(known->environment, one->environment) && same(known->site, one->site) &&
		    same(known->target, one->target)) {
			known->names += one->names;
			known->last = one->last;
			return true;
		}
	}
	if (!gf_grow(&a->list, &a->room, a->n, sizeof *a->list, err))
		return false;
	a->list[a->n++] = *one;
	return true;
}

static bool find_arrivals(const gf_story *s, arrivals *a, gf_error *err)
{
	const gf_receipt *r = s->n_loads == 0 ? s->receipt : NULL;
	bool ok = true;

	for (size_t i = 0; ok && i < s->n_loads; i++) {
		const gf_trace_load *l = &s->loads[i];

		ok = arrive(a, &(gf_arrival){ l->environment, l->site, l->target, 1, l->time }, err);
	}
	for (size_t i = 0; ok && r != NULL && i < r->n_images; i++)
		ok = arrive(a,
		    &(gf_arrival){ r->environment, r->site, r->images[i].target, r->images[i].n_names, r->created },
		    err);
	return ok;
}

/* ---- verdict ---- */

static void put_verdict(gf_page *p, const gf_story *s)
{
	const gf_error *f = s->failure;

	gf_page_put(p, "<p class=\"verdict %s\"><strong>%s</strong> ", f == NULL ? "good" : "bad",
	    f == NULL ? "VERIFIED" : "NOT VERIFIED");
	if (f != NULL) {
		gf_page_put(p, "%s (%s): ", gf_class_text(f->class), f->name);
		if (f->object[0] != '\0' && strstr(f->text, f->object) == NULL) {
			gf_page_text(p, f->object);
			gf_page_put(p, ": ");
		}
		gf_page_text(p, f->text);
	} else if (s->is_receipt) {
		gf_page_put(p, "The receipt is signed by a key that is believed here: ");
		gf_page_text(p, s->witness->how);
		gf_page_put(p, ". The manifest of its bundle is %s",
		    s->manifest == NULL ? "not in the records here: build, signers and images are not shown."
					: "on record here");
		if (s->manifest != NULL && s->lacks == NULL)
			gf_page_put(p, ", with its signatures.");
		if (s->manifest != NULL && s->lacks != NULL) {
			gf_page_put(p, ", and nobody vouches for it: ");
			gf_page_text(p, s->lacks[0] != '\0' ? s->lacks : "no key that is believed here signed it");
			gf_page_put(p, ".");
		}
	} else {
		char size[GF_SIZE_TEXT];

		gf_size_text(s->verdict->bytes_read, size);
		gf_page_put(p, "Signed by a key that is believed here, and every byte has its digest: %llu blobs, %s.",
		    (unsigned long long)s->verdict->blobs_read, size);
		if (s->environment == NULL)
			gf_page_put(p, " No environment was named (--env): floors and gates were not looked at.");
	}
	gf_page_put(p, "</p>\n");
}

/* ---- head of the page ---- */

/* Its SHA-256 in base64. */
static void load_style(gf_page *p, gf_buf *style, gf_buf *hash)
{
	gf_digest digest;

	gf_buf_init(style, 64 * GF_KIB);
	gf_buf_init(hash, 64);
	for (size_t i = 0; gf_page_style[i] != NULL; i++)
		p->failed = p->failed || !gf_buf_puts(style, gf_page_style[i], p->err);
	p->failed = p->failed || !gf_hash_bytes(gf_buf_text(style), style->len, &digest, p->err) ||
	    !gf_base64_encode(hash, digest.bytes, sizeof digest.bytes, p->err);
}

/* The style sheet by its hash: no other style, no script, nothing fetched. */
static void put_head(gf_page *p, const gf_story *s)
{
	gf_buf style, hash;

	load_style(p, &style, &hash);
	gf_page_put(p,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; base-uri "
	    "'none'; form-action 'none'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"generator\" content=\"gapferry " GF_VERSION "\">\n<title>",
	    gf_buf_text(&hash));
	gf_page_put(p, "%s: ", s->failure == NULL ? "Verified" : "NOT VERIFIED");
	gf_page_text(p, gf_path_base(s->file));
	gf_page_put(p, "</title>\n<style>");
	p->failed = p->failed || !gf_buf_puts(&p->text, gf_buf_text(&style), p->err);
	gf_page_put(p, "</style>\n</head>\n");
	gf_buf_clear(&style);
	gf_buf_clear(&hash);
}

/* Something was judged, or vouched for: there is more to tell than the failure. */
static bool is_known(const gf_story *s)
{
	return s->verdict != NULL || s->receipt != NULL;
}

static void put_contents(gf_page *p, const gf_story *s)
{
	const struct {
		bool there;
		const char *id, *name;
	} parts[] = { { true, "summary", "Summary" }, { is_known(s), "chain", "Chain" },
		{ s->manifest != NULL, "build", "Build" }, { is_known(s), "signatures", "Signatures" },
		{ is_known(s), "approvals", "Approvals" }, { is_known(s), "checks", "Checks" },
		{ s->manifest != NULL, "images", "Images" }, { is_known(s), "loads", "Loads" },
		{ true, "meaning", "What this shows" } };

	gf_page_put(p, "<nav aria-label=\"Contents\"><ul>");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].there)
			gf_page_put(p, "<li><a href=\"#%s\">%s</a></li>", parts[i].id, parts[i].name);
	gf_page_put(p, "</ul></nav>\n");
}

/* "shop 42, version 1.4.0" */
static void put_title(gf_page *p, const gf_story *s)
{
	const gf_manifest *m = s->manifest;

	gf_page_put(p, "<h1>%s ", s->is_receipt ? "Receipt" : "Bundle");
	if (m != NULL && m->stream != NULL) {
		gf_page_text(p, m->stream);
		gf_page_put(p, " %llu", (unsigned long long)m->sequence);
	} else if (s->receipt != NULL && s->receipt->stream != NULL) {
		gf_page_text(p, s->receipt->stream);
		gf_page_put(p, " %llu", (unsigned long long)s->receipt->sequence);
	} else {
		gf_page_text(p, gf_path_base(s->file));
	}
	if (m != NULL && m->version != NULL) {
		gf_page_put(p, ", version ");
		gf_page_text(p, m->version);
	}
	gf_page_put(p, "</h1>\n");
}

/* ---- summary ---- */

static void put_stream(gf_page *p, const char *stream, uint64_t epoch, uint64_t sequence)
{
	char text[160] = "none: nothing protects against an older bundle";

	if (stream != NULL)
		(void)snprintf(text, sizeof text, "%s, epoch %llu, sequence %llu", stream, (unsigned long long)epoch,
		    (unsigned long long)sequence);
	gf_page_term(p, "stream", text);
}

static void put_terms_of_release(gf_page *p, const gf_manifest *m)
{
	char text[256] = "";

	put_stream(p, m->stream, m->epoch, m->sequence);
	gf_page_term(p, "version", m->version);
	gf_page_term_time(p, "created", m->created);
	gf_page_term_time(p, "expires", m->expires);
	for (size_t i = 0; i < m->n_audience; i++)
		gf_join(text, sizeof text, m->audience[i]);
	gf_page_term(p, "audience", m->n_audience > 0 ? text : NULL);
}

static void put_terms_of_receipt(gf_page *p, const gf_receipt *r)
{
	char text[80];

	gf_page_term(p, "result", r->complete ? "complete" : "partial");
	gf_page_term(p, "loaded for", r->environment);
	gf_page_term(p, "at site", r->site);
	gf_page_term_time(p, "receipt of", r->created);
	if (r->trust_version > 0) {
		(void)snprintf(text, sizeof text, "version %llu", (unsigned long long)r->trust_version);
		gf_page_term(p, "trust file", text);
		gf_page_term_digest(p, "its digest", &r->trust);
	}
	if (r->has_config)
		gf_page_term_digest(p, "environment's file", &r->config);
	(void)snprintf(text, sizeof text, "%llu read, %llu held", (unsigned long long)r->bytes_read,
	    (unsigned long long)r->bytes_held);
	gf_page_term(p, "bytes", text);
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)r->log_size);
	gf_page_term(p, "lines of its log", text);
	gf_page_term_digest(p, "root of its log", &r->log_root);
}

static void put_summary(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "summary", "Summary");
	gf_page_terms(p);
	gf_page_term(p, s->is_receipt ? "receipt" : "bundle", s->file);
	gf_page_term_digest(p, "manifest", s->digest);
	if (s->manifest != NULL)
		put_terms_of_release(p, s->manifest);
	if (s->receipt != NULL && s->manifest == NULL)
		put_stream(p, s->receipt->stream, s->receipt->epoch, s->receipt->sequence);
	if (s->receipt != NULL)
		put_terms_of_receipt(p, s->receipt);
	if (!s->is_receipt)
		gf_page_term(p, "judged for", s->environment != NULL ? s->environment : "no environment (--env)");
	gf_page_term(p, "judged by site", s->site);
	gf_page_term_time(p, "judged at", s->now);
	gf_page_term(p, "judged with", "gapferry " GF_VERSION);
	gf_page_terms_end(p);
	gf_page_section_end(p);
}

/* ---- chain ---- */

static void put_item(gf_page *p, const char *head, const char *text)
{
	gf_page_put(p, "<li><strong>%s</strong> ", head);
	gf_page_text(p, text);
	gf_page_put(p, "</li>\n");
}

static void say_origin(gf_page *p, const gf_build *b)
{
	char text[512];

	(void)snprintf(text, sizeof text, "%.128s%s%.160s%s%.128s", b->revision != NULL ? b->revision : "not recorded",
	    b->repository != NULL ? " of " : "", b->repository != NULL ? b->repository : "", b->ref != NULL ? ", " : "",
	    b->ref != NULL ? b->ref : "");
	put_item(p, "Commit:", text);
	(void)snprintf(text, sizeof text, "%.160s%s%.160s",
	    b->id != NULL           ? b->id
		: b->number != NULL ? b->number
				    : "not recorded",
	    b->system != NULL ? " of " : "", b->system != NULL ? b->system : "");
	put_item(p, "Build:", text);
}

static void say_signers(gf_page *p, const gf_story *s)
{
	char text[512] = "";

	for (size_t i = 0; i < s->by.n; i++)
		gf_join(text, sizeof text, gf_pubkey_holder(s->by.keys[i]));
	put_item(p, "Signed by:", s->by.n > 0 ? text : "nobody who is believed here");
}

static void say_words(gf_page *p, const gf_story *s)
{
	static const char *const verbs[] = {
		[GF_APPROVE] = "Approved", [GF_REJECT] = "Rejected", [GF_PERMIT] = "Permitted"
	};

	for (size_t i = 0; i < s->said->n; i++) {
		const gf_said *w = &s->said->list[i];
		char head[64], by[256], text[320];

		(void)snprintf(head, sizeof head, "%s by:", verbs[w->what.decision]);
		gf_said_by(w, by, sizeof by);
		(void)snprintf(text, sizeof text, "%.200s, for %.64s%s", by, w->what.environment,
		    w->counted ? ", and it counted" : "");
		put_item(p, head, text);
	}
}

static void say_images(gf_page *p, const gf_story *s)
{
	char digest[GF_DIGEST_SIZE], text[512];

	for (size_t i = 0; i < s->manifest->n_images; i++) {
		gf_digest_text(&s->manifest->images[i].digest, digest);
		(void)snprintf(text, sizeof text, "%.300s, %s", gf_image_name(&s->manifest->images[i]), digest);
		put_item(p, "Image:", text);
	}
}

static void say_loads(gf_page *p, const gf_story *s)
{
	for (size_t i = 0; i < s->n_arrivals; i++) {
		const gf_arrival *a = &s->arrivals[i];
		char text[512], when[GF_TIME_SIZE];

		gf_time_print(a->last, when);
		(void)snprintf(text, sizeof text, "%.64s%s%.64s, %.200s, %zu name%s, %s",
		    a->environment != NULL ? a->environment : "no environment", a->site != NULL ? " at " : "",
		    a->site != NULL ? a->site : "", a->target != NULL ? a->target : "", a->names,
		    a->names == 1 ? "" : "s", when);
		put_item(p, "Loaded into:", text);
	}
	if (s->n_arrivals == 0)
		put_item(p, "Loaded into:", "nothing, by the log here");
}

static void put_chain(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "chain", "Chain");
	gf_page_put(
	    p, "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Drawing of the chain\">\n");
	gf_chain_draw(p, s);
	gf_page_put(p,
	    "</div>\n<figcaption>Dashed: what the packer says, and the signers with it. Solid: held by digests, signatures and "
	    "the log. Long names are cut; they stand whole below.</figcaption>\n</figure>\n<ol>\n");
	if (s->manifest != NULL)
		say_origin(p, &s->manifest->build);
	put_item(p,
	    s->is_receipt            ? "Receipt:"
		: s->failure == NULL ? "Bundle, verified:"
				     : "Bundle, not verified:",
	    s->file);
	if (s->manifest != NULL || !s->is_receipt)
		say_signers(p, s);
	say_words(p, s);
	if (s->manifest != NULL)
		say_images(p, s);
	say_loads(p, s);
	gf_page_put(p, "</ol>\n");
	gf_page_section_end(p);
}

static void put_known(gf_page *p, const gf_story *s)
{
	put_chain(p, s);
	if (s->manifest != NULL)
		gf_part_build(p, s);
	gf_part_signatures(p, s);
	gf_part_approvals(p, s);
	gf_part_checks(p, s);
	if (s->manifest != NULL)
		gf_part_images(p, s);
	gf_part_loads(p, s);
}

static void put_page(gf_page *p, const gf_story *s)
{
	put_head(p, s);
	gf_page_put(p, "<body>\n<a class=\"skip\" href=\"#main\">To the contents</a>\n<header>\n");
	put_verdict(p, s);
	put_title(p, s);
	put_contents(p, s);
	gf_page_put(p, "</header>\n<main id=\"main\">\n");
	put_summary(p, s);
	if (is_known(s))
		put_known(p, s);
	gf_part_meaning(p, s);
	gf_page_put(p, "</main>\n<footer>\n");
	put_verdict(p, s);
	gf_page_put(p, "</footer>\n</body>\n</html>\n");
}

bool gf_story_print(const gf_story *s, gf_buf *out, gf_error *err)
{
	gf_story all = *s;
	arrivals a = { .list = NULL };
	gf_page p;
	bool ok = find_arrivals(s, &a, err);

	gf_page_begin(&p, err);
	all.arrivals = a.list;
	all.n_arrivals = a.n;
	if (ok)
		put_page(&p, &all);
	*out = p.text;
	free(a.list);
	return ok && gf_page_end(&p);
}
