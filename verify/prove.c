/* Proofs about the log, for those who have a checkpoint of it and not the log. */
#include <stdlib.h>
#include <string.h>

#include "verify/checkpoint.h"
#include "verify/merkle.h"
#include "verify/note.h"
#include "verify/state.h"

/* One pass over the lines up to size. */
typedef struct pass {
	gf_hash *hash;
	gf_merkle tree;
	gf_proof proof;
	uint64_t size;
	const gf_checkpoint *old; /* NULL: none to compare on the way */
	bool with_root;
} pass;

static bool not_the_one(uint64_t size, const char *what, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "log-changed", what,
	    "the first %llu lines are not those of the %s: 'gapferry log verify' says more", (unsigned long long)size,
	    what);
}

static bool look(pass *p, const gf_checkpoint *known, const char *what, gf_error *err)
{
	gf_digest root;

	return gf_merkle_root(&p->tree, p->hash, &root, err) &&
	    (gf_digest_equal(&root, &known->root) || not_the_one(known->size, what, err));
}

static bool take(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	pass *p = ctx;
	gf_digest leaf;

	if (number > p->size)
		return true;
	return gf_merkle_leaf(p->hash, line, n, &leaf, err) && gf_merkle_add(&p->tree, p->hash, &leaf, err) &&
	    gf_proof_take(&p->proof, p->hash, number - 1, &leaf, err) &&
	    (p->old == NULL || !p->with_root || p->old->size != number || look(p, p->old, "old checkpoint", err));
}

static bool run(const gf_state *s, pass *p, gf_error *err)
{
	p->hash = gf_hash_new(err);
	if (p->hash == NULL || !gf_state_lines(s, take, p, err))
		return false;
	return p->tree.size == p->size ||
	    gf_fail(err, GF_DAMAGED, "log-cut", gf_state_dir(s),
		"the log has %llu lines, and %llu were known of: it was cut short, or is an older copy",
		(unsigned long long)p->tree.size, (unsigned long long)p->size);
}

static bool put_hashes(const pass *p, gf_buf *out, gf_error *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < p->proof.n; i++) {
		gf_digest d;

		ok = gf_proof_hash(&p->proof, p->hash, i, &d, err) &&
		    gf_base64_encode(out, d.bytes, sizeof d.bytes, err) && gf_buf_puts(out, "\n", err);
	}
	return ok;
}

/* The signed checkpoint, which a proof ends with. */
static bool signed_tree(const gf_state *s, const gf_pubkey *key, gf_checkpoint *c, gf_buf *note, gf_error *err)
{
	bool there;

	if (!gf_audit_signed(s, key, &there, c, note, err))
		return false;
	return there ||
	    gf_fail(err, GF_USAGE, "checkpoint", gf_state_dir(s),
		"there is no checkpoint in '%s': the next unpack signs one", gf_state_dir(s));
}

bool gf_audit_prove(const gf_state *s, const gf_pubkey *key, uint64_t number, gf_buf *proof, gf_error *err)
{
	pass *p = gf_alloc(1, sizeof *p, err);
	gf_checkpoint c;
	gf_buf note;
	bool ok;

	gf_buf_init(&note, GF_NOTE_MAX);
	ok = p != NULL && signed_tree(s, key, &c, &note, err);
	if (ok && (number == 0 || number > c.size))
		ok = gf_fail(err, GF_USAGE, "log-line", NULL, "the checkpoint has the lines 1 to %llu, not line %llu",
		    (unsigned long long)c.size, (unsigned long long)number);
	if (ok) {
		p->size = c.size;
		gf_proof_of_leaf(&p->proof, number - 1, c.size);
		ok = run(s, p, err) && look(p, &c, "checkpoint", err) &&
		    gf_buf_printf(proof, err, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)number - 1) &&
		    put_hashes(p, proof, err) && gf_buf_printf(proof, err, "\n%s", note.data);
		gf_hash_free(p->hash);
	}
	gf_buf_clear(&note);
	free(p);
	return ok;
}

/* An earlier tree of the log, unsigned: its three lines. */
static bool put_unsigned(const pass *p, const gf_checkpoint *c, gf_buf *out, gf_error *err)
{
	gf_checkpoint then = *c;

	then.size = p->size;
	return gf_merkle_root(&p->tree, p->hash, &then.root, err) && gf_checkpoint_print(&then, out, err);
}

static bool sizes_fit(const gf_checkpoint *old, uint64_t size, const gf_checkpoint *c, gf_error *err)
{
	if (size > c->size)
		return gf_fail(err, GF_USAGE, "log-line", NULL, "the checkpoint has %llu lines, not %llu",
		    (unsigned long long)c->size, (unsigned long long)size);
	return old->size <= size ||
	    gf_fail(err, GF_DAMAGED, "log-cut", "old checkpoint",
		"the old checkpoint knows of %llu lines, and the new one of %llu: the log was cut short, or is an older copy",
		(unsigned long long)old->size, (unsigned long long)size);
}

bool gf_audit_growth(const gf_state *s, const gf_pubkey *key, const gf_checkpoint *old, bool with_root,
    uint64_t new_size, gf_buf *proof, gf_error *err)
{
	pass *p = gf_alloc(1, sizeof *p, err);
	gf_checkpoint c;
	gf_buf note;
	bool ok;

	gf_buf_init(&note, GF_NOTE_MAX);
	ok = p != NULL && signed_tree(s, key, &c, &note, err) &&
	    sizes_fit(old, new_size != 0 ? new_size : c.size, &c, err);
	if (ok) {
		p->size = new_size != 0 ? new_size : c.size;
		p->old = old;
		p->with_root = with_root;
		gf_proof_of_growth(&p->proof, old->size, p->size);
		ok = run(s, p, err) && (p->size != c.size || look(p, &c, "checkpoint", err)) &&
		    gf_buf_printf(proof, err, "old %llu\n", (unsigned long long)old->size) &&
		    put_hashes(p, proof, err) && gf_buf_puts(proof, "\n", err) &&
		    (p->size == c.size ? gf_buf_puts(proof, note.data, err) : put_unsigned(p, &c, proof, err));
		gf_hash_free(p->hash);
	}
	gf_buf_clear(&note);
	free(p);
	return ok;
}
