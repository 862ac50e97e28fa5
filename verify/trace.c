/*
 * trace: the log says which manifests brought something here; records/ has them and their signatures.  What either says
 * is held against the other: a record is used only when its bytes have the digest that the log names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verify/log.h"
#include "verify/records.h"
#include "verify/trace.h"

/* ---- lines ---- */

/* What a line says that matters here. */
typedef struct line {
	const char *type, *run, *environment, *site, *target, *name;
	bool has_manifest, has_statement, unsigned_bundle, loads; /* loads: `loaded`, `exported` */
	gf_digest manifest, statement, digest;                    /* digest: where it loads */
	uint64_t trust_version;
	gf_time time;
} line;

static bool read_line(gf_json root, line *l, gf_error *err)
{
	const char *time = "";

	memset(l, 0, sizeof *l);
	if (!gf_json_string(root, "type", &l->type, err) || !gf_json_string(root, "time", &time, err) ||
	    !gf_json_string_if(root, "run", &l->run, err) ||
	    !gf_json_string_if(root, "environment", &l->environment, err) ||
	    !gf_json_string_if(root, "site", &l->site, err) || !gf_json_string_if(root, "target", &l->target, err) ||
	    !gf_json_string_if(root, "name", &l->name, err) ||
	    !gf_json_bool_if(root, "unsigned", &l->unsigned_bundle, err))
		return false;
	if (!gf_time_parse(time, &l->time))
		return gf_json_fail(gf_json_get(root, "time"), "log", err, "'%s' is not a time", time);
	l->has_manifest = gf_json_typeof(gf_json_get(root, "manifest")) != GF_JSON_ABSENT;
	l->has_statement = gf_json_typeof(gf_json_get(root, "statement")) != GF_JSON_ABSENT;
	l->loads = strcmp(l->type, "loaded") == 0 || strcmp(l->type, "exported") == 0;
	return (!l->has_manifest || gf_json_digest(root, "manifest", &l->manifest, err)) &&
	    (!l->has_statement || gf_json_digest(root, "statement", &l->statement, err)) &&
	    gf_json_u64_if(root, "trustVersion", &l->trust_version, err) &&
	    (!l->loads || gf_json_digest(root, "digest", &l->digest, err));
}

/* Whole lines of the log, each given to take once it is read. */
typedef struct reading {
	bool (*take)(void *ctx, const line *l, gf_error *err);
	void *ctx;
	const char *path;
	uint64_t lines;
} reading;

static bool take_text(void *ctx, const char *text, size_t n, uint64_t number, gf_error *err)
{
	reading *r = ctx;
	gf_json_doc *doc = gf_json_parse(text, n, GF_LOG_LINE_MAX, GF_FAILED, "line", err);
	line l;
	bool ok = doc != NULL && read_line(gf_json_root(doc), &l, err);

	r->lines = number;
	if (!ok)
		gf_fail(err, GF_FAILED, "log", r->path, "line %llu of '%s' is not a record: %s",
		    (unsigned long long)number, r->path, err->text);
	ok = ok && r->take(r->ctx, &l, err);
	gf_json_free(doc);
	return ok;
}

static bool read_log(const gf_state *s, reading *r, gf_error *err)
{
	gf_log *log = NULL;
	gf_buf path;
	bool ok;

	gf_buf_init(&path, 4096);
	ok = gf_path_join(&path, gf_state_dir(s), "audit.jsonl", err);
	r->path = gf_buf_text(&path);
	ok = ok && (log = gf_log_open(path.data, false, err)) != NULL && gf_log_read(log, take_text, r, err);
	gf_log_close(log);
	gf_buf_clear(&path);
	return ok;
}

/* ---- the last line of a name ---- */

typedef struct last {
	const char *name;
	bool found;
	gf_digest digest;
} last;

static bool take_name(void *ctx, const line *l, gf_error *err)
{
	last *a = ctx;

	(void)err;
	if (strcmp(l->type, "loaded") == 0 && l->name != NULL && strcmp(l->name, a->name) == 0) {
		a->found = true;
		a->digest = l->digest;
	}
	return true;
}

bool gf_trace_name(const gf_state *s, const char *name, bool *found, gf_digest *digest, gf_error *err)
{
	last a = { .name = name };
	reading r = { .take = take_name, .ctx = &a };
	bool ok = read_log(s, &r, err);

	*found = ok && a.found;
	*digest = a.digest;
	return ok;
}

/* ---- which manifests the log speaks of ---- */

