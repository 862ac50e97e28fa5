#include "verify/merkle.h"

unsigned gf_merkle_peaks(uint64_t size)
{
	unsigned n = 0;

	for (; size > 0; size &= size - 1)
		n++;
	return n;
}

/* A leaf and a node are told apart by their first byte, so that neither passes for the other. */
bool gf_merkle_leaf(gf_hash *h, const void *bytes, size_t n, gf_digest *leaf, gf_error *err)
{
	return gf_hash_update(h, "\0", 1, err) && gf_hash_update(h, bytes, n, err) && gf_hash_finish(h, leaf, err);
}

static bool node(gf_hash *h, const gf_digest *left, const gf_digest *right, gf_digest *out, gf_error *err)
{
	return gf_hash_update(h, "\1", 1, err) && gf_hash_update(h, left->bytes, sizeof left->bytes, err) &&
	    gf_hash_update(h, right->bytes, sizeof right->bytes, err) && gf_hash_finish(h, out, err);
}

/* As in adding 1 to a number: every bit that is carried over joins two trees of one height. */
bool gf_merkle_add(gf_merkle *m, gf_hash *h, const gf_digest *leaf, gf_error *err)
{
	unsigned n = gf_merkle_peaks(m->size);
	gf_digest top = *leaf;

	for (uint64_t bit = 1; (m->size & bit) != 0; bit <<= 1)
		if (!node(h, &m->peaks[--n], &top, &top, err))
			return false;
	m->peaks[n] = top;
	m->size++;
	return true;
}

bool gf_merkle_root(const gf_merkle *m, gf_hash *h, gf_digest *root, gf_error *err)
{
	unsigned n = gf_merkle_peaks(m->size);

	if (n == 0)
		return gf_hash_finish(h, root, err);
	*root = m->peaks[--n];
	while (n > 0)
		if (!node(h, &m->peaks[--n], root, root, err))
			return false;
	return true;
}

/* ---- proofs ---- */

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k <<= 1;
	return k;
}

static void add_run(gf_proof *p, uint64_t from, uint64_t to)
{
	p->runs[p->n++] = (gf_merkle_run){ .from = from, .to = to };
}

/* The recursion of the RFC goes from the root down and its proofs from the leaf up. */
static void turn(gf_proof *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		gf_merkle_run other = p->runs[i];

		p->runs[i] = p->runs[p->n - 1 - i];
		p->runs[p->n - 1 - i] = other;
	}
}

void gf_proof_of_leaf(gf_proof *p, uint64_t leaf, uint64_t size)
{
	uint64_t from = 0, to = size;

	p->n = 0;
	while (to - from > 1) {
		uint64_t middle = from + split(to - from);

		if (leaf < middle) {
			add_run(p, middle, to);
			to = middle;
		} else {
			add_run(p, from, middle);
			from = middle;
		}
	}
	turn(p);
}

void gf_proof_of_growth(gf_proof *p, uint64_t old, uint64_t size)
{
	uint64_t from = 0, to = size;
	bool known = true; /* what is left of the old tree begins at its first leaf: the verifier has its root */

	p->n = 0;
	if (old == 0 || old == size)
		return;
	while (old != to) {
		uint64_t middle = from + split(to - from);

		if (old <= middle) {
			add_run(p, middle, to);
			to = middle;
		} else {
			add_run(p, from, middle);
			from = middle;
			known = false;
		}
	}
	if (!known)
		add_run(p, from, to);
	turn(p);
}

bool gf_proof_take(gf_proof *p, gf_hash *h, uint64_t index, const gf_digest *leaf, gf_error *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (index >= p->runs[i].from && index < p->runs[i].to)
			return gf_merkle_add(&p->runs[i].tree, h, leaf, err);
	return true;
}

bool gf_proof_hash(const gf_proof *p, gf_hash *h, size_t i, gf_digest *out, gf_error *err)
{
	return gf_merkle_root(&p->runs[i].tree, h, out, err);
}
