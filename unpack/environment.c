#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/remote.h"
#include "unpack/environment_take.h"
#include "unpack/template.h"
#include "unpack/unpack.h"

static void spec_clear(gf_target_spec *s)
{
	free(s->label);
	free(s->host);
	free(s->path);
	free(s->reference);
	free(s->ca_file);
	free(s->cert_file);
	free(s->key_file);
	memset(s, 0, sizeof *s);
}

static void targets_free(gf_environment *e)
{
	for (size_t i = 0; i < e->n_targets; i++)
		spec_clear(&e->targets[i]);
	free(e->targets);
	e->targets = NULL;
	e->n_targets = 0;
}

void gf_environment_free(gf_environment *e)
{
	if (e == NULL)
		return;
	targets_free(e);
	for (size_t i = 0; i < e->n_rules; i++) {
		free(e->rules[i].match);
		free(e->rules[i].name);
		gf_texts_free(e->rules[i].tags, e->rules[i].n_tags);
	}
	free(e->rules);
	gf_texts_free(e->moving, e->n_moving);
	gf_environment_clear_after(e);
	free(e->name);
	free(e);
}

/* ---- targets as text ---- */

static char *text_join(const char *a, const char *b, const char *c, gf_error *err)
{
	size_t la = strlen(a), lb = strlen(b), lc = strlen(c);
	char *out = gf_alloc(la + lb + lc + 1, 1, err);

	if (out != NULL) {
		memcpy(out, a, la);
		memcpy(out + la, b, lb);
		memcpy(out + la + lb, c, lc);
	}
	return out;
}

/* HOST[/PREFIX] */
static bool spec_registry(gf_target_spec *s, const char *text, gf_error *err)
{
	size_t n = strcspn(text, "/");
	const char *prefix = text[n] == '/' ? text + n + 1 : "";
	gf_reference ref;
	char *probe = NULL, *host = NULL;
	bool ok = false;

	s->kind = GF_TO_REGISTRY;
	host = gf_strndup(text, n, err);
	if (gf_has_user(text)) {
		gf_fail(err, GF_USAGE, "target", NULL,
		    "a user or a password stands before an '@' (it is not shown): give --username with --password-stdin");
		goto out;
	}
	probe = host != NULL ? text_join(host, "/a/b", "", err) : NULL;
	if (probe == NULL)
		goto out;
	if (strpbrk(host, ".:") == NULL && strcmp(host, "localhost") != 0) {
		gf_fail(err, GF_USAGE, "target", text,
		    "'%s' is not the host of a registry; write HOST[:PORT][/PREFIX], the host with a dot or a port",
		    host);
		goto out;
	}
	if (!gf_reference_parse(probe, &ref, err) || strcmp(ref.path, "a/b") != 0) {
		gf_fail(err, GF_USAGE, "target", text, "'%s' is not HOST[:PORT]", host);
		goto out;
	}
	if (*prefix != '\0' && !gf_repository_valid(prefix)) {
		gf_fail(err, GF_USAGE, "target", text,
		    "'%s' cannot be the first part of a repository: lower-case letters, digits and . _ - between slashes",
		    prefix);
		goto out;
	}
	s->host = gf_strdup(ref.host, err);
	s->path = gf_strdup(prefix, err);
	s->label = text_join("docker://", text, "", err);
	ok = s->host != NULL && s->path != NULL && s->label != NULL;
out:
	free(probe);
	free(host);
	return ok;
}

static bool spec_docker(gf_target_spec *s, const char *text, gf_error *err)
{
	s->kind = GF_TO_DOCKER;
	if (*text != '\0' && strstr(text, "://") == NULL)
		return gf_fail(err, GF_USAGE, "target", text,
		    "a daemon is written docker-daemon:, docker-daemon:unix:///SOCKET or docker-daemon:tcp://HOST:2376; a new name for the image goes into --name");
	s->host = *text != '\0' ? gf_strdup(text, err) : NULL;
	s->label = text_join("docker-daemon:", text, "", err);
	return s->label != NULL && (*text == '\0' || s->host != NULL);
}

