/* The answers that daemons were recorded to give (image-protocols.md 3.3, 3.5; engines.md). */
#include "common.h"
#include "remote/docker.h"

#define C "sha256:0123456789012345678901234567890123456789012345678901234567890123"
#define E "sha256:abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define ERROR(text) "{\"errorDetail\":{\"message\":\"" text "\"},\"error\":\"" text "\"}\r\n"

static const struct {
	const char *answer;
	const char *names, *ids; /* joined by blanks */
	const char *error;       /* NULL: it is a success */
} rows[] = {
	{ "{\"stream\":\"Loaded image: example.com/app/good:1.0\\n\"}\r\n", "example.com/app/good:1.0", "", NULL },
	{ "{\"stream\":\"Loaded image ID: " C "\\n\"}\r\n", "", C, NULL },
	{ "{\"stream\":\"Loaded image: a:1\\n\"}\r\n{\"stream\":\"Loaded image ID: " C "\\nLoaded image ID: " E
	  "\\n\"}\r\n",
	    "a:1", C " " E, NULL },
	{ "{\"stream\":\"The image re:1 already exists, renaming the old one with ID " C " to empty string\\n\"}\r\n"
	  "{\"stream\":\"Loaded image: re:1\\n\"}\r\n",
	    "re:1", "", NULL },
	{ "", "", "", NULL },
	{ "{}", "", "", NULL },
	{ " \r\n{}\r\n\r\n", "", "", NULL },
	{ "{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":32768,\"total\":2000000},\"id\":\"5f70bf18a086\"}\r\n"
	  "{\"status\":\"Loading layer\",\"progressDetail\":{},\"id\":\"x{\\\"}\"}{\"stream\":\"Loaded image: a:1\"}",
	    "a:1", "", NULL },
	/* podman: one object without newline, names with commas, perhaps an ID among them */
	{ "{\"stream\":\"Loaded image: a:1,b:1,c:1\"}", "a:1 b:1 c:1", "", NULL },
	{ "{\"stream\":\"Loaded image: localhost/a:1, " C "\"}\n", "localhost/a:1", C, NULL },
	{ "{\"stream\":\"Loaded image: " C "\"}\n", "", C, NULL },
	{ "{\"stream\":\"Loaded image(s): a:1\"}", "", "", NULL },
	{ "{\"stream\":\"Loaded image: @0123456789012345678901234567890123456789012345678901234567890123\\n\"}", "", C,
	    NULL },
	{ "{\"stream\":\"Loaded image: @012345678901234567890123456789012345678901234567890123456789012g\"}",
	    "@012345678901234567890123456789012345678901234567890123456789012g", "", NULL },
	{ ERROR("open /var/lib/docker/tmp/docker-import-1/repositories: no such file or directory"), "", "",
	    "docker-import-1/repositories" },
	{ ERROR("Error processing tar file(exit status 1): archive/tar: invalid tar header"), "", "",
	    "invalid tar header" },
	{ ERROR("Error processing tar file(exit status 1): unexpected EOF"), "", "", "unexpected EOF" },
	{ "{\"errorDetail\":{\"message\":\"invalid diffID for layer 1: expected \\\"" C "\\\", got \\\"" E
	  "\\\"\"},\"error\":\"x\"}",
	    "", "", "invalid diffID for layer 1: expected \"" C "\"" },
	{ ERROR("invalid manifest, layers length mismatch: expected 1, got 2"), "", "", "expected 1, got 2" },
	{ ERROR("ApplyLayer exit status 1: unpigz: skipping: <stdin>: corrupted -- crc32 mismatch"), "", "",
	    "crc32 mismatch" },
	{ ERROR("invalid reference format: repository name must be lowercase"), "", "", "must be lowercase" },
	{ "{\"stream\":\"Loaded image: part:good\\n\"}\r\n" ERROR("invalid tag"), "part:good", "", "invalid tag" },
	{ "{\"errorDetail\":{\"message\":\"detail\"},\"error\":\"old\"}", "", "", "detail" },
	{ "{\"errorDetail\":{\"message\":\"detail\"}}", "", "", "detail" },
	{ "{\"errorDetail\":{\"code\":1},\"error\":\"old\"}", "", "", "old" },
	{ "{\"error\":\"only\"}", "", "", "only" },
	{ "{\"error\":{}}", "", "", "does not say why" },
	{ "{\"stream\":\"Loaded image: a:1\\n\"}\r\n{\"stream\":\"Error unpacking image a:1: content digest " C
	  ": not found\\n\"}\r\n",
	    "a:1", "", "content digest" },
	/* cut short */
	{ "{\"stream\":\"Loaded image: a:1\\n\"}\r\n{\"stre", "a:1", "", "stops in the middle" },
	{ "{\"stream\":\"a}", "", "", "stops in the middle" },
	{ "{\"stream\":\"a\\\"}", "", "", "stops in the middle" },
	{ "{", "", "", "stops in the middle" },
	/* not JSON */
	{ "500 Internal Server Error", "", "", "500 Internal" },
	{ "[1]", "", "", "[1]" },
	{ "<html>\x1b[31m", "", "", "<html>\\x1b[31m" },
	{ "{\"stream\":\"Loaded image: a:1\\n\"} garbage", "a:1", "", "garbage" },
	{ ERROR("a\\u001b[2Jb\\nc"), "", "", "a\\x1b[2Jb\\x0ac" },
};

