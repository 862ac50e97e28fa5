#include "common.h"

static gf_environment *parse(const char *yaml, gf_error *err)
{
	return gf_environment_parse(yaml, strlen(yaml), "prod.yaml", "prod", err);
}

/* Refused with this name, and in the sentence the file, this line, these words. */
static void refused(const char *yaml, const char *name, unsigned line, const char *words)
{
	gf_error err;
	char at[40];

	(void)snprintf(at, sizeof at, "line %u", line);
	fails(parse(yaml, &err) != NULL, GF_USAGE, name, words);
	if (strstr(err.text, at) == NULL || strstr(err.text, "prod.yaml") == NULL)
		fail_msg("neither prod.yaml nor %s: %s", at, err.text);
}

/* The example of DESIGN.md 5. */
static const char whole[] =
    "environment: prod\n"
    "targets:\n"
    "  - registry: registry.prod.example:5000/shop\n"
    "    ca-file: /etc/gapferry/prod-ca.pem       # plain-http: true must be spelled out, except for loopback\n"
    "  - docker-daemon: unix:///var/run/docker.sock\n"
    "retag:                         # first match wins; names that collide are an error before anything is sent\n"
    "  - match: \"docker.io/acme/*\"\n"
    "    name: \"{basename}\"\n"
    "    tags: [\"{tag}\", \"{version}-{build.id}\"]\n"
    "  - match: \"**\"\n"
    "    name: \"mirror/{host}/{path}\"\n"
    "on-existing: refuse            # refuse | keep | overwrite, for a tag that exists with other content\n"
    "moving: [\"latest\"]             # tags that may move all the same; the receipt names the old digest and the new\n"
    "lock-file: /srv/deploy/images.lock.json\n"
    "notify:\n"
    "  - webhook: https://deploy.prod.example/gapferry\n"
    "    secret-file: /etc/gapferry/hook.secret\n"
    "  - run: [\"/usr/local/bin/roll-out\"]\n";

static void test_the_example_of_the_design(void **state)
{
	gf_error err = { 0 };
	gf_environment *e;

	(void)state;
	need((e = parse(whole, &err)) != NULL);
	assert_string_equal(e->name, "prod");
	assert_int_equal(e->n_targets, 2);
	assert_int_equal(e->targets[0].kind, GF_TO_REGISTRY);
	assert_string_equal(e->targets[0].label, "docker://registry.prod.example:5000/shop");
	assert_string_equal(e->targets[0].host, "registry.prod.example:5000");
	assert_string_equal(e->targets[0].path, "shop");
	assert_string_equal(e->targets[0].ca_file, "/etc/gapferry/prod-ca.pem");
	assert_null(e->targets[0].cert_file);
	assert_false(e->targets[0].plain_http);
	assert_int_equal(e->targets[1].kind, GF_TO_DOCKER);
	assert_string_equal(e->targets[1].label, "docker-daemon:unix:///var/run/docker.sock");
	assert_string_equal(e->targets[1].host, "unix:///var/run/docker.sock");
	assert_int_equal(e->n_rules, 2);
	assert_string_equal(e->rules[0].match, "docker.io/acme/*");
	assert_string_equal(e->rules[0].name, "{basename}");
	assert_int_equal(e->rules[0].n_tags, 2);
	assert_string_equal(e->rules[0].tags[0], "{tag}");
	assert_string_equal(e->rules[0].tags[1], "{version}-{build.id}");
	assert_string_equal(e->rules[1].match, "**");
	assert_string_equal(e->rules[1].name, "mirror/{host}/{path}");
	assert_int_equal(e->rules[1].n_tags, 0);
	assert_int_equal(e->existing, GF_EXISTING_REFUSE);
	assert_int_equal(e->n_moving, 1);
	assert_string_equal(e->moving[0], "latest");
	assert_int_equal(e->n_locks, 1);
	assert_string_equal(e->locks[0].path, "/srv/deploy/images.lock.json");
	assert_int_equal(e->locks[0].form, GF_LOCK_JSON);
	assert_int_equal(e->n_hooks, 2);
	assert_null(e->hooks[0].argv);
	assert_string_equal(e->hooks[0].url, "https://deploy.prod.example/gapferry");
	assert_string_equal(e->hooks[0].secret_file, "/etc/gapferry/hook.secret");
	assert_null(e->hooks[0].ca_file);
	assert_false(e->hooks[0].plain_http);
	assert_int_equal(e->hooks[1].argc, 1);
	assert_string_equal(e->hooks[1].argv[0], "/usr/local/bin/roll-out");
	assert_null(e->hooks[1].argv[1]);
	assert_null(e->hooks[1].url);
	gf_environment_free(e);
}