/* Targets that are a path. */
typedef struct path_kind {
	const char *key; /* in the file; with a colon in --to */
	gf_target_kind kind;
	const char *what, *path;
} path_kind;

static const path_kind path_kinds[] = { { "oci", GF_TO_LAYOUT, "a layout", "DIR" },
	{ "oci-archive", GF_TO_OCI_ARCHIVE, "an archive", "PATH" },
	{ "docker-archive", GF_TO_DOCKER_ARCHIVE, "an archive", "PATH" } };

#define PATH_KINDS (sizeof path_kinds / sizeof path_kinds[0])

/* PATH[:REF]; the path ends at the first colon, as in containers-transports(5). */
static bool spec_path(gf_target_spec *s, const path_kind *k, const char *text, gf_error *err)
{
	size_t n = strcspn(text, ":");
	gf_reference ref;

	s->kind = k->kind;
	if (n == 0)
		return gf_fail(err, GF_USAGE, "target", text, "%s is written %s:%s or %s:%s:REFERENCE", k->what, k->key,
		    k->path, k->key, k->path);
	if (text[n] == ':') {
		char full[GF_REFERENCE_SIZE];

		if (!gf_reference_parse(text + n + 1, &ref, err))
			return gf_because(err, "target '%s:%s'", k->key, text);
		if (ref.has_digest)
			return gf_fail(
			    err, GF_USAGE, "target", text, "give the name in %s a tag, not a digest", k->what);
		gf_reference_print(&ref, full);
		s->reference = gf_strdup(full, err);
		if (s->reference == NULL)
			return false;
	}
	s->path = gf_strndup(text, n, err);
	s->label = s->path != NULL ? text_join(k->key, ":", s->path, err) : NULL;
	return s->label != NULL;
}

/* Is this word of that kind?  Behind its colon, or NULL. */
static const char *behind(const path_kind *k, const char *text)
{
	size_t n = strlen(k->key);

	return gf_starts_with(text, k->key) && text[n] == ':' ? text + n + 1 : NULL;
}

static bool is_archive(gf_target_kind kind)
{
	return kind == GF_TO_OCI_ARCHIVE || kind == GF_TO_DOCKER_ARCHIVE;
}

bool gf_target_is_stdout(const char *to)
{
	for (size_t i = 0; i < PATH_KINDS; i++) {
		const char *path = behind(&path_kinds[i], to);

		if (path != NULL && is_archive(path_kinds[i].kind) && *path == '-' &&
		    (path[1] == ':' || path[1] == '\0'))
			return true;
	}
	return false;
}

/* What the second writes would be written over what the first has. */
static bool same_place(const gf_target_spec *a, const gf_target_spec *b)
{
	return strcmp(a->label, b->label) == 0 ||
	    (is_archive(a->kind) && is_archive(b->kind) && strcmp(a->path, b->path) == 0);
}

static bool spec_parse(gf_target_spec *s, const char *text, gf_error *err)
{
	if (gf_starts_with(text, "docker://"))
		return spec_registry(s, text + strlen("docker://"), err);
	if (gf_starts_with(text, "docker-daemon:"))
		return spec_docker(s, text + strlen("docker-daemon:"), err);
	for (size_t i = 0; i < PATH_KINDS; i++)
		if (behind(&path_kinds[i], text) != NULL)
			return spec_path(s, &path_kinds[i], behind(&path_kinds[i], text), err);
	return gf_fail(err, GF_USAGE, "target", text,
	    "not a target; write docker://HOST/PREFIX, docker-daemon:, oci:DIR, oci-archive:PATH or docker-archive:PATH");
}

bool gf_environment_set_targets(gf_environment *e, const char *const *to, size_t n, gf_error *err)
{
	gf_target_spec *list = gf_alloc(n > 0 ? n : 1, sizeof *list, err);

	if (list == NULL)
		return false;
	targets_free(e);
	e->targets = list;
	for (size_t i = 0; i < n; i++) {
		e->n_targets = i + 1;
		if (!spec_parse(&list[i], to[i], err))
			return false;
		for (size_t j = 0; j < i; j++)
			if (same_place(&list[i], &list[j]))
				return gf_fail(err, GF_USAGE, "target", to[i], "'%s' is given twice",
				    is_archive(list[i].kind) ? list[i].path : list[i].label);
	}
	return true;
}

