/* Registries that refuse, that lie about what they stored, and whose token service answers nonsense. */
#include "peer.h"

#define TYPE "application/vnd.oci.image.manifest.v1+json"
#define OTHER "sha256:0101010101010101010101010101010101010101010101010101010101010101"

static peer server;

static int enter(void **state)
{
	(void)state;
	unsetenv("REGISTRY_AUTH_FILE");
	if (mkdtemp(dir) == NULL || setenv("HOME", dir, 1) != 0 || setenv("DOCKER_CONFIG", dir, 1) != 0)
		return -1;
	start(&server, serve_table_once);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	stop(&server);
	return rmdir(dir);
}

static gf_registry *open_with(answer *rows, bool known, gf_error *err)
{
	static gf_secret word;
	gf_registry_options o = { .http = { .plain = true }, .username = known ? "me" : NULL, .password = &word };
	char host[64];

	if (word.data == NULL && !gf_secret_set(&word, "canary", 6, err))
		fail_msg("%s", err->text);
	snprintf(host, sizeof host, "127.0.0.1:%u", server.port);
	table = rows;
	*err = (gf_error){ 0 };
	return gf_registry_open(host, &o, err);
}

/* ---- questions and deeds ---- */

static gf_digest abc(void)
{
	gf_digest d;
	gf_error err;

	check_ok(gf_hash_bytes("abc", 3, &d, &err));
	return d;
}

static bool has_blob(gf_registry *r, gf_error *err)
{
	gf_digest d = abc();
	bool has = true, ok = gf_registry_has_blob(r, "a/b", &d, &has, err);

	assert_true(ok || !has); /* an error is never an answer */
	return ok;
}

static bool put_blob(gf_registry *r, gf_error *err)
{
	gf_digest d = abc();
	gf_output *out = gf_registry_put_blob(r, "a/b", &d, 3, NULL, err);
	bool ok = out != NULL && gf_output_write(out, "abc", 3, err) && gf_output_finish(out, err);

	gf_output_close(out);
	return ok;
}

static bool head_tag(gf_registry *r, gf_error *err)
{
	gf_digest d;
	bool found = true, ok = gf_registry_head_manifest(r, "a/b", "1", &found, &d, err);

	assert_true(ok || !found);
	return ok;
}

static bool head_digest(gf_registry *r, gf_error *err)
{
	gf_digest d;
	bool found;

	return gf_registry_head_manifest(r, "a/b", ABC, &found, &d, err);
}

static bool put_manifest(gf_registry *r, gf_error *err)
{
	return gf_registry_put_manifest(r, "a/b", "1", TYPE, "abc", 3, err);
}

#define LOCATED "Location: /v2/a/b/blobs/uploads/1?x=y\r\nContent-Length: 0\r\n"

