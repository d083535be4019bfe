/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest that changes a setting of each of its devices and reports, on request, what is
 * in force. Bytes of the serial port are commands:
 *
 *   r   reports the settings, ends with "ready"
 *   q   powers off
 *
 * Frames, input of the console's second port and events of sockets are reported as they
 * arrive.
 */
#include <vm-arch/boot_protocol.h>

#include "lib.h"
#include "virtio.h"

enum { NET = 1, BLOCK = 2, CONSOLE = 3, ENTROPY = 4, BALLOON = 5, SOCKET = 19, FOLDER = 26 };

/* Features. */
#define BLK_FLUSH (1u << 9)
#define BLK_CONFIG_WCE (1u << 11)
#define CONSOLE_MULTIPORT (1u << 1)
#define NET_MAC (1u << 5)
#define NET_CTRL_VQ (1u << 17)
#define NET_CTRL_RX (1u << 18)
#define NET_CTRL_VLAN (1u << 19)
#define NET_CTRL_MAC_ADDR (1u << 23)

#define WRITEBACK 32		/* offsets in configuration spaces */
#define ACTUAL 4
#define NEW_MAC 0x77
#define NEW_VLAN 5
#define NEW_ACTUAL 3

/* Queues. */
#define NET_RX 0
#define NET_CONTROL 2
#define CONTROL_RX 2
#define CONTROL_TX 3
#define DATA_RX 4
#define SOCKET_EVENTS 2
#define FOLDER_REQUESTS 1

#define NET_HEADER 12
#define NEEDS_RESET 64		/* of a device's status */
#define MAX_DEVICES 8

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

static struct device devices[MAX_DEVICES];
static unsigned int ndevices;
static char input[64];
static uint8_t frame[2048];
static uint32_t event;

static uint64_t config_at(const struct device *dev, uint32_t off)
{
	return dev->base + dev->transport->config + off;
}

/* ---------------------------------------------------------------- the settings */

static void set_block(struct device *dev)
{
	mmio_write8(config_at(dev, WRITEBACK), 0);
}

static void set_balloon(struct device *dev)
{
	mmio_write32(config_at(dev, ACTUAL), NEW_ACTUAL);
}

static void control_net(struct device *dev, const uint8_t *command, const void *data,
			uint32_t len)
{
	static uint8_t answer;
	const struct piece pieces[] = {
		{ command, 2, false }, { data, len, false }, { &answer, 1, true },
	};

	answer = 9;
	if (queue_do(dev, NET_CONTROL, pieces, 3) < 0 || answer)
		fault("a command of a card");
}

static void offer_frame(struct device *dev)
{
	const struct piece piece = { frame, sizeof(frame), true };

	queue_offer(dev, NET_RX, &piece, 1);
}

/* Another address, no frames for others, and of one VLAN only. */
static void set_net(struct device *dev)
{
	static const uint8_t promisc[2] = { 0, 0 }, off = 0, address[2] = { 1, 1 },
		mac[6] = { 2, 0, 0, 0, 0, NEW_MAC },
		add[2] = { 2, 0 }, vlan[2] = { NEW_VLAN, 0 };

	control_net(dev, promisc, &off, 1);
	control_net(dev, address, mac, sizeof(mac));
	control_net(dev, add, vlan, sizeof(vlan));
	offer_frame(dev);
}

struct message {
	uint32_t id;
	uint16_t event, value;
};

enum { DEVICE_READY = 0, PORT_ADD = 1, PORT_READY = 3, PORT_OPEN = 6 };

static void tell(struct device *dev, uint32_t id, uint16_t what)
{
	static struct message m;
	const struct piece piece = { &m, sizeof(m), false };

	m = (struct message){ id, what, 1 };
	if (queue_do(dev, CONTROL_TX, &piece, 1) < 0)
		fault("a message to a console");
}

static void offer_input(struct device *dev)
{
	const struct piece piece = { input, sizeof(input) - 1, true };

	memset(input, 0, sizeof(input));
	queue_offer(dev, DATA_RX, &piece, 1);
}

/* Two ports are announced; the second one is opened. */
static void set_console(struct device *dev)
{
	static struct message m[4];
	const struct piece piece = { m, sizeof(m), true };
	unsigned int ports = 0;

	tell(dev, 0, DEVICE_READY);
	while (ports < 2 && queue_do(dev, CONTROL_RX, &piece, 1) > 0)
		ports += m[0].event == PORT_ADD;
	tell(dev, 1, PORT_READY);
	tell(dev, 1, PORT_OPEN);
	offer_input(dev);
}

static void set_socket(struct device *dev)
{
	const struct piece piece = { &event, sizeof(event), true };

	event = UINT32_MAX;
	queue_offer(dev, SOCKET_EVENTS, &piece, 1);
}

/* A request about the root folder, whose data is body. Returns its errno. */
static uint32_t ask_folder(struct device *dev, uint32_t opcode, const void *body, uint32_t len)
{
	static struct {
		uint32_t len, opcode;
		uint64_t unique, node;
		uint32_t uid, gid, pid, reserved;
	} in;
	static struct {
		uint32_t len;
		int32_t error;
		uint64_t unique;
		uint8_t data[104];
	} out;
	const struct piece pieces[] = {
		{ &in, sizeof(in), false }, { body, len, false }, { &out, sizeof(out), true },
	};

	in.len = (uint32_t)sizeof(in) + len;
	in.opcode = opcode;
	in.unique++;
	in.node = 1;
	out.unique = 0;
	if (queue_do(dev, FOLDER_REQUESTS, pieces, 3) < 0 || out.unique != in.unique)
		fault("a request of a folder");
	return (uint32_t)-out.error;
}

