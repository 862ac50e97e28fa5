/*
 * A bundle that is signed anew, whatever its statement has become, through the judge and the whole walk with --deep, as a
 * file and as a pipe: both are accepted or neither is.  What was accepted is refused for its signature alone when one
 * bit of the statement is another.
 * parser: verify/walk.c verify/deep.c -ask_held -pass_held -order_layers -compare_sized
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/padded.h"
#include "tests/fuzz/planted.h"
#include "tests/fuzz/tar_mutate.h"
#include "verify/signers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(tar_mutate);

static unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The key is nobody's: its seed is zeros. */
static gf_trust *trusted(void)
{
	static const unsigned char seed[crypto_sign_SEEDBYTES],
	    spki[] = { 0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0 };
	unsigned char der[sizeof spki + sizeof public];
	char path[] = "/tmp/gf-fuzz-signed.XXXXXX";
	const char *paths[] = { path };
	gf_error err = { 0 };
	gf_trust *t;
	gf_buf pem;
	int fd;

	must(sodium_init() >= 0 && crypto_sign_seed_keypair(public, secret, seed) == 0);
	memcpy(der, spki, sizeof spki);
	memcpy(der + sizeof spki, public, sizeof public);
	gf_buf_init(&pem, GF_KEY_FILE_MAX);
	must(gf_buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n", &err) && gf_base64_encode(&pem, der, sizeof der, &err) &&
	    gf_buf_puts(&pem, "\n-----END PUBLIC KEY-----\n", &err));
	fd = mkstemp(path);
	must(fd >= 0 && gf_write_all(fd, pem.data, pem.len, path, &err) && close(fd) == 0);
	t = gf_trust_open(paths, 1, NULL, &err);
	must(t != NULL && unlink(path) == 0);
	gf_buf_clear(&pem);
	return t;
}

static size_t bytes_of(const uint8_t *head)
{
	char field[13] = "";

	memcpy(field, head + 124, 12);
	return strtoul(field, NULL, 8);
}

static size_t member_size(const uint8_t *head)
{
	return PADDED_BLOCK + (bytes_of(head) + PADDED_BLOCK - 1) / PADDED_BLOCK * PADDED_BLOCK;
}

/* The member that a signature over text is in, its header made of another's, at out. */
static void sign(const uint8_t *head, const uint8_t *text, size_t n, uint8_t out[2 * PADDED_BLOCK])
{
	unsigned char sig[crypto_sign_BYTES];
	char field[13];
	unsigned sum = 0;
	gf_error err;
	gf_buf line;

	must(crypto_sign_detached(sig, NULL, text, n, secret) == 0);
	gf_buf_init(&line, GF_SIGNATURE_MAX);
	must(gf_base64_encode(&line, sig, sizeof sig, &err) && gf_buf_puts(&line, "\n", &err));
	memset(out, 0, 2 * PADDED_BLOCK);
	memcpy(out, head, PADDED_BLOCK);
	memset(out, 0, 100);
	strcpy((char *)out, "META/manifest.json.0000000000000000.sig");
	snprintf(field, sizeof field, "%011o", (unsigned)line.len);
	memcpy(out + 124, field, 12);
	memset(out + 148, ' ', 8);
	for (size_t i = 0; i < PADDED_BLOCK; i++)
		sum += out[i];
	snprintf(field, sizeof field, "%06o", sum);
	memcpy(out + 148, field, 7);
	memcpy(out + PADDED_BLOCK, line.data, line.len);
	gf_buf_clear(&line);
}

/* *bundle without the signatures that it has, with one of ours.  false: it has not even a first member. */
static bool sign_anew(uint8_t **bundle, size_t *size, size_t *statement)
{
	const uint8_t *old = *bundle;
	size_t first, rest;
	uint8_t *out;

	if (*size < PADDED_BLOCK || (first = member_size(old)) > *size)
		return false;
	for (rest = first; *size - rest >= PADDED_BLOCK && memcmp(old + rest, "META/manifest.json.", 19) == 0;)
		rest = member_size(old + rest) > *size - rest ? *size : rest + member_size(old + rest);
	out = calloc(1, *size + 2 * PADDED_BLOCK);
	must(out != NULL);
	memcpy(out, old, first);
	*statement = bytes_of(old);
	sign(old, old + PADDED_BLOCK, *statement, out + first);
	memcpy(out + first + 2 * PADDED_BLOCK, old + rest, *size - rest);
	*size = first + 2 * PADDED_BLOCK + *size - rest;
	free(*bundle);
	*bundle = out;
	return true;
}

static bool verify(gf_trust *trust, const uint8_t *data, size_t size, bool seekable, gf_error *err)
{
	const gf_judge j = { .trust = trust };
	gf_medium *medium = gf_medium_memory(data, size, seekable, err);
	gf_walk w = { .reader = medium != NULL ? gf_reader_over(medium, err) : NULL, .jobs = 1, .deep = true };
	gf_manifest *m = NULL;
	unsigned char sum = 0;
	gf_verdict v;
	bool ok;

	gf_verdict_init(&v);
	ok = w.reader != NULL && gf_accept(w.reader, &j, &v, &m, err);
	w.manifest = m;
	ok = ok && gf_walk_run(&w, &v, err);
	must(!ok || gf_verdict_good(&v));
	must(ok || (err->class != GF_OK && err->name[0] != '\0' && err->text[0] != '\0'));
	for (size_t i = 0; ok && i < gf_reader_statement(w.reader)->len; i++)
		sum ^= (unsigned char)gf_reader_statement(w.reader)->data[i];
	GF_PLANTED(ok && strchr("\032\046\073", sum) == NULL); /* those of the seeds */
	gf_signers_forget(&v);
	gf_reader_close(w.reader);
	gf_manifest_free(m);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gf_trust *trust;
	gf_error err = { 0 }, why = { 0 };
	size_t statement = 0;
	uint8_t *bundle;
	bool ok;

	if (trust == NULL)
		trust = trusted();
	bundle = padded(data, &size);
	if (sign_anew(&bundle, &size, &statement)) {
		ok = verify(trust, bundle, size, true, &err);
		must(verify(trust, bundle, size, false, &why) == ok);
		if (ok) {
			bundle[PADDED_BLOCK + size % statement] ^= 1;
			must(!verify(trust, bundle, size, true, &err) && err.class == GF_REFUSED &&
			    strcmp(err.name, "signature") == 0);
		}
	}
	free(bundle);
	return 0;
}
