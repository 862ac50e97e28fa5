/* receipt: what the verbs that take receipts share.  A file is read with the signatures that lie beside it. */
#ifndef GF_CLI_RECEIPT_H
#define GF_CLI_RECEIPT_H

#include "cli/trust.h"

typedef struct gf_receipt_file {
	const char *path;
	gf_trust_files files; /* the first member is the file */
	gf_receipt r;
	gf_digest digest;
} gf_receipt_file;
/* Well-formed; whoever signed it.  f is to be cleared in either case. */
bool gf_receipt_file_open(gf_receipt_file *f, const char *path, gf_error *err);
void gf_receipt_file_clear(gf_receipt_file *f);

/* Public keys, of --key and of this site. */
typedef struct gf_site_keys {
	gf_pubkey **given;
	size_t n;
	gf_pubkey *site; /* NULL: it has none yet */
} gf_site_keys;
bool gf_site_keys_take(gf_site_keys *k, const gf_words *paths, const gf_state *s, gf_error *err);
void gf_site_keys_clear(gf_site_keys *k);

/* What it says of its log as a member that gf_audit_run takes for a checkpoint; the caller frees it in either case. */
bool gf_receipt_file_checkpoint(const gf_receipt_file *f, gf_member *out, gf_error *err);

/* The log of this state goes on from what it says of it. */
bool gf_receipt_file_audit(const gf_receipt_file *f, const gf_state *s, gf_audit *audit, gf_error *err);

#endif
