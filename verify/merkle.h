/*
 * merkle: the hash tree of RFC 6962, 2.1, grown leaf by leaf.  A leaf is a line of the log without its LF.
 *
 * A tree is known by its peaks, the roots of the perfect trees that its leaves make from left to right: one for each
 * bit of its size.  A proof is a list of hashes, each of a run of leaves; they are gathered in one pass over the leaves.
 * Private to verify/.
 */
#ifndef GF_VERIFY_MERKLE_H
#define GF_VERIFY_MERKLE_H

#include "base/base.h"

#define GF_PEAKS_MAX 64

typedef struct gf_merkle {
	uint64_t size;                 /* leaves */
	gf_digest peaks[GF_PEAKS_MAX]; /* the largest first; as many as size has bits */
} gf_merkle;

unsigned gf_merkle_peaks(uint64_t size); /* how many */
/* h: a hash to work with, for it costs more to make one than to hash a line. */
bool gf_merkle_leaf(gf_hash *h, const void *bytes, size_t n, gf_digest *leaf, gf_error *err);
/* One leaf more. */
bool gf_merkle_add(gf_merkle *m, gf_hash *h, const gf_digest *leaf, gf_error *err);
/* Of no leaves: SHA-256 of nothing. */
bool gf_merkle_root(const gf_merkle *m, gf_hash *h, gf_digest *root, gf_error *err);

/* ---- proofs ---- */

#define GF_PROOF_MAX 64

/* The hash of the leaves from ... to - 1, gathered as they pass. */
typedef struct gf_merkle_run {
	uint64_t from, to;
	gf_merkle tree;
} gf_merkle_run;

typedef struct gf_proof {
	gf_merkle_run runs[GF_PROOF_MAX]; /* in the order of the proof */
	size_t n;
} gf_proof;

/* That leaf is in the tree of size leaves: leaf < size (RFC 6962, 2.1.1). */
void gf_proof_of_leaf(gf_proof *p, uint64_t leaf, uint64_t size);
/* That the tree of size leaves began as the one of old leaves: old <= size (2.1.2).  Empty where either is trivial. */
void gf_proof_of_growth(gf_proof *p, uint64_t old, uint64_t size);
/* Every leaf of the tree once, in order, index from 0. */
bool gf_proof_take(gf_proof *p, gf_hash *h, uint64_t index, const gf_digest *leaf, gf_error *err);
bool gf_proof_hash(const gf_proof *p, gf_hash *h, size_t i, gf_digest *out, gf_error *err);

#endif
