/* claims: what the configs of docker-archives say their layers are, before a byte of them is read. */
#include "pack/layers.h"

#include <stdlib.h>
#include <string.h>

/* What a layer of unknown size is taken for where room is kept for the digits of its size. */
#define INFLATED_BOUND UINT64_C(9999999999999)

/* No real digest is the complement of another that is in use. */
static gf_digest placeholder(const gf_digest *diff_id)
{
	gf_digest d;

	for (size_t i = 0; i < sizeof d.bytes; i++)
		d.bytes[i] = (unsigned char)~diff_id->bytes[i];
	return d;
}

/* What a stream brought along was read already: its diff ID is known. */
static bool settle_spooled(gf_claim *c, gf_error *err)
{
	char claimed[GF_DIGEST_SIZE], found[GF_DIGEST_SIZE];

	c->made = c->entry->made;
	if (gf_digest_equal(&c->made.raw, &c->diff_id))
		return true;
	gf_digest_text(&c->diff_id, claimed);
	gf_digest_text(&c->made.raw, found);
	return gf_fail(err, GF_DAMAGED, "diff-id", c->entry->name,
	    "layer '%s' of '%s' has the digest %s where the image's config says %s; save it again", c->entry->name,
	    gf_archive_name(c->archive), found, claimed);
}

gf_input *gf_claim_open(const gf_claim *c, gf_error *err)
{
	return gf_codec_kept(gf_entry_codec(c->entry)) ? gf_archive_read(c->archive, c->entry, err)
						       : gf_archive_read_plain(c->archive, c->entry, err);
}

static bool decide(gf_claim *c, gf_gathering *g, gf_error *err)
{
	const gf_entry *e = c->entry;
	gf_codec want = gf_layers_codec(g->options->layers);
	bool none = want == GF_CODEC_NONE;
	gf_codec codec = gf_entry_codec(e);
	uint64_t raw = codec == GF_CODEC_NONE ? e->size : INFLATED_BOUND;
	gf_spot spot = { .origin = gf_archive_origin(c->archive), .entry = e };

	c->made = (gf_made){ .raw = c->diff_id, .raw_size = raw, .digest = placeholder(&c->diff_id), .codec = want };
	if (e->lies == GF_LIES_SPOOL && e->inflated && (e->made.codec != GF_CODEC_NONE || none)) {
		c->state = GF_CLAIM_KNOWN;
		spot.made = true;
		if (!settle_spooled(c, err))
			return false;
	} else if (gf_codec_kept(codec)) {
		c->state = GF_CLAIM_CHECK;
		c->made.size = e->size;
		c->made.codec = codec;
	} else if (none && codec != GF_CODEC_NONE) {
		c->state = GF_CLAIM_INFLATE;
		c->made.size = raw;
		c->made.codec = GF_CODEC_NONE;
	} else if (none) {
		c->state = GF_CLAIM_KNOWN;
		spot.diff = true;
		c->made.digest = c->diff_id;
		c->made.size = e->size;
		c->made.codec = GF_CODEC_NONE;
	} else {
		c->state = GF_CLAIM_SQUEEZE;
		c->made.size = codec == GF_CODEC_NONE ? gf_squeeze_bound(want, raw) : raw;
	}
	if (c->state != GF_CLAIM_KNOWN)
		return true;
	spot.digest = c->made.digest;
	spot.size = c->made.size;
	return gf_gathering_add_spot(g, &spot, err);
}

gf_claim *gf_claims_find(const gf_claims *c, const gf_digest *diff_id)
{
	bool there;
	size_t i = gf_digest_place(c->items, c->n, sizeof *c->items, diff_id, &there);

	return there ? &c->items[i] : NULL;
}

gf_claim *gf_claims_planned(const gf_claims *c, const gf_digest *digest)
{
	gf_digest diff_id = placeholder(digest);

	return gf_claims_find(c, &diff_id);
}

static bool add(gf_claims *c, gf_gathering *g, const gf_layer *l, gf_error *err)
{
	bool there;
	size_t i = gf_digest_place(c->items, c->n, sizeof *c->items, &l->diff_id, &there);

	if (there)
		return true;
	if (!gf_grow(&c->items, &c->room, c->n, sizeof *c->items, err))
		return false;
	memmove(&c->items[i + 1], &c->items[i], (c->n - i) * sizeof *c->items);
	c->n++;
	c->items[i] = (gf_claim){ .diff_id = l->diff_id, .archive = l->archive, .entry = l->entry };
	return decide(&c->items[i], g, err);
}

bool gf_claims_plan(gf_claims *c, gf_gathering *g, gf_error *err)
{
	for (size_t i = 0; i < g->n_images; i++)
		for (size_t k = 0; k < g->images[i].n_layers; k++)
			if (!add(c, g, &g->images[i].layers[k], err))
				return false;
	return true;
}

void gf_claims_clear(gf_claims *c)
{
	free(c->items);
	*c = (gf_claims){ 0 };
}
