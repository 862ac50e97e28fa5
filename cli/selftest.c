/*
 * selftest: every part of the program once, with results that are known from elsewhere
 * or from the other direction.  For the static program, whose libraries are not the
 * host's (facts: a link that succeeds proves little).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pack/pack.h"

/* ---- hash and gzip ---- */

static bool test_hash(gf_buf *dir, gf_error *err)
{
	/* FIPS 180-4, the example of one block */
	static const char want[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	gf_digest d;
	char hex[GF_HEX_SIZE];

	(void)dir;
	if (!gf_hash_bytes("abc", 3, &d, err))
		return false;
	gf_digest_hex(&d, hex);
	return strcmp(hex, want) == 0 || gf_fail(err, GF_FAILED, "self-test", NULL, "SHA-256 of 'abc' is %s", hex);
}

static bool compress(const void *bytes, size_t n, gf_buf *out, gf_error *err)
{
	gf_deflater *d = gf_deflater_new(err);
	size_t bound = gf_gzip_bound(n), made = 0;
	unsigned char *block = gf_alloc(bound, 1, err), ends[GF_GZIP_HEADER + GF_GZIP_TRAILER];
	bool ok = d != NULL && block != NULL && gf_deflater_block(d, bytes, n, true, block, bound, &made, err);

	gf_gzip_header(ends);
	gf_gzip_trailer(gf_gzip_crc(0, bytes, n), n, ends + GF_GZIP_HEADER);
	ok = ok && gf_buf_add(out, ends, GF_GZIP_HEADER, err) && gf_buf_add(out, block, made, err) &&
	    gf_buf_add(out, ends + GF_GZIP_HEADER, GF_GZIP_TRAILER, err);
	free(block);
	gf_deflater_free(d);
	return ok;
}

/* Written by ISA-L, read by zlib. */
static bool test_gzip(gf_buf *dir, gf_error *err)
{
	static const size_t n = GF_GZIP_BLOCK;
	unsigned char *text = gf_alloc(n, 1, err);
	gf_buf packed, back;
	gf_input *in = NULL;
	gf_output *out = NULL;
	bool ok;

	(void)dir;
	gf_buf_init(&packed, 4 * GF_MIB);
	gf_buf_init(&back, 4 * GF_MIB);
	for (size_t i = 0; text != NULL && i < n; i++)
		text[i] = (unsigned char)(i * i >> 7);
	ok = text != NULL && compress(text, n, &packed, err);
	if (ok) {
		in = gf_input_gunzip(gf_input_memory(packed.data, packed.len, err), n, "self test", err);
		out = gf_output_buf(&back, err);
		ok = in != NULL && out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);
	}
	if (ok && (back.len != n || memcmp(back.data, text, n) != 0))
		ok = gf_fail(err, GF_FAILED, "self-test", NULL, "gzip gives back other bytes");
	gf_input_close(in);
	gf_output_close(out);
	gf_buf_clear(&packed);
	gf_buf_clear(&back);
	free(text);
	return ok;
}

/* ---- keys ---- */

static bool path_in(const gf_buf *dir, const char *name, gf_buf *out, gf_error *err)
{
	gf_buf_init(out, 4096);
	return gf_path_join(out, dir->data, name, err);
}

/* A key pair in dir: NAME.pem, unencrypted, and NAME.pub. */
static bool make_key(const gf_buf *dir, const char *type, gf_error *err)
{
	gf_secret private_pem = { .data = NULL };
	gf_buf public_pem, path;
	bool ok;

	gf_buf_init(&public_pem, GF_KEY_FILE_MAX);
	gf_buf_init(&path, 4096);
	ok = gf_key_generate(type, NULL, &private_pem, &public_pem, err) &&
	    gf_buf_printf(&path, err, "%s/%s.pem", dir->data, type) &&
	    gf_file_store(path.data, 0600, private_pem.data, private_pem.len, err);
	gf_buf_clear(&path);
	ok = ok && gf_buf_printf(&path, err, "%s/%s.pub", dir->data, type) &&
	    gf_file_store(path.data, 0644, public_pem.data, public_pem.len, err);
	gf_secret_clear(&private_pem);
	gf_buf_clear(&public_pem);
	gf_buf_clear(&path);
	return ok;
}

static gf_signer *open_signer(const gf_buf *dir, const char *type, gf_error *err)
{
	gf_signer *s = NULL;
	gf_buf path;
	bool plain;

	gf_buf_init(&path, 4096);
	if (gf_buf_printf(&path, err, "%s/%s.pem", dir->data, type))
		s = gf_signer_open(path.data, NULL, &plain, err);
	gf_buf_clear(&path);
	return s;
}

