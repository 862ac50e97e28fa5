/*
 * git: what a checkout says about itself, read from its files (gitrepository-layout(5)).
 *
 * git itself is not run: it need not be installed where bundles are packed, and it complains on
 * stderr about checkouts of other users.  What cannot be understood (reftable) is left out.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "pack/metadata.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GIT_FILE_MAX (4 * GF_MIB) /* packed-refs of a large repository */
#define GIT_DEPTH 128             /* directories up */
#define REF_DEPTH 5               /* symbolic refs */

/* What is not there, and what is not ours to read, is left out.  A disk that fails has not said so. */
static bool left_out(int e)
{
	return gf_is_absent(e) || e == EACCES || e == EPERM || e == ELOOP || e == ENAMETOOLONG;
}

/* DIR/NAME into out without its last line feed; left out: false. */
static bool load(const char *dir, const char *name, gf_buf *out, gf_error *fault)
{
	gf_error e = { 0 };
	gf_buf path;
	bool ok;

	gf_buf_init(&path, PATH_MAX);
	ok = gf_path_join(&path, dir, name, &e) && gf_file_load(gf_buf_text(&path), GIT_FILE_MAX, GF_FAILED, out, &e);
	if (!ok && strcmp(e.name, "read") == 0 && !left_out(e.os_errno))
		*fault = e;
	gf_buf_clear(&path);
	while (ok && out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
		out->data[--out->len] = '\0';
	return ok && strlen(gf_buf_text(out)) == out->len;
}

static bool is_directory(const char *path, gf_error *fault)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode);
	if (!left_out(errno))
		gf_fail_errno(fault, GF_FAILED, "read", path, "'%s' cannot be looked at", path);
	return false;
}

/* PATH, or DIR/PATH where it is relative, into out. */
static bool below(const char *dir, const char *path, gf_buf *out)
{
	gf_error unused = { 0 };

	if (*path != '/')
		return gf_path_join(out, dir, path, &unused);
	gf_buf_clear(out);
	return gf_buf_puts(out, path, &unused);
}

/* The git directory of the checkout that dir lies in: ".git", or what a file of that name points to. */
static bool find_git(const char *dir, gf_buf *git, gf_error *fault)
{
	char *at = realpath(dir, NULL);
	bool found = false;
	gf_error unused = { 0 };
	gf_buf text;

	if (at == NULL && !left_out(errno))
		gf_fail_errno(fault, GF_FAILED, "read", dir, "'%s' cannot be looked at", dir);
	gf_buf_init(&text, GIT_FILE_MAX);
	for (int i = 0; at != NULL && !found && i < GIT_DEPTH; i++) {
		char *slash;
		if (!gf_path_join(git, at, ".git", &unused))
			break;
		if (is_directory(gf_buf_text(git), fault))
			found = true;
		else if (load(at, ".git", &text, fault) && gf_starts_with(gf_buf_text(&text), "gitdir: "))
			found = below(at, gf_buf_text(&text) + strlen("gitdir: "), git);
		slash = strrchr(at, '/');
		if (slash == NULL || (slash == at && at[1] == '\0'))
			break;
		slash[slash == at ? 1 : 0] = '\0';
	}
	gf_buf_clear(&text);
	free(at);
	return found;
}

static bool is_object_id(const char *text, size_t n)
{
	return (n == 40 || n == 64) && strspn(text, "0123456789abcdef") >= n;
}

/* "HEX REF" lines of packed-refs. */
static bool packed(const char *common, const char *ref, gf_buf *out, gf_error *fault)
{
	size_t n = strlen(ref);
	gf_error unused = { 0 };
	bool found = false;
	gf_buf text;

	gf_buf_init(&text, GIT_FILE_MAX);
	if (load(common, "packed-refs", &text, fault)) {
		for (const char *p = gf_buf_text(&text); p != NULL && !found; p = strchr(p, '\n')) {
			size_t hex;
			p += *p == '\n';
			hex = strcspn(p, " \n");
			if (is_object_id(p, hex) && p[hex] == ' ' && strncmp(p + hex + 1, ref, n) == 0 &&
			    (p[hex + 1 + n] == '\n' || p[hex + 1 + n] == '\0')) {
				gf_buf_clear(out);
				found = gf_buf_add(out, p, hex, &unused);
			}
		}
	}
	gf_buf_clear(&text);
	return found;
}

