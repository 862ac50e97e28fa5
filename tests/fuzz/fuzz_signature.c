/*
 * gf_signature_fits: .sig files over fixed bytes, by keys whose private halves nobody has any more.  Of each key one
 * signature is known, which the corpus has; no other may ever fit (ECDSA has a second, with n - s, that no fuzzer finds).
 * The first byte chooses the key, and whether the rest is the file or the signature inside it, so that base64 does not
 * stand before the decoders.  And names of signature files.
 * parser: sign/signature.c sign/kind.c:ec_strict,ec_fits,evp_fits,ed_fits base/base64.c:gf_base64_decode
 */
#include <stdlib.h>
#include <string.h>

#include "sign/sign.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(choice_mutate);

#define KEYS 4

static const char message[] = "fuzz";
static const char *const pem[KEYS] = {
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEXWQ65cwYah2LEtzYKoXnICeszqg\n"
	"Ti9C9BB/VOitLJWVKyhjAMaQKEwXHBT+gvGounI4GJ2eGl0xq7CiOO6O4A==\n"
	"-----END PUBLIC KEY-----\n",
	"-----BEGIN PUBLIC KEY-----\n"
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEzEIBA+P/JLDrAiF/VFlVa0dCV45oNzb6\n"
	"92BjECO3cM1+QLz+pNbXoBbzWBfhU1UdvA/wU7hbsnFMuYYbNOCtByVL+L3q4rFC\n"
	"1R7li9Smm1yhyZ81EJm1a/bWU8rZORil\n"
	"-----END PUBLIC KEY-----\n",
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAsXB8fWy9V8dNsyw5aGEw\n"
	"aB6NsM6SShz02QZ0A52eimehAWKgjg4+sbtc+CcWPdsIJbytD+5lK6ALRtoalXmH\n"
	"snH3up5ZNOOnrLKAgi7rHB/YpSvdoiM6dCj2Y/UUVFw8ISDOM5AYzd5PFBw7AQSk\n"
	"1ikMk6/zVhB7TP3yEte/ig+gHGTcYLEYgJPn88LFz76G89vP21Hn3t+lv92wK0lY\n"
	"/fn9GVfYxPyO4mVc5+mh1IeWRIwhH8XZUqL1x5miAGM8Y0yXFaRMuzxWHd0cXWEG\n"
	"qn+gy+S4rpoHC/trnhkgetS8+8POR0goo/GuhXKW0fIQaKNuXfndveeSOpiTykpu\n"
	"DGZL+ALXYM00+ADfW+IaBPqCuk7SCY8RiuxVjRzueHH7kwduFOm98EzWoN97/eOa\n"
	"DLWzjpQN4VL7Ankf94rzHF5JD1bYExydl4RZaVj4CFLVisJ4+WIVlfuCZlTiU9S/\n"
	"2UywFpjH8HwpF0eFjwxhSvWg00pUamBggtEUx5jj+gpxAgMBAAE=\n"
	"-----END PUBLIC KEY-----\n",
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEAynyj+8LZo8Oc6lTyGAhPTQKQ/IGT3KcOqyKmAaZPnTk=\n"
	"-----END PUBLIC KEY-----\n",
};
static const char *const known[KEYS] = {
	"MEQCIA5iFROzz6M5JA7/qGs51GxeCln2gzEcPPGXxZWAe9irAiAG7q3M47A/dgK55vSsmkuYRZxXoJXdvsNoh8JxYIidpQ==",
	"MGUCMC9IHW7Oj/Mpblb8FhkPVcHXl2ujvBt4ZviVTDNdVZcLn5CkxvcqY5LJn1a75IajeQIxAPUXOsDsVQlaOjx+x5MZcwdPFjF/"
	"RsYAuEde03hMAMhXtCTcwQmW4z/q6nsKQRA7Aw==",
	"EeMJs8lN7gzPpMT53G+enj+/Ast3JOZATFp9Ou19GaFt7yPuuA8roq/M2WnR6PhmnYfh9hkMNnAiVhdePt6P122uWIO5CqTzAQpQ"
	"Y8sWpYlnOlg8P7HGZxwtCa2Ee4Dg7uxoB9g+47jNtusb0x3/BNjqWxPAeKs+ddJ/pSnIavvyWdUCvi0F2D/IBqhdw02VrLHzS3jF"
	"GL0JdnVtoxYQ6nAZI+K63xei/McftMzdOKHtvPYYjOIRx/oVtV7GWtTJCBPCoiERsHZ46WWqGF8O4dN6V+wtgTZilIVZUUsNEAq2"
	"SUhYWBZIaLPZPN1QbNJ1k141opow6WgAasKWXQZPuR/j2UPwGkkVyi6QzHfKUTp2bNSllxO3e5iYZy067KxVeZ+W4BpWx1Eo/nzh"
	"pvpoxUZ4R021WISXjfsFDgLhHmeqWF5pWX+a2xDv28wbRIC44ZBn/flpANcAkU6yJP8KbMVgWXvophN1Bc2cxzX9V2m3K74GVaLY"
	"G4rmHpaLyO6Q",
	"Yz5dhgtXc3ONiIy89RvkUFKl4/cKPBWlNdPTKhmS0LlkbREsHJ82BDNpBJt1wyHu154/21NkJ4kcxGcmxrPfDw==",
};

static void give(size_t key, const gf_buf *file, unsigned chosen)
{
	static gf_pubkey *keys[KEYS];
	static char other[] = "n.0123456789abcdef.sig", ours[] = "m.0123456789abcdef.sig";
	const gf_member beside[] = { { other, *file }, { ours, *file } };
	gf_error err;

	for (size_t i = 0; i < KEYS; i++)
		if (keys[i] == NULL && (keys[i] = gf_pubkey_parse(pem[i], strlen(pem[i]), "fuzz", &err)) == NULL)
			abort();
	if (gf_signature_among(keys[key], "m", message, strlen(message), beside, 2) !=
	    gf_signature_fits(keys[key], "sig", file, message, strlen(message)))
		abort();
	if (!gf_signature_fits(keys[key], "sig", file, message, strlen(message)))
		return;
	if (file->len != strlen(known[key]) + 1 || memcmp(file->data, known[key], file->len - 1) != 0)
		abort();
	GF_PLANTED(chosen >= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err;
	gf_buf file;
	char name[64] = "";
	const char *ext;

	if (size == 0)
		return 0;
	gf_buf_init(&file, 4 * GF_SIGNATURE_MAX);
	if ((data[0] & 4) != 0 ? gf_base64_encode(&file, data + 1, size - 1, &err) && gf_buf_puts(&file, "\n", &err)
			       : gf_buf_add(&file, data + 1, size - 1, &err))
		give(data[0] % KEYS, &file, data[0] / 8);
	gf_buf_clear(&file);
	memcpy(name, data, size < sizeof name ? size : sizeof name - 1);
	ext = gf_signature_ext(name, "manifest.json");
	if (ext != NULL && (ext != name + strlen("manifest.json") + 18 || ext[0] == '\0'))
		abort();
	return 0;
}
