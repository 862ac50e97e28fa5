#include <stdlib.h>
#include <string.h>

#include "verify/note.h"

#define DASH "\xe2\x80\x94 " /* U+2014 */
#define ID 4

/* ---- keys ---- */

/* What stands for the key in its id and its line: type and encoding. */
static bool key_bytes(const gf_pubkey *key, gf_buf *out, gf_error *err)
{
	const unsigned char *spki;
	size_t n = gf_pubkey_spki(key, &spki);

	if (strcmp(gf_pubkey_type(key), "ecdsa-p256") == 0)
		return gf_buf_add(out, "\x02", 1, err) && gf_buf_add(out, spki, n, err);
	if (strcmp(gf_pubkey_type(key), "ed25519") == 0) /* its 32 bytes end the SubjectPublicKeyInfo (RFC 8410) */
		return gf_buf_add(out, "\x01", 1, err) && gf_buf_add(out, spki + n - 32, 32, err);
	return gf_fail(err, GF_USAGE, "key-type", gf_pubkey_holder(key),
	    "a key of type %s cannot sign a note; ecdsa-p256 and ed25519 can", gf_pubkey_type(key));
}

static bool key_id(const char *name, const gf_pubkey *key, unsigned char id[ID], gf_error *err)
{
	gf_digest digest = *gf_pubkey_id(key);
	gf_buf bytes;
	bool ok;

	gf_buf_init(&bytes, GF_KEY_FILE_MAX);
	ok = gf_buf_printf(&bytes, err, "%s\n", name) && key_bytes(key, &bytes, err);
	if (ok && strcmp(gf_pubkey_type(key), "ed25519") == 0)
		ok = gf_hash_bytes(bytes.data, bytes.len, &digest, err);
	memcpy(id, digest.bytes, ID);
	gf_buf_clear(&bytes);
	return ok;
}

bool gf_note_key(const char *name, const gf_pubkey *key, gf_buf *line, gf_error *err)
{
	unsigned char id[ID];
	gf_buf bytes;
	bool ok;

	gf_buf_init(&bytes, GF_KEY_FILE_MAX);
	ok = key_id(name, key, id, err) && key_bytes(key, &bytes, err) &&
	    gf_buf_printf(line, err, "%s+%02x%02x%02x%02x+", name, id[0], id[1], id[2], id[3]) &&
	    gf_base64_encode(line, bytes.data, bytes.len, err);
	gf_buf_clear(&bytes);
	return ok;
}

/* ---- reading ---- */

/* UTF-8 without control characters but LF. */
static bool plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t step = gf_utf8_decode(text + i, n - i, &c);

		if (step == 0 || (c < 0x20 && c != '\n'))
			return false;
		i += step;
	}
	return true;
}

/* Where the signature lines begin: behind the last empty line.  0: not a note. */
static size_t split(const char *note, size_t n)
{
	if (n == 0 || note[n - 1] != '\n' || !plain(note, n))
		return 0;
	for (size_t i = n - 1; i >= 2; i--)
		if (note[i - 1] == '\n' && note[i - 2] == '\n')
			return i;
	return 0;
}

typedef struct line {
	const char *name;
	size_t name_len;
	gf_buf raw; /* id and signature */
} line;

/* "DASH NAME BASE64" in n bytes. */
static bool read_line(const char *text, size_t n, line *l)
{
	const size_t dash = sizeof DASH - 1;
	const char *space;
	gf_error why;

	if (n <= dash || memcmp(text, DASH, dash) != 0)
		return false;
	l->name = text + dash;
	space = memchr(l->name, ' ', n - dash);
	if (space == NULL || space == l->name)
		return false;
	l->name_len = (size_t)(space - l->name);
	gf_buf_clear(&l->raw);
	return memchr(l->name, '+', l->name_len) == NULL &&
	    gf_base64_decode(space + 1, (size_t)(text + n - space - 1), &l->raw, &why) && l->raw.len > ID;
}

