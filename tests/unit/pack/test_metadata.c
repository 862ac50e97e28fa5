/* metadata: the allow-lists of the build systems, a git checkout, and what must never come along. */
#include "common.h"
#include "pack/metadata.h"

/* The build system that runs these tests is none of theirs. */
static void clear_environment(void)
{
	static const char *const names[] = { "TF_BUILD", "BUILD_BUILDID", "BUILD_BUILDNUMBER", "BUILD_SOURCEVERSION",
		"BUILD_SOURCEBRANCH", "BUILD_REPOSITORY_URI", "BUILD_REPOSITORY_NAME", "BUILD_DEFINITIONNAME",
		"BUILD_REQUESTEDFOR", "SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "GITHUB_ACTIONS",
		"GITHUB_RUN_NUMBER", "GITLAB_CI", "CI_PIPELINE_IID", "CI_COMMIT_TAG", "BITBUCKET_BUILD_NUMBER",
		"BUILDKITE", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_TAG", "JENKINS_URL", "JENKINS_HOME", "BUILD_NUMBER",
		"GIT_COMMIT" };

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

/* What a build system sets, "NAME=VALUE"; what of it is wanted, in the order of the manifest. */
typedef struct sample {
	const char *set[16];
	const char *want[9]; /* system id number url repository revision ref definition requester */
	const char *rising;
	uint64_t number;
} sample;

static void check_sample(const sample *s)
{
	gf_pack_options o = { 0 };
	gf_error err = { 0 };
	gf_build b;
	char names[16][64];
	const char *rising;
	uint64_t number = 0;

	for (size_t i = 0; s->set[i] != NULL; i++) {
		size_t n = strcspn(s->set[i], "=");

		(void)snprintf(names[i], sizeof names[i], "%.*s", (int)n, s->set[i]);
		setenv(names[i], s->set[i] + n + 1, 1);
	}
	assert_true(gf_metadata_read(&o, &b, &err));
	{
		const char *const found[] = { b.system, b.id, b.number, b.url, b.repository, b.revision, b.ref,
			b.definition, b.requester };

		for (size_t i = 0; i < 9; i++)
			if (s->want[i] == NULL)
				assert_null(found[i]);
			else
				assert_string_equal(found[i] != NULL ? found[i] : "(nothing)", s->want[i]);
	}
	assert_true(gf_metadata_rising((uint64_t)1 << 53, &rising, &number));
	assert_string_equal(rising, s->rising);
	assert_int_equal(number, s->number);
	gf_build_clear(&b);
	for (size_t i = 0; s->set[i] != NULL; i++)
		unsetenv(names[i]);
}

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void systems(void **state)
{
	static const sample samples[] = {
		{ { "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=1658821493", "GITHUB_RUN_NUMBER=31",
		      "GITHUB_SERVER_URL=https://github.example", "GITHUB_REPOSITORY=acme/shop", "GITHUB_SHA=" COMMIT,
		      "GITHUB_REF=refs/heads/main", "GITHUB_WORKFLOW=release", "GITHUB_ACTOR=octocat",
		      "GITHUB_TRIGGERING_ACTOR=hubot", "GITHUB_TOKEN=t0ken" },
		    { "github-actions", "1658821493", "31", "https://github.example/acme/shop/actions/runs/1658821493",
			"https://github.example/acme/shop", COMMIT, "refs/heads/main", "release", "hubot" },
		    "GITHUB_RUN_NUMBER", 31 },
		{ { "GITLAB_CI=true", "CI_PIPELINE_ID=90210", "CI_PIPELINE_IID=77",
		      "CI_PIPELINE_URL=https://gitlab.example/acme/shop/-/pipelines/90210",
		      "CI_PROJECT_URL=https://gitlab.example/acme/shop", "CI_COMMIT_SHA=" COMMIT,
		      "CI_COMMIT_BRANCH=main", "CI_CONFIG_PATH=.gitlab-ci.yml", "GITLAB_USER_LOGIN=jane",
		      "CI_REPOSITORY_URL=https://gitlab-ci-token:t0ken@gitlab.example/acme/shop.git" },
		    { "gitlab-ci", "90210", "77", "https://gitlab.example/acme/shop/-/pipelines/90210",
			"https://gitlab.example/acme/shop", COMMIT, "refs/heads/main", ".gitlab-ci.yml", "jane" },
		    "CI_PIPELINE_IID", 77 },
		{ { "GITLAB_CI=true", "CI_PIPELINE_ID=90211", "CI_PIPELINE_IID=78", "CI_COMMIT_SHA=" COMMIT,
		      "CI_COMMIT_TAG=v1.4.0" },
		    { "gitlab-ci", "90211", "78", NULL, NULL, COMMIT, "refs/tags/v1.4.0", NULL, NULL },
		    "CI_PIPELINE_IID", 78 },
		{ { "BITBUCKET_BUILD_NUMBER=812", "BITBUCKET_GIT_HTTP_ORIGIN=http://u:p@bitbucket.example/acme/shop",
		      "BITBUCKET_REPO_FULL_NAME=acme/shop", "BITBUCKET_COMMIT=" COMMIT, "BITBUCKET_BRANCH=main",
		      "BITBUCKET_STEP_TRIGGERER_UUID={1}" },
		    { "bitbucket-pipelines", "812", "812", NULL, "http://bitbucket.example/acme/shop", COMMIT,
			"refs/heads/main", "acme/shop", "{1}" },
		    "BITBUCKET_BUILD_NUMBER", 812 },
		{ { "BUILDKITE=true", "BUILDKITE_BUILD_ID=4735ba57-80d0-46e2-8fa0-b28223a86586",
		      "BUILDKITE_BUILD_NUMBER=1514",
		      "BUILDKITE_BUILD_URL=https://buildkite.example/acme/shop/builds/1514",
		      "BUILDKITE_REPO=git@git.example:acme/shop.git", "BUILDKITE_COMMIT=" COMMIT,
		      "BUILDKITE_BRANCH=main", "BUILDKITE_TAG=v2", "BUILDKITE_PIPELINE_SLUG=shop",
		      "BUILDKITE_BUILD_CREATOR=Jane Doe", "BUILDKITE_AGENT_ACCESS_TOKEN=t0ken" },
		    { "buildkite", "4735ba57-80d0-46e2-8fa0-b28223a86586", "1514",
			"https://buildkite.example/acme/shop/builds/1514", "git@git.example:acme/shop.git", COMMIT,
			"refs/tags/v2", "shop", "Jane Doe" },
		    "BUILDKITE_BUILD_NUMBER", 1514 },
		{ { "JENKINS_URL=https://ci.example/jenkins/", "BUILD_ID=153", "BUILD_NUMBER=153",
		      "BUILD_URL=https://ci.example/jenkins/job/shop/153/", "JOB_NAME=shop/main",
		      "GIT_URL=https://me:pw@git.example/shop.git", "GIT_COMMIT=" COMMIT, "GIT_BRANCH=origin/main" },
		    { "jenkins", "153", "153", "https://ci.example/jenkins/job/shop/153/",
			"https://git.example/shop.git", COMMIT, "origin/main", "shop/main", NULL },
		    "BUILD_NUMBER", 153 },
	};

	(void)state;
	clear_environment();
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		check_sample(&samples[i]);
}

/* A number is taken of the system that runs, and only where it is one. */
static void rising(void **state)
{
	const char *name;
	uint64_t number;

	(void)state;
	clear_environment();
	setenv("CI_PIPELINE_IID", "77", 1);
	assert_false(gf_metadata_rising(100, &name, &number));
	assert_null(name);
	setenv("GITLAB_CI", "true", 1);
	assert_true(gf_metadata_rising(100, &name, &number));
	assert_int_equal(number, 77);
	setenv("CI_PIPELINE_IID", "0", 1);
	assert_false(gf_metadata_rising(100, &name, &number));
	assert_string_equal(name, "CI_PIPELINE_IID");
	setenv("CI_PIPELINE_IID", "101", 1);
	assert_false(gf_metadata_rising(100, &name, &number));
	setenv("CI_PIPELINE_IID", "7x", 1);
	assert_false(gf_metadata_rising(100, &name, &number));
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
	/* A build system that names no commit: that of the checkout. */
	setenv("JENKINS_URL", "https://ci.example/", 1);
	setenv("BUILD_NUMBER", "9", 1);
	assert_int_equal(chdir("side"), 0);
	assert_true(gf_metadata_read(&(gf_pack_options){ 0 }, &b, &err));
	assert_int_equal(chdir(".."), 0);
	assert_string_equal(b.system, "jenkins");
	assert_string_equal(b.revision, "0000000000000000000000000000000000000001");
	assert_string_equal(b.repository, "https://git.example/shop.git");
	gf_build_clear(&b);
	clear_environment();
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
		cmocka_unit_test(systems),
		cmocka_unit_test(rising),
		cmocka_unit_test(labels),
		cmocka_unit_test(credentials_are_cut),
		cmocka_unit_test(git),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
