/*
 * docker_host: where the daemon is, as the docker command finds it: the host or the context given, $DOCKER_HOST,
 * $DOCKER_CONTEXT or the current context of config.json, the usual socket.  TLS by the files given, by DOCKER_TLS_VERIFY
 * and DOCKER_CERT_PATH, or by the files of the context (docker/cli, docs "Protect the Docker daemon socket", "Docker contexts").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/docker.h"
#include "remote/reference.h"

#define USUAL_SOCKET "unix:///var/run/docker.sock"

void gf_docker_host_clear(gf_docker_place *p)
{
	free(p->shown);
	free(p->base);
	free(p->ca_file);
	free(p->cert_file);
	free(p->key_file);
	memset(p, 0, sizeof *p);
}

/* ---- the address ---- */

static bool not_spoken(const char *host, gf_error *err)
{
	if (gf_starts_with(host, "ssh://"))
		return gf_fail(err, GF_USAGE, "docker-host", host,
		    "'%s': ssh is not spoken here; forward the socket and use that: ssh -nNT -L "
		    "/tmp/docker.sock:/var/run/docker.sock %s, then -H unix:///tmp/docker.sock",
		    host, host + strlen("ssh://"));
	if (strstr(host, "://") != NULL && gf_has_user(strstr(host, "://") + 3))
		return gf_fail(err, GF_USAGE, "docker-host", NULL,
		    "a user or a password stands in the address of the daemon (it is not shown): write tcp://HOST:PORT");
	return gf_fail(err, GF_USAGE, "docker-host", host,
	    "'%s' is no address of a daemon; write unix:///PATH or tcp://HOST:PORT", host);
}

/* tcp://HOST[:PORT]: 2376 with TLS, 2375 without (IANA; docker's defaults). */
static bool take_tcp(const char *host, bool tls, gf_docker_place *out, gf_error *err)
{
	const char *name = host + strlen("tcp://"), *bracket = strrchr(name, ']');
	size_t n = strlen(name);
	bool ported;
	gf_buf b;

	if (n > 0 && name[n - 1] == '/')
		n--;
	ported = memchr(bracket != NULL ? bracket : name, ':',
		     n - (size_t)((bracket != NULL ? bracket : name) - name)) != NULL;
	if (!gf_host_valid(name, n))
		return not_spoken(host, err);
	gf_buf_init(&b, GF_URL_MAX);
	gf_buf_printf(&b, err, "http%s://%.*s%s", tls ? "s" : "", (int)n, name, ported ? "" : tls ? ":2376" : ":2375");
	out->base = b.data;
	return b.data != NULL;
}

static bool take_host(const char *host, bool tls, gf_docker_place *out, gf_error *err)
{
	out->shown = gf_strdup(host, err);
	if (out->shown == NULL)
		return false;
	if (gf_starts_with(host, "unix:///")) {
		out->unix_socket = out->shown + strlen("unix://");
		out->base = gf_strdup("http://localhost", err);
		return out->base != NULL;
	}
	return gf_starts_with(host, "tcp://") ? take_tcp(host, tls, out, err) : not_spoken(host, err);
}

/* ---- TLS ---- */

/* DIR/NAME where it is there, or nobody knows: opening it will tell; else *out stays NULL. */
static bool take_file(const char *dir, const char *name, char **out, gf_error *err)
{
	gf_buf path;
	bool ok;

	gf_buf_init(&path, 4096);
	ok = gf_path_join(&path, dir, name, err) &&
	    ((access(gf_buf_text(&path), F_OK) != 0 && gf_is_absent(errno)) ||
		(*out = gf_strdup(gf_buf_text(&path), err)) != NULL);
	gf_buf_clear(&path);
	return ok;
}

static bool take_files(const char *dir, gf_docker_place *out, gf_error *err)
{
	return take_file(dir, "ca.pem", &out->ca_file, err) && take_file(dir, "cert.pem", &out->cert_file, err) &&
	    take_file(dir, "key.pem", &out->key_file, err) &&
	    ((out->cert_file == NULL) == (out->key_file == NULL) ||
		gf_fail(
		    err, GF_USAGE, "docker-host", dir, "'%s' has one of cert.pem and key.pem and not the other", dir));
}

