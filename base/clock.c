#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define DAY 86400
#define TIME_MAX ((gf_time)8589934591) /* 8^11 - 1: 2242-03-16T12:56:31Z */

gf_time gf_now(void)
{
	return (gf_time)time(NULL);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar; years are counted from March,
 * so that the leap day is the last of its year. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static bool number(const char *text, size_t n, int64_t *out)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (text[i] - '0');
	}
	*out = v;
	return true;
}

bool gf_time_parse(const char *text, gf_time *out)
{
	static const int64_t month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year, month, day, hour, minute, second, last;
	gf_time t;

	if (strlen(text) != GF_TIME_SIZE - 1 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
	    text[13] != ':' || text[16] != ':' || text[19] != 'Z')
		return false;
	if (!number(text, 4, &year) || !number(text + 5, 2, &month) || !number(text + 8, 2, &day) ||
	    !number(text + 11, 2, &hour) || !number(text + 14, 2, &minute) || !number(text + 17, 2, &second))
		return false;
	if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
		return false;
	last = month_days[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		last = 29;
	if (day < 1 || day > last)
		return false;
	t = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
	if (t > TIME_MAX)
		return false;
	*out = t;
	return true;
}

static void put(char *out, size_t n, int64_t v)
{
	while (n-- > 0) {
		out[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void gf_time_print(gf_time t, char out[GF_TIME_SIZE])
{
	int64_t day, second, year = 1970, month = 1;

	if (t < 0)
		t = 0;
	if (t > TIME_MAX)
		t = TIME_MAX;
	day = t / DAY;
	second = t % DAY;
	year += day / 366;
	while (days_of(year + 1, 1, 1) <= day)
		year++;
	while (month < 12 && days_of(year, month + 1, 1) <= day)
		month++;
	memcpy(out, "0000-00-00T00:00:00Z", GF_TIME_SIZE);
	put(out, 4, year);
	put(out + 5, 2, month);
	put(out + 8, 2, day - days_of(year, month, 1) + 1);
	put(out + 11, 2, second / 3600);
	put(out + 14, 2, second / 60 % 60);
	put(out + 17, 2, second % 60);
}

bool gf_duration_parse(const char *text, int64_t *seconds)
{
	char digits[16];
	size_t n = strlen(text);
	uint64_t count, unit;

	if (n < 2 || n > sizeof digits)
		return false;
	switch (text[n - 1]) {
	case 'd': unit = DAY; break;
	case 'h': unit = 3600; break;
	case 'm': unit = 60; break;
	case 's': unit = 1; break;
	default: return false;
	}
	memcpy(digits, text, n - 1);
	digits[n - 1] = '\0';
	if (!gf_u64_parse(digits, (uint64_t)TIME_MAX / unit, &count))
		return false;
	*seconds = (int64_t)(count * unit);
	return true;
}

bool gf_date_parse(const char *text, gf_time *out)
{
	char day[GF_TIME_SIZE];

	if (strlen(text) != 10)
		return gf_time_parse(text, out);
	memcpy(day, text, 10);
	memcpy(day + 10, "T00:00:00Z", 11);
	return gf_time_parse(day, out);
}

bool gf_when_parse(const char *text, gf_time from, gf_time *out)
{
	int64_t seconds;

	if (gf_date_parse(text, out))
		return true;
	if (!gf_duration_parse(text, &seconds) || seconds == 0 || seconds > GF_LIFETIME_MAX)
		return false;
	*out = from + seconds;
	return true;
}
