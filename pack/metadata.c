/* metadata: the allow-list.  Variables that are not named here are never read, whatever they hold. */
#include "pack/metadata.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What is written into a signed file stays one line of printable text. */
#define VALUE_MAX 2048

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL || *value == '\0' || strlen(value) > VALUE_MAX)
		return NULL;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	return value;
}

char *gf_url_without_user(const char *url, gf_error *err)
{
	const char *host = strstr(url, "://");
	size_t authority, user = 0, front;
	char *out;

	if (host == NULL)
		return gf_strdup(url, err);
	host += 3;
	front = (size_t)(host - url);
	authority = strcspn(host, "/?#");
	for (size_t i = 0; i < authority; i++)
		if (host[i] == '@')
			user = i + 1;
	out = gf_strdup(url, err);
	if (out != NULL)
		memmove(out + front, url + front + user, strlen(url) - front - user + 1);
	return out;
}

/* ---- the build systems ---- */

/* A member of gf_build, and what it is: text with variables ("$NAME") in it, each of which must be set. */
typedef struct taken {
	size_t member;
	const char *from;
} taken;

#define M(name) offsetof(gf_build, name)
#define TAKEN_MAX 16

/*
 * What each system documents; of two rows for one member the first that can be filled counts.  No variable that may
 * carry a secret (CI_REPOSITORY_URL has the job's token), none that a commit's author sets.
 */
typedef struct build_system {
	const char *name;
	const char *marks[3]; /* one of them is set: this is the system */
	const char *rising;   /* the number that rises with every build (FORMAT.md 2) */
	taken rows[TAKEN_MAX];
} build_system;

