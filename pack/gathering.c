/* gathering: images, documents and places that the sources add up. */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

void gf_listed_clear(gf_listed *l)
{
	for (size_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	free(l->names);
	free(l->transport);
	free(l->media_type);
	free(l->platform);
	free(l->layers);
	free(l->evidence);
	*l = (gf_listed){ 0 };
}

void gf_gathering_clear(gf_gathering *g)
{
	for (size_t i = 0; i < g->n_images; i++)
		gf_listed_clear(&g->images[i]);
	free(g->images);
	for (size_t i = 0; i < g->n_texts; i++)
		gf_buf_clear(&g->texts[i].bytes);
	free(g->texts);
	free(g->spots);
	free(g->verdicts);
	gf_map_clear(&g->text_map);
	gf_map_clear(&g->spot_map);
	gf_map_clear(&g->verdict_map);
	for (size_t i = 0; i < g->n_origins; i++)
		gf_origin_close(g->origins[i]);
	free(g->origins);
	*g = (gf_gathering){ 0 };
}

size_t gf_digest_place(const void *items, size_t n, size_t size, const gf_digest *digest, bool *there)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const gf_digest *at = (const void *)((const char *)items + mid * size);
		if (gf_digest_compare(at, digest) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*there = lo < n && gf_digest_equal((const void *)((const char *)items + lo * size), digest);
	return lo;
}

const gf_buf *gf_gathering_text(const gf_gathering *g, const gf_digest *digest)
{
	size_t i = gf_map_get(&g->text_map, digest);

	return i != SIZE_MAX ? &g->texts[i].bytes : NULL;
}

bool gf_gathering_add_text(gf_gathering *g, const gf_digest *digest, gf_buf *bytes, gf_error *err)
{
	if (gf_gathering_text(g, digest) != NULL) {
		gf_buf_clear(bytes);
		return true;
	}
	if (bytes->len > GF_JSON_BLOBS_MAX - g->texts_size)
		return gf_fail(err, GF_DAMAGED, "too-large", NULL,
		    "indexes, manifests and configs take more than the %zu bytes that a bundle carries",
		    GF_JSON_BLOBS_MAX);
	if (!gf_grow(&g->texts, &g->texts_room, g->n_texts, sizeof *g->texts, err) ||
	    !gf_map_put(&g->text_map, digest, g->n_texts, err))
		return false;
	g->texts_size += bytes->len;
	g->texts[g->n_texts++] = (gf_text){ .digest = *digest, .bytes = *bytes };
	gf_buf_init(bytes, bytes->max);
	return true;
}

const gf_spot *gf_gathering_spot(const gf_gathering *g, const gf_digest *digest)
{
	size_t i = gf_map_get(&g->spot_map, digest);

	return i != SIZE_MAX ? &g->spots[i] : NULL;
}

bool gf_gathering_add_spot(gf_gathering *g, const gf_spot *spot, gf_error *err)
{
	if (gf_gathering_spot(g, &spot->digest) != NULL)
		return true;
	if (!gf_grow(&g->spots, &g->spots_room, g->n_spots, sizeof *g->spots, err) ||
	    !gf_map_put(&g->spot_map, &spot->digest, g->n_spots, err))
		return false;
	g->spots[g->n_spots++] = *spot;
	return true;
}

bool gf_gathering_own(gf_gathering *g, gf_origin *o, gf_error *err)
{
	if (!gf_grow(&g->origins, &g->origins_room, g->n_origins, sizeof *g->origins, err)) {
		gf_origin_close(o);
		return false;
	}
	g->origins[g->n_origins++] = o;
	return true;
}

gf_listed *gf_gathering_image(gf_gathering *g, gf_error *err)
{
	if (!gf_grow(&g->images, &g->images_room, g->n_images, sizeof *g->images, err))
		return NULL;
	g->images[g->n_images] = (gf_listed){ .source = g->source };
	return &g->images[g->n_images++];
}

bool gf_listed_has(const gf_listed *l, const char *name)
{
	for (size_t i = 0; i < l->n_names; i++)
		if (strcmp(l->names[i], name) == 0)
			return true;
	return false;
}

bool gf_listed_name(gf_listed *l, const char *name, gf_error *err)
{
	if (gf_listed_has(l, name))
		return true;
	if (!gf_grow(&l->names, &l->names_room, l->n_names, sizeof *l->names, err) ||
	    (l->names[l->n_names] = gf_strdup(name, err)) == NULL)
		return false;
	l->n_names++;
	return true;
}

/* ---- all of them ---- */

/* One entry for each root, under all its names. */
static bool merge(gf_gathering *g, gf_error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->n_images; i++) {
		gf_listed *from = &g->images[i];
		size_t k = 0;
		while (k < kept && !gf_digest_equal(&g->images[k].root, &from->root))
			k++;
		if (k == kept) {
			gf_listed moved = *from;
			*from = (gf_listed){ 0 };
			g->images[kept++] = moved;
			continue;
		}
		for (size_t n = 0; n < from->n_names; n++)
			if (!gf_listed_name(&g->images[k], from->names[n], err))
				return false;
		for (size_t n = 0; n < from->n_evidence; n++)
			if (!gf_listed_evidence(&g->images[k], &from->evidence[n], err))
				return false;
		gf_listed_clear(from);
	}
	g->n_images = kept;
	return true;
}

