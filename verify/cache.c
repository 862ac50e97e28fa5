#include <string.h>

#include "verify/cache.h"

#define VERSION 1
/* What stands before the sum and after it; the sum is of all that stands before. */
#define SUM ",\"sum\":\"sha256:"
#define END "\"}\n"
#define TAIL (sizeof SUM - 1 + 64 + sizeof END - 1)

void gf_cache_clear(gf_cache *c)
{
	gf_floors_clear(&c->floors);
	*c = (gf_cache){ .offset = 0 };
}

bool gf_cache_add(gf_cache *c, gf_hash *h, const gf_entry *e, const gf_digest *leaf, size_t n, gf_error *err)
{
	if (!gf_floors_take(&c->floors, e, err) || !gf_merkle_add(&c->tree, h, leaf, err))
		return false;
	c->last = c->offset;
	c->last_leaf = *leaf;
	c->offset += n + 1;
	return true;
}

bool gf_cache_take(gf_cache *c, gf_hash *h, const char *line, size_t n, gf_error *err)
{
	gf_json_doc *doc;
	gf_digest leaf;
	gf_entry e;
	bool ok = gf_entry_read(line, n, &doc, &e, err) && gf_merkle_leaf(h, line, n, &leaf, err) &&
	    gf_cache_add(c, h, &e, &leaf, n, err);

	gf_json_free(doc);
	return ok;
}

/* ---- writing ---- */