static const build_system systems[] = {
	/* learn.microsoft.com/azure/devops/pipelines/build/variables */
	{ "azure-pipelines", { "TF_BUILD" }, "BUILD_BUILDID",
	    { { M(id), "$BUILD_BUILDID" }, { M(number), "$BUILD_BUILDNUMBER" },
		{ M(url), "$SYSTEM_COLLECTIONURI/$SYSTEM_TEAMPROJECT/_build/results?buildId=$BUILD_BUILDID" },
		{ M(repository), "$BUILD_REPOSITORY_URI" }, { M(repository), "$BUILD_REPOSITORY_NAME" },
		{ M(revision), "$BUILD_SOURCEVERSION" }, { M(ref), "$BUILD_SOURCEBRANCH" },
		{ M(definition), "$BUILD_DEFINITIONNAME" }, { M(requester), "$BUILD_REQUESTEDFOR" },
		{ M(collection), "$SYSTEM_COLLECTIONURI" } } },
	/* docs.github.com/actions/reference/workflows-and-actions/variables; the number is that of the workflow, and a
	 * re-run keeps it */
	{ "github-actions", { "GITHUB_ACTIONS" }, "GITHUB_RUN_NUMBER",
	    { { M(id), "$GITHUB_RUN_ID" }, { M(number), "$GITHUB_RUN_NUMBER" },
		{ M(url), "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID" },
		{ M(repository), "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY" }, { M(revision), "$GITHUB_SHA" },
		{ M(ref), "$GITHUB_REF" }, { M(definition), "$GITHUB_WORKFLOW" },
		{ M(requester), "$GITHUB_TRIGGERING_ACTOR" }, { M(requester), "$GITHUB_ACTOR" } } },
	/* docs.gitlab.com/ci/variables/predefined_variables; the number is that of the project */
	{ "gitlab-ci", { "GITLAB_CI" }, "CI_PIPELINE_IID",
	    { { M(id), "$CI_PIPELINE_ID" }, { M(number), "$CI_PIPELINE_IID" }, { M(url), "$CI_PIPELINE_URL" },
		{ M(repository), "$CI_PROJECT_URL" }, { M(revision), "$CI_COMMIT_SHA" },
		{ M(ref), "refs/tags/$CI_COMMIT_TAG" }, { M(ref), "refs/heads/$CI_COMMIT_BRANCH" },
		{ M(ref), "$CI_MERGE_REQUEST_REF_PATH" }, { M(definition), "$CI_CONFIG_PATH" },
		{ M(requester), "$GITLAB_USER_LOGIN" } } },
	/* support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets; a re-run has a number of its own; it names no
	 * URL of the build, and of the person only a UUID */
	{ "bitbucket-pipelines", { "BITBUCKET_BUILD_NUMBER" }, "BITBUCKET_BUILD_NUMBER",
	    { { M(id), "$BITBUCKET_BUILD_NUMBER" }, { M(number), "$BITBUCKET_BUILD_NUMBER" },
		{ M(repository), "$BITBUCKET_GIT_HTTP_ORIGIN" }, { M(repository), "$BITBUCKET_REPO_FULL_NAME" },
		{ M(revision), "$BITBUCKET_COMMIT" }, { M(ref), "refs/tags/$BITBUCKET_TAG" },
		{ M(ref), "refs/heads/$BITBUCKET_BRANCH" }, { M(definition), "$BITBUCKET_REPO_FULL_NAME" },
		{ M(requester), "$BITBUCKET_STEP_TRIGGERER_UUID" } } },
	/* buildkite.com/docs/pipelines/configure/environment-variables; BUILDKITE_COMMIT may be "HEAD" */
	{ "buildkite", { "BUILDKITE" }, "BUILDKITE_BUILD_NUMBER",
	    { { M(id), "$BUILDKITE_BUILD_ID" }, { M(number), "$BUILDKITE_BUILD_NUMBER" },
		{ M(url), "$BUILDKITE_BUILD_URL" }, { M(repository), "$BUILDKITE_REPO" },
		{ M(revision), "$BUILDKITE_COMMIT" }, { M(ref), "refs/tags/$BUILDKITE_TAG" },
		{ M(ref), "refs/heads/$BUILDKITE_BRANCH" }, { M(definition), "$BUILDKITE_PIPELINE_SLUG" },
		{ M(requester), "$BUILDKITE_BUILD_CREATOR" } } },
	/* jenkins.io/doc/book/pipeline/jenkinsfile, and JENKINS/env-vars.html of every controller; GIT_* are the git
	 * plugin's (GIT_BRANCH is "origin/main"); last, since others run below it */
	{ "jenkins", { "JENKINS_URL", "JENKINS_HOME" }, "BUILD_NUMBER",
	    { { M(id), "$BUILD_ID" }, { M(number), "$BUILD_NUMBER" }, { M(url), "$BUILD_URL" },
		{ M(repository), "$GIT_URL" }, { M(revision), "$GIT_COMMIT" }, { M(ref), "$GIT_BRANCH" },
		{ M(definition), "$JOB_NAME" } } },
};
#define SYSTEMS (sizeof systems / sizeof *systems)

static const build_system *find_system(void)
{
	for (size_t i = 0; i < SYSTEMS; i++)
		for (const char *const *mark = systems[i].marks; *mark != NULL; mark++)
			if (variable(*mark) != NULL)
				return &systems[i];
	return NULL;
}

/* Percent-encode what the name of a project may hold. */
static bool add_encoded(gf_buf *out, const char *text, gf_error *err)
{
	bool ok = true;

	for (; ok && *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~/", c) != NULL)
			ok = gf_buf_add(out, &c, 1, err);
		else
			ok = gf_buf_printf(out, err, "%%%02X", c);
	}
	return ok;
}