/* $DOCKER_CONFIG or ~/.docker; out is emptied first, and stays empty where neither is known. */
static bool config_dir(gf_buf *out, gf_error *err)
{
	const char *named = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	gf_buf_clear(out);
	if (named != NULL && named[0] != '\0')
		return gf_buf_puts(out, named, err);
	return home == NULL || home[0] == '\0' || gf_path_join(out, home, ".docker", err);
}

/* An option instead of the file of the environment. */
static bool take_option(const char *given, char **out, gf_error *err)
{
	if (given == NULL)
		return true;
	free(*out);
	*out = gf_strdup(given, err);
	return *out != NULL;
}

static bool any_file(const gf_docker_options *o)
{
	return o->ca_file != NULL || o->cert_file != NULL || o->key_file != NULL;
}

/* given: with its files; NULL: what the environment says. */
static bool take_address(const char *host, const gf_docker_options *given, gf_docker_place *out, gf_error *err)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *path = getenv("DOCKER_CERT_PATH");
	bool tcp = gf_starts_with(host, "tcp://"), by_option = tcp && given != NULL && any_file(given);
	bool by_variable = tcp && verify != NULL && verify[0] != '\0', ok = true;
	gf_buf dir;

	gf_buf_init(&dir, 4096);
	if (by_variable)
		ok = (path != NULL && path[0] != '\0' ? gf_buf_puts(&dir, path, err) : config_dir(&dir, err)) &&
		    take_files(gf_buf_text(&dir), out, err);
	if (ok && by_option)
		ok = take_option(given->ca_file, &out->ca_file, err) &&
		    take_option(given->cert_file, &out->cert_file, err) &&
		    take_option(given->key_file, &out->key_file, err);
	gf_buf_clear(&dir);
	return ok && take_host(host, by_option || by_variable, out, err);
}

/* ---- contexts: contexts/meta/SHA256(NAME)/meta.json, contexts/tls/SHA256(NAME)/docker/{ca,cert,key}.pem ---- */

/* Passwords may stand in it.  *there false: no such file, or one of somebody else's home. */
static bool load(const char *path, gf_buf *text, bool *there, gf_error *err)
{
	*there = access(path, F_OK) == 0 || (!gf_is_absent(errno) && errno != EACCES);
	return !*there || gf_file_load(path, GF_CONFIG_FILE_MAX, GF_USAGE, text, err);
}

static bool current_context(const char *dir, gf_buf *name, gf_error *err)
{
	const char *variable = getenv("DOCKER_CONTEXT"), *said = "";
	gf_json_doc *doc = NULL;
	gf_buf path, text;
	bool ok, there = false;

	if (variable != NULL && variable[0] != '\0')
		return gf_buf_puts(name, variable, err);
	gf_buf_init(&path, 4096);
	gf_buf_init(&text, GF_CONFIG_FILE_MAX);
	ok = gf_path_join(&path, dir, "config.json", err) && load(gf_buf_text(&path), &text, &there, err);
	if (ok && there)
		ok = (doc = gf_json_parse(gf_buf_text(&text), text.len, GF_CONFIG_FILE_MAX, GF_USAGE,
			  gf_buf_text(&path), err)) != NULL &&
		    gf_json_string_if(gf_json_root(doc), "currentContext", &said, err) && gf_buf_puts(name, said, err);
	gf_json_free(doc);
	gf_buf_wipe(&text);
	gf_buf_clear(&path);
	return ok;
}

