/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "dax-rig.h"

struct fs_rig dax;
struct dax_server dax_server;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
}

/* Asserts that a replaced or unmapped chunk is mapped, and that others are not. */
static void change_now(bool map, const struct virtdev_mapping *m)
{
	const uint64_t end = m->offset + m->len;
	bool replaces = false, *mapped;
	uint64_t at = m->offset;

	for (; at < end; at += CHUNK - at % CHUNK) {
		mapped = &dax_server.mapped[at / CHUNK];
		replaces |= *mapped;
		ck_assert(map || *mapped);
		*mapped = map || at % CHUNK;
	}
	ck_assert(!map || replaces == m->replaces);
}

static void change_later(uint64_t cookie)
{
	ck_assert_uint_lt(dax_server.asked, 64);
	dax_server.cookies[dax_server.asked++] = cookie;
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	(void)opaque;
	ck_assert(pthread_equal(dax_server.thread, pthread_self()));
	if (!dax_server.answer)
		change_now(map, m);
	else if (dax_server.answer > 0)
		change_later(cookie);
	dax_server.maps += map;
	dax_server.unmaps += !map;
	dax_server.last = *m;
	if (map)
		dax_server.flags = fcntl(m->fd, F_GETFL);
	if (dax_server.answers_inside)
		virtdev_region_done(dax.dev, UINT64_MAX, 0);
	return dax_server.answer;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	*gpa = UINT64_C(1) << 40;
	return dax_server.knows_place && !region ? 0 : -EOPNOTSUPP;
}

void dax_set_size(uint64_t size)
{
	int fd = openat(dax.dir, "file", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static const struct virtdev_server_ops ops = {
	.size = sizeof(ops), .notify = on_notify,
	.region_change = on_change, .region_address = on_address,
};

void dax_renew(void)
{
	virtdev_free(dax.dev);
	memset(dax_server.mapped, 0, sizeof(dax_server.mapped));
	dax_server.maps = dax_server.unmaps = 0;
	ck_assert_int_eq(virtdev_fs_new(&dax.config, &dax.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(dax.dev, &ops, NULL), 0);
}

void dax_begin(bool read_only, bool at_once, unsigned int workers)
{
	memset(&dax_server, 0, sizeof(dax_server));
	dax_server.knows_place = at_once;
	dax_server.answer = !at_once;
	dax_server.thread = pthread_self();
	fs_rig_folder(&dax);
	dax_set_size(3 * CHUNK + 100);
	dax.config.window = CHUNKS * CHUNK;
	dax.config.read_only = read_only;
	dax.config.workers = workers;
	fs_rig_make(&dax, RIG_REQUESTS);
	ck_assert_int_eq(virtdev_set_server(dax.dev, &ops, NULL), 0);
	fs_rig_work(&dax);
	ck_assert_int_eq(fs_rig_begin(&dax), 0);
}

void dax_end(void)
{
	fs_rig_fini(&dax);
}

int dax_map(uint64_t node, uint64_t file_at, uint64_t len, uint64_t at,
	    uint64_t flags)
{
	const struct fuse_setupmapping_in in = {
		.fh = UINT64_MAX, .foffset = file_at, .len = len,
		.moffset = at, .flags = flags | FUSE_SETUPMAPPING_FLAG_READ,
	};

	return fs_rig_ask(&dax, FUSE_SETUPMAPPING, node, &in, sizeof(in), NULL,
			  0);
}

int dax_unmap(uint64_t at, uint64_t len)
{
	const struct { uint32_t n; } in = { 1 };
	const struct fuse_removemapping_one one = { at, len };

	return fs_rig_ask(&dax, FUSE_REMOVEMAPPING, 1, &in, sizeof(in), &one,
			  sizeof(one));
}

/* Answers in the order of arrival. */
void dax_answer(unsigned int n, int result)
{
	for (; n; n--)
		virtdev_region_done(dax.dev, dax_server.cookies[dax_server.answered++],
				    result);
}

void dax_answer_all(void)
{
	while (dax_server.answered < dax_server.asked)
		dax_answer(1, 0);
}

/* Serves the ring and counts replies. */
unsigned int dax_collect(int *error)
{
	struct fuse_out_header out;
	unsigned int n = 0;
	uint32_t written;
	uint64_t cookie;

	while (virtdev_queue_serve(dax.dev, RIG_REQUESTS))
		;
	for (; vq_driver_collect(dax.g.driver, &cookie, &written) == 1; n++) {
		memcpy(&out, guest_at(&dax.g, RIG_ANSWER + cookie * 0x1000),
		       sizeof(out));
		ck_assert_uint_eq(out.len, written);
		ck_assert_uint_eq(out.unique, cookie);
		*error = out.error;
	}
	return n;
}

/* A request by its number, which may be answered later. */
void dax_post(uint64_t number, uint32_t opcode, uint64_t node,
		 const void *args, uint32_t len)
{
	const uint64_t at = number * 0x1000;
	const struct fuse_in_header in = {
		.len = (uint32_t)sizeof(in) + len, .opcode = opcode,
		.unique = number, .nodeid = node, .uid = dax.uid, .gid = dax.gid,
	};
	const struct vq_buffer buffers[] = {
		{ RIG_ASK + at, in.len, false },
		{ RIG_ANSWER + at, 0x1000, true },
	};

	memcpy(guest_at(&dax.g, RIG_ASK + at), &in, sizeof(in));
	if (len)
		memcpy(guest_at(&dax.g, RIG_ASK + at + sizeof(in)), args, len);
	ck_assert_int_eq(vq_driver_add(dax.g.driver, buffers, 2, number), 0);
	vq_driver_publish(dax.g.driver);
}

void dax_post_map(uint64_t number, uint64_t node, uint64_t file_at,
		     uint64_t len, uint64_t at, uint64_t flags)
{
	const struct fuse_setupmapping_in in = {
		.fh = UINT64_MAX, .foffset = file_at, .len = len,
		.moffset = at, .flags = flags | FUSE_SETUPMAPPING_FLAG_READ,
	};

	dax_post(number, FUSE_SETUPMAPPING, node, &in, sizeof(in));
}

void dax_serve_until_asked(unsigned int n)
{
	for (;;) {
		while (virtdev_queue_serve(dax.dev, RIG_REQUESTS))
			;
		if (dax_server.asked >= n)
			return;
		fs_rig_wait_event(&dax);
	}
}

/* Serves until a reply arrives. */
int dax_await(void)
{
	unsigned int n;
	int error = 1;

	while (!(n = dax_collect(&error)))
		fs_rig_wait_event(&dax);
	ck_assert_uint_eq(n, 1);
	return error;
}
