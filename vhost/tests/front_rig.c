/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end with a scripted back-end, for the tests of the front-end. */
#include <config.h>

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closed_on_exec.h"
#include "front_rig.h"
#include "suite.h"

struct owner_calls notified;
struct peer peer;
struct vhost_user_frontend *fe;
struct vmem_map *map;
int kick_fd, call_fd;
void (*on_changes)(struct vhost_user_shmem_change *changes, unsigned int n);
void (*on_config_changed)(void *opaque);
static int fds_before;

static void on_ready(void *opaque) { (void)opaque; notified.ready++; }
static void on_started(void *opaque) { (void)opaque; notified.started++; }

static void on_changed(void *opaque)
{
	notified.changed++;
	if (on_config_changed)
		on_config_changed(opaque);
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	(void)opaque;
	notified.stopped++;
	notified.nbases = n;
	memcpy(notified.bases, bases, n * sizeof(*bases));
}

static void on_config(void *opaque, uint32_t off, const void *buf, uint32_t len)
{
	(void)opaque;
	(void)off;
	notified.config++;
	notified.config_len = len;
	if (len)
		memcpy(notified.config_bytes, buf, len);
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	notified.failed++;
	notified.err = *err;
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	notified.memory++;
	notified.memory_code = err ? err->code : 0;
}

static void on_refused(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	notified.refused++;
	notified.refusal = *err;
}

static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	(void)opaque;
	notified.shmem++;
	notified.changes += n;
	if (on_changes)
		on_changes(changes, n);
}

struct vhost_user_frontend_ops front_ops = {
	.size = sizeof(front_ops),
	.ready = on_ready,
	.started = on_started,
	.stopped = on_stopped,
	.config = on_config,
	.config_changed = on_changed,
	.failed = on_failed,
	.memory = on_memory,
	.refused = on_refused,
	.shmem = on_shmem,
};

/* ----------------------------------------------------------------- fixtures */

struct vhost_user_frontend_config config = {
	.size = sizeof(config),
	.peer = "/run/disk",
};

void setup(void)
{
	int pair[2];

	memset(&notified, 0, sizeof(notified));
	on_changes = NULL;
	on_config_changed = NULL;
	fds_before = vsu_fd_count();
	kick_fd = vsu_event_new();
	call_fd = vsu_event_new();
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_init(&peer, pair[1]);
	config.protocol_features = 0;
	config.required_protocol_features = 0;
	config.timeout_ns = 0;
	config.reconnect_ns = 0;
	front_ops.connect = NULL;
	fe = NULL;
	map = NULL;
	/* the front-end's socket until open_session() passes it on */
	peer.extra = pair[0];
}

void open_session(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int sock = peer.extra;

	peer.extra = -1;
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(sock, &config, &front_ops,
							 NULL, &fe, &err), 0);
}

void teardown(void)
{
	assert_closed_on_exec();
	vhost_user_frontend_free(fe);
	vmem_map_unref(map);
	peer_fini(&peer);
	if (peer.extra >= 0)
		close(peer.extra);
	close(kick_fd);
	close(call_fd);
	ck_assert_int_eq(vsu_fd_count(), fds_before);
}

bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Dispatches both sides until neither makes progress. */
void dispatch_both(void)
{
	bool busy = true;

	while (busy) {
		busy = peer_step(&peer);
		if (readable(vhost_user_frontend_fd(fe)) &&
		    vhost_user_frontend_state(fe) != VHOST_USER_FRONTEND_DEAD) {
			vhost_user_frontend_dispatch(fe);
			busy = true;
		}
	}
}

enum vhost_user_frontend_state state(void)
{
	return vhost_user_frontend_state(fe);
}

void become_ready(void)
{
	if (!fe)
		open_session();
	dispatch_both();
}

int new_memfd(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

struct vmem_region *new_region(uint64_t gpa, uint64_t len,
				      uint32_t flags)
{
	int fd = new_memfd(len);
	const struct vmem_fd_desc desc = { .fd = fd, .flags = flags, .len = len };
	struct vmem_region_desc region = { .gpa = gpa, .len = len };
	struct vmem_region *out;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &region.block, NULL), 0);
	ck_assert_int_eq(vmem_region_new(&region, &out, NULL), 0);
	vmem_block_unref(region.block);
	close(fd);
	return out;
}

void grow_map_flags(uint64_t gpa, uint64_t len, uint32_t flags)
{
	struct vmem_region *region = new_region(gpa, len, flags);
	struct vmem_map *more;

	if (!map)
		ck_assert_int_eq(vmem_map_new(&map), 0);
	ck_assert_int_eq(vmem_map_add(map, region, &more, NULL), 0);
	vmem_map_unref(map);
	vmem_region_unref(region);
	map = more;
}

void grow_map(uint64_t gpa, uint64_t len)
{
	grow_map_flags(gpa, len, SHARED);
}

void describe_rings(unsigned int n)
{
	struct vhost_user_ring ring = {
		.size = 128, .base = 7,
		.desc_gpa = 0x1000, .driver_gpa = 0x2000, .device_gpa = 0x3000,
		.kick_fd = kick_fd, .call_fd = call_fd, .err_fd = -1,
	};
	unsigned int i;

	for (i = 0; i < n; i++)
		ck_assert_int_eq(vhost_user_frontend_set_ring(fe, i, &ring,
							      NULL), 0);
}

/* Sets memory and rings and calls start; dispatches nothing. */
void begin_start_with(uint64_t features)
{
	become_ready();
	if (!map)
		grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, features, NULL), 0);
}

void begin_start(void)
{
	begin_start_with(VERSION_1);
}

void run(void)
{
	begin_start();
	dispatch_both();
}

void assert_channel_closed(int code, const char *words)
{
	struct pollfd p = { .fd = peer.back, .events = POLLIN };

	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_ge(notified.refused, 1);
	ck_assert_int_eq(notified.refusal.code, code);
	ck_assert_msg(strstr(notified.refusal.msg, "back-end channel"), "%s",
		      notified.refusal.msg);
	ck_assert_msg(strstr(notified.refusal.msg, words), "'%s' does not contain '%s'",
		      notified.refusal.msg, words);
	if (peer.back >= 0)
		ck_assert(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
}

/* The session has died and was reported once, with this code and text. */
void assert_dead(int code, const char *words)
{
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_DEAD);
	ck_assert_uint_eq(notified.failed, 1);
	ck_assert_int_eq(notified.err.code, code);
	ck_assert_msg(strstr(notified.err.msg, words), "'%s' does not contain '%s'",
		      notified.err.msg, words);
	ck_assert_msg(strstr(notified.err.msg, "/run/disk"), "%s", notified.err.msg);
	ck_assert_int_eq(vhost_user_frontend_dispatch(fe), code);
	ck_assert_uint_eq(notified.failed, 1);
}

void deviate(enum peer_deviation how, uint32_t at)
{
	peer.deviation = how;
	peer.deviation_at = at;
}

TCase *front_case(Suite *s, const char *name, SFun before, SFun after)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, before, after);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	return tc;
}
