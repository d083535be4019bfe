/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random bytes as a vhost-user front-end and the guest behind it: messages with
 * descriptors, and content of the guest's memory. Random bytes seldom form a handshake, so
 * the input is a script. Its operations send a message of the input or a valid one
 * (right.h), or make the guest or the owner act. An operation is a byte: the lower three
 * bits are its kind (enum kind), the upper five an argument; operands follow.
 *
 * Bits of the input's last byte select the session: the highest one, a device that may be
 * behind an IOMMU and receives kicks in band; the next one, memory that may arrive after
 * the guest (postcopy). Finally prints the number of sessions per second that reached a
 * running ring, and of those that served a chain or reached more.
 */
#include <config.h>

#include <errno.h>
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
#include <vhost/backend_device.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "kinds.h"
#include "right.h"

enum kind {
	MESSAGE,	/* number, flags, descriptors, size; then bytes of the input */
	RIGHT,		/* a valid message: enum right, from arg and bit 7 of the next byte,
			   whose other bits are a ring */
	RAW,		/* arg bytes of the input, unchanged */
	MEMORY,		/* address (2 bytes), then arg bytes into the memory */
	OFFER,		/* a valid chain in ring arg */
	SERVE,		/* the owner serves its rings */
	OWNER,		/* enum action */
	DISPATCH,	/* the session dispatches */
};

enum action { HOLD, ANSWER, CHANGE, CLOSE, HANG_UP, KEEP, ADD_OBJECT,
	      LOOK_UP, NOTIFIER, FOUND, NOWHERE, BREAK, ACTIONS };

/* The bits of an input's last byte. */
#define WITH_IOMMU	0x80u
#define WITH_POSTCOPY	0x40u

#define MAX_DISPATCHES 64u
#define ENTRIES 4u
#define DEVICE_FEATURES (UINT64_C(0x130000000) | VHOST_USER_F_RING_PACKED)

struct input {
	const uint8_t *data;
	size_t size;
};

struct fuzz {
	struct vhost_user_backend *b;
	int sock;
	bool running[RINGS];
	bool waits[RINGS];	/* a translation is missing: run is called again */
	int kick[RINGS];	/* kept across a change of memory; 0: no */
	bool holds;
	bool keeps;		/* the last chain of a turn stays popped */
	bool deep;		/* a stop that leaves requests was negotiated */
	uint64_t token;		/* not 0: an unanswered request */
	bool of_state;		/* the request concerns a state transfer */
	bool ran;
	bool missed, translated;	/* a chain waited; one was served */
	bool listened;
	uint8_t with;			/* the input's last byte */
	unsigned int served;
	bool out_of_step;	/* messages may have been truncated, or no further one is
				   possible */
};

/* A popped chain of a ring that was not pushed. */
static struct kept {
	struct iovec iov[8];
	struct vq_chain chain;
	bool is_there;
} kept_rings[RINGS];

static int fds[FD_KINDS], channel_end;
static unsigned char *memory;
static uint64_t inputs, reached, ran, began_ns;
static uint64_t missed, translated, listened, kicked;
static uint64_t offered[256];	/* protocol features, with these bits */

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

static void run(void *opaque, uint32_t ring)
{
	struct fuzz *f = opaque;

	/* behind an IOMMU a reply may arrive for a ring that runs already */
	if (f->running[ring] && !f->waits[ring] &&
	    !(vhost_user_backend_features(f->b) & VHOST_USER_F_ACCESS_PLATFORM))
		abort();
	if (f->kick[ring] &&
	    vhost_user_backend_kick_fd(f->b, ring) != f->kick[ring])
		abort();
	f->running[ring] = f->ran = true;
	f->waits[ring] = false;
}

static void push_kept(struct fuzz *f, uint32_t ring)
{
	struct kept *k = &kept_rings[ring];

	if (k->is_there)
		vq_push(vhost_user_backend_vq(f->b, ring), &k->chain, 0);
	k->is_there = false;
}