/* ---- the file ---- */

/* A failure of text inside the file, told with its line. */
static bool at_value(gf_json v, gf_error *err)
{
	gf_error inner = *err;

	return gf_json_fail(v, inner.name, err, "%s", inner.text);
}

static bool copy_text(gf_json object, const char *key, const char *text, char **out, gf_error *err)
{
	if (*text == '\0')
		return gf_json_fail(gf_json_get(object, key), "empty", err, "a value is missing here");
	*out = gf_strdup(text, err);
	return *out != NULL;
}

bool gf_take_text(gf_json object, const char *key, char **out, gf_error *err)
{
	const char *text = NULL;

	return gf_json_string_if(object, key, &text, err) && (text == NULL || copy_text(object, key, text, out, err));
}

static bool need_text(gf_json object, const char *key, char **out, gf_error *err)
{
	const char *text;

	return gf_json_string(object, key, &text, err) && copy_text(object, key, text, out, err);
}

static bool absolute(gf_json object, const char *key, const char *path, gf_error *err)
{
	return *path == '/' ||
	    gf_json_fail(gf_json_get(object, key), "path", err, "'%s' is not an absolute path", path);
}

bool gf_take_path(gf_json object, const char *key, char **out, gf_error *err)
{
	return gf_take_text(object, key, out, err) && (*out == NULL || absolute(object, key, *out, err));
}

static bool take_template(gf_json object, const char *key, char **out, gf_error *err)
{
	return gf_take_text(object, key, out, err) &&
	    (*out == NULL || gf_template_check(*out, err) || at_value(gf_json_get(object, key), err));
}

static bool take_certificates(gf_target_spec *s, gf_json v, gf_error *err)
{
	return gf_take_path(v, "ca-file", &s->ca_file, err) && gf_take_path(v, "cert-file", &s->cert_file, err) &&
	    gf_take_path(v, "key-file", &s->key_file, err) &&
	    ((s->cert_file == NULL) == (s->key_file == NULL) ||
		gf_json_fail(v, "target", err, "cert-file and key-file go together"));
}

/* Files of no use would make believe that they protect something. */
static bool take_daemon_certificates(gf_target_spec *s, gf_json v, gf_error *err)
{
	return take_certificates(s, v, err) &&
	    ((s->ca_file == NULL && s->cert_file == NULL) || (s->host != NULL && gf_starts_with(s->host, "tcp://")) ||
		gf_json_fail(v, "target", err, "certificates are for a daemon at tcp://HOST:PORT"));
}

static bool take_target(gf_target_spec *s, gf_json v, gf_error *err)
{
	static const char *const registry_keys[] = { "registry", "ca-file", "cert-file", "key-file", "plain-http",
		NULL };
	static const char *const docker_keys[] = { "docker-daemon", "ca-file", "cert-file", "key-file", NULL };
	const path_kind *k = NULL;
	char *text = NULL;
	bool ok;

	for (size_t i = 0; i < PATH_KINDS && k == NULL; i++)
		if (gf_json_typeof(gf_json_get(v, path_kinds[i].key)) != GF_JSON_ABSENT)
			k = &path_kinds[i];

	if (gf_json_typeof(gf_json_get(v, "registry")) != GF_JSON_ABSENT) {
		ok = gf_json_only(v, registry_keys, err) && need_text(v, "registry", &text, err) &&
		    (spec_registry(s, gf_starts_with(text, "docker://") ? text + 9 : text, err) ||
			at_value(gf_json_get(v, "registry"), err)) &&
		    take_certificates(s, v, err) && gf_json_bool_if(v, "plain-http", &s->plain_http, err);
	} else if (gf_json_typeof(gf_json_get(v, "docker-daemon")) != GF_JSON_ABSENT) {
		ok = gf_json_only(v, docker_keys, err) && need_text(v, "docker-daemon", &text, err) &&
		    (spec_docker(s, strcmp(text, "default") == 0 ? "" : text, err) ||
			at_value(gf_json_get(v, "docker-daemon"), err)) &&
		    take_daemon_certificates(s, v, err);
	} else if (k != NULL) {
		const char *const keys[] = { k->key, NULL };

		ok = gf_json_only(v, keys, err) && need_text(v, k->key, &text, err) && absolute(v, k->key, text, err) &&
		    (spec_path(s, k, text, err) || at_value(gf_json_get(v, k->key), err));
	} else {
		ok = gf_json_fail(v, "target", err,
		    "a target has one of the keys registry, docker-daemon, oci, oci-archive, docker-archive");
	}
	free(text);
	return ok;
}

