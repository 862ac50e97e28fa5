/*
 * gf_signature_fits for .p7s files over fixed bytes, by certificates whose private keys nobody has any more.  What fits is
 * of these bytes: it holds their digest, and fits no others.  The first byte chooses the certificate.
 * parser: sign/cms.c:read_message,is_detached,is_our_algorithm,has_attributes,has_one_signer,open_content,verify,gf_cms_fits
 */
#include <stdlib.h>
#include <string.h>

#include "sign/sign.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(choice_mutate);

#define KEYS 3

static const char message[] = "fuzz";
static const char *const pem[KEYS] = {
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBWzCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAMMQowCAYDVQQDDAFmMCAXDTI2\n"
	"MTEyODAwNDc0N1oYDzIxMjYxMTA0MDA0NzQ3WjAMMQowCAYDVQQDDAFmMFkwEwYH\n"
	"KoZIzj0CAQYIKoZIzj0DAQcDQgAE8k8ZXWWGDNLa7DqQ9jZuJ+tgcKvUyZC46jcZ\n"
	"gOupE8mJtaqWzO5no2SnUonR7LPzMwfS1wW1pBC8QY2tMFaKhqNTMFEwHQYDVR0O\n"
	"BBYEFN/5jLLlCFzhIzxI8IVBp9pzbiE4MB8GA1UdIwQYMBaAFN/5jLLlCFzhIzxI\n"
	"8IVBp9pzbiE4MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgWfeY\n"
	"w4bj1+ywzG6vWyiL0JpaxGypmCKmb6ESyEL10BICIF+ja+LKyVxqWu+A34Ou+TWn\n"
	"p5V7pD3leJKEOkmdwsWR\n"
	"-----END CERTIFICATE-----\n",
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBmTCCAR+gAwIBAgIBATAKBggqhkjOPQQDAjAMMQowCAYDVQQDDAFmMCAXDTI2\n"
	"MTEyODAwNDc0N1oYDzIxMjYxMTA0MDA0NzQ3WjAMMQowCAYDVQQDDAFmMHYwEAYH\n"
	"KoZIzj0CAQYFK4EEACIDYgAEr1z3YW3OLgExppbD/hyMA/8ND/Lgx5WjyO4JTPGY\n"
	"rwV2vUOfMWXG2SVcVY8khPxXE9HBG6FoqZ+9qTQhos/nAMEYdoLHqRg5Y1ylStUp\n"
	"Lc+ZxVc9CmjloBqtl4WxLneto1MwUTAdBgNVHQ4EFgQUu/wpiwodBFGiJcJq4eG9\n"
	"nQlkfQowHwYDVR0jBBgwFoAUu/wpiwodBFGiJcJq4eG9nQlkfQowDwYDVR0TAQH/\n"
	"BAUwAwEB/zAKBggqhkjOPQQDAgNoADBlAjEAo14Div1hG9fmI/oIkfbEI+E13/+g\n"
	"a32wROyPwB2E8+OjY46vLX9Jk92fOyEgHw/KAjBsGPxmTkGJQY0uF27tYVOPmwWR\n"
	"NtMUJoQbC12WQ31IFB+/SNiYaiWX36LLU20U4Xk=\n"
	"-----END CERTIFICATE-----\n",
	"-----BEGIN CERTIFICATE-----\n"
	"MIID6DCCAlCgAwIBAgIBATANBgkqhkiG9w0BAQsFADAMMQowCAYDVQQDDAFmMCAX\n"
	"DTI2MTEyODAwNDc0OVoYDzIxMjYxMTA0MDA0NzQ5WjAMMQowCAYDVQQDDAFmMIIB\n"
	"ojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAsyLCXevl1shcY2H3qhLUsOaf\n"
	"GAZHSvdHuV8XjttN1RyiApu4RJnh6JPii3uikMlKDka/Cc3vBY2jgjYJBuCqpew7\n"
	"+Or/KOsn0GsXikFLeOLkz0bfTj6WfPWuqd4j+zsSms75KXhKS1Vk2yhZQlR4Cm/i\n"
	"uXHTF7rAt56h7Dz41Q2N/EDJC8CKf0rUzNTWPYwu3rDaCFQ22YZor2lIoYnI1DG6\n"
	"3kymORtTNHd0oEcS4gwEI8gDDs6ild3g+tEeaPkvd1N7DPLD++DtPw3IFI0RjCg6\n"
	"tNqQwbLGMBjhfzAiuy/SGzZOW8AaaVcNPgxyYebc0J8+LhS1bNpRKhd0ZLgJhsMy\n"
	"MMskn7xbMYhe9j2WqgYV8tM3Hbi9ekgNVzCVZf6nrAUj2gtG+7NCwqaiA8fP8teX\n"
	"TDihLRp+r/ZZCz/LZejpAt/qs5zZB7xPifcrzxkvyJv68DfR1GqBZmgfE+IGJgNq\n"
	"XKKq53/iaMqlK5oXut45MjfQPyQBrn2svGhnC1TDAgMBAAGjUzBRMB0GA1UdDgQW\n"
	"BBQCOn2xU53JyaIrnSGO0FjKlGnzjDAfBgNVHSMEGDAWgBQCOn2xU53JyaIrnSGO\n"
	"0FjKlGnzjDAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBgQCQJTCa\n"
	"VwI/vasVW3yVrX+jRW9p4l6mzEmADMQJKrkoL94GH62894Ftzg0Tf8pbcQdy4Tnj\n"
	"GvagguJgwEc12shV5pyYbT61wvg0XrpsQBJX1N8yAl23Tti0jyWTNpMGBLpYde9m\n"
	"dEBjJQq3KwbBCMVTzFporscCpEmaWnEE2pt4g0d0nzYUiIb9UCMk0aYwwLpsaUqG\n"
	"14dIE00a+Fcah18pgaFE1Ag0/7LZWgaOiB0dp3MwP7z0MJjzUi+0axNcKwP36QMW\n"
	"sw0cw810Ttd/B0Zpg7umaV3XHdEeS+xv7m+lFJtOTl73rXqMzjJvWjjAYJF55Zo7\n"
	"mrFuIERPqIlqAMbT2kR5RwDCpcVbTry7LTz0EFwJ8JNuCw/seAMZuogSay8+aJNI\n"
	"V7GnmTex8axA5lu7wazIkq+7TynEeN+ZR8rKKHGIYn13TeM7pMsarTjrYuyKDVVe\n"
	"8q2SYFDMHLXmi914/ZabkM9eZTOxaa2pXfeDMn66t1BlX2qWIWUfw4BUzkQ=\n"
	"-----END CERTIFICATE-----\n",
};

