/*
 * gf_pubkey_parse: whatever stands in a .pub file, in PEM or in minisign's form; and the DER inside a PEM as it is, so
 * that base64 does not stand before the decoder.  A key that is taken prints, and its prints are the same key.
 * parser: sign/key.c:gf_pubkey_parse,pem_public,recognise,has_text,is_pkcs12,gf_pubkey_from_der,adopt,holder_of,
 *     spki_split,kind_of,ec_curve sign/kind.c:ec_canonical,rsa_canonical,rsa_sane,ed_canonical,gf_kind_find
 *     sign/cms.c:gf_pubkey_from_certificate,time_of,check_use sign/minisign.c:gf_minisign_public,looks_secret,two_lines,next_line,begins,decode
 */
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_same(const gf_pubkey *k, const gf_buf *text)
{
	gf_error err = { 0 };
	gf_pubkey *again = gf_pubkey_parse(text->data, text->len, "again.pub", &err);

	if (again == NULL || !gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(again)) ||
	    strcmp(gf_pubkey_type(k), gf_pubkey_type(again)) != 0)
		abort();
	gf_pubkey_free(again);
}

static void check(gf_pubkey *k, const gf_error *err)
{
	gf_error why = { 0 };
	gf_buf text;

	if (k == NULL) {
		if (err->class != GF_USAGE || err->name[0] == '\0' || err->text[0] == '\0')
			abort(); /* a refusal that explains nothing */
		return;
	}
	gf_buf_init(&text, GF_KEY_FILE_MAX);
	if (!gf_pubkey_print(k, &text, &why))
		abort();
	is_same(k, &text);
	text.len = 0;
	if (gf_pubkey_is_certificate(k)) {
		if (!gf_pubkey_print_certificate(k, &text, &why))
			abort();
		is_same(k, &text);
		text.len = 0;
	}
	if (gf_pubkey_print_minisign(k, &text, &why))
		is_same(k, &text);
	else if (strcmp(why.name, "key-type") != 0 || strcmp(gf_pubkey_type(k), "ed25519") == 0)
		abort();
	GF_PLANTED(strcmp(gf_pubkey_type(k), "ed25519") == 0 && gf_pubkey_id(k)->bytes[0] % 16 == 9);
	gf_buf_clear(&text);
	gf_pubkey_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };

	check(gf_pubkey_parse(data, size, "fuzz.pub", &err), &err);
	if (size > 0 && data[0] == 0x30) {
		check(gf_pubkey_from_der(data, size, "fuzz.pub", &err), &err);
		check(gf_pubkey_from_certificate(data, size, "fuzz.crt", &err), &err);
	}
	return 0;
}
