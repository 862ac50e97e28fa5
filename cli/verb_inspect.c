/* inspect: what is in a bundle, after its signatures or marked as not verified. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define LABEL_PREFIX "org.opencontainers.image."

/* Labels of a config; *doc is to be freed.  An artifact, or a config that has none: absent. */
static gf_json labels_of(const gf_store *store, const gf_platform *p, gf_json_doc **doc)
{
	const gf_buf *text = p->runnable ? gf_store_find(store, &p->image_id) : NULL;
	gf_error unused; /* the graph has read this config already */

	*doc = text != NULL
	    ? gf_json_parse(gf_buf_text(text), text->len, GF_JSON_BLOB_MAX, GF_DAMAGED, "config", &unused)
	    : NULL;
	if (*doc == NULL)
		return (gf_json){ .node = NULL };
	return gf_json_get(gf_json_get(gf_json_root(*doc), "config"), "Labels");
}

/* The i-th label that is text; NULL: it is none. */
static const char *label_at(gf_json labels, size_t i, const char **key)
{
	const char *text = NULL;
	gf_error unused;
	gf_json value;

	*key = gf_json_key_at(labels, i, &value);
	return gf_json_typeof(value) == GF_JSON_STRING && gf_json_text(value, &text, &unused) ? text : NULL;
}

/* Those that the image specification names, without their prefix. */
static bool show_labels(const gf_store *store, const gf_platform *p, gf_error *err)
{
	gf_table *t = gf_table_new(2, err);
	gf_json_doc *doc;
	gf_json labels = labels_of(store, p, &doc);
	bool object = gf_json_typeof(labels) == GF_JSON_OBJECT, any = false;
	gf_buf room;

	gf_buf_init(&room, 256);
	for (size_t i = 0; object && i < gf_json_count(labels); i++) {
		const char *key, *text = label_at(labels, i, &key);

		if (text == NULL || !gf_starts_with(key, LABEL_PREFIX))
			continue;
		if (!any)
			printf("  labels of %s (" LABEL_PREFIX "*)\n", gf_shown(&room, p->platform));
		any = true;
		gf_table_add(t, key + strlen(LABEL_PREFIX), text);
	}
	gf_buf_clear(&room);
	gf_json_free(doc);
	return gf_table_print(t, stdout, 4, err);
}

/* What people say for a media type; else the type itself. */
static const char *kind_of(const char *media_type)
{
	switch (gf_packing_of(media_type)) {
	case GF_PACKING_RAW: return "tar";
	case GF_PACKING_GZIP: return "tar+gzip";
	case GF_PACKING_ZSTD: return "tar+zstd";
	case GF_PACKING_OPAQUE: break;
	}
	return media_type;
}

static bool show_layers(const gf_platform *p, const gf_graph *g, const gf_manifest *m, gf_error *err)
{
	gf_table *t = gf_table_new(4, err);
	char digest[GF_DIGEST_SIZE], size[GF_SIZE_TEXT], raw[GF_SIZE_TEXT + 16];

	for (size_t i = 0; i < p->document->n_items; i++) {
		const gf_descriptor *layer = &p->document->items[i];
		size_t at = gf_graph_find(g, &layer->digest);

		gf_digest_text(&layer->digest, digest);
		gf_size_text(layer->size, size);
		raw[0] = '\0';
		if (at < m->n_blobs && m->blobs[at].raw_size != 0) {
			char text[GF_SIZE_TEXT];

			gf_size_text(m->blobs[at].raw_size, text);
			(void)snprintf(raw, sizeof raw, "%s uncompressed", text);
		}
		gf_table_add(t, digest, size, kind_of(layer->media_type), raw);
	}
	return gf_table_print(t, stdout, 4, err);
}

static bool show_image(const gf_judged *j, size_t image, gf_error *err)
{
	const gf_manifest *m = j->manifest;
	const gf_graph *g = gf_reader_graph(j->reader);
	const gf_tree *tree = &g->trees[image];
	bool ok = gf_show_image(&m->images[image], stdout, err);
	gf_buf room;

	gf_buf_init(&room, 256);
	for (size_t i = 0; ok && i < tree->n_platforms; i++) {
		const gf_platform *p = &tree->platforms[i];

		printf("  layers of %s\n", gf_shown(&room, p->platform));
		ok = show_layers(p, g, m, err) && show_labels(gf_reader_store(j->reader), p, err);
	}
	gf_buf_clear(&room);
	return ok;
}