/* name NULL: it is done. */
static void each_answer_has_its_error(void **state)
{
	static const struct {
		bool (*act)(gf_registry *r, gf_error *err);
		const char *name, *first, *second;
		const char *request; /* of the second; NULL: there is none */
	} rows[] = {
		{ has_blob, NULL, ANSWER(OK, EMPTY, ""), NULL, NULL },
		{ has_blob, NULL, ANSWER("404 Not Found", EMPTY, ""), NULL, NULL },
		{ has_blob, "registry-denied", ANSWER("403 Forbidden", EMPTY, ""), NULL, NULL },
		{ has_blob, "registry-busy", ANSWER("429 Too Many Requests", EMPTY, ""), NULL, NULL },
		{ has_blob, "registry-answer", ANSWER("500 Oh", EMPTY, ""), NULL, NULL },
		{ has_blob, "registry-answer", ANSWER("204 No Content", "", ""), NULL, NULL },
		{ has_blob, "registry-answer", ANSWER("418 Teapot", EMPTY, ""), NULL, NULL },
		{ has_blob, "http-broken", NULL, NULL, NULL },
		{ head_tag, "registry-denied", ANSWER("403 Forbidden", EMPTY, ""), NULL, NULL },
		{ head_tag, "registry-busy", ANSWER("429 Too Many Requests", EMPTY, ""), NULL, NULL },
		{ head_tag, NULL, ANSWER(OK, "Docker-Content-Digest: " OTHER "\r\n" EMPTY, ""), NULL, NULL },
		{ head_digest, NULL, ANSWER(OK, "Docker-Content-Digest: " ABC "\r\n" EMPTY, ""), NULL, NULL },
		{ head_digest, "registry-digest", ANSWER(OK, "Docker-Content-Digest: " OTHER "\r\n" EMPTY, ""), NULL,
		    NULL },
		/* without the header the body is hashed */
		{ head_digest, NULL, ANSWER(OK, "Content-Length: 3\r\n", ""),
		    ANSWER(OK, "Content-Length: 3\r\n", "abc"), "GET /v2/a/b/manifests/" ABC " " },
		{ head_digest, "registry-digest", ANSWER(OK, "Content-Length: 3\r\n", ""),
		    ANSWER(OK, "Content-Length: 3\r\n", "abd"), "GET /v2/a/b/manifests/" ABC " " },
		{ head_digest, "registry-digest",
		    ANSWER(OK, "Docker-Content-Digest: sha256:x\r\nContent-Length: 3\r\n", ""),
		    ANSWER(OK, "Content-Length: 3\r\n", "abd"), "GET /v2/a/b/manifests/" ABC " " },
		{ put_manifest, NULL, ANSWER("201 Created", "Docker-Content-Digest: " ABC "\r\n" EMPTY, ""), NULL,
		    NULL },
		{ put_manifest, NULL, ANSWER("201 Created", EMPTY, ""), NULL, NULL },
		{ put_manifest, "registry-digest",
		    ANSWER("201 Created", "Docker-Content-Digest: " OTHER "\r\n" EMPTY, ""), NULL, NULL },
		{ put_manifest, "registry-answer", ANSWER(OK, EMPTY, ""), NULL, NULL },
		{ put_manifest, "registry-answer", ANSWER("202 Accepted", EMPTY, ""), NULL, NULL },
		{ put_manifest, "registry-not-found", ANSWER("404 Not Found", EMPTY, ""), NULL, NULL },
		{ put_blob, "registry-not-found", ANSWER("404 Not Found", EMPTY, ""), NULL, NULL },
		{ put_blob, "registry-answer", ANSWER("202 Accepted", EMPTY, ""), NULL, NULL }, /* no Location */
		{ put_blob, "registry-answer", ANSWER("201 Created", LOCATED, ""), NULL, NULL },
		{ put_blob, "http-url", ANSWER("202 Accepted", "Location: file:///etc/passwd\r\n" EMPTY, ""), NULL,
		    NULL },
		{ put_blob, "http-url", ANSWER("202 Accepted", "Location: gopher://127.0.0.1/1\r\n" EMPTY, ""), NULL,
		    NULL },
		{ put_blob, NULL, ANSWER("202 Accepted", LOCATED, ""),
		    ANSWER("201 Created", "Docker-Content-Digest: " ABC "\r\n" EMPTY, ""),
		    "PUT /v2/a/b/blobs/uploads/1?x=y&digest=sha256%3A" },
		{ put_blob, NULL, ANSWER("202 Accepted", LOCATED, ""), ANSWER("201 Created", EMPTY, ""), "PUT " },
		{ put_blob, "registry-digest", ANSWER("202 Accepted", LOCATED, ""),
		    ANSWER("201 Created", "Docker-Content-Digest: " OTHER "\r\n" EMPTY, ""), "PUT " },
		{ put_blob, "registry-answer", ANSWER("202 Accepted", LOCATED, ""), ANSWER(OK, EMPTY, ""), "PUT " },
		{ put_blob, "registry-denied", ANSWER("202 Accepted", LOCATED, ""), ANSWER("403 Forbidden", EMPTY, ""),
		    "PUT " },
	};
	gf_registry *r;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		answer t[] = { { "GET /v2/ ", ANSWER(OK, EMPTY, ""), 1, 0 }, { NULL, rows[i].second, 0, 0 },
			{ "", rows[i].first, 1, 0 }, { 0 } };
		bool ok;

		t[1].request = rows[i].request != NULL ? rows[i].request : "NEVER ";
		r = open_with(t, false, &err);
		if (r == NULL)
			fail_msg("row %zu: %s", i, err.text);
		ok = rows[i].act(r, &err);
		if (ok != (rows[i].name == NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : err.text);
		if (!ok && strcmp(err.name, rows[i].name) != 0)
			fail_msg("row %zu: %s instead of %s: %s", i, err.name, rows[i].name, err.text);
		if (!ok)
			assert_int_equal(err.class, GF_FAILED);
		assert_int_equal(t[1].used, rows[i].request != NULL);
		gf_registry_close(r);
	}
}