#define T "environment: prod\ntargets:\n  - oci: /srv/out\n"

static void test_unknown_keys_with_their_line(void **state)
{
	static const struct {
		const char *yaml;
		unsigned line;
		const char *key;
	} rows[] = { { T "retagg: []\n", 4, "retagg" }, { T "\n\non_existing: keep\n", 6, "on_existing" },
		{ T "    ca-file: /x\n", 4, "ca-file" },
		{ "environment: prod\ntargets:\n  - registry: r.example\n    insecure: true\n", 4, "insecure" },
		{ "environment: prod\ntargets:\n  - docker-daemon: default\n    host: x\n", 4, "host" },
		{ T "retag:\n  - match: \"**\"\n    name: x\n    tag: y\n", 7, "tag" },
		{ T "notify:\n  - run: [x]\n    when: always\n", 6, "when" } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++)
		refused(rows[i].yaml, "unknown-key", rows[i].line, rows[i].key);
}

static void test_what_is_missing_or_wrong(void **state)
{
	(void)state;
	refused("environment: test\ntargets:\n  - oci: /x\n", "environment", 1, "'test'");
	refused("environment: prod\ntargets: []\n", "target", 2, "at least one target");
	refused("environment: prod\ntargets:\n  - ca-file: /x\n", "target", 3,
	    "registry, docker-daemon, oci, oci-archive, docker-archive");
	refused("environment: prod\ntargets:\n  - oci: /x\n  - oci: /x\n", "target", 4, "'oci:/x' is listed twice");
	refused(T "retag: []\n", "empty", 4, "leave retag out");
	refused(T "retag:\n  - match: \"**\"\n", "missing-key", 5, "match and name");
	refused(T "retag:\n  - name: x\n", "missing-key", 5, "match and name");
	refused(T "retag:\n  - match: \"**\"\n    name: \"{nope}\"\n", "template", 6, "'{nope}'");
	refused(T "retag:\n  - match: \"**\"\n    name: x\n    tags:\n      - a\n      - \"{nope}\"\n", "template", 9,
	    "'{nope}'");
	refused(T "retag:\n  - match: \"**\"\n    name: x\n    tags: []\n", "empty", 7, "leave tags out");
	refused(T "retag:\n  - match: \"**\"\n    name: \"\"\n", "empty", 6, "missing");
	refused(T "moving: [ok, \"-bad\"]\n", "tag", 4, "'-bad'");
	refused(T "notify:\n  - run: []\n", "empty", 5, "the program is missing");
	refused(T "notify:\n  - run: /bin/true\n", "json-type", 5, "run");
	refused(T T, "yaml", 4, "second time");
	refused(T "moving: &a [x]\n", "yaml", 4, "anchors");
	refused("environment: prod\n", "missing-key", 1, "targets");
}

#define HOOK(url, more) T "notify:\n  - webhook: " url "\n    secret-file: /s\n" more

