/*
 * progress: what the libraries report, on stderr.
 *
 * Bars on a terminal, one a transfer; elsewhere a line every few seconds about each that is no part of another, and one
 * at the end of a transfer that took long enough to be asked about; JSON lines; or nothing but notes and warnings.
 * Events come from any thread.  Where nothing comes, a thread of its own says so.
 */
#include <errno.h>
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
#define DRAWN_MAX 1024  /* of a drawn line, in bytes */
#define BAR_SECONDS 0.1 /* between two drawings */
#define LINE_SECONDS 5.0
#define STALL_SECONDS 3.0 /* without a byte, until that is said */

typedef enum how { HOW_BARS, HOW_PLAIN, HOW_JSON, HOW_NONE } how;

typedef struct slot {
	unsigned transfer; /* 0: free */
	unsigned whole;    /* of which it is a part; 0: of none */
	char text[TEXT_MAX + 4];
	uint64_t done, all;
	double begun, moved; /* moved: when the last bytes came */
	double said;         /* when a line about it was last written */
	double rate;         /* bytes in a second, of the last few seconds; 0: not known */
	double sampled;
	uint64_t sampled_done;
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
	bool ticking, closing;
	pthread_cond_t close;
	pthread_t ticker;
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

/* The rate follows what happens now: half of it is of the last second and a half. */
static void sample(slot *s, double now)
{
	double took = now - s->sampled, rate;

	if (took < 0.5)
		return;
	rate = (double)(s->done - s->sampled_done) / took;
	s->rate = s->rate == 0 ? rate : s->rate + (rate - s->rate) * 0.25;
	s->sampled = now;
	s->sampled_done = s->done;
}

static void add_time(char *out, size_t cap, double length)
{
	size_t n = strlen(out);
	unsigned long long t = length < 1e6 ? (unsigned long long)length : 1000000;

	if (t >= 3600)
		(void)snprintf(out + n, cap - n, "%llu:%02llu:%02llu", t / 3600, t / 60 % 60, t % 60);
	else
		(void)snprintf(out + n, cap - n, "%llu:%02llu", t / 60, t % 60);
}

/* "12.3 MB of 40.1 MB, 35.0 MB/s, 0:12 left", "12.3 MB of 40.1 MB, nothing for 0:07" */
static void describe(const slot *s, double now, char *out, size_t cap)
{
	double took = now - s->begun, rate = s->rate;
	char done[GF_SIZE_TEXT], all[GF_SIZE_TEXT], speed[GF_SIZE_TEXT];
	bool more = s->all != 0 && s->done < s->all;
	size_t n;

	gf_size_text(s->done, done);
	gf_size_text(s->all, all);
	(void)snprintf(out, cap, "%s%s%s", done, more ? " of " : "", more ? all : "");
	n = strlen(out);
	if (now - s->moved >= STALL_SECONDS && (more || s->all == 0)) {
		(void)snprintf(out + n, cap - n, ", nothing for ");
		add_time(out, cap, now - s->moved);
		return;
	}
	if (rate == 0 && took > 0.05)
		rate = (double)s->done / took;
	if (rate < 1)
		return;
	gf_size_text((uint64_t)rate, speed);
	(void)snprintf(out + n, cap - n, ", %s/s", speed);
	if (!more)
		return;
	n = strlen(out);
	(void)snprintf(out + n, cap - n, ", ");
	add_time(out, cap, (double)(s->all - s->done) / rate + 0.99);
	n = strlen(out);
	(void)snprintf(out + n, cap - n, " left");
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

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20 ? w.ws_col : 80;
}

static bool begins(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Bytes of at most n characters of text, never cut inside one. */
static int cut(const char *text, unsigned n)
{
	int bytes = 0;

	for (; text[bytes] != '\0'; bytes++)
		if (begins(text[bytes]) && n-- == 0)
			break;
	return bytes;
}

static unsigned characters(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += begins(*text);
	return n;
}

/* Names stand in one column, as wide as the longest of those drawn and as there is room for. */
static void draw_one(const slot *s, double now, unsigned width, unsigned column)
{
	char text[96], line[DRAWN_MAX];
	unsigned cells = width > 100 ? 20 : 10, full, name = characters(s->text);

	describe(s, now, text, sizeof text);
	full = s->all == 0 ? 0 : s->done >= s->all ? cells : (unsigned)((double)s->done / (double)s->all * cells);
	(void)snprintf(line, sizeof line, "%.*s%*s [%.*s%.*s] %s", cut(s->text, column), s->text,
	    (int)(name < column ? column - name : 0), "", (int)full, "####################", (int)(cells - full),
	    "....................", text);
	fprintf(stderr, "%.*s\033[K\n", cut(line, width - 1), line);
}

static void draw(gf_progress *p, double now)
{
	unsigned width = terminal_width(), drawn = 0, more = 0, column = 0, room = width > 70 ? width - 62 : 8;

	for (size_t i = 0; i < SLOTS; i++)
		if (p->slots[i].transfer != 0 && characters(p->slots[i].text) > column)
			column = characters(p->slots[i].text);
	if (column > room)
		column = room;
	if (p->drawn > 0)
		fprintf(stderr, "\033[%uA\r", p->drawn);
	for (size_t i = 0; i < SLOTS; i++) {
		if (p->slots[i].transfer == 0)
			continue;
		if (drawn == BARS) {
			more++;
			continue;
		}
		draw_one(&p->slots[i], now, width, column);
		drawn++;
	}
	if (more > 0) {
		fprintf(stderr, "and %u more\033[K\n", more);
		drawn++;
	}
	if (drawn < p->drawn)
		fputs("\033[J", stderr);
	p->drawn = drawn;
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
	o.shown = true;
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "event", type_text(type));
	if (s != NULL) {
		gf_json_put_u64(&o, "transfer", s->transfer);
		gf_json_put(&o, "text", s->text);
		gf_json_put_u64(&o, "bytes", s->done);
		if (s->all != 0)
			gf_json_put_u64(&o, "of", s->all);
		if (s->whole != 0)
			gf_json_put_u64(&o, "whole", s->whole);
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

/* ---- where nothing comes ---- */

static void tick(gf_progress *p, double now)
{
	bool any = false;

	for (size_t i = 0; i < SLOTS; i++) {
		slot *s = &p->slots[i];

		any = any || s->transfer != 0;
		if (p->how == HOW_PLAIN && s->transfer != 0 && s->whole == 0 && now - s->said >= LINE_SECONDS)
			plain_line(p, s, now, false);
	}
	if (p->how == HOW_BARS && any && now - p->drawn_at >= 1)
		draw(p, now);
}

static void *ticker(void *progress)
{
	gf_progress *p = progress;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->closing) {
		struct timespec t;

		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_sec++;
		if (pthread_cond_timedwait(&p->close, &p->lock, &t) == ETIMEDOUT)
			tick(p, seconds());
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Once there is something to watch.  Without it only a stall goes unsaid. */
static void start_ticker(gf_progress *p)
{
	if (!p->ticking && (p->how == HOW_BARS || p->how == HOW_PLAIN))
		p->ticking = pthread_create(&p->ticker, NULL, ticker, p) == 0;
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
	*s = (slot){ .transfer = event->transfer,
		.whole = event->whole,
		.all = event->bytes,
		.begun = now,
		.moved = now,
		.said = now,
		.sampled = now };
	memcpy(s->text, gf_buf_text(&text), text.len);
	gf_buf_clear(&text);
	if (p->how == HOW_JSON)
		json_line(GF_EVENT_BEGIN, s, NULL);
	start_ticker(p);
}

static void advance(gf_progress *p, slot *s, uint64_t bytes, double now)
{
	s->done += bytes;
	if (bytes > 0)
		s->moved = now;
	sample(s, now);
	if (p->how == HOW_PLAIN && s->whole == 0 && now - s->said >= LINE_SECONDS)
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

static void stop_ticker(gf_progress *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->closing = true;
	(void)pthread_cond_signal(&p->close);
	(void)pthread_mutex_unlock(&p->lock);
	if (p->ticking)
		(void)pthread_join(p->ticker, NULL);
	(void)pthread_cond_destroy(&p->close);
}

static bool choose(const char *text, how *out, gf_error *err)
{
	if (text == NULL || strcmp(text, "auto") == 0)
		*out = gf_escapes(stderr) ? HOW_BARS : HOW_PLAIN;
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
	pthread_condattr_t a;

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
	(void)pthread_condattr_init(&a);
	(void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->close, &a);
	(void)pthread_condattr_destroy(&a);
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
	stop_ticker(p);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}
