/* registry_target: what target_registry.c (plan, names) and registry_sink.c (bytes) share.  Private to unpack/. */
#ifndef GF_UNPACK_REGISTRY_TARGET_H
#define GF_UNPACK_REGISTRY_TARGET_H

#include <pthread.h>
#include <stdatomic.h>

#include "unpack/target.h"

/* Of one blob in one repository.  What was mounted is asked for again before a name is set, like what was held. */
enum { GF_BLOB_NO_USE, GF_BLOB_LACKING, GF_BLOB_HELD, GF_BLOB_MOUNTED, GF_BLOB_SENT };

/* Does the registry give one of its repositories a blob of another? */
enum { GF_MOUNTS_UNKNOWN, GF_MOUNTS, GF_MOUNTS_NEVER };

typedef struct gf_registry_target {
	gf_target t;
	gf_registry *registry;
	const char **repositories; /* distinct; owned by the names */
	size_t n_repositories;
	pthread_mutex_t lock; /* blobs, the sums */
	unsigned char *blobs; /* [repository * n_blobs + blob] */
	bool *sent_manifest;  /* [name]: something of its image was sent at commit */
	atomic_int mounts;
	char **elsewhere; /* [blob]: a repository that no name of this run is in and that has it; NULL: none is known */
	size_t *pairs;    /* plan: places in blobs that are to be asked for */
	size_t n_pairs;
} gf_registry_target;

unsigned char *gf_registry_blob_at(const gf_registry_target *r, size_t repository, size_t blob);
/* A repository of this run that has the blob; SIZE_MAX: none. */
size_t gf_registry_neighbour(gf_registry_target *r, size_t blob);
extern const gf_sink_ops gf_registry_sink_ops;
/* registry_earlier.c: fills elsewhere, by the log of earlier runs and a question to the registry. */
bool gf_registry_look_elsewhere(gf_registry_target *r, unsigned jobs, gf_error *err);

#endif
