/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether the guest's kernel killed processes because memory was used up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent.h"

static int vmstat = -1;
static uint64_t kills_before;

/* Returns 0 before Linux 4.13, which does not count them. */
static uint64_t count_kills(void)
{
	static const char name[] = "\noom_kill ";
	char text[16384];
	const ssize_t n = pread(vmstat, text, sizeof(text) - 1, 0);
	const char *line;

	if (n < 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, name);
	return line ? strtoull(line + sizeof(name) - 1, NULL, 10) : 0;
}

/* The file stays open, since the command may mount another /proc. */
void vagent_priv_watch_kills(void)
{
	if (vmstat < 0)
		vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	kills_before = count_kills();
}

/* The kernel counts a process before it sends the signal. */
bool vagent_priv_saw_kills(void)
{
	return count_kills() > kills_before;
}
