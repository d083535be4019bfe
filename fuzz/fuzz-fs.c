/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest against a file system device and a real folder. The input is read as
 * a row of requests: an operation, numbers of files that mostly exist, names
 * that are there or lead outside, arguments of numbers that matter, a chain that
 * is divided somewhere; at times a session that begins anew or a reset.
 *
 * These must hold: an answer is as long as its header says and has an error
 * that FUSE knows, a queue goes on, the home is asked for mappings within the
 * window alone, what lies beside the folder is what it was, and no descriptor is
 * left in the end.
 *
 * Reach is printed in the end: requests that were done, by their operations.
 */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fuse.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/fd.h>

#include "memory.h"
#include "ring.h"
#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUEUE_SIZE	16u
#define ASK_AT		0x4000u
#define ASK_ROOM	0x4000u
#define ANSWER_AT	0x10000u
#define ANSWER_ROOM	0x8000u
#define OPCODES		56u
#define KNOWN		8u
#define WORDS		11u	/* of arguments */
#define SECRET		"what nobody may touch"

static uint64_t reached[OPCODES], broken;
static char home_path[64];

struct guest {
	struct memory memory;
	struct virtdev *dev;
	struct vq *q;
	struct vq_driver *driver;
	int fds;		/* that were open before it */
	int parent;		/* the folder beside which the secret lies */
	uint64_t nodes[KNOWN], handles[KNOWN];
	unsigned int nnodes, nhandles;
};

static void remove_home(void)
{
	tree_remove(home_path);
}

static void print_reach(void)
{
	unsigned int i;

	printf("# reach:");
	for (i = 0; i < OPCODES; i++)
		if (reached[i])
			printf(" %u: %" PRIu64, i, reached[i]);
	printf(", %" PRIu64 " broken rings\n", broken);
}

static void make_file(int dir, const char *name, const char *content)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
}

static void make_folder(struct guest *g)
{
	snprintf(home_path, sizeof(home_path), "/tmp/fuzz-fs-XXXXXX");
	CHECK(mkdtemp(home_path));
	g->parent = open(home_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_file(g->parent, "secret", SECRET);
	CHECK(mkdirat(g->parent, "shared", 0755) == 0);
	CHECK(mkdirat(g->parent, "shared/sub", 0755) == 0);
	make_file(g->parent, "shared/file", "content");
	CHECK(symlinkat("../secret", g->parent, "shared/out") == 0);
	CHECK(symlinkat("..", g->parent, "shared/up") == 0);
}

/* Two entries beside "." and "..", and the secret is one. */
static void check_parent(const struct guest *g)
{
	char content[64] = "";
	struct stat st;
	int fd = openat(g->parent, "secret", O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, content, sizeof(content)) == (ssize_t)strlen(SECRET));
	CHECK(!strcmp(content, SECRET));
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 1);
	CHECK(st.st_mode == (S_IFREG | 0600));
	close(fd);
	CHECK(fstat(g->parent, &st) == 0);
	CHECK(faccessat(g->parent, "shared", F_OK, 0) == 0);
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	(void)opaque;
	(void)cookie;
	CHECK(m->offset + m->len <= 2 * VIRTDEV_FS_WINDOW_ALIGN);
	CHECK(!map || fcntl(m->fd, F_GETFD) >= 0);
	return 0;
}

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
}

static void start_queue(struct guest *g)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map, .size = QUEUE_SIZE,
		.features = VQ_F_VERSION_1,
	};

	g->driver = queue_begin(g->dev, 1, g->q, &dc);
}

static void stop_queue(struct guest *g)
{
	CHECK(virtdev_queue_drain(g->dev, 1) == 0);
	broken += queue_end(g->dev, 1, g->q);
	vq_driver_free(g->driver);
}

/* A file that grows without end would fill the host's disk. */
static void bound_files(void)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* -------------------------------------------------------------- a request */

static uint64_t known(const uint64_t *all, unsigned int n, uint32_t v)
{
	return v == 0xff ? UINT64_MAX : v >= 0xf0 ? v : n ? all[v % n] : 1;
}

static uint64_t word(const struct guest *g, struct input *in)
{
	static const uint64_t words[] = {
		0, 1, 2, 7, 64, 4096, 0x1fffffff, VIRTDEV_FS_WINDOW_ALIGN,
		INT64_MAX, UINT64_MAX, (UINT64_C(2) << 32) | 0100644,
		0100644, 040755, UINT64_C(4096) << 32, 0x200, 0xff,
	};
	const uint32_t v = take(in, 1);

	if (v & 0x80)
		return v & 0x40 ? known(g->handles, g->nhandles, v & 7)
				: known(g->nodes, g->nnodes, v & 7);
	return words[v & 15];
}

