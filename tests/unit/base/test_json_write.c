/* Writing: the bytes, the errors that stick, and that what is written is read back the same. */
#include "json.h"

static gf_buf out;
static gf_error err;

static void begin(gf_json_out *o, unsigned indent, size_t max)
{
	gf_buf_clear(&out);
	gf_buf_init(&out, max);
	memset(&err, 0, sizeof err);
	gf_json_begin(o, &out, indent, &err);
}

static void put_all(gf_json_out *o)
{
	gf_digest d;

	assert_true(gf_digest_parse("sha256:" D64, &d));
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "text", "a");
	gf_json_put(o, "left out", NULL);
	gf_json_put_u64(o, "zero", 0);
	gf_json_put_u64(o, "most", UINT64_MAX);
	gf_json_put_bool(o, "yes", true);
	gf_json_put_bool(o, "no", false);
	gf_json_put_null(o, "null");
	gf_json_put_digest(o, "digest", &d);
	gf_json_open(o, "list", '[');
	gf_json_put(o, NULL, NULL);
	gf_json_put(o, NULL, "");
	gf_json_put_u64(o, NULL, 1);
	gf_json_open(o, NULL, '{');
	gf_json_close(o, '}');
	gf_json_open(o, NULL, '[');
	gf_json_put_null(o, NULL);
	gf_json_close(o, ']');
	gf_json_close(o, ']');
	gf_json_open(o, "empty", '[');
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static void test_compact(void **state)
{
	gf_json_out o;

	(void)state;
	begin(&o, 0, GF_MIB);
	put_all(&o);
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(gf_buf_text(&out),
	    "{\"text\":\"a\",\"zero\":0,\"most\":18446744073709551615,\"yes\":true,\"no\":false,\"null\":null,"
	    "\"digest\":\"sha256:" D64 "\",\"list\":[\"\",1,{},[null]],\"empty\":[]}");
}

static void test_indent(void **state)
{
	gf_json_out o;

	(void)state;
	begin(&o, 2, GF_MIB);
	put_all(&o);
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(gf_buf_text(&out),
	    "{\n"
	    "  \"text\": \"a\",\n"
	    "  \"zero\": 0,\n"
	    "  \"most\": 18446744073709551615,\n"
	    "  \"yes\": true,\n"
	    "  \"no\": false,\n"
	    "  \"null\": null,\n"
	    "  \"digest\": \"sha256:" D64 "\",\n"
	    "  \"list\": [\n"
	    "    \"\",\n"
	    "    1,\n"
	    "    {},\n"
	    "    [\n"
	    "      null\n"
	    "    ]\n"
	    "  ],\n"
	    "  \"empty\": []\n"
	    "}");
}

static void test_roots(void **state)
{
	gf_json_out o;

	(void)state;
	begin(&o, 4, 100);
	gf_json_put(&o, NULL, "alone");
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(gf_buf_text(&out), "\"alone\"");
	begin(&o, 0, 100);
	assert_ok(gf_json_end(&o), err);
	assert_int_equal(out.len, 0);
	/* What stands in the buffer stays. */
	assert_true(gf_buf_puts(&out, "before ", &err));
	gf_json_begin(&o, &out, 0, &err);
	gf_json_put_u64(&o, NULL, 7);
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(gf_buf_text(&out), "before 7");
}

enum { PLAIN, ASCII, SHOWN };

static void begin_as(gf_json_out *o, unsigned indent, int how)
{
	begin(o, indent, GF_MIB);
	o->ascii = how == ASCII;
	o->shown = how == SHOWN;
}

static void assert_written(const char *text, int how, const char *want)
{
	gf_json_out o;

	begin_as(&o, 0, how);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, text, text);
	gf_json_close(&o, '}');
	assert_ok(gf_json_end(&o), err);
	if (out.len != 2 * strlen(want) + 7 || strncmp(out.data + 2, want, strlen(want)) != 0 ||
	    strncmp(out.data + 5 + strlen(want), want, strlen(want)) != 0)
		fail_msg("%s: not twice %s", gf_buf_text(&out), want);
}

