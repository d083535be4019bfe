/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../closed_on_exec.h"
#include "../folder.h"
#include "fs-rig.h"

void fs_rig_folder(struct fs_rig *r)
{
	int fd;

	memset(r, 0, sizeof(*r));
	r->before = baseline_take();
	strcpy(r->folder, "/tmp/test-fs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->folder));
	r->dir = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(r->dir, 0);
	fd = openat(r->dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	ck_assert_int_eq(write(fd, "content", 7), 7);
	close(fd);
	ck_assert_int_eq(mkdirat(r->dir, "sub", 0755), 0);
	r->config = (struct virtdev_fs_config){
		.size = sizeof(r->config), .path = r->folder, .tag = "test",
		.xattr = true,
	};
	r->uid = getuid();
	r->gid = getgid();
	r->room = RIG_ROOM;
}

void fs_rig_make(struct fs_rig *r, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;

	guest_init(&r->g, 0, 16, 0, 16);
	ck_assert_msg(virtdev_fs_new(&r->config, &r->dev, &err) == 0, "%s",
		      err.msg);
	r->queue = queue;
	if (r->measured)
		ck_assert_int_eq(virtdev_measure(r->dev, r->measured), 0);
	ck_assert_int_eq(virtdev_queue_start(r->dev, queue, r->g.q, NULL), 0);
}

void fs_rig_init(struct fs_rig *r)
{
	fs_rig_folder(r);
	fs_rig_make(r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(r), 0);
}

static void *work(void *dev)
{
	ck_assert_int_eq(virtdev_fs_work(dev), 0);
	return NULL;
}

void fs_rig_work(struct fs_rig *r)
{
	for (; r->nworkers < r->config.workers; r->nworkers++)
		ck_assert_int_eq(pthread_create(&r->workers[r->nworkers], NULL,
						work, r->dev), 0);
}

void fs_rig_fini(struct fs_rig *r)
{
	assert_closed_on_exec();
	ck_assert_int_eq(virtdev_queue_drain(r->dev, r->queue), 0);
	virtdev_queue_stop(r->dev, r->queue);
	virtdev_fs_work_end(r->dev);
	while (r->nworkers)
		pthread_join(r->workers[--r->nworkers], NULL);
	virtdev_free(r->dev);
	ck_assert_uint_eq(vq_inflight(r->g.q), 0);
	guest_fini(&r->g);
	close(r->dir);
	folder_remove(r->folder);
	baseline_check(r->before);
}

static int answer_of(struct fs_rig *r)
{
	struct fuse_out_header out;
	struct fuse_in_header in;
	uint64_t cookie;

	ck_assert_int_eq(vq_driver_collect(r->g.driver, &cookie, &r->written),
			 1);
	if (!r->written)
		return 1;
	ck_assert_uint_ge(r->written, sizeof(out));
	memcpy(&out, guest_at(&r->g, RIG_ANSWER), sizeof(out));
	ck_assert_uint_eq(out.len, r->written);
	memcpy(&in, guest_at(&r->g, RIG_ASK), sizeof(in));
	ck_assert_uint_eq(out.unique, in.unique);
	ck_assert(!out.error || r->written == sizeof(out));
	return out.error;
}

void fs_rig_wait_event(const struct fs_rig *r)
{
	struct pollfd event = {
		.fd = virtdev_queue_host_fd(r->dev, r->queue), .events = POLLIN,
	};

	ck_assert_int_eq(poll(&event, 1, -1), 1);
}

int fs_rig_send(struct fs_rig *r, const void *bytes, uint32_t len)
{
	const struct vq_buffer buffers[] = {
		{ RIG_ASK, len, false }, { RIG_ANSWER, r->room, true },
	};
	unsigned int turns = 0;

	memcpy(guest_at(&r->g, RIG_ASK), bytes, len);
	ck_assert_int_eq(vq_driver_add(r->g.driver, buffers, r->room ? 2 : 1,
				       0), 0);
	vq_driver_publish(r->g.driver);
	while (virtdev_queue_serve(r->dev, r->queue))
		ck_assert_uint_lt(++turns, 100);
	/* by a worker, or in further turns if the first one took its time */
	while (virtdev_queue_drain(r->dev, r->queue) > 0) {
		fs_rig_wait_event(r);
		(void)!virtdev_queue_serve(r->dev, r->queue);
	}
	return answer_of(r);
}

/* Sets total_extlen, which older headers lack. */
static void fs_extensions_set(struct fuse_in_header *in, uint32_t len)
{
	const uint16_t n = (uint16_t)(len / 8);

	memcpy((char *)in + 36, &n, sizeof(n));
}

int fs_rig_ask(struct fs_rig *r, uint32_t opcode, uint64_t node,
	       const void *args, uint32_t args_len, const void *text,
	       uint32_t len)
{
	static unsigned char bytes[RIG_ROOM];
	struct fuse_in_header in = {
		.opcode = opcode, .unique = ++r->unique, .nodeid = node,
		.uid = r->uid, .gid = r->gid, .pid = 1,
	};

	fs_extensions_set(&in, r->extensions);
	in.len = r->len = (uint32_t)sizeof(in) + args_len + len;
	ck_assert_uint_le(in.len, sizeof(bytes));
	memcpy(bytes, &in, sizeof(in));
	if (args_len)
		memcpy(bytes + sizeof(in), args, args_len);
	if (len)
		memcpy(bytes + sizeof(in) + args_len, text, len);
	return fs_rig_send(r, bytes, in.len);
}

int fs_rig_name(struct fs_rig *r, uint32_t opcode, uint64_t node,
		const void *args, uint32_t args_len, const char *name)
{
	return fs_rig_ask(r, opcode, node, args, args_len, name,
			  name ? (uint32_t)strlen(name) + 1 : 0);
}

const void *fs_rig_answer(const struct fs_rig *r)
{
	return guest_at(&r->g, RIG_ANSWER + sizeof(struct fuse_out_header));
}

uint32_t fs_rig_answer_len(const struct fs_rig *r)
{
	return r->written - (uint32_t)sizeof(struct fuse_out_header);
}

struct rlimit fs_rig_limit_files(rlim_t n)
{
	struct rlimit before, limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

int fs_rig_begin(struct fs_rig *r)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = 38, .max_readahead = 131072,
		.flags = UINT32_MAX,
		.flags2 = 1u << 2,	/* supplementary groups, as Linux 6.3 */
	};

	return fs_rig_ask(r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0);
}

uint64_t fs_rig_lookup(struct fs_rig *r, uint64_t folder, const char *name)
{
	struct fuse_entry_out out;

	ck_assert_int_eq(fs_rig_name(r, FUSE_LOOKUP, folder, NULL, 0, name), 0);
	ck_assert_uint_eq(fs_rig_answer_len(r), sizeof(out));
	memcpy(&out, fs_rig_answer(r), sizeof(out));
	ck_assert_uint_ne(out.nodeid, 0);
	return out.nodeid;
}

int fs_rig_lookup_new(struct fs_rig *r, unsigned int n)
{
	char name[16];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_int_eq(mknodat(r->dir, name, S_IFREG | 0600, 0), 0);
		rc = fs_rig_name(r, FUSE_LOOKUP, 1, NULL, 0, name);
	}
	return rc;
}

