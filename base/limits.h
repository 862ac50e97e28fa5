/* limits: every cap on what comes from outside, in one table. */
#ifndef GF_BASE_LIMITS_H
#define GF_BASE_LIMITS_H

#define GF_KIB ((size_t)1024)
#define GF_MIB ((size_t)1024 * 1024)

/* The head, before any trust (FORMAT.md 1). */
#define GF_STATEMENT_MAX (4 * GF_MIB) /* META/manifest.json and every other signed statement */
#define GF_SIGNATURE_MAX (16 * GF_KIB)
#define GF_SIGNATURES_MAX 16 /* inside a bundle */

/* Behind the head. */
#define GF_JSON_BLOB_MAX (4 * GF_MIB)       /* one index, manifest or config */
#define GF_JSON_BLOBS_MAX (64 * GF_MIB)     /* all of them */
#define GF_EVIDENCE_MAX (256 * GF_MIB)      /* one layer of kind evidence */
#define GF_DOCKER_MANIFEST_MAX (1 * GF_MIB) /* manifest.json: podman and skopeo refuse more */
#define GF_DERIVED_MAX (64 * GF_MIB)        /* SHA256SUMS, index.json */
#define GF_INDEX_DEPTH 4
#define GF_BLOB_MAX ((uint64_t)1 << 53) /* sizes are integers of JSON: 2^53-1 at most */

/* Companions: NAME.tar.d/. */
#define GF_COMPANIONS_MAX 512
#define GF_COMPANION_MAX (1 * GF_MIB)

/* JSON and YAML. */
#define GF_JSON_DEPTH 32
#define GF_JSON_VALUES 100000
#define GF_YAML_MAX (1 * GF_MIB)
#define GF_YAML_DEPTH 16

/* Archives made by others (pack). */
#define GF_ARCHIVE_MEMBERS_MAX 100000
#define GF_ARCHIVE_JSON_MAX (64 * GF_MIB)  /* small members kept in memory until manifest.json is seen */
#define GF_ARCHIVE_TAIL_MAX (64 * GF_MIB)  /* what follows the end of an archive: fill, or something else */
#define GF_WINDOW_LOG 27                   /* zstd and xz: 128 MiB of memory for what is being inflated */
#define GF_CONTAINED_MEMORY (512 * GF_MIB) /* of a contained child, beside what its parent had */

/* Bombs: beyond the first of these, what was inflated may be so many times what came in.  xz reaches 7,000, gzip 1,032;
 * zstd and bzip2 make a gigabyte of a few bytes. */
#define GF_INFLATED_FREE (1024 * GF_MIB)
#define GF_INFLATED_RATIO 10000
#define GF_ARCHIVE_LINKS 40 /* links followed from one name */

/* Peers. */
#define GF_HTTP_HEADERS_MAX (256 * GF_KIB)
#define GF_HTTP_BODY_MAX (8 * GF_MIB) /* a body that is kept in memory: errors, manifests, JSON */
#define GF_HTTP_CONNECT_SECONDS 30
#define GF_HTTP_STALL_SECONDS 60 /* no byte in either direction */
#define GF_KEY_FILE_MAX (64 * GF_KIB)
#define GF_CONFIG_FILE_MAX (1 * GF_MIB)
#define GF_LOG_LINE_MAX 65535 /* FORMAT.md 6 */

/* Byte streams: one step of a copy.  256 KiB stays in a core's second-level cache. */
#define GF_COPY_STEP (256 * GF_KIB)

#endif
