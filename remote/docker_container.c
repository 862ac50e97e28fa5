#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"

void gf_docker_container_clear(gf_docker_container *c)
{
	free(c->id);
	free(c->name);
	free(c->image_id);
	free(c->image);
	memset(c, 0, sizeof *c);
}

static bool read_container(gf_json root, gf_docker_container *out, gf_error *err)
{
	const char *id, *name, *image_id, *image = "";
	char text[GF_DIGEST_SIZE];

	if (!gf_json_string(root, "Id", &id, err) || !gf_json_string(root, "Name", &name, err) ||
	    !gf_json_string(root, "Image", &image_id, err) ||
	    !gf_json_string_if(gf_json_get(root, "Config"), "Image", &image, err))
		return false;
	/* podman leaves the algorithm out. */
	if (strchr(image_id, ':') == NULL) {
		(void)snprintf(text, sizeof text, "sha256:%.64s", image_id);
		image_id = text;
	}
	out->id = gf_strdup(id, err);
	out->name = gf_strdup(name[0] == '/' ? name + 1 : name, err);
	out->image_id = gf_strdup(image_id, err);
	out->image = gf_strdup(image, err);
	return out->id != NULL && out->name != NULL && out->image_id != NULL && out->image != NULL;
}

bool gf_docker_container_find(gf_docker *d, const char *reference, bool *found, gf_docker_container *out, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_buf name;
	bool ok;

	memset(out, 0, sizeof *out);
	gf_buf_init(&name, 3 * GF_REFERENCE_SIZE);
	ok = gf_url_escape(&name, reference, "", err) &&
	    gf_docker_look(d, gf_docker_url(d, err, "/containers/%s/json", gf_buf_text(&name)), reference, &doc, err) &&
	    (doc == NULL || read_container(gf_json_root(doc), out, err));
	*found = ok && doc != NULL;
	if (!ok)
		gf_docker_container_clear(out);
	gf_json_free(doc);
	gf_buf_clear(&name);
	return ok;
}
