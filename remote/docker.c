#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"

#define OUR_MINOR 47 /* the newest API, 1.47, that was read for this file; every daemon since 1.24 has what is asked */

/* ---- answers ---- */

char *gf_docker_url(const gf_docker *d, gf_error *err, const char *fmt, ...)
{
	char tail[2048];
	va_list ap;
	gf_buf b;
	int n;

	gf_buf_init(&b, GF_URL_MAX);
	va_start(ap, fmt);
	n = vsnprintf(tail, sizeof tail, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof tail)
		gf_fail(err, GF_FAILED, "docker-request", NULL, "a request of more than %zu characters", sizeof tail);
	else
		gf_buf_printf(&b, err, "%s%s%s%s", d->at.base, d->about.api[0] != '\0' ? "/v" : "", d->about.api, tail);
	return b.data;
}

bool gf_docker_refused(const gf_docker *d, const gf_response *r, const char *name, const char *object, gf_error *err)
{
	gf_error ignored;
	gf_json_doc *doc = gf_json_parse(
	    gf_buf_text(&r->body), r->body.len, GF_HTTP_BODY_MAX, GF_FAILED, "the daemon's answer", &ignored);
	const char *said = gf_buf_text(&r->body);
	gf_buf shown;

	if (doc != NULL)
		gf_json_string_if(gf_json_root(doc), "message", &said, &ignored);
	gf_buf_init(&shown, 2048);
	gf_text_escape(&shown, said, 600, &ignored);
	gf_fail(err, GF_FAILED, name, object, "the daemon at %s answered %ld%s%s", d->at.shown, r->status,
	    shown.len > 0 ? ": " : "", gf_buf_text(&shown));
	gf_buf_clear(&shown);
	gf_json_free(doc);
	return false;
}

bool gf_docker_ask(gf_docker *d, const char *method, char *url, gf_response *r, gf_error *err)
{
	gf_request q = { .method = method, .url = url };
	bool ok = url != NULL && gf_http_do(d->http, &q, r, err);

	free(url);
	return ok;
}

gf_json_doc *gf_docker_parse(const gf_docker *d, const gf_response *r, gf_error *err)
{
	gf_json_doc *doc =
	    gf_json_parse(gf_buf_text(&r->body), r->body.len, GF_HTTP_BODY_MAX, GF_FAILED, "the daemon's answer", err);

	if (doc == NULL)
		gf_because(err, "the daemon at %s", d->at.shown);
	return doc;
}

bool gf_docker_look(gf_docker *d, char *url, const char *object, gf_json_doc **doc, gf_error *err)
{
	gf_response r;
	bool ok;

	*doc = NULL;
	gf_response_init(&r);
	ok = gf_docker_ask(d, "GET", url, &r, err);
	if (ok && r.status != 404)
		ok = (r.status == 200 || gf_docker_refused(d, &r, "docker-inspect", object, err)) &&
		    (*doc = gf_docker_parse(d, &r, err)) != NULL;
	gf_response_clear(&r);
	return ok;
}

/* ---- opening ---- */

static bool connect_failed(const gf_docker *d, gf_error *err)
{
	const char *todo = "is it running? -H and DOCKER_HOST name another";

	if (strcmp(err->name, "http-connect") != 0)
		return false;
	if (err->os_errno == EACCES)
		todo = "this user may not: run as root, or as a member of the socket's group (docker)";
	else if (err->os_errno == ENOENT)
		todo = "there is no such socket: is a daemon installed and running? -H and DOCKER_HOST name another";
	return gf_fail(
	    err, GF_FAILED, "docker-connect", d->at.shown, "no Docker daemon answers at %s; %s", d->at.shown, todo);
}

static void copy_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text);
}

/* "1.41" -> 41; 0 for anything else. */
static unsigned minor_of(const char *version)
{
	uint64_t minor = 0;

	if (!gf_starts_with(version, "1.") || !gf_u64_parse(version + 2, 999, &minor))
		return 0;
	return (unsigned)minor;
}

static bool negotiate(gf_docker *d, const char *newest, const char *oldest, gf_error *err)
{
	unsigned max = minor_of(newest), min = minor_of(oldest);

	if (max == 0)
		return gf_fail(err, GF_FAILED, "docker-version", d->at.shown,
		    "what listens at %s names no API version and is no Docker daemon", d->at.shown);
	if (min > OUR_MINOR || max < 24)
		return gf_fail(err, GF_FAILED, "docker-version", d->at.shown,
		    "the daemon at %s (%s) speaks API 1.%u to 1.%u; 1.24 to 1.%u are spoken here", d->at.shown,
		    d->about.version, min, max, OUR_MINOR);
	snprintf(d->about.api, sizeof d->about.api, "1.%u", max < OUR_MINOR ? max : OUR_MINOR);
	return true;
}

static bool is_podman(const gf_response *r, gf_json version)
{
	size_t len;
	gf_json components = gf_json_get(version, "Components");

	if (gf_response_value(r, "Libpod-Api-Version", 0, &len) != NULL)
		return true;
	for (size_t i = 0; i < gf_json_count(components); i++) {
		const char *name = "";
		gf_error ignored;

		if (gf_json_text(gf_json_get(gf_json_at(components, i), "Name"), &name, &ignored) &&
		    strcmp(name, "Podman Engine") == 0)
			return true;
	}
	return false;
}

