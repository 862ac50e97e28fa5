/* Who is asked for a token, and where a daemon is, when an allocation or a call to the system or to libcurl fails: an error
 * that says so, or what a run without faults gives. */
#include "peer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "remote/auth.h"
#include "remote/docker.h"
#include "tests/unit/failing.h"

static peer server;
static pid_t child;
static char host[64];

static void set_dir(const char *name, const char *below)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, below);
	assert_int_equal(setenv(name, path, 1), 0);
}

/* The registry is a process of its own: what it allocates and opens is not counted. */
static void serve(void)
{
	static char challenge[256];
	static answer rows[] = { { "GET /v2/ ", challenge, 0, 0 },
		{ "POST /token", ANSWER(OK, "", "{\"access_token\":\"t0\",\"expires_in\":300}"), 0, 0 },
		{ "GET /token", ANSWER(OK, "", "{\"token\":\"t0\",\"expires_in\":300}"), 0, 0 },
		{ "HEAD /v2/a/b/blobs/" ABC, ANSWER(OK, "Content-Length: 3\r\n", ""), 0, 0 },
		{ "POST /v2/c/d/blobs/uploads/?mount=",
		    ANSWER("201 Created", EMPTY "Docker-Content-Digest: " ABC "\r\nLocation: /v2/x\r\n", ""), 0, 0 },
		{ 0 } };

	stand(&server, serve_table_once);
	snprintf(host, sizeof host, "127.0.0.1:%u", server.port);
	snprintf(challenge, sizeof challenge,
	    ANSWER("401 Unauthorized",
		"WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\",service=\"s\"\r\n" EMPTY, ""),
	    server.port);
	table = rows;
	child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept(server.fd, NULL, NULL);

			gf_buf_clear(&server.seen);
			gf_buf_init(&server.seen, GF_MIB);
			if (fd >= 0)
				server.serve(&server, fd);
			close(fd);
		}
	}
	assert_true(child > 0);
}

static int enter(void **state)
{
	static const char *const names[] = { "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "DOCKER_HOST",
		"DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH" };
	char text[512], hex[GF_HEX_SIZE];
	gf_digest id;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	if (mkdtemp(dir) == NULL)
		return -1;
	set_dir("HOME", "home");
	set_dir("XDG_RUNTIME_DIR", "run");
	set_dir("XDG_CONFIG_HOME", "config");
	serve();
	/* "me:canary" */
	snprintf(text, sizeof text, "{\"auths\":{\"%s\":{\"auth\":\"bWU6Y2FuYXJ5\"}}}", host);
	put_below("word/config.json", text, 0600);
	snprintf(text, sizeof text, "{\"auths\":{\"%s\":{\"identitytoken\":\"canary\"}}}", host);
	put_below("identity/config.json", text, 0600);
	snprintf(text, sizeof text, "{\"auths\":{\"%s\":{\"registrytoken\":\"t0\"}}}", host);
	put_below("token/config.json", text, 0600);
	snprintf(text, sizeof text, "{\"credHelpers\":{\"%s\":\"gf-me\"}}", host);
	put_below("helper/config.json", text, 0600);
	put_below("bin/docker-credential-gf-me",
	    "#!/bin/sh\nread -r host\necho '{\"Username\":\"me\",\"Secret\":\"canary\"}'\n", 0700);
	put_below("nobody/config.json", "{}", 0600);
	snprintf(text, sizeof text, "%s/bin:%s", dir, getenv("PATH"));
	setenv("PATH", text, 1);
	/* A context with all of TLS. */
	check_ok(gf_hash_bytes("lab", 3, &id, &err));
	gf_digest_hex(&id, hex);
	put_below("lab/config.json", "{\"currentContext\":\"lab\"}", 0600);
	snprintf(text, sizeof text, "lab/contexts/meta/%s/meta.json", hex);
	put_below(text, "{\"Name\":\"lab\",\"Endpoints\":{\"docker\":{\"Host\":\"tcp://lab.example:2376\"}}}", 0600);
	for (size_t i = 0; i < 3; i++) {
		static const char *const pem[] = { "ca.pem", "cert.pem", "key.pem" };

		snprintf(text, sizeof text, "lab/contexts/tls/%s/docker/%s", hex, pem[i]);
		put_below(text, "pem", 0600);
		snprintf(text, sizeof text, "certs/%s", pem[i]);
		put_below(text, "pem", 0600);
	}
	return 0;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	gf_buf_clear(&server.seen);
	close(server.fd);
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

/* ---- tokens ---- */

/* ctx: the directory of credentials; NULL: a name and a password that were given. */
static bool token_job(void *ctx, gf_error *err)
{
	gf_registry_options o = { .http = { .plain = true } };
	bool has = false, mounted = false, ok = true;
	gf_secret word = { .data = NULL };
	gf_registry *r;
	gf_digest abc;

	if (ctx == NULL) {
		o.username = "me";
		o.password = &word;
		ok = gf_secret_set(&word, "canary", 6, err);
	}
	r = ok ? gf_registry_open(host, &o, err) : NULL;
	ok = r != NULL && gf_hash_bytes("abc", 3, &abc, err) && gf_registry_has_blob(r, "a/b", &abc, &has, err) &&
	    gf_registry_mount_blob(r, "c/d", "a/b", &abc, &mounted, err);
	gf_registry_close(r);
	gf_secret_clear(&word);
	faults_end();
	if (ok)
		assert_true(has && mounted);
	assert_true(ok || !has_text(err->text, "canary"));
	return ok;
}

static void test_tokens(void **state)
{
	static char dirs[][16] = { "word", "identity", "token", "helper", "nobody" };

	(void)state;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		set_dir("DOCKER_CONFIG", dirs[i]);
		fail_all(token_job, dirs[i]);
	}
	fail_all(token_job, NULL);
}

