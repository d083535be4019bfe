/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages to the host, and the end of a guest that failed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "init/agent.h"

#define EDGE_MS 100

int vagent_priv_ports[VAGENT_PORTS] = { -1, -1, -1 };

/*
 * While the host has not opened its end, the port is hung up, and poll() returns at once each time. An
 * edge-triggered epoll instead waits for the change; if the change came before, no edge follows, so the
 * wait is bounded.
 */
static void await_edge(short events)
{
	struct epoll_event e = { .events = (uint32_t)(unsigned short)events | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, vagent_priv_ports[VAGENT_CONTROL], &e) == 0 &&
	    epoll_wait(fd, &e, 1, -1) == 1 && e.events & EPOLLHUP)
		(void)epoll_wait(fd, &e, 1, EDGE_MS);
	if (fd >= 0)
		close(fd);
}

void vagent_priv_wait(short events)
{
	struct pollfd p = { vagent_priv_ports[VAGENT_CONTROL], events, 0 };

	if (poll(&p, 1, -1) > 0 && p.revents & POLLHUP)
		await_edge(events);
}

static void send_all(const char *bytes, size_t len)
{
	while (len) {
		const ssize_t n = write(vagent_priv_ports[VAGENT_CONTROL], bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else {
			vagent_priv_wait(POLLOUT);
		}
	}
}

void vagent_priv_send(enum vagent_message type, const void *payload, size_t len)
{
	const struct vagent_header header = { (uint32_t)type, (uint32_t)len };

	send_all((const char *)&header, sizeof(header));
	if (len)
		send_all(payload, len);
}

static void write_setting(const char *path, const char *value)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, value, strlen(value));
	close(fd);
}

/* "panic=" of the command line */
static bool is_panic_set(void)
{
	const int fd = open("/proc/sys/kernel/panic", O_RDONLY | O_CLOEXEC);
	char value[2] = "0";
	const bool set = fd >= 0 && read(fd, value, 1) == 1 && value[0] != '0';

	if (fd >= 0)
		close(fd);
	return set;
}

/*
 * A guest that powers off has succeeded for its host. Without a driver for pvpanic the kernel
 * reboots, instead of halting for ever. A kernel whose messages are off prints no trace.
 */
static void __attribute__((noreturn)) end_by_panic(void)
{
	write_setting("/proc/sys/kernel/printk", "0");
	if (!is_panic_set())
		write_setting("/proc/sys/kernel/panic", "-1");
	sync();
	_exit(1);
}

/* Without a host to report to, the console has the sentence. */
void vagent_init_fail(const char *fmt, ...)
{
	char why[VAGENT_MAX_MESSAGE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "cvmm-init: %s\n", why);
	if (vagent_priv_ports[VAGENT_CONTROL] < 0)
		end_by_panic();
	vagent_priv_send(VAGENT_FAILURE, why, strlen(why));
	for (;;)
		pause();
}
