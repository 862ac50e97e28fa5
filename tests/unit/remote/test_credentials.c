#include <sys/stat.h>

#include "common.h"
#include "remote/auth.h"

static char file[128];

/* Helpers as programs on PATH; each answers with what it was asked for. */
static bool make_helper(const char *name, const char *script)
{
	char path[256], text[512];
	gf_error err;

	snprintf(path, sizeof path, "%s/docker-credential-%s", dir, name);
	snprintf(text, sizeof text, "#!/bin/sh\n[ \"$*\" = get ] || exit 9\nhost=$(cat)\n%s\n", script);
	return gf_file_store(path, 0700, text, strlen(text), &err) && chmod(path, 0700) == 0;
}

static bool make_helpers(void)
{
	char path[4096];

	snprintf(path, sizeof path, "%s:%s", dir, getenv("PATH"));
	return setenv("PATH", path, 1) == 0 &&
	    make_helper("gf-pair",
		"printf '{\"ServerURL\":\"%s\",\"Username\":\"helped\",\"Secret\":\"%s\"}' \"$host\" \"$host\"") &&
	    make_helper("gf-token", "printf '{\"Username\":\"<token>\",\"Secret\":\"%s\"}' \"$host\"") &&
	    make_helper("gf-none", "echo 'credentials not found in native keychain'; exit 1") &&
	    make_helper("gf-odd", "echo 'credentials not found in native keychain, for it is locked'; exit 1") &&
	    make_helper("gf-locked", "echo 'the vault is locked'; exit 1") && make_helper("gf-junk", "echo no json") &&
	    make_helper("gf-half", "echo '{\"Username\":\"u\"}'");
}