enum { FUSE_GETATTR = 3, FUSE_INIT = 26 };

/* As a mount does. */
static void set_folder(struct device *dev)
{
	static const uint32_t init[4] = { 7, 31 };	/* the version of the protocol */

	if (ask_folder(dev, FUSE_INIT, init, sizeof(init)))
		fault("a mount");
}

static uint32_t look_at_root(struct device *dev)
{
	static const uint32_t which[4];

	return ask_folder(dev, FUSE_GETATTR, which, sizeof(which));
}

static void set_entropy(struct device *dev)
{
	(void)dev;
}

/* ----------------------------------------------------------------- the reports */

static void report_block(struct device *dev, unsigned int i)
{
	print("device %u: writeback %u\n", i, config_read8(dev, WRITEBACK));
}

static void report_balloon(struct device *dev, unsigned int i)
{
	print("device %u: actual %u\n", i, config_read16(dev, ACTUAL));
}

/* The last byte of the address. */
static void report_net(struct device *dev, unsigned int i)
{
	print("device %u: mac %x\n", i, config_read8(dev, 5));
}

static void report_entropy(struct device *dev, unsigned int i)
{
	static uint8_t bytes[16];
	const struct piece piece = { bytes, sizeof(bytes), true };

	print("device %u: %u bytes\n", i, (unsigned int)queue_do(dev, 0, &piece, 1));
}

/* Its status has DEVICE_NEEDS_RESET (2.1). */
static void report_socket(struct device *dev, unsigned int i)
{
	print("device %u: %s\n", i, dev->transport->status(dev) & NEEDS_RESET ?
	      "reset needed" : "in order");
}

/* A folder that is not mounted any more is mounted again. */
static void report_folder(struct device *dev, unsigned int i)
{
	const uint32_t error = look_at_root(dev);

	if (error) {
		set_folder(dev);
		print("device %u: root %u, mounted again %u\n", i, error, look_at_root(dev));
	} else {
		print("device %u: root 0\n", i);
	}
}

static void report_nothing(struct device *dev, unsigned int i)
{
	(void)dev;
	(void)i;
}

static void poll_nothing(struct device *dev, unsigned int i)
{
	(void)dev;
	(void)i;
}

static void poll_net(struct device *dev, unsigned int i)
{
	const uint8_t *at = frame + NET_HEADER;

	if (!queue_is_used(dev, NET_RX))
		return;
	queue_wait(dev, NET_RX);
	if (at[12] == 0x81)
		print("device %u: frame %x of VLAN %u\n", i, at[5], at[15]);
	else
		print("device %u: frame %x\n", i, at[5]);
	offer_frame(dev);
}

static void poll_console(struct device *dev, unsigned int i)
{
	if (!queue_is_used(dev, DATA_RX))
		return;
	queue_wait(dev, DATA_RX);
	print("device %u: input %s\n", i, input);
	offer_input(dev);
}

static void poll_socket(struct device *dev, unsigned int i)
{
	if (!queue_is_used(dev, SOCKET_EVENTS))
		return;
	queue_wait(dev, SOCKET_EVENTS);
	print("device %u: event %u\n", i, event);
	set_socket(dev);
}

static const struct kind {
	uint32_t id;
	uint64_t features;
	void (*set)(struct device *dev);
	void (*report)(struct device *dev, unsigned int i);
	void (*poll)(struct device *dev, unsigned int i);
} kinds[] = {
	{ NET, NET_MAC | NET_CTRL_VQ | NET_CTRL_RX | NET_CTRL_VLAN | NET_CTRL_MAC_ADDR,
	  set_net, report_net, poll_net },
	{ BLOCK, BLK_FLUSH | BLK_CONFIG_WCE, set_block, report_block, poll_nothing },
	{ CONSOLE, CONSOLE_MULTIPORT, set_console, report_nothing, poll_console },
	{ ENTROPY, 0, set_entropy, report_entropy, poll_nothing },
	{ BALLOON, 0, set_balloon, report_balloon, poll_nothing },
	{ SOCKET, 0, set_socket, report_socket, poll_socket },
	{ FOLDER, 0, set_folder, report_folder, poll_nothing },
};

static const struct kind *kind_of(const struct device *dev)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].id == dev->id)
			return &kinds[i];
	return NULL;
}

static void start_device(uint64_t gpa)
{
	struct device *dev = &devices[ndevices];
	const struct kind *kind;

	if (ndevices == MAX_DEVICES || !device_find(dev, gpa))
		return;
	kind = kind_of(dev);
	if (!kind)
		return;
	if (!device_negotiate(dev, FEATURE_VERSION_1 | kind->features) ||
	    !device_start(dev)) {
		fault("a device does not start");
		return;
	}
	kind->set(dev);
	ndevices++;
}

static void report_all(void)
{
	unsigned int i;

	for (i = 0; i < ndevices; i++)
		kind_of(&devices[i])->report(&devices[i], i);
	print("ready\n");
}

static void poll_all(void)
{
	unsigned int i;

	for (i = 0; i < ndevices; i++)
		kind_of(&devices[i])->poll(&devices[i], i);
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	unsigned int i;
	int c;

	if (cpu)
		return;
	for (i = 0; i < boot->ndevices; i++)
		start_device(boot->devices[i].gpa);
	report_all();
	for (;;) {
		c = byte_soon(1000);
		poll_all();
		if (c == 'r')
			report_all();
		else if (c == 'q')
			power_off(faults != 0);
	}
}
