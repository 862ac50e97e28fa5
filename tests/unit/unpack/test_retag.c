#include "common.h"

/* A manifest in which each text is an image of its own with that name; "+name" is another name of the image before. */
static gf_manifest *manifest_of(const char *const *names, size_t n)
{
	gf_error err = { 0 };
	gf_manifest *m = gf_alloc(1, sizeof *m, &err);

	m->stream = gf_strdup("shop", &err);
	m->epoch = 1;
	m->sequence = 42;
	m->version = gf_strdup("1.4.0", &err);
	m->build.id = gf_strdup("812", &err);
	m->images = gf_alloc(n, sizeof *m->images, &err);
	for (size_t i = 0; i < n; i++) {
		bool more = names[i][0] == '+';
		gf_image *image;

		if (!more)
			m->n_images++;
		image = &m->images[m->n_images - 1];
		if (!more) {
			image->names = gf_alloc(n, sizeof *image->names, &err);
			image->digest = digest_of(names[i], strlen(names[i]));
		}
		image->names[image->n_names++] = gf_strdup(names[i] + (more ? 1 : 0), &err);
	}
	return m;
}

static gf_environment *environment_of(const char *yaml)
{
	gf_error err = { 0 };
	gf_environment *e;

	need((e = gf_environment_parse(yaml, strlen(yaml), "prod.yaml", "prod", &err)) != NULL);
	return e;
}

typedef struct given {
	const char *const *packed;
	size_t n_packed;
	const char *environment; /* NULL: only `to` */
	const char *to;
	const char *name;
	const char *const *tags;
	size_t n_tags;
} given;

static bool named(const given *g, gf_naming **names, size_t *n, gf_error *err)
{
	gf_manifest *m = manifest_of(g->packed, g->n_packed);
	gf_environment *e =
	    g->environment != NULL ? environment_of(g->environment) : gf_environment_new("default", err);
	gf_retag r = { m, e, g->name, g->tags, g->n_tags };
	bool ok = (g->to == NULL || gf_environment_set_targets(e, &g->to, 1, err)) &&
	    gf_retag_names(&r, &e->targets[0], names, n, err);

	/* Of a failure, too, the names so far are shown: each says where it comes from.  That is the manifest's, which goes now. */
	for (size_t i = 0; i < *n; i++)
		assert_non_null((*names)[i].packed);
	for (size_t i = 0; i < *n; i++)
		(*names)[i].packed = NULL;
	gf_environment_free(e);
	gf_manifest_free(m);
	return ok;
}

/* The new names, in order. */
static void gives(const given *g, const char *const *want, size_t n_want)
{
	gf_naming *names = NULL;
	gf_error err = { 0 };
	size_t n = 0;

	need(named(g, &names, &n, &err));
	for (size_t i = 0; i < n && i < n_want; i++)
		assert_string_equal(names[i].text, want[i]);
	assert_int_equal(n, n_want);
	free(names);
}
#define GIVES(g, ...)                                                                                                  \
	do {                                                                                                           \
		static const char *const want_[] = { __VA_ARGS__ };                                                    \
		gives(&(g), want_, TESTS_OF(want_));                                                                   \
	} while (0)

static void refused(const given *g, const char *name, const char *words)
{
	gf_naming *names = NULL;
	gf_error err;
	size_t n = 0;

	fails(named(g, &names, &n, &err), GF_USAGE, name, words);
	free(names);
}

#define RETAG "environment: prod\ntargets:\n  - registry: registry.prod.example:5000/shop\nretag:\n"

static void test_the_first_rule_that_matches(void **state)
{
	static const char *const packed[] = { "docker.io/acme/app:1.2", "docker.io/acme/tools/cli:2",
		"registry.example:5000/x/y:3" };
	given g = { packed, 3,
		RETAG "  - match: \"docker.io/acme/*\"\n    name: \"one/{basename}\"\n"
		      "  - match: \"docker.io/**\"\n    name: \"two/{path}\"\n"
		      "  - match: \"docker.io/acme/tools/cli\"\n    name: never\n"
		      "  - match: \"**\"\n    name: \"mirror/{host}/{path}\"\n",
		.to = NULL };

	(void)state;
	/* '*' does not cross a slash; a port's colon is legal in a host, not in a repository. */
	GIVES(g, "registry.prod.example:5000/shop/one/app:1.2", "registry.prod.example:5000/shop/two/acme/tools/cli:2",
	    "registry.prod.example:5000/shop/mirror/registry.example_5000/x/y:3");
	g = (given){ packed + 2, 1, .name = "{host}/{path}", .to = "docker-daemon:" };
	GIVES(g, "registry.example:5000/x/y:3");
	g.name = "mirror.example/{host}/{path}";
	GIVES(g, "mirror.example/registry.example_5000/x/y:3");
}

