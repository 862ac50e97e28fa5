#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"

/* A path element or query value made of foreign text.  Slashes and colons of names stay: the daemon's router
 * takes the whole rest of the path for the name. */
static bool escaped(gf_buf *out, const char *text, const char *keep, gf_error *err)
{
	gf_buf_init(out, 3 * GF_REFERENCE_SIZE);
	return gf_url_escape(out, text, keep, err);
}

void gf_docker_image_clear(gf_docker_image *i)
{
	for (size_t k = 0; k < i->n_names; k++)
		free(i->names[k]);
	free(i->names);
	free(i->id);
	free(i->diff_ids);
	free(i->platform);
	memset(i, 0, sizeof *i);
}

void gf_docker_images_free(gf_docker_image *images, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gf_docker_image_clear(&images[i]);
	free(images);
}

/* RepoTags: absent, null, [] and ["<none>:<none>"] all say that there are none. */
static bool read_names(gf_json image, gf_docker_image *out, gf_error *err)
{
	gf_json tags = gf_json_get(image, "RepoTags");
	size_t n = gf_json_typeof(tags) == GF_JSON_ARRAY ? gf_json_count(tags) : 0;

	out->names = gf_alloc(n + 1, sizeof *out->names, err);
	if (out->names == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *name;

		if (!gf_json_text(gf_json_at(tags, i), &name, err))
			return false;
		if (strcmp(name, "<none>:<none>") == 0)
			continue;
		out->names[out->n_names] = gf_strdup(name, err);
		if (out->names[out->n_names] == NULL)
			return false;
		out->n_names++;
	}
	return true;
}

static bool read_id(gf_json image, gf_docker_image *out, gf_error *err)
{
	const char *id;

	if (!gf_json_string(image, "Id", &id, err))
		return false;
	/* podman leaves the algorithm out in some answers. */
	if (strchr(id, ':') == NULL) {
		char text[GF_DIGEST_SIZE];

		snprintf(text, sizeof text, "sha256:%.64s", id);
		out->id = gf_strdup(text, err);
	} else {
		out->id = gf_strdup(id, err);
	}
	return out->id != NULL;
}

static bool read_layers(gf_json image, gf_docker_image *out, gf_error *err)
{
	gf_json layers = gf_json_get(gf_json_get(image, "RootFS"), "Layers");
	size_t n = gf_json_typeof(layers) == GF_JSON_ARRAY ? gf_json_count(layers) : 0;

	out->diff_ids = gf_alloc(n + 1, sizeof *out->diff_ids, err);
	if (out->diff_ids == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text;

		if (!gf_json_text(gf_json_at(layers, i), &text, err))
			return false;
		if (!gf_digest_parse(text, &out->diff_ids[i]))
			return gf_json_fail(gf_json_at(layers, i), "docker-answer", err, "no sha256 digest");
		out->n_diff_ids++;
	}
	return true;
}

static bool read_platform(gf_json image, gf_docker_image *out, gf_error *err)
{
	const char *os = "", *arch = "", *variant = "";
	char text[128];

	if (!gf_json_string_if(image, "Os", &os, err) || !gf_json_string_if(image, "Architecture", &arch, err) ||
	    !gf_json_string_if(image, "Variant", &variant, err))
		return false;
	snprintf(text, sizeof text, "%.40s/%.40s%s%.40s", os, arch, variant[0] != '\0' ? "/" : "", variant);
	out->platform = gf_strdup(text, err);
	return out->platform != NULL;
}

bool gf_docker_list(gf_docker *d, gf_docker_image **images, size_t *n, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_docker_image *list = NULL;
	size_t count = 0, read = 0;
	gf_response r;
	bool ok = false;

	*images = NULL;
	*n = 0;
	gf_response_init(&r);
	if (!gf_docker_ask(d, "GET", gf_docker_url(d, err, "/images/json"), &r, err))
		goto out;
	if (r.status != 200) {
		gf_docker_refused(d, &r, "docker-list", d->at.shown, err);
		goto out;
	}
	doc = gf_docker_parse(d, &r, err);
	if (doc == NULL)
		goto out;
	if (gf_json_typeof(gf_json_root(doc)) != GF_JSON_ARRAY) {
		gf_json_fail(gf_json_root(doc), "docker-answer", err, "a list of images was expected");
		goto out;
	}
	count = gf_json_count(gf_json_root(doc));
	list = gf_alloc(count + 1, sizeof *list, err);
	ok = list != NULL;
	for (; ok && read < count; read++) {
		gf_json image = gf_json_at(gf_json_root(doc), read);

		ok = read_id(image, &list[read], err) && read_names(image, &list[read], err);
	}
out:
	gf_json_free(doc);
	gf_response_clear(&r);
	if (ok) {
		*images = list;
		*n = count;
	} else {
		gf_docker_images_free(list, read);
	}
	return ok;
}

/* podman finds "example.com/app/good:1.0" when asked for "good:1.0" (image-protocols.md 3.5): of the names that it
 * reports one must be the one that was asked for, or that under its own localhost/. */
static bool has_name(const gf_docker_image *image, const char *reference)
{
	gf_reference want, have;
	gf_error ignored;

	if (gf_starts_with(reference, "sha256:") || !gf_reference_parse(reference, &want, &ignored) || want.has_digest)
		return true;
	for (size_t i = 0; i < image->n_names; i++) {
		if (!gf_reference_parse(image->names[i], &have, &ignored) || strcmp(have.tag, want.tag) != 0)
			continue;
		if (strcmp(have.host, want.host) == 0 && strcmp(have.path, want.path) == 0)
			return true;
		if (strcmp(want.host, "docker.io") == 0 && strcmp(have.host, "localhost") == 0 &&
		    gf_ends_with(want.path, have.path) && !gf_starts_with(reference, "docker.io/"))
			return true;
	}
	return false;
}

