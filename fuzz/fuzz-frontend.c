/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A hostile vhost-user back-end: its replies, and its requests on the back-end
 * channel. Random bytes seldom form a reply, so the input is a script whose
 * operations reply correctly, reply wrongly, send raw bytes, or make the owner of the
 * session act.
 *
 * An operation is a byte, its lower three bits the kind (enum kind), the upper
 * five an argument; operands follow. The bits of the input's last byte select the
 * session: bit 7, it reconnects; bit 6, all protocol features are negotiated; bit 5,
 * postcopy; bit 4, rings with I/O addresses and in-band notifications. Finally prints
 * the number of sessions per second that reached started rings, and beyond.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/frontend.h>
#include <vhost/protocol.h>
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "owner.h"

enum kind {
	ANSWER,		/* correct reply to the oldest request */
	ANSWER_VALUE,	/* correct reply that begins with 8 bytes of the input */
	SEND,		/* arg bytes of the input, unchanged */
	ASK,		/* arg bytes of the input over the channel */
	OWNER,		/* enum action */
	ANSWER_ALL,
	REQUEST,	/* a whole request over the channel, number: a byte */
	HANG_UP,
};

/* Argument bits of REQUEST. */
#define WITH_FD		1u
#define WITH_PAYLOAD	2u	/* else none */
#define FROM_INPUT	4u	/* payload of the input; else a small mapping */
#define HELD		8u	/* the owner keeps unmapped memory for some time */
#define RIGHT_SIZE	16u	/* the payload has the length of the request */

enum action { START, STOP, GET_CONFIG, SET_CONFIG, GROW, SHRINK, CALL, RESET,
	      ACTIONS };

/* Selected by the byte after the action RESET, unless its argument is 7. */
enum device_action { PARK, LOG, ANNOUNCE, MTU, OPEN_SESSION, CLOSE_SESSION,
		     SAVE, CHECK, OBJECT, GPU, KICK, ADVISE, LISTEN, ARRIVED,
		     UPDATE, INVALIDATE, DEVICE_ACTIONS };

#define MIB (UINT64_C(1) << 20)
#define MAX_WAITING 1024u
#define MAX_TURNS 64u
#define FEATURES HONEST_FEATURES

struct input {
	const uint8_t *data;
	size_t size;
};

/* The other side of the session. */
struct peer {
	int sock, back;
	unsigned int connections; /* connections that may still be made */
	bool listening;		/* in postcopy, with other replies to tables */
	uint8_t with;		/* the input's last byte */
	struct owner owner;
	struct vhost_user_mem_table table;	/* the last table */
	struct vhost_user_inflight inflight;	/* as requested by the front-end */
	struct vhost_user_header waiting[MAX_WAITING];
	unsigned int first, n;
};

static uint64_t inputs, started, reconnected, began_ns;
static uint64_t missed, placed, called;
static struct vmem_map *small_map, *large_map;
static int event_fd = -1, file_fd = -1;

#define PAGE HONEST_PAGE

static uint8_t take_byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static size_t take(struct input *in, void *buf, size_t len)
{
	if (len > in->size)
		len = in->size;
	memcpy(buf, in->data, len);
	in->data += len;
	in->size -= len;
	return len;
}

static struct vmem_region *new_region(uint64_t gpa)
{
	struct vmem_fd_desc desc = {
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = MIB,
	};
	struct vmem_region_desc region = { .gpa = gpa, .len = MIB };
	struct vmem_region *out;

	desc.fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (desc.fd < 0 || ftruncate(desc.fd, (off_t)MIB) < 0 ||
	    vmem_block_new_fd(&desc, &region.block, NULL) < 0 ||
	    vmem_region_new(&region, &out, NULL) < 0)
		abort();
	vmem_block_unref(region.block);
	close(desc.fd);
	return out;
}

static void report(void)
{
	double seconds = (double)(vsu_now_ns() - began_ns) / 1e9;

	printf("# %.0f sessions with started rings per second, %" PRIu64
	       " of %" PRIu64 " inputs; %" PRIu64 " connected again\n",
	       (double)started / seconds, started, inputs, reconnected);
	printf("# %" PRIu64 " were asked for an I/O address, %" PRIu64
	       " heard where memory is in postcopy, %" PRIu64
	       " were called in band\n", missed, placed, called);
}

/* Created once for all inputs; never modified. */
static void make_maps(void)
{
	struct vmem_region *regions[2];

	if (small_map)
		return;
	regions[0] = new_region(0);
	regions[1] = new_region(4 * MIB);
	if (vmem_map_from_regions(regions, 1, &small_map, NULL) < 0 ||
	    vmem_map_from_regions(regions, 2, &large_map, NULL) < 0)
		abort();
	vmem_region_unref(regions[0]);
	vmem_region_unref(regions[1]);
	event_fd = vsu_event_new();
	file_fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (file_fd < 0 || ftruncate(file_fd, (off_t)WINDOW) < 0)
		abort();
	began_ns = vsu_now_ns();
	atexit(report);
}