static void quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct fuzz *f = opaque;
	uint32_t i;

	if (f->token)
		abort();	/* only one request at a time */
	for (i = 0; i < RINGS; i++) {
		if (ring != VHOST_USER_ALL_RINGS && ring != i)
			continue;
		f->running[i] = false;
		f->kick[i] = vhost_user_backend_keep_kick(f->b, i) ?
			     vhost_user_backend_kick_fd(f->b, i) : 0;
		if (drain && kept_rings[i].is_there) {
			push_kept(f, i);
			vq_publish(vhost_user_backend_vq(f->b, i));
		}
	}
	f->of_state = false;
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
		if (f->running[i] || kept_rings[i].is_there)
			abort();
}

static void park(void *opaque, uint32_t ring)
{
	struct fuzz *f = opaque;

	if (f->running[ring])
		abort();
	push_kept(f, ring);
}

static int get_object(void *opaque, const unsigned char *uuid, int *fd)
{
	(void)opaque;
	if (uuid[0])
		return -ENOENT;
	*fd = dup(fds[MEMFD]);
	return 0;
}

static int take_state_fd(void *opaque, bool load, int fd)
{
	struct fuzz *f = opaque;
	uint32_t i;

	for (i = 0; i < RINGS; i++)
		if (f->running[i])
			abort();
	if (load && f->holds)
		return -EIO;
	close(fd);
	return 0;
}

static void check_state(void *opaque, uint64_t token)
{
	struct fuzz *f = opaque;

	if (f->token)
		abort();
	f->of_state = true;
	if (f->holds)
		f->token = token;
	else
		vhost_user_backend_state_done(f->b, token, 0);
}

static void answered(void *opaque, uint64_t cookie, int result, int fd)
{
	(void)opaque;
	if (result > 0 || (fd >= 0 && (result || cookie != LOOK_UP)))
		abort();
	if (fd >= 0)
		close(fd);
}

static int postcopy(void *opaque, bool on)
{
	struct fuzz *f = opaque;

	f->listened |= on;
	return 0;
}

static void gone(void *opaque, const struct vsu_error *err)
{
	struct fuzz *f = opaque;

	uint32_t i;

	if (!err->code || !err->msg[0] || f->token)
		abort();
	for (i = 0; i < RINGS; i++)
		if (f->running[i] || f->kick[i] || kept_rings[i].is_there)
			abort();
	vhost_user_backend_free(f->b);
	f->b = NULL;
}

static struct vhost_user_backend_ops ops = {
	.size = sizeof(ops),
	.run = run,
	.quiesce = quiesce,
	.reset = reset,
	.gone = gone,
	.park = park,
	.get_shared_object = get_object,
	.take_state_fd = take_state_fd,
	.check_state = check_state,
	.answered = answered,
};

/* A copy of ops, with the operation postcopy. */
static struct vhost_user_backend_ops ops_with_postcopy;

static void fill_chain(struct vq *q, struct vq_chain *chain)
{
	unsigned int i;

	for (i = 0; i < chain->nwritable; i++)
		memset(chain->iov[chain->nreadable + i].iov_base, 0x5a,
		       chain->iov[chain->nreadable + i].iov_len);
	vq_chain_written(q, chain, 0, chain->writable_len);
	vq_push(q, chain, chain->writable_len);
}

/* A chain with an unmapped address waits, unless it was denied. */
static int take_chain(struct fuzz *f, uint32_t ring, struct vq_chain *chain)
{
	struct vq *q = vhost_user_backend_vq(f->b, ring);
	unsigned int looks;
	int rc = vq_pop(q, chain);

	for (looks = 0; rc == -EAGAIN && looks < 64; looks++) {
		f->missed = true;
		f->waits[ring] = vhost_user_backend_missed(f->b, ring) == 0;
		if (f->waits[ring])
			break;
		rc = vq_pop(q, chain);
	}
	if (rc == 1 && vhost_user_backend_features(f->b) &
		       VHOST_USER_F_ACCESS_PLATFORM)
		f->translated = true;
	return rc;
}

