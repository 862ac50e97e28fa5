/* auth_file: credentials in auth.json, config.json and .dockercfg (containers-auth.json(5); docker/cli, cli/config). */
#include <string.h>

#include "remote/auth.h"

/* The key of Docker Hub is older than its registry. */
#define HUB "docker.io"

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

static gf_json find_host(gf_json object, const char *host)
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

/* HOST/NAMESPACE/REPOSITORY, HOST/NAMESPACE, ..., HOST: the longest that is there. */
static bool find_entry(gf_json auths, const char *host, const char *repository, gf_json *out, gf_error *err)
{
	gf_buf key;
	char *slash;
	bool ok;

	*out = (gf_json){ NULL, NULL };
	gf_buf_init(&key, 1024);
	ok = gf_buf_printf(&key, err, "%s/%s", host, repository);
	while (ok && out->node == NULL && (slash = strrchr(key.data, '/')) != NULL) {
		*out = gf_json_get(auths, key.data);
		*slash = '\0';
	}
	if (ok && out->node == NULL)
		*out = find_host(auths, host);
	gf_buf_clear(&key);
	return ok;
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

static bool take_secret(gf_json entry, const char *key, gf_secret *out, gf_error *err)
{
	const char *text = "";

	return gf_json_string_if(entry, key, &text, err) &&
	    (text[0] == '\0' || gf_secret_set(out, text, strlen(text), err));
}

static bool take_entry(gf_json entry, gf_credentials *out, gf_error *err)
{
	const char *auth = "", *username = "", *password = "";
	bool ok;

	if (!gf_json_string_if(entry, "auth", &auth, err) || !gf_json_string_if(entry, "username", &username, err) ||
	    !gf_json_string_if(entry, "password", &password, err))
		return false;
	ok = take_secret(entry, "identitytoken", &out->identity, err) &&
	    take_secret(entry, "registrytoken", &out->token, err);
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
static bool take_config(gf_json root, const gf_account *who, gf_credentials *out, const char **helper, gf_error *err)
{
	gf_json named = find_host(gf_json_get(root, "credHelpers"), who->host), entry;
	const char *store = "";

	if (named.node != NULL)
		return gf_json_text(named, helper, err);
	if (!gf_json_string_if(root, "credsStore", &store, err) ||
	    !find_entry(gf_json_get(root, "auths"), who->host, who->repository, &entry, err) ||
	    (entry.node != NULL && !take_entry(entry, out, err)))
		return false;
	if (store[0] != '\0' && !gf_credentials_any(out))
		*helper = store;
	return true;
}

/* ~/.dockercfg, before there was a config.json: nothing but entries, by host. */
static bool take_old(gf_json root, const gf_account *who, gf_credentials *out, gf_error *err)
{
	gf_json entry = find_host(root, who->host);

	return entry.node == NULL || take_entry(entry, out, err);
}

bool gf_credentials_read(
    const gf_auth_text *t, const gf_account *who, gf_credentials *out, char helper[GF_HELPER_SIZE], gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(t->text, t->len, GF_CONFIG_FILE_MAX, GF_USAGE, t->name, err);
	const char *name = "";
	bool ok;

	memset(out, 0, sizeof *out);
	helper[0] = '\0';
	if (doc == NULL)
		return false;
	ok = t->old ? take_old(gf_json_root(doc), who, out, err) : take_config(gf_json_root(doc), who, out, &name, err);
	if (ok && strlen(name) >= GF_HELPER_SIZE)
		ok = gf_json_fail(
		    gf_json_root(doc), "credential-helper", err, "the name of a credential helper is too long");
	if (ok)
		memcpy(helper, name, strlen(name) + 1);
	else
		gf_credentials_clear(out);
	gf_json_free(doc);
	return ok;
}