typedef struct mentioned {
	struct mention {
		gf_digest manifest;
		bool unsigned_bundle;
		gf_time time;
		uint64_t trust_version; /* in force then; 0: none */
		gf_digest trust;
	} * list;
	size_t n, room;
	uint64_t trust_version; /* in force at the line that is read */
	gf_digest trust;
} mentioned;

static bool take_manifest(void *ctx, const line *l, gf_error *err)
{
	mentioned *m = ctx;
	size_t i = m->n;

	if (strcmp(l->type, "trust") == 0) {
		m->trust_version = l->trust_version;
		m->trust = l->statement;
	}
	if (!l->has_manifest || (strcmp(l->type, "accepted") != 0 && !l->loads))
		return true;
	while (i > 0 && !gf_digest_equal(&m->list[i - 1].manifest, &l->manifest)) /* lines of one run stand together */
		i--;
	if (i == 0) {
		if (!gf_grow(&m->list, &m->room, m->n, sizeof *m->list, err))
			return false;
		i = ++m->n;
	}
	m->list[i - 1] = (struct mention){ l->manifest, l->unsigned_bundle, l->time, m->trust_version, m->trust };
	return true;
}

/* ---- one record ---- */

static bool image_is(const gf_image *im, const gf_digest *d)
{
	if (gf_digest_equal(&im->digest, d))
		return true;
	for (size_t i = 0; i < im->n_platforms; i++)
		if (gf_digest_equal(&im->platforms[i].manifest, d) || gf_digest_equal(&im->platforms[i].image_id, d))
			return true;
	return false;
}

static bool find_image(const gf_manifest *m, const gf_digest *bundle, const gf_digest *wanted, size_t *image)
{
	*image = SIZE_MAX;
	if (gf_digest_equal(bundle, wanted))
		return true;
	for (size_t i = 0; i < m->n_images; i++)
		if (image_is(&m->images[i], wanted)) {
			*image = i;
			return true;
		}
	return false;
}

static bool add_fault(gf_trace *out, const gf_digest *manifest, const char *text, gf_error *err)
{
	gf_trace_fault *f;

	if (!gf_grow(&out->faults, &out->faults_room, out->n_faults, sizeof *out->faults, err))
		return false;
	f = &out->faults[out->n_faults++];
	f->manifest = *manifest;
	(void)snprintf(f->text, sizeof f->text, "%s", text);
	return true;
}

/* A record that is not as it was kept is a fault and no bundle. */
static bool look_at(const gf_state *s, const gf_trace_trust *t, const struct mention *m, const gf_digest *wanted,
    gf_trace *out, gf_error *err)
{
	gf_trace_bundle b = { .digest = m->manifest,
		.unsigned_bundle = m->unsigned_bundle,
		.accepted = m->time,
		.trust_version = t->named ? 0 : m->trust_version };
	gf_error why = { .class = GF_OK };
	gf_buf statement;
	bool ok = true, keep = false;

	gf_buf_init(&statement, GF_STATEMENT_MAX);
	b.manifest = gf_records_manifest(gf_state_dir(s), &m->manifest, &statement, &why);
	if (b.manifest != NULL && find_image(b.manifest, &b.digest, wanted, &b.image))
		keep = gf_trace_judge(&b, gf_state_dir(s), &statement, t, b.trust_version > 0 ? &m->trust : NULL, &why);
	if (why.class != GF_OK)
		ok = add_fault(out, &m->manifest, why.text, err);
	out->records++;
	if (ok && keep)
		ok = gf_grow(&out->bundles, &out->bundles_room, out->n_bundles, sizeof *out->bundles, err);
	if (ok && keep) {
		out->bundles[out->n_bundles++] = b;
	} else {
		gf_trace_bundle_clear(&b);
	}
	gf_buf_clear(&statement);
	return ok;
}

/* ---- where it was loaded ---- */

static bool copy(char **out, const char *text, gf_error *err)
{
	return text == NULL || (*out = gf_strdup(text, err)) != NULL;
}