static void test_webhooks(void **state)
{
	static const char *const good[] = { HOOK("https://deploy.example/x?y=z", ""),
		HOOK("http://127.0.0.1:8080/", ""), HOOK("http://[::1]:8080/", ""),
		HOOK("http://deploy.example/", "    plain-http: true\n"),
		HOOK("https://d.example/", "    ca-file: /ca\n    cert-file: /c\n    key-file: /k\n") };
	gf_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(good); i++) {
		gf_environment *e;

		need((e = parse(good[i], &err)) != NULL);
		assert_int_equal(e->n_hooks, 1);
		assert_non_null(e->hooks[0].url);
		gf_environment_free(e);
	}
	refused(HOOK("http://deploy.example/", ""), "webhook", 5, "plain-http: true");
	refused(HOOK("http://127.0.0.1.example/", ""), "webhook", 5, "plain-http: true");
	refused(HOOK("ftp://deploy.example/", ""), "webhook", 5, "no http or https URL");
	refused(HOOK("deploy.example", ""), "webhook", 5, "no http or https URL");
	refused(HOOK("https://ci:pass@deploy.example/", ""), "webhook", 5, "without user name");
	refused(HOOK("https://d.example/", "    cert-file: /c\n"), "webhook", 5, "go together");
	refused(HOOK("https://d.example/", "    ca-file: ca.pem\n"), "path", 7, "'ca.pem'");
	refused(HOOK("https://d.example/", "    timeout: 3\n"), "unknown-key", 7, "timeout");
	refused(HOOK("https://d.example/", "    run: [x]\n"), "unknown-key", 7, "run");
	refused(T "notify:\n  - webhook: https://d.example/\n", "missing-key", 5, "secret-file");
	refused(T "notify:\n  - webhook: \"\"\n    secret-file: /s\n", "empty", 5, "missing");
}

#define LOCK(text) T "lock-files:\n  - path: /l\n    form: " text

static void test_lock_files(void **state)
{
	gf_error err = { 0 };
	gf_environment *e;

	(void)state;
	need((e = parse(T "lock-file: /a\nlock-files:\n  - {path: /b, form: digests}\n  - {path: /c, form: helm, keys: "
			  "{web.image: \"**/one\", db: \"*/*/two\"}}\n",
		  &err)) != NULL);
	assert_int_equal(e->n_locks, 3);
	assert_int_equal(e->locks[0].form, GF_LOCK_JSON);
	assert_int_equal(e->locks[1].form, GF_LOCK_DIGESTS);
	assert_string_equal(e->locks[1].path, "/b");
	assert_int_equal(e->locks[2].form, GF_LOCK_HELM);
	assert_int_equal(e->locks[2].n_keys, 2);
	assert_string_equal(e->locks[2].keys[0].key, "web.image");
	assert_string_equal(e->locks[2].keys[0].match, "**/one");
	gf_environment_free(e);
	refused(LOCK("yaml\n"), "lock-form", 6, "'yaml' is none of json, digests, kustomize, compose, helm");
	refused(LOCK("[json]\n"), "json-type", 6, "form");
	refused(LOCK("json\n    keys: {a: b}\n"), "lock-key", 7, "compose and helm");
	refused(LOCK("compose\n    keys: {}\n"), "empty", 7, "leave keys out");
	refused(LOCK("compose\n    keys: {\"a: b\": c}\n"), "lock-key", 7, "'a: b' is not a key");
	refused(LOCK("helm\n    keys: {a..b: c}\n"), "lock-key", 7, "'a..b' is not a key");
	refused(LOCK("helm\n    keys: {a.b: c, a.b.c: d}\n"), "lock-key", 7, "'a.b.c' lies inside 'a.b'");
	refused(LOCK("helm\n    keys: {a: [c]}\n"), "json-type", 7, "a");
	refused(LOCK("json\n    mode: 1\n"), "unknown-key", 7, "mode");
	refused(T "lock-files:\n  - form: json\n", "missing-key", 5, "path and form");
	refused(T "lock-files:\n  - path: /x\n", "missing-key", 5, "form");
	refused(T "lock-files:\n  - {path: x, form: json}\n", "path", 5, "'x' is not an absolute path");
	refused(T "lock-files: []\n", "empty", 4, "leave lock-files out");
	refused(T "lock-file: /l\n"
		  "lock-files:\n  - {path: /l, form: digests}\n",
	    "lock-file", 6, "'/l' is written by another");
}

