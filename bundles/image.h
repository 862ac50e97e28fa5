/* image: what the graph sees of image.c beside the public functions. */
#ifndef GF_BUNDLES_IMAGE_H
#define GF_BUNDLES_IMAGE_H

#include "bundles/bundles.h"

bool gf_is_image_config(const char *media_type); /* the config of a runnable image, both families */

#endif
