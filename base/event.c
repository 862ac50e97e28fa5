#include <stdarg.h>
#include <stdio.h>

#include "base/event.h"

static void tell(gf_events *e, gf_event_type type, unsigned transfer, const char *text, uint64_t bytes)
{
	const gf_event event = { .type = type, .transfer = transfer, .text = text, .bytes = bytes };

	e->take(e->ctx, &event);
}

static unsigned begin(gf_events *e, unsigned whole, const char *text, uint64_t bytes)
{
	gf_event event = { .type = GF_EVENT_BEGIN, .whole = whole, .text = text, .bytes = bytes };

	event.transfer = atomic_fetch_add(&e->last, 1) + 1;
	e->take(e->ctx, &event);
	return event.transfer;
}

unsigned gf_event_begin(gf_events *e, const char *text, uint64_t bytes)
{
	return e != NULL ? begin(e, 0, text, bytes) : 0;
}

unsigned gf_event_begin_blob(gf_events *e, unsigned whole, const gf_digest *digest, uint64_t bytes)
{
	char hex[GF_HEX_SIZE], text[32];

	if (e == NULL || bytes < GF_EVENT_BLOB_MIN)
		return 0;
	gf_digest_hex(digest, hex);
	(void)snprintf(text, sizeof text, "blob %.12s", hex);
	return begin(e, whole, text, bytes);
}

void gf_event_advance(gf_events *e, unsigned transfer, uint64_t bytes)
{
	if (e != NULL && transfer != 0)
		tell(e, GF_EVENT_ADVANCE, transfer, "", bytes);
}

void gf_event_end(gf_events *e, unsigned transfer)
{
	if (e != NULL && transfer != 0)
		tell(e, GF_EVENT_END, transfer, "", 0);
}

void gf_event_say(gf_events *e, gf_event_type type, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (e == NULL)
		return;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	tell(e, type, 0, text, 0);
}