static int enter(void **state)
{
	(void)state;
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_CONFIG");
	unsetenv("DOCKER_AUTH_CONFIG");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_CONFIG_HOME");
	if (mkdtemp(dir) == NULL || !make_helpers())
		return -1;
	snprintf(file, sizeof file, "%s/config.json", dir);
	return setenv("HOME", dir, 1);
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static void put(const char *path, const char *text)
{
	gf_error err;

	check_ok(gf_file_store(path, 0600, text, strlen(text), &err));
}

/* "dXNlcjpwOnc=" is "user:p:w". */
static const struct {
	const char *json, *host, *username, *password, *identity, *error;
} rows[] = {
	{ "{}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example", "user", "p:w", NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example:443", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "xr.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example.evil", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"https://r.example:5000/v2/\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example:5000", "user", "p:w",
	    NULL, NULL },
	{ "{\"auths\":{\"http://r.example\":{\"username\":\"u\",\"password\":\"p\"}}}", "r.example", "u", "p", NULL,
	    NULL },
	{ "{\"auths\":{\"https://r.example\":{\"auth\":\"dXNlcjpwOnc=\"},\"r.example\":{\"username\":\"exact\",\"password\":\"\"}}}",
	    "r.example", "exact", "", NULL, NULL },
	{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "docker.io", "user", "p:w", NULL,
	    NULL },
	{ "{\"auths\":{\"r.example/other\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example/other\":{\"username\":\"team\",\"password\":\"\"},\"https://r.example/v1/\":{\"username\":\"all\",\"password\":\"\"}}}",
	    "r.example", "all", "", NULL, NULL },
	{ "{\"credHelpers\":{\"r.example\":\"gf-odd\"}}", "r.example", NULL, NULL, NULL, "credential-helper" },
	{ "{\"auths\":{\"index.docker.io\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwdwAA\"}}}", "r.example", "user", "pw", NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjo=\",\"identitytoken\":\"tok\"}}}", "r.example", "user", "",
	    "tok", NULL },
	{ "{\"auths\":{\"r.example\":{\"identitytoken\":\"tok\"}}}", "r.example", NULL, NULL, "tok", NULL },
	{ "{\"auths\":{\"r.example\":{\"identitytoken\":7}}}", "r.example", NULL, NULL, NULL, "json-type" },
	{ "{\"auths\":{\"r.example\":{\"registrytoken\":[]}}}", "r.example", NULL, NULL, NULL, "json-type" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"OnB3\"}}}", "r.example", "", "pw", NULL, NULL },
	{ "{\"auths\":[]}", "r.example", NULL, NULL, NULL, NULL },
	{ "[]", "r.example", NULL, NULL, NULL, "json-type" },
	{ "{\"auths\":{\"r.example\":{},\"r.example\":{}}}", "r.example", NULL, NULL, NULL, "json" },
	{ "{\"credHelpers\":{\"r.example\":\"gf-a-name-that-is-longer-than-what-any-helper-in-the-world-has-ever-been-called\"}}",
	    "r.example", NULL, NULL, NULL, "credential-helper" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"not base64\"}}}", "r.example", NULL, NULL, NULL, "auth-file" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcg==\"}}}", "r.example", NULL, NULL, NULL, "auth-file" },
	{ "{\"auths\":{\"r.example\":{\"auth\":7}}}", "r.example", NULL, NULL, NULL, "json-type" },
	{ "{\"auths\":{\"r.example\":", "r.example", NULL, NULL, NULL, "json" },
	{ "{\"credHelpers\":{\"r.example\":\"gf-pair\"}}", "r.example", "helped", "r.example", NULL, NULL },
	{ "{\"credHelpers\":{\"r.example\":\"gf-token\"}}", "r.example", NULL, NULL, "r.example", NULL },
	{ "{\"credHelpers\":{\"r.example\":\"gf-none\"}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"credHelpers\":{\"docker.io\":\"gf-pair\"}}", "docker.io", "helped", "https://index.docker.io/v1/", NULL,
	    NULL },
	{ "{\"credHelpers\":{\"r.example\":\"gf-locked\"}}", "r.example", NULL, NULL, NULL, "credential-helper" },
	{ "{\"credHelpers\":{\"r.example\":\"gf-junk\"}}", "r.example", NULL, NULL, NULL, "json" },
	{ "{\"credHelpers\":{\"r.example\":\"gf-half\"}}", "r.example", NULL, NULL, NULL, "missing-key" },
	{ "{\"credHelpers\":{\"r.example\":\"../gf-pair\"}}", "r.example", NULL, NULL, NULL, "credential-helper" },
	{ "{\"credHelpers\":{\"r.example\":\"gf-is-not-there\"}}", "r.example", NULL, NULL, NULL, "command" },
	{ "{\"credHelpers\":{\"other.example\":\"ecr-login\"}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{}},\"credsStore\":\"gf-pair\"}", "r.example", "helped", "r.example", NULL, NULL },
	{ "{\"auths\":{\"other.example\":{}},\"credsStore\":\"gf-none\"}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\"}},\"credsStore\":\"desktop\"}", "r.example", "user",
	    "p:w", NULL, NULL },
};

/* Helpers are asked anew each time. */
static bool find(const char *host, const char *repository, const char *authfile, gf_credentials *out, gf_error *err)
{
	const gf_account who = { host, repository };
	gf_helped helped = { "", { NULL, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } } };
	bool ok = gf_credentials_find(&who, authfile, &helped, out, err);

	gf_credentials_clear(&helped.answer);
	return ok;
}

static void same(const char *have, const char *want, const char *json)
{
	if ((have == NULL) != (want == NULL) || (have != NULL && strcmp(have, want) != 0))
		fail_msg(
		    "%s: '%s' instead of '%s'", json, have != NULL ? have : "nothing", want != NULL ? want : "nothing");
}

static void entries_are_found_by_exact_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gf_credentials c;
		gf_error err = { 0 };
		bool ok;

		put(file, rows[i].json);
		ok = find(rows[i].host, "team/app", file, &c, &err);
		if (ok != (rows[i].error == NULL))
			fail_msg("%s: %s", rows[i].json, ok ? "taken" : err.text);
		if (!ok) {
			assert_string_equal(err.name, rows[i].error);
			assert_int_equal(err.class,
			    strstr(rows[i].json, "\"gf-") != NULL && strstr(rows[i].json, "gf-a-name") == NULL
				? GF_FAILED
				: GF_USAGE);
		}
		same(c.username, rows[i].username, rows[i].json);
		same(c.password.data, rows[i].password, rows[i].json);
		same(c.identity.data, rows[i].identity, rows[i].json);
		gf_credentials_clear(&c);
	}
}

