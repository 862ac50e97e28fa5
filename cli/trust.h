/* trust: what the verbs of trust files share.  A file is read with the signatures that lie beside it. */
#ifndef GF_CLI_TRUST_H
#define GF_CLI_TRUST_H

#include "cli/cli.h"

/* Trust files and their signatures as one list, in which each names what it signs. */
typedef struct gf_trust_files {
	gf_member *members;
	size_t n, room;
} gf_trust_files;
/* Adds FILE, whose name ends in .json, and the files beside it that are named like signatures of it. */
bool gf_trust_files_add(gf_trust_files *f, const char *path, gf_error *err);
void gf_trust_files_clear(gf_trust_files *f);

/* One of them, read and sound. */
typedef struct gf_trust_file {
	const char *path;
	gf_trust_files files; /* the first member is the file */
	gf_policy *policy;
	gf_digest digest;
} gf_trust_file;
/* Shape and rules; whoever signed it.  t is to be cleared in either case. */
bool gf_trust_file_open(gf_trust_file *t, const char *path, gf_error *err);
void gf_trust_file_clear(gf_trust_file *t);
bool gf_trust_file_free(const char *path, gf_error *err); /* a name for a new one: GF_USAGE "exists" */
/* A signature into the directory where the file lies; t does not see it.  One by this key that fits stays alone. */
bool gf_trust_file_sign(const gf_run *run, const gf_trust_file *t, gf_signer *s, gf_error *err);
/* p as a new file at path, read again from what was written; USAGE where the rules refuse it.  *t is what was written. */
bool gf_trust_file_write(gf_trust_file *t, const char *path, bool replace, const gf_policy *p, gf_error *err);

/* Text, or JSON where --json is given.  next: what is to be done now, or NULL. */
bool gf_trust_file_tell(gf_run *run, const gf_trust_file *t, const char *next, gf_error *err);

/* What --root, --threshold, --stream and their like say, put into p. */
bool gf_trust_take_keys(const gf_run *run, gf_policy *p, gf_error *err);
/* Behind them: where --approver ENV:... made a role, every environment of that name asks for it. */
bool gf_trust_take_approvers(const gf_run *run, gf_policy *p, gf_error *err);
bool gf_trust_take_thresholds(const gf_words *words, gf_policy *p, gf_error *err);
bool gf_trust_take_gates(const gf_run *run, gf_policy *p, gf_error *err);
bool gf_trust_take_times(const gf_run *run, int64_t lifetime, gf_policy *p, gf_error *err);

#endif