static bool show(const gf_run *run, const gf_judged *j, bool unverified, gf_error *err)
{
	const gf_verdict *v = &j->verdict;
	const gf_signed_by by = gf_signed_by_of(v);
	bool ok;

	if (unverified)
		printf("NOT VERIFIED\n");
	ok = gf_show_head(run->args.words.items[0], 0, &v->manifest_digest, j->manifest, &by, stdout, err);
	for (size_t i = 0; ok && i < j->manifest->n_images; i++)
		ok = show_image(j, i, err);
	printf(unverified ? "NOT VERIFIED\n" : "\nThe layers were not read: gapferry verify does that.\n");
	return ok;
}

/* All labels: a machine picks its own. */
static void put_labels(gf_json_out *o, const gf_store *store, const gf_platform *p)
{
	gf_json_doc *doc;
	gf_json labels = labels_of(store, p, &doc);
	bool object = gf_json_typeof(labels) == GF_JSON_OBJECT;

	gf_json_open(o, "labels", '{');
	for (size_t i = 0; object && i < gf_json_count(labels); i++) {
		const char *key, *text = label_at(labels, i, &key);

		gf_json_put(o, key, text);
	}
	gf_json_close(o, '}');
	gf_json_free(doc);
}

static void put_layers(gf_json_out *o, const gf_manifest *m, const gf_graph *g, const gf_store *store)
{
	gf_json_open(o, "layers", '[');
	for (size_t i = 0; i < g->n_trees; i++)
		for (size_t k = 0; k < g->trees[i].n_platforms; k++) {
			const gf_platform *p = &g->trees[i].platforms[k];

			gf_json_open(o, NULL, '{');
			gf_json_put_digest(o, "image", &m->images[i].digest);
			gf_json_put_digest(o, "manifest", &p->manifest);
			gf_json_put(o, "platform", p->platform);
			gf_json_open(o, "layers", '[');
			for (size_t n = 0; n < p->document->n_items; n++) {
				gf_json_open(o, NULL, '{');
				gf_json_put_digest(o, "digest", &p->document->items[n].digest);
				gf_json_put(o, "mediaType", p->document->items[n].media_type);
				gf_json_put_u64(o, "size", p->document->items[n].size);
				gf_json_close(o, '}');
			}
			gf_json_close(o, ']');
			put_labels(o, store, p);
			gf_json_close(o, '}');
		}
	gf_json_close(o, ']');
}

static bool report(gf_run *run, const gf_judged *j, const gf_error *failure, gf_error *err)
{
	gf_report r;

	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "bundle", run->args.words.items[0]);
	/* Layers are not read here, so a bundle is never called verified, only its signature. */
	gf_json_put_bool(&r.out, "signed", j->verdict.n_signers > 0);
	if (j->reader != NULL)
		gf_put_manifest(&r.out, &j->verdict.manifest_digest, j->manifest);
	if (failure == NULL)
		put_layers(&r.out, j->manifest, gf_reader_graph(j->reader), gf_reader_store(j->reader));
	gf_put_verdict(&r.out, &j->verdict);
	return gf_report_close(&r, run, failure, err);
}

bool gf_verb_inspect(gf_run *run, gf_error *err)
{
	bool unverified = gf_given(&run->args, GF_OPT_UNVERIFIED), ok, said = true;
	gf_walk walk = { .events = run->events };
	gf_judged j;
	gf_error shown = { .class = GF_OK };

	ok = gf_judged_open(&j, run, unverified, err);
	if (ok) {
		walk.reader = j.reader;
		walk.manifest = j.manifest;
		ok = gf_walk_front(&walk, &j.verdict, err);
	}
	gf_progress_rest(run->progress);
	if (run->json)
		said = report(run, &j, ok ? NULL : err, &shown);
	else if (ok)
		said = show(run, &j, unverified, &shown);
	if (ok && !said)
		*err = shown;
	gf_judged_clear(&j);
	return ok && said;
}