/* The value of the variable whose name from begins with; *n: bytes of the name. */
static const char *named(const char *from, size_t *n)
{
	char name[64];

	*n = strspn(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	if (*n >= sizeof name)
		return NULL;
	memcpy(name, from, *n);
	name[*n] = '\0';
	return variable(name);
}

/* from filled in; *all is false where a variable is not set.  What follows the first piece of a URL is a path. */
static bool fill(const char *from, gf_buf *out, bool *all, gf_error *err)
{
	bool ok = true, url;

	*all = true;
	while (ok && *from != '\0') {
		size_t n = strcspn(from, "$");

		/* "$COLLECTION/...": the collection ends in a slash of its own. */
		if (n > 0 && *from == '/' && gf_ends_with(gf_buf_text(out), "/"))
			from++, n--;
		ok = gf_buf_add(out, from, n, err);
		from += n;
		if (!ok || *from == '\0')
			break;
		url = strstr(gf_buf_text(out), "://") != NULL;
		const char *value = named(++from, &n);
		from += n;
		if (value == NULL) {
			*all = false;
			break;
		}
		ok = url ? add_encoded(out, value, err) : gf_buf_puts(out, value, err);
	}
	return ok;
}

static char **member(gf_build *b, size_t offset)
{
	return (char **)(void *)((char *)b + offset);
}

static bool read_system(const build_system *s, gf_build *b, gf_error *err)
{
	bool ok = (b->system = gf_strdup(s->name, err)) != NULL, all;
	gf_buf text;

	gf_buf_init(&text, (size_t)8 * VALUE_MAX);
	for (const taken *t = s->rows; ok && t->from != NULL; t++) {
		char **to = member(b, t->member);

		gf_buf_clear(&text);
		ok = *to != NULL || fill(t->from, &text, &all, err);
		if (ok && *to == NULL && all)
			ok = (*to = gf_url_without_user(gf_buf_text(&text), err)) != NULL;
	}
	gf_buf_clear(&text);
	return ok;
}

/* Where the system names no commit, the checkout around the working directory does. */
static bool add_checkout(gf_build *b, gf_error *err)
{
	static const size_t members[] = { M(revision), M(ref), M(repository) };
	gf_build git = { 0 };
	bool ok = gf_git_read(".", &git, err);

	for (size_t i = 0; ok && i < sizeof members / sizeof *members; i++) {
		char **to = member(b, members[i]), **from = member(&git, members[i]);

		if (*to == NULL) {
			*to = *from;
			*from = NULL;
		}
	}
	gf_build_clear(&git);
	return ok;
}

bool gf_metadata_rising(uint64_t max, const char **name, uint64_t *number)
{
	const build_system *s = find_system();
	const char *value = s != NULL ? variable(s->rising) : NULL;

	*name = s != NULL ? s->rising : NULL;
	return value != NULL && gf_u64_parse(value, max, number) && *number > 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const gf_label *)a)->key, ((const gf_label *)b)->key);
}

static bool add_labels(const gf_pack_options *o, gf_build *b, gf_error *err)
{
	if (o->n_labels == 0)
		return true;
	b->labels = gf_alloc(o->n_labels, sizeof *b->labels, err);
	if (b->labels == NULL)
		return false;
	for (size_t i = 0; i < o->n_labels; i++) {
		gf_label *l = &b->labels[b->n_labels++];
		l->key = gf_strdup(o->labels[i].key, err);
		l->value = gf_strdup(o->labels[i].value, err);
		if (l->key == NULL || l->value == NULL)
			return false;
		if (l->key[0] == '\0')
			return gf_fail(err, GF_USAGE, "label", NULL, "a label has no key: write --label key=value");
	}
	qsort(b->labels, b->n_labels, sizeof *b->labels, by_key);
	for (size_t i = 1; i < b->n_labels; i++)
		if (strcmp(b->labels[i - 1].key, b->labels[i].key) == 0)
			return gf_fail(
			    err, GF_USAGE, "label", b->labels[i].key, "label '%s' is given twice", b->labels[i].key);
	return true;
}

bool gf_metadata_read(const gf_pack_options *o, gf_build *out, gf_error *err)
{
	const build_system *system = find_system();
	bool ok;

	*out = (gf_build){ 0 };
	ok = system != NULL ? read_system(system, out, err) : gf_git_read(".", out, err);
	if (ok && system != NULL && out->revision == NULL)
		ok = add_checkout(out, err);
	if (ok && o->build_id != NULL) {
		free(out->id);
		ok = (out->id = gf_strdup(o->build_id, err)) != NULL;
	}
	return ok && add_labels(o, out, err);
}
