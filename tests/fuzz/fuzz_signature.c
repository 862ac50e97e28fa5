/* gf_signature_fits: a .sig file over fixed bytes, by keys whose private halves nobody has.  None may ever fit. */
#include <stdlib.h>
#include <string.h>

#include "sign/sign.h"

static const char p256[] = "-----BEGIN PUBLIC KEY-----\n"
			   "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBKrsc2NXJvIT+4qeZNo7hjLkFJWp\n"
			   "RNAEW1IuunJA+tWH2TFXmKqjpboBd1eHztBeqve04J/IHW0apUboNl1SXQ==\n"
			   "-----END PUBLIC KEY-----\n";
static const char ed25519[] = "-----BEGIN PUBLIC KEY-----\n"
			      "MCowBQYDK2VwAyEAfU0Of2FTpptiQrUiq77mhf2kQg+INLEIw72uNp71Sfo=\n"
			      "-----END PUBLIC KEY-----\n";
static const char message[] = "fuzz";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a .sig file, and as the signature inside one, so that base64 does not stand before the decoders. */
static void give(const gf_pubkey *k, const uint8_t *data, size_t size)
{
	gf_error err;
	gf_buf file;

	gf_buf_init(&file, 4 * GF_SIGNATURE_MAX);
	if (gf_buf_add(&file, data, size, &err) && file.data != NULL &&
	    gf_signature_fits(k, "sig", &file, message, strlen(message)))
		abort();
	file.len = 0;
	if (gf_base64_encode(&file, data, size, &err) && gf_buf_puts(&file, "\n", &err) &&
	    gf_signature_fits(k, "sig", &file, message, strlen(message)))
		abort();
	gf_buf_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gf_pubkey *keys[2];
	gf_error err;
	char name[64] = "";

	if (keys[0] == NULL) {
		keys[0] = gf_pubkey_parse(p256, strlen(p256), "p256", &err);
		keys[1] = gf_pubkey_parse(ed25519, strlen(ed25519), "ed25519", &err);
	}
	if (keys[0] == NULL || keys[1] == NULL)
		abort();
	give(keys[0], data, size);
	give(keys[1], data, size);
	memcpy(name, data, size < sizeof name ? size : sizeof name - 1);
	(void)gf_signature_ext(name, "manifest.json");
	return 0;
}
