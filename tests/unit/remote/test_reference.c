#include "common.h"
#include "remote/reference.h"

#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A128 A32 A32 A32 A32

static const struct {
	const char *text, *full, *familiar;
} good[] = {
	{ "redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "library/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "docker.io/redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "index.docker.io/redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "acme/app", "docker.io/acme/app:latest", "acme/app:latest" },
	{ "acme/app/part:V1.2_x-3", "docker.io/acme/app/part:V1.2_x-3", "acme/app/part:V1.2_x-3" },
	{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
	{ "localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1" },
	{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000" },
	{ "registry.example/app", "registry.example/app:latest", "registry.example/app:latest" },
	{ "registry.example:5000/a/b/c:1", "registry.example:5000/a/b/c:1", "registry.example:5000/a/b/c:1" },
	{ "REGISTRY/app:1", "REGISTRY/app:1", "REGISTRY/app:1" },
	{ "Reg.Example/app:1", "Reg.Example/app:1", "Reg.Example/app:1" },
	{ "127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1" },
	{ "[::1]:5000/app:1", "[::1]:5000/app:1", "[::1]:5000/app:1" },
	{ "[fc00::2]/app", "[fc00::2]/app:latest", "[fc00::2]/app:latest" },
	{ "redis@" D, "docker.io/library/redis@" D, "redis@" D },
	{ "redis:7@" D, "docker.io/library/redis:7@" D, "redis:7@" D },
	{ "r.example:1/a/b@" D, "r.example:1/a/b@" D, "r.example:1/a/b@" D },
	{ "a.b/c", "a.b/c:latest", "a.b/c:latest" },
	{ "a_b", "docker.io/library/a_b:latest", "a_b:latest" },
	{ "a__b", "docker.io/library/a__b:latest", "a__b:latest" },
	{ "a---b", "docker.io/library/a---b:latest", "a---b:latest" },
	{ "a.b-c_d/e", "a.b-c_d/e", NULL }, /* below: "_" is not in a host */
	{ "x:" A128, "docker.io/library/x:" A128, "x:" A128 },
	/* Shortened, this would be read back as a host. */
	{ "docker.io/my.org/app:1", "docker.io/my.org/app:1", "docker.io/my.org/app:1" },
	{ "docker.io/localhost/app:1", "docker.io/localhost/app:1", "docker.io/localhost/app:1" },
	{ "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ A32 A32, NULL, NULL }, /* 64 hex digits: an ID */
	{ A32 A32 "/a", "docker.io/" A32 A32 "/a:latest", A32 A32 "/a:latest" },
};

static const char *const bad[] = { "", ":", "@", "/", ":tag", "/a", "a/", "a//b", "Redis", "acme/App", "a/B:1",
	"a:", "a:.x", "a:-x", "a:x/y:", "a: b", "a b", "a\n", "-a", "a-", "_a", "a_", ".a", "a.", "a..b", "a___b",
	"a/-b", "a/b-", HEX, "a@", "a@" HEX, "a@sha256:", "a@" D "0", "a@sha512:" HEX HEX, "a@SHA256:" HEX,
	"a@" D "@" D, "a:1:2", "host:port/a", "host:99999/a", "host:123456/a", "host:/a", "-host.x/a", "host-.x/a",
	"host..x/a", ".x/a", "x./a", "[::1/a", "[::g]/a", "[]/a", "[::1]5/a", "[::1]:/a", "user@host.x/a",
	"https://host.x/a", "a.b/", "a.b/C", "\xc3\xa9", "a:\xc3\xa9", "x:" A128 "a", A128 "/" A128, "ho_st.x/a",
	"a\\b", "a:b@c", "a?b", "a#b", "%61", "a/../b", "a/./b" };

static void names_are_normalised_as_docker_does(void **state)
{
	gf_reference r, again;
	gf_error err;
	char out[GF_REFERENCE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (good[i].familiar == NULL) {
			check_fails(gf_reference_parse(good[i].text, &r, &err), "reference");
			continue;
		}
		if (!gf_reference_parse(good[i].text, &r, &err))
			fail_msg("'%s': %s", good[i].text, err.text);
		gf_reference_print(&r, out);
		assert_string_equal(out, good[i].full);
		check_ok(gf_reference_parse(out, &again, &err));
		assert_memory_equal(&r, &again, sizeof r);
		gf_reference_familiar(&r, out);
		assert_string_equal(out, good[i].familiar);
		check_ok(gf_reference_parse(out, &again, &err));
		assert_memory_equal(&r, &again, sizeof r);
	}
}

static void other_texts_are_refused(void **state)
{
	gf_reference r;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memset(&err, 0, sizeof err);
		if (gf_reference_parse(bad[i], &r, &err))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(err.class, GF_USAGE);
		assert_string_equal(err.name, "reference");
		assert_null(strchr(err.text, '\n'));
	}
}

static void the_longest_names_fit(void **state)
{
	char text[1024], out[GF_REFERENCE_SIZE];
	gf_reference r;
	gf_error err;

	(void)state;
	snprintf(text, sizeof text, "x.y:1/%0255d:%0128d@" D, 1, 2);
	check_ok(gf_reference_parse(text, &r, &err));
	gf_reference_print(&r, out);
	assert_string_equal(out, text);
	snprintf(text, sizeof text, "x.y:1/%0256d", 1);
	check_fails(gf_reference_parse(text, &r, &err), "reference");
	snprintf(text, sizeof text, "%0247d", 1); /* with "library/" 255 */
	check_ok(gf_reference_parse(text, &r, &err));
	snprintf(text, sizeof text, "%0248d", 1);
	check_fails(gf_reference_parse(text, &r, &err), "reference");
	snprintf(text, sizeof text, "%0250d.example:5000/a", 1); /* a host of 263 */
	check_fails(gf_reference_parse(text, &r, &err), "reference");
}

static void loopback_is_exact(void **state)
{
	static const char *const yes[] = { "localhost", "LOCALHOST", "localhost:5000", "127.0.0.1", "127.0.0.1:5000",
		"127.255.3.4", "[::1]", "[::1]:5000" };
	static const char *const no[] = { "", "localhost.", "localhost.example", "xlocalhost", "127.0.0.1.example",
		"127.0.0", "127.0.0.256", "127.0.0.1.", "127.1", "127..0.1", "127.0.0.0001", "128.0.0.1", "0.0.0.0",
		"[::2]", "[::1", "::1", "127.0.0.1x" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		if (!gf_host_loopback(yes[i]))
			fail_msg("'%s'", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		if (gf_host_loopback(no[i]))
			fail_msg("'%s'", no[i]);
}

static void parts_are_checked_alone(void **state)
{
	(void)state;
	assert_true(gf_repository_valid("library/redis"));
	assert_false(gf_repository_valid(""));
	assert_false(gf_repository_valid("a/../b"));
	assert_false(gf_repository_valid("A"));
	assert_true(gf_tag_valid("_x.Y-1"));
	assert_false(gf_tag_valid(""));
	assert_false(gf_tag_valid("a/b"));
	assert_true(gf_host_valid("a.example:5000", 14));
	assert_false(gf_host_valid("a.example/x", 11));
	assert_false(gf_host_valid("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_normalised_as_docker_does),
		cmocka_unit_test(other_texts_are_refused), cmocka_unit_test(the_longest_names_fit),
		cmocka_unit_test(loopback_is_exact), cmocka_unit_test(parts_are_checked_alone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