static uint32_t put_name(unsigned char *at, struct input *in)
{
	static const char *const names[] = {
		"file", "sub", "out", "up", "a", "b", "user.a", "..", ".", "",
		"sub/file", "../secret", "/etc/passwd", "c", "d", "no end",
	};
	const uint32_t v = take(in, 1) & 15;
	const uint32_t len = (uint32_t)strlen(names[v]) + (v != 15);

	memcpy(at, names[v], len);
	return len;
}

/* The bytes that an operation takes in front of its names. */
static uint32_t args_of(uint32_t opcode, struct input *in)
{
	static const uint8_t args[OPCODES] = {
		[FUSE_FORGET] = 8, [FUSE_GETATTR] = 16, [FUSE_SETATTR] = 88,
		[FUSE_MKNOD] = 16, [FUSE_MKDIR] = 8, [FUSE_RENAME] = 8,
		[FUSE_LINK] = 8, [FUSE_OPEN] = 8, [FUSE_READ] = 40,
		[FUSE_WRITE] = 40, [FUSE_RELEASE] = 24, [FUSE_FSYNC] = 16,
		[FUSE_SETXATTR] = 8, [FUSE_GETXATTR] = 8, [FUSE_LISTXATTR] = 8,
		[FUSE_FLUSH] = 24, [FUSE_INIT] = 64, [FUSE_OPENDIR] = 8,
		[FUSE_READDIR] = 40, [FUSE_RELEASEDIR] = 24,
		[FUSE_FSYNCDIR] = 16, [FUSE_ACCESS] = 8, [FUSE_CREATE] = 16,
		[FUSE_BATCH_FORGET] = 8, [FUSE_FALLOCATE] = 32,
		[FUSE_READDIRPLUS] = 40, [FUSE_RENAME2] = 16, [FUSE_LSEEK] = 24,
		[FUSE_COPY_FILE_RANGE] = 56, [FUSE_SETUPMAPPING] = 40,
		[FUSE_REMOVEMAPPING] = 4, [FUSE_SYNCFS] = 8,
		[FUSE_TMPFILE] = 16,
	};
	const uint32_t v = take(in, 1);

	return v < 0xf0 && opcode < OPCODES ? args[opcode] : v & 0x7f;
}

/* Behind the names: groups, or what only looks like them. */
static uint32_t put_extension(unsigned char *at, struct input *in,
			      struct fuse_in_header *h)
{
	const uint32_t v = take(in, 1);
	const uint32_t words[] = { v & 0x80 ? v : 16, v & 0x40 ? v : 32,
				   v & 0x20 ? v : 1, 1000 };
	const uint16_t len = v & 0x10 ? v & 0xf : sizeof(words) / 8;

	memcpy(at, words, sizeof(words));
	memcpy((unsigned char *)h + 36, &len, sizeof(len));
	return sizeof(words);
}

static uint32_t make_request(struct guest *g, struct input *in,
			     unsigned char *at)
{
	const uint32_t op = take(in, 1), how = take(in, 1);
	struct fuse_in_header h = {
		.opcode = op < 0xf0 ? op % OPCODES : op << 24, .unique = 9,
		.nodeid = known(g->nodes, g->nnodes, take(in, 1)),
		.uid = how & 1 ? 1000 : how & 0x80 ? UINT32_MAX : 0,
		.gid = how & 2 ? 1000 : 0,
	};
	const uint32_t args = args_of(h.opcode, in);
	unsigned char *end = at + sizeof(h) + args;
	uint64_t words[WORDS + 6];
	uint32_t i;

	for (i = 0; i < (args + 7) / 8; i++)
		words[i] = word(g, in);
	if (h.opcode == FUSE_INIT)
		words[0] = 7 | UINT64_C(38) << 32;
	memcpy(at + sizeof(h), words, args);
	end += how & 4 ? put_name(end, in) : 0;
	end += how & 8 ? put_name(end, in) : 0;
	end += (how & 0x30) == 0x30 ? put_extension(end, in, &h) : 0;
	h.len = (uint32_t)(end - at) + (how & 0x70 ? 0 : how & 3);
	memcpy(at, &h, sizeof(h));
	return (uint32_t)(end - at);
}

/* ------------------------------------------------------------- an answer */

static void note(uint64_t *all, unsigned int *n, uint64_t id)
{
	all[(*n)++ % KNOWN] = id;
}