static void put_marks(gf_json_out *o, const gf_floors *f)
{
	gf_json_open(o, "floors", '[');
	for (size_t i = 0; i < f->n_marks; i++) {
		const gf_floor *floor = &f->marks[i].floor;

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "stream", f->marks[i].stream);
		gf_json_put(o, "environment", f->marks[i].environment);
		if (floor->present) {
			gf_json_put_u64(o, "epoch", floor->epoch);
			gf_json_put_u64(o, "sequence", floor->sequence);
			gf_json_put_digest(o, "manifest", &floor->manifest);
		}
		if (floor->has_loaded)
			gf_json_put_digest(o, "loaded", &floor->loaded);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_lists(gf_json_out *o, const gf_floors *f)
{
	gf_json_open(o, "streams", '[');
	for (size_t i = 0; i < f->n_streams; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "name", f->streams[i].name);
		gf_json_put_u64(o, "epoch", f->streams[i].epoch);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_put_bool(o, "acceptedCut", f->releases_cut);
	gf_json_open(o, "accepted", '[');
	for (size_t i = 0; i < f->n_releases; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "stream", f->streams[f->releases[i].stream].name);
		gf_json_put_u64(o, "epoch", f->releases[i].epoch);
		gf_json_put_u64(o, "sequence", f->releases[i].sequence);
		gf_json_put_digest(o, "manifest", &f->releases[i].manifest);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_put_bool(o, "completeCut", f->completes_cut);
	gf_json_open(o, "complete", '[');
	for (size_t i = 0; i < f->n_completes; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "environment", f->completes[i].environment);
		gf_json_put_digest(o, "manifest", &f->completes[i].manifest);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_members(gf_json_out *o, const gf_cache *c)
{
	gf_json_put_u64(o, "version", VERSION);
	gf_json_put_u64(o, "lines", c->tree.size);
	gf_json_put_u64(o, "offset", c->offset);
	gf_json_put_u64(o, "last", c->last);
	gf_json_put_digest(o, "leaf", &c->last_leaf);
	gf_json_open(o, "peaks", '[');
	for (unsigned i = 0; i < gf_merkle_peaks(c->tree.size); i++)
		gf_json_put_digest(o, NULL, &c->tree.peaks[i]);
	gf_json_close(o, ']');
	if (c->floors.newest > 0)
		gf_json_put_time(o, "newest", c->floors.newest);
	if (c->floors.trust_version > 0) {
		gf_json_put_u64(o, "trustVersion", c->floors.trust_version);
		gf_json_put_digest(o, "trust", &c->floors.trust);
	}
	put_marks(o, &c->floors);
	put_lists(o, &c->floors);
}

static bool seal(gf_buf *out, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_digest sum;

	out->len--; /* the bracket that closes the object comes behind the sum */
	if (!gf_hash_bytes(out->data, out->len, &sum, err))
		return false;
	gf_digest_hex(&sum, hex);
	return gf_buf_printf(out, err, SUM "%s" END, hex);
}

bool gf_cache_print(const gf_cache *c, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	o.ascii = true;
	gf_json_open(&o, NULL, '{');
	put_members(&o, c);
	gf_json_close(&o, '}');
	return gf_json_end(&o) && seal(out, err);
}

/* ---- reading ---- */

static bool whole(const char *text, size_t n)
{
	char hex[GF_HEX_SIZE] = { 0 };
	gf_digest sum, found;
	gf_error why;

	if (n <= TAIL || memcmp(text + n - TAIL, SUM, sizeof SUM - 1) != 0)
		return false;
	memcpy(hex, text + n - TAIL + sizeof SUM - 1, 64);
	return gf_digest_parse_hex(hex, &sum) && gf_hash_bytes(text, n - TAIL, &found, &why) &&
	    gf_digest_equal(&sum, &found);
}

static bool read_mark(gf_json v, gf_floors *f, gf_error *err)
{
	const char *stream, *environment;
	gf_floor *floor;
	bool present = gf_json_typeof(gf_json_get(v, "manifest")) != GF_JSON_ABSENT;
	bool loaded = gf_json_typeof(gf_json_get(v, "loaded")) != GF_JSON_ABSENT;

	if (!gf_json_string(v, "stream", &stream, err) || !gf_json_string(v, "environment", &environment, err) ||
	    (floor = gf_floors_mark(f, stream, environment, err)) == NULL)
		return false;
	floor->present = present;
	floor->has_loaded = loaded;
	return (!present ||
		   (gf_json_u64(v, "epoch", &floor->epoch, err) && gf_json_u64(v, "sequence", &floor->sequence, err) &&
		       gf_json_digest(v, "manifest", &floor->manifest, err))) &&
	    (!loaded || gf_json_digest(v, "loaded", &floor->loaded, err));
}

static bool read_stream(gf_json v, gf_floors *f, gf_error *err)
{
	const char *name;
	uint64_t epoch = 0;
	size_t at;

	return gf_json_string(v, "name", &name, err) && gf_json_u64(v, "epoch", &epoch, err) &&
	    gf_floors_stream(f, name, epoch, &at, err);
}

static bool unwritten(gf_json v, gf_error *err)
{
	return gf_json_fail(v, "cache", err, "what no version writes");
}

static bool read_release(gf_json v, gf_floors *f, gf_error *err)
{
	struct gf_floor_release *r = &f->releases[f->n_releases];
	const char *stream;
	size_t known = f->n_streams;

	if (f->n_releases == GF_FLOORS_LAST)
		return unwritten(v, err);
	if (!gf_json_string(v, "stream", &stream, err) || !gf_json_u64(v, "epoch", &r->epoch, err) ||
	    !gf_json_u64(v, "sequence", &r->sequence, err) || !gf_json_digest(v, "manifest", &r->manifest, err) ||
	    !gf_floors_stream(f, stream, r->epoch, &r->stream, err))
		return false;
	f->n_releases++;
	return f->n_streams == known || unwritten(v, err);
}

static bool read_complete(gf_json v, gf_floors *f, gf_error *err)
{
	struct gf_floor_complete *c = &f->completes[f->n_completes];
	const char *environment;

	if (f->n_completes == GF_FLOORS_LAST)
		return unwritten(v, err);
	if (!gf_json_string(v, "environment", &environment, err) || !gf_json_digest(v, "manifest", &c->manifest, err))
		return false;
	if (!gf_name_valid(environment))
		return unwritten(v, err);
	memcpy(c->environment, environment, strlen(environment));
	f->n_completes++;
	return true;
}

static bool read_list(
    gf_json root, const char *key, bool (*take)(gf_json v, gf_floors *f, gf_error *err), gf_floors *f, gf_error *err)
{
	gf_json list;
	bool ok = gf_json_array(root, key, &list, err);

	for (size_t i = 0; ok && i < gf_json_count(list); i++)
		ok = take(gf_json_at(list, i), f, err);
	return ok;
}

static bool read_peaks(gf_json root, gf_merkle *tree, gf_error *err)
{
	gf_json list;
	const char *text;

	if (!gf_json_array(root, "peaks", &list, err))
		return false;
	if (gf_json_count(list) != gf_merkle_peaks(tree->size))
		return unwritten(list, err);
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!gf_json_text(gf_json_at(list, i), &text, err))
			return false;
		else if (!gf_digest_parse(text, &tree->peaks[i]))
			return unwritten(list, err);
	return true;
}

static bool read_members(gf_json root, gf_cache *c, gf_error *err)
{
	gf_floors *f = &c->floors;
	const char *newest = NULL;
	uint64_t version = 0;

	if (!gf_json_u64(root, "version", &version, err))
		return false;
	if (version != VERSION)
		return unwritten(root, err);
	if (!gf_json_u64(root, "lines", &c->tree.size, err) || !gf_json_u64(root, "offset", &c->offset, err) ||
	    !gf_json_u64(root, "last", &c->last, err) || !gf_json_digest(root, "leaf", &c->last_leaf, err) ||
	    !read_peaks(root, &c->tree, err) || !gf_json_string_if(root, "newest", &newest, err) ||
	    !gf_json_u64_if(root, "trustVersion", &f->trust_version, err) ||
	    (f->trust_version > 0 && !gf_json_digest(root, "trust", &f->trust, err)))
		return false;
	if ((newest != NULL && !gf_time_parse(newest, &f->newest)) ||
	    (c->tree.size == 0 ? c->offset != 0 : c->last >= c->offset))
		return unwritten(root, err);
	return gf_json_bool_if(root, "acceptedCut", &f->releases_cut, err) &&
	    gf_json_bool_if(root, "completeCut", &f->completes_cut, err) &&
	    read_list(root, "floors", read_mark, f, err) && read_list(root, "streams", read_stream, f, err) &&
	    read_list(root, "accepted", read_release, f, err) && read_list(root, "complete", read_complete, f, err);
}

bool gf_cache_parse(const void *bytes, size_t n, gf_cache *c, gf_error *err)
{
	gf_json_doc *doc;
	bool ok;

	if (!whole(bytes, n))
		return gf_fail(err, GF_FAILED, "cache", NULL, "torn, or not written by this program");
	doc = gf_json_parse(bytes, n, GF_STATEMENT_MAX, GF_FAILED, "state.json", err);
	ok = doc != NULL && read_members(gf_json_root(doc), c, err);
	gf_json_free(doc);
	if (!ok) {
		gf_cache_clear(c);
		return gf_fail(err, GF_FAILED, "cache", NULL, "not written by this version");
	}
	return true;
}
