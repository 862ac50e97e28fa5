/*
 * progress: what the libraries report, on stderr.
 *
 * Bars on a terminal, one a transfer; elsewhere a line every few seconds, and one at the
 * end of a transfer that took long enough to be asked about; JSON lines; or nothing but
 * notes and warnings.  Events come from any thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define SLOTS 64        /* transfers that are followed at once */
#define BARS 8          /* of them drawn */
#define TEXT_MAX 120    /* of a transfer's name */
#define BAR_SECONDS 0.1 /* between two drawings */
#define LINE_SECONDS 5.0

typedef enum how { HOW_BARS, HOW_PLAIN, HOW_JSON, HOW_NONE } how;

typedef struct slot {
	unsigned transfer; /* 0: free */
	char text[TEXT_MAX + 4];
	uint64_t done, all;
	double begun;
	double said; /* when a line about it was last written */
} slot;

struct gf_progress {
	gf_events events;
	pthread_mutex_t lock;
	const char *verb;
	how how;
	bool quiet, verbose;
	slot slots[SLOTS];
	unsigned drawn; /* lines of bars that stand on the screen */
	double drawn_at;
};

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static slot *find_slot(gf_progress *p, unsigned transfer)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (p->slots[i].transfer == transfer)
			return &p->slots[i];
	return NULL;
}

/* "12.3 MB of 40.1 MB, 35.0 MB/s, 0:12 left" */
static void describe(const slot *s, double now, char *out, size_t cap)
{
	double took = now - s->begun;
	uint64_t rate = took > 0.05 ? (uint64_t)((double)s->done / took) : 0;
	char done[GF_SIZE_TEXT], all[GF_SIZE_TEXT], speed[GF_SIZE_TEXT];
	size_t n;

	gf_size_text(s->done, done);
	gf_size_text(s->all, all);
	gf_size_text(rate, speed);
	if (s->all != 0 && s->done < s->all)
		(void)snprintf(out, cap, "%s of %s", done, all);
	else
		(void)snprintf(out, cap, "%s", done);
	n = strlen(out);
	if (rate != 0)
		(void)snprintf(out + n, cap - n, ", %s/s", speed);
	n = strlen(out);
	if (rate != 0 && s->done < s->all) {
		unsigned long long left = (s->all - s->done + rate - 1) / rate;

		(void)snprintf(out + n, cap - n, ", %llu:%02llu left", left / 60, left % 60);
	}
}

/* ---- bars ---- */

static void erase(gf_progress *p)
{
	if (p->drawn > 0)
		fprintf(stderr, "\033[%uA\r\033[J", p->drawn);
	p->drawn = 0;
}

static unsigned terminal_width(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40 ? w.ws_col : 80;
}

/* Text cut to at most n characters (not bytes), never inside one. */
static int cut(const char *text, unsigned n)
{
	int bytes = 0;

	for (; text[bytes] != '\0'; bytes++)
		if (((unsigned char)text[bytes] & 0xc0) != 0x80 && n-- == 0)
			break;
	return bytes;
}

static void draw_one(const slot *s, double now, unsigned width)
{
	char text[96];
	unsigned cells = width > 100 ? 20 : 10, name, full;

	describe(s, now, text, sizeof text);
	full = s->all == 0 ? 0 : s->done >= s->all ? cells : (unsigned)(s->done * cells / s->all);
	name = width - 1 > cells + 5 + strlen(text) ? width - 1 - cells - 5 - (unsigned)strlen(text) : 0;
	fprintf(stderr, "[%.*s%.*s] %s  %.*s\033[K\n", (int)full, "####################", (int)(cells - full),
	    "....................", text, cut(s->text, name), s->text);
}

static void draw(gf_progress *p, double now)
{
	unsigned width = terminal_width(), more = 0;

	erase(p);
	for (size_t i = 0; i < SLOTS; i++) {
		if (p->slots[i].transfer == 0)
			continue;
		if (p->drawn == BARS) {
			more++;
			continue;
		}
		draw_one(&p->slots[i], now, width);
		p->drawn++;
	}
	if (more > 0) {
		fprintf(stderr, "and %u more\033[K\n", more);
		p->drawn++;
	}
	p->drawn_at = now;
}

/* ---- lines ---- */

static void plain_line(gf_progress *p, slot *s, double now, bool end)
{
	char text[96];

	describe(s, now, text, sizeof text);
	fprintf(stderr, "gapferry %s: %s: %s%s\n", p->verb, s->text, text, end ? ", done" : "");
	s->said = now;
}

static const char *type_text(gf_event_type type)
{
	static const char *const texts[] = { "begin", "advance", "end", "note", "warning", "detail" };

	return texts[type];
}

static void json_line(gf_event_type type, const slot *s, const char *text)
{
	gf_error ignored; /* a progress line that cannot be made is left out */
	gf_json_out o;
	gf_buf line;

	gf_buf_init(&line, 16 * GF_KIB);
	gf_json_begin(&o, &line, 0, &ignored);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "event", type_text(type));
	if (s != NULL) {
		gf_json_put_u64(&o, "transfer", s->transfer);
		gf_json_put(&o, "text", s->text);
		gf_json_put_u64(&o, "bytes", s->done);
		if (s->all != 0)
			gf_json_put_u64(&o, "of", s->all);
	} else {
		gf_json_put(&o, "text", text);
	}
	gf_json_close(&o, '}');
	if (gf_json_end(&o))
		fprintf(stderr, "%s\n", line.data);
	gf_buf_clear(&line);
}

