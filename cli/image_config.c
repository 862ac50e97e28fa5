/* image_config: what a config says about its image (image-spec config.md), for inspect and report.  What a stranger wrote
 * is only shown: a member that is of another type than the specification says is taken for absent. */
#include <stdlib.h>

#include "cli/cli.h"

gf_json gf_image_config_root(const gf_json_doc *config)
{
	return config != NULL ? gf_json_root(config) : (gf_json){ .node = NULL };
}

const char *gf_text_or_null(gf_json v)
{
	const char *text = NULL;
	gf_error unused;

	return gf_json_typeof(v) == GF_JSON_STRING && gf_json_text(v, &text, &unused) ? text : NULL;
}

static bool is_empty_layer(gf_json step)
{
	bool empty = false;
	gf_error unused;

	return gf_json_bool_if(step, "empty_layer", &empty, &unused) && empty;
}

/* n: of layers. */
static bool read_steps(gf_image_config *c, size_t n, gf_error *err)
{
	gf_json history = gf_json_get(gf_image_config_root(c->doc), "history");
	size_t made = 0;

	c->steps = gf_alloc(n, sizeof *c->steps, err);
	if (c->steps == NULL)
		return false;
	for (size_t i = 0; gf_json_typeof(history) == GF_JSON_ARRAY && i < gf_json_count(history); i++) {
		gf_json step = gf_json_at(history, i);

		if (is_empty_layer(step))
			continue;
		if (made < n)
			c->steps[made] = gf_text_or_null(gf_json_get(step, "created_by"));
		made++;
	}
	if (made != n) {
		free(c->steps);
		c->steps = NULL;
	}
	return true;
}

bool gf_image_config_read(gf_image_config *c, const gf_store *store, const gf_platform *p, gf_error *err)
{
	const gf_buf *text = p->runnable ? gf_store_find(store, &p->image_id) : NULL;
	size_t n = p->document->n_items;

	*c = (gf_image_config){ NULL, NULL };
	if (text == NULL)
		return true;
	c->doc = gf_json_parse(gf_buf_text(text), text->len, GF_JSON_BLOB_MAX, GF_DAMAGED, "config", err);
	return c->doc != NULL && (n == 0 || read_steps(c, n, err));
}

void gf_image_config_clear(gf_image_config *c)
{
	free(c->steps);
	gf_json_free(c->doc);
}

const char *gf_layer_kind(const char *media_type)
{
	switch (gf_packing_of(media_type)) {
	case GF_PACKING_RAW: return "tar";
	case GF_PACKING_GZIP: return "tar+gzip";
	case GF_PACKING_ZSTD: return "tar+zstd";
	case GF_PACKING_OPAQUE: break;
	}
	return media_type;
}
