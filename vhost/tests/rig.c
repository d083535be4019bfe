/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end session under test, with a front-end that sends raw bytes and an
 * owner that records its callbacks.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closed_on_exec.h"
#include "rig.h"

/* Areas of a ring in its 16 KiB of guest memory. */
#define RING_AT(i)	(0x4000u * ((i) + 1))
#define AVAIL_AT(i)	(RING_AT(i) + 0x1000)
#define USED_AT(i)	(RING_AT(i) + 0x2000)
#define BUFFER_AT(i)	(RING_AT(i) + 0x3000)
#define DESC_WRITE	2u

void rig_limit_descriptors(unsigned int more)
{
	struct rlimit limit;
	int lowest;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	lowest = dup(STDERR_FILENO);
	ck_assert_int_ge(lowest, 0);
	close(lowest);
	limit.rlim_cur = (rlim_t)lowest + more;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* counting */

static int fds_before, maps_before;

bool rig_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "valgrind");
}

bool rig_has_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == EPERM)
		fd = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		printf("1..0 # SKIP userfaultfd is not permitted: %s\n",
		       strerror(errno));
	else
		close(fd);
	return fd >= 0;
}

/* Mappings of memory files that were received. */
static int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, "memfd:") != NULL;
	if (f)
		fclose(f);
	return n;
}

static void setup(void)
{
	struct rig r;

	/* lazy allocations happen before the first count */
	rig_init(&r);
	rig_up(&r);
	rig_fini(&r);
	fds_before = vsu_fd_count();
	maps_before = count_maps();
}

static struct rig *shared;	/* by the tests of a case, or NULL */

static void teardown(void)
{
	int maps, fds;

	if (shared && shared->mem) {
		rig_fini(shared);
		memset(shared, 0, sizeof(*shared));
	}
	maps = count_maps();
	fds = vsu_fd_count();
	ck_assert_msg(fds == fds_before, "%d descriptors before, %d after",
		      fds_before, fds);
	ck_assert_msg(maps == maps_before, "%d mappings before, %d after",
		      maps_before, maps);
}

TCase *rig_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);	/* reached only by a test that hangs */
	suite_add_tcase(s, tc);
	return tc;
}

TCase *rig_case_of(Suite *s, const char *name, struct rig *of)
{
	shared = of;
	return rig_case(s, name);
}

/* owner */

static int own_set_features(void *opaque, uint64_t features)
{
	struct rig *r = opaque;

	if (r->refuses)
		return r->refuses;
	r->features = features;
	r->features_set++;
	return 0;
}

static int own_get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	struct rig *r = opaque;

	if (r->refuses)
		return r->refuses;
	memcpy(buf, r->space + off, len);
	return 0;
}

static int own_set_config(void *opaque, uint32_t off, const void *buf,
			  uint32_t len, bool migration)
{
	struct rig *r = opaque;

	if (r->refuses)
		return r->refuses;
	memcpy(r->space + off, buf, len);
	r->migration = migration;
	return 0;
}

static void own_run(void *opaque, uint32_t ring)
{
	struct rig *r = opaque;

	/* behind an IOMMU, run also reports that a translation has arrived */
	ck_assert(!r->running[ring] || r->config.iotlb_entries);
	r->running[ring] = true;
	r->runs[ring]++;
}

static void own_quiesce(void *opaque, uint32_t ring, bool drain,
			uint64_t token)
{
	struct rig *r = opaque;
	uint32_t i;

	r->quiesces++;
	r->asked_ring = ring;
	r->asked_drain = drain;
	r->token = token;
	for (i = 0; i < RIG_RINGS; i++)
		if (ring == VHOST_USER_ALL_RINGS || ring == i)
			r->running[i] = false;
	if (!r->holds_answers)
		vhost_user_backend_done(r->b, token);
}

static void own_reset(void *opaque)
{
	struct rig *r = opaque;
	uint32_t i;

	for (i = 0; i < RIG_RINGS; i++)
		ck_assert(!r->running[i]);
	r->resets++;
}

static void own_set_status(void *opaque, uint8_t status)
{
	struct rig *r = opaque;

	r->status = status;
}

static void own_gone(void *opaque, const struct vsu_error *err)
{
	struct rig *r = opaque;
	uint32_t i;

	for (i = 0; i < RIG_RINGS; i++)
		ck_assert(!r->running[i]);
	r->gones++;
	r->why = *err;
	vhost_user_backend_free(r->b);
	r->b = NULL;
}

static void own_shmem_result(void *opaque, uint64_t cookie, int result)
{
	struct rig *r = opaque;

	r->cookies[r->nresults] = cookie;
	r->results[r->nresults++] = result;
}