static void serve_ring(struct fuzz *f, uint32_t ring)
{
	struct vq *q = vhost_user_backend_vq(f->b, ring);
	struct kept *k = &kept_rings[ring];
	struct vq_chain *chain = &k->chain;
	unsigned int n;

	push_kept(f, ring);
	chain->iov = k->iov;
	chain->iov_max = 8;
	for (n = 0; n < 2 * SIZE && take_chain(f, ring, chain) == 1; n++) {
		k->is_there = true;
		if (f->keeps)
			break;
		fill_chain(q, chain);
		k->is_there = false;
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

/* Descriptors: two bits for their number, the others select them. */
static void send_input(struct fuzz *f, struct input *in)
{
	uint32_t request = take(in), flags = take(in), which = take(in);
	size_t size = take(in), i, n = which & 3;
	const uint8_t *payload = take_bytes(in, &size);
	int with[3];

	f->deep |= request == VHOST_USER_SET_PROTOCOL_FEATURES;
	for (i = 0; i < n; i++)
		with[i] = fds[(which >> (2 + 2 * i)) % FD_KINDS];
	if (request > 60)
		request <<= 8;
	send_message(f, request, flags ^ VHOST_USER_HDR_VERSION, payload,
		     (uint32_t)size, with, (unsigned int)n);
}

static void send_right(struct fuzz *f, enum right what, uint32_t ring)
{
	struct right_message m;

	right_message(&m, what, ring, offered[f->with]);
	f->deep |= what == EVERYTHING;
	kicked += what == RING_KICK && ring < RINGS && f->running[ring];
	send_message(f, m.request, ring & 1 ? 1 : 9, m.payload, m.size,
		     m.fd < 0 ? NULL : &fds[m.fd], m.fd >= 0);
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
	if (token && f->of_state)
		vhost_user_backend_state_done(f->b, token, -EIO);
	else if (token)
		vhost_user_backend_done(f->b, token);
}

/*
 * Replies to the oldest request of the back-end; without one this ends the
 * channel.
 */
static void answer_question(uint64_t value)
{
	const struct {
		struct vhost_user_header hdr;
		uint64_t value;
	} __attribute__((packed)) m = {
		{ VHOST_USER_BACKEND_IOTLB_MSG, 5, 8 }, value
	};

	send(channel_end, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void act(struct fuzz *f, enum action what)
{
	uint32_t i;

	switch (what) {
	case FOUND:
	case NOWHERE:
		answer_question(what == NOWHERE);
		break;
	case BREAK:
		for (i = 0; i < RINGS; i++)
			if (f->running[i])
				vhost_user_backend_ring_error(f->b, i);
		break;
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
	case KEEP:
		f->keeps = !f->keeps;
		break;
	case ADD_OBJECT:
		(void)!vhost_user_backend_object_add(f->b, memory, what, NULL);
		break;
	case LOOK_UP:
		(void)!vhost_user_backend_object_lookup(f->b, memory, what,
							NULL);
		break;
	case NOTIFIER:
		(void)!vhost_user_backend_host_notifier(f->b, 0, fds[MEMFD], 0,
							what, NULL);
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
	case RIGHT: {
		const uint8_t ring = take(in);

		send_right(f, (arg + (ring >> 7) * 32u) % RIGHTS,
			   (ring & 0x7f) % (RINGS + 1));
		break;
	}
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
		right_offer(memory, arg % RINGS);
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
	double seconds = (double)(vsu_now_ns() - began_ns) / 1e9;

	printf("# %.0f sessions with a running ring per second, %" PRIu64
	       " of %" PRIu64 " inputs, without the last set-up; %" PRIu64 " had a chain served\n",
	       (double)ran / seconds, ran, inputs, reached);
	printf("# %" PRIu64 " had a chain wait for its address, %" PRIu64
	       " one served behind an IOMMU, %" PRIu64 " listened in postcopy; %" PRIu64
	       " kicks in band of running rings\n",
	       missed, translated, listened, kicked);
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
	began_ns = vsu_now_ns();
	atexit(report);
}

static int start(struct fuzz *f)
{
	const struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = DEVICE_FEATURES,
		.nrings = RINGS,
		.queue_size_max = 256,
		.config_size = 20,
		.max_slots = 4,
		.iotlb_entries = f->with & WITH_IOMMU ? ENTRIES : 0,
		.protocol_features = f->with & WITH_IOMMU ? UINT64_MAX : 0,
	};
	const struct vhost_user_backend_ops *o =
		f->with & WITH_POSTCOPY ? &ops_with_postcopy : &ops;
	int ends[2];

	if (vsu_sock_pair(ends) < 0)
		return -1;
	f->sock = ends[0];
	return vhost_user_backend_new_take_fd(ends[1], &config, o, f, &f->b,
					      NULL);
}

/* Reads the offered features in a session of its own. */
static void find_offer(uint8_t with)
{
	struct fuzz f = { .sock = -1, .with = with };
	struct {
		struct vhost_user_header hdr;
		uint64_t bits;
	} __attribute__((packed)) reply;
	int i;

	if (start(&f) < 0)
		abort();
	send_message(&f, VHOST_USER_GET_PROTOCOL_FEATURES,
		     VHOST_USER_HDR_VERSION, NULL, 0, NULL, 0);
	for (i = 0; i < 2; i++)
		vhost_user_backend_dispatch(f.b);
	if (recv(f.sock, &reply, sizeof(reply), MSG_DONTWAIT) !=
	    (ssize_t)sizeof(reply))
		abort();
	offered[with] = reply.bits;
	close(f.sock);
	dispatch_all(&f);
}

/* Checks that a session can be set up and serves, if it is in step, after any messages. */
static void serve_once_more(struct fuzz *f)
{
	static const enum right set_up[] = {
		PROTOCOL, FEATURES, TABLE, NUM, BASE, ADDR, KICK, CALL, ENABLE
	};
	unsigned int i, before;

	f->holds = f->keeps = false;
	answer(f);
	dispatch_all(f);
	if (f->b && f->deep) {
		send_right(f, EVERYTHING, 0);
		if (f->with & WITH_POSTCOPY)
			send_right(f, ARRIVED, 0);
		send_right(f, RESET_ALL, 0);
		dispatch_all(f);
	}
	for (i = 0; f->b && i < RINGS; i++)
		send_right(f, STOP, i);
	dispatch_all(f);
	memset(memory, 0, MEMORY_SIZE);
	for (i = 0; f->b && i < sizeof(set_up) / sizeof(set_up[0]); i++)
		send_right(f, set_up[i], 0);
	dispatch_all(f);
	right_offer(memory, 0);
	before = f->served;
	serve(f);
	if (f->b && !f->out_of_step && f->served != before + 1)
		abort();
}

static void begin(void)
{
	make_fds();
	kinds_ops(&ops);
	ops_with_postcopy = ops;
	ops_with_postcopy.postcopy = postcopy;
	find_offer(0);
	find_offer(WITH_IOMMU);
	find_offer(WITH_POSTCOPY);
	find_offer(WITH_IOMMU | WITH_POSTCOPY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct fuzz f = {
		.sock = -1,
		.with = size ? data[size - 1] & (WITH_IOMMU | WITH_POSTCOPY) : 0,
	};
	bool served;

	if (!memory)
		begin();
	memset(memory, 0, MEMORY_SIZE);
	if (start(&f) < 0)
		abort();
	while (in.size && f.b)
		operate(&f, &in);
	dispatch_all(&f);
	serve(&f);
	ran += f.ran;
	missed += f.missed;
	translated += f.translated;
	listened += f.listened;
	served = f.served > 0;
	if (f.b)
		serve_once_more(&f);
	inputs++;
	reached += served;
	close(f.sock);
	f.holds = false;
	if (f.b)
		answer(&f);
	dispatch_all(&f);
	if (f.b)
		abort();	/* a session must end with its peer */
	return 0;
}
