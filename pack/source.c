/* source: transports as the user wrote them (DESIGN.md 5), and which source each is. */
#include "pack/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool gf_source_is_stdin(const char *text)
{
	return strcmp(text, "-") == 0 || gf_ends_with(text, ":-");
}

/* What cannot be looked at is not "not there": opening it says why. */
static bool exists(const char *path)
{
	struct stat st;

	return strcmp(path, "-") == 0 || stat(path, &st) == 0 || (!gf_is_absent(errno) && errno != ENAMETOOLONG);
}

/*
 * "PATH[:REF]": the whole where that is a path, else cut at the first colon behind which it is one; "*ref" NULL
 * where nothing was cut.  out is emptied first.
 */
static bool split(const char *text, gf_buf *path, const char **ref, gf_error *err)
{
	const char *colon = strchr(text, ':'), *first = colon;

	*ref = NULL;
	gf_buf_clear(path);
	if (first == NULL || exists(text))
		return gf_buf_puts(path, text, err);
	for (; colon != NULL; colon = strchr(colon + 1, ':')) {
		gf_buf_clear(path);
		if (!gf_buf_add(path, text, (size_t)(colon - text), err))
			return false;
		if (exists(gf_buf_text(path)))
			break;
	}
	if (colon == NULL) {
		colon = first;
		gf_buf_clear(path);
		if (!gf_buf_add(path, text, (size_t)(colon - text), err))
			return false;
	}
	*ref = colon + 1;
	return true;
}

/* REF, or "@N" for the N-th image of a docker-archive. */
static bool read_wanted(const char *transport, const char *ref, gf_wanted *want, gf_error *err)
{
	*want = (gf_wanted){ .transport = transport, .reference = ref };
	if (ref == NULL)
		return true;
	if (*ref == '\0')
		return gf_fail(
		    err, GF_USAGE, "transport", NULL, "'%s:PATH:' names no image behind its last colon", transport);
	if (*ref != '@' || strcmp(transport, "docker-archive") != 0)
		return true;
	want->reference = NULL;
	want->has_place = true;
	if (!gf_u64_parse(ref + 1, GF_ARCHIVE_MEMBERS_MAX, &want->place))
		return gf_fail(
		    err, GF_USAGE, "transport", ref, "'%s' is not the number of an image: '@0' is the first", ref);
	return true;
}

static bool add_path(gf_gathering *g, const char *path, const gf_wanted *want, gf_error *err)
{
	gf_archive *a;

	if (*path == '\0')
		return gf_fail(err, GF_USAGE, "transport", NULL, "a path is missing behind '%s:'", want->transport);
	a = gf_archive_open(path, &g->spooling, err);
	return a != NULL && gf_gathering_own(g, gf_archive_origin(a), err) && gf_source_archive(g, a, want, err);
}

static bool add_transport(gf_gathering *g, const char *transport, const char *rest, gf_error *err)
{
	const char *ref;
	gf_wanted want;
	gf_buf path;
	bool ok;

	gf_buf_init(&path, 64 * GF_KIB);
	ok = split(rest, &path, &ref, err) && read_wanted(transport, ref, &want, err) &&
	    add_path(g, gf_buf_text(&path), &want, err);
	gf_buf_clear(&path);
	return ok;
}

static const char *const files[] = { "docker-archive", "oci-archive", "oci", NULL };
static const char *const others[] = { "dir", "containers-storage", "ostree", "sif", "tarball", "atomic",
	"container-storage", NULL };

/* Behind "NAME:" of one of these, or NULL. */
static const char *behind(const char *text, const char *const *transports, const char **which)
{
	for (; *transports != NULL; transports++) {
		size_t n = strlen(*transports);
		if (strncmp(text, *transports, n) == 0 && text[n] == ':') {
			*which = *transports;
			return text + n + 1;
		}
	}
	return NULL;
}

/* Neither "./x" nor "/x": a word that may also be the name of an image. */
static bool ambiguous(const char *word)
{
	gf_reference r;
	gf_error unused;

	return *word != '/' && !gf_starts_with(word, "./") && !gf_starts_with(word, "../") && strcmp(word, "-") != 0 &&
	    gf_reference_parse(word, &r, &unused);
}

