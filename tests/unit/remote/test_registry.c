/* registry*.c and auth.c against a real docker-registry: open, with Basic and with token authentication, with TLS. */
#include "peer.h"

#include <sys/stat.h>

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define BIG ((size_t)5 * 1024 * 1024 + 3)

static char password[64];

static int enter(void **state)
{
	char home[96];

	(void)state;
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_CONFIG");
	unsetenv("SSL_CERT_FILE");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(home, sizeof home, "%s/home", dir);
	setenv("HOME", home, 1);
	if (mkdir(home, 0700) != 0 ||
	    sh("set -e; cd %s; mkdir none basic token stale tls; start_registry $PWD/none;"
	       "start_registry $PWD/basic htpasswd; start_registry $PWD/token token;"
	       "start_registry $PWD/stale token --stale-first; start_registry $PWD/tls tls",
		dir) != 0)
		return -1;
	load_text("basic/registry.password", password, sizeof password);
	return 0;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	sh("cd %s; for f in */*.pid; do stop_server $f; done", dir);
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static const char *address(const char *kind)
{
	static char text[64];
	char name[64], port[16];

	snprintf(name, sizeof name, "%s/registry.port", kind);
	load_text(name, port, sizeof port);
	snprintf(text, sizeof text, "127.0.0.1:%lu", strtoul(port, NULL, 10));
	return text;
}

static gf_registry *try_open(const char *kind, const char *user, const char *word, const char *file, gf_error *err)
{
	gf_secret secret = { 0 };
	gf_registry_options o = { .username = user, .password = &secret, .auth_file = file };
	gf_registry *r = NULL;

	if (word == NULL || gf_secret_set(&secret, word, strlen(word), err))
		r = gf_registry_open(address(kind), &o, err);
	gf_secret_clear(&secret);
	return r;
}

static gf_registry *open_as(const char *kind, const char *user, const char *word, const char *file)
{
	gf_error err;
	gf_registry *r = try_open(kind, user, word, file, &err);

	if (r == NULL)
		fail_msg("%s: %s: %s", kind, err.name, err.text);
	return r;
}

static bool put(gf_registry *r, const char *repository, const void *bytes, size_t n, const gf_digest *as, gf_error *err)
{
	gf_output *out = gf_registry_put_blob(r, repository, as, n, NULL, err);
	bool ok = out != NULL;

	for (size_t at = 0; ok && at < n; at += 100000)
		ok = gf_output_write(out, (const char *)bytes + at, n - at < 100000 ? n - at : 100000, err);
	ok = ok && gf_output_finish(out, err);
	gf_output_close(out);
	return ok;
}

static const unsigned char *big(gf_digest *d)
{
	static unsigned char bytes[BIG];
	uint32_t x = 7;
	gf_error err;

	for (size_t i = 0; i < BIG; i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(x >> 24);
	}
	check_ok(gf_hash_bytes(bytes, BIG, d, &err));
	return bytes;
}

/* A manifest of config {} and the big layer. */
static size_t manifest_of(char *out, size_t cap, gf_digest *d)
{
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE];
	gf_digest c, l;
	gf_error err;

	big(&l);
	check_ok(gf_hash_bytes("{}", 2, &c, &err));
	gf_digest_text(&c, config);
	gf_digest_text(&l, layer);
	snprintf(out, cap,
	    "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"config\":{\"mediaType\":"
	    "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":2},\"layers\":[{\"mediaType\":"
	    "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
	    config, layer, BIG);
	check_ok(gf_hash_bytes(out, strlen(out), d, &err));
	return strlen(out);
}

