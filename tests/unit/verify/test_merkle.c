#define _XOPEN_SOURCE 700 /* realpath */
/* RFC 6962: roots and proofs, against the RFC's own examples, every tree up to 130 leaves, and logs made by others. */
#include "common.h"
#include "vectors.h"
#include "verify/merkle.h"

/* The eight leaves of Certificate Transparency's tests. */
static const struct {
	const char *bytes;
	size_t n;
} entries[] = { { "", 0 }, { "\x00", 1 }, { "\x10", 1 }, { "\x20\x21", 2 }, { "\x30\x31", 2 },
	{ "\x40\x41\x42\x43", 4 }, { "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 } };
static const char *const roots[] = { "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" };

static gf_hash *new_hash(void)
{
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);

	assert_non_null(h);
	return h;
}

static void test_roots(void **state)
{
	gf_hash *h = new_hash();
	gf_merkle tree = { .size = 0 };
	gf_error err = { 0 };
	gf_digest root, leaf;
	char hex[GF_HEX_SIZE];

	(void)state;
	for (size_t i = 0;; i++) {
		need(gf_merkle_root(&tree, h, &root, &err));
		gf_digest_hex(&root, hex);
		assert_string_equal(hex, roots[i]);
		if (i == sizeof entries / sizeof entries[0])
			break;
		need(gf_merkle_leaf(h, entries[i].bytes, entries[i].n, &leaf, &err) &&
		    gf_merkle_add(&tree, h, &leaf, &err));
	}
	gf_hash_free(h);
}

/* ---- proofs, verified as RFC 9162 2.1.3.2 and 2.1.4.2 say: not how they are made ---- */

#define LEAVES 130
static gf_digest leaves[LEAVES], root_at[LEAVES + 1];

static gf_digest join(const gf_digest *left, const gf_digest *right)
{
	unsigned char room[65] = { 1 };
	gf_error err = { 0 };
	gf_digest out;

	memcpy(room + 1, left->bytes, 32);
	memcpy(room + 33, right->bytes, 32);
	need(gf_hash_bytes(room, sizeof room, &out, &err));
	return out;
}

/* One step up on both sides of the path; false: the proof is too long. */
static bool climb(uint64_t *f, uint64_t *s, gf_digest *a, gf_digest *b, const gf_digest *p)
{
	if (*s == 0)
		return false;
	if ((*f & 1) != 0 || *f == *s) {
		if (a != NULL)
			*a = join(p, a);
		*b = join(p, b);
		while ((*f & 1) == 0 && *f != 0) {
			*f >>= 1;
			*s >>= 1;
		}
	} else {
		*b = join(b, p);
	}
	*f >>= 1;
	*s >>= 1;
	return true;
}

static bool in_tree(uint64_t leaf, uint64_t size, const gf_digest *proof, size_t n)
{
	uint64_t f = leaf, s = size - 1;
	gf_digest r = leaves[leaf];

	for (size_t i = 0; i < n; i++)
		if (!climb(&f, &s, NULL, &r, &proof[i]))
			return false;
	return s == 0 && gf_digest_equal(&r, &root_at[size]);
}

static bool grown(uint64_t old, uint64_t size, const gf_digest *proof, size_t n)
{
	uint64_t f = old - 1, s = size - 1;
	bool whole = (old & (old - 1)) == 0;
	gf_digest a, b;

	if (old == 0 || old == size)
		return n == 0;
	if (n == 0)
		return false;
	while ((f & 1) != 0) {
		f >>= 1;
		s >>= 1;
	}
	a = b = whole ? root_at[old] : proof[0];
	for (size_t i = whole ? 0 : 1; i < n; i++)
		if (!climb(&f, &s, &a, &b, &proof[i]))
			return false;
	return s == 0 && gf_digest_equal(&a, &root_at[old]) && gf_digest_equal(&b, &root_at[size]);
}

static void gather(gf_hash *h, gf_proof *p, uint64_t size, gf_digest *proof)
{
	gf_error err = { 0 };

	for (uint64_t i = 0; i < size; i++)
		need(gf_proof_take(p, h, i, &leaves[i], &err));
	for (size_t i = 0; i < p->n; i++)
		need(gf_proof_hash(p, h, i, &proof[i], &err));
}

static void test_proofs(void **state)
{
	gf_hash *h = new_hash();
	gf_merkle tree = { .size = 0 };
	gf_digest proof[GF_PROOF_MAX];
	static gf_proof p;
	gf_error err = { 0 };

	(void)state;
	need(gf_merkle_root(&tree, h, &root_at[0], &err));
	for (size_t i = 0; i < LEAVES; i++) {
		need(gf_merkle_leaf(h, &i, sizeof i, &leaves[i], &err) && gf_merkle_add(&tree, h, &leaves[i], &err) &&
		    gf_merkle_root(&tree, h, &root_at[i + 1], &err));
		assert_int_equal(gf_merkle_peaks(i + 1), __builtin_popcountll(i + 1));
	}
	for (uint64_t size = 1; size <= LEAVES; size += size < 40 ? 1 : 15)
		for (uint64_t i = 0; i <= size; i++) {
			if (i < size) {
				gf_proof_of_leaf(&p, i, size);
				gather(h, &p, size, proof);
				if (!in_tree(i, size, proof, p.n))
					fail_msg("leaf %u of %u", (unsigned)i, (unsigned)size);
				if (p.n > 0) {
					proof[p.n - 1].bytes[7] ^= 1;
					assert_false(in_tree(i, size, proof, p.n));
					assert_false(in_tree(i, size, proof, p.n - 1));
				}
			}
			gf_proof_of_growth(&p, i, size);
			gather(h, &p, size, proof);
			if (!grown(i, size, proof, p.n))
				fail_msg("%u to %u", (unsigned)i, (unsigned)size);
			if (p.n > 0) {
				proof[0].bytes[0] ^= 1;
				assert_false(grown(i, size, proof, p.n));
			}
		}
	/* sizes that no test can hash: the number of hashes stays small */
	gf_proof_of_leaf(&p, ((uint64_t)1 << 53) - 2, ((uint64_t)1 << 53) - 1);
	assert_int_equal(p.n, 52);
	gf_proof_of_growth(&p, 1, ((uint64_t)1 << 53) - 1);
	assert_int_equal(p.n, 53);
	gf_hash_free(h);
}

/* ---- by others ---- */

/* The proofs that are right are the ones we make. */
static void test_merkle_vectors(void **state)
{
	gf_error err = { 0 };
	unsigned compared = 0;
	gf_hash *h;

	(void)state;
	if (!unpack_vectors("merkle-rfc6962"))
		skip();
	h = new_hash();
	for (size_t i = 0; i < 8; i++)
		need(gf_merkle_leaf(h, entries[i].bytes, entries[i].n, &leaves[i], &err));
	for (int n = 0; n < 10; n++) {
		char path[128], digest[GF_DIGEST_SIZE];
		static gf_proof p;
		gf_digest proof[GF_PROOF_MAX];
		uint64_t a = 0, size = 0;
		gf_json_doc *doc;
		gf_json list;

		(void)snprintf(path, sizeof path, "merkle-rfc6962/%s/%d/happy-path.json",
		    n < 5 ? "inclusion" : "consistency", n % 5);
		doc = read_json(path);
		need(gf_json_u64(gf_json_root(doc), n < 5 ? "leafIdx" : "size1", &a, &err) &&
		    gf_json_u64(gf_json_root(doc), n < 5 ? "treeSize" : "size2", &size, &err));
		list = gf_json_get(gf_json_root(doc), "proof");
		if (n < 5)
			gf_proof_of_leaf(&p, a, size);
		else
			gf_proof_of_growth(&p, a, size);
		gather(h, &p, size, proof);
		assert_int_equal(p.n, gf_json_count(list));
		for (size_t i = 0; i < p.n; i++, compared++) {
			const char *text = NULL;
			gf_buf ours;

			need(gf_json_text(gf_json_at(list, i), &text, &err));
			gf_buf_init(&ours, sizeof digest);
			need(gf_base64_encode(&ours, proof[i].bytes, 32, &err));
			assert_string_equal(gf_buf_text(&ours), text);
			gf_buf_clear(&ours);
		}
		gf_json_free(doc);
	}
	assert_true(compared > 20);
	gf_hash_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_roots), cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_merkle_vectors) };

	return find_vectors() ? cmocka_run_group_tests(tests, enter, leave) : 1;
}
