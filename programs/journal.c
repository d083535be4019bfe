/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One datagram per entry: a field per line. */
#include <config.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vmm-sys-util/sock.h>

#include "journal.h"

#define MAX_TEXT 1024

bool prog_journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(2, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

int prog_journal_open(const char *socket)
{
	return vsu_sock_connect_type(socket, SOCK_DGRAM, NULL);
}

/* A line feed would begin another field. */
static void text_clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

bool prog_journal_send(int fd, const struct prog_journal_entry *entry)
{
	char text[MAX_TEXT], bytes[MAX_TEXT + 128];
	int len;

	snprintf(text, sizeof(text), "%s", entry->text);
	text_clean(text);
	len = snprintf(bytes, sizeof(bytes),
		       "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%sMESSAGE=%s\n",
		       entry->priority, entry->name,
		       entry->event ? "CVMM_EVENT=" : "",
		       entry->event ? entry->event : "",
		       entry->event ? "\n" : "", text);

	return len > 0 && len < (int)sizeof(bytes) &&
	       send(fd, bytes, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len;
}
