/* lock-file, lock-files and notify of environments/NAME.yaml. */
#include <stdlib.h>
#include <string.h>

#include "remote/remote.h"
#include "unpack/environment_take.h"

#define KEY_MAX 128

const char *const gf_lock_form_names[GF_LOCK_FORMS] = { "json", "digests", "kustomize", "compose", "helm" };

void gf_environment_clear_after(gf_environment *e)
{
	for (size_t i = 0; i < e->n_hooks; i++) {
		gf_hook *h = &e->hooks[i];

		gf_texts_free(h->argv, h->argc);
		free(h->url);
		free(h->secret_file);
		free(h->ca_file);
		free(h->cert_file);
		free(h->key_file);
	}
	free(e->hooks);
	for (size_t i = 0; i < e->n_locks; i++) {
		for (size_t k = 0; k < e->locks[i].n_keys; k++) {
			free(e->locks[i].keys[k].key);
			free(e->locks[i].keys[k].match);
		}
		free(e->locks[i].keys);
		free(e->locks[i].path);
	}
	free(e->locks);
}

/* ---- lock files ---- */

static bool take_form(gf_lock_spec *s, gf_json v, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(v, "form", &text, err))
		return false;
	for (int i = 0; i < GF_LOCK_FORMS; i++)
		if (strcmp(text, gf_lock_form_names[i]) == 0) {
			s->form = (gf_lock_form)i;
			return true;
		}
	return gf_json_fail(
	    gf_json_get(v, "form"), "lock-form", err, "'%s' is none of json, digests, kustomize, compose, helm", text);
}

