/*
 * v1: the config of an image that Docker 1.9 or older saved.
 *
 * Such an image has no config: each of its layers has a text of its own ("ID/json").  Docker 1.10 to 28 makes a config of
 * them when it loads the archive, and the image ID is its digest; so it is made here byte for byte as Docker 20.10 does,
 * with the escapes, times and empty members that Go's encoding/json leaves and drops.  (Docker 26 puts "author" behind
 * "created_by", and so gives another ID where both are there.)
 * Sources: moby image/v1/imagev1.go (MakeConfigFromV1Config, HistoryFromConfig), image/image.go (V1Image),
 * api/types/container/config.go, image/tarexport/load.go (legacyLoadImage).
 */
#ifndef GF_PACK_V1_H
#define GF_PACK_V1_H

#include "base/base.h"

/* The entry of history that a layer's text gives, appended to out.  A member of a wrong type: "json-type"; a time that is
 * none: "legacy-time". */
bool gf_v1_history(gf_json text, gf_buf *out, gf_error *err);

/* From the text of the topmost layer (root is its document), and rootfs and history as JSON.  out is empty.  What Docker
 * did not have before it had configs: "legacy-config". */
bool gf_v1_config(
    const gf_buf *text, gf_json root, const gf_buf *rootfs, const gf_buf *history, gf_buf *out, gf_error *err);

#endif