static void note_answer(struct guest *g, uint32_t opcode,
			const unsigned char *at, uint32_t len)
{
	const uint32_t entry = sizeof(struct fuse_entry_out);
	uint64_t id;

	reached[opcode % OPCODES]++;
	memcpy(&id, at, sizeof(id));
	if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR)
		note(g->handles, &g->nhandles, id);
	else if (len == entry || len == entry + sizeof(struct fuse_open_out))
		note(g->nodes, &g->nnodes, id);
	if (len == entry + sizeof(struct fuse_open_out)) {
		memcpy(&id, at + entry, sizeof(id));
		note(g->handles, &g->nhandles, id);
	}
	if (g->nnodes > KNOWN)
		g->nnodes = KNOWN;
	if (g->nhandles > KNOWN)
		g->nhandles = KNOWN;
}

static void collect(struct guest *g, uint32_t opcode, uint32_t room)
{
	const unsigned char *at = memory_at(&g->memory, ANSWER_AT);
	struct fuse_out_header out;
	uint64_t cookie;
	uint32_t used;

	CHECK(vq_driver_collect(g->driver, &cookie, &used) == 1);
	CHECK(used <= room);
	if (!used)
		return;
	memcpy(&out, at, sizeof(out));
	CHECK(used >= sizeof(out) && out.len == used && out.unique == 9);
	CHECK(out.error <= 0 && out.error > -512);
	CHECK(!out.error || used == sizeof(out));
	if (!out.error)
		note_answer(g, opcode, at + sizeof(out),
			    used - (uint32_t)sizeof(out));
}

static void request(struct guest *g, struct input *in)
{
	unsigned char *at = memory_at(&g->memory, ASK_AT);
	const uint32_t len = make_request(g, in, at), how = take(in, 1);
	const uint32_t cut = how & 0x40 ? 1 + take(in, 1) % (len - 1) : 40;
	const uint32_t room = how & 0x80 ? how & 0x3f : ANSWER_ROOM;
	const struct vq_buffer b[] = {
		{ ASK_AT, cut, 0 }, { ASK_AT + cut, len - cut, 0 },
		{ ANSWER_AT, room, 1 },
	};
	const unsigned int skip = len > cut ? 0 : 1;
	struct fuse_in_header h;
	unsigned int turns = 0;

	memcpy(&h, at, sizeof(h));
	if (skip)
		CHECK(vq_driver_add(g->driver, (struct vq_buffer[]){
			b[0], b[2] }, room ? 2 : 1, 0) == 0);
	else
		CHECK(vq_driver_add(g->driver, b, room ? 3 : 2, 0) == 0);
	vq_driver_publish(g->driver);
	while (virtdev_queue_serve(g->dev, 1))
		CHECK(++turns < 100);
	collect(g, h.opcode, room);
}

/* --------------------------------------------------------------------- course */

static void begin_session(struct guest *g)
{
	static const uint8_t bytes[] = { FUSE_INIT, 0, 0, 0 };
	struct input in = { bytes, bytes + sizeof(bytes) };

	request(g, &in);
	g->nodes[0] = FUSE_ROOT_ID;
	g->nnodes = 1;
}

static void init(void *guest, struct input *in)
{
	static const struct virtdev_home_ops ops = {
		.size = sizeof(ops), .notify = on_notify,
		.region_change = on_change,
	};
	const uint32_t how = take(in, 1);
	struct virtdev_fs_config config = {
		.size = sizeof(config), .tag = "fuzz", .inodes = 16,
		.handles = 8, .read_only = how & 1, .xattr = !(how & 2),
		.cache = how >> 2 & 1, .submounts = how & 8,
		.window = how & 16 ? 0 : 2 * VIRTDEV_FS_WINDOW_ALIGN,
	};
	struct guest *g = guest;
	char path[80];

	memset(g, 0, sizeof(*g));
	bound_files();
	g->fds = vsu_fd_count();
	make_folder(g);
	snprintf(path, sizeof(path), "%s/shared", home_path);
	config.path = path;
	CHECK(virtdev_fs_new(&config, &g->dev, NULL) == 0);
	virtdev_set_home(g->dev, &ops, NULL);
	memory_init(&g->memory);
	CHECK(vq_new(&g->q) == 0);
	CHECK(vq_set_space(g->q, g->memory.space) == 0);
	start_queue(g);
	begin_session(g);
}

static void act(void *guest, struct input *in)
{
	struct guest *g = guest;

	if (in->p < in->end && *in->p == 0xfe) {
		take(in, 1);
		stop_queue(g);
		virtdev_reset(g->dev);
		start_queue(g);
		begin_session(g);
		return;
	}
	request(g, in);
}

static void fini(void *guest)
{
	struct guest *g = guest;

	stop_queue(g);
	vq_free(g->q);
	virtdev_free(g->dev);
	memory_check(&g->memory);
	memory_fini(&g->memory);
	check_parent(g);
	close(g->parent);
	remove_home();
	CHECK(vsu_fd_count() == g->fds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct guest guest;

	return play(&course, &guest, data, size);
}
