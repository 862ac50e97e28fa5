/*
 * certs_d: what containers-certs.d(5) and docker keep of a registry: DIR/HOST[:PORT]/ with *.crt (authorities, beside
 * those of the system) and NAME.cert with NAME.key (who we are).  The first of the directories that is there counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/registry.h"

#define FILES_MAX 64

static bool is_wanted(const char *name)
{
	return gf_ends_with(name, ".crt") || gf_ends_with(name, ".cert") || gf_ends_with(name, ".key");
}

static bool holds(const gf_names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i], name) == 0)
			return true;
	return false;
}

static bool path_of(const char *dir, const char *name, char **out, gf_error *err)
{
	gf_buf path;

	gf_buf_init(&path, 4096);
	if (!gf_path_join(&path, dir, name, err))
		return false;
	*out = path.data;
	return true;
}

static bool add_root(const char *dir, const char *name, gf_buf *roots, gf_error *err)
{
	char *path = NULL;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_CONFIG_FILE_MAX);
	ok = path_of(dir, name, &path, err) && gf_file_load(path, GF_CONFIG_FILE_MAX, GF_USAGE, &text, err) &&
	    gf_buf_add(roots, gf_buf_text(&text), text.len, err) && gf_buf_puts(roots, "\n", err);
	gf_buf_clear(&text);
	free(path);
	return ok;
}

/* NAME.cert and NAME.key: neither without the other; of several pairs the first by name. */
static bool add_pair(const char *dir, const gf_names *l, const char *name, gf_certs *out, gf_error *err)
{
	bool is_cert = gf_ends_with(name, ".cert");
	size_t n = strlen(name) - strlen(is_cert ? ".cert" : ".key");
	char other[300];

	if (n > 255)
		return true;
	snprintf(other, sizeof other, "%.*s%s", (int)n, name, is_cert ? ".key" : ".cert");
	if (!holds(l, other))
		return gf_fail(err, GF_USAGE, "certs-d", dir, "'%s' has '%s' without '%s'", dir, name, other);
	if (!is_cert || out->cert_file != NULL)
		return true;
	return path_of(dir, name, &out->cert_file, err) && path_of(dir, other, &out->key_file, err);
}

/* *there false: no such directory, or not ours to read, as podman has it. */
static bool take_dir(const char *dir, gf_certs *out, bool *there, gf_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gf_names l = { .items = NULL };
	bool ok;

	*there = fd >= 0;
	if (fd < 0 && (gf_is_absent(errno) || errno == EACCES))
		return true;
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "certs-d", dir, "'%s' cannot be read", dir);
	ok = gf_dir_names(fd, dir, is_wanted, FILES_MAX, &l, err);
	(void)close(fd);
	if (ok && l.n > FILES_MAX)
		ok = gf_fail(err, GF_USAGE, "certs-d", dir, "'%s' holds more than %d files", dir, FILES_MAX);
	for (size_t i = 0; ok && i < l.n; i++)
		ok = gf_ends_with(l.items[i], ".crt") ? add_root(dir, l.items[i], &out->roots, err)
						      : add_pair(dir, &l, l.items[i], out, err);
	gf_names_free(&l);
	return ok;
}

bool gf_certs_find(const char *host, gf_certs *out, gf_error *err)
{
	static const char *const dirs[] = { NULL, "/etc/containers/certs.d", "/etc/docker/certs.d" };
	const char *home = getenv("HOME");
	bool ok = true, there = false;
	gf_buf path;

	memset(out, 0, sizeof *out);
	gf_buf_init(&out->roots, 4 * GF_CONFIG_FILE_MAX);
	gf_buf_init(&path, 4096);
	for (size_t i = 0; ok && !there && i < sizeof dirs / sizeof *dirs; i++) {
		if (dirs[i] == NULL && (home == NULL || home[0] == '\0'))
			continue;
		gf_buf_clear(&path);
		ok = (dirs[i] != NULL ? gf_buf_printf(&path, err, "%s/%s", dirs[i], host)
				      : gf_buf_printf(&path, err, "%s/.config/containers/certs.d/%s", home, host)) &&
		    take_dir(gf_buf_text(&path), out, &there, err);
	}
	gf_buf_clear(&path);
	return ok;
}

void gf_certs_clear(gf_certs *c)
{
	gf_buf_clear(&c->roots);
	free(c->cert_file);
	free(c->key_file);
	memset(c, 0, sizeof *c);
}