/* The error is our own caller's: nothing is closed as a blob. */
static void more_or_less_than_announced(void **state)
{
	static const struct {
		const char *bytes, *said;
		bool written;
	} rows[] = { { "abcd", "blob '" ABC "' has more than the 3 bytes", false },
		{ "ab", "2 bytes of blob '" ABC "', and 3", true }, { "", "0 bytes of blob '" ABC "', and 3", true } };
	gf_digest d = abc();
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		answer t[] = { { "GET /v2/ ", ANSWER(OK, EMPTY, ""), 1, 0 },
			{ "POST ", ANSWER("202 Accepted", LOCATED, ""), 1, 0 },
			{ "PUT ", ANSWER("201 Created", EMPTY, ""), 0, 0 },
			{ "", ANSWER("404 Not Found", EMPTY, ""), 0, 0 }, { 0 } };
		gf_registry *r = open_with(t, false, &err);
		gf_output *out = r != NULL ? gf_registry_put_blob(r, "a/b", &d, 3, NULL, &err) : NULL;

		if (out == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(gf_output_write(out, rows[i].bytes, strlen(rows[i].bytes), &err), rows[i].written);
		if (rows[i].written)
			assert_false(gf_output_finish(out, &err));
		assert_string_equal(err.name, "http-size");
		if (strstr(err.text, rows[i].said) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		gf_output_close(out);
		gf_registry_close(r);
		assert_int_equal(t[2].used, 0);
	}
}

/* The same at the door. */
static void the_door_is_refused(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
		{ ANSWER("403 Forbidden", EMPTY, ""), "registry-denied" },
		{ ANSWER("404 Not Found", EMPTY, ""), "registry-not-found" },
		{ ANSWER("429 Too Many Requests", EMPTY, ""), "registry-busy" },
		{ ANSWER("301 Moved", "Location: https://evil.example/v2/\r\n" EMPTY, ""), "registry-answer" },
		{ ANSWER("401 Unauthorized", EMPTY, ""), "registry-challenge" },
		{ ANSWER("401 Unauthorized", "WWW-Authenticate: Negotiate\r\n" EMPTY, ""), "registry-challenge" },
		{ ANSWER("401 Unauthorized", "WWW-Authenticate: Bearer service=\"x\"\r\n" EMPTY, ""),
		    "registry-challenge" },
		{ ANSWER(
		      "401 Unauthorized", "WWW-Authenticate: Bearer realm=\"http://169.254.169.254/x\"\r\n" EMPTY, ""),
		    "registry-challenge" },
		{ ANSWER("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"http://10.0.0.1/x\"\r\n" EMPTY, ""),
		    "registry-challenge" },
		{ ANSWER("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\n" EMPTY, ""),
		    "http-url" },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		answer t[] = { { "GET /v2/ ", rows[i].text, 0, 0 }, { 0 } };

		assert_null(open_with(t, true, &err));
		if (strcmp(err.name, rows[i].name) != 0)
			fail_msg("row %zu: %s instead of %s: %s", i, err.name, rows[i].name, err.text);
		assert_int_equal(t[0].used, 1);
		assert_false(has_text(err.text, "canary"));
	}
}

/* ---- tokens ---- */

static void a_token_is_one_plain_word(void **state)
{
	static const struct {
		const char *answer, *name;
	} rows[] = {
		{ "{\"token\":\"t0\"}", NULL },
		{ "{\"access_token\":\"t0\",\"expires_in\":\"soon\"}", NULL },
		{ "{\"token\":\"t0\",\"expires_in\":-1}", NULL },
		{ "{\"token\":\"t0\",\"expires_in\":1000000000000}", NULL },
		{ "{}", "registry-token" },
		{ "{\"token\":\"\"}", "registry-token" },
		{ "{\"token\":\"a b\"}", "registry-token" },
		{ "{\"token\":\"t0\\r\\nHost: evil.example\"}", "registry-token" },
		{ "{\"token\":\"t\\u00e9\"}", "registry-token" },
		{ "{\"token\":\"t\\u007f\"}", "registry-token" },
		{ "{\"token\":7}", "json-type" },
		{ "[]", "json-type" },
		{ "t0", "json" },
	};
	char realm[256], token[512];
	gf_registry *r;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t seen = server.seen.len;
		answer t[] = { { "GET /v2/ ", realm, 0, 0 }, { "GET /token?", token, 0, 0 },
			{ "HEAD /v2/a/b/blobs/", ANSWER(OK, EMPTY, ""), 0, 0 }, { 0 } };
		bool ok;

		snprintf(realm, sizeof realm,
		    ANSWER("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\"\r\n" EMPTY,
			""),
		    server.port);
		snprintf(token, sizeof token, ANSWER(OK, "", "%s"), rows[i].answer);
		r = open_with(t, true, &err);
		if (r == NULL)
			fail_msg("row %zu: %s", i, err.text);
		ok = has_blob(r, &err);
		if (ok != (rows[i].name == NULL) || (!ok && strcmp(err.name, rows[i].name) != 0))
			fail_msg("row %zu: %s %s", i, err.name, ok ? "taken" : err.text);
		assert_int_equal(t[1].used, 1);
		assert_int_equal(t[2].used, ok); /* not asked without a token */
		assert_null(strstr(server.seen.data + seen, "evil.example"));
		if (ok)
			assert_non_null(strstr(server.seen.data + seen, "Authorization: Bearer t0\r\n"));
		assert_false(has_text(err.text, "canary"));
		gf_registry_close(r);
	}
}