static bool holds(const gf_buf *file, const void *what, size_t n)
{
	for (size_t i = 0; i + n <= file->len; i++)
		if (memcmp(file->data + i, what, n) == 0)
			return true;
	return false;
}

static void give(size_t key, const gf_buf *file, unsigned chosen)
{
	static gf_pubkey *keys[KEYS];
	gf_digest digest;
	gf_error err;

	for (size_t i = 0; i < KEYS; i++)
		if (keys[i] == NULL && (keys[i] = gf_pubkey_parse(pem[i], strlen(pem[i]), "fuzz", &err)) == NULL)
			abort();
	if (!gf_signature_fits(keys[key], "p7s", file, message, strlen(message)))
		return;
	if (!gf_hash_bytes(message, strlen(message), &digest, &err) ||
	    (key != 1 && !holds(file, digest.bytes, sizeof digest.bytes)) ||
	    gf_signature_fits(keys[key], "p7s", file, message, strlen(message) - 1))
		abort();
	GF_PLANTED(chosen >= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err;
	gf_buf file;

	if (size == 0)
		return 0;
	gf_buf_init(&file, 4 * GF_SIGNATURE_MAX);
	if (gf_buf_add(&file, data + 1, size - 1, &err))
		give(data[0] % KEYS, &file, data[0] / 8);
	gf_buf_clear(&file);
	return 0;
}
