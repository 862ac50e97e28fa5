#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/auth.h"

#define OLD_FILE ".dockercfg"

void gf_credentials_clear(gf_credentials *c)
{
	free(c->username);
	c->username = NULL;
	gf_secret_clear(&c->password);
	gf_secret_clear(&c->identity);
	gf_secret_clear(&c->token);
}

bool gf_credentials_any(const gf_credentials *c)
{
	return c->username != NULL || c->identity.data != NULL || c->token.data != NULL;
}

static bool copy_secret(const gf_secret *from, gf_secret *to, gf_error *err)
{
	return from->data == NULL || gf_secret_set(to, from->data, from->len, err);
}

bool gf_credentials_copy(const gf_credentials *from, gf_credentials *to, gf_error *err)
{
	return (from->username == NULL || (to->username = gf_strdup(from->username, err)) != NULL) &&
	    copy_secret(&from->password, &to->password, err) && copy_secret(&from->identity, &to->identity, err) &&
	    copy_secret(&from->token, &to->token, err);
}

/* ---- where they are ---- */

/* A helper is asked once, however many repositories of its host there are. */
static bool ask_once(gf_helped *h, const char *helper, const char *host, gf_credentials *out, gf_error *err)
{
	if (strcmp(h->helper, helper) != 0) {
		gf_credentials_clear(&h->answer);
		h->helper[0] = '\0';
		if (!gf_credentials_ask(helper, host, &h->answer, err))
			return false;
		memcpy(h->helper, helper, strlen(helper) + 1);
	}
	return gf_credentials_copy(&h->answer, out, err);
}

typedef struct search {
	const gf_account *who;
	gf_helped *helped;
	gf_credentials *out;
	gf_error *err;
} search;

static bool look_at(search *s, const gf_auth_text *t)
{
	char helper[GF_HELPER_SIZE];

	return gf_credentials_read(t, s->who, s->out, helper, s->err) &&
	    (helper[0] == '\0' || ask_once(s->helped, helper, s->who->host, s->out, s->err));
}

/* must: it has to be there. */
static bool look_in_file(search *s, const char *path, bool old, bool must)
{
	gf_auth_text t = { .name = path, .old = old };
	gf_secret text = { 0 };
	bool ok;

	if (!must && access(path, F_OK) != 0 && gf_is_absent(errno))
		return true;
	ok = gf_secret_load(&text, path, GF_CONFIG_FILE_MAX, s->err);
	t.text = text.data;
	t.len = text.len;
	ok = ok && look_at(s, &t);
	gf_secret_clear(&text);
	return ok;
}

/* DIR/NAME; dir NULL: nowhere.  Once something is found nothing more is looked at. */
static bool look_in(search *s, const char *dir, const char *name)
{
	gf_buf path;
	bool ok;

	if (dir == NULL || gf_credentials_any(s->out))
		return true;
	gf_buf_init(&path, 4096);
	ok = gf_path_join(&path, dir, name, s->err) &&
	    look_in_file(s, gf_buf_text(&path), strcmp(name, OLD_FILE) == 0, false);
	gf_buf_clear(&path);
	return ok;
}

static bool look_in_variable(search *s, const char *name, const char *value)
{
	const gf_auth_text t = { .text = value, .len = value != NULL ? strlen(value) : 0, .name = name };

	return value == NULL || look_at(s, &t);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The places of docker login (docker/cli, cli/config) and of podman login (containers-auth.json(5)). */
static bool look_around(search *s)
{
	const char *home = variable("HOME"), *docker = variable("DOCKER_CONFIG"), *run = variable("XDG_RUNTIME_DIR"),
		   *config = variable("XDG_CONFIG_HOME");
	char by_user[64];

	snprintf(by_user, sizeof by_user, "/run/containers/%lu", (unsigned long)getuid());
	return look_in_variable(s, "DOCKER_AUTH_CONFIG", variable("DOCKER_AUTH_CONFIG")) &&
	    look_in(s, docker, "config.json") && look_in(s, run, "containers/auth.json") &&
	    look_in(s, run == NULL ? by_user : NULL, "auth.json") && look_in(s, config, "containers/auth.json") &&
	    look_in(s, config == NULL ? home : NULL, ".config/containers/auth.json") &&
	    look_in(s, docker == NULL ? home : NULL, ".docker/config.json") && look_in(s, home, OLD_FILE);
}

bool gf_credentials_find(const gf_account *who, const char *file, gf_helped *helped, gf_credentials *out, gf_error *err)
{
	search s = { .who = who, .helped = helped, .out = out, .err = err };
	const char *named = variable("REGISTRY_AUTH_FILE");
	bool ok;

	memset(out, 0, sizeof *out);
	if (file != NULL)
		ok = look_in_file(&s, file, false, true);
	else if (named != NULL) /* who sets it means it */
		ok = look_in_file(&s, named, false, false);
	else
		ok = look_around(&s);
	if (!ok)
		gf_credentials_clear(out);
	return ok;
}
