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
	{ "{\"auths\":{\"r.example/team\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example/team\":{\"username\":\"team\",\"password\":\"\"},\"https://r.example/v1/\":{\"username\":\"all\",\"password\":\"\"}}}",
	    "r.example", "all", "", NULL, NULL },
	{ "{\"credHelpers\":{\"r.example\":\"gf-odd\"}}", "r.example", NULL, NULL, NULL, "credential-helper" },
	{ "{\"auths\":{\"index.docker.io\":{\"auth\":\"dXNlcjpwOnc=\"}}}", "r.example", NULL, NULL, NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwdwAA\"}}}", "r.example", "user", "pw", NULL, NULL },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjo=\",\"identitytoken\":\"tok\"}}}", "r.example", "user", "",
	    "tok", NULL },
	{ "{\"auths\":{\"r.example\":{\"identitytoken\":\"tok\"}}}", "r.example", NULL, NULL, "tok", NULL },
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
		ok = gf_credentials_find(rows[i].host, file, &c, &err);
		if (ok != (rows[i].error == NULL))
			fail_msg("%s: %s", rows[i].json, ok ? "taken" : err.text);
		if (!ok) {
			assert_string_equal(err.name, rows[i].error);
			assert_int_equal(err.class, strstr(rows[i].json, "\"gf-") != NULL ? GF_FAILED : GF_USAGE);
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
	check_fails(gf_credentials_find("r.example", file, &c, &err), "credential-helper");
	assert_true(has_text(err.text, "docker-credential-gf-locked") && has_text(err.text, "vault is locked") &&
	    has_text(err.text, "--password-stdin"));
}

static const char *found(const char *authfile)
{
	static char name[64];
	gf_credentials c;
	gf_error err;

	check_ok(gf_credentials_find("r.example", authfile, &c, &err));
	snprintf(name, sizeof name, "%s", c.username != NULL ? c.username : "nobody");
	gf_credentials_clear(&c);
	return name;
}

static void files_are_looked_for_in_order(void **state)
{
	char path[256];
	gf_credentials c;
	gf_error err;

	(void)state;
	unlink(file);
	assert_string_equal(found(NULL), "nobody");
	snprintf(path, sizeof path, "%s/.docker", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/.docker/config.json", dir);
	put(path, "{\"auths\":{\"r.example\":{\"username\":\"home\",\"password\":\"p\"}}}");
	assert_string_equal(found(NULL), "home");
	snprintf(path, sizeof path, "%s/.config/containers", dir);
	check_ok(gf_dir_make(path, 0700, &err));
	snprintf(path, sizeof path, "%s/.config/containers/auth.json", dir);
	put(path, "{\"auths\":{\"other.example\":{\"username\":\"config\",\"password\":\"p\"}}}");
	assert_string_equal(found(NULL), "home"); /* not in the first file: the next is looked at */
	put(path, "{\"auths\":{\"r.example\":{\"username\":\"config\",\"password\":\"p\"}}}");
	assert_string_equal(found(NULL), "config");
	snprintf(path, sizeof path, "%s/run/containers", dir);
	check_ok(gf_dir_make(path, 0700, &err));
	snprintf(path, sizeof path, "%s/run/containers/auth.json", dir);
	put(path, "{\"auths\":{\"r.example\":{\"username\":\"runtime\",\"password\":\"p\"}}}");
	snprintf(path, sizeof path, "%s/run", dir);
	setenv("XDG_RUNTIME_DIR", path, 1);
	assert_string_equal(found(NULL), "runtime");
	snprintf(path, sizeof path, "%s/docker", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	setenv("DOCKER_CONFIG", path, 1);
	assert_string_equal(found(NULL), "nobody");
	snprintf(path, sizeof path, "%s/docker/config.json", dir);
	put(path, "{\"auths\":{\"r.example\":{\"username\":\"docker\",\"password\":\"p\"}}}");
	assert_string_equal(found(NULL), "docker");
	snprintf(path, sizeof path, "%s/auth.json", dir);
	setenv("REGISTRY_AUTH_FILE", path, 1);
	assert_string_equal(found(NULL), "nobody");
	put(path, "{\"auths\":{\"r.example\":{\"username\":\"env\",\"password\":\"p\"}}}");
	assert_string_equal(found(NULL), "env");
	put(file, "{\"auths\":{\"r.example\":{\"username\":\"option\",\"password\":\"p\"}}}");
	assert_string_equal(found(file), "option");
	unlink(file);
	/* The option names a file that has to be there. */
	assert_false(gf_credentials_find("r.example", file, &c, &err));
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_CONFIG");
	unsetenv("XDG_RUNTIME_DIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(entries_are_found_by_exact_host),
		cmocka_unit_test(the_helper_is_named_with_the_way_round_it),
		cmocka_unit_test(files_are_looked_for_in_order) };

	return cmocka_run_group_tests(tests, enter, leave);
}
