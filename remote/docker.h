/* docker.h: what docker.c and docker_load.c share (private to remote).  image-protocols.md 3. */
#ifndef GF_REMOTE_DOCKER_H
#define GF_REMOTE_DOCKER_H

#include "remote/http.h"

/* Where a daemon is (docker_host.c). */
typedef struct gf_docker_place {
	char *shown;                          /* "unix:///var/run/docker.sock", "tcp://build.example:2376" */
	char *base;                           /* of URLs: "http://localhost", "https://build.example:2376" */
	const char *unix_socket;              /* inside shown; NULL: TCP */
	char *ca_file, *cert_file, *key_file; /* PEM; NULL: none */
} gf_docker_place;
/* GF_USAGE "docker-host", "docker-context".  out is to be cleared in either case. */
bool gf_docker_host_find(const gf_docker_options *o, gf_docker_place *out, gf_error *err);
void gf_docker_host_clear(gf_docker_place *p);
/* The address in the meta.json of the context name, added to host.  GF_USAGE "docker-context" and those of JSON. */
bool gf_docker_context_read(
    const char *text, size_t n, const char *path, const char *name, gf_buf *host, gf_error *err);

struct gf_docker {
	gf_http *http;
	gf_docker_place at;
	gf_docker_about about;
};

/* "http://localhost/v1.41", or the base of another place, and what the format says; NULL with *err set. */
char *gf_docker_url(const gf_docker *d, gf_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One request; url is freed, NULL fails with *err as it is. */
bool gf_docker_ask(gf_docker *d, const char *method, char *url, gf_response *r, gf_error *err);
/* GET; url is freed.  *doc NULL: 404, there is no such thing.  Any other refusal: "docker-inspect". */
bool gf_docker_look(gf_docker *d, char *url, const char *object, gf_json_doc **doc, gf_error *err);
gf_json_doc *gf_docker_parse(const gf_docker *d, const gf_response *r, gf_error *err);
/* Not the answer that was hoped for: name and its message, or the text it sent, escaped.  Returns false. */
bool gf_docker_refused(const gf_docker *d, const gf_response *r, const char *name, const char *object, gf_error *err);

/*
 * The answer to a load: JSON objects one after the other, whatever stands between.  "Loaded image: NAME",
 * "Loaded image ID: sha256:...", podman's several names with commas; errorDetail.message, then error,
 * then "Error unpacking image" are GF_FAILED "docker-load", and so is an answer that stops inside an object.
 * An empty answer reports nothing and is no error: the caller asks for the image.
 */
bool gf_docker_load_answer(const char *text, size_t n, gf_docker_loaded *out, gf_error *err);

#endif