/* A refused password is an end, and asked with twice at most. */
static void a_refused_password_is_an_end(void **state)
{
	answer t[] = { { "", ANSWER("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n" EMPTY, ""), 0, 0 },
		{ 0 } };
	gf_error err;
	gf_registry *r = open_with(t, true, &err);

	(void)state;
	if (r == NULL)
		fail_msg("%s", err.text);
	check_fails(has_blob(r, &err), "registry-auth");
	assert_in_range(t[0].used, 2, 3);
	gf_registry_close(r);
	r = open_with(t, false, &err);
	if (r == NULL)
		fail_msg("%s", err.text);
	check_fails(has_blob(r, &err), "registry-auth");
	assert_true(has_text(err.text, "docker login"));
	gf_registry_close(r);
}

/* ---- TLS ---- */

static void serve_text(peer *p, int fd)
{
	(void)p;
	say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void what_speaks_no_tls(void **state)
{
	gf_http_options o = { 0 };
	gf_request q = { .method = "GET" };
	gf_response r;
	gf_error err;
	gf_http *h = gf_http_open(&o, &err);
	char url[64];
	peer p;

	(void)state;
	assert_non_null(h);
	start(&p, serve_text);
	snprintf(url, sizeof url, "https://127.0.0.1:%u/", p.port);
	q.url = url;
	gf_response_init(&r);
	check_fails(gf_http_do(h, &q, &r, &err), "http-tls");
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_answer_has_its_error),
		cmocka_unit_test(more_or_less_than_announced), cmocka_unit_test(the_door_is_refused),
		cmocka_unit_test(a_token_is_one_plain_word), cmocka_unit_test(a_refused_password_is_an_end),
		cmocka_unit_test(what_speaks_no_tls) };

	return cmocka_run_group_tests(tests, enter, leave);
}
