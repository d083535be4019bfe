/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ports of the console device, and messages on the first one. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent.h"

#define CLASS "/sys/class/virtio-ports"
#define WAIT_MS 30000
/* Records follow other members, of which those of PREPARE are the largest. */
#define MAX_PAYLOAD (sizeof(struct vagent_prepare) + VAGENT_MAX_REQUEST)

/* The name of a port, as the host chose it; empty while it is unknown. */
static void read_name(const char *port, char *name, size_t size)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), CLASS "/%s/name", port);
	f = fopen(path, "re");
	if (!f || !fgets(name, (int)size, f))
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
}

static int open_port(const char *port)
{
	char path[300];

	snprintf(path, sizeof(path), "/dev/%s", port);
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* True if all are open. The name of a port follows it, with an event of its own. */
static bool open_present(void *opaque)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	DIR *folder = opendir(CLASS);
	unsigned int i, open_ports = 0;
	struct dirent *d;
	char name[64];

	(void)opaque;
	while (folder && (d = readdir(folder))) {
		read_name(d->d_name, name, sizeof(name));
		for (i = 0; i < VAGENT_PORTS; i++)
			if (vagent_priv_ports[i] < 0 && !strcmp(name, names[i]))
				vagent_priv_ports[i] = open_port(d->d_name);
	}
	if (folder)
		closedir(folder);
	for (i = 0; i < VAGENT_PORTS; i++)
		open_ports += vagent_priv_ports[i] >= 0;
	return open_ports == VAGENT_PORTS;
}

void vagent_priv_open_ports(void)
{
	if (!vagent_init_await(open_present, NULL, WAIT_MS))
		vagent_init_fail("the machine has no ports for the streams of a command");
}

static void receive_all(char *bytes, size_t len)
{
	while (len) {
		const ssize_t n = read(vagent_priv_ports[VAGENT_CONTROL], bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else {
			vagent_priv_wait(POLLIN);
		}
	}
}

char *vagent_priv_receive(struct vagent_header *header)
{
	char *payload;

	receive_all((char *)header, sizeof(*header));
	if (header->len > MAX_PAYLOAD)
		vagent_init_fail("the host sent a message of %u bytes", header->len);
	payload = malloc(header->len + 1);
	if (!payload)
		vagent_init_fail("the guest has no memory for a message of %u bytes", header->len);
	receive_all(payload, header->len);
	payload[header->len] = '\0';
	return payload;
}