/* *daemon: what the daemon is to be asked for; NULL: the source was a path and has been added. */
static bool add_one(gf_gathering *g, const char *text, const char **daemon, gf_error *err)
{
	static const char *const daemons[] = { "docker-daemon", NULL };
	const char *which = NULL, *rest;
	gf_wanted all = { 0 };

	*daemon = NULL;
	if ((rest = behind(text, daemons, &which)) != NULL) {
		*daemon = rest;
		return *rest != '\0' ||
		    gf_fail(err, GF_USAGE, "transport", NULL, "an image is missing behind 'docker-daemon:'");
	}
	if ((rest = behind(text, files, &which)) != NULL)
		return add_transport(g, which, rest, err);
	if (gf_starts_with(text, "docker://"))
		return gf_source_registry(g, text + strlen("docker://"), err);
	if (exists(text)) {
		if (ambiguous(text) && gf_docker_knows(&g->options->docker, text))
			return gf_fail(err, GF_USAGE, "source-both", text,
			    "'%s' is a file here and also an image in the daemon: write ./%s or docker-daemon:%s", text,
			    text, text);
		return add_path(g, text, &all, err);
	}
	if (behind(text, others, &which) != NULL)
		return gf_fail(err, GF_USAGE, "transport", text,
		    "'%s' is not read as a source: docker-archive:, oci-archive:, oci:, docker-daemon: and docker:// are",
		    text);
	if (strchr(text, '/') != NULL && (*text == '/' || *text == '.'))
		return gf_fail(err, GF_USAGE, "open", text, "there is no '%s'", text);
	*daemon = text;
	return true;
}

/* A bare word goes to the daemon because there is no such path: whoever mistyped a file's name has no daemon in mind. */
static bool say_why_asked(const gf_ask *asked, size_t n, gf_error *err)
{
	size_t i = 0;

	while (i < n && asked[i].reference != asked[i].source->text)
		i++;
	if (i < n && strcmp(err->name, "docker-connect") == 0)
		return gf_because(
		    err, "'%s' is no file here, so the Docker daemon is asked for it", asked[i].source->text);
	return false;
}

static bool same_platforms(const gf_pack_source *a, const gf_pack_source *b)
{
	bool same = a->n_platforms == b->n_platforms;

	for (size_t i = 0; same && i < a->n_platforms; i++)
		same = strcmp(a->platforms[i], b->platforms[i]) == 0;
	return same;
}

/* Images of the daemon are asked for together, so that layers they share are sent and compressed once: all of which the
 * same platforms are wanted. */
static bool ask_daemon(gf_gathering *g, gf_ask *asked, size_t n, gf_error *err)
{
	while (n > 0) {
		size_t same = 0;
		g->source = asked[0].source;
		for (size_t i = 0; i < n; i++)
			if (same_platforms(asked[i].source, g->source)) {
				gf_ask found = asked[i];
				memmove(&asked[same + 1], &asked[same], (i - same) * sizeof found);
				asked[same++] = found;
			}
		if (!gf_source_docker(g, asked, same, err))
			return say_why_asked(asked, same, err);
		asked += same;
		n -= same;
	}
	return true;
}

/* Images stand in the order of their sources. */
static void sort(gf_gathering *g)
{
	for (size_t i = 1; i < g->n_images; i++) {
		gf_listed image = g->images[i];
		size_t k = i;
		while (k > 0 && g->images[k - 1].source > image.source)
			k--;
		memmove(&g->images[k + 1], &g->images[k], (i - k) * sizeof image);
		g->images[k] = image;
	}
}

static bool add_all(gf_gathering *g, gf_ask *asked, gf_error *err)
{
	const gf_pack_options *o = g->options;
	size_t n_asked = 0;

	for (size_t i = 0; i < o->n_sources; i++) {
		const char *daemon;
		g->source = &o->sources[i];
		if (!add_one(g, o->sources[i].text, &daemon, err))
			return false;
		if (daemon != NULL)
			asked[n_asked++] = (gf_ask){ daemon, &o->sources[i] };
	}
	if (!ask_daemon(g, asked, n_asked, err))
		return false;
	sort(g);
	return true;
}

bool gf_gather(gf_gathering *g, gf_error *err)
{
	const gf_pack_options *o = g->options;
	gf_ask *asked = gf_alloc(o->n_sources + 1, sizeof *asked, err);
	size_t stdins = 0;
	bool ok = asked != NULL;

	if (ok && o->n_sources == 0)
		ok = gf_fail(err, GF_USAGE, "no-source", NULL, "nothing to pack: name a source");
	for (size_t i = 0; ok && i < o->n_sources; i++)
		stdins += gf_source_is_stdin(o->sources[i].text);
	if (ok && stdins > 1)
		ok = gf_fail(err, GF_USAGE, "transport", NULL, "stdin can be read once only");
	ok = ok && add_all(g, asked, err) && gf_gathering_settle(g, err);
	free(asked);
	return ok;
}
