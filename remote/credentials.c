#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/auth.h"

/* The key of Docker Hub is older than its registry. */
#define HUB "docker.io"

void gf_credentials_clear(gf_credentials *c)
{
	free(c->username);
	c->username = NULL;
	gf_secret_clear(&c->password);
	gf_secret_clear(&c->identity);
}

/* ---- the file ---- */

static bool join(gf_buf *out, const char *dir, const char *name, gf_error *err)
{
	return dir == NULL || dir[0] == '\0' || gf_path_join(out, dir, name, err);
}

/* path stays empty where there is none to look at. */
static bool find_file(const char *file, gf_buf *path, gf_error *err)
{
	const char *env = getenv("REGISTRY_AUTH_FILE"), *docker = getenv("DOCKER_CONFIG");

	if (file != NULL)
		return gf_buf_puts(path, file, err);
	if (env != NULL && env[0] != '\0')
		return gf_buf_puts(path, env, err);
	if (docker != NULL && docker[0] != '\0')
		return join(path, docker, "config.json", err);
	return join(path, getenv("HOME"), ".docker/config.json", err);
}

/* ---- its entries ---- */

/* A key of "auths" is a host, or a URL of one, and may have a path. */
static bool key_is(const char *key, const char *host)
{
	size_t n;

	if (gf_starts_with(key, "https://"))
		key += 8;
	else if (gf_starts_with(key, "http://"))
		key += 7;
	n = strcspn(key, "/");
	if (strcmp(host, HUB) == 0 && n == 15 && memcmp(key, "index.docker.io", n) == 0)
		return true;
	return n == strlen(host) && memcmp(key, host, n) == 0;
}

static gf_json find_entry(gf_json object, const char *host)
{
	gf_json v = gf_json_get(object, host);

	for (size_t i = 0; v.node == NULL && i < gf_json_count(object); i++) {
		gf_json candidate;
		const char *key = gf_json_key_at(object, i, &candidate);

		if (key != NULL && key_is(key, host))
			v = candidate;
	}
	return v;
}

/* auth: base64 of "user:password", perhaps with NULs behind. */
static bool take_pair(gf_json entry, const char *text, gf_credentials *out, gf_error *err)
{
	gf_error ignored;
	gf_buf pair;
	const char *colon;
	bool ok = false;

	gf_buf_init(&pair, GF_CONFIG_FILE_MAX);
	colon = gf_base64_decode(text, strlen(text), &pair, &ignored) ? strchr(gf_buf_text(&pair), ':') : NULL;
	if (colon == NULL) {
		gf_json_fail(entry, "auth-file", err, "'auth' is not the base64 text of USER:PASSWORD");
	} else {
		out->username = gf_strndup(pair.data, (size_t)(colon - pair.data), err);
		ok = out->username != NULL && gf_secret_set(&out->password, colon + 1, strlen(colon + 1), err);
	}
	for (size_t i = 0; i < pair.len; i++)
		((volatile char *)pair.data)[i] = 0;
	gf_buf_clear(&pair);
	return ok;
}

static bool take_entry(gf_json entry, gf_credentials *out, gf_error *err)
{
	const char *auth = "", *username = "", *password = "", *identity = "";
	bool ok;

	if (!gf_json_string_if(entry, "auth", &auth, err) || !gf_json_string_if(entry, "username", &username, err) ||
	    !gf_json_string_if(entry, "password", &password, err) ||
	    !gf_json_string_if(entry, "identitytoken", &identity, err))
		return false;
	ok = identity[0] == '\0' || gf_secret_set(&out->identity, identity, strlen(identity), err);
	if (ok && auth[0] != '\0')
		return take_pair(entry, auth, out, err);
	if (ok && username[0] != '\0') {
		out->username = gf_strdup(username, err);
		ok = out->username != NULL && gf_secret_set(&out->password, password, strlen(password), err);
	}
	return ok;
}

static bool helper_refused(const char *host, const char *path, const char *helper, gf_error *err)
{
	return gf_fail(err, GF_USAGE, "credential-helper", host,
	    "'%s' keeps the password of '%s' in docker-credential-%s, which is not asked yet; give --username with "
	    "--password-stdin, or --authfile with a file that holds it",
	    path, host, helper);
}

static bool take_config(gf_json root, const char *host, const char *path, gf_credentials *out, gf_error *err)
{
	gf_json entry = find_entry(gf_json_get(root, "auths"), host), helper;
	const char *store = "", *name = "";

	helper = find_entry(gf_json_get(root, "credHelpers"), host);
	if (helper.node != NULL)
		return gf_json_text(helper, &name, err) && helper_refused(host, path, name, err);
	if (!gf_json_string_if(root, "credsStore", &store, err))
		return false;
	if (entry.node != NULL && !take_entry(entry, out, err))
		return false;
	/* docker login with a store leaves an empty entry behind: the password is in the store. */
	if (entry.node != NULL && store[0] != '\0' && out->username == NULL && out->identity.data == NULL)
		return helper_refused(host, path, store, err);
	return true;
}

bool gf_credentials_find(const char *host, const char *file, gf_credentials *out, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_secret text = { 0 };
	gf_buf path;
	bool ok = false;

	memset(out, 0, sizeof *out);
	gf_buf_init(&path, 4096);
	if (!find_file(file, &path, err))
		goto out;
	if (path.len == 0 || (file == NULL && access(path.data, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))) {
		ok = true;
		goto out;
	}
	if (!gf_secret_load(&text, path.data, GF_CONFIG_FILE_MAX, err))
		goto out;
	doc = gf_json_parse(text.data, text.len, GF_CONFIG_FILE_MAX, GF_USAGE, path.data, err);
	ok = doc != NULL && take_config(gf_json_root(doc), host, path.data, out, err);
out:
	if (!ok)
		gf_credentials_clear(out);
	gf_json_free(doc);
	gf_secret_clear(&text);
	gf_buf_clear(&path);
	return ok;
}