static void test_on_existing(void **state)
{
	static const char *const words[] = { "refuse", "keep", "overwrite" };
	gf_error err = { 0 };
	gf_environment *e;
	char text[200];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(text, sizeof text, T "on-existing: %s\n", words[i]);
		need((e = parse(text, &err)) != NULL);
		assert_int_equal(e->existing, i);
		gf_environment_free(e);
	}
	need((e = parse(T, &err)) != NULL);
	assert_int_equal(e->existing, GF_EXISTING_REFUSE);
	gf_environment_free(e);
	refused(T "on-existing: replace\n", "on-existing", 4, "'replace' is none of refuse, keep, overwrite");
	refused(T "on-existing: Keep\n", "on-existing", 4, "'Keep'");
	refused(T "on-existing: [keep]\n", "json-type", 4, "on-existing");
}

static void test_registries(void **state)
{
	static const char *const bad[] = { "registry", "registry/shop", "https://registry.example/shop",
		"registry.example/Shop", "registry.example:99999", "user@registry.example", "registry.example/a:1",
		"/shop", "registry.example//a", "registry.example/a/" };
	gf_error err = { 0 };
	gf_environment *e;
	char text[300];

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		(void)snprintf(text, sizeof text, "environment: prod\ntargets:\n  - registry: %s\n", bad[i]);
		refused(text, "target", 3, "");
	}
	need(
	    (e = parse(
		 "environment: prod\ntargets:\n  - registry: docker://registry.example\n    plain-http: true\n"
		 "    cert-file: /c.pem\n    key-file: /k.pem\n  - registry: \"[::1]:5000/a/b\"\n    plain-http: false\n",
		 &err)) != NULL);
	assert_string_equal(e->targets[0].host, "registry.example");
	assert_string_equal(e->targets[0].path, "");
	assert_string_equal(e->targets[0].label, "docker://registry.example");
	assert_true(e->targets[0].plain_http);
	assert_string_equal(e->targets[0].cert_file, "/c.pem");
	assert_string_equal(e->targets[0].key_file, "/k.pem");
	assert_string_equal(e->targets[1].host, "[::1]:5000");
	assert_string_equal(e->targets[1].path, "a/b");
	assert_false(e->targets[1].plain_http);
	gf_environment_free(e);
	refused(
	    "environment: prod\ntargets:\n  - registry: r.example\n    cert-file: /c\n", "target", 3, "go together");
	refused("environment: prod\ntargets:\n  - registry: r.example\n    plain-http: maybe\n", "json-type", 4,
	    "plain-http");
}

static void test_paths_are_absolute(void **state)
{
	(void)state;
	refused("environment: prod\ntargets:\n  - oci: out\n", "path", 3, "'out' is not an absolute path");
	refused("environment: prod\ntargets:\n  - oci: ./out\n", "path", 3, "not an absolute path");
	refused("environment: prod\ntargets:\n  - registry: r.example\n    ca-file: ca.pem\n", "path", 4, "'ca.pem'");
	refused("environment: prod\ntargets:\n  - registry: r.example\n    cert-file: c.pem\n    key-file: /k\n",
	    "path", 4, "'c.pem'");
	refused("environment: prod\ntargets:\n  - registry: r.example\n    cert-file: /c\n    key-file: k.pem\n",
	    "path", 5, "'k.pem'");
	refused(T "lock-file: images.lock.json\n", "path", 4, "'images.lock.json'");
}

