/* The sections of the page behind the chain, in the order in which they stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"

/* What nobody signed is not looked into further. */
#define NOT_LOOKED_FOR "Not looked for: nobody who is believed here signed it."
static bool was_looked_for(const gf_story *s)
{
	return s->by.n > 0 || s->receipt != NULL;
}

/* ---- build ---- */

void gf_part_build(gf_page *p, const gf_story *s)
{
	const gf_build *b = &s->manifest->build;
	const struct {
		const char *term, *text;
	} members[] = { { "system", b->system }, { "id", b->id }, { "number", b->number }, { "address", b->url },
		{ "definition", b->definition }, { "requester", b->requester }, { "collection", b->collection },
		{ "repository", b->repository }, { "revision", b->revision }, { "ref", b->ref } };
	bool any = b->n_labels > 0;

	gf_page_section(p, "build", "Build");
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		any = any || members[i].text != NULL;
	if (!any)
		gf_page_put(p, "<p>The bundle says nothing of its build.</p>\n");
	else
		gf_page_put(p, "<p>As the packer wrote it and the signers signed it.</p>\n");
	gf_page_terms(p);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		gf_page_term(p, members[i].term, members[i].text);
	gf_page_terms_end(p);
	if (b->n_labels > 0) {
		GF_PAGE_TABLE(p, "Labels", "label", "value");
		for (size_t i = 0; i < b->n_labels; i++)
			GF_PAGE_ROW(p, NULL, b->labels[i].key, b->labels[i].value);
		gf_page_table_end(p);
	}
	gf_page_section_end(p);
}

/* ---- signatures ---- */

static void put_key_row(gf_page *p, const gf_pubkey *k, const char *comment)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(gf_pubkey_id(k), hex);
	GF_PAGE_ROW(p, NULL, gf_pubkey_holder(k), gf_pubkey_type(k), hex, comment != NULL ? comment : "none");
}

static void put_receipt_signers(gf_page *p, const gf_receipt *r)
{
	char hex[GF_HEX_SIZE];

	GF_PAGE_TABLE(p, "Keys that had signed the bundle when it was loaded, as the receipt says", "key id");
	for (size_t i = 0; i < r->n_signers; i++) {
		gf_digest_hex(&r->signers[i], hex);
		GF_PAGE_ROW(p, NULL, hex);
	}
	gf_page_table_end(p);
}

void gf_part_signatures(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "signatures", "Signatures");
	if (s->by.n > 0) {
		GF_PAGE_TABLE(p, "Keys that are believed here and signed the bundle's manifest", "holder", "type",
		    "key id", "comment");
		for (size_t i = 0; i < s->by.n; i++)
			put_key_row(p, s->by.keys[i], s->by.comments != NULL ? s->by.comments[i] : NULL);
		gf_page_table_end(p);
	} else {
		gf_page_put(p, "<p>%s</p>\n",
		    s->is_receipt && s->manifest == NULL ? "The signatures of the bundle are not on record here."
							 : "No key that is believed here signed the bundle.");
	}
	if (s->verdict != NULL)
		gf_page_put(p, "<p>Signatures found: %zu. Of keys that are not known here: %zu.</p>\n",
		    s->verdict->n_signatures, s->verdict->n_unknown);
	if (s->witness != NULL && s->witness->key != NULL) {
		GF_PAGE_TABLE(p, "The key that signed the receipt", "holder", "type", "key id", "comment");
		put_key_row(p, s->witness->key, NULL);
		gf_page_table_end(p);
	}
	if (s->receipt != NULL && s->receipt->n_signers > 0)
		put_receipt_signers(p, s->receipt);
	gf_page_section_end(p);
}

/* ---- approvals ---- */

