/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bytes as a vhost-user front-end and the guest behind it: messages with
 * descriptors, and what is in the guest's memory. Random bytes seldom form a
 * handshake, so the input is a script whose operations send a message of the
 * input, send one that is right, or let the guest or the owner do something.
 *
 * An operation is a byte, its lower three bits the kind (enum kind), the upper
 * five an argument; operands follow. How many inputs came as far as a served
 * chain is said at the end.
 */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/backend.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

enum kind {
	MESSAGE,	/* number, flags, descriptors, size: bytes of the input */
	RIGHT,		/* a message that is right: enum right, and a ring */
	RAW,		/* arg bytes of the input, as they are */
	MEMORY,		/* address (2 bytes), then arg bytes into the memory */
	OFFER,		/* a sound chain in ring arg */
	SERVE,		/* the owner serves its rings */
	OWNER,		/* enum action */
	DISPATCH,	/* the session dispatches */
};

enum right { PROTOCOL, FEATURES, TABLE, SLOT, NUM, BASE, ADDR, KICK, CALL,
	     ENABLE, DISABLE, STOP, REQUESTS, CONFIG, RIGHTS };

enum action { HOLD, ANSWER, CHANGE, CLOSE, HANG_UP, ACTIONS };

/* Kinds of descriptors that are sent. */
enum fd_kind { MEMFD, EVENTFD, PIPE_READ, PIPE_WRITE, SOCKET, FILE_FD, PATH_FD,
	       EPOLL, FD_KINDS };

#define RINGS 3u
#define SIZE 8u			/* entries of a ring */
#define MEMORY_SIZE 0x10000u
#define UADDR UINT64_C(0x100000000)
#define MAX_DISPATCHES 64u
#define DEVICE_FEATURES (UINT64_C(0x130000000) | VHOST_USER_F_RING_PACKED)
#define SPLIT_FEATURES (UINT64_C(0x100000000) | VHOST_USER_F_PROTOCOL_FEATURES)

struct input {
	const uint8_t *data;
	size_t size;
};

struct fuzz {
	struct vhost_user_backend *b;
	int sock;
	bool running[RINGS];
	bool holds;
	uint64_t token;		/* not 0: unanswered */
	unsigned int served;
	bool out_of_step;	/* messages may have been cut, or none can come */
};

static int fds[FD_KINDS], channel_end;
static unsigned char *memory;
static uint64_t inputs, reached;

static uint8_t take(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static const uint8_t *take_bytes(struct input *in, size_t *n)
{
	const uint8_t *p = in->data;

	if (*n > in->size)
		*n = in->size;
	in->data += *n;
	in->size -= *n;
	return p;
}

/* owner */

static int get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	(void)opaque;
	memset(buf, (int)off, len);
	return 0;
}

static void run(void *opaque, uint32_t ring)
{
	struct fuzz *f = opaque;

	if (f->running[ring])
		abort();
	f->running[ring] = true;
}

static void quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct fuzz *f = opaque;
	uint32_t i;

	(void)drain;
	if (f->token)
		abort();	/* one question at a time */
	for (i = 0; i < RINGS; i++)
		if (ring == VHOST_USER_ALL_RINGS || ring == i)
			f->running[i] = false;
	if (f->holds)
		f->token = token;
	else
		vhost_user_backend_done(f->b, token);
}

static void reset(void *opaque)
{
	struct fuzz *f = opaque;
	uint32_t i;

	for (i = 0; i < RINGS; i++)
		if (f->running[i])
			abort();
}

static void gone(void *opaque, const struct vsu_error *err)
{
	struct fuzz *f = opaque;

	if (!err->code || !err->msg[0] || f->token)
		abort();
	vhost_user_backend_free(f->b);
	f->b = NULL;
}

static const struct vhost_user_backend_ops ops = {
	.size = sizeof(ops),
	.get_config = get_config,
	.run = run,
	.quiesce = quiesce,
	.reset = reset,
	.gone = gone,
};

static void serve_ring(struct fuzz *f, uint32_t ring)
{
	struct vq *q = vhost_user_backend_vq(f->b, ring);
	struct iovec iov[8];
	struct vq_chain chain = { .iov = iov, .iov_max = 8 };
	unsigned int i, n;

	for (n = 0; n < 2 * SIZE && vq_pop(q, &chain) == 1; n++) {
		for (i = 0; i < chain.nwritable; i++)
			memset(iov[chain.nreadable + i].iov_base, 0x5a,
			       iov[chain.nreadable + i].iov_len);
		vq_push(q, &chain, chain.writable_len);
	}
	f->served += n;
	if (vq_publish(q))
		vhost_user_backend_call(f->b, ring);
	if (vq_broken(q))
		vhost_user_backend_ring_error(f->b, ring);
}

static void serve(struct fuzz *f)
{
	uint32_t i;

	for (i = 0; f->b && i < RINGS; i++)
		if (f->running[i])
			serve_ring(f, i);
}