static bool take_load(void *ctx, const line *l, gf_error *err)
{
	gf_trace *t = ctx;

	if (!l->loads || !l->has_manifest)
		return true;
	for (size_t i = 0; i < t->n_bundles; i++) {
		gf_trace_bundle *b = &t->bundles[i];
		gf_trace_load *load;

		if (!gf_digest_equal(&b->digest, &l->manifest) ||
		    (b->image != SIZE_MAX && !image_is(&b->manifest->images[b->image], &l->digest)))
			continue;
		if (!gf_grow(&b->loads, &b->room, b->n_loads, sizeof *b->loads, err))
			return false;
		load = &b->loads[b->n_loads++];
		load->time = l->time;
		load->digest = l->digest;
		return copy(&load->run, l->run, err) && copy(&load->environment, l->environment, err) &&
		    copy(&load->site, l->site, err) && copy(&load->target, l->target, err) &&
		    copy(&load->name, l->name, err);
	}
	return true;
}

bool gf_trace_find(const gf_state *s, const gf_trace_trust *t, const gf_digest *wanted, gf_trace *out, gf_error *err)
{
	mentioned m = { .n = 0 };
	reading first = { .take = take_manifest, .ctx = &m }, second = { .take = take_load, .ctx = out };
	bool ok;

	memset(out, 0, sizeof *out);
	ok = read_log(s, &first, err);
	for (size_t i = 0; ok && i < m.n; i++)
		ok = look_at(s, t, &m.list[i], wanted, out, err);
	ok = ok && read_log(s, &second, err);
	out->lines = second.lines;
	free(m.list);
	return ok;
}

void gf_trace_clear(gf_trace *t)
{
	for (size_t i = 0; i < t->n_bundles; i++)
		gf_trace_bundle_clear(&t->bundles[i]);
	free(t->bundles);
	free(t->faults);
	memset(t, 0, sizeof *t);
}

/* ---- what a target may hold ---- */

typedef struct load {
	gf_digest manifest;
	char *name;
} load;

typedef struct loads {
	const char *target;
	load *list; /* in the order of the log */
	size_t n, room;
} loads;

static bool is_below(const char *label, const char *target)
{
	size_t n = strlen(target);

	return strncmp(label, target, n) == 0 && (label[n] == '\0' || label[n] == '/');
}

static bool note_load(void *ctx, const line *l, gf_error *err)
{
	loads *a = ctx;
	char *name;

	if (strcmp(l->type, "loaded") != 0 || l->name == NULL || l->target == NULL || !l->has_manifest ||
	    !is_below(l->target, a->target))
		return true;
	name = gf_strdup(l->name, err);
	if (name == NULL || !gf_grow(&a->list, &a->room, a->n, sizeof *a->list, err)) {
		free(name);
		return false;
	}
	a->list[a->n++] = (load){ l->manifest, name };
	return true;
}

static bool small_enough(const gf_state *s, gf_error *err)
{
	struct stat st;
	gf_buf path;
	bool small;

	gf_buf_init(&path, 4096);
	small = gf_path_join(&path, gf_state_dir(s), "audit.jsonl", err) && stat(path.data, &st) == 0 &&
	    (uint64_t)st.st_size <= GF_LOADS_LOG_MAX;
	gf_buf_clear(&path);
	return small;
}

/* The names that this manifest got, which are taken off the list. */
static bool visit_loads(const gf_state *s, loads *a, size_t newest, gf_load_visitor *visit, void *ctx, gf_error *err)
{
	const gf_digest manifest = a->list[newest].manifest;
	gf_error ignored;
	gf_manifest *m;
	gf_buf text;
	bool ok = true;

	gf_buf_init(&text, GF_STATEMENT_MAX);
	m = gf_records_manifest(gf_state_dir(s), &manifest, &text, &ignored);
	for (size_t i = newest + 1; ok && i-- > 0;) {
		if (a->list[i].name == NULL || !gf_digest_equal(&a->list[i].manifest, &manifest))
			continue;
		ok = m == NULL || visit(ctx, a->list[i].name, m, err);
		free(a->list[i].name);
		a->list[i].name = NULL;
	}
	gf_manifest_free(m);
	gf_buf_clear(&text);
	return ok;
}

bool gf_trace_loads(const gf_state *s, const char *target, gf_load_visitor *visit, void *ctx, gf_error *err)
{
	loads a = { .target = target };
	reading r = { .take = note_load, .ctx = &a };
	size_t seen = 0;
	bool ok = true;

	if (small_enough(s, err))
		ok = read_log(s, &r, err);
	for (size_t i = a.n; ok && i-- > 0 && seen < GF_LOADS_MAX;)
		if (a.list[i].name != NULL) {
			ok = visit_loads(s, &a, i, visit, ctx, err);
			seen++;
		}
	for (size_t i = 0; i < a.n; i++)
		free(a.list[i].name);
	free(a.list);
	return ok;
}