static void put_gates(gf_page *p, const gf_story *s)
{
	const gf_policy_environment *e = s->gates;
	const gf_policy_role *role = e->approvers != NULL ? gf_policy_role_find(s->policy, e->approvers) : NULL;
	char text[512] = "";

	gf_page_put(p, "<h3>What ");
	gf_page_text(p, e->name);
	gf_page_put(p, " asks for</h3>\n");
	gf_page_terms(p);
	for (size_t i = 0; i < e->n_after; i++)
		gf_join(text, sizeof text, e->after[i]);
	gf_page_term(p, "loaded before in", e->n_after > 0 ? text : "nothing");
	(void)snprintf(text, sizeof text, "by %llu of %zu holders of role %.100s%s",
	    role != NULL ? (unsigned long long)role->threshold : 0,
	    role != NULL ? gf_policy_holders(s->policy, role) : 0, role != NULL ? role->name : "",
	    e->separate ? ", none of whom may release" : "");
	gf_page_term(p, "approvals", role != NULL ? text : "none");
	text[0] = '\0';
	for (size_t i = 0; i < e->n_evidence; i++)
		gf_join(text, sizeof text, e->evidence[i].type);
	gf_page_term(p, "evidence", e->n_evidence > 0 ? text : "none");
	gf_page_terms_end(p);
}

static void put_said(gf_page *p, const gf_said *w)
{
	static const char *const words[] = {
		[GF_APPROVE] = "approval", [GF_REJECT] = "rejection", [GF_PERMIT] = "permit"
	};
	char by[256], sites[256] = "", waived[64] = "", from[GF_TIME_SIZE], to[GF_TIME_SIZE] = "", what[96];

	gf_said_by(w, by, sizeof by);
	for (size_t i = 0; i < w->what.n_sites; i++)
		gf_join(sites, sizeof sites, w->what.sites[i]);
	if ((w->what.waives & GF_WAIVE_SEQUENCE) != 0)
		gf_join(waived, sizeof waived, "sequence");
	if ((w->what.waives & GF_WAIVE_EXPIRES) != 0)
		gf_join(waived, sizeof waived, "expires");
	if ((w->what.waives & GF_WAIVE_MAX_AGE) != 0)
		gf_join(waived, sizeof waived, "maxAge");
	(void)snprintf(
	    what, sizeof what, "%s%s%s", words[w->what.decision], waived[0] != '\0' ? " to waive " : "", waived);
	gf_time_print(w->what.created, from);
	if (w->what.expires != 0)
		gf_time_print(w->what.expires, to);
	GF_PAGE_ROW(p, w->what.decision == GF_REJECT ? "failed" : NULL, by, what, w->what.environment, sites, from, to,
	    w->counted ? "yes" : "no", w->what.reason != NULL ? w->what.reason : "");
}

/* What the receipt says that counted; the files themselves may lie elsewhere. */
static void put_receipt_words(gf_page *p, const gf_receipt *r)
{
	char digest[GF_DIGEST_SIZE];

	if (r->n_words == 0)
		return;
	GF_PAGE_TABLE(p, "What counted when it was loaded, as the receipt says", "holder", "what", "file");
	for (size_t i = 0; i < r->n_words; i++) {
		gf_digest_text(&r->words[i].file, digest);
		GF_PAGE_ROW(p, NULL, r->words[i].holder != NULL ? r->words[i].holder : "not named",
		    r->words[i].permit ? "permit" : "approval", digest);
	}
	gf_page_table_end(p);
}

void gf_part_approvals(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "approvals", "Approvals");
	if (s->gates != NULL)
		put_gates(p, s);
	if (s->said->n > 0) {
		GF_PAGE_TABLE(p, "Signed statements about this bundle", "by", "what", "environment", "sites", "from",
		    "until", "counted", "reason");
		for (size_t i = 0; i < s->said->n; i++)
			put_said(p, &s->said->list[i]);
		gf_page_table_end(p);
	} else {
		gf_page_put(p, "<p>%s</p>\n",
		    was_looked_for(s) ? "No approval, rejection or permit by a key that is believed here was found."
				      : NOT_LOOKED_FOR);
	}
	if (s->said->n_unsigned > 0)
		gf_page_put(p,
		    "<p>Statements about this bundle that no key believed here signed, not shown: %zu.</p>\n",
		    s->said->n_unsigned);
	if (s->receipt != NULL)
		put_receipt_words(p, s->receipt);
	gf_page_section_end(p);
}