/* All that a push of one image asks for. */
static void push(gf_registry *r, const char *repository)
{
	char manifest[1024], text[GF_DIGEST_SIZE], index[1024];
	gf_digest layer, config, image, both, have;
	const unsigned char *bytes = big(&layer);
	size_t n = manifest_of(manifest, sizeof manifest, &image);
	bool has, found;
	gf_error err;

	gf_digest_text(&image, text);
	check_ok(gf_hash_bytes("{}", 2, &config, &err));
	check_ok(gf_registry_has_blob(r, repository, &layer, &has, &err));
	assert_false(has);
	check_ok(gf_registry_head_manifest(r, repository, "1.0", &found, &have, &err));
	assert_false(found);
	/* Before its blobs a manifest is refused. */
	check_fails(gf_registry_put_manifest(r, repository, "1.0", OCI_MANIFEST, manifest, n, &err), "registry-answer");
	assert_true(has_text(err.text, "MANIFEST_BLOB_UNKNOWN"));
	check_ok(put(r, repository, bytes, BIG, &layer, &err));
	check_ok(put(r, repository, "{}", 2, &config, &err));
	check_ok(gf_registry_has_blob(r, repository, &layer, &has, &err));
	assert_true(has);
	/* Other bytes than the digest says. */
	check_fails(put(r, repository, "{ }", 3, &config, &err), "registry-answer");
	assert_true(has_text(err.text, "DIGEST_INVALID"));
	check_ok(gf_registry_put_manifest(r, repository, text, OCI_MANIFEST, manifest, n, &err));
	check_ok(gf_registry_put_manifest(r, repository, "1.0", OCI_MANIFEST, manifest, n, &err));
	check_ok(gf_registry_head_manifest(r, repository, "1.0", &found, &have, &err));
	assert_true(found && gf_digest_equal(&have, &image));
	check_ok(gf_registry_head_manifest(r, repository, text, &found, &have, &err));
	assert_true(found && gf_digest_equal(&have, &image));
	snprintf(index, sizeof index,
	    "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
	    "\",\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
	    text, n);
	check_ok(gf_hash_bytes(index, strlen(index), &both, &err));
	check_ok(gf_registry_put_manifest(r, repository, "all", OCI_INDEX, index, strlen(index), &err));
	check_ok(gf_registry_head_manifest(r, repository, "all", &found, &have, &err));
	assert_true(found && gf_digest_equal(&have, &both));
	check_fails(gf_registry_put_manifest(r, repository, "all", "text/plain\r\nX: y", index, strlen(index), &err),
	    "media-type");
	check_fails(gf_registry_put_manifest(r, repository, "a/b", OCI_INDEX, index, strlen(index), &err), "reference");
	check_fails(gf_registry_has_blob(r, "a/../b", &layer, &has, &err), "reference");
}

static void an_open_registry_takes_an_image(void **state)
{
	gf_registry *r = open_as("none", NULL, NULL, NULL);
	char layer[GF_DIGEST_SIZE];
	gf_digest d;

	(void)state;
	assert_string_equal(gf_registry_host(r), address("none"));
	push(r, "acme/app");
	gf_registry_close(r);
	/* A stock client reads the same bytes. */
	big(&d);
	gf_digest_text(&d, layer);
	assert_int_equal(
	    sh("curl -sf --noproxy '*' http://%s/v2/acme/app/blobs/%s | sha256sum | grep -q %s && "
	       "skopeo inspect --raw --tls-verify=false docker://%s/acme/app:1.0 | jq -e '.layers[0].digest == \"%s\"'"
	       " >/dev/null",
		address("none"), layer, layer + 7, address("none"), layer),
	    0);
}

typedef struct uploads {
	gf_registry *registry;
	gf_digest digests[24];
	char texts[24][64];
} uploads;

static bool upload_one(void *ctx, size_t i, gf_error *err)
{
	uploads *u = ctx;
	size_t n = 300000 + i * 1000;
	unsigned char *bytes = gf_alloc(n, 1, err);
	bool ok = bytes != NULL;

	for (size_t k = 0; ok && k < n; k++)
		bytes[k] = (unsigned char)(k * (i + 3) >> 3);
	ok = ok && gf_hash_bytes(bytes, n, &u->digests[i], err) &&
	    put(u->registry, "many/blobs", bytes, n, &u->digests[i], err);
	free(bytes);
	return ok;
}

static void several_uploads_run_at_once(void **state)
{
	static const char *const kinds[] = { "none", "token" };
	static uploads u;
	gf_error err;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		u.registry = open_as(kinds[k], "gapferry", password, NULL);
		check_ok(gf_parallel(4, 24, upload_one, &u, &err));
		for (size_t i = 0; i < 24; i++) {
			bool has;

			check_ok(gf_registry_has_blob(u.registry, "many/blobs", &u.digests[i], &has, &err));
			assert_true(has);
		}
		gf_registry_close(u.registry);
	}
}

/* ---- Basic ---- */

static void a_password_opens_and_a_wrong_one_does_not(void **state)
{
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = true;

	(void)state;
	big(&d);
	r = open_as("basic", "gapferry", password, NULL);
	push(r, "acme/app");
	gf_registry_close(r);
	r = open_as("basic", "gapferry", "wrong canary", NULL);
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_false(has);
	assert_false(has_text(err.text, "canary"));
	check_fails(put(r, "acme/app", "x", 1, &d, &err), "registry-auth");
	gf_registry_close(r);
	/* Nobody: refused with what to do, and nothing is called absent. */
	r = open_as("basic", NULL, NULL, NULL);
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_true(has_text(err.text, "docker login") && has_text(err.text, "--password-stdin"));
	gf_registry_close(r);
}

__attribute__((format(printf, 2, 3))) static void put_config(const char *name, const char *fmt, ...)
{
	char path[256], text[8192];
	gf_error err;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	check_ok(gf_file_store(path, 0600, text, strlen(text), &err));
}

