/* The ".sig" file (FORMAT.md 3), one line of canonical base64 and one LF; minisign.c and cms.c have the others. */
#include <string.h>

#include "sign/key.h"

bool gf_raw_fits(const gf_pubkey *k, const void *sig, size_t sig_len, const void *bytes, size_t n)
{
	bool fits = k->kind->fits(k, sig, sig_len, bytes, n);

	gf_crypto_forget();
	return fits;
}

bool gf_signature_fits(const gf_pubkey *k, const char *ext, const gf_buf *signature, const void *bytes, size_t n)
{
	gf_error why; /* there is no third answer: what was wrong with it is of no use to anyone */
	gf_buf raw;
	bool fits;

	if (strcmp(ext, "minisig") == 0)
		return signature->len <= GF_SIGNATURE_MAX && gf_minisign_fits(k, signature, bytes, n);
	if (strcmp(ext, "p7s") == 0)
		return gf_cms_fits(k, signature, bytes, n);
	if (strcmp(ext, "sig") != 0 || signature->len < 2 || signature->len > GF_SIGNATURE_MAX ||
	    signature->data[signature->len - 1] != '\n')
		return false;
	gf_buf_init(&raw, GF_SIGNATURE_MAX);
	fits = gf_base64_decode(signature->data, signature->len - 1, &raw, &why) && raw.len > 0 &&
	    gf_raw_fits(k, raw.data, raw.len, bytes, n);
	gf_buf_clear(&raw);
	return fits;
}

static bool all_of(const char *text, size_t n, const char *set)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0' || strchr(set, text[i]) == NULL)
			return false;
	return true;
}

const char *gf_signature_ext(const char *name, const char *stem)
{
	size_t n = strlen(stem);
	const char *ext;

	if (strncmp(name, stem, n) != 0 || name[n] != '.' || strlen(name + n) < 1 + 16 + 2)
		return NULL;
	ext = name + n + 1 + 16 + 1;
	if (!all_of(name + n + 1, 16, "0123456789abcdef") || ext[-1] != '.' || strlen(ext) > 8 ||
	    !all_of(ext, strlen(ext), "abcdefghijklmnopqrstuvwxyz0123456789"))
		return NULL;
	return ext;
}

bool gf_signature_among(
    const gf_pubkey *k, const char *stem, const void *bytes, size_t n, const gf_member *files, size_t n_files)
{
	for (size_t i = 0; i < n_files; i++) {
		const char *ext = gf_signature_ext(files[i].name, stem);

		if (ext != NULL && gf_signature_fits(k, ext, &files[i].bytes, bytes, n))
			return true;
	}
	return false;
}
