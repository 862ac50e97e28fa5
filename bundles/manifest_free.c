#include <stdlib.h>

#include "bundles/bundles.h"

void gf_build_clear(gf_build *b)
{
	free(b->system);
	free(b->id);
	free(b->number);
	free(b->url);
	free(b->repository);
	free(b->revision);
	free(b->ref);
	free(b->definition);
	free(b->requester);
	free(b->collection);
	for (size_t i = 0; i < b->n_labels; i++) {
		free(b->labels[i].key);
		free(b->labels[i].value);
	}
	free(b->labels);
	*b = (gf_build){ 0 };
}

static void free_image(gf_image *image)
{
	for (size_t i = 0; i < image->n_names; i++)
		free(image->names[i]);
	free(image->names);
	free(image->source);
	free(image->media_type);
	free(image->load);
	for (size_t i = 0; i < image->n_platforms; i++)
		free(image->platforms[i].platform);
	free(image->platforms);
	free(image->evidence);
}

void gf_manifest_free(gf_manifest *m)
{
	if (m == NULL)
		return;
	free(m->stream);
	free(m->version);
	for (size_t i = 0; i < m->n_audience; i++)
		free(m->audience[i]);
	free(m->audience);
	gf_build_clear(&m->build);
	free(m->packer_version);
	free(m->compressor);
	for (size_t i = 0; i < m->n_images; i++)
		free_image(&m->images[i]);
	free(m->images);
	free(m->blobs);
	free(m);
}
