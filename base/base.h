/*
 * base: what every room stands on, and which stands on nothing of ours.
 *
 * Errors, buffers, hashing, byte streams, strict JSON and YAML, durable files,
 * threads, progress events, time, text, secrets, child processes.  A file enters
 * base only when two rooms need it and it knows no word of the design (bundle,
 * image, environment).  Other rooms include this header alone.
 *
 * Life-cycle verbs mean the same everywhere:
 *   _init/_clear   the caller's struct; _clear frees what is inside and leaves it usable
 *   _open/_close   an opaque handle on something outside; _close(NULL) does nothing
 *   _new/_free     an opaque handle in memory; _free(NULL) does nothing
 *   _parse/_print  bytes to struct and back
 *   _commit        the one call after which something is visible outside
 */
#ifndef GF_BASE_BASE_H
#define GF_BASE_BASE_H

#include "base/error.h"
#include "base/limits.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/io.h"
#include "base/gzip.h"
#include "base/zstd.h"
#include "base/json.h"
#include "base/yaml.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/event.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/secret.h"
#include "base/process.h"
#include "base/contain.h"

#endif
