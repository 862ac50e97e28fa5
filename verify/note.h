/*
 * note: C2SP signed notes (c2sp.org/signed-note, 2024): text, an empty line, signature lines
 *
 *	EM DASH, space, key name, space, base64 of four bytes of key id and the signature
 *
 * Types 0x01 (Ed25519) and 0x02 (ECDSA P-256; its id is the beginning of the SHA-256 of the SubjectPublicKeyInfo).
 * The signature is over the text with its last LF.  Private to verify/.
 */
#ifndef GF_VERIFY_NOTE_H
#define GF_VERIFY_NOTE_H

#include "sign/sign.h"

#define GF_NOTE_MAX (64 * GF_KIB)
#define GF_NOTE_SIGNATURES_MAX 100

/*
 * The text that key signed under name; text is emptied first.  Lines of other keys are passed over; one line of this key
 * that does not fit refuses the note.  Not a note: GF_DAMAGED "note"; not signed by it: GF_REFUSED "note-signature".
 */
bool gf_note_open(const void *bytes, size_t n, const char *name, const gf_pubkey *key, gf_buf *text, gf_error *err);
/* The text of a note whoever signed it, for those who know it from elsewhere.  GF_DAMAGED "note". */
bool gf_note_text(const void *bytes, size_t n, gf_buf *text, gf_error *err);
/* text ends in LF.  A key of a type that notes do not have: GF_USAGE "key-type". */
bool gf_note_sign(const char *text, const char *name, gf_signer *signer, gf_buf *note, gf_error *err);
/* The one line by which C2SP's programs know a key: NAME+ID+KEY. */
bool gf_note_key(const char *name, const gf_pubkey *key, gf_buf *line, gf_error *err);

#endif