struct stat fs_rig_stat(const struct fs_rig *r, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

uint64_t fs_rig_open(struct fs_rig *r, uint32_t opcode, uint64_t node,
		     uint32_t flags)
{
	const struct fuse_open_in in = { .flags = flags };
	struct fuse_open_out out;

	ck_assert_int_eq(fs_rig_ask(r, opcode, node, &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(r), sizeof(out));
	return out.fh;
}

int fs_rig_read(struct fs_rig *r, uint32_t opcode, uint64_t node, uint64_t fh,
		uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = { .fh = fh, .offset = offset,
					 .size = size };

	return fs_rig_ask(r, opcode, node, &in, sizeof(in), NULL, 0);
}

void fs_rig_read_large(struct fs_rig *r)
{
	static const uint32_t marks[] = { 0, (1u << 20) - 1, 1u << 20, 18 * 65536 - 1 };
	const uint32_t size = marks[3] + 1, head = sizeof(struct fuse_out_header);
	int fd = openat(r->dir, "large", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	uint64_t file, fh;
	size_t i;

	for_rows(i, 4)
		ck_assert_int_eq(pwrite(fd, &"ABCD"[i], 1, marks[i]), 1);
	close(fd);
	file = fs_rig_lookup(r, 1, "large");
	fh = fs_rig_open(r, FUSE_OPEN, file, O_RDONLY);
	r->room = 20 * 65536;
	ck_assert_int_eq(fs_rig_read(r, FUSE_READ, file, fh, 0, size), 0);
	ck_assert_uint_eq(fs_rig_answer_len(r), size);
	for_rows(i, 4)
		ck_assert_uint_eq(*guest_at(&r->g, RIG_ANSWER + head + marks[i]), 'A' + i);
	ck_assert_uint_eq(*guest_at(&r->g, RIG_ANSWER + head + marks[2] + 1), 0);
}

int fs_rig_write(struct fs_rig *r, uint64_t node, uint64_t fh, uint64_t offset,
		 const void *bytes, uint32_t len)
{
	const struct fuse_write_in in = { .fh = fh, .offset = offset,
					  .size = len };

	return fs_rig_ask(r, FUSE_WRITE, node, &in, sizeof(in), bytes, len);
}

int fs_rig_release(struct fs_rig *r, uint32_t opcode, uint64_t node,
		   uint64_t fh)
{
	const struct fuse_release_in in = { .fh = fh };

	return fs_rig_ask(r, opcode, node, &in, sizeof(in), NULL, 0);
}

int fs_rig_getattr(struct fs_rig *r, uint64_t node)
{
	const struct fuse_getattr_in in = { 0 };

	return fs_rig_ask(r, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);
}

void fs_rig_put_file(const struct fs_rig *r, const char *name, const char *text)
{
	int fd = openat(r->dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
			0644);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}
