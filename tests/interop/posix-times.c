/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Time stamps. Clocks of file systems have ticks: old times are set first, so
 * that a new one differs without waiting.
 */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OLD 1000000000

static bool times_are(const char *name, time_t access, time_t change)
{
	struct stat st;

	return !lstat(name, &st) && st.st_atim.tv_sec == access &&
	       st.st_mtim.tv_sec == change;
}

static bool age(const char *name)
{
	const struct timespec old[2] = { { OLD, 0 }, { OLD, 0 } };

	return !utimensat(AT_FDCWD, name, old, AT_SYMLINK_NOFOLLOW);
}

static bool is_old(const char *name)
{
	struct stat st;

	return !lstat(name, &st) && st.st_mtim.tv_sec == OLD;
}

static int given_times(void)
{
	const struct timespec t[2] = { { 12345, 678901234 }, { 54321, 987654321 } };
	struct stat st;

	CLAIM(file_make("f", "") == 0 && utimensat(AT_FDCWD, "f", t, 0) == 0);
	CLAIM(stat("f", &st) == 0 && st.st_atim.tv_sec == 12345);
	CLAIM(st.st_atim.tv_nsec == 678901234 && st.st_mtim.tv_sec == 54321);
	CLAIM(st.st_mtim.tv_nsec == 987654321);
	return VERDICT_OK;
}

static int one_of_two_times(void)
{
	const struct timespec access[2] = { { 7, 0 }, { 0, UTIME_OMIT } };
	const struct timespec change[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
	const struct timespec wrong[2] = { { 0, 1000000000 }, { 0, 0 } };
	const time_t now = time(NULL);
	struct stat st;

	CLAIM(file_make("f", "") == 0 && age("f"));
	CLAIM(utimensat(AT_FDCWD, "f", access, 0) == 0 && times_are("f", 7, OLD));
	CLAIM(utimensat(AT_FDCWD, "f", change, 0) == 0 && stat("f", &st) == 0);
	CLAIM(st.st_atim.tv_sec == 7 && st.st_mtim.tv_sec >= now - 2);
	REFUSED(utimensat(AT_FDCWD, "f", wrong, 0), EINVAL);
	return VERDICT_OK;
}

/* Before 1970 and after 2038. */
static int far_times(void)
{
	static const time_t far[] = { -1, -2000000000, 2147483648, 4294967296 };
	struct timespec t[2] = { { 0, 5 }, { 0, 5 } };
	size_t i;

	CLAIM(file_make("f", "") == 0);
	for (i = 0; i < COUNT(far); i++) {
		t[0].tv_sec = t[1].tv_sec = far[i];
		CLAIM(utimensat(AT_FDCWD, "f", t, 0) == 0);
		CLAIM(times_are("f", far[i], far[i]));
	}
	return VERDICT_OK;
}

static int times_of_a_link(void)
{
	CLAIM(file_make("f", "") == 0 && symlink("f", "l") == 0 && age("l"));
	CLAIM(is_old("l") && !is_old("f"));
	return VERDICT_OK;
}

static int folder_changes(void)
{
	CLAIM(mkdir("d", 0755) == 0 && age("d") && file_make("d/f", "") == 0);
	CLAIM(!is_old("d") && age("d") && link("d/f", "d/g") == 0 && !is_old("d"));
	CLAIM(age("d") && unlink("d/g") == 0 && !is_old("d"));
	CLAIM(age("d") && mkdir("d/m", 0755) == 0 && !is_old("d"));
	CLAIM(age("d") && rmdir("d/m") == 0 && !is_old("d"));
	CLAIM(mkdir("e", 0755) == 0 && age("d") && age("e"));
	CLAIM(rename("d/f", "e/f") == 0 && !is_old("d") && !is_old("e"));
	CLAIM(age("e") && file_make("e/f", "text") == 0 && is_old("e"));
	return VERDICT_OK;
}

static int content_changes(void)
{
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0 && age("f"));
	CLAIM(write(fd, "x", 1) == 1 && fsync(fd) == 0 && !is_old("f"));
	CLAIM(age("f") && ftruncate(fd, 0) == 0 && !is_old("f"));
	CLAIM(age("f") && truncate("f", 5) == 0 && !is_old("f"));
	CLAIM(age("f") && chmod("f", 0600) == 0 && is_old("f"));
	CLAIM(link("f", "g") == 0 && rename("g", "h") == 0 && is_old("f"));
	CLAIM(close(fd) == 0 && is_old("f"));
	return VERDICT_OK;
}

