/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about memory that is sent as descriptors, and about its lock. */
#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "../memory.h"
#include "migration/shared.h"

static struct vmm_memory memory, other;
static struct vmm_stream source, destination;
static struct vsu_error err;

static const char *const pieces[] = {
	"size=64K", "size=64K,backend=memfd", "size=128K,backend=memfd,share=off",
	"size=192K,backend=memfd",
};

static void setup(void)
{
	unsigned int i;
	int pair[2];

	memset(&memory, 0, sizeof(memory));
	memset(&other, 0, sizeof(other));
	for (i = 0; i < COUNT(pieces); i++)
		memory.blocks[memory.nblocks++] = make_block(pieces[i]);
	other.n = COUNT(pieces);
	vsu_error_clear(&err);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&source);
	vmm_stream_init(&destination);
	source.fd = pair[0];
	destination.fd = pair[1];
	source.has_fds = destination.has_fds = true;
}

static void teardown(void)
{
	vmm_memory_close_locks(&memory);
	vmm_stream_close(&source);
	vmm_stream_close(&destination);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

START_TEST(shared_pieces_arrive_by_their_numbers)
{
	uint64_t sent = 0;

	ck_assert_int_eq(vmm_shared_send(&source, &memory, &sent, &err), 0);
	ck_assert_uint_eq(sent, 1 << 1 | 1 << 3);
	ck_assert_int_eq(vmm_shared_receive(&destination, &other, &err), 0);
	ck_assert_uint_eq(other.given[0].len, 0);
	ck_assert_uint_eq(other.given[2].len, 0);
	ck_assert_uint_eq(other.given[1].len, 64 * KIB);
	ck_assert_uint_eq(other.given[3].len, 192 * KIB);
	ck_assert(same_file(other.given[3].fd, vmem_block_fd(memory.blocks[3])));
}
END_TEST

START_TEST(nothing_is_sent_over_other_sockets)
{
	uint64_t sent = 1;

	source.has_fds = destination.has_fds = false;
	ck_assert_int_eq(vmm_shared_send(&source, &memory, &sent, &err), 0);
	ck_assert_uint_eq(sent, 0);
	ck_assert_int_eq(vmm_shared_receive(&destination, &other, &err), 0);
	ck_assert_uint_eq(other.given[1].len, 0);
}
END_TEST

/* Sections of a hostile source: fields of up to two pieces, and descriptors. */
static const struct {
	const char *what;
	uint64_t fields[6];
	unsigned int nfields, nfds;
	const char *path;	/* opened for each descriptor; NULL: a piece of memory */
} hostile[] = {
	{ "a number beyond the last piece", { 4, 0, 65536 }, 3, 1, NULL },
	{ "a huge number", { UINT64_MAX, 0, 65536 }, 3, 1, NULL },
	{ "the same piece twice", { 1, 0, 65536, 1, 0, 65536 }, 6, 2, NULL },
	{ "no length", { 1, 0, 0 }, 3, 1, NULL },
	{ "half of the fields", { 1, 0 }, 2, 1, NULL },
	{ "no descriptor", { 1, 0, 65536 }, 3, 0, NULL },
	{ "too few descriptors", { 1, 0, 65536, 3, 0, 65536 }, 6, 1, NULL },
	{ "too many descriptors", { 1, 0, 65536 }, 3, 3, NULL },
	{ "descriptors of nothing", { 0 }, 0, 2, NULL },
	{ "a device", { 1, 0, 65536 }, 3, 1, "/dev/null" },
	{ "a folder", { 1, 0, 65536 }, 3, 1, "/" },
};

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int open_nth(int i, unsigned int n)
{
	const char *path = hostile[i].path;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) :
		 dup(vmem_block_fd(memory.blocks[n ? 3 : 1]));

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(e2_27_impossible_section_is_refused_and_its_descriptors_are_closed)
{
	const unsigned int before = open_descriptors();
	unsigned int i;
	int fds[3];

	vmm_stream_begin(&source, "shared");
	for (i = 0; i < hostile[_i].nfields; i++)
		vsu_state_put_u64(&source.w, hostile[_i].fields[i]);
	for (i = 0; i < hostile[_i].nfds; i++)
		fds[i] = open_nth(_i, i);
	source.send_fds = fds;
	source.nsend_fds = hostile[_i].nfds;
	ck_assert_int_eq(vmm_stream_send(&source, &err), 0);
	while (i > 0)
		close(fds[--i]);
	ck_assert_msg(vmm_shared_receive(&destination, &other, &err) == -EBADMSG,
		      "%s: %s", hostile[_i].what, err.msg);
	vmm_stream_close(&destination);
	ck_assert_uint_eq(open_descriptors(), before - 1);
}
END_TEST

#define PIECES (UINT64_C(1) << 1 | UINT64_C(1) << 3)

/* A process that has the same memory by another descriptor. */
START_TEST(memory_is_locked_by_one_process)
{
	struct vmm_memory copy = { .nblocks = memory.nblocks };

	memcpy(copy.blocks, memory.blocks, sizeof(copy.blocks));
	ck_assert_int_eq(vmm_memory_lock(&memory, PIECES, &err), 0);
	ck_assert_int_eq(vmm_memory_lock(&memory, PIECES, &err), 0);
	ck_assert_int_eq(vmm_memory_lock(&copy, PIECES, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "another process"));
	vmm_memory_unlock(&memory);
	ck_assert_int_eq(vmm_memory_lock(&copy, PIECES, &err), 0);
	ck_assert_int_eq(vmm_memory_lock(&memory, 1 << 1, &err), -EBUSY);
	vmm_memory_close_locks(&copy);
	ck_assert_int_eq(vmm_memory_lock(&memory, PIECES, &err), 0);
	vmm_memory_close_locks(&memory);
}
END_TEST

/* All or none: the piece that was free before is free afterwards. */
START_TEST(e3_02_failed_lock_holds_no_piece)
{
	struct vmm_memory copy = { .nblocks = memory.nblocks };

	memcpy(copy.blocks, memory.blocks, sizeof(copy.blocks));
	ck_assert_int_eq(vmm_memory_lock(&copy, 1 << 3, &err), 0);
	ck_assert_int_eq(vmm_memory_lock(&memory, PIECES, &err), -EBUSY);
	ck_assert_int_eq(vmm_memory_lock(&copy, PIECES, &err), 0);
	vmm_memory_close_locks(&copy);
	vmm_memory_close_locks(&memory);
}
END_TEST

static struct vmem_block *piece_of(int fd, uint64_t offset, uint64_t len)
{
	const struct vmem_fd_desc desc = {
		.fd = fd, .fd_offset = offset, .len = len,
		.flags = VMEM_BLOCK_SHARED | VMEM_BLOCK_WRITE,
	};
	struct vmem_block *block;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, &err), 0);
	return block;
}

