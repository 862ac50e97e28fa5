/* inspect: what is in a bundle, after its signatures or marked as not verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define LABEL_PREFIX "org.opencontainers.image."
#define STEP_SHOWN 60 /* bytes of the step that made a layer */

static gf_json run_member(const gf_json_doc *config, const char *key)
{
	return gf_json_get(gf_json_get(gf_image_config_root(config), "config"), key);
}

/* Words, each with a space before it. */
static void add_words(gf_buf *out, gf_json words)
{
	gf_error unused; /* what has no room is left out */

	for (size_t i = 0; gf_json_typeof(words) == GF_JSON_ARRAY && i < gf_json_count(words); i++) {
		const char *word = gf_text_or_null(gf_json_at(words, i));

		if (word != NULL && !gf_buf_printf(out, &unused, "%s%s", out->len > 0 ? " " : "", word))
			return;
	}
}

/* The i-th label that is text; NULL: it is none. */
static const char *label_at(gf_json labels, size_t i, const char **key)
{
	gf_json value;

	*key = gf_json_key_at(labels, i, &value);
	return gf_text_or_null(value);
}

/* Those that the image specification names, without their prefix. */
static bool show_labels(const gf_json_doc *config, const gf_platform *p, gf_error *err)
{
	gf_table *t = gf_table_new(2, err);
	gf_json labels = run_member(config, "Labels");
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
	return gf_table_print(t, stdout, 4, err);
}

/* What a container of it would do. */
static bool show_config(const gf_json_doc *config, const gf_platform *p, gf_error *err)
{
	gf_table *t = gf_table_new(2, err);
	const char *created = gf_text_or_null(gf_json_get(gf_image_config_root(config), "created")),
		   *user = gf_text_or_null(run_member(config, "User"));
	gf_buf runs, room;

	gf_buf_init(&runs, 512);
	gf_buf_init(&room, 256);
	add_words(&runs, run_member(config, "Entrypoint"));
	add_words(&runs, run_member(config, "Cmd"));
	if (created != NULL || runs.len > 0 || (user != NULL && *user != '\0'))
		printf("  config of %s\n", gf_shown(&room, p->platform));
	if (created != NULL)
		gf_table_add(t, "created", created);
	if (runs.len > 0)
		gf_table_add(t, "runs", gf_buf_text(&runs));
	if (user != NULL && *user != '\0')
		gf_table_add(t, "user", user);
	gf_buf_clear(&room);
	gf_buf_clear(&runs);
	return gf_table_print(t, stdout, 4, err);
}

static uint64_t raw_size_of(const gf_judged *j, const gf_descriptor *layer)
{
	size_t at = gf_graph_find(gf_reader_graph(j->reader), &layer->digest);

	return at < j->manifest->n_blobs ? j->manifest->blobs[at].raw_size : 0;
}

/* "layers of linux/amd64: 3, 12.3 MB" */
static void show_sum(const gf_platform *p)
{
	char text[GF_SIZE_TEXT];
	uint64_t size = 0;
	gf_buf room;

	gf_buf_init(&room, 256);
	for (size_t i = 0; i < p->document->n_items; i++)
		size += p->document->items[i].size;
	gf_size_text(size, text);
	printf("  layers of %s: %zu, %s\n", gf_shown(&room, p->platform), p->document->n_items, text);
	gf_buf_clear(&room);
}

static bool show_layers(const gf_judged *j, const gf_platform *p, const char **steps, gf_error *err)
{
	gf_table *t = gf_table_new(5, err);
	char digest[GF_DIGEST_SIZE], size[GF_SIZE_TEXT], raw[GF_SIZE_TEXT + 16], step[STEP_SHOWN + 4];

	show_sum(p);
	for (size_t i = 0; i < p->document->n_items; i++) {
		const gf_descriptor *layer = &p->document->items[i];
		const char *by = steps != NULL ? steps[i] : NULL;
		uint64_t raw_size = raw_size_of(j, layer);
		char text[GF_SIZE_TEXT];

		gf_digest_text(&layer->digest, digest);
		gf_size_text(layer->size, size);
		gf_size_text(raw_size, text);
		(void)snprintf(
		    raw, sizeof raw, "%s%s", raw_size != 0 ? text : "", raw_size != 0 ? " uncompressed" : "");
		(void)snprintf(step, sizeof step, "%.*s%s", STEP_SHOWN, by != NULL ? by : "",
		    by != NULL && strlen(by) > STEP_SHOWN ? "..." : "");
		gf_table_add(t, digest, size, gf_layer_kind(layer->media_type), raw, step);
	}
	return gf_table_print(t, stdout, 4, err);
}