/* Plain words, with no empty part between dots, so that YAML needs no quotes for them. */
static bool key_valid(const char *key)
{
	size_t n = strlen(key);

	return n > 0 && n <= KEY_MAX && key[0] != '.' && key[n - 1] != '.' && strstr(key, "..") == NULL &&
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* "web" and "web.image" cannot both be values. */
static bool inside(const char *outer, const char *inner)
{
	size_t n = strlen(outer);

	return strncmp(outer, inner, n) == 0 && inner[n] == '.';
}

static bool keys_apart(const gf_lock_spec *s, gf_json keys, gf_error *err)
{
	for (size_t i = 0; s->form == GF_LOCK_HELM && i < s->n_keys; i++)
		for (size_t k = 0; k < s->n_keys; k++)
			if (inside(s->keys[i].key, s->keys[k].key))
				return gf_json_fail(
				    keys, "lock-key", err, "'%s' lies inside '%s'", s->keys[k].key, s->keys[i].key);
	return true;
}

static bool take_keys(gf_lock_spec *s, gf_json v, gf_error *err)
{
	gf_json keys = gf_json_get(v, "keys");
	size_t n;

	if (gf_json_typeof(keys) == GF_JSON_ABSENT)
		return true;
	if (s->form != GF_LOCK_COMPOSE && s->form != GF_LOCK_HELM)
		return gf_json_fail(keys, "lock-key", err, "keys are for the forms compose and helm");
	if (!gf_json_object(v, "keys", &keys, err))
		return false;
	n = gf_json_count(keys);
	if (n == 0)
		return gf_json_fail(keys, "empty", err, "leave keys out, or give at least one");
	s->keys = gf_alloc(n, sizeof *s->keys, err);
	if (s->keys == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		gf_json value;
		const char *key = gf_json_key_at(keys, i, &value), *match;

		s->n_keys = i + 1;
		if (!gf_json_text(value, &match, err))
			return false;
		if (!key_valid(key))
			return gf_json_fail(value, "lock-key", err,
			    "'%s' is not a key: letters, digits, '_', '-' and single dots inside, at most %d", key,
			    KEY_MAX);
		s->keys[i].key = gf_strdup(key, err);
		s->keys[i].match = gf_strdup(match, err);
		if (s->keys[i].key == NULL || s->keys[i].match == NULL)
			return false;
	}
	return keys_apart(s, keys, err);
}

static bool take_lock(gf_lock_spec *s, gf_json v, gf_error *err)
{
	static const char *const keys[] = { "path", "form", "keys", NULL };

	if (!gf_json_only(v, keys, err) || !gf_take_path(v, "path", &s->path, err))
		return false;
	if (s->path == NULL)
		return gf_json_fail(v, "missing-key", err, "a lock file has path and form");
	return take_form(s, v, err) && take_keys(s, v, err);
}

static bool take_locks(gf_environment *e, gf_json root, gf_error *err)
{
	gf_json list = gf_json_get(root, "lock-files");
	size_t n = 0;

	if (gf_json_typeof(list) != GF_JSON_ABSENT) {
		if (!gf_json_array(root, "lock-files", &list, err))
			return false;
		n = gf_json_count(list);
		if (n == 0)
			return gf_json_fail(list, "empty", err, "leave lock-files out, or give at least one");
	}
	e->locks = gf_alloc(n + 1, sizeof *e->locks, err);
	if (e->locks == NULL)
		return false;
	e->n_locks = 1; /* what a failure leaves there is freed */
	if (!gf_take_path(root, "lock-file", &e->locks[0].path, err))
		return false;
	e->n_locks = e->locks[0].path != NULL;
	for (size_t i = 0; i < n; i++) {
		gf_lock_spec *s = &e->locks[e->n_locks++];

		if (!take_lock(s, gf_json_at(list, i), err))
			return false;
		for (size_t k = 0; k + 1 < e->n_locks; k++)
			if (strcmp(e->locks[k].path, s->path) == 0)
				return gf_json_fail(gf_json_at(list, i), "lock-file", err,
				    "'%s' is written by another lock file already", s->path);
	}
	return true;
}

/* ---- hooks ---- */

static bool take_webhook(gf_hook *h, gf_json v, gf_error *err)
{
	static const char *const keys[] = { "webhook", "secret-file", "ca-file", "cert-file", "key-file", "plain-http",
		NULL };

	if (!gf_json_only(v, keys, err) || !gf_take_text(v, "webhook", &h->url, err) ||
	    !gf_take_path(v, "secret-file", &h->secret_file, err) || !gf_take_path(v, "ca-file", &h->ca_file, err) ||
	    !gf_take_path(v, "cert-file", &h->cert_file, err) || !gf_take_path(v, "key-file", &h->key_file, err) ||
	    !gf_json_bool_if(v, "plain-http", &h->plain_http, err))
		return false;
	if (h->secret_file == NULL)
		return gf_json_fail(v, "missing-key", err,
		    "a webhook has a secret-file: without one its receiver cannot tell who calls");
	if ((h->cert_file == NULL) != (h->key_file == NULL))
		return gf_json_fail(v, "webhook", err, "cert-file and key-file go together");
	if (!gf_url_usable(h->url, h->plain_http, err)) {
		gf_error inner = *err;

		return gf_json_fail(gf_json_get(v, "webhook"), "webhook", err, "%s", inner.text);
	}
	return true;
}

static bool take_hook(gf_hook *h, gf_json v, gf_error *err)
{
	static const char *const keys[] = { "run", NULL };
	gf_json argv;

	if (gf_json_typeof(gf_json_get(v, "webhook")) != GF_JSON_ABSENT)
		return take_webhook(h, v, err);
	if (!gf_json_only(v, keys, err) || !gf_json_array(v, "run", &argv, err))
		return false;
	if (gf_json_count(argv) == 0)
		return gf_json_fail(argv, "empty", err, "the program is missing");
	return gf_json_texts(argv, &h->argv, &h->argc, err);
}

static bool take_hooks(gf_environment *e, gf_json root, gf_error *err)
{
	gf_json list;
	size_t n;

	if (gf_json_typeof(gf_json_get(root, "notify")) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_array(root, "notify", &list, err))
		return false;
	n = gf_json_count(list);
	e->hooks = gf_alloc(n > 0 ? n : 1, sizeof *e->hooks, err);
	if (e->hooks == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		e->n_hooks = i + 1;
		if (!take_hook(&e->hooks[i], gf_json_at(list, i), err))
			return false;
	}
	return true;
}

bool gf_environment_take_after(gf_environment *e, gf_json root, gf_error *err)
{
	return take_locks(e, root, err) && take_hooks(e, root, err);
}