bool gf_docker_context_read(const char *text, size_t n, const char *path, const char *name, gf_buf *host, gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(text, n, GF_CONFIG_FILE_MAX, GF_USAGE, path, err);
	const char *said = NULL;
	gf_json endpoint;
	bool skips = false, ok;

	if (doc == NULL)
		return false;
	endpoint = gf_json_get(gf_json_get(gf_json_root(doc), "Endpoints"), "docker");
	ok = (endpoint.node != NULL ||
		 gf_fail(err, GF_USAGE, "docker-context", name,
		     "the Docker context '%s' has no Endpoints.docker in '%s'", name, path)) &&
	    gf_json_string(endpoint, "Host", &said, err) && gf_json_bool_if(endpoint, "SkipTLSVerify", &skips, err) &&
	    gf_buf_puts(host, said, err);
	if (ok && skips)
		ok = gf_fail(err, GF_USAGE, "docker-context", name,
		    "the Docker context '%s' says SkipTLSVerify; a daemon that anybody may be is not spoken to here",
		    name);
	gf_json_free(doc);
	return ok;
}

/* Its address, kept in host; "docker-context" where there is no such context, or none for docker. */
static bool context_host(const char *dir, const char *name, const char *hex, gf_buf *host, gf_error *err)
{
	gf_buf path, text;
	bool ok, there = false;

	gf_buf_init(&path, 4096);
	gf_buf_init(&text, GF_CONFIG_FILE_MAX);
	ok = gf_buf_printf(&path, err, "%s/contexts/meta/%s/meta.json", dir, hex) &&
	    load(gf_buf_text(&path), &text, &there, err) &&
	    (there ||
		gf_fail(err, GF_USAGE, "docker-context", name,
		    "there is no Docker context '%s' in '%s'; 'docker context ls' shows what there is", name, dir)) &&
	    gf_docker_context_read(gf_buf_text(&text), text.len, gf_buf_text(&path), name, host, err);
	gf_buf_wipe(&text);
	gf_buf_clear(&path);
	return ok;
}

static bool take_context(const char *dir, const char *name, gf_docker_place *out, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_buf host, path;
	gf_digest id;
	bool ok;

	gf_buf_init(&host, GF_URL_MAX);
	gf_buf_init(&path, 4096);
	ok = gf_hash_bytes(name, strlen(name), &id, err);
	if (ok) {
		gf_digest_hex(&id, hex);
		ok = context_host(dir, name, hex, &host, err) &&
		    gf_buf_printf(&path, err, "%s/contexts/tls/%s/docker", dir, hex);
	}
	if (ok && gf_starts_with(gf_buf_text(&host), "tcp://"))
		ok = take_files(gf_buf_text(&path), out, err);
	ok = ok && take_host(gf_buf_text(&host), out->ca_file != NULL || out->cert_file != NULL, out, err);
	gf_buf_clear(&path);
	gf_buf_clear(&host);
	return ok;
}

/* name "": none is said. */
static bool take_named(const char *name, const char *host, gf_docker_place *out, gf_error *err)
{
	gf_buf dir;
	bool ok;

	if (name[0] == '\0' || strcmp(name, "default") == 0)
		return take_address(host, NULL, out, err);
	gf_buf_init(&dir, 4096);
	ok = config_dir(&dir, err) &&
	    (dir.len > 0 ||
		gf_fail(err, GF_USAGE, "docker-context", name,
		    "neither HOME nor DOCKER_CONFIG says where the Docker context '%s' is kept", name)) &&
	    take_context(gf_buf_text(&dir), name, out, err);
	gf_buf_clear(&dir);
	return ok;
}

bool gf_docker_host_find(const gf_docker_options *o, gf_docker_place *out, gf_error *err)
{
	const char *host = getenv("DOCKER_HOST");
	gf_buf dir, name;
	bool ok;

	memset(out, 0, sizeof *out);
	if (host != NULL && host[0] == '\0')
		host = NULL;
	if (o->host != NULL && o->host[0] != '\0')
		return take_address(o->host, o, out, err);
	if (o->context != NULL)
		return take_named(o->context, host != NULL ? host : USUAL_SOCKET, out, err);
	if (host != NULL)
		return take_address(host, NULL, out, err);
	gf_buf_init(&dir, 4096);
	gf_buf_init(&name, 1024);
	ok = config_dir(&dir, err) && (dir.len == 0 || current_context(gf_buf_text(&dir), &name, err)) &&
	    take_named(gf_buf_text(&name), USUAL_SOCKET, out, err);
	gf_buf_clear(&name);
	gf_buf_clear(&dir);
	return ok;
}
