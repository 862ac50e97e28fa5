#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"

#define OBJECT_MAX (1 * GF_MIB) /* one message of the answer */
#define REPORTED_MAX 10000

void gf_docker_loaded_clear(gf_docker_loaded *l)
{
	for (size_t i = 0; i < l->n_ids; i++)
		free(l->ids[i]);
	for (size_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	free(l->ids);
	free(l->names);
	memset(l, 0, sizeof *l);
}

/* ---- the answer ---- */

static bool load_failed(gf_error *err, const char *said)
{
	gf_error ignored;
	gf_buf shown;

	gf_buf_init(&shown, 2048);
	gf_text_escape(&shown, said, 700, &ignored);
	gf_fail(err, GF_FAILED, "docker-load", NULL, "the daemon could not load the image: %s",
	    shown.len > 0 ? gf_buf_text(&shown) : "it does not say why; see its log, and run again");
	gf_buf_clear(&shown);
	return false;
}

static bool append(char ***list, size_t *n, const char *text, size_t len, gf_error *err)
{
	size_t room = *n;
	char *copy;

	if (*n >= REPORTED_MAX)
		return gf_fail(
		    err, GF_FAILED, "docker-load", NULL, "the daemon reports more than %d images", REPORTED_MAX);
	copy = gf_strndup(text, len, err);
	if (copy == NULL || !gf_grow(list, &room, *n, sizeof **list, err)) {
		free(copy);
		return false;
	}
	(*list)[(*n)++] = copy;
	return true;
}

/* The ID of an image without a name, as podman 3 writes it: "@HEX". */
static bool is_bare_id(const char *text, size_t len, char id[GF_DIGEST_SIZE])
{
	char hex[GF_HEX_SIZE];
	gf_digest digest;

	if (len != GF_HEX_SIZE || *text != '@')
		return false;
	memcpy(hex, text + 1, len - 1);
	hex[len - 1] = '\0';
	if (!gf_digest_parse_hex(hex, &digest))
		return false;
	gf_digest_text(&digest, id);
	return true;
}

/* One of the items between commas: an ID, or a name. */
static bool take_item(const char *text, size_t len, bool id, gf_docker_loaded *out, gf_error *err)
{
	char full[GF_DIGEST_SIZE];

	while (len > 0 && *text == ' ') {
		text++;
		len--;
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len == 0)
		return true;
	if (id || (len == GF_DIGEST_SIZE - 1 && strncmp(text, "sha256:", 7) == 0))
		return append(&out->ids, &out->n_ids, text, len, err);
	if (is_bare_id(text, len, full))
		return append(&out->ids, &out->n_ids, full, strlen(full), err);
	return append(&out->names, &out->n_names, text, len, err);
}

static bool take_items(const char *text, size_t len, bool id, gf_docker_loaded *out, gf_error *err)
{
	bool ok = true;

	while (ok && len > 0) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma != NULL ? (size_t)(comma - text) : len;

		ok = take_item(text, n, id, out, err);
		n += comma != NULL;
		text += n;
		len -= n;
	}
	return ok;
}

static bool take_line(const char *line, size_t len, gf_docker_loaded *out, gf_error *err)
{
	static const char id[] = "Loaded image ID: ", name[] = "Loaded image: ", unpacking[] = "Error unpacking image";
	size_t n_id = sizeof id - 1, n_name = sizeof name - 1;

	if (len >= n_id && memcmp(line, id, n_id) == 0)
		return take_items(line + n_id, len - n_id, true, out, err);
	if (len >= n_name && memcmp(line, name, n_name) == 0)
		return take_items(line + n_name, len - n_name, false, out, err);
	/* A containerd store says so in plain text, behind "Loaded image". */
	if (len >= sizeof unpacking - 1 && memcmp(line, unpacking, sizeof unpacking - 1) == 0)
		return load_failed(err, line);
	return true;
}

