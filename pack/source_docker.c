/* source_docker: images out of a running daemon (Docker Engine API, GET /images/get). */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 8

bool gf_docker_knows(const gf_docker_options *where, const char *reference)
{
	gf_docker_image image = { 0 };
	gf_error unused = { 0 };
	gf_docker *d = gf_docker_open(where, &unused);
	bool found = false, ok = d != NULL && gf_docker_inspect(d, reference, &found, &image, &unused);

	gf_docker_image_clear(&image);
	gf_docker_close(d);
	return ok && found;
}

/* ---- an image that is not there ---- */

/* The last part of a name without its tag: where it begins and its length. */
static const char *base_of(const char *name, size_t *n)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash != NULL ? slash + 1 : name;

	*n = strcspn(base, ":@");
	return base;
}

/*
 * The classic mistake: the build tags registry.example/team/app:1.2 and the save names team/app:1.2.  The same
 * last part and tag come first, then the same last part.
 */
static bool similar(const char *asked, const char *has, bool with_tag)
{
	size_t n, m;
	const char *a = base_of(asked, &n), *b = base_of(has, &m);

	return n == m && strncmp(a, b, n) == 0 && (strcmp(a, b) == 0) == with_tag;
}

static void add_similar(
    gf_buf *out, const gf_docker_image *images, size_t n, const char *asked, bool with_tag, size_t *shown)
{
	gf_error full;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < images[i].n_names; k++) {
			const char *name = images[i].names[k];
			if (*shown == NAMES_SHOWN || !similar(asked, name, with_tag))
				continue;
			if (!gf_buf_puts(out, *shown > 0 ? ", " : "", &full) || !gf_buf_puts(out, "'", &full) ||
			    !gf_text_escape(out, name, 200, &full) || !gf_buf_puts(out, "'", &full))
				return;
			++*shown;
		}
}

static bool not_there(gf_docker *d, const char *asked, gf_error *err)
{
	gf_docker_image *images = NULL;
	char wanted[GF_REFERENCE_SIZE];
	size_t n = 0, shown = 0;
	gf_error unused = { 0 };
	gf_reference r;
	gf_buf text;

	gf_buf_init(&text, 800);
	if (gf_reference_parse(asked, &r, &unused))
		gf_reference_print(&r, wanted);
	else
		wanted[0] = '\0';
	if (!gf_docker_list(d, &images, &n, err))
		return false;
	add_similar(&text, images, n, wanted, true, &shown);
	add_similar(&text, images, n, wanted, false, &shown);
	if (shown > 0)
		gf_fail(err, GF_FAILED, "docker-no-image", asked,
		    "the daemon has no image '%s'; it has %s: name it so, or 'docker tag' it", asked,
		    gf_buf_text(&text));
	else
		gf_fail(err, GF_FAILED, "docker-no-image", asked,
		    "the daemon at %s has no image '%s', and none of its %zu images has a name that ends the same way",
		    gf_docker_host(d), asked, n);
	gf_docker_images_free(images, n);
	gf_buf_clear(&text);
	return false;
}

/* ---- asking and sorting ---- */

typedef struct asked {
	char name[GF_REFERENCE_SIZE]; /* complete; "" for an ID */
	char id[GF_DIGEST_SIZE];      /* what the daemon calls it */
} asked;

/* *text: how to ask the daemon for it. */
static bool look_up(gf_docker *d, const char *text, asked *a, gf_error *err)
{
	gf_docker_image image = { 0 };
	bool found = false, bare, ok;
	gf_digest id;

	if (gf_digest_parse(text, &id))
		a->name[0] = '\0';
	else if (!gf_name_complete(text, a->name, &bare, err))
		return false;
	ok = gf_docker_inspect(d, a->name[0] != '\0' ? a->name : text, &found, &image, err);
	if (ok && !found)
		ok = not_there(d, text, err);
	if (ok && (image.id == NULL || !gf_digest_parse(image.id, &id)))
		ok = gf_fail(err, GF_FAILED, "docker-answer", text,
		    "the daemon gives image '%s' no ID of the form sha256:HEX", text);
	if (ok)
		gf_digest_text(&id, a->id);
	gf_docker_image_clear(&image);
	return ok;
}

/* Does this image of the save answer that question?  Its ID is its config (classic), or its root (containerd). */
static bool answers(const gf_listed *image, const asked *a)
{
	gf_digest id;

	if (a->name[0] != '\0')
		return gf_listed_has(image, a->name);
	return gf_digest_parse(a->id, &id) &&
	    (gf_digest_equal(&id, &image->root) ||
		(image->has_source_index && gf_digest_equal(&id, &image->source_index)));
}

/* The daemon saves in an order of its own: the source of an image is the first that asked for it. */
static void find_sources(gf_gathering *g, size_t first, const asked *list, const gf_ask *asks, size_t n)
{
	for (size_t i = first; i < g->n_images; i++)
		for (size_t q = 0; q < n; q++)
			if (answers(&g->images[i], &list[q])) {
				g->images[i].source = asks[q].source;
				break;
			}
}

static bool save(gf_gathering *g, gf_docker *d, const char *const *references, size_t n, gf_error *err)
{
	gf_wanted all = { .transport = "docker-daemon" };
	gf_spooling how = g->spooling;
	gf_archive *a;

	/* A containerd store saves layers as they are stored, and their digests are the images' identity. */
	if (gf_docker_is(d)->store == GF_STORE_CONTAINERD)
		how.squeeze = GF_CODEC_NONE;
	a = gf_archive_take(gf_docker_save(d, references, n, err), "docker-daemon", &how, err);
	return a != NULL && gf_gathering_own(g, gf_archive_origin(a), err) && gf_source_archive(g, a, &all, err);
}

bool gf_source_docker(gf_gathering *g, const gf_ask *asks, size_t n, gf_error *err)
{
	gf_docker *d = gf_docker_open(&g->options->docker, err);
	asked *list = d != NULL ? gf_alloc(n, sizeof *list, err) : NULL;
	const char **names = list != NULL ? gf_alloc(n, sizeof *names, err) : NULL;
	size_t first = g->n_images;
	bool ok = names != NULL;

	for (size_t i = 0; ok && i < n; i++) {
		ok = look_up(d, asks[i].reference, &list[i], err);
		names[i] = list[i].name[0] != '\0' ? list[i].name : list[i].id;
	}
	ok = ok && save(g, d, names, n, err);
	if (ok)
		find_sources(g, first, list, asks, n);
	for (size_t q = 0; ok && q < n; q++) {
		bool answered = false;
		for (size_t i = first; i < g->n_images && !answered; i++)
			answered = answers(&g->images[i], &list[q]);
		if (!answered)
			ok = gf_fail(err, GF_FAILED, "docker-answer", asks[q].reference,
			    "the daemon's save does not hold '%s', which was asked for", asks[q].reference);
	}
	free(names);
	free(list);
	gf_docker_close(d);
	return ok;
}
