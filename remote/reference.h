/* reference.h: pieces of the reference grammar (private to remote). */
#ifndef GF_REMOTE_REFERENCE_H
#define GF_REMOTE_REFERENCE_H

#include "remote/remote.h"

/* host[:port], [ipv6][:port]: the "domain" of distribution's grammar. */
bool gf_host_valid(const char *text, size_t n);
/* "registry.example:5000" -> "registry.example"; "[::1]:5000" -> "[::1]": the length without the port. */
size_t gf_host_name_length(const char *host);

#endif