static bool fits(const line *l, const gf_pubkey *key, const char *text, size_t n)
{
	gf_error why;
	gf_buf file;
	bool ok;

	gf_buf_init(&file, GF_SIGNATURE_MAX);
	ok = gf_base64_encode(&file, l->raw.data + ID, l->raw.len - ID, &why) && gf_buf_puts(&file, "\n", &why) &&
	    gf_signature_fits(key, "sig", &file, text, n);
	gf_buf_clear(&file);
	return ok;
}

static bool not_a_note(gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "note", NULL,
	    "not a signed note: a text, an empty line, and lines of signatures that begin with a dash");
}

/* The lines behind the text; *good: one of them is by this key.  name NULL: only their form is looked at. */
static bool take_lines(
    const char *note, size_t begin, size_t n, const char *name, const gf_pubkey *key, bool *good, gf_error *err)
{
	unsigned char id[ID] = { 0 };
	size_t count = 0;
	line l = { .name = NULL };
	bool ok = name == NULL || key_id(name, key, id, err);

	*good = false;
	gf_buf_init(&l.raw, GF_SIGNATURE_MAX);
	for (size_t at = begin; ok && at < n; count++) {
		size_t len = (size_t)((const char *)memchr(note + at, '\n', n - at) - (note + at));

		if (count == GF_NOTE_SIGNATURES_MAX || !read_line(note + at, len, &l)) {
			ok = not_a_note(err);
		} else if (name != NULL && l.name_len == strlen(name) && memcmp(l.name, name, l.name_len) == 0 &&
		    memcmp(l.raw.data, id, ID) == 0) {
			*good = fits(&l, key, note, begin - 1);
			if (!*good)
				ok = gf_fail(err, GF_REFUSED, "note-signature", name,
				    "the signature of key '%s' under the name '%s' does not fit the text",
				    gf_pubkey_holder(key), name);
		}
		at += len + 1;
	}
	gf_buf_clear(&l.raw);
	return ok;
}

static bool open_note(const void *bytes, size_t n, const char *name, const gf_pubkey *key, gf_buf *text, gf_error *err)
{
	size_t begin = n <= GF_NOTE_MAX ? split(bytes, n) : 0;
	bool good;

	gf_buf_clear(text);
	if (begin == 0)
		return not_a_note(err);
	if (!take_lines(bytes, begin, n, name, key, &good, err))
		return false;
	if (name != NULL && !good)
		return gf_fail(err, GF_REFUSED, "note-signature", name,
		    "no signature is by key '%s' under the name '%s'", gf_pubkey_holder(key), name);
	return gf_buf_add(text, bytes, begin - 1, err);
}

bool gf_note_open(const void *bytes, size_t n, const char *name, const gf_pubkey *key, gf_buf *text, gf_error *err)
{
	return open_note(bytes, n, name, key, text, err);
}

bool gf_note_text(const void *bytes, size_t n, gf_buf *text, gf_error *err)
{
	return open_note(bytes, n, NULL, NULL, text, err);
}

/* ---- writing ---- */

bool gf_note_sign(const char *text, const char *name, gf_signer *signer, gf_buf *note, gf_error *err)
{
	unsigned char id[ID];
	gf_member sig = { .name = NULL };
	gf_buf raw;
	bool ok;

	gf_buf_init(&raw, GF_SIGNATURE_MAX);
	gf_buf_init(&sig.bytes, GF_SIGNATURE_MAX);
	ok = key_id(name, gf_signer_public(signer), id, err) && gf_buf_add(&raw, id, ID, err) &&
	    gf_signer_sign(signer, "checkpoint", text, strlen(text), &sig, err);
	if (ok && !gf_ends_with(sig.name, ".sig"))
		ok = gf_fail(err, GF_USAGE, "key-type", name, "a minisign key cannot sign a note; its PEM form can");
	ok = ok && gf_base64_decode(sig.bytes.data, sig.bytes.len - 1, &raw, err) &&
	    gf_buf_printf(note, err, "%s\n" DASH "%s ", text, name) && gf_base64_encode(note, raw.data, raw.len, err) &&
	    gf_buf_puts(note, "\n", err);
	free(sig.name);
	gf_buf_clear(&sig.bytes);
	gf_buf_clear(&raw);
	return ok;
}