/* ---- checks ---- */

static const char *look_of(gf_result r)
{
	switch (r) {
	case GF_CHECK_PASSED: return "passed";
	case GF_CHECK_LIFTED: return "lifted";
	case GF_CHECK_FAILED: return "failed";
	case GF_CHECK_NOT_REQUIRED:
	case GF_CHECK_OPEN: break;
	}
	return "idle";
}

static void put_checks(gf_page *p, const gf_verdict *v)
{
	GF_PAGE_TABLE(p, "Every check, in the order in which it was made", "check", "result", "what was found");
	for (size_t i = 0; i < GF_CHECKS; i++) {
		const gf_check *c = &v->checks[i];

		GF_PAGE_ROW(p, look_of(c->result), c->name, gf_result_text(c->result), c->detail);
	}
	gf_page_table_end(p);
}

static void put_receipt_checks(gf_page *p, const gf_receipt *r)
{
	GF_PAGE_TABLE(p, "The checks of the run that loaded it, as the receipt says", "check", "result");
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct gf_receipt_check *c = &r->checks[i];

		GF_PAGE_ROW(p,
		    strcmp(c->result, "passed") == 0       ? "passed"
			: strcmp(c->result, "lifted") == 0 ? "lifted"
							   : "idle",
		    c->name, c->result);
	}
	gf_page_table_end(p);
}

void gf_part_checks(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "checks", "Checks");
	if (s->verdict != NULL)
		put_checks(p, s->verdict);
	if (s->receipt != NULL)
		put_receipt_checks(p, s->receipt);
	gf_page_section_end(p);
}

/* ---- images ---- */

static uint64_t raw_size_of(const gf_story *s, const gf_descriptor *layer)
{
	size_t at = gf_graph_find(s->graph, &layer->digest);

	return at < s->manifest->n_blobs ? s->manifest->blobs[at].raw_size : 0;
}

static void put_layer(gf_page *p, const gf_story *s, const gf_descriptor *layer, const char *step)
{
	char digest[GF_DIGEST_SIZE], size[GF_SIZE_TEXT], raw[GF_SIZE_TEXT] = "";
	uint64_t raw_size = raw_size_of(s, layer);

	gf_digest_text(&layer->digest, digest);
	gf_size_text(layer->size, size);
	if (raw_size != 0)
		gf_size_text(raw_size, raw);
	GF_PAGE_ROW(p, NULL, digest, size, raw, gf_layer_kind(layer->media_type), step != NULL ? step : "");
}

static void put_platform(gf_page *p, const gf_story *s, const gf_platform *platform)
{
	const size_t n = platform->document->n_items;
	gf_image_config c;
	char caption[128];

	p->failed = !gf_image_config_read(&c, s->store, platform, p->err) || p->failed;
	(void)snprintf(caption, sizeof caption, "Layers of %.80s, the lowest first: %zu", platform->platform, n);
	if (n > 0) {
		GF_PAGE_TABLE(p, caption, "digest", "size", "uncompressed", "kind", "made by");
		for (size_t i = 0; i < n; i++)
			put_layer(p, s, &platform->document->items[i], c.steps != NULL ? c.steps[i] : NULL);
		gf_page_table_end(p);
	}
	gf_image_config_clear(&c);
}