/* The change time cannot be set: it must be later than *last. */
static bool is_noted(const char *name, struct timespec *last)
{
	const struct timespec moment = { 0, 12000000 };
	struct stat st;
	bool later;

	if (lstat(name, &st))
		return false;
	later = st.st_ctim.tv_sec > last->tv_sec ||
		(st.st_ctim.tv_sec == last->tv_sec &&
		 st.st_ctim.tv_nsec > last->tv_nsec);
	*last = st.st_ctim;
	/* the tick of the file system's clock, which has no event */
	nanosleep(&moment, NULL);
	return later;
}

static int changes_are_noted(void)
{
	struct timespec last = { 0, 0 };

	CLAIM(file_make("f", "text") == 0 && is_noted("f", &last));
	CLAIM(chmod("f", 0600) == 0 && is_noted("f", &last));
	CLAIM(chown("f", 1, 1) == 0 && is_noted("f", &last));
	CLAIM(link("f", "g") == 0 && is_noted("f", &last));
	CLAIM(unlink("g") == 0 && is_noted("f", &last));
	CLAIM(truncate("f", 1) == 0 && is_noted("f", &last));
	CLAIM(age("f") && is_noted("f", &last));
	CLAIM(!is_noted("f", &last));
	return VERDICT_OK;
}

static int refusal_changes_nothing(void)
{
	CLAIM(mkdir("d", 0755) == 0 && file_make("d/f", "") == 0);
	CLAIM(age("d") && age("d/f"));
	REFUSED(mkdir("d/f", 0755), EEXIST);
	REFUSED(rmdir("d"), ENOTEMPTY);
	REFUSED(link("d/f", "d/f"), EEXIST);
	REFUSED(open("d/f", O_CREAT | O_EXCL, 0644), EEXIST);
	CLAIM(is_old("d") && is_old("d/f"));
	return VERDICT_OK;
}

/* The birth time: no change of the file modifies it. */
static int when_it_was_made(void)
{
	struct statx made, now;
	struct timespec clock;

	CLAIM(file_make("f", "text") == 0);
	CLAIM(statx(AT_FDCWD, "f", 0, STATX_BTIME, &made) == 0);
	if (!(made.stx_mask & STATX_BTIME))
		return is_skipped("not reported: Linux requests it from 6.6 on");
	CLAIM(clock_gettime(CLOCK_REALTIME, &clock) == 0);
	CLAIM(made.stx_btime.tv_sec < clock.tv_sec + 3600 &&
	      made.stx_btime.tv_sec > clock.tv_sec - 3600);
	CLAIM(age("f") && truncate("f", 1) == 0 && rename("f", "g") == 0);
	CLAIM(statx(AT_FDCWD, "g", 0, STATX_BTIME, &now) == 0);
	CLAIM(now.stx_btime.tv_sec == made.stx_btime.tv_sec &&
	      now.stx_btime.tv_nsec == made.stx_btime.tv_nsec);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "times set by utimensat", given_times },
	{ "UTIME_OMIT and UTIME_NOW", one_of_two_times },
	{ "before 1970, after 2038", far_times },
	{ "times of a link", times_of_a_link },
	{ "of a folder when a name is added or removed", folder_changes },
	{ "of a file when it is written", content_changes },
	{ "of changes of attributes", changes_are_noted },
	{ "a refusal changes none", refusal_changes_nothing },
	{ "birth time", when_it_was_made },
};

const struct suite suite_times = { "times", checks, COUNT(checks) };