static void test_globs(void **state)
{
	static const struct {
		const char *match;
		bool app, deep; /* docker.io/acme/app, docker.io/acme/a/b/app */
	} rows[] = { { "**", true, true }, { "*", false, false }, { "docker.io/acme/app", true, false },
		{ "acme/app", false, false }, { "docker.io/*/app", true, false }, { "docker.io/**/app", true, true },
		{ "*/acme/*", true, false }, { "*/acme/**", true, true }, { "docker.io/acme/a*", true, false },
		{ "docker.io/acme/app*", true, false }, { "docker.io/acme/app?", false, false },
		{ "docker.io/acme/APP", false, false }, { "docker.io/acme/app/", false, false },
		{ "docker.io/acme/app:1", false, false }, { "docker.io/acme/*/*/app", false, true } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		char yaml[400];
		static const char *const packed[] = { "docker.io/acme/app:1", "docker.io/acme/a/b/app:1" };
		const bool want[] = { rows[i].app, rows[i].deep };

		(void)snprintf(yaml, sizeof yaml, RETAG "  - match: \"%s\"\n    name: \"{basename}\"\n", rows[i].match);
		for (size_t k = 0; k < 2; k++) {
			given g = { &packed[k], 1, .environment = yaml };
			gf_naming *names = NULL;
			gf_error err = { 0 };
			size_t n = 0;

			if (named(&g, &names, &n, &err) != want[k])
				fail_msg("'%s' and '%s': %s", rows[i].match, packed[k], want[k] ? err.text : "matched");
			if (!want[k])
				assert_string_equal(err.name, "unmapped");
			free(names);
		}
	}
}

static void test_a_name_that_no_rule_maps(void **state)
{
	static const char *const packed[] = { "docker.io/acme/app:1", "quay.io/acme/other:1" };
	given g = { packed, 2, RETAG "  - match: \"docker.io/**\"\n    name: \"{path}\"\n", .to = NULL };

	(void)state;
	refused(&g, "unmapped", "'quay.io/acme/other:1'");
}

static void test_several_tags(void **state)
{
	static const char *const packed[] = { "docker.io/acme/app:1.2", "+docker.io/acme/app:latest" };
	given g = { packed, 1,
		RETAG
		"  - match: \"**\"\n    name: \"{basename}\"\n"
		"    tags: [\"{tag}\", \"{version}-{build.id}\", \"{stream}-{sequence}\", \"{environment}\", \"{tag}\"]\n",
		.to = NULL };

	(void)state;
	/* One name twice is one name. */
	GIVES(g, "registry.prod.example:5000/shop/app:1.2", "registry.prod.example:5000/shop/app:1.4.0-812",
	    "registry.prod.example:5000/shop/app:shop-42", "registry.prod.example:5000/shop/app:prod");
	g.n_packed = 2;
	GIVES(g, "registry.prod.example:5000/shop/app:1.2", "registry.prod.example:5000/shop/app:1.4.0-812",
	    "registry.prod.example:5000/shop/app:shop-42", "registry.prod.example:5000/shop/app:prod",
	    "registry.prod.example:5000/shop/app:latest");
}

static void test_collisions(void **state)
{
	static const char *const packed[] = { "docker.io/acme/app:1", "quay.io/other/app:1" };
	given g = { packed, 2, RETAG "  - match: \"**\"\n    name: \"{basename}\"\n", .to = NULL };

	(void)state;
	refused(&g, "collision",
	    "'docker.io/acme/app:1' and 'quay.io/other/app:1' would both become 'registry.prod.example:5000/shop/app:1' at "
	    "docker://registry.prod.example:5000/shop");
	/* Without rules a registry gets {path}: hosts that differ alone collide, too. */
	static const char *const hosts[] = { "docker.io/acme/app:1", "quay.io/acme/app:1" };
	g = (given){ hosts, 2, .to = "docker://127.0.0.1:5000" };
	refused(&g, "collision", "'127.0.0.1:5000/acme/app:1'");
	/* A daemon keeps host and path. */
	g.to = "docker-daemon:";
	GIVES(g, "docker.io/acme/app:1", "quay.io/acme/app:1");
}

