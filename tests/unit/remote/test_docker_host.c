#include "common.h"
#include "remote/docker.h"

static int enter(void **state)
{
	(void)state;
	unsetenv("DOCKER_HOST");
	unsetenv("DOCKER_CONTEXT");
	unsetenv("DOCKER_CONFIG");
	unsetenv("DOCKER_TLS_VERIFY");
	unsetenv("DOCKER_CERT_PATH");
	return mkdtemp(dir) != NULL && setenv("HOME", dir, 1) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static void put(const char *what, const char *text)
{
	put_below(what, text, 0600);
}

/* Where host leads: its base, or the name of the error. */
static const char *base_of(const char *host)
{
	static char text[256];
	gf_docker_place p;
	gf_error err = { 0 };
	bool ok = gf_docker_host_find(&(const gf_docker_options){ .host = host }, &p, &err);

	snprintf(text, sizeof text, "%s%s%s", ok ? p.base : err.name, ok && p.unix_socket != NULL ? " " : "",
	    ok && p.unix_socket != NULL ? p.unix_socket : "");
	gf_docker_host_clear(&p);
	return text;
}

static void addresses_are_read(void **state)
{
	static const char *const rows[][2] = {
		{ "unix:///run/docker.sock", "http://localhost /run/docker.sock" },
		{ "tcp://build.example", "http://build.example:2375" },
		{ "tcp://build.example/", "http://build.example:2375" },
		{ "tcp://127.0.0.1:4243", "http://127.0.0.1:4243" },
		{ "tcp://[::1]:4243", "http://[::1]:4243" },
		{ "tcp://[::1]", "http://[::1]:2375" },
		{ "tcp://", "docker-host" },
		{ "tcp://build.example/path", "docker-host" },
		{ "tcp://user@build.example", "docker-host" },
		{ "tcp://build.example:x", "docker-host" },
		{ "ssh://me@build.example", "docker-host" },
		{ "http://build.example", "docker-host" },
		{ "npipe:////./pipe/docker_engine", "docker-host" },
		{ "/var/run/docker.sock", "docker-host" },
		{ "unix://docker.sock", "docker-host" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(base_of(rows[i][0]), rows[i][1]);
	assert_string_equal(base_of(NULL), "http://localhost /var/run/docker.sock");
	setenv("DOCKER_HOST", "tcp://env.example:1", 1);
	assert_string_equal(base_of(NULL), "http://env.example:1");
	assert_string_equal(base_of("tcp://option.example:1"), "http://option.example:1");
	unsetenv("DOCKER_HOST");
}

static void tls_is_what_the_environment_says(void **state)
{
	char path[256], want[300];
	gf_docker_place p;
	gf_error err;

	(void)state;
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	assert_string_equal(base_of("tcp://build.example"), "https://build.example:2376");
	assert_string_equal(base_of("unix:///run/docker.sock"), "http://localhost /run/docker.sock");
	put(".docker/ca.pem", "ca");
	snprintf(want, sizeof want, "%s/.docker/ca.pem", dir);
	check_ok(gf_docker_host_find(&(const gf_docker_options){ .host = "tcp://build.example" }, &p, &err));
	assert_string_equal(p.ca_file, want);
	assert_null(p.cert_file);
	gf_docker_host_clear(&p);
	put("certs/cert.pem", "cert");
	snprintf(path, sizeof path, "%s/certs", dir);
	setenv("DOCKER_CERT_PATH", path, 1);
	assert_string_equal(base_of("tcp://build.example"), "docker-host"); /* half a pair */
	put("certs/key.pem", "key");
	check_ok(gf_docker_host_find(&(const gf_docker_options){ .host = "tcp://build.example" }, &p, &err));
	snprintf(want, sizeof want, "%s/certs/key.pem", dir);
	assert_string_equal(p.key_file, want);
	assert_null(p.ca_file);
	gf_docker_host_clear(&p);
	unsetenv("DOCKER_CERT_PATH");
	unsetenv("DOCKER_TLS_VERIFY");
}

static void contexts_are_found_by_the_hash_of_their_name(void **state)
{
	char meta[256], pem[256], hex[GF_HEX_SIZE];
	gf_docker_place p;
	gf_digest id;
	gf_error err;

	(void)state;
	check_ok(gf_hash_bytes("lab", 3, &id, &err));
	gf_digest_hex(&id, hex);
	snprintf(meta, sizeof meta, ".docker/contexts/meta/%s/meta.json", hex);
	snprintf(pem, sizeof pem, ".docker/contexts/tls/%s/docker/ca.pem", hex);
	put(".docker/config.json", "{\"currentContext\":\"lab\"}");
	assert_string_equal(base_of(NULL), "docker-context"); /* named and not there */
	put(meta,
	    "{\"Name\":\"lab\",\"Metadata\":{},\"Endpoints\":{\"docker\":{\"Host\":\"tcp://lab.example:2376\",\"SkipTLSVerify\":false}}}");
	assert_string_equal(base_of(NULL), "http://lab.example:2376");
	put(pem, "ca");
	check_ok(gf_docker_host_find(&(const gf_docker_options){ .host = NULL }, &p, &err));
	assert_string_equal(p.base, "https://lab.example:2376");
	assert_non_null(strstr(p.ca_file, pem));
	gf_docker_host_clear(&p);
	setenv("DOCKER_CONTEXT", "default", 1);
	assert_string_equal(base_of(NULL), "http://localhost /var/run/docker.sock");
	setenv("DOCKER_CONTEXT", "other", 1);
	assert_string_equal(base_of(NULL), "docker-context");
	setenv("DOCKER_CONTEXT", "lab", 1);
	setenv("DOCKER_HOST", "tcp://env.example:1", 1);
	assert_string_equal(base_of(NULL), "http://env.example:1");
	unsetenv("DOCKER_HOST");
	put(meta, "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://lab.example:2376\",\"SkipTLSVerify\":true}}}");
	assert_string_equal(base_of(NULL), "docker-context");
	put(meta, "{\"Endpoints\":{\"docker\":{\"Host\":\"ssh://lab.example\"}}}");
	assert_string_equal(base_of(NULL), "docker-host");
	put(meta, "{\"Endpoints\":{}}");
	assert_string_equal(base_of(NULL), "docker-context");
	put(meta, "{\"Endpoints\":");
	assert_string_equal(base_of(NULL), "json");
	unsetenv("DOCKER_CONTEXT");
}

/* The base, or the name of the error, of a context that is named in the command line. */
static const char *base_in(const char *context)
{
	static char text[256];
	const gf_docker_options o = { .context = context };
	gf_docker_place p;
	gf_error err = { 0 };

	snprintf(text, sizeof text, "%s", gf_docker_host_find(&o, &p, &err) ? p.base : err.name);
	gf_docker_host_clear(&p);
	return text;
}

static void the_context_given_counts_before_the_environment(void **state)
{
	char meta[256], hex[GF_HEX_SIZE];
	gf_digest id;
	gf_error err;

	(void)state;
	check_ok(gf_hash_bytes("given", 5, &id, &err));
	gf_digest_hex(&id, hex);
	snprintf(meta, sizeof meta, ".docker/contexts/meta/%s/meta.json", hex);
	put(meta, "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://given.example:1\"}}}");
	setenv("DOCKER_HOST", "tcp://env.example:1", 1);
	setenv("DOCKER_CONTEXT", "nowhere", 1);
	assert_string_equal(base_in("given"), "http://given.example:1");
	assert_string_equal(base_in("missing"), "docker-context");
	assert_string_equal(base_in("../given"), "docker-context");
	assert_string_equal(base_in("default"), "http://env.example:1"); /* as docker has it */
	unsetenv("DOCKER_HOST");
	assert_string_equal(base_in("default"), "http://localhost");
	unsetenv("DOCKER_CONTEXT");
	unsetenv("HOME");
	assert_string_equal(base_in("given"), "docker-context");
	setenv("HOME", dir, 1);
}

static void files_given_make_tls(void **state)
{
	gf_docker_options o = { .host = "tcp://build.example", .ca_file = "/given/ca.pem" };
	gf_docker_place p;
	char path[256];
	gf_error err;

	(void)state;
	check_ok(gf_docker_host_find(&o, &p, &err));
	assert_string_equal(p.base, "https://build.example:2376");
	assert_string_equal(p.ca_file, "/given/ca.pem");
	assert_null(p.cert_file);
	gf_docker_host_clear(&p);
	/* Beside what the environment has of the rest. */
	snprintf(path, sizeof path, "%s/certs", dir);
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	setenv("DOCKER_CERT_PATH", path, 1);
	check_ok(gf_docker_host_find(&o, &p, &err));
	assert_string_equal(p.ca_file, "/given/ca.pem");
	assert_true(gf_ends_with(p.cert_file, "/certs/cert.pem"));
	gf_docker_host_clear(&p);
	unsetenv("DOCKER_TLS_VERIFY");
	unsetenv("DOCKER_CERT_PATH");
	/* They are a registry's where the daemon is a socket, or comes from elsewhere. */
	o.host = "unix:///run/docker.sock";
	check_ok(gf_docker_host_find(&o, &p, &err));
	assert_string_equal(p.base, "http://localhost");
	assert_null(p.ca_file);
	gf_docker_host_clear(&p);
	o.host = NULL;
	setenv("DOCKER_HOST", "tcp://env.example", 1);
	check_ok(gf_docker_host_find(&o, &p, &err));
	assert_string_equal(p.base, "http://env.example:2375");
	gf_docker_host_clear(&p);
	unsetenv("DOCKER_HOST");
}

/* What a file of somebody else may hold. */
static void metas_that_cannot_be_read(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "json" },
		{ "[]", "docker-context" },
		{ "{}", "docker-context" },
		{ "{\"Endpoints\":[]}", "docker-context" },
		{ "{\"Endpoints\":{\"docker\":{}}}", "missing-key" },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":7}}}", "json-type" },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://a\\u0000b\"}}}", "json-nul" },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://a\",\"SkipTLSVerify\":\"no\"}}}", "json-type" },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://a\",\"SkipTLSVerify\":true}}}", "docker-context" },
	};
	gf_error err = { 0 };
	gf_buf host, big;

	(void)state;
	gf_buf_init(&host, 8192);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_buf_clear(&host);
		err = (gf_error){ 0 };
		if (gf_docker_context_read(rows[i].text, strlen(rows[i].text), "meta.json", "lab", &host, &err) ||
		    strcmp(err.name, rows[i].error) != 0 || err.class != GF_USAGE)
			fail_msg("%s: %s: %s", rows[i].text, err.name, err.text);
	}
	/* Caps: of the file, and of the address in it. */
	gf_buf_init(&big, 3 * GF_CONFIG_FILE_MAX);
	while (big.len <= GF_CONFIG_FILE_MAX)
		check_ok(gf_buf_puts(&big, "                                                                ", &err));
	check_fails(gf_docker_context_read(gf_buf_text(&big), big.len, "meta.json", "lab", &host, &err), "too-large");
	gf_buf_clear(&big);
	check_ok(gf_buf_puts(&big, "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://", &err));
	while (big.len < 10000)
		check_ok(gf_buf_puts(&big, "aaaaaaaaaaaaaaaa", &err));
	check_ok(gf_buf_puts(&big, "\"}}}", &err));
	check_fails(gf_docker_context_read(gf_buf_text(&big), big.len, "meta.json", "lab", &host, &err), "too-large");
	gf_buf_clear(&big);
	gf_buf_clear(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(tls_is_what_the_environment_says),
		cmocka_unit_test(contexts_are_found_by_the_hash_of_their_name),
		cmocka_unit_test(the_context_given_counts_before_the_environment),
		cmocka_unit_test(files_given_make_tls), cmocka_unit_test(metas_that_cannot_be_read) };

	return cmocka_run_group_tests(tests, enter, leave);
}
