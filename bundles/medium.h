/* medium: what the readers need of medium.c beside the public functions. */
#ifndef GF_BUNDLES_MEDIUM_H
#define GF_BUNDLES_MEDIUM_H

#include "bundles/bundles.h"

/* fd is the medium's when close_fd (closed on failure too).  A descriptor of somebody else is read
 * forward only: where it stands is theirs. */
gf_medium *gf_medium_from_fd(int fd, bool close_fd, const char *name, gf_error *err);
/* size bytes from offset of a seekable medium, which must outlive the input. */
gf_input *gf_medium_input(gf_medium *m, uint64_t offset, uint64_t size, gf_error *err);

#endif
