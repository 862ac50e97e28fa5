/*
 * environment: environments/NAME.yaml, and targets as written with --to (DESIGN.md 5).
 *
 * It says where; whether is the trust file's.  Unknown keys are errors with their line.
 * Paths inside the file are absolute, so that they mean the same from every directory.
 */
#ifndef GF_UNPACK_ENVIRONMENT_H
#define GF_UNPACK_ENVIRONMENT_H

#include "base/base.h"

typedef enum gf_target_kind { GF_TO_REGISTRY, GF_TO_DOCKER, GF_TO_LAYOUT } gf_target_kind;

typedef struct gf_target_spec {
	gf_target_kind kind;
	char *label;                          /* as it is shown: "docker://HOST/PREFIX" */
	char *host;                           /* registry: host[:port]; docker: "unix:///..." or NULL: the default */
	char *path;                           /* registry: prefix, "" for none; layout: the directory */
	char *reference;                      /* layout: the name of its one image, or NULL */
	char *ca_file, *cert_file, *key_file; /* registry; NULL: not given */
	bool plain_http;
} gf_target_spec;

typedef struct gf_retag_rule {
	char *match; /* glob over host/path */
	char *name;  /* templates */
	char **tags; /* none: the tag that the image was packed with */
	size_t n_tags;
} gf_retag_rule;

typedef enum gf_existing { GF_EXISTING_REFUSE, GF_EXISTING_KEEP, GF_EXISTING_OVERWRITE } gf_existing;

typedef struct gf_hook {
	char **argv; /* NULL-terminated */
	size_t argc;
} gf_hook;

typedef struct gf_environment {
	char *name;
	gf_target_spec *targets;
	size_t n_targets;
	gf_retag_rule *rules; /* none: names stay as they are */
	size_t n_rules;
	gf_existing existing;
	char **moving; /* tags that may move all the same */
	size_t n_moving;
	char *lock_file; /* or NULL */
	gf_hook *hooks;
	size_t n_hooks;
} gf_environment;

/* CONFIG_DIR/environments/NAME.yaml.  name must be one (gf_name_valid) and the file's own `environment:`. */
gf_environment *gf_environment_load(const char *config_dir, const char *name, gf_error *err);
gf_environment *gf_environment_parse(const void *text, size_t len, const char *file, const char *name, gf_error *err);
/* Without a file: that name, and nothing else. */
gf_environment *gf_environment_new(const char *name, gf_error *err);
void gf_environment_free(gf_environment *e);

/* "docker://HOST[/PREFIX]", "docker-daemon:[unix:///SOCKET]", "oci:DIR[:REF]"; replaces what targets e had. */
bool gf_environment_set_targets(gf_environment *e, const char *const *to, size_t n, gf_error *err);

#endif
