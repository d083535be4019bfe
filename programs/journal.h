/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Sends log lines to the systemd journal with fields, by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
 *
 * Threads: prog_journal_send() any, if the caller serializes.
 */
#ifndef PROGRAMS_JOURNAL_H
#define PROGRAMS_JOURNAL_H

#include <stdbool.h>

#define PROG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Control characters in text become '?'; text beyond 1 KiB is cut. */
struct prog_journal_entry {
	int priority;		/* of syslog(3), without a facility */
	const char *name;	/* SYSLOG_IDENTIFIER */
	const char *event;	/* CVMM_EVENT, or NULL */
	const char *text;	/* MESSAGE */
};

/* Whether $JOURNAL_STREAM names the file behind standard error. */
bool prog_journal_is_stderr(void);

/* A connected datagram socket, close-on-exec, or a negative errno. */
int prog_journal_open(const char *socket);

/* Returns false if the entry was dropped, because the journal cannot accept it now. */
bool prog_journal_send(int fd, const struct prog_journal_entry *entry);

#endif