static const struct {
	uint64_t offset, len;
	int rc;
} neighbours[] = {
	{ 0, 16 * KIB, 0 }, { 32 * KIB, 16 * KIB, 0 }, { 16 * KIB, 16 * KIB, -EBUSY },
	{ 12 * KIB, 8 * KIB, -EBUSY }, { 28 * KIB, 36 * KIB, -EBUSY },
};

/* Two machines, each of which has its part of a file. */
START_TEST(e3_02_lock_covers_the_piece_and_nothing_else)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct vmm_memory one = { .nblocks = 1 }, two = { .nblocks = 1 };

	ck_assert_int_eq(ftruncate(fd, 64 * KIB), 0);
	one.blocks[0] = piece_of(fd, 16 * KIB, 16 * KIB);
	two.blocks[0] = piece_of(fd, neighbours[_i].offset, neighbours[_i].len);
	ck_assert_int_eq(vmm_memory_lock(&one, 1, &err), 0);
	ck_assert_int_eq(vmm_memory_lock(&two, 1, &err), neighbours[_i].rc);
	vmm_memory_close_locks(&one);
	vmm_memory_close_locks(&two);
	vmem_block_unref(one.blocks[0]);
	vmem_block_unref(two.blocks[0]);
	close(fd);
}
END_TEST

START_TEST(memory_that_is_not_shared_needs_no_lock)
{
	ck_assert_int_eq(vmm_memory_lock(&memory, 0, &err), 0);
	ck_assert_uint_eq(memory.lock_open, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migration");
	TCase *tc = tcase_create("shared");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, shared_pieces_arrive_by_their_numbers);
	tcase_add_test(tc, nothing_is_sent_over_other_sockets);
	tcase_add_loop_test(tc, e2_27_impossible_section_is_refused_and_its_descriptors_are_closed,
			    0, COUNT(hostile));
	tcase_add_test(tc, memory_is_locked_by_one_process);
	tcase_add_test(tc, e3_02_failed_lock_holds_no_piece);
	tcase_add_loop_test(tc, e3_02_lock_covers_the_piece_and_nothing_else, 0,
			    COUNT(neighbours));
	tcase_add_test(tc, memory_that_is_not_shared_needs_no_lock);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