static const char *config(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void the_config_file_of_docker_is_read(void **state)
{
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = true;

	(void)state;
	big(&d);
	put_config("good.json", "{\"auths\":{\"%s\":{\"username\":\"gapferry\",\"password\":\"%s\"}}}",
	    address("basic"), password);
	r = open_as("basic", NULL, NULL, config("good.json"));
	check_ok(gf_registry_has_blob(r, "acme/other", &d, &has, &err));
	assert_false(has);
	gf_registry_close(r);
	/* What docker login itself writes. */
	assert_int_equal(
	    sh("printf %%s '%s' | DOCKER_CONFIG=%s/docker docker login -u gapferry --password-stdin %s >/dev/null 2>&1",
		password, dir, address("basic")),
	    0);
	r = open_as("basic", NULL, NULL, config("docker/config.json"));
	check_ok(gf_registry_has_blob(r, "acme/app", &d, &has, &err));
	assert_true(has);
	gf_registry_close(r);
	put_config("helper.json", "{\"credHelpers\":{\"%s\":\"ecr-login\"}}", address("basic"));
	r = open_as("basic", NULL, NULL, config("helper.json"));
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "command"); /* there is no such program */
	assert_int_equal(err.class, GF_FAILED);
	gf_registry_close(r);
	/* Where nobody asks who we are, nobody asks the file. */
	gf_registry_close(open_as("none", NULL, NULL, config("helper.json")));
}

/* ---- tokens ---- */

static unsigned tokens(const char *kind, const char *line)
{
	char name[64], text[16384];
	unsigned n = 0;

	snprintf(name, sizeof name, "%s/token.log", kind);
	load_text(name, text, sizeof text);
	for (const char *p = text; (p = strstr(p, line)) != NULL; p++)
		n++;
	return n;
}

static void one_token_serves_a_repository(void **state)
{
	gf_registry *r = open_as("token", "gapferry", password, NULL);

	(void)state;
	push(r, "acme/app");
	gf_registry_close(r);
	assert_int_equal(tokens("token", "GET gapferry repository:acme/app:pull,push\n"), 1);
}

static void a_token_that_ran_out_is_renewed_once(void **state)
{
	gf_registry *r = open_as("stale", "gapferry", password, NULL);

	(void)state;
	push(r, "acme/app");
	gf_registry_close(r);
	assert_int_equal(tokens("stale", "GET gapferry repository:acme/app:pull,push\n"), 2);
}

static void without_a_right_password_there_is_no_token(void **state)
{
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = true;

	(void)state;
	big(&d);
	r = open_as("token", "gapferry", "wrong canary", NULL);
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_true(has_text(err.text, "as gapferry") && has_text(err.text, "wrong name or password"));
	assert_false(has_text(err.text, "canary"));
	gf_registry_close(r);
	/* Nobody gets a token that allows nothing: that is no absence either. */
	r = open_as("token", NULL, NULL, NULL);
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_false(has);
	gf_registry_close(r);
}

static void an_identity_token_is_exchanged(void **state)
{
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = false;

	(void)state;
	big(&d);
	put_config("identity.json", "{\"auths\":{\"%s\":{\"identitytoken\":\"refresh-me\"}}}", address("token"));
	r = open_as("token", NULL, NULL, config("identity.json"));
	check_ok(gf_registry_has_blob(r, "acme/app", &d, &has, &err));
	assert_true(has);
	gf_registry_close(r);
	assert_int_equal(tokens("token", "POST gapferry repository:acme/app:pull,push\n"), 1);
	put_config("identity.json", "{\"auths\":{\"%s\":{\"identitytoken\":\"wrong-canary\"}}}", address("token"));
	r = open_as("token", NULL, NULL, config("identity.json"));
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_false(has_text(err.text, "canary"));
	gf_registry_close(r);
}

