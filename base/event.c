#include <stdarg.h>
#include <stdio.h>

#include "base/event.h"

static void tell(gf_events *e, gf_event_type type, unsigned transfer, const char *text, uint64_t bytes)
{
	const gf_event event = { .type = type, .transfer = transfer, .text = text, .bytes = bytes };

	e->take(e->ctx, &event);
}

unsigned gf_event_begin(gf_events *e, const char *text, uint64_t bytes)
{
	unsigned transfer;

	if (e == NULL)
		return 0;
	transfer = atomic_fetch_add(&e->last, 1) + 1;
	tell(e, GF_EVENT_BEGIN, transfer, text, bytes);
	return transfer;
}

void gf_event_advance(gf_events *e, unsigned transfer, uint64_t bytes)
{
	if (e != NULL)
		tell(e, GF_EVENT_ADVANCE, transfer, "", bytes);
}

void gf_event_end(gf_events *e, unsigned transfer)
{
	if (e != NULL)
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