static bool test_key(const gf_buf *dir, const char *type, gf_error *err)
{
	char text[] = "what is signed";
	gf_signer *s = make_key(dir, type, err) ? open_signer(dir, type, err) : NULL;
	gf_member made = { .name = NULL };
	bool ok = s != NULL && gf_signer_sign(s, "text", text, sizeof text, &made, err);

	if (ok && !gf_signature_fits(gf_signer_public(s), "sig", &made.bytes, text, sizeof text))
		ok = gf_fail(err, GF_FAILED, "self-test", NULL, "a fresh %s signature does not fit", type);
	text[3] ^= 1;
	if (ok && gf_signature_fits(gf_signer_public(s), "sig", &made.bytes, text, sizeof text))
		ok = gf_fail(err, GF_FAILED, "self-test", NULL, "a %s signature fits other bytes", type);
	free(made.name);
	gf_buf_clear(&made.bytes);
	gf_signer_free(s);
	return ok;
}

static bool test_p256(gf_buf *dir, gf_error *err)
{
	return test_key(dir, "p256", err);
}

static bool test_ed25519(gf_buf *dir, gf_error *err)
{
	return test_key(dir, "ed25519", err);
}

/* ---- JSON ---- */

static bool test_json(gf_buf *dir, gf_error *err)
{
	static const char *const bad[] = { "{\"a\":1,\"a\":2}", "{\"a\":1}x", "[1,]", "{\"a\":\"\x01\"}", "[01]" };
	gf_json_doc *doc = gf_json_parse("{\"a\":1}", 7, 7, GF_DAMAGED, "self test", err);
	gf_error ignored;
	bool ok = doc != NULL;

	(void)dir;
	gf_json_free(doc);
	for (size_t i = 0; ok && i < sizeof bad / sizeof bad[0]; i++) {
		doc = gf_json_parse(bad[i], strlen(bad[i]), GF_KIB, GF_DAMAGED, "self test", &ignored);
		if (doc != NULL)
			ok = gf_fail(err, GF_FAILED, "self-test", NULL, "malformed JSON is accepted: number %zu", i);
		gf_json_free(doc);
	}
	return ok;
}

/* ---- a bundle ---- */

static bool add_member(gf_buf *tar, const char *name, const void *bytes, size_t n, gf_error *err)
{
	static const char zeros[GF_TAR_BLOCK];
	unsigned char header[GF_TAR_BLOCK];

	gf_tar_header(name, n, 0, header);
	return gf_buf_add(tar, header, sizeof header, err) && gf_buf_add(tar, bytes, n, err) &&
	    gf_buf_add(tar, zeros, (size_t)gf_tar_round(n) - n, err);
}

/* What docker save writes of an image with one layer, which holds one file. */
static bool make_archive(gf_buf *tar, gf_error *err)
{
	static const char ends[2 * GF_TAR_BLOCK];
	static const char list[] =
	    "[{\"Config\":\"config.json\",\"RepoTags\":[\"self.test/image:1\"],\"Layers\":[\"layer.tar\"]}]";
	gf_buf layer, config;
	gf_digest diff_id;
	char text[GF_DIGEST_SIZE];
	bool ok;

	gf_buf_init(&layer, GF_MIB);
	gf_buf_init(&config, GF_MIB);
	ok = add_member(&layer, "hello", "hello\n", 6, err) && gf_buf_add(&layer, ends, sizeof ends, err) &&
	    gf_hash_bytes(layer.data, layer.len, &diff_id, err);
	if (ok) {
		gf_digest_text(&diff_id, text);
		ok =
		    gf_buf_printf(&config, err,
			"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
			text) &&
		    add_member(tar, "manifest.json", list, sizeof list - 1, err) &&
		    add_member(tar, "config.json", config.data, config.len, err) &&
		    add_member(tar, "layer.tar", layer.data, layer.len, err) && gf_buf_add(tar, ends, sizeof ends, err);
	}
	gf_buf_clear(&layer);
	gf_buf_clear(&config);
	return ok;
}

static bool pack(const gf_buf *dir, const char *archive, const char *bundle, gf_error *err)
{
	gf_signer *signer = open_signer(dir, "p256", err);
	gf_pack_options o = { .output = bundle,
		.sources = &(gf_pack_source){ .text = archive },
		.n_sources = 1,
		.has_created = true,
		.created = 1700000000,
		.signers = &signer,
		.n_signers = 1,
		.jobs = 1 };
	gf_pack_result result = { .manifest = NULL };
	bool ok = signer != NULL && gf_pack(&o, NULL, &result, err);

	gf_pack_result_clear(&result);
	gf_signer_free(signer);
	return ok;
}