static void the_helper_is_named_with_the_way_round_it(void **state)
{
	gf_credentials c;
	gf_error err;

	(void)state;
	put(file, "{\"credHelpers\":{\"r.example\":\"gf-locked\"}}");
	check_fails(find("r.example", "team/app", file, &c, &err), "credential-helper");
	assert_true(has_text(err.text, "docker-credential-gf-locked") && has_text(err.text, "vault is locked") &&
	    has_text(err.text, "--password-stdin"));
}

/* The user name that counts for a repository. */
static const char *user_of(const char *host, const char *repository, const char *authfile)
{
	static char name[64];
	gf_credentials c;
	gf_error err;

	check_ok(find(host, repository, authfile, &c, &err));
	snprintf(name, sizeof name, "%s", c.username != NULL ? c.username : "nobody");
	gf_credentials_clear(&c);
	return name;
}

static void the_longest_namespace_counts(void **state)
{
	static const struct {
		const char *host, *repository, *user;
	} want[] = {
		{ "r.example", "team/app", "app" },
		{ "r.example", "team/app/sub", "app" },
		{ "r.example", "team/apple", "team" },
		{ "r.example", "team/other", "team" },
		{ "r.example", "teams/app", "host" },
		{ "r.example", "app", "host" },
		{ "r.example:5000", "team/app", "nobody" },
		{ "docker.io", "library/redis", "redis" },
		{ "docker.io", "library/mongo", "hub" },
		{ "quay.example", "a/b", "nobody" },
	};

	(void)state;
	put(file,
	    "{\"auths\":{\"r.example\":{\"username\":\"host\",\"password\":\"\"},"
	    "\"r.example/team\":{\"username\":\"team\",\"password\":\"\"},"
	    "\"r.example/team/app\":{\"username\":\"app\",\"password\":\"\"},"
	    "\"docker.io/library/redis\":{\"username\":\"redis\",\"password\":\"\"},"
	    "\"https://index.docker.io/v1/\":{\"username\":\"hub\",\"password\":\"\"},"
	    "\"quay.example/a/b/c\":{\"username\":\"deeper\",\"password\":\"\"},"
	    "\"https://quay.example/a/b\":{}}}");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		same(user_of(want[i].host, want[i].repository, file), want[i].user, want[i].repository);
	/* A helper keeps whole hosts, and comes before entries. */
	put(file,
	    "{\"credHelpers\":{\"r.example\":\"gf-pair\"},\"auths\":{\"r.example/team\":{\"username\":\"team\",\"password\":\"\"}}}");
	assert_string_equal(user_of("r.example", "team/app", file), "helped");
	put(file,
	    "{\"credsStore\":\"gf-pair\",\"auths\":{\"r.example/team\":{\"username\":\"team\",\"password\":\"\"}}}");
	assert_string_equal(user_of("r.example", "team/app", file), "team");
	assert_string_equal(user_of("r.example", "app", file), "helped");
}

static void a_registry_token_is_kept_as_it_is(void **state)
{
	gf_credentials c;
	gf_error err;

	(void)state;
	put(file, "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwOnc=\",\"registrytoken\":\"a.b.c\"}}}");
	check_ok(find("r.example", "team/app", file, &c, &err));
	same(c.token.data, "a.b.c", "registrytoken");
	gf_credentials_clear(&c);
	assert_null(c.token.data);
}

static void a_helper_is_asked_once(void **state)
{
	static const gf_account one = { "r.example", "team/one" }, two = { "r.example", "team/two" };
	gf_helped helped = { "", { NULL, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } } };
	char path[256];
	gf_credentials c;
	gf_error err;
	gf_buf text;

	(void)state;
	assert_true(make_helper(
	    "gf-counting", "echo once >>\"${0%/*}/asked\"; echo '{\"Username\":\"helped\",\"Secret\":\"s\"}'"));
	put(file, "{\"credHelpers\":{\"r.example\":\"gf-counting\"}}");
	for (int i = 0; i < 3; i++) {
		check_ok(gf_credentials_find(i == 1 ? &two : &one, file, &helped, &c, &err));
		same(c.username, "helped", "a helper");
		same(c.password.data, "s", "a helper");
		gf_credentials_clear(&c);
	}
	gf_credentials_clear(&helped.answer);
	snprintf(path, sizeof path, "%s/asked", dir);
	gf_buf_init(&text, 1024);
	check_ok(gf_file_load(path, 1024, GF_USAGE, &text, &err));
	assert_string_equal(gf_buf_text(&text), "once\n");
	gf_buf_clear(&text);
}