static void keep_channel(struct peer *p, struct msghdr *msg, uint32_t request)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t i, n;
	int fd;

	if (!cmsg)
		return;
	n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (request != VHOST_USER_SET_BACKEND_REQ_FD || p->back >= 0)
			close(fd);
		else
			p->back = fd;
	}
}

/* Receives one complete message of the front-end; -1: none. */
static int receive(struct peer *p, struct vhost_user_header *hdr)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control;
	unsigned char payload[4096];
	struct iovec iov = { hdr, sizeof(*hdr) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(p->sock, &msg, MSG_DONTWAIT) != (ssize_t)sizeof(*hdr))
		return -1;
	keep_channel(p, &msg, hdr->request);
	if (hdr->size && recv(p->sock, payload, hdr->size, MSG_DONTWAIT) !=
			 (ssize_t)hdr->size)
		return -1;
	if (hdr->request == VHOST_USER_GET_INFLIGHT_FD)
		memcpy(&p->inflight, payload, sizeof(p->inflight));
	if (hdr->request == VHOST_USER_SET_MEM_TABLE &&
	    hdr->size <= sizeof(p->table))
		memcpy(&p->table, payload, hdr->size);
	return 0;
}

static void collect(struct peer *p)
{
	struct vhost_user_header hdr;

	while (p->n < MAX_WAITING && !receive(p, &hdr)) {
		if (hdr.request == VHOST_USER_POSTCOPY_LISTEN)
			p->listening = true;
		if (hdr.request == VHOST_USER_POSTCOPY_END)
			p->listening = false;
		if (!honest_answers(&hdr, p->listening))
			continue;
		p->waiting[(p->first + p->n) % MAX_WAITING] = hdr;
		p->n++;
	}
}

static int honest_fd(uint32_t request)
{
	switch (request) {
	case VHOST_USER_GET_INFLIGHT_FD:
	case VHOST_USER_GET_SHARED_OBJECT:
		return file_fd;
	case VHOST_USER_POSTCOPY_ADVISE:
		return event_fd;
	}
	return -1;
}

static void send_bytes(int sock, const void *buf, size_t len, int fd)
{
	/* iovec has no const form */
	struct iovec iov = { (void *)(uintptr_t)buf, len };

	if (sock >= 0 && len)
		(void)!vsu_sock_send(sock, &iov, 1, &fd, fd >= 0);
}

static void fill_answer(const struct peer *p,
			const struct vhost_user_header *asked, uint64_t value,
			bool twisted, unsigned char *to)
{
	const uint64_t window = WINDOW;

	if (asked->request == VHOST_USER_GET_INFLIGHT_FD)
		memcpy(to, &p->inflight, sizeof(p->inflight));
	if (asked->request == VHOST_USER_SET_MEM_TABLE && p->listening) {
		memcpy(to, &p->table, sizeof(p->table));
		value = (twisted ? value : 0) ^ p->table.nregions;
	}
	memcpy(to, &value, sizeof(value));
	if (asked->request == VHOST_USER_GET_SHMEM_CONFIG)
		memcpy(to + 8, &window, sizeof(window));
}

static void answer(struct peer *p, struct input *in, bool twisted, bool with_fd)
{
	const struct vhost_user_header *asked = &p->waiting[p->first];
	unsigned char buf[4096] = { 0 };
	struct vhost_user_header hdr;
	uint64_t value;

	if (!p->n)
		return;
	hdr.request = asked->request;
	hdr.flags = VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY;
	hdr.size = honest_size(asked, p->listening);
	value = honest_value(asked->request);
	if (twisted)
		take(in, &value, sizeof(value));
	memcpy(buf, &hdr, sizeof(hdr));
	fill_answer(p, asked, value, twisted, buf + sizeof(hdr));
	send_bytes(p->sock, buf, sizeof(hdr) + hdr.size,
		   with_fd ? event_fd : honest_fd(asked->request));
	p->first = (p->first + 1) % MAX_WAITING;
	p->n--;
}

static void send_raw(struct input *in, int sock, uint8_t arg)
{
	unsigned char buf[32];
	size_t len = take(in, buf, (size_t)arg + 1);

	send_bytes(sock, buf, len, arg & 1 ? event_fd : -1);
}