static bool ask_version(gf_docker *d, gf_error *err)
{
	const char *api = "", *min = "", *version = "", *os = "", *arch = "";
	gf_json_doc *doc = NULL;
	gf_json root;
	gf_response r;
	bool ok = false;

	gf_response_init(&r);
	if (!gf_docker_ask(d, "GET", gf_docker_url(d, err, "/version"), &r, err)) {
		connect_failed(d, err);
		goto out;
	}
	if (r.status != 200) {
		gf_docker_refused(d, &r, "docker-version", d->at.shown, err);
		goto out;
	}
	doc = gf_docker_parse(d, &r, err);
	if (doc == NULL)
		goto out;
	root = gf_json_root(doc);
	if (!gf_json_string(root, "ApiVersion", &api, err) || !gf_json_string_if(root, "MinAPIVersion", &min, err) ||
	    !gf_json_string_if(root, "Version", &version, err) || !gf_json_string_if(root, "Os", &os, err) ||
	    !gf_json_string_if(root, "Arch", &arch, err)) {
		gf_because(err, "the version of the daemon at %s", d->at.shown);
		goto out;
	}
	copy_text(d->about.version, sizeof d->about.version, version);
	snprintf(d->about.platform, sizeof d->about.platform, "%.30s/%.30s", os, arch);
	d->about.store = is_podman(&r, root) ? GF_STORE_PODMAN : GF_STORE_CLASSIC;
	ok = negotiate(d, api, min, err);
out:
	gf_json_free(doc);
	gf_response_clear(&r);
	return ok;
}

/* DriverStatus is a list of pairs; a containerd store says so in one of them. */
static bool has_snapshotter(gf_json info)
{
	gf_json status = gf_json_get(info, "DriverStatus");
	gf_error ignored;

	for (size_t i = 0; i < gf_json_count(status); i++) {
		gf_json row = gf_json_at(status, i);

		for (size_t k = 0; k < gf_json_count(row); k++) {
			const char *text = "";

			if (gf_json_text(gf_json_at(row, k), &text, &ignored) &&
			    gf_starts_with(text, "io.containerd.snapshotter"))
				return true;
		}
	}
	return false;
}

/* The store, and the data root ("" when not told). */
static bool ask_info(gf_docker *d, char *root, size_t cap, gf_error *err)
{
	const char *root_dir = "";
	gf_json_doc *doc = NULL;
	gf_response r;
	bool ok = false;

	gf_response_init(&r);
	if (!gf_docker_ask(d, "GET", gf_docker_url(d, err, "/info"), &r, err))
		goto out;
	if (r.status != 200) {
		gf_docker_refused(d, &r, "docker-info", d->at.shown, err);
		goto out;
	}
	doc = gf_docker_parse(d, &r, err);
	if (doc == NULL)
		goto out;
	if (d->about.store == GF_STORE_CLASSIC && has_snapshotter(gf_json_root(doc)))
		d->about.store = GF_STORE_CONTAINERD;
	ok = gf_json_string_if(gf_json_root(doc), "DockerRootDir", &root_dir, err);
	copy_text(root, cap, root_dir);
out:
	gf_json_free(doc);
	gf_response_clear(&r);
	return ok;
}

/*
 * Docker knows a containerd store since 23, API 1.42 (image-protocols.md 3.2, 3.3).  An older daemon is not asked:
 * it takes 11 ms to answer, which is half of a load that finds everything there.
 */
static bool find_store(gf_docker *d, gf_error *err)
{
	char root[256];

	return d->about.store == GF_STORE_PODMAN || minor_of(d->about.api) < 42 || ask_info(d, root, sizeof root, err);
}

bool gf_docker_root(gf_docker *d, char *out, size_t cap, gf_error *err)
{
	return ask_info(d, out, cap, err);
}

gf_docker *gf_docker_open(const gf_docker_options *o, gf_error *err)
{
	gf_docker *d = gf_alloc(1, sizeof *d, err);
	gf_http_options options = { 0 };
	bool ok = false;

	if (d == NULL)
		return NULL;
	if (gf_docker_host_find(o, &d->at, err)) {
		options.unix_socket = d->at.unix_socket;
		options.ca_file = d->at.ca_file;
		options.cert_file = d->at.cert_file;
		options.key_file = d->at.key_file;
		options.plain = gf_starts_with(d->at.base, "http:"); /* as the address says: tcp:// without TLS */
		d->http = gf_http_open(&options, err);
	}
	ok = d->http != NULL && ask_version(d, err) && find_store(d, err);
	if (!ok) {
		gf_docker_close(d);
		d = NULL;
	}
	return d;
}

void gf_docker_close(gf_docker *d)
{
	if (d == NULL)
		return;
	gf_http_close(d->http);
	gf_docker_host_clear(&d->at);
	free(d);
}

const gf_docker_about *gf_docker_is(const gf_docker *d)
{
	return &d->about;
}

const char *gf_docker_host(const gf_docker *d)
{
	return d->at.shown;
}