static void own_refused(void *opaque, uint32_t request, uint32_t ring,
			const struct vsu_error *err)
{
	struct rig *r = opaque;

	r->nrefused++;
	r->refused_request = request;
	r->refused_ring = ring;
	/* values of the peer are never reported as -EINVAL */
	if (request != VHOST_USER_NO_REQUEST || ring != VHOST_USER_ALL_RINGS)
		ck_assert_int_ne(err->code, -EINVAL);
	r->refusal = *err;
}

static const struct vhost_user_backend_ops own_ops = {
	.size = sizeof(own_ops),
	.set_features = own_set_features,
	.get_config = own_get_config,
	.set_config = own_set_config,
	.run = own_run,
	.quiesce = own_quiesce,
	.reset = own_reset,
	.set_status = own_set_status,
	.gone = own_gone,
	.shmem_result = own_shmem_result,
	.refused = own_refused,
};

void rig_expect_refused(struct rig *r, uint32_t request, uint32_t ring,
			const char *words)
{
	ck_assert_msg(r->nrefused == 1, "%u refusals, the last: %s",
		      r->nrefused, r->refusal.msg);
	ck_assert_uint_eq(r->refused_request, request);
	ck_assert_msg(r->refused_ring == ring, "ring %u: %s", r->refused_ring,
		      r->refusal.msg);
	ck_assert_msg(strstr(r->refusal.msg, words), "no '%s' in '%s'", words,
		      r->refusal.msg);
	ck_assert_int_lt(r->refusal.code, 0);
	r->nrefused = 0;
}

uint64_t rig_drain(int fd)
{
	uint64_t count = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 0) == 1)
		ck_assert_int_eq(read(fd, &count, sizeof(count)),
				 sizeof(count));
	/*
	 * qemu-user does not swap the counter of an eventfd that was received
	 * over a socket
	 */
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && count >> 56)
		return __builtin_bswap64(count);
	return count;
}

unsigned int rig_serve(struct rig *r, uint32_t ring)
{
	struct vq *q = vhost_user_backend_vq(r->b, ring);
	struct iovec iov[4];
	struct vq_chain chain = { .iov = iov, .iov_max = 4 };
	unsigned int n = 0;

	ck_assert(r->running[ring]);
	while (vq_pop(q, &chain) == 1) {
		memset(iov[0].iov_base, 0x5a, iov[0].iov_len);
		vq_push(q, &chain, chain.writable_len);
		n++;
	}
	if (vq_publish(q))
		vhost_user_backend_call(r->b, ring);
	return n;
}

/* set-up and teardown */

void rig_prepare(struct rig *r)
{
	uint32_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < RIG_RINGS; i++)
		r->kick[i] = r->call[i] = -1;
	r->ops = own_ops;
	r->config = (struct vhost_user_backend_config){
		.size = sizeof(r->config),
		.features = RIG_FEATURES,
		.nrings = RIG_RINGS,
		.queue_size_max = 1024,
		.config_size = RIG_CONFIG,
	};
	r->memfd = memfd_create("rig", MFD_CLOEXEC);
	ck_assert_int_ge(r->memfd, 0);
	ck_assert_int_eq(ftruncate(r->memfd, RIG_MEMORY), 0);
	r->mem = mmap(NULL, RIG_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED,
		      r->memfd, 0);
	ck_assert(r->mem != MAP_FAILED);
}

void rig_start(struct rig *r)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	r->sock = ends[0];
	ck_assert_msg(vhost_user_backend_new_take_fd(ends[1], &r->config,
						     &r->ops, r, &r->b,
						     &err) == 0, "%s", err.msg);
}

void rig_init(struct rig *r)
{
	rig_prepare(r);
	rig_start(r);
}

void rig_fini(struct rig *r)
{
	uint32_t i;

	assert_closed_on_exec();
	vsu_fd_close(&r->sock);
	if (r->b)
		rig_dispatch(r);
	ck_assert_ptr_null(r->b);
	ck_assert_uint_eq(r->gones, 1);
	munmap(r->mem, RIG_MEMORY);
	vsu_fd_close(&r->memfd);
	for (i = 0; i < RIG_RINGS; i++) {
		vsu_fd_close(&r->kick[i]);
		vsu_fd_close(&r->call[i]);
	}
}

/* front-end */

void rig_send_raw(struct rig *r, const void *bytes, size_t len, const int *fds,
		  unsigned int nfds)
{
	/* iovec has no const form */
	struct iovec iov = { (void *)(uintptr_t)bytes, len };

	ck_assert_int_eq(vsu_sock_send(r->sock, &iov, 1, fds, nfds),
			 (ssize_t)len);
}

