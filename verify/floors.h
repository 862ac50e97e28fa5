/* floors: what the lines of the log say about floors, gathered.  Private to verify/. */
#ifndef GF_VERIFY_FLOORS_H
#define GF_VERIFY_FLOORS_H

#include "verify/verify.h"

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
	struct gf_floor_release { /* in the order of the log */
		size_t stream;
		uint64_t epoch, sequence;
		gf_digest manifest;
	} * releases;
	size_t n_releases, releases_room;
	gf_time newest;         /* signed `created`, of bundles and trust files */
	uint64_t trust_version; /* of the last trust file installed; 0: none */
	gf_digest trust;
} gf_floors;

void gf_floors_clear(gf_floors *f);
/* One line of the log.  Types that say nothing of floors are passed over; what is no record at all is an error
 * that says why, for the caller to say where. */
bool gf_floors_take(gf_floors *f, const char *line, size_t n, gf_error *err);
const gf_floor *gf_floors_find(const gf_floors *f, const char *stream, const char *environment); /* NULL: none */
/* Below, at or above: epoch before sequence. */
int gf_floor_compare(const gf_floor *f, uint64_t epoch, uint64_t sequence);

#endif
