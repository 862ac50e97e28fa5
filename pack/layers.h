/*
 * layers: which bytes become which layers of the bundle, and how they get there.
 *
 * A layer that a config claims (docker save) becomes a blob once for each diff ID: the first
 * source that has it gives the bytes, and they are checked against the claim; later ones are not read.
 */
#ifndef GF_PACK_LAYERS_H
#define GF_PACK_LAYERS_H

#include "pack/source.h"

typedef enum gf_claim_state {
	GF_CLAIM_KNOWN,   /* made is right, or wrong bytes will fail against it */
	GF_CLAIM_SQUEEZE, /* to be compressed: raw, or inflated on the way */
	GF_CLAIM_INFLATE, /* to be stored raw, but compressed in its source: its size is still unknown */
	GF_CLAIM_CHECK    /* gzip or zstd already: kept, but inflated once to see that the claim is true */
} gf_claim_state;

typedef struct gf_claim {
	gf_digest diff_id; /* sorted by it */
	gf_archive *archive;
	const gf_entry *entry;
	gf_claim_state state;
	gf_made made; /* while not known: digest is a placeholder, sizes are upper bounds */
} gf_claim;

typedef struct gf_claims {
	gf_claim *items;
	size_t n, room;
} gf_claims;

/* The bytes that a claim is about; what is not stored as it came is inflated. */
gf_input *gf_claim_open(const gf_claim *c, gf_error *err);
/* All claims of the gathering; those whose digest is known already are added to its spots. */
bool gf_claims_plan(gf_claims *c, gf_gathering *g, gf_error *err);
gf_claim *gf_claims_find(const gf_claims *c, const gf_digest *diff_id);
gf_claim *gf_claims_planned(const gf_claims *c, const gf_digest *placeholder);
void gf_claims_clear(gf_claims *c);

/* The layers of planned, a graph with placeholders, into w in its order; afterwards every claim is known. */
bool gf_layers_write(gf_claims *c, const gf_gathering *g, const gf_graph *planned, gf_writer *w, gf_error *err);

#endif