void rig_send(struct rig *r, uint32_t request, uint32_t flags,
	      const void *payload, uint32_t size, const int *fds,
	      unsigned int nfds)
{
	unsigned char bytes[sizeof(struct vhost_user_header) + 4096];
	struct vhost_user_header hdr = { request, flags, size };

	memcpy(bytes, &hdr, sizeof(hdr));
	if (size)
		memcpy(bytes + sizeof(hdr), payload, size);
	rig_send_raw(r, bytes, sizeof(hdr) + size, fds, nfds);
}

int rig_dispatch(struct rig *r)
{
	struct pollfd p = { .events = POLLIN };
	int rc;

	do {
		if (!r->b)
			return -ECONNRESET;
		rc = vhost_user_backend_dispatch(r->b);
		if (rc < 0 || !r->b)
			return rc;
		p.fd = vhost_user_backend_fd(r->b);
	} while (rc > 0 || poll(&p, 1, 0) > 0);
	return rc;
}

void rig_poll(struct rig *r)
{
	struct pollfd p = { .events = POLLIN };

	for (;;) {
		if (!r->b)
			return;
		p.fd = vhost_user_backend_fd(r->b);
		if (poll(&p, 1, 0) == 0)
			return;
		vhost_user_backend_dispatch(r->b);
	}
}

bool rig_reply(struct rig *r, struct rig_reply *reply)
{
	ssize_t n = recv(r->sock, &reply->hdr, sizeof(reply->hdr),
			 MSG_DONTWAIT);

	if (n <= 0)
		return false;
	ck_assert_int_eq(n, sizeof(reply->hdr));
	ck_assert_uint_le(reply->hdr.size, sizeof(reply->payload));
	if (reply->hdr.size)
		ck_assert_int_eq(recv(r->sock, reply->payload, reply->hdr.size,
				      MSG_DONTWAIT), reply->hdr.size);
	return true;
}

void rig_expect_silence(struct rig *r)
{
	struct rig_reply reply;

	ck_assert_int_ge(rig_dispatch(r), 0);
	ck_assert_ptr_nonnull(r->b);
	ck_assert(!rig_reply(r, &reply));
}

void rig_expect_gone(struct rig *r, int code)
{
	int rc = rig_dispatch(r);

	ck_assert_ptr_null(r->b);
	ck_assert_msg(r->why.code == code, "code %d: %s", r->why.code,
		      r->why.msg);
	ck_assert_int_eq(rc, code);
	ck_assert_uint_gt(strlen(r->why.msg), 0);
}

uint32_t rig_get(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, struct rig_reply *reply)
{
	rig_send(r, request, VHOST_USER_HDR_VERSION, payload, size, NULL, 0);
	ck_assert_int_ge(rig_dispatch(r), 0);
	ck_assert(rig_reply(r, reply));
	ck_assert_uint_eq(reply->hdr.request, request);
	ck_assert_uint_eq(reply->hdr.flags, 0x5);
	return reply->hdr.size;
}

