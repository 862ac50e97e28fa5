/*
 * receipt: what a site says of a run that loaded something, signed by its site key (FORMAT.md 6): read, written, made into a
 * Verification Summary, and counted for `after`.
 */
#ifndef GF_VERIFY_RECEIPT_H
#define GF_VERIFY_RECEIPT_H

#include "verify/policy.h"
#include "verify/statement.h"

/* What a name, or several, shows at one target since the run. */
typedef struct gf_receipt_image {
	gf_digest digest; /* what they show: manifest or index; for a Docker daemon the image ID */
	char *target;
	struct gf_receipt_name {
		char *name;
		char *before; /* what it showed before, where it moved; NULL: it did not */
	} * names;            /* at least one */
	size_t n_names, room;
} gf_receipt_image;

/* All of it is the receipt's own; NULL and 0: not there. */
typedef struct gf_receipt {
	gf_digest manifest;                /* the subject */
	char *site, *environment, *stream; /* names; stream NULL: epoch and sequence mean nothing */
	uint64_t epoch, sequence;
	bool complete; /* every target has all; else some have nothing */
	struct gf_receipt_check {
		char *name, *result; /* "passed", "lifted", "not required" */
	} * checks;
	size_t n_checks, checks_room;
	uint64_t trust_version; /* 0: no trust file, and no digest */
	gf_digest trust;
	gf_digest *signers; /* key ids; none: an unsigned bundle */
	size_t n_signers, signers_room;
	bool has_config;
	gf_digest config; /* of the environment's file */
	struct gf_receipt_word {
		bool permit;  /* it lifted something; else an approval that counted */
		char *holder; /* NULL: a permit */
		gf_digest file;
	} * words;
	size_t n_words, words_room;
	gf_receipt_image *images;
	size_t n_images, images_room;
	uint64_t bytes_read, bytes_held;
	uint64_t log_size; /* lines, those of the run among them */
	gf_digest log_root;
	gf_time created; /* the site's clock */
} gf_receipt;

struct gf_checkpoint;

/* Strictly; another type: GF_DAMAGED "statement"; else "receipt" (what contradicts itself) and the names of json.h.  out is
 * cleared by the caller on both paths. */
bool gf_receipt_parse(const void *text, size_t n, const char *name, gf_receipt *out, gf_error *err);
bool gf_receipt_print(const gf_receipt *r, gf_buf *out, gf_error *err);
void gf_receipt_clear(gf_receipt *r);
/* Some key that was believed signed the bundle. */
bool gf_receipt_signed(const gf_receipt *r);

/* A SLSA Verification Summary, version 1 (slsa.dev/spec/v1.1/verification_summary), as an unsigned Statement; receipt: the
 * digest of the receipt's file, which is the signed word that it leads back to.  Of an unsigned bundle, or of a run that
 * loaded nothing: GF_REFUSED "summary". */
bool gf_receipt_summary(const gf_receipt *r, const gf_digest *receipt, gf_buf *out, gf_error *err);

/* What it says of the log of its site. */
void gf_receipt_log(const gf_receipt *r, struct gf_checkpoint *out);

/* *done: receipts among these files say that the manifest was loaded whole in that environment, signed by the threshold
 * of role receipt:ENVIRONMENT.  A file that is none, or that nobody of the role signed, changes nothing. */
bool gf_receipt_complete(const gf_policy *p, const char *environment, const gf_digest *manifest, gf_time now,
    const gf_member *files, size_t n, bool *done, gf_error *err);

#endif
