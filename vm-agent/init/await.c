/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Waits for what the kernel makes some time after a driver: devices, their nodes, interfaces, names of
 * ports. It sends an event (uevent) after it has made each, so that a check behind the event finds it.
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "init/agent.h"

#define KERNEL_EVENTS 1u	/* group of NETLINK_KOBJECT_UEVENT */
/* The socket loses events if it is full. */
#define RECHECK_MS 1000
/* Kernels without networks have no events that tell of all of them. */
#define BLIND_MS 1

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_events(void)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A negative descriptor of poll() has no events. */
static void await_event(int fd, int64_t left)
{
	const int64_t most = fd < 0 ? BLIND_MS : RECHECK_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char event[4096];

	if (poll(&p, 1, (int)(left < most ? left : most)) > 0)
		while (recv(fd, event, sizeof(event), 0) >= 0)
			;
}

bool vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms)
{
	const int64_t deadline = now_ms() + ms;
	const int fd = open_events();	/* before the first check */
	int64_t left = ms;
	bool found;

	while (!(found = is_there(opaque)) && left > 0) {
		await_event(fd, left);
		left = deadline - now_ms();
	}
	if (fd >= 0)
		close(fd);
	return found;
}
