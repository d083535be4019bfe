/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Preloaded into a program, fails its FAIL_AT-th allocation, and with FAIL_ON=1
 * all later ones, too, and notes in the file named by FAILED that it did. The file
 * is opened at the start, because a sandbox may forbid that later.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static long at, made, go_on;
static int noted = -1;

static int fails(void)
{
	long n = at ? __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED) : 0;

	if (!at || (go_on ? n < at : n != at))
		return 0;
	if (n == at)
		(void)!write(noted, "failed\n", 7);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL_AT"), *path = getenv("FAILED");

	go_on = getenv("FAIL_ON") != NULL;
	at = text ? strtol(text, NULL, 10) : 0;
	if (path)
		noted = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	unsetenv("LD_PRELOAD");
}
