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

/* Where credentials may be, in this order; the first that knows the host counts.  containers-auth.json(5), docker login. */
static const struct {
	const char *variable; /* not set: the next */
	const char *tail;     /* behind its value, which may be all */
	bool alone;           /* whoever sets it means it: nothing behind it is looked at */
} places[] = {
	{ "REGISTRY_AUTH_FILE", NULL, true },
	{ "DOCKER_CONFIG", "config.json", true },
	{ "XDG_RUNTIME_DIR", "containers/auth.json", false },
	{ "XDG_CONFIG_HOME", "containers/auth.json", false },
	{ "HOME", ".config/containers/auth.json", false },
	{ "HOME", ".docker/config.json", false },
};

/* ---- its entries ---- */

/* A key of "auths" is a host, or a URL of one with any path.  HOST/NAMESPACE without a scheme is another account, for a
 * part of the host (containers-auth.json(5)), and never taken for the whole of it. */
static bool key_is(const char *key, const char *host)
{
	bool url = true;
	size_t n;

	if (gf_starts_with(key, "https://"))
		key += 8;
	else if (gf_starts_with(key, "http://"))
		key += 7;
	else
		url = false;
	n = strcspn(key, "/");
	if (!url && key[n] != '\0')
		return false;
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
	gf_buf_wipe(&pair);
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

/* docker's order: a helper of this host, the entry, the store of all hosts.  With a store docker login leaves an empty
 * entry behind. */
static bool take_config(gf_json root, const char *host, gf_credentials *out, gf_error *err)
{
	gf_json entry = find_entry(gf_json_get(root, "auths"), host), helper;
	const char *store = "", *name = "";

	helper = find_entry(gf_json_get(root, "credHelpers"), host);
	if (helper.node != NULL)
		return gf_json_text(helper, &name, err) && gf_credentials_ask(name, host, out, err);
	if (!gf_json_string_if(root, "credsStore", &store, err) || (entry.node != NULL && !take_entry(entry, out, err)))
		return false;
	if (store[0] != '\0' && out->username == NULL && out->identity.data == NULL)
		return gf_credentials_ask(store, host, out, err);
	return true;
}

/* A file that must be there, or may be absent. */
static bool take_file(const char *path, bool must, const char *host, gf_credentials *out, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_secret text = { 0 };
	bool ok;

	if (!must && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	ok = gf_secret_load(&text, path, GF_CONFIG_FILE_MAX, err) &&
	    (doc = gf_json_parse(text.data, text.len, GF_CONFIG_FILE_MAX, GF_USAGE, path, err)) != NULL &&
	    take_config(gf_json_root(doc), host, out, err);
	gf_json_free(doc);
	gf_secret_clear(&text);
	return ok;
}

/* *alone: no other place counts. */
static bool take_place(size_t i, const char *host, gf_credentials *out, bool *alone, gf_error *err)
{
	const char *value = getenv(places[i].variable);
	gf_buf path;
	bool ok;

	if (value == NULL || value[0] == '\0')
		return true;
	*alone = places[i].alone;
	gf_buf_init(&path, 4096);
	ok = (places[i].tail != NULL ? gf_path_join(&path, value, places[i].tail, err)
				     : gf_buf_puts(&path, value, err)) &&
	    take_file(gf_buf_text(&path), false, host, out, err);
	gf_buf_clear(&path);
	return ok;
}

bool gf_credentials_find(const char *host, const char *file, gf_credentials *out, gf_error *err)
{
	bool ok = true, done = file != NULL;

	memset(out, 0, sizeof *out);
	if (file != NULL)
		ok = take_file(file, true, host, out, err);
	for (size_t i = 0; ok && !done && i < sizeof places / sizeof *places; i++) {
		ok = take_place(i, host, out, &done, err);
		done = done || out->username != NULL || out->identity.data != NULL;
	}
	if (!ok)
		gf_credentials_clear(out);
	return ok;
}
