/* event: the one progress sink.  Libraries report; cli shows.  Every function takes NULL. */
#ifndef GF_BASE_EVENT_H
#define GF_BASE_EVENT_H

#include <stdatomic.h>

#include "base/error.h"

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
	const char *text;
	uint64_t bytes;
} gf_event;

typedef struct gf_events {
	void (*take)(void *ctx, const gf_event *event); /* called from any thread, must lock for itself */
	void *ctx;
	atomic_uint last; /* start with 0 */
} gf_events;

unsigned gf_event_begin(gf_events *e, const char *text, uint64_t bytes); /* the transfer's number */
void gf_event_advance(gf_events *e, unsigned transfer, uint64_t bytes);
void gf_event_end(gf_events *e, unsigned transfer);
void gf_event_say(gf_events *e, gf_event_type type, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
