/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Datagrams to a service manager. */
#include <config.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "supervisor.h"

#define NS_PER_MS UINT64_C(1000000)
/* 24 days: half of it in milliseconds is an int. */
#define MAX_WATCHDOG_US (UINT64_C(1000) * INT32_MAX)

static struct {
	int fd;
	uint64_t interval_ns;	/* between keep-alives; 0: no watchdog */
	uint64_t next_ns;
} supervisor = { .fd = -1 };

/* A path, or a name in the abstract namespace after '@'. */
static socklen_t address_set(struct sockaddr_un *address, const char *name)
{
	const size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(address->sun_path))
		return 0;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			   (name[0] == '/'));
}

static int connect_to(const char *name)
{
	struct sockaddr_un address = { 0 };
	const socklen_t len = address_set(&address, name);
	int fd = len ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 && connect(fd, (const void *)&address, len) < 0)
		vsu_fd_close(&fd);
	return fd;
}

/* The keep-alive is due twice per time-out, as sd_watchdog_enabled(3) recommends. */
static uint64_t read_interval(const char *usec, const char *pid)
{
	uint64_t timeout_us, addressee;

	if (pid && (vsu_parse_u64(pid, &addressee) < 0 || addressee != (uint64_t)getpid()))
		return 0;
	if (!usec || vsu_parse_u64(usec, &timeout_us) < 0 || timeout_us > MAX_WATCHDOG_US)
		return 0;
	return timeout_us * 1000 / 2;
}

void prog_supervisor_begin(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (name && supervisor.fd < 0)
		supervisor.fd = connect_to(name);
	supervisor.interval_ns = read_interval(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	supervisor.next_ns = 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void prog_notify(const char *assignments)
{
	if (supervisor.fd >= 0)
		(void)!send(supervisor.fd, assignments, strlen(assignments),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
}

int prog_watchdog_ms(void)
{
	uint64_t now;

	if (supervisor.fd < 0 || !supervisor.interval_ns)
		return -1;
	now = vsu_now_ns();
	if (now >= supervisor.next_ns) {
		prog_notify("WATCHDOG=1");
		supervisor.next_ns = now + supervisor.interval_ns;
	}
	return (int)((supervisor.next_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

void prog_supervisor_end(void)
{
	vsu_fd_close(&supervisor.fd);
}
