/* floors: what the lines of the log say about floors, gathered.  Private to verify/. */
#ifndef GF_VERIFY_FLOORS_H
#define GF_VERIFY_FLOORS_H

#include "verify/entry.h"

/* How many of the last accepted and complete are kept; what is older is read from the log. */
#define GF_FLOORS_LAST 256

typedef struct gf_floors {
	struct gf_floor_mark {
		char *stream, *environment;
		gf_floor floor;
	} * marks;
	size_t n_marks, marks_room;
	struct gf_floor_stream {
		char *name;
		uint64_t epoch; /* the first accepted */
	} * streams;
	size_t n_streams, streams_room;
	struct gf_floor_release { /* in the order of the log; no number twice */
		size_t stream;
		uint64_t epoch, sequence;
		gf_digest manifest;
	} releases[GF_FLOORS_LAST];
	size_t n_releases;
	struct gf_floor_complete { /* likewise */
		char environment[65];
		gf_digest manifest;
	} completes[GF_FLOORS_LAST];
	size_t n_completes;
	bool releases_cut, completes_cut; /* older ones were left out */
	gf_time newest;                   /* signed `created`, of bundles and trust files */
	uint64_t trust_version;           /* of the last trust file installed; 0: none */
	gf_digest trust;
} gf_floors;

void gf_floors_clear(gf_floors *f);
/* To try lines on: what no line can contradict, floors and streams, is left out.  Cleared as any. */
gf_floors gf_floors_trial(const gf_floors *f);
/* One line of the log.  Types that say nothing of floors are passed over; what does not go on from the lines before is
 * an error, and then f is as it was. */
bool gf_floors_take(gf_floors *f, const gf_entry *e, gf_error *err);
const gf_floor *gf_floors_find(const gf_floors *f, const char *stream, const char *environment); /* NULL: none */
/* Below, at or above: epoch before sequence. */
int gf_floor_compare(const gf_floor *f, uint64_t epoch, uint64_t sequence);
/* For cache.c: the mark, and the place of the stream, made when absent (epoch counts then). */
gf_floor *gf_floors_mark(gf_floors *f, const char *stream, const char *environment, gf_error *err);
bool gf_floors_stream(gf_floors *f, const char *name, uint64_t epoch, size_t *at, gf_error *err);

#endif
