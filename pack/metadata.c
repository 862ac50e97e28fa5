/* metadata: the allow-list.  Variables that are not named here are never read, whatever they hold. */
#include "pack/metadata.h"

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

/* A variable into a member; not set: the member stays NULL. */
static bool take(const char *name, char **out, gf_error *err)
{
	const char *value = variable(name);

	if (value == NULL || *out != NULL)
		return true;
	*out = gf_url_without_user(value, err);
	return *out != NULL;
}

/* Percent-encode what a project's name may hold. */
static bool add_encoded(gf_buf *out, const char *text, gf_error *err)
{
	bool ok = true;

	for (; ok && *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c) != NULL)
			ok = gf_buf_add(out, &c, 1, err);
		else
			ok = gf_buf_printf(out, err, "%%%02X", c);
	}
	return ok;
}

/* COLLECTION + PROJECT + /_build/results?buildId=ID, where all three are known. */
static bool make_url(gf_build *b, gf_error *err)
{
	const char *project = variable("SYSTEM_TEAMPROJECT"), *id = variable("BUILD_BUILDID");
	gf_buf url;
	bool ok;

	if (b->collection == NULL || project == NULL || id == NULL)
		return true;
	gf_buf_init(&url, 4 * VALUE_MAX);
	ok = gf_buf_puts(&url, b->collection, err) &&
	    (gf_ends_with(b->collection, "/") || gf_buf_puts(&url, "/", err)) && add_encoded(&url, project, err) &&
	    gf_buf_puts(&url, "/_build/results?buildId=", err) && add_encoded(&url, id, err) &&
	    (b->url = gf_strdup(gf_buf_text(&url), err)) != NULL;
	gf_buf_clear(&url);
	return ok;
}

static bool read_azure(gf_build *b, gf_error *err)
{
	b->system = gf_strdup("azure-pipelines", err);
	return b->system != NULL && take("BUILD_BUILDID", &b->id, err) && take("BUILD_BUILDNUMBER", &b->number, err) &&
	    take("BUILD_SOURCEVERSION", &b->revision, err) && take("BUILD_SOURCEBRANCH", &b->ref, err) &&
	    take("BUILD_REPOSITORY_URI", &b->repository, err) && take("BUILD_REPOSITORY_NAME", &b->repository, err) &&
	    take("BUILD_DEFINITIONNAME", &b->definition, err) && take("BUILD_REQUESTEDFOR", &b->requester, err) &&
	    take("SYSTEM_COLLECTIONURI", &b->collection, err) && make_url(b, err);
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
	bool ok;

	*out = (gf_build){ 0 };
	ok = variable("TF_BUILD") != NULL ? read_azure(out, err) : gf_git_read(".", out, err);
	if (ok && o->build_id != NULL) {
		free(out->id);
		ok = (out->id = gf_strdup(o->build_id, err)) != NULL;
	}
	return ok && add_labels(o, out, err);
}
