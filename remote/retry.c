#include <string.h>
#include <time.h>

#include "remote/registry.h"

#define PAUSE_FIRST 500 /* milliseconds, doubled each time */
#define PAUSE_MAX 30000
#define ASKED_MAX 120000 /* Retry-After is obeyed up to here */

static bool worth_it(const gf_response *r)
{
	return r->status == 429 || (r->status >= 500 && r->status <= 599 && r->status != 501 && r->status != 505);
}

static bool broke(const gf_error *err)
{
	return strcmp(err->name, "http-broken") == 0 || strcmp(err->name, "http-connect") == 0 ||
	    strcmp(err->name, "http-timeout") == 0;
}

bool gf_http_passing(bool ok, const gf_response *r, const gf_error *err)
{
	return ok ? worth_it(r) : broke(err);
}

static void wait_for(unsigned milliseconds)
{
	struct timespec t = { milliseconds / 1000, (long)(milliseconds % 1000) * 1000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

bool gf_http_again(
    gf_retry *a, bool ok, const gf_request *q, const gf_response *r, gf_events *events, const gf_error *err)
{
	unsigned asked = ok ? gf_response_retry_after(r) : 0, now;
	char shown[256];

	if (a->left == 0 || !gf_http_passing(ok, r, err))
		return false;
	a->left--;
	if (a->milliseconds == 0)
		a->milliseconds = PAUSE_FIRST;
	now = a->milliseconds;
	if (asked > ASKED_MAX / 1000)
		asked = ASKED_MAX / 1000;
	if (asked * 1000 > now)
		now = asked * 1000;
	gf_url_show(q->url, shown, sizeof shown);
	if (ok)
		gf_event_say(events, GF_EVENT_NOTE, "%s %s: status %ld; trying again in %u.%u s", q->method, shown,
		    r->status, now / 1000, now % 1000 / 100);
	else
		gf_event_say(
		    events, GF_EVENT_NOTE, "%s; trying again in %u.%u s", err->text, now / 1000, now % 1000 / 100);
	wait_for(now);
	a->milliseconds = a->milliseconds > PAUSE_MAX / 2 ? PAUSE_MAX : a->milliseconds * 2;
	return true;
}

bool gf_http_do_again(
    gf_http *h, const gf_request *q, gf_response *r, unsigned retries, gf_events *events, gf_error *err)
{
	gf_retry again = { .left = retries };
	bool ok;

	do
		ok = gf_http_do(h, q, r, err);
	while (gf_http_again(&again, ok, q, r, events, err));
	return ok;
}
