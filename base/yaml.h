/*
 * yaml: what people write, read by libyaml's events into the documents of base/json.
 *
 * Refused ("yaml"): anchors, aliases, tags, duplicate keys, more than one document, keys
 * that are not plain text, depth above GF_YAML_DEPTH.  Scalars are text; gf_json_u64 and
 * gf_json_bool_if read plain digits and true/false of them.  Class: GF_USAGE, with line and column.
 */
#ifndef GF_BASE_YAML_H
#define GF_BASE_YAML_H

#include "base/json.h"

gf_json_doc *gf_yaml_parse(const void *text, size_t len, const char *name, gf_error *err);

#endif
