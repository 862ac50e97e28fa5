/*
 * An environment file: a refusal names the file; what is taken keeps the promises of its header, its targets are
 * what --to would make of their labels, and the names that its rules give are names, each once.
 * parser: unpack/environment.c unpack/environment_after.c unpack/retag.c unpack/template.c
 */
#include <stdlib.h>
#include <string.h>

#include "unpack/retag.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool what)
{
	if (!what)
		abort();
}

static void check_target(const gf_target_spec *s)
{
	gf_error err = { 0 };
	gf_environment *again = gf_environment_new("prod", &err);
	const char *const label[] = { s->label };
	const gf_target_spec *t;

	hold(again != NULL && gf_environment_set_targets(again, label, 1, &err) && again->n_targets == 1);
	t = &again->targets[0];
	hold(t->kind == s->kind && strcmp(t->label, s->label) == 0 && (t->host == NULL) == (s->host == NULL) &&
	    (s->host == NULL || strcmp(t->host, s->host) == 0) && (t->path == NULL) == (s->path == NULL) &&
	    (s->path == NULL || strcmp(t->path, s->path) == 0));
	hold((s->cert_file == NULL) == (s->key_file == NULL));
	hold((s->ca_file == NULL || s->ca_file[0] == '/') && (s->cert_file == NULL || s->cert_file[0] == '/') &&
	    (s->key_file == NULL || s->key_file[0] == '/'));
	hold(s->kind == GF_TO_REGISTRY || s->kind == GF_TO_DOCKER || s->path[0] == '/');
	gf_environment_free(again);
}

static void check_hook(const gf_hook *h)
{
	gf_error err = { 0 };

	hold((h->url == NULL) == (h->argv != NULL));
	if (h->url == NULL)
		hold(h->argc > 0 && h->argv[h->argc] == NULL);
	else
		hold(h->secret_file != NULL && h->secret_file[0] == '/' && gf_url_usable(h->url, h->plain_http, &err));
}

/* Two images, one with two names and a port in its host. */
static void check_names(const gf_environment *e)
{
	static char stream[] = "shop", version[] = "1.4.0", build[] = "812";
	static char one[] = "docker.io/acme/app:1.2", two[] = "docker.io/acme/app:latest",
		    three[] = "registry.example:5000/team/a/b:3";
	char *first[] = { one, two };
	char *second[] = { three };
	gf_image images[] = { { .names = first, .n_names = 2 },
		{ .names = second, .n_names = 1, .digest = { { 1 } } } };
	gf_manifest m = { .stream = stream,
		.epoch = 1,
		.sequence = 42,
		.version = version,
		.images = images,
		.n_images = 2,
		.build = { .id = build } };
	const gf_retag r = { .manifest = &m, .environment = e };

	for (size_t i = 0; i < e->n_targets; i++) {
		gf_naming *names = NULL;
		gf_error err = { 0 };
		size_t n = 0;

		if (gf_retag_names(&r, &e->targets[i], &names, &n, &err)) {
			hold(n > 0);
			for (size_t k = 0; k < n; k++) {
				gf_reference ref;

				hold(gf_reference_parse(names[k].text, &ref, &err) && names[k].image < 2 &&
				    names[k].packed != NULL);
				for (size_t j = 0; j < k; j++)
					hold(strcmp(names[j].text, names[k].text) != 0);
			}
		} else {
			hold(err.class == GF_USAGE && err.name[0] != '\0' && err.text[0] != '\0');
			for (size_t k = 0; k < n; k++)
				hold(names[k].packed != NULL);
		}
		free(names);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_environment *e = gf_environment_parse(data, size, "prod.yaml", "prod", &err);

	if (e == NULL) {
		hold(err.class == GF_USAGE && err.name[0] != '\0' && strstr(err.text, "prod.yaml") != NULL);
		return 0;
	}
	hold(strcmp(e->name, "prod") == 0 && e->n_targets > 0);
	for (size_t i = 0; i < e->n_targets; i++)
		check_target(&e->targets[i]);
	for (size_t i = 0; i < e->n_rules; i++)
		hold(e->rules[i].match != NULL && e->rules[i].name != NULL);
	for (size_t i = 0; i < e->n_moving; i++)
		hold(gf_tag_valid(e->moving[i]));
	GF_PLANTED(e->targets[0].kind == GF_TO_LAYOUT && strchr("xks", e->targets[0].path[1]) == NULL);
	for (size_t i = 0; i < e->n_hooks; i++)
		check_hook(&e->hooks[i]);
	for (size_t i = 0; i < e->n_locks; i++)
		hold(e->locks[i].path[0] == '/' && e->locks[i].form < GF_LOCK_FORMS);
	check_names(e);
	gf_environment_free(e);
	return 0;
}
