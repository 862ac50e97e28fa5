/*
 * The meta.json of a Docker context, and the address in it.
 * parser: remote/docker_host.c:gf_docker_context_read,take_host,take_tcp,not_spoken
 */
#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void refused(const gf_error *err)
{
	if (err->class != GF_USAGE || err->name[0] == '\0' || err->text[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_docker_place p;
	gf_error err = { 0 };
	gf_buf host;

	gf_buf_init(&host, 8192);
	if (!gf_docker_context_read((const char *)data, size, "meta.json", "lab", &host, &err)) {
		if (err.class != GF_DAMAGED) /* too long for an address */
			refused(&err);
	} else if (host.len > 0 &&
	    !gf_docker_host_find(&(const gf_docker_options){ .host = gf_buf_text(&host) }, &p, &err)) {
		refused(&err);
		gf_docker_host_clear(&p);
	} else if (host.len > 0) {
		if (p.base == NULL || (!gf_starts_with(p.base, "http://") && !gf_starts_with(p.base, "https://")) ||
		    strpbrk(p.base, "@ \t\r\n\\?#") != NULL)
			abort();
		GF_PLANTED(gf_starts_with(gf_buf_text(&host), "tcp://") &&
		    strstr(gf_buf_text(&host), "lab.example") == NULL && strstr(gf_buf_text(&host), "::1") == NULL);
		gf_docker_host_clear(&p);
	}
	gf_buf_clear(&host);
	return 0;
}