uint64_t rig_get_u64(struct rig *r, uint32_t request)
{
	struct rig_reply reply;
	uint64_t value;

	ck_assert_uint_eq(rig_get(r, request, NULL, 0, &reply), sizeof(value));
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

uint64_t rig_ack(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds)
{
	struct rig_reply reply;
	uint64_t value;

	rig_send(r, request, RIG_NEED, payload, size, fds, nfds);
	ck_assert_msg(rig_dispatch(r) >= 0, "the session ended: %s", r->why.msg);
	ck_assert(rig_reply(r, &reply));
	ck_assert_uint_eq(reply.hdr.request, request);
	ck_assert_uint_eq(reply.hdr.flags, 0x5);
	ck_assert_uint_eq(reply.hdr.size, sizeof(value));
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

uint64_t rig_ack_u64(struct rig *r, uint32_t request, uint64_t value)
{
	return rig_ack(r, request, &value, sizeof(value), NULL, 0);
}

uint64_t rig_ack_fd(struct rig *r, uint32_t request, uint64_t value, int fd)
{
	return rig_ack(r, request, &value, sizeof(value), &fd, fd >= 0);
}

uint64_t rig_ack_state(struct rig *r, uint32_t request, uint32_t index,
		       uint32_t num)
{
	struct vhost_user_vring_state s = { index, num };

	return rig_ack(r, request, &s, sizeof(s), NULL, 0);
}

void rig_negotiate(struct rig *r)
{
	uint64_t features = rig_get_u64(r, VHOST_USER_GET_FEATURES);
	uint64_t protocol = rig_get_u64(r, VHOST_USER_GET_PROTOCOL_FEATURES);

	ck_assert_uint_eq(rig_ack_u64(r, VHOST_USER_SET_PROTOCOL_FEATURES,
				      protocol), 0);
	ck_assert_uint_eq(rig_ack_u64(r, VHOST_USER_SET_FEATURES,
				      features & ~(VQ_F_EVENT_IDX |
				      VHOST_USER_F_LOG_ALL)), 0);
}

struct vhost_user_mem_region rig_region(uint64_t gpa, uint64_t size,
					uint64_t offset)
{
	struct vhost_user_mem_region region = {
		gpa, size, RIG_UADDR + gpa, offset
	};

	return region;
}

uint64_t rig_set_memory(struct rig *r)
{
	struct vhost_user_mem_table t = {
		.nregions = 1,
		.regions = { rig_region(0, RIG_MEMORY, 0) },
	};

	return rig_ack(r, VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &r->memfd, 1);
}

struct vhost_user_vring_addr rig_addr(uint32_t ring)
{
	struct vhost_user_vring_addr addr = {
		.index = ring,
		.desc = RIG_UADDR + RING_AT(ring),
		.avail = RIG_UADDR + AVAIL_AT(ring),
		.used = RIG_UADDR + USED_AT(ring),
	};

	return addr;
}

static int new_event(int *fd)
{
	vsu_fd_close(fd);
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(*fd, 0);
	return *fd;
}

void rig_set_ring(struct rig *r, uint32_t ring)
{
	struct vhost_user_vring_addr addr = rig_addr(ring);

	ck_assert_uint_eq(rig_ack_state(r, VHOST_USER_SET_VRING_NUM, ring,
					RIG_SIZE), 0);
	ck_assert_uint_eq(rig_ack_state(r, VHOST_USER_SET_VRING_BASE, ring,
					rig_used(r, ring)), 0);
	ck_assert_uint_eq(rig_ack(r, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
	ck_assert_uint_eq(rig_ack_fd(r, VHOST_USER_SET_VRING_KICK, ring,
				     new_event(&r->kick[ring])), 0);
	ck_assert_uint_eq(rig_ack_fd(r, VHOST_USER_SET_VRING_CALL, ring,
				     new_event(&r->call[ring])), 0);
	ck_assert_uint_eq(rig_drain(r->call[ring]), 1);
	ck_assert_uint_eq(rig_ack_state(r, VHOST_USER_SET_VRING_ENABLE, ring,
					1), 0);
}

void rig_up(struct rig *r)
{
	rig_negotiate(r);
	ck_assert_uint_eq(rig_set_memory(r), 0);
	rig_set_ring(r, 0);
	rig_set_ring(r, 1);
	ck_assert(r->running[0] && r->running[1]);
}

uint32_t rig_stop_ring(struct rig *r, uint32_t ring)
{
	struct vhost_user_vring_state s = { ring, 0 };
	struct rig_reply reply;

	ck_assert_uint_eq(rig_get(r, VHOST_USER_GET_VRING_BASE, &s, sizeof(s),
				  &reply), sizeof(s));
	memcpy(&s, reply.payload, sizeof(s));
	ck_assert_uint_eq(s.index, ring);
	return s.num;
}

/*
 * A ring is little-endian; the vhost-user protocol has the host's byte order.
 */
void rig_offer(struct rig *r, uint32_t ring, uint16_t head)
{
	unsigned char *desc = r->mem + RING_AT(ring) + 16 * head;
	unsigned char *avail = r->mem + AVAIL_AT(ring);
	struct {
		struct vsu_le64 addr;
		struct vsu_le32 len;
		struct vsu_le16 flags, next;
	} entry = {
		vsu_le64_make(BUFFER_AT(ring) + 64u * head),
		vsu_le32_make(64),
		vsu_le16_make(DESC_WRITE), vsu_le16_make(0),
	};
	struct vsu_le16 idx, le_head = vsu_le16_make(head);
	uint16_t n;

	memcpy(desc, &entry, sizeof(entry));
	memcpy(&idx, avail + 2, 2);
	n = vsu_le16_load(idx);
	memcpy(avail + 4 + 2 * (n % RIG_SIZE), &le_head, 2);
	__atomic_store_n((uint16_t *)(void *)(avail + 2), vsu_le16_make((uint16_t)(n + 1)).raw,
			 __ATOMIC_RELEASE);
}

uint16_t rig_used(const struct rig *r, uint32_t ring)
{
	struct vsu_le16 idx;

	memcpy(&idx, r->mem + USED_AT(ring) + 2, 2);
	return vsu_le16_load(idx);
}
