/*
 * environment: environments/NAME.yaml, and targets as written with --to (DESIGN.md 5).
 *
 * It says where; whether is the trust file's.  Unknown keys are errors with their line.
 * Paths inside the file are absolute, so that they mean the same from every directory.
 */
#ifndef GF_UNPACK_ENVIRONMENT_H
#define GF_UNPACK_ENVIRONMENT_H

#include "base/base.h"

typedef enum gf_target_kind {
	GF_TO_REGISTRY,
	GF_TO_DOCKER,
	GF_TO_LAYOUT,
	GF_TO_OCI_ARCHIVE,
	GF_TO_DOCKER_ARCHIVE
} gf_target_kind;

typedef struct gf_target_spec {
	gf_target_kind kind;
	char *label;     /* as it is shown: "docker://HOST/PREFIX" */
	char *host;      /* registry: host[:port]; docker: "unix:///..." or NULL: the default */
	char *path;      /* registry: prefix, "" for none; layout: the directory; archive: the file, "-" for stdout */
	char *reference; /* layout, archive: the name of its one image, or NULL */
	char *ca_file, *cert_file, *key_file; /* registry, docker by tcp://; NULL: not given */
	bool plain_http;
} gf_target_spec;

typedef struct gf_retag_rule {
	char *match; /* glob over host/path */
	char *name;  /* templates */
	char **tags; /* none: the tag that the image was packed with */
	size_t n_tags;
} gf_retag_rule;

typedef enum gf_existing { GF_EXISTING_REFUSE, GF_EXISTING_KEEP, GF_EXISTING_OVERWRITE } gf_existing;

/* A program or a webhook. */
typedef struct gf_hook {
	char **argv; /* NULL-terminated; NULL: a webhook */
	size_t argc;
	char *url; /* NULL: a program */
	char *secret_file;
	char *ca_file, *cert_file, *key_file; /* NULL: not given */
	bool plain_http;
} gf_hook;

/* json, digests, kustomize, compose, helm: lockfile.c and lockform.c say what each holds. */
typedef enum gf_lock_form {
	GF_LOCK_JSON,
	GF_LOCK_DIGESTS,
	GF_LOCK_KUSTOMIZE,
	GF_LOCK_COMPOSE,
	GF_LOCK_HELM,
	GF_LOCK_FORMS
} gf_lock_form;
extern const char *const gf_lock_form_names[GF_LOCK_FORMS];

/* compose: a service; helm: a value, its dots nest.  match: glob over host/path of the packed name. */
typedef struct gf_lock_key {
	char *key, *match;
} gf_lock_key;

typedef struct gf_lock_spec {
	char *path;
	gf_lock_form form;
	gf_lock_key *keys; /* none: the last part of the packed name; helm: under "images" */
	size_t n_keys;
} gf_lock_spec;

typedef struct gf_environment {
	char *name;
	gf_target_spec *targets;
	size_t n_targets;
	gf_retag_rule *rules; /* none: names stay as they are */
	size_t n_rules;
	gf_existing existing;
	char **moving; /* tags that may move all the same */
	size_t n_moving;
	gf_lock_spec *locks; /* `lock-file` first */
	size_t n_locks;
	gf_hook *hooks;
	size_t n_hooks;
	bool has_digest;  /* it was read from a file ... */
	gf_digest digest; /* ... of these bytes */
} gf_environment;

/* CONFIG_DIR/environments/NAME.yaml.  name must be one (gf_name_valid) and the file's own `environment:`. */
gf_environment *gf_environment_load(const char *config_dir, const char *name, gf_error *err);
gf_environment *gf_environment_parse(const void *text, size_t len, const char *file, const char *name, gf_error *err);
/* Without a file: that name, and nothing else. */
gf_environment *gf_environment_new(const char *name, gf_error *err);
void gf_environment_free(gf_environment *e);

/* "docker://HOST[/PREFIX]", "docker-daemon:[unix:///SOCKET]", "oci:DIR[:REF]", "oci-archive:PATH[:REF]",
 * "docker-archive:PATH[:REF]" (PATH "-": stdout); replaces what targets e had. */
bool gf_environment_set_targets(gf_environment *e, const char *const *to, size_t n, gf_error *err);

#endif
