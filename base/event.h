/* event: the one progress sink.  Libraries report; cli shows.  Every function takes NULL. */
#ifndef GF_BASE_EVENT_H
#define GF_BASE_EVENT_H

#include <stdatomic.h>

#include "base/hash.h"

typedef enum gf_event_type {
	GF_EVENT_BEGIN,   /* a transfer begins: text says what, bytes how many (0: not known) */
	GF_EVENT_ADVANCE, /* bytes more have passed */
	GF_EVENT_END,
	GF_EVENT_NOTE, /* a sentence for the user that is no error */
	GF_EVENT_WARNING,
	GF_EVENT_DETAIL /* shown with -v */
} gf_event_type;

typedef struct gf_event {
	gf_event_type type;
	unsigned transfer; /* several run at once; 0 for notes */
	unsigned whole;    /* begin: the transfer that this one is a part of; 0: of none */
	const char *text;
	uint64_t bytes;
} gf_event;

typedef struct gf_events {
	void (*take)(void *ctx, const gf_event *event); /* called from any thread, must lock for itself */
	void *ctx;
	atomic_uint last; /* start with 0 */
} gf_events;

unsigned gf_event_begin(gf_events *e, const char *text, uint64_t bytes); /* the transfer's number */
/* One blob, as a part of a transfer; its bytes are reported for both.  0, and nothing is told, of one that is over before
 * anybody could read it: below GF_EVENT_BLOB_MIN. */
#define GF_EVENT_BLOB_MIN ((uint64_t)4 << 20)
unsigned gf_event_begin_blob(gf_events *e, unsigned whole, const gf_digest *digest, uint64_t bytes);
void gf_event_advance(gf_events *e, unsigned transfer, uint64_t bytes); /* transfer 0: nothing */
void gf_event_end(gf_events *e, unsigned transfer);
void gf_event_say(gf_events *e, gf_event_type type, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