static bool verify(const gf_buf *dir, const char *bundle, gf_error *err)
{
	gf_buf key;
	const char *path;
	gf_verdict v;
	gf_judge judge = { .trust = NULL };
	gf_trust *trust = NULL;
	gf_reader *reader = NULL;
	gf_manifest *manifest = NULL;
	gf_walk walk = { .jobs = 1, .deep = true };
	bool ok;

	gf_verdict_init(&v);
	ok = path_in(dir, "p256.pub", &key, err);
	path = key.data;
	ok = ok && (trust = gf_trust_open(&path, 1, NULL, err)) != NULL &&
	    (reader = gf_reader_open(bundle, err)) != NULL;
	judge.trust = trust;
	ok = ok && gf_accept(reader, &judge, &v, &manifest, err);
	walk.reader = reader;
	walk.manifest = manifest;
	ok = ok && gf_walk_run(&walk, &v, err) &&
	    (gf_verdict_good(&v) || gf_fail(err, GF_FAILED, "self-test", NULL, "the verdict is not good"));
	gf_reader_close(reader);
	gf_manifest_free(manifest);
	gf_verdict_clear(&v);
	gf_trust_free(trust);
	gf_buf_clear(&key);
	return ok;
}

/* The byte at offset is changed and the bundle must be damaged, or unsigned where it is part of the statement. */
static bool flipped(const gf_buf *dir, const char *bundle, gf_buf *bytes, size_t offset, gf_class want, gf_error *err)
{
	gf_error found;
	bool accepted;

	bytes->data[offset] ^= 1;
	if (!gf_file_store(bundle, 0600, bytes->data, bytes->len, err))
		return false;
	accepted = verify(dir, bundle, &found);
	bytes->data[offset] ^= 1;
	if (accepted)
		return gf_fail(err, GF_FAILED, "self-test", NULL, "a flipped byte at %zu is accepted", offset);
	return found.class == want ||
	    gf_fail(err, GF_FAILED, "self-test", NULL, "a flipped byte at %zu: %s", offset, found.text);
}

static bool test_bundle(gf_buf *dir, gf_error *err)
{
	gf_buf tar, archive, bundle, bytes;
	bool ok;

	gf_buf_init(&tar, GF_MIB);
	gf_buf_init(&bytes, 4 * GF_MIB);
	ok = path_in(dir, "image.tar", &archive, err);
	ok = path_in(dir, "bundle.tar", &bundle, err) && ok;
	ok = ok && make_archive(&tar, err) && gf_file_store(archive.data, 0600, tar.data, tar.len, err) &&
	    pack(dir, archive.data, bundle.data, err) && verify(dir, bundle.data, err) &&
	    gf_file_load(bundle.data, bytes.max, GF_FAILED, &bytes, err);
	/* In the statement, and in the last layer: the end blocks are 1,024 bytes, and a gzip layer of a tar fills a block. */
	ok = ok && flipped(dir, bundle.data, &bytes, GF_TAR_BLOCK + 10, GF_REFUSED, err) &&
	    flipped(dir, bundle.data, &bytes, bytes.len - 3 * GF_TAR_BLOCK + 20, GF_DAMAGED, err);
	gf_buf_clear(&tar);
	gf_buf_clear(&bytes);
	gf_buf_clear(&archive);
	gf_buf_clear(&bundle);
	return ok;
}

/* ---- all of them ---- */

static const struct {
	const char *what;
	bool (*run)(gf_buf *dir, gf_error *err);
} tests[] = {
	{ "SHA-256 of a known text", test_hash },
	{ "gzip written and read back", test_gzip },
	{ "P-256: signed, checked, other bytes refused", test_p256 },
	{ "Ed25519: signed, checked, other bytes refused", test_ed25519 },
	{ "malformed JSON refused", test_json },
	{ "a bundle packed, verified, two flipped bytes refused", test_bundle },
};

bool gf_self_test(FILE *to, gf_error *err)
{
	const char *tmp = getenv("TMPDIR");
	gf_error ignored;
	gf_buf dir;
	bool ok = true, one;

	gf_buf_init(&dir, 4000);
	if (!gf_buf_printf(&dir, err, "%s/gapferry-test.XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp"))
		return false;
	if (mkdtemp(dir.data) == NULL) {
		ok = gf_fail_errno(err, GF_FAILED, "self-test", dir.data, "a directory for the test");
		goto out;
	}
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		gf_error found;

		one = tests[i].run(&dir, &found);
		fprintf(to, "%s  %s%s%s\n", one ? "ok    " : "NOT OK", tests[i].what, one ? "" : ": ",
		    one ? "" : found.text);
		ok = ok && one;
	}
	if (!ok)
		(void)gf_fail(err, GF_FAILED, "self-test", NULL, "this program does not work here");
	(void)gf_dir_remove(dir.data, &ignored);
out:
	gf_buf_clear(&dir);
	return ok;
}
