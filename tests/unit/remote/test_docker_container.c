/* docker_container.c against peers that play daemons; a real one is asked by interop/trace.bats. */
#include "peer.h"

#define JSON(text) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" text
#define HEX "0000000000000000000000000000000000000000000000000000000000000007"

static int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static void answers(void **state)
{
	static const struct {
		const char *text;
		bool found;
		const char *error; /* NULL: none */
	} rows[] = {
		{ JSON("{\"Id\":\"" HEX "\",\"Name\":\"/web\",\"Image\":\"sha256:" HEX
		       "\",\"Config\":{\"Image\":\"a:1\"}}"),
		    true, NULL },
		/* podman: no slash, no algorithm */
		{ JSON("{\"Id\":\"" HEX "\",\"Name\":\"web\",\"Image\":\"" HEX "\",\"Config\":{\"Image\":\"a:1\"}}"),
		    true, NULL },
		{ "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"message\":\"No such container\"}", false,
		    NULL },
		{ "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n{\"message\":\"no \\u001b[2J\"}", false,
		    "docker-inspect" },
		{ JSON("{\"Id\":\"" HEX "\"}"), false, "missing-key" },
		{ JSON("{\"Id\":7,\"Name\":\"web\",\"Image\":\"x\"}"), false, "json-type" },
		{ JSON("[]"), false, "json-type" },
		{ JSON("<html>"), false, "json" },
		{ NULL, false, "http-broken" },
	};
	char path[96], where[128];
	gf_error err;
	peer p;

	(void)state;
	snprintf(path, sizeof path, "%s/c.sock", dir);
	snprintf(where, sizeof where, "unix://%s", path);
	start_at(&p, path, serve_table_once);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answer t[] = { { "GET /version ", JSON("{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\"}"), 0, 0 },
			{ "GET /v1.41/containers/a%2Fb/json ", rows[i].text, 0, 0 }, { 0 } };
		gf_docker_container c;
		gf_docker *d;
		bool found, ok;

		table = t;
		err = (gf_error){ 0 };
		check_ok((d = gf_docker_open(&(const gf_docker_options){ .host = where }, &err)) != NULL);
		ok = gf_docker_container_find(d, "a/b", &found, &c, &err);
		if (ok != (rows[i].error == NULL) || found != rows[i].found)
			fail_msg("row %zu: %s", i, err.text);
		if (!ok) {
			assert_string_equal(err.name, rows[i].error);
			assert_null(strchr(err.text, '\x1b'));
		}
		if (found) {
			assert_string_equal(c.name, "web");
			assert_string_equal(c.id, HEX);
			assert_string_equal(c.image_id, "sha256:" HEX);
			assert_string_equal(c.image, "a:1");
		}
		gf_docker_container_clear(&c);
		gf_docker_close(d);
	}
	stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers) };

	return cmocka_run_group_tests(tests, enter, leave);
}