bool gf_docker_inspect(gf_docker *d, const char *reference, bool *found, gf_docker_image *out, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_buf name;
	bool ok;

	memset(out, 0, sizeof *out);
	ok = escaped(&name, reference, "/:@", err) &&
	    gf_docker_look(d, gf_docker_url(d, err, "/images/%s/json", gf_buf_text(&name)), reference, &doc, err) &&
	    (doc == NULL ||
		(read_id(gf_json_root(doc), out, err) && read_names(gf_json_root(doc), out, err) &&
		    read_layers(gf_json_root(doc), out, err) && read_platform(gf_json_root(doc), out, err)));
	*found = ok && doc != NULL && (d->about.store != GF_STORE_PODMAN || has_name(out, reference));
	if (!*found)
		gf_docker_image_clear(out);
	gf_json_free(doc);
	gf_buf_clear(&name);
	return ok;
}

/* A save was refused: which of the images is it that is not there?  (podman answers 500 for that.) */
static void save_refused(gf_docker *d, const char *const *references, size_t n, const gf_response *r, gf_error *err)
{
	for (size_t i = 0; i < n; i++) {
		gf_docker_image image;
		gf_error ignored;
		bool found = true;

		if (!gf_docker_inspect(d, references[i], &found, &image, &ignored))
			continue;
		gf_docker_image_clear(&image);
		if (!found) {
			gf_fail(err, GF_FAILED, "docker-no-image", references[i], "the daemon at %s has no image '%s'",
			    d->at.shown, references[i]);
			return;
		}
	}
	gf_docker_refused(d, r, "docker-save", references[0], err);
}

/* The input that is given out: the response must live as long as what writes into it. */
typedef struct saved {
	gf_input in;
	gf_input *body;
	gf_response response;
} saved;

static ptrdiff_t saved_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	return gf_input_read(((saved *)in)->body, buf, cap, err);
}

static void saved_close(gf_input *in)
{
	saved *s = (saved *)in;

	gf_input_close(s->body);
	gf_response_clear(&s->response);
	free(s);
}

static char *save_url(const gf_docker *d, const char *const *references, size_t n, gf_error *err)
{
	char *start = gf_docker_url(d, err, "/images/get");
	bool ok = start != NULL;
	gf_buf url;

	gf_buf_init(&url, GF_URL_MAX);
	ok = ok && gf_buf_puts(&url, start, err);
	for (size_t i = 0; ok && i < n; i++)
		ok = gf_buf_puts(&url, i == 0 ? "?names=" : "&names=", err) &&
		    gf_url_escape(&url, references[i], "/:@", err);
	if (!ok)
		gf_buf_clear(&url);
	free(start);
	return url.data;
}

gf_input *gf_docker_save(gf_docker *d, const char *const *references, size_t n, gf_error *err)
{
	static const gf_input_ops ops = { saved_read, NULL, saved_close };
	gf_request q = { .method = "GET", .patient = true };
	char *url = save_url(d, references, n, err);
	saved *s = url != NULL ? gf_alloc(1, sizeof *s, err) : NULL;
	bool ok = false;

	if (s == NULL)
		goto out;
	s->in.ops = &ops;
	gf_response_init(&s->response);
	q.url = url;
	s->body = gf_http_receive(d->http, &q, &s->response, err);
	ok = s->body != NULL && s->response.status == 200;
	if (s->body != NULL && !ok)
		save_refused(d, references, n, &s->response, err);
	if (!ok) {
		saved_close(&s->in);
		s = NULL;
	}
out:
	free(url);
	return s != NULL ? &s->in : NULL;
}

bool gf_docker_tag(gf_docker *d, const char *id, const char *repository, const char *tag, gf_error *err)
{
	gf_buf what, repo, label;
	gf_response r;
	bool ok = false;

	gf_response_init(&r);
	gf_buf_init(&repo, 3 * GF_REFERENCE_SIZE);
	gf_buf_init(&label, 3 * GF_REFERENCE_SIZE);
	if (!escaped(&what, id, "/:@", err) || !escaped(&repo, repository, "/:", err) ||
	    !escaped(&label, tag, "", err) ||
	    !gf_docker_ask(d, "POST",
		gf_docker_url(d, err, "/images/%s/tag?repo=%s&tag=%s", gf_buf_text(&what), gf_buf_text(&repo),
		    gf_buf_text(&label)),
		&r, err))
		goto out;
	ok = r.status == 201 || gf_docker_refused(d, &r, "docker-tag", repository, err);
out:
	gf_response_clear(&r);
	gf_buf_clear(&what);
	gf_buf_clear(&repo);
	gf_buf_clear(&label);
	return ok;
}

bool gf_docker_remove(gf_docker *d, const char *reference, gf_error *err)
{
	gf_response r;
	gf_buf name;
	bool ok = false;

	gf_response_init(&r);
	/* noprune: untagged parents are not ours to remove. */
	if (!escaped(&name, reference, "/:@", err) ||
	    !gf_docker_ask(d, "DELETE", gf_docker_url(d, err, "/images/%s?noprune=1", gf_buf_text(&name)), &r, err))
		goto out;
	ok = r.status == 200 || r.status == 404 || gf_docker_refused(d, &r, "docker-remove", reference, err);
out:
	gf_response_clear(&r);
	gf_buf_clear(&name);
	return ok;
}
