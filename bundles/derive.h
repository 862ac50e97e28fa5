/* derive: what compare.c and derive.c share. */
#ifndef GF_BUNDLES_DERIVE_H
#define GF_BUNDLES_DERIVE_H

#include "bundles/bundles.h"

/* The platform that `load` of an image names, or NULL: the first runnable one of that text. */
const gf_platform *gf_tree_load(const gf_tree *tree, const char *load);

#endif