static const char *found(const char *authfile)
{
	return user_of("r.example", "team/app", authfile);
}

/* DIR/what, with its directories: an entry of r.example for user; user NULL: of another host. */
static void put_user(const char *what, const char *user)
{
	char path[256], text[256];
	gf_error err;

	snprintf(path, sizeof path, "%s/%s", dir, what);
	*strrchr(path, '/') = '\0';
	check_ok(gf_dir_make(path, 0700, &err));
	snprintf(path, sizeof path, "%s/%s", dir, what);
	snprintf(text, sizeof text, "{\"auths\":{\"%s\":{\"username\":\"%s\",\"password\":\"p\"}}}",
	    user != NULL ? "r.example" : "other.example", user != NULL ? user : "nobody");
	put(path, text);
}

static void set(const char *name, const char *what)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, what);
	assert_int_equal(setenv(name, path, 1), 0);
}

/* From the last to the first: each new one goes before. */
static void places_are_looked_at_in_order(void **state)
{
	gf_credentials c;
	gf_error err;
	char path[256];

	(void)state;
	set("XDG_RUNTIME_DIR", "run"); /* else what this machine's root has would count */
	unlink(file);
	assert_string_equal(found(NULL), "nobody");
	snprintf(path, sizeof path, "%s/.dockercfg", dir);
	put(path, "{\"https://r.example/v1/\":{\"auth\":\"b2xkOnB3\",\"email\":\"a@b.example\"}}");
	assert_string_equal(found(NULL), "old");
	put_user(".docker/config.json", "home");
	assert_string_equal(found(NULL), "home");
	put_user(".config/containers/auth.json", NULL);
	assert_string_equal(found(NULL), "home"); /* not in the first file: the next is looked at */
	put_user(".config/containers/auth.json", "config");
	assert_string_equal(found(NULL), "config");
	set("XDG_CONFIG_HOME", "xdg"); /* instead of ~/.config */
	assert_string_equal(found(NULL), "home");
	put_user("xdg/containers/auth.json", "xdg");
	assert_string_equal(found(NULL), "xdg");
	put_user("run/containers/auth.json", "runtime");
	assert_string_equal(found(NULL), "runtime");
	set("DOCKER_CONFIG", "docker");
	assert_string_equal(found(NULL), "runtime");
	put_user("docker/config.json", "docker");
	assert_string_equal(found(NULL), "docker");
	put_user("docker/config.json", NULL);
	snprintf(path, sizeof path, "%s/run/containers/auth.json", dir);
	unlink(path);
	unsetenv("XDG_CONFIG_HOME");
	snprintf(path, sizeof path, "%s/.config/containers/auth.json", dir);
	unlink(path);
	assert_string_equal(found(NULL), "old"); /* DOCKER_CONFIG stands instead of ~/.docker */
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"r.example\":{\"auth\":\"Y2k6cHc=\"}}}", 1);
	assert_string_equal(found(NULL), "ci");
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":", 1);
	check_fails(find("r.example", "team/app", NULL, &c, &err), "json");
	assert_true(has_text(err.text, "DOCKER_AUTH_CONFIG"));
	set("REGISTRY_AUTH_FILE", "auth.json"); /* alone, whether it is there or not */
	assert_string_equal(found(NULL), "nobody");
	put_user("auth.json", "env");
	assert_string_equal(found(NULL), "env");
	put_user("config.json", "option");
	assert_string_equal(found(file), "option");
	unlink(file);
	/* The option names a file that has to be there. */
	assert_false(find("r.example", "team/app", file, &c, &err));
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_AUTH_CONFIG");
	unsetenv("DOCKER_CONFIG");
	unsetenv("XDG_RUNTIME_DIR");
}

