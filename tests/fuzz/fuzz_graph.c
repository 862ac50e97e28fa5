/*
 * Documents and the graph.  The input is a list of documents, a line each; "%0" ... "%z" in a line stand for the digest
 * and size of an earlier line as members of a descriptor, so that the fuzzer can make edges.  The last line is the
 * image, the one before it its evidence when the input begins with 'e'.
 * parser: bundles/graph.c bundles/image.c
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/bundles.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 36

typedef struct lines {
	gf_digest digests[LINES];
	size_t sizes[LINES];
	size_t n;
	gf_store *store;
} lines;

static int number(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

static bool add_line(lines *l, const char *text, size_t n, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	gf_buf b;
	bool ok = true;

	gf_buf_init(&b, GF_JSON_BLOB_MAX);
	for (size_t i = 0; i < n && ok; i++) {
		int k = text[i] == '%' && i + 1 < n ? number(text[i + 1]) : -1;

		if (k < 0 || (size_t)k >= l->n) {
			ok = gf_buf_add(&b, text + i, 1, err);
			continue;
		}
		gf_digest_text(&l->digests[k], digest);
		ok = gf_buf_printf(&b, err, "\"digest\":\"%s\",\"size\":%zu", digest, l->sizes[k]);
		i++;
	}
	l->sizes[l->n] = b.len;
	ok = ok && gf_hash_bytes(gf_buf_text(&b), b.len, &l->digests[l->n], err) &&
	    gf_store_add(l->store, &l->digests[l->n], &b, err);
	l->n += ok;
	gf_buf_clear(&b);
	return ok;
}

/* What every graph must be, whatever it was made from. */
static void check(const gf_graph *g, const gf_store *store)
{
	for (size_t i = 0; i < g->n_blobs; i++) {
		if (gf_graph_find(g, &g->blobs[i].digest) != i || (i != 0 && g->blobs[i].kind < g->blobs[i - 1].kind))
			abort();
		if (g->blobs[i].kind == GF_KIND_JSON &&
		    (gf_store_find(store, &g->blobs[i].digest) == NULL ||
			gf_store_find(store, &g->blobs[i].digest)->len != g->blobs[i].size))
			abort();
	}
	for (size_t t = 0; t < g->n_trees; t++) {
		if (g->trees[t].n_pushes == 0)
			abort();
		for (size_t i = 0; i < g->trees[t].n_needs; i++)
			if (g->trees[t].needs[i] >= g->n_blobs)
				abort();
		for (size_t i = 0; i < g->trees[t].n_platforms; i++) {
			const gf_platform *p = &g->trees[t].platforms[i];

			if (p->platform == NULL || (p->runnable && p->n_diff_ids != p->document->n_items))
				abort();
			GF_PLANTED(p->runnable && strcmp(p->platform, "linux/amd64") != 0 &&
			    strcmp(p->platform, "linux/arm64") != 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	lines l = { .store = gf_store_new(&err) };
	const char *at = (const char *)data, *end = at + size, *lf;
	gf_root root = { .name = "image" };
	gf_graph *g;
	bool evidence = size > 0 && *at == 'e', ok = l.store != NULL;

	for (at += evidence; at < end && l.n < LINES && ok; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL)
			lf = end;
		ok = add_line(&l, at, (size_t)(lf - at), &err);
	}
	if (ok && l.n > 0) {
		root.digest = l.digests[l.n - 1];
		if (evidence && l.n > 1) {
			root.evidence = &l.digests[l.n - 2];
			root.n_evidence = 1;
		}
		g = gf_graph_build(l.store, &root, 1, GF_DAMAGED, &err);
		if (g != NULL)
			check(g, l.store);
		else if (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0')
			abort(); /* a refusal that explains nothing */
		gf_graph_free(g);
	}
	gf_store_free(l.store);
	return 0;
}