static bool rename_image(gf_listed *l, const char *const *names, size_t n, gf_error *err)
{
	for (size_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	l->n_names = 0;
	for (size_t i = 0; i < n; i++) {
		char full[GF_REFERENCE_SIZE];
		bool bare;
		if (!gf_name_complete(names[i], full, &bare, err) || !gf_listed_name(l, full, err))
			return false;
	}
	return true;
}

/* The names that the options give the images of one source. */
static bool rename_source(gf_gathering *g, const gf_pack_source *s, gf_error *err)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < g->n_images; i++)
		n += g->images[i].source == s;
	if (n != s->n_names && n != 1)
		return gf_fail(err, GF_USAGE, "name-count", s->text,
		    "'%s' has %zu images and %zu names are given for it: give one for each, or none", s->text, n,
		    s->n_names);
	for (size_t i = 0; i < g->n_images; i++) {
		gf_listed *l = &g->images[i];
		if (l->source != s)
			continue;
		if (!rename_image(l, &s->names[k], n == 1 ? s->n_names : 1, err))
			return false;
		k++;
	}
	return true;
}

static bool rename_all(gf_gathering *g, gf_error *err)
{
	for (size_t i = 0; i < g->options->n_sources; i++)
		if (g->options->sources[i].n_names > 0 && !rename_source(g, &g->options->sources[i], err))
			return false;
	for (size_t i = 0; i < g->n_images; i++) {
		gf_listed *l = &g->images[i];
		if (l->has_source_index && l->source->n_names == 0 && !gf_child_rename(l, err))
			return false;
	}
	return true;
}

/* --name: the i-th for the i-th image without one. */
static bool give_names(gf_gathering *g, gf_error *err)
{
	const gf_pack_options *o = g->options;
	size_t used = 0;

	for (size_t i = 0; i < g->n_images; i++) {
		char full[GF_REFERENCE_SIZE], hex[GF_DIGEST_SIZE];
		gf_listed *l = &g->images[i];
		bool bare;
		if (l->n_names > 0)
			continue;
		gf_digest_text(&l->root, hex);
		if (used == o->n_names)
			return gf_fail(err, GF_USAGE, "no-name", hex,
			    "image %s has no name in its source: give it one with --name", hex);
		if (!gf_name_complete(o->names[used++], full, &bare, err) || !gf_listed_name(l, full, err))
			return false;
	}
	if (used < o->n_names)
		return gf_fail(err, GF_USAGE, "no-name", o->names[used],
		    "--name '%s' has no image: all the others have names of their own", o->names[used]);
	return true;
}

static bool names_unique(const gf_gathering *g, gf_error *err)
{
	for (size_t i = 0; i < g->n_images; i++)
		for (size_t k = 0; k < i; k++)
			for (size_t n = 0; n < g->images[i].n_names; n++)
				if (gf_listed_has(&g->images[k], g->images[i].names[n]))
					return gf_fail(err, GF_USAGE, "name-twice", g->images[i].names[n],
					    "two different images have the name '%s'", g->images[i].names[n]);
	return true;
}

bool gf_gathering_settle(gf_gathering *g, gf_error *err)
{
	if (g->n_images == 0)
		return gf_fail(err, GF_USAGE, "no-image", NULL, "the sources hold no image");
	return rename_all(g, err) && merge(g, err) && give_names(g, err) && merge(g, err) && names_unique(g, err);
}