static void test_escapes(void **state)
{
	static const struct {
		const char *text, *plain, *ascii;
	} rows[] = {
		{ "\"\\/'<>&", "\\\"\\\\/'<>&", "\\\"\\\\/'<>&" },
		{ "\b\f\n\r\t", "\\b\\f\\n\\r\\t", "\\b\\f\\n\\r\\t" },
		{ "\x01\x0b\x1b\x1f ~", "\\u0001\\u000b\\u001b\\u001f ~", "\\u0001\\u000b\\u001b\\u001f ~" },
		{ "\x7f", "\x7f", "\\u007f" },
		{ "\xc2\x80\xc3\xa9\xe2\x80\xa8", "\xc2\x80\xc3\xa9\xe2\x80\xa8", "\\u0080\\u00e9\\u2028" },
		{ "\xef\xbf\xbf\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
		    "\xef\xbf\xbf\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
		    "\\uffff\\ud800\\udc00\\ud83d\\ude00\\udbff\\udfff" },
		/* Each byte that begins no character is one U+FFFD. */
		{ "a\xff\xc0\x80z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", "a\\ufffd\\ufffd\\ufffdz" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\\ufffd\\ufffd\\ufffd" },
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
		    "\\ufffd\\ufffd\\ufffd\\ufffd" },
		{ "\xc3", "\xef\xbf\xbd", "\\ufffd" },
	};

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		assert_written(rows[i].text, PLAIN, rows[i].plain);
		assert_written(rows[i].text, ASCII, rows[i].ascii);
	}
	assert_written("\x7f\xc2\x9b[2J\xc3\xa9", SHOWN, "\\u007f\\u009b[2J\xc3\xa9");
	assert_written("\xe2\x80\xae\xe2\x80\x8b\xe2\x80\xa9\xf0\x9f\x98\x80\xf3\xa0\x80\x81", SHOWN,
	    "\\u202e\\u200b\\u2029\xf0\x9f\x98\x80\\udb40\\udc01");
}

static size_t utf8(uint32_t c, char *to)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(lead[n > 1 ? n : 0] | c);
	return n;
}

/* Every character there is, a thousand a text, as key and value. */
static void test_round_trip(void **state)
{
	(void)state;
	for (int how = PLAIN; how <= SHOWN; how++)
		for (uint32_t c = 1; c <= 0x10ffff;) {
			char text[4001];
			const char *back = NULL;
			size_t n = 0;
			gf_json_out o;
			gf_json_doc *doc;
			gf_json v;

			for (int i = 0; i < 1000 && c <= 0x10ffff; i++, c++)
				if (c < 0xd800 || c > 0xdfff)
					n += utf8(c, text + n);
			text[n] = '\0';
			begin_as(&o, 1, how);
			gf_json_open(&o, NULL, '{');
			gf_json_put(&o, text, text);
			gf_json_close(&o, '}');
			assert_ok(gf_json_end(&o), err);
			for (size_t i = 0; how == ASCII && i < out.len; i++)
				assert_true(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] <= 0x7e));
			assert_ok((doc = parse_n(out.data, out.len, &err)) != NULL, err);
			assert_string_equal(gf_json_key_at(gf_json_root(doc), 0, &v), text);
			assert_ok(gf_json_text(v, &back, &err), err);
			assert_string_equal(back, text);
			gf_json_free(doc);
		}
}

/* The getters give what was put. */
static void test_written_is_read(void **state)
{
	const char *text;
	uint64_t zero = 1;
	bool yes = false, no = true;
	gf_digest d;
	gf_json_out o;
	gf_json_doc *doc;
	gf_json root, list, v;

	(void)state;
	for (unsigned indent = 0; indent <= 8; indent += 4) {
		begin(&o, indent, GF_MIB);
		put_all(&o);
		assert_ok(gf_json_end(&o), err);
		/* 2^64-1 is more than the reader takes */
		memcpy(strstr(out.data, "18446744073709551615"), "9007199254740991    ", 20);
		assert_ok((doc = parse_n(out.data, out.len, &err)) != NULL, err);
		root = gf_json_root(doc);
		assert_int_equal(gf_json_count(root), 9);
		assert_string_equal(gf_json_key_at(root, 8, &v), "empty");
		assert_ok(gf_json_string(root, "text", &text, &err), err);
		assert_string_equal(text, "a");
		assert_ok(gf_json_u64(root, "zero", &zero, &err), err);
		assert_int_equal(zero, 0);
		assert_ok(gf_json_u64(root, "most", &zero, &err), err);
		assert_true(zero == ((uint64_t)1 << 53) - 1);
		assert_ok(gf_json_bool_if(root, "yes", &yes, &err) && gf_json_bool_if(root, "no", &no, &err), err);
		assert_true(yes && !no);
		assert_ok(gf_json_digest(root, "digest", &d, &err), err);
		assert_string_equal(gf_json_key_at(root, 5, &v), "null");
		assert_int_equal(gf_json_typeof(v), GF_JSON_OTHER);
		assert_ok(gf_json_array(root, "list", &list, &err), err);
		assert_int_equal(gf_json_count(list), 4);
		assert_int_equal(gf_json_typeof(gf_json_at(list, 2)), GF_JSON_OBJECT);
		gf_json_free(doc);
	}
}