/* front-end */

static void drop_replies(struct fuzz *f)
{
	char buf[4096];

	while (recv(f->sock, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	while (recv(channel_end, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void dispatch_all(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; f->b && i < MAX_DISPATCHES; i++)
		if (vhost_user_backend_dispatch(f->b) != 1)
			break;
	drop_replies(f);
}

static void send_message(struct fuzz *f, uint32_t request, uint32_t flags,
			 const void *payload, uint32_t size, const int *with,
			 unsigned int n)
{
	struct vhost_user_header hdr = { request, flags, size };
	struct iovec iov[2] = {
		{ &hdr, sizeof(hdr) },
		{ (void *)(uintptr_t)payload, size },
	};

	(void)!vsu_sock_send(f->sock, iov, 2, with, n);
}

/*
 * The byte for descriptors: two bits how many, the others which. The numbers
 * beyond the known ones are there, too.
 */
static void send_input(struct fuzz *f, struct input *in)
{
	uint32_t request = take(in), flags = take(in), which = take(in);
	size_t size = take(in), i, n = which & 3;
	const uint8_t *payload = take_bytes(in, &size);
	int with[3];

	for (i = 0; i < n; i++)
		with[i] = fds[(which >> (2 + 2 * i)) % FD_KINDS];
	if (request > 60)
		request <<= 8;
	send_message(f, request, flags ^ VHOST_USER_HDR_VERSION, payload,
		     (uint32_t)size, with, (unsigned int)n);
}

static uint64_t at(uint32_t ring, uint32_t area)
{
	return 0x1000u * (1 + 4 * ring + area);
}

/* Which request a right message is, its payload's first words, its fd. */
static void send_right(struct fuzz *f, enum right what, uint32_t ring)
{
	static const uint32_t requests[RIGHTS] = {
		[PROTOCOL] = VHOST_USER_SET_PROTOCOL_FEATURES,
		[FEATURES] = VHOST_USER_SET_FEATURES,
		[TABLE] = VHOST_USER_SET_MEM_TABLE,
		[SLOT] = VHOST_USER_ADD_MEM_REG,
		[NUM] = VHOST_USER_SET_VRING_NUM,
		[BASE] = VHOST_USER_SET_VRING_BASE,
		[ADDR] = VHOST_USER_SET_VRING_ADDR,
		[KICK] = VHOST_USER_SET_VRING_KICK,
		[CALL] = VHOST_USER_SET_VRING_CALL,
		[ENABLE] = VHOST_USER_SET_VRING_ENABLE,
		[DISABLE] = VHOST_USER_SET_VRING_ENABLE,
		[STOP] = VHOST_USER_GET_VRING_BASE,
		[REQUESTS] = VHOST_USER_SET_BACKEND_REQ_FD,
		[CONFIG] = VHOST_USER_GET_CONFIG,
	};
	static const uint32_t sizes[RIGHTS] = {
		8, 8, 40, 40, 8, 8, 40, 8, 8, 8, 8, 8, 0, 12
	};
	static const int with[RIGHTS] = {
		-1, -1, MEMFD, MEMFD, -1, -1, -1, EVENTFD, EVENTFD, -1, -1, -1,
		SOCKET, -1
	};
	const uint64_t addr[5] = { ring, UADDR + at(ring, 0),
				   UADDR + at(ring, 2), UADDR + at(ring, 1) };
	const uint64_t table[5] = { what == TABLE, 0, MEMORY_SIZE, UADDR, 0 };
	const uint32_t state[3] = { ring, what == NUM ? SIZE :
				    what == ENABLE, 0 };
	uint64_t word = what == PROTOCOL ? 0x1a229 :
			what == FEATURES ? SPLIT_FEATURES : ring;
	const void *payload = what == ADDR ? (const void *)addr :
			      what == TABLE || what == SLOT ? table :
			      sizes[what] == 8 && what >= NUM && what != KICK &&
			      what != CALL ? (const void *)state :
			      (const void *)&word;
	const uint32_t config[3] = { 0, 20, 0 };

	if (what == CONFIG)
		payload = config;
	send_message(f, requests[what], ring & 1 ? 1 : 9, payload, sizes[what],
		     with[what] < 0 ? NULL : &fds[with[what]], with[what] >= 0);
}

/* One writable buffer, as a driver would; the ring may be nonsense by now. */
static void offer(uint32_t ring)
{
	unsigned char *desc = memory + at(ring, 0), *avail = memory + at(ring, 1);
	struct vsu_le64 buffer = vsu_le64_make(at(ring, 3));
	struct vsu_le32 len = vsu_le32_make(64);
	struct vsu_le16 flags = vsu_le16_make(2), idx, le_head;
	uint16_t n, head;

	memcpy(&idx, avail + 2, 2);
	n = vsu_le16_load(idx);
	head = n % SIZE;
	le_head = vsu_le16_make(head);
	memcpy(desc + 16 * head, &buffer, 8);
	memcpy(desc + 16 * head + 8, &len, 4);
	memcpy(desc + 16 * head + 12, &flags, 2);
	memcpy(avail + 4 + 2 * head, &le_head, 2);
	idx = vsu_le16_make((uint16_t)(n + 1));
	memcpy(avail + 2, &idx, 2);
}

static void store(struct input *in, size_t n)
{
	uint32_t where = take(in);
	const uint8_t *p;

	where |= (uint32_t)take(in) << 8;
	p = take_bytes(in, &n);
	if (n > MEMORY_SIZE - where)
		n = MEMORY_SIZE - where;
	if (n)
		memcpy(memory + where, p, n);
}

static void answer(struct fuzz *f)
{
	uint64_t token = f->token;

	f->token = 0;
	if (token)
		vhost_user_backend_done(f->b, token);
}

static void act(struct fuzz *f, enum action what)
{
	switch (what) {
	case HOLD:
		f->holds = !f->holds;
		break;
	case ANSWER:
		answer(f);
		break;
	case CHANGE:
		vhost_user_backend_config_changed(f->b);
		break;
	case CLOSE:
		vhost_user_backend_close(f->b);
		break;
	default:
		shutdown(f->sock, SHUT_WR);
		f->out_of_step = true;
		break;
	}
}

static void operate(struct fuzz *f, struct input *in)
{
	uint8_t op = take(in), arg = op >> 3;
	size_t n = arg;

	switch ((enum kind)(op & 7)) {
	case MESSAGE:
		send_input(f, in);
		break;
	case RIGHT:
		send_right(f, arg % RIGHTS, take(in) % (RINGS + 1));
		break;
	case RAW: {
		const uint8_t *p = take_bytes(in, &n);

		send(f->sock, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		f->out_of_step = true;
		break;
	}
	case MEMORY:
		store(in, n);
		break;
	case OFFER:
		offer(arg % RINGS);
		break;
	case SERVE:
		serve(f);
		break;
	case OWNER:
		act(f, arg % ACTIONS);
		break;
	default:
		dispatch_all(f);
		break;
	}
}

/* once */

static void report(void)
{
	printf("# %" PRIu64 " of %" PRIu64 " inputs had a chain served\n",
	       reached, inputs);
}

static void make_fds(void)
{
	int ends[2], pipe_ends[2];

	fds[MEMFD] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fds[MEMFD] < 0 || ftruncate(fds[MEMFD], MEMORY_SIZE) < 0 ||
	    pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    vsu_sock_pair(ends) < 0)
		abort();
	memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fds[MEMFD], 0);
	if (memory == MAP_FAILED)
		abort();
	fds[EVENTFD] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[PIPE_READ] = pipe_ends[0];
	fds[PIPE_WRITE] = pipe_ends[1];
	fds[SOCKET] = ends[0];
	channel_end = ends[1];
	fds[FILE_FD] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[PATH_FD] = open("/", O_PATH | O_CLOEXEC);
	fds[EPOLL] = epoll_create1(EPOLL_CLOEXEC);
	atexit(report);
}

static int start(struct fuzz *f)
{
	const struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = DEVICE_FEATURES,
		.nrings = RINGS,
		.queue_max = 256,
		.config_size = 20,
		.max_slots = 4,
	};
	int ends[2];

	if (vsu_sock_pair(ends) < 0)
		return -1;
	f->sock = ends[0];
	return vhost_user_backend_new_take_fd(ends[1], &config, &ops, f, &f->b,
					      NULL);
}

/*
 * Whatever came before: a session that lives and is in step can be set up
 * rightly and serves.
 */
static void serve_once_more(struct fuzz *f)
{
	static const enum right set_up[] = {
		PROTOCOL, FEATURES, TABLE, NUM, BASE, ADDR, KICK, CALL, ENABLE
	};
	unsigned int i, before;

	f->holds = false;
	answer(f);
	dispatch_all(f);
	for (i = 0; f->b && i < RINGS; i++)
		send_right(f, STOP, i);
	dispatch_all(f);
	memset(memory, 0, MEMORY_SIZE);
	for (i = 0; f->b && i < sizeof(set_up) / sizeof(set_up[0]); i++)
		send_right(f, set_up[i], 0);
	dispatch_all(f);
	offer(0);
	before = f->served;
	serve(f);
	if (f->b && !f->out_of_step && f->served != before + 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct fuzz f = { .sock = -1 };

	if (!memory)
		make_fds();
	memset(memory, 0, MEMORY_SIZE);
	if (start(&f) < 0)
		abort();
	while (in.size && f.b)
		operate(&f, &in);
	dispatch_all(&f);
	serve(&f);
	if (f.b)
		serve_once_more(&f);
	inputs++;
	reached += f.served > 0;
	close(f.sock);
	f.holds = false;
	if (f.b)
		answer(&f);
	dispatch_all(&f);
	if (f.b)
		abort();	/* a session ends with its peer */
	return 0;
}
