/*
 * unpack: bundle to targets.
 *
 * Judge, plan (ask the targets what they hold), walk, accept, commit names, record,
 * notify: FORMAT.md 5 "Acting", step by step, in unpack.c.  A target (target_*.c) is a sink
 * with names; its commit is the only step that makes anything visible.
 */
#ifndef GF_UNPACK_UNPACK_H
#define GF_UNPACK_UNPACK_H

#include "bundles/bundles.h"
#include "remote/remote.h"
#include "verify/verify.h"

typedef struct gf_unpack_options {
	const char *bundle;
	const char *config_dir;  /* environments/NAME.yaml, keys/ */
	const char *environment; /* NULL: "default", with to */
	const char *const
	    *to; /* --to: targets instead of the environment's, as gf_environment_set_targets takes them */
	size_t n_to;
	const char *name;        /* --name: of the one image; templates allowed */
	const char *const *tags; /* --tag */
	size_t n_tags;
	const char *const *keys; /* --key */
	size_t n_keys;
	const char *const *with; /* --with: companions from elsewhere */
	size_t n_with;
	const char *state_dir, *site;
	const char *receipt_dir;      /* --receipt: a copy of the receipt; NULL: none */
	const char *sign_cmd;         /* the command that signs with the key in site.pub; NULL: site.pem */
	gf_docker_options docker;     /* for every daemon that the environment file says nothing else about */
	gf_registry_options registry; /* for every registry that the environment file says nothing else about */
	bool allow_unsigned, dry_run, verify_first;
	unsigned jobs;
} gf_unpack_options;

typedef enum gf_row_state { GF_ROW_PLANNED, GF_ROW_SENT, GF_ROW_HELD, GF_ROW_KEPT, GF_ROW_FAILED } gf_row_state;

/* One line of the closing table: one new name on one target. */
typedef struct gf_row {
	char *target;
	char *packed;       /* name in the bundle */
	char *name;         /* name there */
	gf_digest digest;   /* what that name shows there: manifest or index digest; for a Docker daemon the image ID */
	gf_row_state state; /* KEPT: on-existing: keep */
	bool moved;         /* the name pointed elsewhere before ... */
	char *before;       /* ... to this */
} gf_row;

typedef struct gf_target_sum {
	char *target;
	uint64_t blobs_sent, bytes_sent, blobs_held, bytes_held;
	bool free_known;
	uint64_t free_bytes;
	bool failed;
	gf_error error;
} gf_target_sum;

/* Of a dry run: what would be done once everything is loaded. */
typedef struct gf_after {
	enum { GF_AFTER_LOCK, GF_AFTER_RUN, GF_AFTER_WEBHOOK } kind;
	char *what;       /* path; command; URL */
	const char *form; /* of a lock file: json digests kustomize compose helm */
	enum { GF_AFTER_NEW, GF_AFTER_CHANGED, GF_AFTER_SAME } state;
	gf_buf changes; /* of a lock file: lines that go ("- ") and lines that come ("+ "), each with its LF */
} gf_after;

typedef struct gf_unpack_result {
	gf_verdict verdict;
	gf_trust *trust;       /* owns the signers of the verdict */
	gf_manifest *manifest; /* NULL when refused before it was believed */
	gf_row *rows;
	size_t n_rows;
	gf_target_sum *targets;
	size_t n_targets;
	gf_after *after;
	size_t n_after;
	char run[17];                 /* the id of this run */
	char *receipt, *receipt_copy; /* files; NULL: none was written */
} gf_unpack_result;

/* False: *err has class and sentence; GF_TARGET when some targets are done and others not.  *result is filled as far
 * as things went, in either case. */
bool gf_unpack(const gf_unpack_options *o, gf_events *events, gf_unpack_result *result, gf_error *err);
void gf_unpack_result_clear(gf_unpack_result *r);
/* The target is an archive on stdout: then nothing else may be written there. */
bool gf_target_is_stdout(const char *to);

#endif