/* Caps, and answers of token services and helpers that are none. */
static void what_cannot_be_taken(void **state)
{
	static const struct {
		const char *text, *error;
	} tokens[] = {
		{ "", "json" },
		{ "<html>busy</html>", "json" },
		{ "[]", "json-type" },
		{ "{}", "registry-token" },
		{ "{\"token\":\"\"}", "registry-token" },
		{ "{\"token\":7}", "json-type" },
		{ "{\"token\":\"a b\"}", "registry-token" },
		{ "{\"token\":\"a\\r\\nX: y\"}", "registry-token" },
		{ "{\"token\":\"a\\u0000b\"}", "json-nul" },
		{ "{\"token\":\"\\u00e9\"}", "registry-token" },
		{ "{\"token\":\"a\"}{\"token\":\"b\"}", "json" },
	}, helpers[] = {
		{ "", "json" },
		{ "[]", "json-type" },
		{ "{\"Secret\":\"s\"}", "missing-key" },
		{ "{\"Username\":\"u\",\"Secret\":null}", "json-type" },
		{ "{\"Username\":\"u\",\"Secret\":\"a\\u0000\"}", "json-nul" },
		{ "{\"Username\":\"u\",\"Secret\":\"a\"}{}", "json" },
		{ "{\"Username\":\"\\u001b[2J\",\"Username\":\"\"}", "json" },
	};
	static char big[5 * GF_TOKEN_MAX];
	static const gf_account who = { "r.example", "app" };
	gf_auth_text t = { .text = big, .len = GF_CONFIG_FILE_MAX + 1, .name = "auth.json" };
	char helper[GF_HELPER_SIZE], *huge;
	gf_secret header = { NULL, 0 };
	gf_credentials c = { .username = NULL };
	uint64_t lasts;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		if (gf_token_read(tokens[i].text, strlen(tokens[i].text), &header, &lasts, &err) ||
		    strcmp(err.name, tokens[i].error) != 0 || err.class != GF_FAILED)
			fail_msg("%s: %s", tokens[i].text, err.name);
		assert_null(header.data);
	}
	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
		if (gf_credentials_answer(helpers[i].text, strlen(helpers[i].text), &c, &err) ||
		    strcmp(err.name, helpers[i].error) != 0 || err.class != GF_FAILED)
			fail_msg("%s: %s", helpers[i].text, err.name);
		gf_credentials_clear(&c);
	}
	memset(big, 'a', sizeof big);
	memcpy(big, "{\"token\":\"", 10);
	memcpy(big + GF_TOKEN_MAX + 11, "\"}", 2);
	check_fails(gf_token_read(big, GF_TOKEN_MAX + 13, &header, &lasts, &err), "registry-token");
	check_fails(gf_token_read(big, sizeof big, &header, &lasts, &err), "too-large");
	check_fails(gf_credentials_answer(big, GF_HELPER_ANSWER_MAX + 1, &c, &err), "too-large");
	assert_non_null(huge = calloc(1, t.len));
	t.text = huge;
	check_fails(gf_credentials_read(&t, &who, &c, helper, &err), "too-large");
	free(huge);
	/* At the cap it is taken; a service's hours are limited. */
	memcpy(big + GF_TOKEN_MAX + 10, "\",\"expires_in\":9007199254740991}", 32);
	check_ok(gf_token_read(big, GF_TOKEN_MAX + 10 + 32, &header, &lasts, &err));
	assert_int_equal(lasts, 86400);
	gf_secret_clear(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(entries_are_found_by_exact_host),
		cmocka_unit_test(the_helper_is_named_with_the_way_round_it),
		cmocka_unit_test(the_longest_namespace_counts), cmocka_unit_test(a_registry_token_is_kept_as_it_is),
		cmocka_unit_test(a_helper_is_asked_once), cmocka_unit_test(places_are_looked_at_in_order),
		cmocka_unit_test(what_cannot_be_taken) };

	return cmocka_run_group_tests(tests, enter, leave);
}