static void check_list(char *const *list, size_t n, const char *want, const char *answer)
{
	char have[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(have + len, sizeof have - len, "%s%s", i > 0 ? " " : "", list[i]);
	if (strcmp(have, want) != 0)
		fail_msg("'%s' gave '%s' instead of '%s'", answer, have, want);
}

static void recorded_answers_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gf_docker_loaded l = { 0 };
		gf_error err;
		bool ok = gf_docker_load_answer(rows[i].answer, strlen(rows[i].answer), &l, &err);

		if (ok != (rows[i].error == NULL))
			fail_msg("'%s': %s", rows[i].answer, ok ? "taken" : err.text);
		if (!ok && (strcmp(err.name, "docker-load") != 0 || !has_text(err.text, rows[i].error)))
			fail_msg("'%s': %s: %s", rows[i].answer, err.name, err.text);
		check_list(l.names, l.n_names, rows[i].names, rows[i].answer);
		check_list(l.ids, l.n_ids, rows[i].ids, rows[i].answer);
		gf_docker_loaded_clear(&l);
	}
}

static void every_cut_inside_an_object_is_seen(void **state)
{
	static const char text[] = "{\"stream\":\"Loaded image: a{}\\\"\\\\:1\\n\",\"x\":{\"y\":[{}]}}";

	(void)state;
	for (size_t n = 1; n < sizeof text - 1; n++) {
		gf_docker_loaded l = { 0 };
		gf_error err;

		if (gf_docker_load_answer(text, n, &l, &err))
			fail_msg("cut at %zu: taken", n);
		gf_docker_loaded_clear(&l);
	}
}

static void reports_without_end_are_refused(void **state)
{
	static const char line[] = "{\"stream\":\"Loaded image: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z\"}";
	gf_docker_loaded l = { 0 };
	gf_error err;
	gf_buf b;

	(void)state;
	gf_buf_init(&b, GF_HTTP_BODY_MAX);
	for (int i = 0; i < 1000; i++)
		check_ok(gf_buf_puts(&b, line, &err));
	check_fails(gf_docker_load_answer(b.data, b.len, &l, &err), "docker-load");
	assert_int_equal(l.n_names, 10000);
	gf_docker_loaded_clear(&l);
	gf_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(recorded_answers_are_understood),
		cmocka_unit_test(every_cut_inside_an_object_is_seen),
		cmocka_unit_test(reports_without_end_are_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
