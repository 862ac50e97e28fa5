/* record: what a finished run tells others: lock files, and the hooks. */
#ifndef GF_UNPACK_RECORD_H
#define GF_UNPACK_RECORD_H

#include "unpack/target.h"

/* A run as it is told.  In a dry run, and before anything is sent, what the names will show is what the plan says. */
typedef struct gf_telling {
	const gf_targets *targets; /* those that failed are left out */
	const gf_job *job;
	const char *run; /* 16 hex */
	gf_digest manifest;
} gf_telling;

/*
 * One JSON document: run, environment, stream, epoch, sequence, version, manifest, build, and of every name
 * image by image: name, packed, target, digest (of the manifest or index), imageId, shown (what the target
 * shows under the name), and before, where it moved.  The same bytes for the same run of the same bundle.
 */
bool gf_record_print(const gf_telling *t, gf_buf *out, gf_error *err);

/*
 * lockfile.c: one lock file in its form.
 *
 * A registry's names are written by the manifest's or index's digest, which is what a pull by digest needs.  A
 * Docker daemon has no name by digest for what was loaded into it: the image ID stands where that is understood
 * (compose), else the name with its tag.  Where both have an image the registry counts; of several the first in
 * the environment.  Two images where the form has room for one: GF_USAGE "lock-conflict".
 */
bool gf_lock_print(const gf_lock_spec *s, const gf_telling *t, gf_buf *out, gf_error *err);
/* lockform.c: the forms but json. */
bool gf_lock_form_print(const gf_lock_spec *s, const gf_telling *t, gf_buf *out, gf_error *err);
/* Every lock file, written durably, whole. */
bool gf_lock_write(const gf_telling *t, gf_error *err);
/* Before anything is sent: every lock file can be told in its form, every secret can be read.  A dry run also gets in
 * result what would be done. */
bool gf_after_plan(const gf_telling *t, gf_unpack_result *result, gf_error *err);

/*
 * receipt.c: the receipt of a run that loaded something, signed, into records/ and, where the options name a directory,
 * there too (FORMAT.md 6.3).
 */
typedef struct gf_receipting {
	gf_state *state;
	gf_signer *site_key;
	const gf_verdict *verdict;
	const gf_trust *trust;
	const char *environment; /* NULL: exported */
	uint64_t log_size;       /* as the run's last lines left it */
	gf_digest log_root;
} gf_receipting;
/* result->receipt and ->receipt_copy are where it lies. */
bool gf_receipt_write(const gf_telling *t, const gf_receipting *w, gf_unpack_result *result, gf_error *err);

/*
 * notify.c: every hook of the environment, in order.  A program gets the document on stdin, and GAPFERRY_RUN,
 * _ENVIRONMENT, _STREAM, _EPOCH, _SEQUENCE, _VERSION, _MANIFEST in its environment (those that exist); a webhook
 * gets it as its body.  All are run; the first failure is returned (GF_FAILED "notify").
 *
 * At least once: a run that is repeated runs them again.  The id is then the same, since it stands for
 * manifest and environment: a receiver drops what has the id of the last one that it acted on (not of any it ever saw,
 * for a release may come back after another).
 */
bool gf_notify(const gf_telling *t, gf_error *err);
/* The hook as it is shown: the command, or the URL without its query. */
bool gf_hook_show(const gf_hook *h, gf_buf *out, gf_error *err);

/*
 * webhook.c: POST of text, with
 *	Gapferry-Run: RUN
 *	Gapferry-Timestamp: SECONDS since 1970
 *	Gapferry-Signature: sha256=HEX, of HMAC-SHA-256 with the secret over "SECONDS.BODY"
 * Any 2xx is success and its body is not read; no redirect is followed; what may pass is tried again, signed anew.
 */
bool gf_webhook_call(
    const gf_hook *h, const char *run, const gf_buf *text, unsigned retries, gf_events *events, gf_error *err);
/* Its files are there; connects to nothing.  The secret is the first line of its file, at least 16 bytes: else GF_USAGE
 * "secret-file". */
bool gf_webhook_check(const gf_hook *h, gf_error *err);

#endif
