/*
 * sign: keys and signatures, made and checked.  No policy, no state, no network.
 *
 * A signature file stands beside what it signs and covers its exact bytes (FORMAT.md 3).
 * A key is known by its id: SHA-256 of its canonical SubjectPublicKeyInfo (RFC 5280; named
 * curve, uncompressed point), so that one key has one id in all its encodings.
 */
#ifndef GF_SIGN_SIGN_H
#define GF_SIGN_SIGN_H

#include "base/base.h"

/* ---- public keys (key.c) ---- */

typedef struct gf_pubkey gf_pubkey;

/* PEM (SubjectPublicKeyInfo: P-256, P-384, RSA of 3072 to 8192 bits, Ed25519; cosign.pub is one; or one certificate of
 * such a key, but for Ed25519), or minisign's two lines.  Explicit curve parameters: "key-parameters"; too small or of another kind:
 * "key-type"; a private key where a public one is expected: "key-private" (GF_USAGE, nothing echoed). */
gf_pubkey *gf_pubkey_load(const char *path, gf_error *err);
gf_pubkey *gf_pubkey_parse(const void *text, size_t len, const char *name, gf_error *err);
void gf_pubkey_free(gf_pubkey *k);
const gf_digest *gf_pubkey_id(const gf_pubkey *k);
const char *gf_pubkey_type(const gf_pubkey *k);   /* "ecdsa-p256", "ecdsa-p384", "rsa", "ed25519" */
const char *gf_pubkey_holder(const gf_pubkey *k); /* base name of its file without the ending */
bool gf_pubkey_is_minisign(const gf_pubkey *k);   /* read from minisign's form, with a number of its own */
bool gf_pubkey_is_certificate(const gf_pubkey *k);
/* Of the certificate, both inclusive; 0 and 0: it is none.  Whoever counts signatures compares them with now. */
void gf_pubkey_times(const gf_pubkey *k, gf_time *from, gf_time *until);
bool gf_pubkey_print_certificate(const gf_pubkey *k, gf_buf *pem, gf_error *err); /* of one that is */
/* The canonical SubjectPublicKeyInfo that the id is of, in DER; how many bytes.  They are the key's. */
size_t gf_pubkey_spki(const gf_pubkey *k, const unsigned char **der);
bool gf_pubkey_print(const gf_pubkey *k, gf_buf *pem, gf_error *err);
/* As minisign's two lines; a key that was none gets a number from its id.  Not Ed25519: GF_USAGE "key-type". */
bool gf_pubkey_print_minisign(const gf_pubkey *k, gf_buf *text, gf_error *err);

/* ---- signatures (signature.c) ---- */

/* "sig": one line of canonical base64 and one LF.  "minisig": minisign, prehashed.  "p7s": detached CMS in DER
 * by one signer, whose certificate the key is.  False: this key did not make this over these bytes, or the file is
 * malformed; there is no third answer. */
bool gf_signature_fits(const gf_pubkey *k, const char *ext, const gf_buf *signature, const void *bytes, size_t n);
/* A minisig in the older form, which signs the bytes and not their hash and is not taken: for messages. */
bool gf_signature_legacy(const char *ext, const gf_buf *signature);
/* The trusted comment of a minisig, to be believed only where that fits; out is emptied first, and stays so where there is
 * none. */
bool gf_signature_comment(const char *ext, const gf_buf *signature, gf_buf *out, gf_error *err);
/* A name of the form STEM.<16 hex>.<ext>: its ext, or NULL when the name is not one. */
const char *gf_signature_ext(const char *name, const char *stem);
/* Does one of these files, named STEM.<16 hex>.<ext>, fit?  Each is judged by itself; what does not fit changes nothing. */
bool gf_signature_among(
    const gf_pubkey *k, const char *stem, const void *bytes, size_t n, const gf_member *files, size_t n_files);

/* ---- making them (signer.c) ---- */

typedef struct gf_signer gf_signer;

/* A private key in PEM, cosign's or minisign's form, encrypted (asks) or not (warns through *plain). */
gf_signer *gf_signer_open(const char *path, const gf_asker *asker, bool *plain, gf_error *err);
/* No key at all but a command, run by /bin/sh -c: the bytes on stdin, the signature (raw, as openssl writes it, or
 * base64) on stdout.  public_key: the key it signs with; what it gives is checked.  Where that is a certificate, the command
 * may also give CMS in DER. */
gf_signer *gf_signer_command(const char *command, const char *public_key, gf_error *err);
void gf_signer_free(gf_signer *s);
const gf_pubkey *gf_signer_public(const gf_signer *s);
/* out: name "STEM.<keyid16>.sig", of a minisign key ".minisig", of CMS ".p7s", and the bytes of the file. */
bool gf_signer_sign(gf_signer *s, const char *stem, const void *bytes, size_t n, gf_member *out, gf_error *err);

/* A new key pair.  type "p256", "p384", "rsa3072", "ed25519": PKCS#8 PEM; "minisign": its own form.  passphrase NULL:
 * not encrypted. */
bool gf_key_generate(
    const char *type, const gf_secret *passphrase, gf_secret *private_pem, gf_buf *public_pem, gf_error *err);

#endif
