#include "common.h"
#include "remote/http.h"

static void urls_that_may_be_used(void **state)
{
	static const struct {
		const char *url;
		bool plain;
		const char *error; /* NULL: it may */
	} rows[] = { { "https://d.example/hook?x=y", false, NULL }, { "http://d.example/", true, NULL },
		{ "http://d.example/", false, "http-plain" }, { "HTTP://d.example/", false, "http-plain" },
		{ "http://127.0.0.1:80/", false, NULL }, { "http://localhost/", false, NULL },
		{ "http://[::1]:8080/", false, NULL }, { "http://127.0.0.1.example/", false, "http-plain" },
		{ "http://localhost.example/", false, "http-plain" },
		{ "http://127.0.0.1@d.example/", true, "http-url" }, { "d.example", true, "http-url" },
		{ "/hook", true, "http-url" }, { "ftp://d.example/", true, "http-url" },
		{ "https://d.example/a b", true, "http-url" }, { "", true, "http-url" } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		err = (gf_error){ 0 };
		if (gf_url_usable(rows[i].url, rows[i].plain, &err) != (rows[i].error == NULL))
			fail_msg("'%s': %s", rows[i].url, err.text);
		if (rows[i].error != NULL) {
			assert_string_equal(err.name, rows[i].error);
			assert_int_equal(err.class, GF_USAGE);
		}
	}
}

static void locations_are_resolved(void **state)
{
	static const struct {
		const char *base, *reference, *want; /* want NULL: refused */
	} rows[] = {
		{ "https://r.example/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?_state=a%3D%2Bb&x=1",
		    "https://r.example/v2/a/blobs/uploads/1?_state=a%3D%2Bb&x=1" },
		{ "https://r.example/v2/a/blobs/uploads/", "https://other.example:444/u?q=a+b",
		    "https://other.example:444/u?q=a+b" },
		{ "https://r.example/v2/a/blobs/uploads/", "uuid?x", "https://r.example/v2/a/blobs/uploads/uuid?x" },
		{ "https://r.example/v2/a/blobs/uploads/", "//other.example/u", "https://other.example/u" },
		{ "https://r.example:5000/v2/", "?a=b", "https://r.example:5000/v2/?a=b" },
		{ "https://r.example/v2/", "/u#fragment", "https://r.example/u" },
		{ "http://[::1]:5000/v2/", "/u", "http://[::1]:5000/u" },
		{ NULL, "https://r.example/token", "https://r.example/token" },
		{ NULL, "/token", NULL },
		{ "https://r.example/v2/", "", NULL },
		{ "https://r.example/v2/", "file:///etc/passwd", NULL },
		{ "https://r.example/v2/", "gopher://r.example/1", NULL },
		{ "https://r.example/v2/", "ftp://r.example/1", NULL },
		{ "https://r.example/v2/", "javascript:alert(1)", NULL },
		{ "https://r.example/v2/", "https://user:pw@r.example/", NULL },
		{ "https://r.example/v2/", "https://user@r.example/", NULL },
		{ "https://r.example/v2/", "https://r.example\\@evil.example/", NULL },
		{ "https://r.example/v2/", "/a b", NULL },
		{ "https://r.example/v2/", "/a\tb", NULL },
		{ "https://r.example/v2/", "/a\r\nX: y", NULL },
		{ "https://r.example/v2/", "/\xc3\xa9", NULL },
		{ "https://r.example/v2/", "https://", NULL },
		{ "https://r.example/v2/", "https://%72.example/u", "https://r.example/u" },
		{ "https://r.example/v2/", "https://r%e9.example/u", NULL },
		{ "https://r.example/v2/", "https://r%0d.example/u", NULL },
		{ "https://r.example/v2/", "https://r.example%40evil.example/u", NULL },
		{ "https://r.example/v2/", "https://r.example:99999/", NULL },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *url = gf_url_resolve(rows[i].base, rows[i].reference, &err);

		if ((url == NULL) != (rows[i].want == NULL))
			fail_msg("'%s': %s", rows[i].reference, url != NULL ? url : err.text);
		if (url != NULL)
			assert_string_equal(url, rows[i].want);
		else
			assert_string_equal(err.name, "http-url");
		free(url);
	}
}

static void a_long_location_is_refused(void **state)
{
	char text[GF_URL_MAX + 64];
	char *url;
	gf_error err;

	(void)state;
	memset(text, 'a', sizeof text);
	text[0] = '/';
	text[GF_URL_MAX] = '\0';
	url = gf_url_resolve("https://r.example/", text, &err);
	assert_non_null(url);
	free(url);
	text[GF_URL_MAX] = 'a';
	text[GF_URL_MAX + 1] = '\0';
	assert_null(gf_url_resolve("https://r.example/", text, &err));
}

static void origins_are_compared_whole(void **state)
{
	(void)state;
	assert_true(gf_url_same_origin("https://R.example/a?b", "https://r.example:443/c"));
	assert_true(gf_url_same_origin("http://r.example:80/", "http://r.example"));
	assert_false(gf_url_same_origin("https://r.example/", "http://r.example/"));
	assert_false(gf_url_same_origin("https://r.example/", "https://r.example:444/"));
	assert_false(gf_url_same_origin("https://r.example/", "https://r.example.evil/"));
	assert_false(gf_url_same_origin("https://r.example/", "https://xr.example/"));
	assert_false(gf_url_same_origin("https://r.example/", "https://r.example@evil/"));
	assert_false(gf_url_same_origin("nonsense", "nonsense"));
}