/* A byte selects the pages, so that ranges often overlap. */
static struct vhost_user_shmem_mmap small_mapping(uint8_t where)
{
	const struct vhost_user_shmem_mmap m = {
		.shm_offset = where % 8 * PAGE,
		.len = (where / 8 % 4 + 1) * PAGE,
		.fd_offset = where % 8 * PAGE,
		.flags = where / 64 & VHOST_USER_SHMEM_RW,
	};

	return m;
}

static void send_request(struct peer *p, struct input *in, uint8_t arg)
{
	unsigned char buf[sizeof(struct vhost_user_header) + 40] = { 0 };
	struct vhost_user_header hdr = {
		take_byte(in),
		VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY, 0
	};
	struct vhost_user_shmem_mmap m;

	hdr.size = arg & WITH_PAYLOAD ? (uint32_t)sizeof(m) : 0;
	if (arg & RIGHT_SIZE)
		hdr.size = honest_request_size(hdr.request);
	p->owner.hold_next = arg & HELD;
	memcpy(buf, &hdr, sizeof(hdr));
	if (arg & FROM_INPUT) {
		take(in, buf + sizeof(hdr), hdr.size);
	} else if (hdr.size) {
		m = small_mapping(take_byte(in));
		memcpy(buf + sizeof(hdr), &m, sizeof(m));
	}
	send_bytes(p->back, buf, sizeof(hdr) + hdr.size,
		   arg & WITH_FD ? file_fd : -1);
}

static void describe_ring(struct vhost_user_frontend *f, uint32_t index,
			  bool in_band)
{
	const struct vhost_user_ring ring = {
		.size = 64, .desc_gpa = 0x1000, .driver_gpa = 0x2000,
		.device_gpa = 0x3000, .kick_fd = in_band ? -1 : event_fd,
		.call_fd = in_band ? -1 : event_fd, .err_fd = -1,
	};

	(void)!vhost_user_frontend_set_ring(f, index, &ring, NULL);
}

/* Operations for a device in postcopy or behind an IOMMU. */
static void ask_memory(struct vhost_user_frontend *f, enum device_action what,
		       uint8_t arg)
{
	const struct vmem_iotlb_entry e = owner_entry(arg);

	switch (what) {
	case ADVISE:
		(void)!vhost_user_frontend_postcopy_advise(f, NULL);
		break;
	case LISTEN:
		(void)!vhost_user_frontend_postcopy_listen(f, NULL);
		break;
	case ARRIVED:
		(void)!vhost_user_frontend_postcopy_end(f, NULL);
		break;
	case UPDATE:
		(void)!vhost_user_frontend_iotlb_update(f, &e, NULL);
		break;
	case INVALIDATE:
		(void)!vhost_user_frontend_iotlb_invalidate(f, e.iova, e.len,
							    NULL);
		break;
	default:
		(void)!vhost_user_frontend_kick(f, arg, NULL);
		break;
	}
}

/* Requests for particular devices. */
static void ask_device(struct vhost_user_frontend *f,
		       enum device_action what, uint8_t arg)
{
	static const unsigned char name[16] = { 1, 2, 3 };

	switch (what) {
	case PARK:
		(void)!vhost_user_frontend_park(f, NULL);
		break;
	case LOG:
		(void)!vhost_user_frontend_set_log(f, arg & 16 ? -1 : file_fd,
						   WINDOW, 0, NULL);
		break;
	case ANNOUNCE:
		(void)!vhost_user_frontend_announce(f, name, NULL);
		break;
	case MTU:
		(void)!vhost_user_frontend_set_mtu(f, 1500, NULL);
		break;
	case OPEN_SESSION:
		(void)!vhost_user_frontend_open_session(f, arg, name,
							sizeof(name), NULL);
		break;
	case CLOSE_SESSION:
		(void)!vhost_user_frontend_close_session(f, arg, NULL);
		break;
	case SAVE:
		(void)!vhost_user_frontend_move_state(f, arg & 16, event_fd,
						      NULL);
		break;
	case CHECK:
		(void)!vhost_user_frontend_check_state(f, NULL);
		break;
	case OBJECT:
		(void)!vhost_user_frontend_get_object(f, name, NULL);
		break;
	case GPU:
		(void)!vhost_user_frontend_set_gpu_socket(f, event_fd, NULL);
		break;
	default:
		ask_memory(f, what, arg);
		break;
	}
}

static void start_rings(struct vhost_user_frontend *f, uint8_t with,
			uint32_t index)
{
	const bool platform = with & WITH_IOMMU;

	describe_ring(f, 0, platform);
	if (index)
		describe_ring(f, index, false);
	(void)!vhost_user_frontend_set_memory(f, small_map, NULL);
	(void)!vhost_user_frontend_start(f, FEATURES |
			(platform ? VHOST_USER_F_ACCESS_PLATFORM : 0), NULL);
}