static bool take_message(const char *text, size_t n, gf_docker_loaded *out, gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(text, n, OBJECT_MAX, GF_FAILED, "the daemon's answer", err);
	const char *said = NULL;
	gf_json root, detail;
	gf_error ignored;
	bool ok = doc != NULL;

	if (!ok) {
		gf_because(err, "loading");
		goto out;
	}
	root = gf_json_root(doc);
	detail = gf_json_get(root, "errorDetail");
	if (gf_json_typeof(detail) == GF_JSON_OBJECT || gf_json_typeof(gf_json_get(root, "error")) != GF_JSON_ABSENT) {
		if (!gf_json_string_if(detail, "message", &said, &ignored) || said == NULL)
			gf_json_string_if(root, "error", &said, &ignored);
		ok = load_failed(err, said != NULL ? said : "");
		goto out;
	}
	if (gf_json_typeof(gf_json_get(root, "stream")) != GF_JSON_STRING)
		goto out; /* progress */
	ok = gf_json_string(root, "stream", &said, err);
	while (ok && *said != '\0') {
		size_t len = strcspn(said, "\r\n");

		ok = take_line(said, len, out, err);
		said += len + strspn(said + len, "\r\n");
	}
out:
	gf_json_free(doc);
	return ok;
}

/* The length of the object that text begins with; 0: it does not end here. */
static size_t object_length(const char *text, size_t n)
{
	bool quoted = false;
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] == '{')
			depth++;
		else if (!quoted && text[i] == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

bool gf_docker_load_answer(const char *text, size_t n, gf_docker_loaded *out, gf_error *err)
{
	bool ok = true;

	while (ok && n > 0) {
		size_t len;

		if (memchr(" \t\r\n", text[0], 4) != NULL) {
			text++;
			n--;
			continue;
		}
		if (text[0] != '{') {
			gf_buf copy;

			gf_buf_init(&copy, OBJECT_MAX);
			ok = gf_buf_add(&copy, text, n < 2000 ? n : 2000, err);
			if (ok)
				ok = load_failed(err, gf_buf_text(&copy));
			gf_buf_clear(&copy);
			break;
		}
		len = object_length(text, n);
		if (len == 0)
			ok = gf_fail(err, GF_FAILED, "docker-load", NULL,
			    "the daemon's answer stops in the middle: did it end, or run out of memory? see its log, and run again");
		else
			ok = take_message(text, len, out, err);
		text += len;
		n -= len;
	}
	return ok;
}

/* ---- the load ---- */

typedef struct load {
	gf_output out;
	gf_docker *docker;
	gf_output *body;
	gf_response response;
	gf_docker_loaded *loaded;
} load;

/* What was sent, or the error of sending it: an answer that is there says more. */
static bool judge(load *l, bool sent, gf_error *err)
{
	const gf_response *r = &l->response;
	gf_error said;

	if (!sent && (r->status == 0 || strcmp(err->name, "http-answered") != 0))
		return gf_because(err, "loading into the daemon at %s", l->docker->at.shown);
	if (r->status != 200)
		return gf_docker_refused(l->docker, r, "docker-load", l->docker->at.shown, err);
	if (!gf_docker_load_answer(gf_buf_text(&r->body), r->body.len, l->loaded, &said)) {
		*err = said;
		return false;
	}
	return sent ||
	    gf_fail(err, GF_FAILED, "docker-load", l->docker->at.shown,
		"the daemon at %s answered before it had the whole image, and reports no error", l->docker->at.shown);
}

static bool load_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	load *l = (load *)out;

	return gf_output_write(l->body, bytes, n, err) || judge(l, false, err);
}

static bool load_finish(gf_output *out, gf_error *err)
{
	load *l = (load *)out;

	return judge(l, gf_output_finish(l->body, err), err);
}

static void load_close(gf_output *out)
{
	load *l = (load *)out;

	gf_output_close(l->body);
	gf_response_clear(&l->response);
	free(l);
}

gf_output *gf_docker_load(gf_docker *d, uint64_t size, gf_docker_loaded *out, gf_error *err)
{
	static const gf_output_ops ops = { load_write, load_finish, load_close };
	static const char *const headers[] = { "Content-Type: application/x-tar", NULL };
	gf_request q = { .method = "POST", .headers = headers, .patient = true };
	load *l = gf_alloc(1, sizeof *l, err);
	char *url = NULL;

	memset(out, 0, sizeof *out);
	if (l == NULL)
		return NULL;
	l->out.ops = &ops;
	l->docker = d;
	l->loaded = out;
	gf_response_init(&l->response);
	url = gf_docker_url(d, err, "/images/load?quiet=1");
	q.url = url;
	l->body = url != NULL ? gf_http_send(d->http, &q, size, &l->response, err) : NULL;
	free(url);
	if (l->body == NULL) {
		load_close(&l->out);
		return NULL;
	}
	return &l->out;
}