static void say(gf_progress *p, const gf_event *event)
{
	gf_buf room;

	if (event->type != GF_EVENT_WARNING && (p->quiet || (event->type == GF_EVENT_DETAIL && !p->verbose)))
		return;
	if (p->how == HOW_JSON) {
		json_line(event->type, NULL, event->text);
		return;
	}
	gf_buf_init(&room, 4096);
	erase(p);
	fprintf(stderr, "gapferry %s: %s%s\n", p->verb, event->type == GF_EVENT_WARNING ? "warning: " : "",
	    gf_shown(&room, event->text));
	gf_buf_clear(&room);
}

/* ---- events ---- */

static void begin(gf_progress *p, const gf_event *event, double now)
{
	slot *s = find_slot(p, 0);
	gf_error ignored;
	gf_buf text;

	if (s == NULL)
		return; /* too many to follow */
	gf_buf_init(&text, TEXT_MAX + 4);
	if (!gf_text_escape(&text, event->text, TEXT_MAX, &ignored))
		gf_buf_clear(&text);
	*s = (slot){ .transfer = event->transfer, .all = event->bytes, .begun = now, .said = now };
	memcpy(s->text, gf_buf_text(&text), text.len);
	gf_buf_clear(&text);
	if (p->how == HOW_JSON)
		json_line(GF_EVENT_BEGIN, s, NULL);
}

static void advance(gf_progress *p, slot *s, uint64_t bytes, double now)
{
	s->done += bytes;
	if (p->how == HOW_PLAIN && now - s->said >= LINE_SECONDS)
		plain_line(p, s, now, false);
	if (p->how == HOW_JSON && now - s->said >= 1.0) {
		json_line(GF_EVENT_ADVANCE, s, NULL);
		s->said = now;
	}
}

static void end(gf_progress *p, slot *s, double now)
{
	if (p->how == HOW_PLAIN && now - s->begun >= LINE_SECONDS)
		plain_line(p, s, now, true);
	if (p->how == HOW_JSON)
		json_line(GF_EVENT_END, s, NULL);
	s->transfer = 0;
}

static void take(void *ctx, const gf_event *event)
{
	gf_progress *p = ctx;
	double now = seconds();
	slot *s;

	(void)pthread_mutex_lock(&p->lock);
	s = event->transfer != 0 ? find_slot(p, event->transfer) : NULL;
	if (event->type >= GF_EVENT_NOTE)
		say(p, event);
	else if (p->how != HOW_NONE && event->type == GF_EVENT_BEGIN)
		begin(p, event, now);
	else if (s != NULL && event->type == GF_EVENT_ADVANCE)
		advance(p, s, event->bytes, now);
	else if (s != NULL && event->type == GF_EVENT_END)
		end(p, s, now);
	if (p->how == HOW_BARS && (now - p->drawn_at >= BAR_SECONDS || event->type == GF_EVENT_END))
		draw(p, now);
	(void)pthread_mutex_unlock(&p->lock);
}

static bool choose(const char *text, how *out, gf_error *err)
{
	const char *term = getenv("TERM");

	if (text == NULL || strcmp(text, "auto") == 0)
		*out = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0 ? HOW_BARS : HOW_PLAIN;
	else if (strcmp(text, "plain") == 0)
		*out = HOW_PLAIN;
	else if (strcmp(text, "json") == 0)
		*out = HOW_JSON;
	else if (strcmp(text, "none") == 0)
		*out = HOW_NONE;
	else
		return gf_value_fail(GF_OPT_PROGRESS, err, "'%s' is not auto, plain, json or none", text);
	return true;
}

gf_progress *gf_progress_open(const char *verb, const char *text, bool quiet, bool verbose, gf_error *err)
{
	gf_progress *p = gf_alloc(1, sizeof *p, err);

	if (p == NULL)
		return NULL;
	if (!choose(text, &p->how, err)) {
		free(p);
		return NULL;
	}
	if (quiet)
		p->how = p->how == HOW_JSON ? HOW_JSON : HOW_NONE;
	p->verb = verb;
	p->quiet = quiet;
	p->verbose = verbose;
	p->events = (gf_events){ .take = take, .ctx = p };
	(void)pthread_mutex_init(&p->lock, NULL);
	return p;
}

gf_events *gf_progress_events(gf_progress *p)
{
	return &p->events;
}

void gf_progress_rest(gf_progress *p)
{
	(void)pthread_mutex_lock(&p->lock);
	erase(p);
	for (size_t i = 0; i < SLOTS; i++)
		p->slots[i].transfer = 0;
	(void)pthread_mutex_unlock(&p->lock);
}

void gf_progress_close(gf_progress *p)
{
	if (p == NULL)
		return;
	gf_progress_rest(p);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}