static bool take_targets(gf_environment *e, gf_json root, gf_error *err)
{
	gf_json list;
	size_t n;

	if (!gf_json_array(root, "targets", &list, err))
		return false;
	n = gf_json_count(list);
	if (n == 0)
		return gf_json_fail(list, "target", err, "an environment has at least one target");
	e->targets = gf_alloc(n, sizeof *e->targets, err);
	if (e->targets == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		e->n_targets = i + 1;
		if (!take_target(&e->targets[i], gf_json_at(list, i), err))
			return false;
		for (size_t j = 0; j < i; j++)
			if (same_place(&e->targets[i], &e->targets[j]))
				return gf_json_fail(
				    gf_json_at(list, i), "target", err, "'%s' is listed twice", e->targets[i].label);
	}
	return true;
}

static bool take_rule(gf_retag_rule *r, gf_json v, gf_error *err)
{
	static const char *const keys[] = { "match", "name", "tags", NULL };
	gf_json tags = gf_json_get(v, "tags");

	if (!gf_json_only(v, keys, err) || !gf_take_text(v, "match", &r->match, err) ||
	    !take_template(v, "name", &r->name, err) || !gf_json_texts_if(v, "tags", &r->tags, &r->n_tags, err))
		return false;
	if (r->match == NULL || r->name == NULL)
		return gf_json_fail(v, "missing-key", err, "a rule has match and name");
	for (size_t i = 0; i < r->n_tags; i++)
		if (!gf_template_check(r->tags[i], err))
			return at_value(gf_json_at(tags, i), err);
	return gf_json_typeof(tags) == GF_JSON_ABSENT || r->n_tags > 0 ||
	    gf_json_fail(tags, "empty", err, "leave tags out, or give at least one");
}

static bool take_rules(gf_environment *e, gf_json root, gf_error *err)
{
	gf_json list;
	size_t n;

	if (gf_json_typeof(gf_json_get(root, "retag")) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_array(root, "retag", &list, err))
		return false;
	n = gf_json_count(list);
	if (n == 0)
		return gf_json_fail(list, "empty", err, "leave retag out, or give at least one rule");
	e->rules = gf_alloc(n, sizeof *e->rules, err);
	if (e->rules == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		e->n_rules = i + 1;
		if (!take_rule(&e->rules[i], gf_json_at(list, i), err))
			return false;
	}
	return true;
}

static bool take_existing(gf_environment *e, gf_json root, gf_error *err)
{
	static const char *const words[] = { "refuse", "keep", "overwrite" };
	const char *text = "refuse";

	if (!gf_json_string_if(root, "on-existing", &text, err))
		return false;
	for (int i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			e->existing = (gf_existing)i;
			return true;
		}
	return gf_json_fail(
	    gf_json_get(root, "on-existing"), "on-existing", err, "'%s' is none of refuse, keep, overwrite", text);
}

static bool take_moving(gf_environment *e, gf_json root, gf_error *err)
{
	if (!gf_json_texts_if(root, "moving", &e->moving, &e->n_moving, err))
		return false;
	for (size_t i = 0; i < e->n_moving; i++)
		if (!gf_tag_valid(e->moving[i]))
			return gf_json_fail(
			    gf_json_at(gf_json_get(root, "moving"), i), "tag", err, "'%s' is not a tag", e->moving[i]);
	return true;
}