static void peers_lead_only_outwards(void **state)
{
	static const struct {
		const char *from, *to;
		bool allowed;
	} rows[] = {
		{ "https://r.example/", "https://auth.example/token", true },
		{ "https://r.example/", "http://r.example/", false },
		{ "http://r.example/", "https://r.example/", true },
		{ "http://r.example/", "http://s.example/", true },
		{ "https://r.example/", "https://127.0.0.1/", false },
		{ "https://r.example/", "https://localhost/", false },
		{ "https://r.example/", "https://localhost./", false },
		{ "https://r.example/", "https://x.localhost/", false },
		{ "https://r.example/", "https://[::1]/", false },
		{ "https://r.example/", "https://169.254.169.254/latest/meta-data", false },
		{ "https://r.example/", "https://10.1.2.3/", false },
		{ "https://r.example/", "https://2130706433/", false },
		{ "https://r.example/", "https://0x7f.1/", false },
		{ "https://r.example/", "https://0x7f000001./", false },
		{ "https://r.example/", "https://017700000001/", false },
		{ "https://r.example/", "https://s3.example:9000/", true },
		{ "https://r.example/", "https://1.example/", true },
		{ "https://10.1.2.3:5000/", "https://10.1.2.4/token", true },
		{ "https://10.1.2.3:5000/", "https://127.0.0.1/token", false },
		{ "http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true },
		{ "http://localhost:5000/", "http://127.0.0.1:5001/token", false },
		{ "http://127.0.0.1:5000/", "http://localhost:5001/token", true },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (gf_url_may_lead(rows[i].from, rows[i].to, &err) != rows[i].allowed)
			fail_msg("from %s to %s", rows[i].from, rows[i].to);
}

static void urls_are_shown_without_secrets(void **state)
{
	static const char *const rows[][2] = {
		{ "https://r.example/v2/a?X-Amz-Signature=secret", "https://r.example/v2/a" },
		{ "https://user:secret@r.example/v2/", "https://r.example/v2/" },
		{ "https://user:se@cret@r.example/v2/", "https://r.example/v2/" },
		{ "https://r.example/a@b", "https://r.example/a@b" },
		{ "https://r.example/\x1b[31m", "https://r.example/\\x1b[31m" },
		{ "/relative?secret", "/relative" },
		{ "https://r.example#secret", "https://r.example" },
		{ "", "" },
	};
	char out[64], longer[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gf_url_show(rows[i][0], out, sizeof out);
		assert_string_equal(out, rows[i][1]);
	}
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	memcpy(longer, "https://", 8);
	gf_url_show(longer, out, sizeof out);
	assert_true(strlen(out) < sizeof out && has_text(out, "..."));
}

static void text_is_percent_encoded(void **state)
{
	gf_error err;
	gf_buf b;

	(void)state;
	gf_buf_init(&b, 256);
	check_ok(gf_url_escape(&b, "a/b:1 +&=?#%\xc3\xa9~", "/:", &err));
	assert_string_equal(b.data, "a/b:1%20%2B%26%3D%3F%23%25%C3%A9~");
	gf_buf_clear(&b);
}

static void headers_are_found_in_any_case(void **state)
{
	gf_response r;
	gf_error err;
	char out[16];
	size_t n;

	(void)state;
	gf_response_init(&r);
	check_ok(gf_buf_puts(
	    &r.headers, "Content-Length: 12\r\nWWW-Authenticate:\tone \r\nX:\r\nwww-authenticate: two\r\n", &err));
	assert_true(gf_response_header(&r, "content-length", out, sizeof out));
	assert_string_equal(out, "12");
	assert_true(gf_response_header(&r, "x", out, sizeof out));
	assert_string_equal(out, "");
	assert_false(gf_response_header(&r, "content", out, sizeof out));
	assert_false(gf_response_header(&r, "Content-Length", out, 2));
	assert_memory_equal(gf_response_value(&r, "WWW-Authenticate", 0, &n), "one", 3);
	assert_int_equal(n, 3);
	assert_memory_equal(gf_response_value(&r, "WWW-Authenticate", 1, &n), "two", 3);
	assert_null(gf_response_value(&r, "WWW-Authenticate", 2, &n));
	gf_response_clear(&r);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *header;
		unsigned low, high;
	} rows[] = { { "Retry-After: 7\r\n", 7, 7 }, { "Retry-After: -1\r\n", 0, 0 }, { "Retry-After: soon\r\n", 0, 0 },
		{ "X: 1\r\n", 0, 0 }, { "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", 0, 0 },
		{ "Retry-After: Fri, 31 Dec 2099 23:59:59 GMT\r\n", 1000000, UINT32_MAX },
		{ "Retry-After: 99999999999\r\n", 0, 0 } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gf_response r;

		gf_response_init(&r);
		check_ok(gf_buf_puts(&r.headers, rows[i].header, &err));
		assert_in_range(gf_response_retry_after(&r), rows[i].low, rows[i].high);
		gf_response_clear(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(urls_that_may_be_used),
		cmocka_unit_test(locations_are_resolved), cmocka_unit_test(a_long_location_is_refused),
		cmocka_unit_test(origins_are_compared_whole), cmocka_unit_test(peers_lead_only_outwards),
		cmocka_unit_test(urls_are_shown_without_secrets), cmocka_unit_test(text_is_percent_encoded),
		cmocka_unit_test(headers_are_found_in_any_case), cmocka_unit_test(retry_after_is_seconds_or_a_date) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
