/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports the state of this process to a service manager that uses systemd's protocols
 * (sd_notify(3), sd_watchdog_enabled(3)). Without one, all calls do nothing.
 *
 * Threads: prog_supervisor_begin() before others exist, prog_watchdog_ms() on the thread
 * of the event loop, prog_notify() any.
 */
#ifndef PROGRAMS_SUPERVISOR_H
#define PROGRAMS_SUPERVISOR_H

/*
 * Connects to $NOTIFY_SOCKET and reads $WATCHDOG_USEC and $WATCHDOG_PID. Removes them from
 * the environment, so that no child process reports for this one. The socket stays open,
 * so that a sandbox may be entered afterwards.
 */
void prog_supervisor_begin(void);

/* Sends assignments, separated by newlines: "READY=1", "STATUS=...", "STOPPING=1". */
void prog_notify(const char *assignments);

/*
 * Sends a keep-alive if one is due. Returns the milliseconds until the next one, or -1
 * without a watchdog. An event loop that calls it less often than that is restarted by
 * the service manager.
 */
int prog_watchdog_ms(void);

/* Closes the socket. */
void prog_supervisor_end(void);

#endif