static bool take_all(gf_environment *e, gf_json root, gf_error *err)
{
	static const char *const keys[] = { "environment", "targets", "retag", "on-existing", "moving", "lock-file",
		"lock-files", "notify", NULL };
	const char *name;

	if (!gf_json_only(root, keys, err) || !gf_json_string(root, "environment", &name, err))
		return false;
	if (strcmp(name, e->name) != 0)
		return gf_json_fail(gf_json_get(root, "environment"), "environment", err,
		    "the file is for environment '%s', and '%s' was asked for", name, e->name);
	return take_targets(e, root, err) && take_rules(e, root, err) && take_existing(e, root, err) &&
	    take_moving(e, root, err) && gf_environment_take_after(e, root, err);
}

gf_environment *gf_environment_new(const char *name, gf_error *err)
{
	gf_environment *e = gf_alloc(1, sizeof *e, err);

	if (e != NULL && (e->name = gf_strdup(name, err)) == NULL) {
		gf_environment_free(e);
		e = NULL;
	}
	return e;
}

gf_environment *gf_environment_parse(const void *text, size_t len, const char *file, const char *name, gf_error *err)
{
	gf_environment *e = gf_environment_new(name, err);
	gf_json_doc *doc = e != NULL ? gf_yaml_parse(text, len, file, err) : NULL;

	if (doc == NULL || !take_all(e, gf_json_root(doc), err)) {
		gf_environment_free(e);
		e = NULL;
	}
	gf_json_free(doc);
	return e;
}

static bool add_name(void *ctx, const char *name, gf_error *err)
{
	gf_buf *list = ctx;
	char stem[65];
	size_t n = strlen(name);

	if (!gf_ends_with(name, ".yaml") || n - strlen(".yaml") >= sizeof stem)
		return true;
	n -= strlen(".yaml");
	memcpy(stem, name, n);
	stem[n] = '\0';
	return !gf_name_valid(stem) || gf_buf_printf(list, err, "%s%s", list->len > 0 ? ", " : "", stem);
}

/* There is no such file: say which there are. */
static bool no_environment(const char *config_dir, const char *name, const char *path, gf_error *err)
{
	gf_error ignored = { 0 }; /* a list that cannot be made is left out */
	gf_buf dir, list;
	int fd;

	gf_buf_init(&dir, 4096);
	gf_buf_init(&list, 512);
	fd = gf_buf_printf(&dir, &ignored, "%s/environments", config_dir)
	    ? open(gf_buf_text(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	    : -1;
	if (fd >= 0) {
		(void)gf_dir_each(fd, gf_buf_text(&dir), add_name, &list, &ignored);
		(void)close(fd);
	}
	gf_fail(err, GF_USAGE, "not-found", name, "there is no environment '%s': '%s' does not exist; %s%s", name, path,
	    list.len > 0 ? "there are " : "make it, or name the configuration with --config", gf_buf_text(&list));
	gf_buf_clear(&list);
	gf_buf_clear(&dir);
	return false;
}

gf_environment *gf_environment_load(const char *config_dir, const char *name, gf_error *err)
{
	gf_environment *e = NULL;
	gf_buf path, text;
	bool ok;

	if (!gf_name_valid(name)) {
		gf_fail(err, GF_USAGE, "environment", name,
		    "not the name of an environment: 1 to 64 of a-z 0-9 . _ -, the first a letter or a digit");
		return NULL;
	}
	gf_buf_init(&path, 4096);
	gf_buf_init(&text, GF_YAML_MAX);
	ok = gf_buf_printf(&path, err, "%s/environments/%s.yaml", config_dir, name) &&
	    gf_file_load(gf_buf_text(&path), GF_YAML_MAX, GF_USAGE, &text, err);
	if (!ok && err->os_errno == ENOENT)
		ok = no_environment(config_dir, name, gf_buf_text(&path), err);
	if (ok)
		e = gf_environment_parse(gf_buf_text(&text), text.len, gf_buf_text(&path), name, err);
	if (e != NULL) {
		e->has_digest = gf_hash_bytes(gf_buf_text(&text), text.len, &e->digest, err);
		if (!e->has_digest) {
			gf_environment_free(e);
			e = NULL;
		}
	}
	gf_buf_clear(&text);
	gf_buf_clear(&path);
	return e;
}