/* ---- credentials ---- */

/* What stands in one of several files that do not know the host. */
static bool credentials_job(void *ctx, gf_error *err)
{
	const gf_account who = { .host = host, .repository = "a/b" };
	gf_helped helped = { .helper = "" };
	gf_credentials c = { .username = NULL }, copy = { .username = NULL };
	bool ok = gf_credentials_find(&who, ctx, &helped, &c, err) && gf_credentials_copy(&c, &copy, err);

	faults_end();
	if (ok) {
		assert_string_equal(copy.username, "me");
		assert_string_equal(copy.password.data, "canary");
	}
	gf_credentials_clear(&copy);
	gf_credentials_clear(&c);
	gf_credentials_clear(&helped.answer);
	return ok;
}

static void test_credentials(void **state)
{
	static char file[128];
	char text[256];

	(void)state;
	set_dir("DOCKER_CONFIG", "helper");
	fail_all(credentials_job, NULL);
	/* In the last place that is looked at. */
	unsetenv("DOCKER_CONFIG");
	snprintf(text, sizeof text, "{\"%s\":{\"auth\":\"bWU6Y2FuYXJ5\"}}", host);
	put_below("home/.dockercfg", text, 0600);
	put_below("home/.docker/config.json", "{}", 0600);
	put_below("run/containers/auth.json", "{}", 0600);
	put_below("config/containers/auth.json", "{\"auths\":{\"other.example\":{}}}", 0600);
	fail_all(credentials_job, NULL);
	snprintf(file, sizeof file, "%s/word/config.json", dir);
	fail_all(credentials_job, file);
	assert_int_equal(setenv("REGISTRY_AUTH_FILE", file, 1), 0);
	fail_all(credentials_job, NULL);
	unsetenv("REGISTRY_AUTH_FILE");
	assert_int_equal(setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"other.example\":{}}}", 1), 0);
	fail_all(credentials_job, NULL);
	unsetenv("DOCKER_AUTH_CONFIG");
}

/* ---- daemons ---- */

static bool place_job(void *ctx, gf_error *err)
{
	gf_docker_place p;
	bool ok = gf_docker_host_find(ctx, &p, err);

	faults_end();
	if (ok) {
		assert_string_equal(p.base, "https://lab.example:2376");
		assert_true(gf_ends_with(p.ca_file, "/ca.pem") && gf_ends_with(p.cert_file, "/cert.pem") &&
		    gf_ends_with(p.key_file, "/key.pem"));
	}
	gf_docker_host_clear(&p);
	return ok;
}

static void test_places(void **state)
{
	gf_docker_options given = { .host = "tcp://lab.example:2376",
		.ca_file = "/a/ca.pem",
		.cert_file = "/a/cert.pem",
		.key_file = "/a/key.pem" },
			  none = { .host = NULL }, by_name = { .context = "lab" };

	(void)state;
	set_dir("DOCKER_CONFIG", "lab");
	fail_all(place_job, &none);
	fail_all(place_job, &by_name);
	fail_all(place_job, &given);
	setenv("DOCKER_HOST", "tcp://lab.example:2376", 1);
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	set_dir("DOCKER_CERT_PATH", "certs");
	fail_all(place_job, &none);
	unsetenv("DOCKER_HOST");
	unsetenv("DOCKER_TLS_VERIFY");
	unsetenv("DOCKER_CERT_PATH");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tokens), cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_places) };

	return cmocka_run_group_tests_name("failing_auth", tests, enter, leave);
}
