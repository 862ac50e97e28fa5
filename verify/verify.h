/*
 * verify: whom to believe, and whether it is whole.
 *
 * accept.c decides, top to bottom in the order of FORMAT.md 5, and alone releases the reader.  walk.c takes every blob past
 * the hash into a sink, so that what is verified is what is loaded.  Nothing here opens a connection.  Where to look:
 *
 *   whom       trust, policy_* (the trust file), signers, companion (who signed a file beside the bundle)
 *   decide     accept, freshness (numbers and times), gates (approvals, permits, after), kept (rejections), verdict
 *   whole      walk, deep, evidence, dsse
 *   said       statement (the envelope), approval, receipt, receipt_judge, receipt_use
 *   kept       state, state_ask, floors, log, cache, replay (reading it), records, where
 *   proved     merkle, note, checkpoint, sitekey, audit, prove
 *   asked      trace, trace_judge
 */
#ifndef GF_VERIFY_VERIFY_H
#define GF_VERIFY_VERIFY_H

#include "bundles/bundles.h"
#include "sign/sign.h"
#include "verify/approval.h"
#include "verify/policy.h"
#include "verify/receipt.h"

typedef struct gf_state gf_state;

/* ---- whom to believe: the installed trust file, or loose keys where there is none (trust.c) ---- */

typedef enum gf_trust_use {
	GF_TRUST_UNPACK, /* paths where a trust file is installed: GF_USAGE "trust-keys" */
	GF_TRUST_VERIFY  /* paths: these keys alone, and nothing is said of roles and gates */
} gf_trust_use;

typedef struct gf_trust gf_trust;
/* s: may be NULL, nothing is installed then.  paths (--key), n of them; none: every *.pub and *.crt in keys/ of the configuration
 * directory.  No key at all is no error here: then nothing satisfies, and the verdict says so.  One key in two files
 * counts once.  An expired trust file is none either: gf_policy_fresh says so, once newer ones have been looked for. */
gf_trust *gf_trust_for(
    const gf_state *s, const char *const *paths, size_t n, const char *config_dir, gf_trust_use use, gf_error *err);
/* Without a state. */
gf_trust *gf_trust_open(const char *const *paths, size_t n, const char *config_dir, gf_error *err);
/* For the first trust file here, checked against digest. */
gf_trust *gf_trust_begin(
    const gf_digest *digest, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err);
void gf_trust_free(gf_trust *t);
/* NULL: loose keys. */
const gf_policy *gf_trust_policy(const gf_trust *t);
/* Of the bytes of gf_trust_policy. */
const gf_digest *gf_trust_digest(const gf_trust *t);
/* All keys, of any role; their validity in time is looked at by who counts.  The keys stay until the trust is freed or
 * extended. */
size_t gf_trust_count(const gf_trust *t);
const gf_pubkey *gf_trust_key(const gf_trust *t, size_t i);

/* Newer versions among these files, taken in memory, one after another, until none follows.  What does not follow changes
 * nothing.  False: out of memory. */
bool gf_trust_extend(gf_trust *t, const gf_member *companions, size_t n, gf_error *err);
size_t gf_trust_newer(const gf_trust *t);                        /* versions taken that are not installed */
bool gf_trust_holds(const gf_trust *t, const gf_digest *digest); /* is the file of this digest in force, or taken? */
/* Under the lock: these versions into records/, then a `trust` line for each.  Another run's meanwhile are passed over;
 * one that does not fit ours: GF_REFUSED "trust-fork". */
bool gf_trust_install(gf_trust *t, gf_state *s, gf_error *err);

/* ---- the verdict (verdict.c) ---- */

typedef enum gf_result {
	GF_CHECK_FAILED,
	GF_CHECK_PASSED,
	GF_CHECK_LIFTED,
	GF_CHECK_NOT_REQUIRED,
	GF_CHECK_OPEN
} gf_result;