static void act(struct vhost_user_frontend *f, struct input *in, uint8_t arg,
		uint8_t with)
{
	switch (arg % ACTIONS) {
	case START:
		start_rings(f, with, arg / ACTIONS);
		break;
	case STOP:
		(void)!vhost_user_frontend_stop(f, NULL);
		break;
	case GET_CONFIG:
		(void)!vhost_user_frontend_get_config(f, 0, 60, NULL);
		break;
	case SET_CONFIG:
		(void)!vhost_user_frontend_set_config(f, arg, "fuzz", 4,
						      arg & 8, NULL);
		break;
	case GROW:
		(void)!vhost_user_frontend_set_memory(f, large_map, NULL);
		break;
	case SHRINK:
		(void)!vhost_user_frontend_set_memory(f, small_map, NULL);
		break;
	case CALL:
		(void)!vhost_user_frontend_set_call(f, arg / ACTIONS,
						    arg & 8 ? -1 : event_fd,
						    NULL);
		break;
	case RESET:
		if (arg == RESET)
			(void)!vhost_user_frontend_reset(f, NULL);
		else
			ask_device(f, take_byte(in) % DEVICE_ACTIONS, arg);
		break;
	}
}

static void operate(struct vhost_user_frontend *f, struct peer *p,
		    struct input *in)
{
	uint8_t op = take_byte(in), arg = op >> 3;

	collect(p);
	switch ((enum kind)(op & 7)) {
	case ANSWER:
		answer(p, in, false, false);
		break;
	case ANSWER_VALUE:
		answer(p, in, true, arg & 1);
		break;
	case SEND:
		send_raw(in, p->sock, arg);
		break;
	case ASK:
		send_raw(in, p->back, arg);
		break;
	case OWNER:
		act(f, in, arg, p->with);
		break;
	case ANSWER_ALL:
		while (p->n)
			answer(p, in, false, false);
		break;
	case REQUEST:
		send_request(p, in, arg);
		break;
	case HANG_UP:
		shutdown(arg & 1 ? p->back : p->sock, SHUT_RDWR);
		break;
	}
}

static struct peer *peer_of(struct owner *o)
{
	return (struct peer *)(void *)((char *)o - offsetof(struct peer, owner));
}

/*
 * Connects the next back-end; pending replies to the previous one are dropped.
 */
static int connect_again(void *opaque, struct vsu_error *err)
{
	struct peer *p = peer_of(opaque);
	int pair[2];

	if (!p->connections)
		return vsu_error_set(err, -ECONNREFUSED, "nobody is there");
	p->connections--;
	if (vsu_sock_pair(pair) < 0)
		abort();
	close(p->sock);
	vsu_fd_close(&p->back);
	p->sock = pair[1];
	p->n = 0;
	p->listening = false;
	return pair[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "fuzz",
		.timeout_ns = UINT64_MAX / 4,	/* no result depends on time */
		.reconnect_ns = 1,
	};
	struct input in = { data, size };
	struct vhost_user_frontend_device_ops device;
	struct vhost_user_frontend_ops wanted;
	struct peer p = {
		.back = -1, .connections = 2,
		.with = size ? data[size - 1] & 0xf0 : 0,
	};
	struct vhost_user_frontend *f;
	unsigned int turns;
	int pair[2], rc = 0;

	make_maps();
	/* an undrained stop is negotiated only if the owner names it */
	if (p.with & WITH_ALL)
		config.protocol_features = UINT64_MAX;
	owner_ops(&wanted, &device, p.with);
	if (p.with & WITH_RETURN)
		wanted.connect = connect_again;
	if (vsu_sock_pair(pair) < 0 ||
	    vhost_user_frontend_new_take_fd(pair[0], &config, &wanted, &p.owner,
					    &f,
					    NULL) < 0)
		abort();
	p.sock = pair[1];
	p.owner.f = f;
	p.owner.file_fd = file_fd;
	while (in.size && rc >= 0) {
		operate(f, &p, &in);
		for (turns = 0; turns < MAX_TURNS; turns++) {
			rc = vhost_user_frontend_dispatch(f);
			if (rc != 1)
				break;
		}
		if (in.size % 4 == 0)
			owner_let_go(&p.owner);
	}
	p.owner.hold_next = false;
	vhost_user_frontend_free(f);
	owner_let_go(&p.owner);
	close(p.sock);
	vsu_fd_close(&p.back);
	inputs++;
	started += p.owner.has_started;
	reconnected += p.owner.came_back;
	missed += p.owner.has_missed;
	placed += p.owner.has_placed;
	called += p.owner.was_called;
	return 0;
}