static void test_names_of_environments(void **state)
{
	static const char *const bad[] = { "", "Prod", "../prod", "prod/x", ".prod", "-prod", "prod x",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	gf_error err = { 0 };
	gf_environment *e;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		fails(gf_environment_load(".", bad[i], &err) != NULL, GF_USAGE, "environment", "not the name");
	need(gf_dir_make("environments", 0755, &err));
	fails(gf_environment_load(".", "prod", &err) != NULL, GF_USAGE, "not-found", "environments/prod.yaml");
	need(gf_file_store("environments/prod.yaml", 0644, whole, strlen(whole), &err));
	need((e = gf_environment_load(".", "prod", &err)) != NULL);
	assert_int_equal(e->n_targets, 2);
	gf_environment_free(e);
	/* A copy under another name is a mistake, not another environment. */
	need(gf_file_store("environments/test.yaml", 0644, whole, strlen(whole), &err));
	fails(gf_environment_load(".", "test", &err) != NULL, GF_USAGE, "environment",
	    "for environment 'prod', and 'test' was asked for");
}

static void test_targets_by_hand(void **state)
{
	static const char *const good[] = { "docker://127.0.0.1:5000/a/b",
		"docker-daemon:", "docker-daemon:unix:///run/d.sock", "oci:out", "oci:/x:app", "docker://localhost/x",
		"oci-archive:a.tar", "docker-archive:/b.tar:app:2", "oci-archive:-" };
	static const char *const bad[][2] = { { "127.0.0.1:5000/a", "not a target" }, { "docker:x", "not a target" },
		{ "docker-daemon:app:1", "--name" }, { "oci-archive:", "oci-archive:PATH" },
		{ "docker-archive::x", "docker-archive:PATH" }, { "oci-archives:x", "not a target" },
		{ "dir:x", "not a target" }, { "oci:", "oci:DIR" }, { "oci::x", "oci:DIR" },
		{ "docker://", "not the host" }, { "docker://shop/x", "with a dot or a port" },
		{ "oci:x:a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		    "a tag, not a digest" } };
	static const char *const capital[] = { "oci:x:Y" }, *const twice[] = { "oci:x", "oci:y", "oci:x" };
	static const char *const one_file[] = { "oci-archive:x:a", "docker-archive:x" };
	gf_error err = { 0 };
	gf_environment *e;

	(void)state;
	need((e = parse(whole, &err)) != NULL);
	need(gf_environment_set_targets(e, good, TESTS_OF(good), &err));
	assert_int_equal(e->n_targets, TESTS_OF(good));
	assert_string_equal(e->targets[0].host, "127.0.0.1:5000");
	assert_string_equal(e->targets[0].path, "a/b");
	assert_null(e->targets[1].host);
	assert_string_equal(e->targets[1].label, "docker-daemon:");
	assert_string_equal(e->targets[2].host, "unix:///run/d.sock");
	assert_string_equal(e->targets[3].path, "out");
	assert_null(e->targets[3].reference);
	assert_string_equal(e->targets[4].path, "/x");
	assert_string_equal(e->targets[4].reference, "docker.io/library/app:latest");
	assert_string_equal(e->targets[5].host, "localhost");
	assert_int_equal(e->targets[6].kind, GF_TO_OCI_ARCHIVE);
	assert_string_equal(e->targets[6].path, "a.tar");
	assert_string_equal(e->targets[6].label, "oci-archive:a.tar");
	assert_int_equal(e->targets[7].kind, GF_TO_DOCKER_ARCHIVE);
	assert_string_equal(e->targets[7].path, "/b.tar");
	assert_string_equal(e->targets[7].reference, "docker.io/library/app:2");
	for (size_t i = 0; i < TESTS_OF(good); i++)
		assert_int_equal(gf_target_is_stdout(good[i]), i == 8);
	assert_true(gf_target_is_stdout("docker-archive:-:app:1"));
	assert_false(gf_target_is_stdout("docker-archive:-x"));
	assert_false(gf_target_is_stdout("oci:-"));
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		fails(gf_environment_set_targets(e, bad[i], 1, &err), GF_USAGE, "target", bad[i][1]);
	fails(gf_environment_set_targets(e, capital, 1, &err), GF_USAGE, "reference", "target 'oci:x:Y'");
	fails(gf_environment_set_targets(e, twice, 3, &err), GF_USAGE, "target", "'oci:x' is given twice");
	fails(gf_environment_set_targets(e, one_file, 2, &err), GF_USAGE, "target", "'x' is given twice");
	gf_environment_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_the_design),
		cmocka_unit_test(test_webhooks),
		cmocka_unit_test(test_lock_files),
		cmocka_unit_test(test_unknown_keys_with_their_line),
		cmocka_unit_test(test_what_is_missing_or_wrong),
		cmocka_unit_test(test_on_existing),
		cmocka_unit_test(test_registries),
		cmocka_unit_test(test_paths_are_absolute),
		cmocka_unit_test(test_names_of_environments),
		cmocka_unit_test(test_targets_by_hand),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