static bool show_image(const gf_judged *j, size_t image, gf_error *err)
{
	const gf_tree *tree = &gf_reader_graph(j->reader)->trees[image];
	bool ok = gf_show_image(&j->manifest->images[image], stdout, err);

	for (size_t i = 0; ok && i < tree->n_platforms; i++) {
		const gf_platform *p = &tree->platforms[i];
		gf_image_config c;

		ok = gf_image_config_read(&c, gf_reader_store(j->reader), p, err) && show_config(c.doc, p, err) &&
		    show_layers(j, p, c.steps, err) && show_labels(c.doc, p, err);
		gf_image_config_clear(&c);
	}
	return ok;
}

/* Layers that several images share are one blob. */
static void show_foot(const gf_manifest *m)
{
	char text[GF_SIZE_TEXT];
	uint64_t size = 0;

	for (size_t i = 0; i < m->n_blobs; i++)
		size += m->blobs[i].size;
	gf_size_text(size, text);
	printf("\n%zu image%s, %zu blobs, %s\n", m->n_images, m->n_images == 1 ? "" : "s", m->n_blobs, text);
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
	if (ok)
		show_foot(j->manifest);
	printf(unverified ? "NOT VERIFIED\n" : "The layers were not read: gapferry verify does that.\n");
	/* Lines are printed one by one, and say "(no memory)" or are not there where it was lacking. */
	return ok && (!gf_starved || gf_no_memory(err));
}

static void put_words(gf_json_out *o, const char *key, gf_json words)
{
	if (gf_json_typeof(words) != GF_JSON_ARRAY)
		return;
	gf_json_open(o, key, '[');
	for (size_t i = 0; i < gf_json_count(words); i++)
		gf_json_put(o, NULL, gf_text_or_null(gf_json_at(words, i)));
	gf_json_close(o, ']');
}

/* All labels: a machine picks its own. */
static void put_config(gf_json_out *o, const gf_json_doc *config)
{
	gf_json labels = run_member(config, "Labels");
	bool object = gf_json_typeof(labels) == GF_JSON_OBJECT;

	gf_json_put(o, "created", gf_text_or_null(gf_json_get(gf_image_config_root(config), "created")));
	put_words(o, "entrypoint", run_member(config, "Entrypoint"));
	put_words(o, "cmd", run_member(config, "Cmd"));
	gf_json_put(o, "user", gf_text_or_null(run_member(config, "User")));
	gf_json_open(o, "labels", '{');
	for (size_t i = 0; object && i < gf_json_count(labels); i++) {
		const char *key, *text = label_at(labels, i, &key);

		gf_json_put(o, key, text);
	}
	gf_json_close(o, '}');
}

static void put_platform(gf_json_out *o, const gf_judged *j, const gf_platform *p)
{
	gf_image_config c;

	o->failed = !gf_image_config_read(&c, gf_reader_store(j->reader), p, o->err) || o->failed;
	gf_json_put_digest(o, "manifest", &p->manifest);
	gf_json_put(o, "platform", p->platform);
	gf_json_open(o, "layers", '[');
	for (size_t n = 0; n < p->document->n_items; n++) {
		const gf_descriptor *layer = &p->document->items[n];

		gf_json_open(o, NULL, '{');
		gf_json_put_digest(o, "digest", &layer->digest);
		gf_json_put(o, "mediaType", layer->media_type);
		gf_json_put_u64(o, "size", layer->size);
		if (raw_size_of(j, layer) != 0)
			gf_json_put_u64(o, "uncompressedSize", raw_size_of(j, layer));
		gf_json_put(o, "createdBy", c.steps != NULL ? c.steps[n] : NULL);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	put_config(o, c.doc);
	gf_image_config_clear(&c);
}

static void put_layers(gf_json_out *o, const gf_judged *j)
{
	const gf_graph *g = gf_reader_graph(j->reader);

	gf_json_open(o, "layers", '[');
	for (size_t i = 0; i < g->n_trees; i++)
		for (size_t k = 0; k < g->trees[i].n_platforms; k++) {
			gf_json_open(o, NULL, '{');
			gf_json_put_digest(o, "image", &j->manifest->images[i].digest);
			put_platform(o, j, &g->trees[i].platforms[k]);
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
		put_layers(&r.out, j);
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
