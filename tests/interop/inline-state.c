/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a device that is served in this process, without a socket between
 * device and driver.
 *
 *   inline-state KIND       writes the state of a configured device to standard
 *                           output
 *   inline-state KIND load  loads the state on standard input into another device
 *                           and saves that one
 *
 * KIND: net, rng, console, vsock, whose socket is $VSOCK. The driver of a network
 * card has set another address, a VLAN, and disabled promiscuous mode.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/console.h>
#include <virtio-devices/net.h>
#include <virtio-devices/rng.h>
#include <virtio-devices/vsock.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/fd.h>

#include "guest_rig.h"

#define STATE_MAX 65536u
#define CONTROL 2u
#define COMMAND GUEST_RIG_DATA
#define ANSWER (COMMAND + 0x100)
#define MEMORY (GUEST_RIG_DATA + 0x1000)
#define NET_FEATURES (VQ_F_VERSION_1 | VIRTDEV_NET_F_MAC | VIRTDEV_NET_F_CTRL_VQ | \
		      VIRTDEV_NET_F_CTRL_RX | VIRTDEV_NET_F_CTRL_VLAN | \
		      VIRTDEV_NET_F_CTRL_MAC_ADDR)

static struct vsu_error err;

static void check(int rc, const char *what)
{
	if (rc < 0)
		guest_rig_die(what, &err);
}

/* The peer of the device's host end stays open until the process ends. */
static int near_end(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		guest_rig_die("socketpair", NULL);
	return pair[0];
}

static struct virtdev *make_net(void)
{
	struct virtdev_net_config config = {
		.size = sizeof(config), .mac = { 0x52, 0x54, 0, 1, 2, 3 },
	};
	struct virtdev *dev = NULL;
	int fd = near_end();

	check(virtdev_net_link_from_fd(fd, &config.link, &err), "link");
	vsu_fd_close(&fd);
	check(virtdev_net_new(&config, &dev, &err), "net");
	return dev;
}

static struct virtdev *make_rng(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };
	struct virtdev *dev = NULL;

	check(virtdev_rng_new(&config, &dev, &err), "rng");
	return dev;
}

static struct virtdev *make_console(void)
{
	struct virtdev_console_port port = {
		.size = sizeof(port), .console = true,
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port,
	};
	struct virtdev *dev = NULL;
	int fd = near_end();

	check(virtdev_port_fds_new(fd, fd, &port.host, &err), "port");
	vsu_fd_close(&fd);
	check(virtdev_console_new(&config, &dev, &err), "console");
	return dev;
}

static struct virtdev *make_vsock(void)
{
	const struct virtdev_vsock_config config = {
		.size = sizeof(config), .path = getenv("VSOCK"), .cid = 3,
	};
	struct virtdev *dev = NULL;

	if (!config.path)
		guest_rig_die("VSOCK is not set", NULL);
	check(virtdev_vsock_new(&config, &dev, &err), "vsock");
	return dev;
}

/* ------------------------------------------------------------------- the driver */

static void command(struct guest_rig *r, const void *bytes, uint32_t len)
{
	const struct vq_buffer buffers[] = {
		{ COMMAND, len, false }, { ANSWER, 1, true },
	};
	uint64_t cookie;
	uint32_t used;

	memcpy(r->memory + COMMAND, bytes, len);
	r->memory[ANSWER] = 0xff;
	check(vq_driver_add(r->driver[CONTROL], buffers, 2, 0), "a command");
	guest_rig_serve(r, CONTROL);
	if (vq_driver_collect(r->driver[CONTROL], &cookie, &used) != 1 ||
	    r->memory[ANSWER])
		guest_rig_die("the card refused a command", NULL);
}

/* Every command whose effect is part of the state: class, number and data. */
static void choose(struct guest_rig *r)
{
	static const unsigned char address[] = { 1, 1, 0x52, 0x54, 0, 9, 8, 7 };
	static const unsigned char vlan[] = { 2, 0, 77, 0 };
	static const unsigned char everything_off[] = { 0, 0, 0 };

	command(r, address, sizeof(address));
	command(r, vlan, sizeof(vlan));
	command(r, everything_off, sizeof(everything_off));
}

static void save(struct virtdev *dev)
{
	void *bytes;
	size_t len;

	check(virtdev_state_take(dev, &bytes, &len, &err), "save");
	if (fwrite(bytes, 1, len, stdout) != len || fflush(stdout))
		guest_rig_die("standard output", NULL);
	free(bytes);
}

/* The queues must be stopped before the device is saved. */
static void save_net(struct virtdev *dev)
{
	struct guest_rig rig;
	uint32_t i;

	guest_rig_open(&rig, MEMORY, dev, NET_FEATURES);
	choose(&rig);
	for (i = 0; i < GUEST_RIG_QUEUES; i++) {
		check(virtdev_queue_drain(dev, i), "drain");
		virtdev_queue_stop(dev, i);
	}
	save(dev);
	guest_rig_close(&rig);
}

static void save_idle(struct virtdev *dev)
{
	check(virtdev_set_features(dev, VQ_F_VERSION_1, &err), "features");
	save(dev);
	virtdev_free(dev);
}

static const struct kind {
	const char *name;
	struct virtdev *(*make)(void);
	void (*save)(struct virtdev *dev);
} kinds[] = {
	{ "net", make_net, save_net },
	{ "rng", make_rng, save_idle },
	{ "console", make_console, save_idle },
	{ "vsock", make_vsock, save_idle },
};

/* A new device without a driver. */
static void load(struct virtdev *dev)
{
	static unsigned char bytes[STATE_MAX];
	const size_t len = fread(bytes, 1, sizeof(bytes), stdin);

	check(virtdev_state_load(dev, bytes, len, &err), "load");
	save(dev);
	virtdev_free(dev);
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name))
			continue;
		if (argc > 2)
			load(kinds[i].make());
		else
			kinds[i].save(kinds[i].make());
		return 0;
	}
	fprintf(stderr, "usage: inline-state net|rng|console|vsock [load]\n");
	return 64;
}