/* The object that a ref names, in the checkout's own directory or the one it shares. */
static bool resolve(const char *git, const char *common, const char *ref, gf_buf *out, gf_error *fault)
{
	gf_buf name;
	bool found = false;
	gf_error unused = { 0 };

	gf_buf_init(&name, 4096);
	if (gf_buf_puts(&name, ref, &unused))
		for (int i = 0; i < REF_DEPTH && !found; i++) {
			const char *at = gf_buf_text(&name);
			if (strstr(at, "..") != NULL)
				break;
			if (!load(git, at, out, fault) && !load(common, at, out, fault)) {
				found = packed(common, at, out, fault);
				break;
			}
			found = is_object_id(gf_buf_text(out), out->len);
			if (found || !gf_starts_with(gf_buf_text(out), "ref: "))
				break;
			gf_buf_clear(&name);
			if (!gf_buf_puts(&name, gf_buf_text(out) + strlen("ref: "), &unused))
				break;
		}
	gf_buf_clear(&name);
	return found;
}

/* url of [remote "origin"]. */
static bool origin(const char *common, gf_buf *out, gf_error *fault)
{
	bool in_origin = false, found = false;
	char *save = NULL;
	gf_error unused = { 0 };
	gf_buf text;

	gf_buf_init(&text, GIT_FILE_MAX);
	if (load(common, "config", &text, fault) && text.len > 0) {
		for (char *line = strtok_r(text.data, "\n", &save); line != NULL && !found;
		     line = strtok_r(NULL, "\n", &save)) {
			line += strspn(line, " \t");
			if (*line == '[')
				in_origin = gf_starts_with(line, "[remote \"origin\"]");
			if (!in_origin || strncmp(line, "url", 3) != 0)
				continue;
			line += 3 + strspn(line + 3, " \t");
			if (*line != '=')
				continue;
			line += 1 + strspn(line + 1, " \t");
			line[strcspn(line, " \t\r")] = '\0';
			gf_buf_clear(out);
			found = *line != '\0' && gf_buf_puts(out, line, &unused);
		}
	}
	gf_buf_clear(&text);
	return found;
}

static bool keep(const gf_buf *text, char **out, gf_error *err)
{
	*out = gf_strdup(gf_buf_text(text), err);
	return *out != NULL;
}

bool gf_git_read(const char *directory, gf_build *out, gf_error *err)
{
	gf_error fault = { 0 };
	gf_buf git, common, text, url;
	bool ok = true;

	gf_buf_init(&git, PATH_MAX);
	gf_buf_init(&common, PATH_MAX);
	gf_buf_init(&text, GIT_FILE_MAX);
	gf_buf_init(&url, PATH_MAX);
	if (!find_git(directory, &git, &fault))
		goto out;
	/* A linked worktree shares refs and configuration with the main one. */
	if (!load(gf_buf_text(&git), "commondir", &text, &fault) ||
	    !below(gf_buf_text(&git), gf_buf_text(&text), &common))
		ok = below("/", gf_buf_text(&git), &common) || gf_no_memory(err);
	if (!ok || !resolve(gf_buf_text(&git), gf_buf_text(&common), "HEAD", &text, &fault))
		goto out;
	ok = (out->system = gf_strdup("git", err)) != NULL && keep(&text, &out->revision, err);
	if (ok && load(gf_buf_text(&git), "HEAD", &text, &fault) && gf_starts_with(gf_buf_text(&text), "ref: "))
		ok = (out->ref = gf_strdup(gf_buf_text(&text) + strlen("ref: "), err)) != NULL;
	if (ok && origin(gf_buf_text(&common), &url, &fault))
		ok = (out->repository = gf_url_without_user(gf_buf_text(&url), err)) != NULL;
out:
	if (ok && fault.class != GF_OK) {
		*err = fault;
		ok = false;
	}
	gf_buf_clear(&url);
	gf_buf_clear(&text);
	gf_buf_clear(&common);
	gf_buf_clear(&git);
	return ok;
}