/* What the token service gave out is shown as it is, and nobody is asked for another. */
static void a_registry_token_is_shown(void **state)
{
	char url[300], jwt[4096];
	const char *end;
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = false;

	(void)state;
	big(&d);
	load_text("token/token.port", url, sizeof url);
	assert_int_equal(sh("cd %s && curl -s --noproxy '*' -u 'gapferry:%s' "
			    "'http://127.0.0.1:%lu/token?scope=repository:acme/app:pull' | jq -j .token >jwt",
			     dir, password, strtoul(url, NULL, 10)),
	    0);
	load_text("jwt", jwt, sizeof jwt);
	assert_non_null(end = strrchr(jwt, '.'));
	put_config("jwt.json", "{\"auths\":{\"%s/acme/app\":{\"registrytoken\":\"%s\"}}}", address("token"), jwt);
	assert_int_equal(sh(": >%s/token/token.log", dir), 0);
	r = open_as("token", NULL, NULL, config("jwt.json"));
	check_ok(gf_registry_has_blob(r, "acme/app", &d, &has, &err));
	assert_true(has);
	gf_registry_close(r);
	load_text("token/token.log", url, sizeof url);
	assert_string_equal(url, "");
	/* One that is refused is the end; nor is it shown. */
	put_config("jwt.json", "{\"auths\":{\"%s\":{\"registrytoken\":\"%.*s.canary\"}}}", address("token"),
	    (int)(end - jwt), jwt);
	r = open_as("token", NULL, NULL, config("jwt.json"));
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-auth");
	assert_false(has_text(err.text, "canary"));
	gf_registry_close(r);
	put_config("jwt.json", "{\"auths\":{\"%s\":{\"registrytoken\":\"a b\\r\\nX: y\"}}}", address("token"));
	r = open_as("token", NULL, NULL, config("jwt.json"));
	check_fails(gf_registry_has_blob(r, "acme/app", &d, &has, &err), "registry-token");
	gf_registry_close(r);
}

/* Two repositories of one host, an account each: HTTP Basic knows them apart. */
static void a_namespace_has_its_own_account(void **state)
{
	gf_registry *r;
	gf_digest d;
	gf_error err;
	bool has = false;

	(void)state;
	big(&d);
	put_config("names.json",
	    "{\"auths\":{\"%s/acme\":{\"username\":\"gapferry\",\"password\":\"%s\"},"
	    "\"%s\":{\"username\":\"gapferry\",\"password\":\"wrong\"}}}",
	    address("basic"), password, address("basic"));
	r = open_as("basic", NULL, NULL, config("names.json"));
	check_ok(gf_registry_has_blob(r, "acme/app", &d, &has, &err));
	assert_true(has);
	check_fails(gf_registry_has_blob(r, "elsewhere/app", &d, &has, &err), "registry-auth");
	check_ok(gf_registry_has_blob(r, "acme/app", &d, &has, &err));
	gf_registry_close(r);
}

/* ---- TLS ---- */

static void a_certificate_needs_its_ca(void **state)
{
	gf_registry_options o = { 0 };
	gf_registry *r;
	gf_error err;

	(void)state;
	/* Not taken for a registry without TLS. */
	assert_null(gf_registry_open(address("tls"), &o, &err));
	assert_string_equal(err.name, "http-certificate");
	assert_true(has_text(err.text, "--ca-file"));
	o.http.ca_file = config("tls/registry.ca");
	r = gf_registry_open(address("tls"), &o, &err);
	if (r == NULL)
		fail_msg("%s", err.text);
	push(r, "acme/app");
	gf_registry_close(r);
	setenv("SSL_CERT_FILE", config("tls/registry.ca"), 1);
	o.http.ca_file = NULL;
	r = gf_registry_open(address("tls"), &o, &err);
	assert_non_null(r);
	gf_registry_close(r);
	unsetenv("SSL_CERT_FILE");
	o.http.ca_file = config("nothing.pem");
	assert_null(gf_registry_open(address("tls"), &o, &err));
	assert_string_equal(err.name, "tls-file");
	o.http.ca_file = config("tls/registry.port");
	assert_null(gf_registry_open(address("tls"), &o, &err));
	/* To speak plain to it is no way round. */
	o.http.ca_file = NULL;
	o.http.plain = true;
	assert_null(gf_registry_open(address("tls"), &o, &err));
}

static void nobody_there_is_an_error(void **state)
{
	gf_registry_options o = { 0 };
	gf_error err;

	(void)state;
	assert_null(gf_registry_open("127.0.0.1:1", &o, &err));
	assert_string_equal(err.name, "http-connect");
	assert_null(gf_registry_open("no such host", &o, &err));
	assert_string_equal(err.name, "reference");
	assert_null(gf_registry_open("user@registry.example", &o, &err));
	assert_string_equal(err.name, "reference");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_open_registry_takes_an_image),
		cmocka_unit_test(a_password_opens_and_a_wrong_one_does_not),
		cmocka_unit_test(one_token_serves_a_repository), cmocka_unit_test(a_token_that_ran_out_is_renewed_once),
		cmocka_unit_test(without_a_right_password_there_is_no_token),
		cmocka_unit_test(an_identity_token_is_exchanged), cmocka_unit_test(a_registry_token_is_shown),
		cmocka_unit_test(a_namespace_has_its_own_account), cmocka_unit_test(the_config_file_of_docker_is_read),
		cmocka_unit_test(several_uploads_run_at_once), cmocka_unit_test(a_certificate_needs_its_ca),
		cmocka_unit_test(nobody_there_is_an_error) };

	return cmocka_run_group_tests(tests, enter, leave);
}
