/*
 * policy: the trust file (FORMAT.md 4): keys, their holders, roles with thresholds, gates of environments.
 *
 * A trust file is a Statement with signatures beside it.  policy.c reads it, policy_check.c has the rules about the whole
 * of it, policy_chain.c decides whether it follows another, policy_edit.c changes it, policy_print.c writes it.
 */
#ifndef GF_VERIFY_POLICY_H
#define GF_VERIFY_POLICY_H

#include "verify/statement.h"
#include "sign/sign.h"

#define GF_SKEW 600 /* seconds that clocks may differ (FORMAT.md 5 "Time") */

typedef struct gf_policy_key {
	gf_digest id;
	char *holder;
	char *type;   /* "spki", "minisign", "x509-leaf" */
	char *public; /* as in the file: PEM of key or certificate, or minisign's line of base64 */
	gf_pubkey *key;
	gf_time not_before, not_after; /* both inclusive; 0: open */
} gf_policy_key;

typedef struct gf_policy_role {
	char *name;   /* "root", "release", "approver:prod" */
	size_t *keys; /* places in gf_policy.keys */
	size_t n_keys, keys_room;
	uint64_t threshold; /* of distinct holders */
} gf_policy_role;

typedef struct gf_policy_evidence {
	char *type;
	char *role;      /* whose signature it must have; NULL: that of the bundle will do */
	char **builders; /* none: any */
	size_t n_builders;
	bool each_platform;
} gf_policy_evidence;

typedef struct gf_policy_environment {
	char *name;
	char **after;
	size_t n_after, after_room;
	char *approvers; /* a role; NULL: no approval is asked for */
	bool separate;   /* separateFromRelease */
	bool allow_unsigned;
	gf_policy_evidence *evidence;
	size_t n_evidence, evidence_room;
} gf_policy_environment;

typedef struct gf_policy_stream {
	char *name, *release; /* release: a role */
	uint64_t epoch, min_sequence;
	int64_t max_age;   /* seconds; 0: none */
	uint64_t max_jump; /* 0: none */
	gf_policy_environment *environments;
	size_t n_environments, environments_room;
} gf_policy_stream;

typedef struct gf_policy {
	uint64_t version;
	gf_time created, expires;
	gf_policy_key *keys;
	size_t n_keys, keys_room;
	gf_policy_role *roles;
	size_t n_roles, roles_room;
	gf_policy_stream *streams;
	size_t n_streams, streams_room;
} gf_policy;

/* name: for messages.  What is no trust file of this form: GF_DAMAGED ("statement", "trust-key", ..., and those of
 * json.h). */
gf_policy *gf_policy_parse(const void *text, size_t n, const char *name, gf_error *err);
/* The rules about the whole file: GF_REFUSED "trust-role", "trust-threshold", "trust-holder", "trust-apart",
 * "trust-separate", "trust-after". */
bool gf_policy_check(const gf_policy *p, gf_error *err);
/* As gf_statement_begin writes, keys in the order of FORMAT.md 4, one LF at the end. */
bool gf_policy_print(const gf_policy *p, gf_buf *text, gf_error *err);
void gf_policy_free(gf_policy *p);
void gf_policy_key_clear(gf_policy_key *k);
void gf_policy_role_clear(gf_policy_role *r);
void gf_policy_stream_clear(gf_policy_stream *s);
void gf_policy_environment_clear(gf_policy_environment *e);

/* NULL: there is none. */
const gf_policy_role *gf_policy_role_find(const gf_policy *p, const char *name);
const gf_policy_stream *gf_policy_stream_find(const gf_policy *p, const char *name);
const gf_policy_environment *gf_policy_environment_find(const gf_policy_stream *s, const char *name);
/* Those of the file and of the certificate, where it is one: the later beginning, the earlier end; 0: open. */
void gf_policy_key_times(const gf_policy_key *k, gf_time *from, gf_time *until);
/* at 0: the time is not looked at. */
bool gf_policy_key_valid(const gf_policy_key *k, gf_time at);
/* Has a key of this holder the role? */
bool gf_policy_has_role(const gf_policy *p, const gf_policy_role *r, const char *holder);
/* Is the i-th key of the role the first of its holder there? */
bool gf_policy_is_first(const gf_policy *p, const gf_policy_role *r, size_t i);
size_t gf_policy_holders(const gf_policy *p, const gf_policy_role *r); /* distinct */
/* "90d" from 7776000; the greatest unit that leaves no rest. */
#define GF_DURATION_SIZE 24
void gf_duration_print(int64_t seconds, char out[GF_DURATION_SIZE]);

/* ---- who signed (policy_chain.c) ---- */

/* Distinct holders of role with a key among these n that is valid at `at`. */
size_t gf_policy_count(
    const gf_policy *p, const gf_policy_role *role, gf_time at, const gf_pubkey *const *signers, size_t n);
/* The same of those whose signature over bytes fits.  signatures: only members named STEM.<16 hex>.<ext> are looked at;
 * each is judged by itself, and one that does not fit changes nothing. */
bool gf_policy_signed(const gf_policy *p, const gf_policy_role *role, gf_time at, const char *stem, const void *bytes,
    size_t n, const gf_member *signatures, size_t n_signatures, size_t *holders, gf_error *err);

/*
 * The version behind now, parsed only after now's root has signed its raw bytes: GF_REFUSED "trust-root" (too few
 * holders of now's root), "trust-version" (not exactly the next), "trust-own-root" (too few of its own), "trust-created"
 * (dated ahead), and what parsing and checking say.  Neither now's expiry nor the validity of root keys in time is looked
 * at: FORMAT.md 4.  file->name is the stem of its signatures.
 */
gf_policy *gf_policy_next(
    const gf_policy *now, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err);
/* The first one here, whatever its version: its digest came another way (GF_REFUSED "trust-digest"). */
gf_policy *gf_policy_first(
    const gf_digest *digest, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err);
/* GF_REFUSED "trust-expired", now by the clock. */
bool gf_policy_fresh(const gf_policy *p, gf_error *err);

/* ---- changing one (policy_edit.c) ----
 * The struct is changed in place and may be unsound until gf_policy_check has said otherwise.  GF_USAGE "trust-edit" for
 * what cannot be done. */
gf_policy *gf_policy_new(gf_error *err); /* version 1, nothing in it */
/* The role is made where it is not there, with threshold 1. */
gf_policy_role *gf_policy_role_get(gf_policy *p, const char *name, gf_error *err);
gf_policy_stream *gf_policy_stream_get(gf_policy *p, const char *name, gf_error *err);
gf_policy_environment *gf_policy_environment_get(gf_policy_stream *s, const char *name, gf_error *err);
/* k is copied; a certificate takes the place of what the file has of this key (it was renewed).  A key that the file has
 * under another holder: GF_USAGE "trust-holder". */
bool gf_policy_add_key(gf_policy *p, const char *role, const char *holder, const gf_pubkey *k, gf_error *err);
bool gf_policy_remove_holder(gf_policy *p, const char *role, const char *holder, gf_error *err);
/* Out of every role and of the file.  which: a holder, or 16 and more hex digits of a key id; *n: how many went. */
bool gf_policy_revoke(gf_policy *p, const char *which, size_t *n, gf_error *err);
bool gf_policy_remove_stream(gf_policy *p, const char *stream, gf_error *err);
bool gf_policy_remove_environment(gf_policy_stream *s, const char *environment, gf_error *err);

#endif
