/*
 * target: where images are loaded into; a sink with names.
 *
 * The order of calls is that of FORMAT.md 5 "Acting": plan (what is held, what the names show
 * now; changes nothing), the walk through the sink (W2), confirm (W3: all that was to be
 * there is there), commit (W4: the only step that makes anything visible), or abandon.
 */
#ifndef GF_UNPACK_TARGET_H
#define GF_UNPACK_TARGET_H

#include "unpack/environment.h"
#include "unpack/unpack.h"

/* One new name on one target. */
typedef struct gf_naming {
	size_t image;       /* in the manifest */
	const char *packed; /* the name in the bundle; owned by the manifest */
	gf_reference to;    /* tag "" only for names by digest */
	char text[GF_REFERENCE_SIZE];
	gf_digest digest; /* what the name shows there once it is set */
	gf_row_state state;
	bool moved;                  /* it showed something else ... */
	char before[GF_DIGEST_SIZE]; /* ... namely this */
	bool set;                    /* it shows digest already: nothing to do */
} gf_naming;

/* What all targets of one run are told.  Owned by unpack.c; lives as long as they. */
typedef struct gf_job {
	gf_reader *reader;
	const gf_manifest *manifest;
	const gf_graph *graph; /* of the reader, once its front was read */
	const gf_store *store;
	const gf_environment *environment;
	const gf_unpack_options *options;
	const gf_state *state; /* for guesses at what a target has from earlier runs; NULL: none */
	gf_events *events;
} gf_job;

typedef struct gf_target gf_target;
typedef struct gf_target_ops {
	/* Fills digest, state, moved, before and set of every name, and in sum what would be sent and what is held. */
	bool (*plan)(gf_target *t, gf_error *err);
	bool (*confirm)(gf_target *t, gf_error *err);
	bool (*commit)(gf_target *t, gf_error *err); /* names are read back; state of each is set */
	void (*abandon)(gf_target *t);               /* what the run made and no name shows is removed, or said */
	void (*close)(gf_target *t);
} gf_target_ops;

struct gf_target {
	gf_sink sink; /* its put may give NULL: no use for that blob, or held */
	const gf_target_ops *ops;
	const gf_target_spec *spec;
	const gf_job *job;
	gf_naming *names; /* set by plan.c before plan() */
	size_t n_names;
	gf_target_sum sum; /* label is spec's; counts of the plan, then of the run */
	bool sending;      /* the walk has begun: before, has() changes nothing and says what could be had */
	bool failed;       /* left the run; why is in sum.error */
	bool committed;
};

gf_target *gf_target_registry(const gf_target_spec *spec, const gf_job *job, gf_error *err);
gf_target *gf_target_docker(const gf_target_spec *spec, const gf_job *job, gf_error *err);
gf_target *gf_target_layout(const gf_target_spec *spec, const gf_job *job, gf_error *err);
gf_target *gf_target_archive(const gf_target_spec *spec, const gf_job *job, gf_error *err);
void gf_target_close(gf_target *t);

/*
 * What on-existing says of a name that shows `now` (NULL: nothing); same: that is what it is to show.
 * Fills state, moved, before, set.  Refused: GF_REFUSED "exists".
 */
bool gf_naming_judge(gf_naming *n, const gf_target *t, const char *now, bool same, gf_error *err);
/* Between plan and commit somebody else moved the name: judged again, and an unforeseen move is an error. */
bool gf_naming_rejudge(gf_naming *n, const gf_target *t, const char *now, bool same, gf_error *err);
/* It was set to want, and shows now (NULL: nothing).  GF_TARGET "read-back"; returns false. */
bool gf_naming_misread(const gf_naming *n, const char *want, const char *now, gf_error *err);
/* Some name of this image is to be set or is right already (not KEPT). */
bool gf_target_wants(const gf_target *t, size_t image);
/* blobs[i] = mark for every blob of the images that it wants, whole: indexes, all platforms, evidence. */
void gf_target_mark(const gf_target *t, unsigned char *blobs, unsigned char mark);
/* Free bytes of the file system that path, or the nearest directory above it, is on. */
bool gf_free_space(const char *path, uint64_t *bytes);

/* ---- all targets of a run as one sink (targets.c) ---- */

/*
 * One target's failure ends that target only; when none is left, has and put fail with that
 * target's error.
 */
typedef struct gf_targets gf_targets;
gf_targets *gf_targets_open(const gf_job *job, gf_error *err); /* of job->environment->targets */
void gf_targets_close(gf_targets *s);
gf_sink *gf_targets_sink(gf_targets *s);
size_t gf_targets_count(const gf_targets *s);
gf_target *gf_targets_at(const gf_targets *s, size_t i);
size_t gf_targets_alive(const gf_targets *s);
/* t leaves the run with this error: class FAILED becomes TARGET, the label stands in front. */
void gf_targets_drop(gf_targets *s, gf_target *t, const gf_error *why);

#endif