/* Every check of FORMAT.md 5 that exists, in its order.  OPEN counts as failed. */
typedef enum gf_check_id {
	GF_CHECK_HEAD,
	GF_CHECK_TRUST,
	GF_CHECK_SIGNATURE,
	GF_CHECK_MANIFEST,
	GF_CHECK_STREAM,
	GF_CHECK_AUDIENCE,
	GF_CHECK_TRUST_VERSION,
	GF_CHECK_CREATED,
	GF_CHECK_ENVIRONMENT,
	GF_CHECK_EPOCH,
	GF_CHECK_FLOOR,
	GF_CHECK_MAX_JUMP,
	GF_CHECK_EXPIRES,
	GF_CHECK_MAX_AGE,
	GF_CHECK_AFTER,
	GF_CHECK_APPROVALS,
	GF_CHECK_FRONT,
	GF_CHECK_GRAPH,
	GF_CHECK_EVIDENCE,
	GF_CHECK_LAYERS,
	GF_CHECK_DEEP,
	GF_CHECK_END,
	GF_CHECKS
} gf_check_id;

typedef struct gf_check {
	const char *name; /* "head", "signature", ... */
	gf_result result;
	bool advisory; /* shown, and does not decide (approve, permit) */
	char detail[200];
} gf_check;

typedef struct gf_verdict {
	gf_check checks[GF_CHECKS];
	gf_digest manifest_digest; /* of the statement's bytes */
	const gf_pubkey **signers; /* that fit, distinct; owned by the trust */
	char **comments;           /* of each of them the trusted comment of a minisig, or NULL */
	size_t n_signers;
	size_t n_signatures, n_unknown; /* files seen; of them without a fitting key */
	bool unsigned_bundle;           /* let through by --allow-unsigned */
	/* Whose evidence rules the walk asks, owned by the trust; NULL: no trust file, or no environment. */
	const gf_policy *policy;
	const gf_policy_environment *environment;
	struct gf_counted {
		char holder[65];
		gf_digest file;
	} * approvals; /* that counted for the gate, each with the latest word of its holder */
	size_t n_approvals, approvals_room;
	bool has_permit;  /* something was waived ... */
	gf_digest permit; /* ... by this file */
	uint64_t blobs_read, blobs_held, blobs_absent, bytes_read, bytes_held;
} gf_verdict;
void gf_verdict_init(gf_verdict *v);
void gf_verdict_clear(gf_verdict *v);
void gf_check_set(gf_verdict *v, gf_check_id id, gf_result result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool gf_verdict_good(const gf_verdict *v); /* the AND over all checks that decide: PASSED, LIFTED or NOT_REQUIRED */
const char *gf_result_text(gf_result r);   /* "passed", "failed", "lifted", "not required", "not reached" */

/* ---- state: floors and the log (state.c, log.c; FORMAT.md 5 "Floor", 6) ---- */

/* dir NULL: $GAPFERRY_STATE, else /var/lib/gapferry where it exists or as root, else ~/.local/state/gapferry.
 * write: made when absent; a state that cannot be written is GF_FAILED "state".  Not there and not write: empty. */
gf_state *gf_state_open(const char *dir, bool write, gf_error *err);
/* The same without reading the log: to look at what gf_state_open may refuse.  Knows dir, site, its key and its lines. */
gf_state *gf_state_look(const char *dir, gf_error *err);
void gf_state_close(gf_state *s);
const char *gf_state_dir(const gf_state *s);

typedef struct gf_floor {
	bool present;
	uint64_t epoch, sequence;
	gf_digest manifest;
	bool has_loaded;
	gf_digest loaded; /* the manifest last loaded there */
} gf_floor;
bool gf_state_floor(gf_state *s, const char *stream, const char *environment, gf_floor *out, gf_error *err);
/* The site's name, or NULL: set once by gf_state_set_site. */
const char *gf_state_site(const gf_state *s);
bool gf_state_set_site(gf_state *s, const char *site, gf_error *err);
/* The version of the trust file that the log says is installed, and the digest of its bytes; 0: none. */
uint64_t gf_state_trust(const gf_state *s, gf_digest *digest);

bool gf_state_lock(gf_state *s, gf_error *err); /* rereads the log's tail; a torn last line is cut and recorded */
void gf_state_unlock(gf_state *s);

/* One line of audit.jsonl.  Members that are NULL or 0 are left out. */
typedef struct gf_record {
	const char
	    *type;       /* intent accepted loaded complete refused failed exported recovered trust rejected restored */
	const char *run; /* 16 hex, the same in all lines of one run: the id of notifications */
	const char *stream, *environment, *site;
	uint64_t epoch, sequence;
	const gf_digest *manifest;
	const char *target, *name; /* loaded */
	const gf_digest *digest;   /* loaded: the image's */
	const char *step, *code;   /* refused, failed: "judge" "signature" */
	/* Of a signed file: trust: what was installed; rejected: the rejection; restored: the receipt; accepted: the permit
	 * that lifted something. */
	const gf_digest *statement;
	uint64_t trust_version; /* trust: its version; accepted: of the one in force */
	const char *holder;     /* rejected */
	gf_time created;        /* trust: its signed `created` */
	bool unsigned_bundle;
} gf_record;
/* n lines, under the lock; written together and synced before it returns.  accepted: the manifest must lie in records/,
 * and its signed `created` goes into the line, since a clock below it is refused (FORMAT.md 5 "Time"). */
bool gf_state_append(gf_state *s, const gf_record *records, size_t n, gf_error *err);
/* Was this manifest loaded whole there (a line `complete`)? */
bool gf_state_complete(gf_state *s, const char *environment, const gf_digest *manifest, bool *is, gf_error *err);
/* records/<manifest sha256>/: the statement and the signatures that counted.  gf_accept_keep gathers them. */
bool gf_state_keep(gf_state *s, const gf_digest *manifest, const gf_buf *statement, const gf_member *signatures,
    size_t n, gf_error *err);

/* Statements (approvals, rejections, receipts) kept in records/ of that manifest, with their signatures.  None: *n is 0. */
bool gf_state_statements(gf_state *s, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err);

/* Signed by the key of the site, kept in records/ of its manifest as receipt-<16 hex>.json.  file and signature are what was
 * written, for copies of it; the caller frees what is in them in either case. */
bool gf_receipt_keep(
    gf_state *s, const gf_receipt *r, gf_signer *site_key, gf_member *file, gf_member *signature, gf_error *err);

/* Who vouches for the receipt files[0], whose signatures are among the others. */
typedef struct gf_receipt_by {
	char how[200];        /* "this site's key", "role receipt:test: lab" */
	const gf_pubkey *key; /* one that fits; owned by who gave it */
	bool own;             /* it is the key of the site where this is asked */
} gf_receipt_by;
typedef struct gf_receipt_keys {
	const gf_pubkey *const *given; /* these alone, where there are any */
	size_t n_given;
	const gf_policy *policy; /* else its role receipt:ENVIRONMENT; NULL: none */
	const gf_pubkey *site;   /* else the key of this site; NULL: none */
} gf_receipt_keys;
/* Nobody: GF_REFUSED "receipt-signature". */
bool gf_receipt_judge(const gf_receipt *r, const gf_member *files, size_t n, const gf_receipt_keys *keys, gf_time now,
    gf_receipt_by *out, gf_error *err);

/*
 * The floor of the environment that the receipt speaks of rises to its release, where it is lower (a line `restored`);
 * *raised: it was.  Another site's, an unsigned bundle's, one without stream or environment: GF_REFUSED
 * "receipt-site", "receipt-floor".  The same number with another manifest: "fork".  Under the lock.
 */
bool gf_receipt_restore(gf_state *s, const gf_receipt *r, const gf_digest *file, bool *raised, gf_error *err);

/* ---- the log as a tree (RFC 6962; state.c, sitekey.c, audit.c; FORMAT.md 6.5) ---- */

#define GF_ORIGIN_SIZE 80

typedef struct gf_checkpoint {
	char origin[GF_ORIGIN_SIZE]; /* "gapferry/SITE" */
	uint64_t size;               /* lines */
	gf_digest root;
} gf_checkpoint;

/* Size and root of the log as far as it was read: after gf_state_append with the lines just written. */
bool gf_state_tree(gf_state *s, uint64_t *size, gf_digest *root, gf_error *err);
/* The same with the name of the log. */
bool gf_state_now(gf_state *s, gf_checkpoint *out, gf_error *err);
/* The three lines of a checkpoint; the third is the root in base64. */
bool gf_checkpoint_print(const gf_checkpoint *c, gf_buf *text, gf_error *err);
/* The one line by which C2SP's programs know the key of a log: NAME+ID+KEY. */
bool gf_checkpoint_key(const gf_checkpoint *c, const gf_pubkey *key, gf_buf *line, gf_error *err);
/* The file `checkpoint` is signed over the tree as it is now.  Takes the lock unless it is held.  Two different trees of
 * one size are never signed: GF_FAILED "log". */
bool gf_state_checkpoint(gf_state *s, gf_signer *site_key, gf_error *err);
/* The key of this site: site.pem, made on first use, with site.pub; or command, which signs with the key in site.pub.
 * site.pub without site.pem and command: GF_USAGE "site-key". */
gf_signer *gf_state_site_key(gf_state *s, const char *command, gf_error *err);
/* site.pub; *key NULL: there is none yet. */
bool gf_state_site_public(const gf_state *s, gf_pubkey **key, gf_error *err);

/* A line without its LF; number counts from 1.  False ends it. */
typedef bool gf_log_take(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err);
/* Every line of the log, from the disk. */
bool gf_state_lines(const gf_state *s, gf_log_take *take, void *ctx, gf_error *err);

/* ---- the log looked at whole (audit.c); nothing is written, no lock is taken ---- */

typedef struct gf_audit_options {
	const gf_pubkey *key;         /* that the site's checkpoints are signed with; NULL: site.pub of the state */
	const gf_member *checkpoints; /* kept by an auditor: three lines, or the signed note; names are for messages */
	size_t n_checkpoints;
} gf_audit_options;

typedef struct gf_audit {
	gf_checkpoint now; /* of the log as it stands there */
	uint64_t bytes;    /* of its lines */
	uint64_t torn;     /* bytes behind the last line */
	bool has_checkpoint;
	gf_checkpoint checkpoint; /* the file, its signature checked */
	enum {
		GF_CACHE_NONE,
		GF_CACHE_UNUSABLE, /* torn, or of another version: it will be made anew */
		GF_CACHE_FITS
	} cache;
	uint64_t cached;  /* lines that it has */
	uint64_t good_to; /* the last line that something signed or kept vouches for; 0: none */
} gf_audit;

/*
 * Reads all.  The first line that is no record: GF_DAMAGED "log-line".  Fewer lines than the checkpoint, state.json or an
 * auditor's checkpoint knows: "log-cut".  Other lines than one of these knows: "log-changed", with the lines between which
 * the first change lies.  state.json says something else: "log-cache".  A checkpoint of another log: GF_USAGE
 * "checkpoint"; its signature does not fit: GF_REFUSED "note-signature"; no key to check it with: GF_USAGE "site-key".
 * out is filled as far as it went.
 */
bool gf_audit_run(const gf_state *s, const gf_audit_options *o, gf_audit *out, gf_error *err);
/* Line number (from 1) is in the log that the checkpoint is signed over: a c2sp.org/tlog-proof, to be kept beside the
 * line.  A line that the checkpoint does not have: GF_USAGE "log-line". */
bool gf_audit_prove(const gf_state *s, const gf_pubkey *key, uint64_t number, gf_buf *proof, gf_error *err);
/*
 * The log began as it was under old: `old SIZE`, the hashes, an empty line, then the checkpoint (the body of an
 * add-checkpoint of c2sp.org/tlog-witness).  new_size: of an earlier tree, whose three lines then stand there unsigned;
 * 0: what the checkpoint is signed over.  old with_root false: only its size is known.  Not so: GF_DAMAGED
 * "log-changed", "log-cut".
 */
bool gf_audit_growth(const gf_state *s, const gf_pubkey *key, const gf_checkpoint *old, bool with_root,
    uint64_t new_size, gf_buf *proof, gf_error *err);
/* Three lines, or a signed note, whose signature is checked when key is not NULL. */
bool gf_audit_checkpoint(const gf_member *file, const gf_pubkey *key, gf_checkpoint *out, gf_error *err);

/* ---- from an image back to the bundles that brought it (trace.c) ---- */

/* A line `loaded`, or `exported`. */
typedef struct gf_trace_load {
	gf_time time;
	char *run, *environment, *site, *target, *name; /* NULL: the line has none */
	gf_digest digest;                               /* what the name showed there */
} gf_trace_load;

/* An approval, a rejection or a permit in records/, by a key of the trust file that was in force. */
typedef struct gf_trace_word {
	gf_digest file;
	gf_decision decision;
	char *holder, *environment, *reason; /* reason NULL: none */
	gf_time created, expires;            /* expires 0: never */
	bool counted;                        /* a receipt of this site names it */
} gf_trace_word;

/* A receipt in records/, whose signature fits. */
typedef struct gf_trace_receipt {
	gf_digest file;
	char *name, *site, *environment; /* name: of the file in records/ */
	char by[200];                    /* "this site's key", "role receipt:test: lab" */
	bool complete;
	gf_time created;
} gf_trace_receipt;

typedef struct gf_trace_bundle {
	gf_digest digest; /* of its manifest */
	gf_manifest *manifest;
	size_t image;              /* the one that was asked for; SIZE_MAX: the bundle itself was */
	gf_time accepted;          /* when a line last said so; 0: none did */
	uint64_t trust_version;    /* of the trust file in force then; 0: loose keys, or keys that were named count */
	gf_policy *policy;         /* that one */
	const gf_pubkey **signers; /* whose signatures in records/ fit; distinct; owned by policy, or the trust */
	size_t n_signers, n_signatures;
	bool vouched;         /* they are enough: of the stream's release role, or any loose key */
	char lacks[200];      /* where not: what is missing */
	bool unsigned_bundle; /* it was let through by --allow-unsigned */
	gf_trace_word *words;
	size_t n_words, words_room;
	gf_trace_receipt *receipts;
	size_t n_receipts, receipts_room;
	gf_trace_load *loads; /* none: accepted, and the run did not come to its end */
	size_t n_loads, room;
} gf_trace_bundle;

/* What the log speaks of and records/ does not hold as it was. */
typedef struct gf_trace_fault {
	gf_digest manifest;
	char text[1024];
} gf_trace_fault;

typedef struct gf_trace {
	gf_trace_bundle *bundles; /* in the order of the log */
	size_t n_bundles, bundles_room;
	gf_trace_fault *faults;
	size_t n_faults, faults_room;
	uint64_t lines, records; /* that were looked at */
} gf_trace;

/* Whom to believe: the trust file that was in force when a bundle was accepted; loose keys where there was none; the keys
 * that were named, where they were, and nothing else. */
typedef struct gf_trace_trust {
	const gf_trust *keys;  /* of --key, or of the configuration */
	bool named;            /* --key */
	const gf_pubkey *site; /* for receipts; NULL: none */
} gf_trace_trust;

/* wanted: digest of an image's index or manifest, an image ID, or the digest of a bundle's manifest.  A line that is
 * none: GF_FAILED "log". */
bool gf_trace_find(const gf_state *s, const gf_trace_trust *t, const gf_digest *wanted, gf_trace *out, gf_error *err);
/* What this name (host/path:tag) showed when it was last loaded, at whatever target. */
bool gf_trace_name(const gf_state *s, const char *name, bool *found, gf_digest *digest, gf_error *err);
void gf_trace_clear(gf_trace *t);
/* What was loaded into targets whose label is target, or begins with it and a slash: each name with the manifest that
 * brought it, the newest first, of at most GF_LOADS_MAX manifests.  For guesses at what a target may hold: a record that is
 * not there is passed over, and a log above GF_LOADS_LOG_MAX bytes is not read. */
#define GF_LOADS_MAX 64
#define GF_LOADS_LOG_MAX (16 * GF_MIB)
typedef bool gf_load_visitor(void *ctx, const char *name, const gf_manifest *m, gf_error *err);
bool gf_trace_loads(const gf_state *s, const char *target, gf_load_visitor *visit, void *ctx, gf_error *err);

/* ---- the decision (accept.c) ---- */

typedef struct gf_judge {
	gf_trust *trust;         /* step 2 adds newer versions that the companions have */
	gf_state *state;         /* NULL: no floor is looked at */
	const char *environment; /* NULL: none */
	const char *site;        /* NULL: the state's */
	bool allow_unsigned;
	bool
	    advisory; /* approve, permit: steps 1 to 4 and the audience (against site) decide; the other checks are shown */
	bool skip_signatures;        /* inspect --unverified only: checks are shown, nothing is refused for trust */
	const gf_member *companions; /* from NAME.tar.d/ and --with */
	size_t n_companions;
} gf_judge;

/*
 * Steps 1 to 6.  On success the reader is released and *manifest is the caller's.  On refusal
 * *err says why (GF_REFUSED "signature", "expired", "floor", "fork", "audience" ...; GF_DAMAGED for a malformed
 * manifest) and the verdict shows which check failed.
 */
bool gf_accept(gf_reader *r, const gf_judge *j, gf_verdict *v, gf_manifest **manifest, gf_error *err);
/* Under the lock, before the floor is raised: the floor is looked at again (W3). */
bool gf_accept_again(const gf_judge *j, const gf_manifest *m, gf_verdict *v, gf_error *err);
/* records/ of what gf_accept believed: the statement and those of its signatures, inside and beside, that counted. */
bool gf_accept_keep(gf_reader *r, const gf_judge *j, const gf_verdict *v, gf_error *err);

/* W0, under the lock: rejections among the companions that an approver's key signed, whatever they speak of, into records/
 * and into the log (kept.c). */
bool gf_rejections_keep(const gf_judge *j, gf_error *err);

/* ---- the walk (walk.c) ---- */

/* Where blobs go.  A target is a sink with names. */
typedef struct gf_sink gf_sink;
typedef struct gf_sink_ops {
	/* Blob i of the manifest: *held true when it need not be read.  Asked for layers only.  An error is no answer. */
	bool (*has)(gf_sink *s, size_t i, bool *held, gf_error *err);
	/* An output for blob i; finish is called when its bytes have passed, close without finish when not.  May be NULL
	 * without error: not wanted.  From several threads when the reader is seekable and the sink is not in_order. */
	gf_output *(*put)(gf_sink *s, size_t i, gf_error *err);
} gf_sink_ops;
struct gf_sink {
	const gf_sink_ops *ops;
	bool in_order; /* blobs must come one after another, in the manifest's order */
};

typedef struct gf_walk {
	gf_reader *reader;
	const gf_manifest *manifest;
	gf_sink *sink; /* NULL: verify, everything is read and dropped */
	unsigned jobs; /* at once, where medium and sink allow; 0: one a core */
	bool deep;     /* inflate layers, check diff IDs, read the tar inside */
	gf_events *events;
} gf_walk;

/* Steps 7 to 9, on the verdict of gf_accept.  Absent layers of a thin copy: GF_DAMAGED "absent" unless the sink says held.
 * An evidence rule of the environment that is not satisfied: GF_REFUSED "evidence", before any layer is read. */
bool gf_walk_run(const gf_walk *w, gf_verdict *v, gf_error *err);
/* Step 7 alone, so that a plan can be made from graph and store; gf_walk_run goes on from there. */
bool gf_walk_front(const gf_walk *w, gf_verdict *v, gf_error *err);

#endif
