/* clock: seconds since 1970 in UTC, and the one written form "YYYY-MM-DDTHH:MM:SSZ". */
#ifndef GF_BASE_CLOCK_H
#define GF_BASE_CLOCK_H

#include "base/error.h"

typedef int64_t gf_time;
#define GF_TIME_SIZE 21

gf_time gf_now(void);
/* Exactly this form, a date that exists, 1970 to 2242 (eleven octal digits of a tar header). */
bool gf_time_parse(const char *text, gf_time *out);
void gf_time_print(gf_time t, char out[GF_TIME_SIZE]);
/* "90d", "12h", "30m", "45s" to seconds. */
bool gf_duration_parse(const char *text, int64_t *seconds);
/* As people write it: the form above, or a day ("2027-05-23"), which begins at midnight. */
bool gf_date_parse(const char *text, gf_time *out);
/* A date, or a duration counted from `from`: more than nothing, at most 100 years. */
bool gf_when_parse(const char *text, gf_time from, gf_time *out);
#define GF_LIFETIME_MAX ((int64_t)100 * 366 * 86400) /* seconds */

#endif
