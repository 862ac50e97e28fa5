/* metadata: the allow-list of Azure Pipelines, a git checkout, and what must never come along. */
#include "common.h"
#include "pack/metadata.h"

static void clear_environment(void)
{
	static const char *const names[] = { "TF_BUILD", "BUILD_BUILDID", "BUILD_BUILDNUMBER", "BUILD_SOURCEVERSION",
		"BUILD_SOURCEBRANCH", "BUILD_REPOSITORY_URI", "BUILD_REPOSITORY_NAME", "BUILD_DEFINITIONNAME",
		"BUILD_REQUESTEDFOR", "SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

static void azure(void **state)
{
	gf_pack_options o = { 0 };
	gf_error err = { 0 };
	gf_build b;

	(void)state;
	clear_environment();
	setenv("TF_BUILD", "True", 1);
	setenv("BUILD_BUILDID", "4711", 1);
	setenv("BUILD_BUILDNUMBER", "20261123.4", 1);
	setenv("BUILD_SOURCEVERSION", "0123456789abcdef0123456789abcdef01234567", 1);
	setenv("BUILD_SOURCEBRANCH", "refs/heads/main", 1);
	setenv("BUILD_REPOSITORY_URI", "https://builder:s3cret@dev.example/team/_git/shop", 1);
	setenv("BUILD_DEFINITIONNAME", "shop release", 1);
	setenv("BUILD_REQUESTEDFOR", "A Person", 1);
	setenv("SYSTEM_COLLECTIONURI", "https://dev.example/team/", 1);
	setenv("SYSTEM_TEAMPROJECT", "Web Shop", 1);
	setenv("SYSTEM_ACCESSTOKEN", "t0ken", 1);
	assert_true(gf_metadata_read(&o, &b, &err));
	assert_string_equal(b.system, "azure-pipelines");
	assert_string_equal(b.id, "4711");
	assert_string_equal(b.number, "20261123.4");
	assert_string_equal(b.revision, "0123456789abcdef0123456789abcdef01234567");
	assert_string_equal(b.ref, "refs/heads/main");
	assert_string_equal(b.repository, "https://dev.example/team/_git/shop");
	assert_string_equal(b.definition, "shop release");
	assert_string_equal(b.requester, "A Person");
	assert_string_equal(b.collection, "https://dev.example/team/");
	assert_string_equal(b.url, "https://dev.example/team/Web%20Shop/_build/results?buildId=4711");
	gf_build_clear(&b);
	/* --build-id wins; the name of the repository stands in for its URI; a line feed is no value. */
	o.build_id = "mine";
	unsetenv("BUILD_REPOSITORY_URI");
	setenv("BUILD_REPOSITORY_NAME", "shop", 1);
	setenv("BUILD_REQUESTEDFOR", "two\nlines", 1);
	assert_true(gf_metadata_read(&o, &b, &err));
	assert_string_equal(b.id, "mine");
	assert_string_equal(b.repository, "shop");
	assert_null(b.requester);
	gf_build_clear(&b);
	clear_environment();
}

static void labels(void **state)
{
	gf_label given[] = { { (char *)"ticket", (char *)"OPS-1" }, { (char *)"area", (char *)"shop" } };
	gf_label twice[] = { { (char *)"a", (char *)"1" }, { (char *)"a", (char *)"2" } };
	gf_pack_options o = { .labels = given, .n_labels = 2 };
	gf_error err = { 0 };
	gf_build b;

	(void)state;
	clear_environment();
	assert_true(gf_metadata_read(&o, &b, &err));
	assert_int_equal(b.n_labels, 2);
	assert_string_equal(b.labels[0].key, "area");
	assert_string_equal(b.labels[1].value, "OPS-1");
	gf_build_clear(&b);
	o.labels = twice;
	assert_false(gf_metadata_read(&o, &b, &err));
	assert_string_equal(err.name, "label");
	gf_build_clear(&b);
}

static void url_of(const char *in, const char *want)
{
	gf_error err = { 0 };
	char *out = gf_url_without_user(in, &err);

	assert_string_equal(out, want);
	free(out);
}

static void credentials_are_cut(void **state)
{
	(void)state;
	url_of("https://u:p@host/x", "https://host/x");
	url_of("https://u:p@ss@host:8443/x@y?z@w", "https://host:8443/x@y?z@w");
	url_of("https://token@host", "https://host");
	url_of("https://host/a@b", "https://host/a@b");
	url_of("git@host:team/shop.git", "git@host:team/shop.git");
}

static void make_dir(const char *path)
{
	gf_error err;

	assert_true(gf_dir_make(path, 0700, &err));
}

#define REV "89abcdef0123456789abcdef0123456789abcdef"

static void git(void **state)
{
	static const char config[] =
	    "[core]\n\tbare = false\n[remote \"other\"]\n\turl = https://no.example/\n"
	    "[remote \"origin\"]\n\tfetch = +refs/heads/*\n\turl = https://me:pw@git.example/shop.git\n";
	gf_error err = { 0 };
	gf_build b = { 0 };

	(void)state;
	make_dir("work/.git/refs/heads");
	make_dir("work/deep/down");
	put("work/.git/HEAD", "ref: refs/heads/main\n", 21);
	put("work/.git/refs/heads/main", REV "\n", 41);
	put("work/.git/config", config, sizeof config - 1);
	assert_true(gf_git_read("work/deep/down", &b, &err));
	assert_string_equal(b.system, "git");
	assert_string_equal(b.revision, REV);
	assert_string_equal(b.ref, "refs/heads/main");
	assert_string_equal(b.repository, "https://git.example/shop.git");
	gf_build_clear(&b);
	/* Packed refs, and a linked worktree with a detached HEAD. */
	assert_int_equal(unlink("work/.git/refs/heads/main"), 0);
	put("work/.git/packed-refs", "# pack-refs with: peeled\n" REV " refs/heads/main\n", 25 + 41 + 16);
	assert_true(gf_git_read("work", &b, &err));
	assert_string_equal(b.revision, REV);
	gf_build_clear(&b);
	make_dir("work/.git/worktrees/side");
	make_dir("side");
	put("side/.git", "gitdir: ../work/.git/worktrees/side\n", 36);
	put("work/.git/worktrees/side/HEAD", "0000000000000000000000000000000000000001\n", 41);
	put("work/.git/worktrees/side/commondir", "../..\n", 6);
	assert_true(gf_git_read("side", &b, &err));
	assert_string_equal(b.revision, "0000000000000000000000000000000000000001");
	assert_null(b.ref);
	assert_string_equal(b.repository, "https://git.example/shop.git");
	gf_build_clear(&b);
	/* No commit yet: nothing is said. */
	make_dir("new/.git");
	put("new/.git/HEAD", "ref: refs/heads/main\n", 21);
	assert_true(gf_git_read("new", &b, &err));
	assert_null(b.system);
	gf_build_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(azure),
		cmocka_unit_test(labels),
		cmocka_unit_test(credentials_are_cut),
		cmocka_unit_test(git),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