static void test_options_and_targets(void **state)
{
	static const char *const packed[] = { "registry.example:5000/team/app:1.2" };
	static const char *const tags[] = { "{tag}-{sequence}", "latest" };
	given g = { packed, 1, .to = "docker://127.0.0.1:5000/shop/floor" };

	(void)state;
	GIVES(g, "127.0.0.1:5000/shop/floor/team/app:1.2");
	g.to = "docker://127.0.0.1:5000";
	GIVES(g, "127.0.0.1:5000/team/app:1.2");
	g.to = "docker-daemon:";
	GIVES(g, "registry.example:5000/team/app:1.2");
	g.to = "oci:/x";
	GIVES(g, "registry.example:5000/team/app:1.2");
	g.to = "oci:/x:prod/app:9";
	GIVES(g, "docker.io/prod/app:9");

	g = (given){ packed, 1, .to = "docker://127.0.0.1:5000/shop", .name = "prod/{basename}" };
	GIVES(g, "127.0.0.1:5000/shop/prod/app:1.2");
	g.name = "prod/{basename}:{version}";
	GIVES(g, "127.0.0.1:5000/shop/prod/app:1.4.0");
	g.name = "prod/x";
	g.tags = tags;
	g.n_tags = 2;
	GIVES(g, "127.0.0.1:5000/shop/prod/x:1.2-42", "127.0.0.1:5000/shop/prod/x:latest");
	g.name = NULL;
	GIVES(g, "127.0.0.1:5000/shop/team/app:1.2-42", "127.0.0.1:5000/shop/team/app:latest");
	/* --tag replaces what the rules say of tags. */
	g = (given){ packed, 1, RETAG "  - match: \"**\"\n    name: y\n    tags: [a, b]\n", .tags = tags, .n_tags = 1 };
	GIVES(g, "registry.prod.example:5000/shop/y:1.2-42");
	g = (given){ packed, 1, .to = "docker-daemon:", .name = "prod.example/y" };
	GIVES(g, "prod.example/y:1.2");
	g.name = "y";
	GIVES(g, "docker.io/library/y:1.2");
}

static void test_names_that_are_none(void **state)
{
	static const char *const packed[] = { "docker.io/acme/app:1.2", "docker.io/acme/two:1" };
	static const char *const digest[] = { "docker.io/acme/app@sha256:"
					      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
	static const char *const tag[] = { "{tag}/x" };
	gf_digest image = digest_of(digest[0], strlen(digest[0]));
	char by_digest[GF_DIGEST_SIZE], want[200];
	const char *list[] = { want };
	given g = { packed, 1, .to = "docker://127.0.0.1:5000", .name = "Upper/{basename}" };

	(void)state;
	refused(&g, "reference", "'127.0.0.1:5000/Upper/app:1.2'");
	g.name = "a//b";
	refused(&g, "reference", "which is no name");
	g.name = "{nope}";
	refused(&g, "template", "'{nope}'");
	g.name = "x:1";
	g.tags = tag;
	g.n_tags = 1;
	refused(&g, "reference", "--name has the tag '1'");
	g.name = NULL;
	refused(&g, "reference", "'1.2/x', which is no tag");
	g = (given){ packed, 1, RETAG "  - match: \"**\"\n    name: \"x:{tag}\"\n", .to = NULL };
	refused(&g, "reference", "in a rule the tags stand in tags");
	g = (given){ packed, 2, .to = "oci:/x", .name = "one" };
	refused(&g, "name", "one name for 2 images");
	g = (given){ packed, 2, .to = "oci:/x:one" };
	refused(&g, "name", "one name for 2 images");
	/* A name by digest alone: a registry and a layout have it by the image's own digest, a daemon not at all. */
	gf_digest_text(&image, by_digest);
	g = (given){ digest, 1, .to = "docker://127.0.0.1:5000" };
	(void)snprintf(want, sizeof want, "127.0.0.1:5000/acme/app@%s", by_digest);
	gives(&g, list, 1);
	g.to = "docker-daemon:";
	refused(&g, "reference", "a daemon knows no names by digest");
	g.name = "app";
	g.tags = tag;
	g.n_tags = 1;
	refused(&g, "template", "'{tag}' has no value here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_rule_that_matches),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_a_name_that_no_rule_maps),
		cmocka_unit_test(test_several_tags),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_options_and_targets),
		cmocka_unit_test(test_names_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