static void put_image(gf_page *p, const gf_story *s, size_t i)
{
	const gf_image *im = &s->manifest->images[i];
	char manifest[GF_DIGEST_SIZE], id[GF_DIGEST_SIZE];

	gf_page_put(p, "<h3>");
	gf_page_text(p, gf_image_name(im));
	gf_page_put(p, "</h3>\n");
	gf_page_terms(p);
	for (size_t k = 1; k < im->n_names; k++)
		gf_page_term(p, k == 1 ? "other names" : "", im->names[k]);
	gf_page_term_digest(p, "digest", &im->digest);
	gf_page_term(p, "media type", im->media_type);
	gf_page_term(p, "packed from", im->source);
	for (size_t k = 0; k < im->n_evidence; k++)
		gf_page_term_digest(p, "evidence", &im->evidence[k]);
	gf_page_terms_end(p);
	if (im->n_platforms > 0) {
		GF_PAGE_TABLE(p, "Platforms", "platform", "manifest", "image ID");
		for (size_t k = 0; k < im->n_platforms; k++) {
			gf_digest_text(&im->platforms[k].manifest, manifest);
			gf_digest_text(&im->platforms[k].image_id, id);
			GF_PAGE_ROW(p, NULL, im->platforms[k].platform, manifest, id);
		}
		gf_page_table_end(p);
	}
	for (size_t k = 0; s->graph != NULL && k < s->graph->trees[i].n_platforms; k++)
		put_platform(p, s, &s->graph->trees[i].platforms[k]);
}

void gf_part_images(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "images", "Images");
	if (s->graph == NULL)
		gf_page_put(p, "<p>The bundle was not read: its layers are not shown.</p>\n");
	for (size_t i = 0; i < s->manifest->n_images; i++)
		put_image(p, s, i);
	gf_page_section_end(p);
}

/* ---- loads ---- */

static void put_log_loads(gf_page *p, const gf_story *s)
{
	GF_PAGE_TABLE(p, "Names that the log of this state says were set", "name", "showed", "environment", "site",
	    "target", "at", "run");
	for (size_t i = 0; i < s->n_loads; i++) {
		const gf_trace_load *l = &s->loads[i];
		char digest[GF_DIGEST_SIZE], when[GF_TIME_SIZE];

		gf_digest_text(&l->digest, digest);
		gf_time_print(l->time, when);
		GF_PAGE_ROW(p, NULL, l->name != NULL ? l->name : "", digest,
		    l->environment != NULL ? l->environment : "", l->site != NULL ? l->site : "",
		    l->target != NULL ? l->target : "", when, l->run != NULL ? l->run : "");
	}
	gf_page_table_end(p);
}

static void put_receipt_loads(gf_page *p, const gf_receipt *r)
{
	GF_PAGE_TABLE(p, "Names that the receipt says were set", "name", "showed", "target", "before");
	for (size_t i = 0; i < r->n_images; i++)
		for (size_t k = 0; k < r->images[i].n_names; k++) {
			const struct gf_receipt_name *name = &r->images[i].names[k];
			char digest[GF_DIGEST_SIZE];

			gf_digest_text(&r->images[i].digest, digest);
			GF_PAGE_ROW(
			    p, NULL, name->name, digest, r->images[i].target, name->before != NULL ? name->before : "");
		}
	gf_page_table_end(p);
}

void gf_part_loads(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "loads", "Loads");
	if (s->receipt != NULL && s->receipt->n_images > 0)
		put_receipt_loads(p, s->receipt);
	if (s->n_loads > 0)
		put_log_loads(p, s);
	else
		gf_page_put(p, "<p>%s</p>\n",
		    was_looked_for(s) ? "The log of this state does not say that anything of it was loaded here."
				      : NOT_LOOKED_FOR);
	gf_page_section_end(p);
}

/* ---- what it shows ---- */

void gf_part_meaning(gf_page *p, const gf_story *s)
{
	gf_page_section(p, "meaning", "What this shows");
	gf_page_put(p,
	    "<ul>\n<li>A digest holds what is below it: the signed manifest holds images and layers byte for byte.</li>\n"
	    "<li>A signature says that its key was used, not that its holder was careful. Commit and build are the word of "
	    "the packer, which the signers took over.</li>\n");
	if (s->receipt != NULL)
		gf_page_put(p, "<li>A receipt is the word of its site, under the site's key.</li>\n");
	gf_page_put(p,
	    "<li>The page was made for whoever asked, from what lay there then. It is not signed itself: who "
	    "doubts it makes it again from the %s.</li>\n</ul>\n",
	    s->is_receipt ? "receipt" : "bundle");
	gf_page_section_end(p);
}