static void test_value(void **state)
{
	static const char text[] = "{\"b\": [1, -2.5, null, true, {\"\": \"\\u00e9\\n\"}], \"a\": \"x\"}";
	gf_json_doc *doc = gf_json_parse(text, sizeof text - 1, GF_MIB, GF_DAMAGED, "text", &err);
	gf_json_out o;

	(void)state;
	assert_non_null(doc);
	begin(&o, 0, GF_MIB);
	gf_json_open(&o, NULL, '{');
	gf_json_put_value(&o, "all", gf_json_root(doc));
	gf_json_put_value(&o, "one", gf_json_get(gf_json_root(doc), "a"));
	gf_json_close(&o, '}');
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(
	    gf_buf_text(&out), "{\"all\":{\"b\":[1,-2.5,null,true,{\"\":\"\xc3\xa9\\n\"}],\"a\":\"x\"},\"one\":\"x\"}");
	begin(&o, 0, 8);
	gf_json_put_value(&o, NULL, gf_json_root(doc));
	assert_false(gf_json_end(&o));
	gf_json_free(doc);
}

static void test_errors_stick(void **state)
{
	gf_json_out o;
	size_t before;

	(void)state;
	begin(&o, 0, 10);
	gf_json_open(&o, NULL, '[');
	gf_json_put(&o, NULL, "0123456789");
	before = out.len;
	assert_true(before <= 10);
	gf_json_put_u64(&o, NULL, 1);
	gf_json_close(&o, ']');
	assert_int_equal(out.len, before);
	assert_false(gf_json_end(&o));
	assert_string_equal(err.name, "too-large");
	assert_int_equal(err.class, GF_DAMAGED);
	/* what would still fit does not follow what did not */
	begin(&o, 0, 10);
	gf_json_open(&o, NULL, '[');
	gf_json_put_u64(&o, NULL, UINT64_MAX);
	gf_json_put_u64(&o, NULL, 1);
	gf_json_close(&o, ']');
	assert_false(gf_json_end(&o));
	assert_string_equal(out.data, "[");
	/* exactly full */
	begin(&o, 0, 10);
	gf_json_open(&o, NULL, '[');
	gf_json_put(&o, NULL, "012345");
	gf_json_close(&o, ']');
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(out.data, "[\"012345\"]");
}

static void test_brackets(void **state)
{
	gf_json_out o;

	(void)state;
	begin(&o, 0, 100);
	gf_json_open(&o, NULL, '[');
	gf_json_open(&o, NULL, '{');
	gf_json_close(&o, '}');
	assert_refused(gf_json_end(&o), err, GF_FAILED, "internal");
	begin(&o, 0, 100);
	gf_json_open(&o, NULL, '[');
	gf_json_close(&o, ']');
	gf_json_close(&o, ']');
	assert_false(gf_json_end(&o));
	assert_int_equal(err.class, GF_FAILED);
	assert_string_equal(err.name, "internal");
	assert_string_equal(out.data, "[]");
}

/* What Go wrote: json.Marshal of these texts, with Go 1.19. */
static void test_as_go(void **state)
{
	gf_json_out o;

	(void)state;
	begin(&o, 0, 1000);
	o.go = true;
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "<k>", "a<b>&\"\\\b\f\n\r\t\x01/\x7f\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa");
	gf_json_put_raw(&o, "raw", "[1.50]x", 6);
	gf_json_close(&o, '}');
	assert_ok(gf_json_end(&o), err);
	assert_string_equal(out.data,
	    "{\"\\u003ck\\u003e\":\"a\\u003cb\\u003e\\u0026\\\"\\\\\\u0008\\u000c\\n\\r\\t\\u0001/\x7f\xc3\xa9\\u2028"
	    "\\u2029\xe2\x80\xaa\",\"raw\":[1.50]}");
}

static int done(void **state)
{
	(void)state;
	gf_buf_clear(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_indent),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_as_go),
		cmocka_unit_test(test_errors_stick),
		cmocka_unit_test(test_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
