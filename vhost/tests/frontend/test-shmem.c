/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about shared memory regions: which requests are granted, and which are
 * refused.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../rig.h"
#include "../shmem_rig.h"
#include "../suite.h"
#include "frontend/priv.h"

/* ------------------------------------------------------------ what is served */

START_TEST(regions_have_the_sizes_that_were_announced)
{
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 0), 64 * PAGE);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 1), 0);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 3), 16 * PAGE);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

START_TEST(mapping_shows_the_file_at_its_offset)
{
	const struct vhost_user_shmem_change *c = &kept[0].change;

	run();
	ck_assert_int_eq(map_answer(req(3, 2, 4, 7)), 0);
	ck_assert_uint_eq(notified.shmem, 1);
	ck_assert_uint_eq(c->shmid, 3);
	ck_assert_uint_eq(c->offset, 2 * PAGE);
	ck_assert_uint_eq(c->len, 4 * PAGE);
	ck_assert_uint_eq(vmem_block_hva(c->block)[0], 8);
	ck_assert_uint_eq(vmem_block_hva(c->block)[4 * PAGE - 1], 11);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 1);
}
END_TEST

START_TEST(mapping_without_the_write_flag_is_read_only)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	r.flags = 0;
	ck_assert_int_eq(map_answer(r), 0);
	ck_assert(!(vmem_block_flags(kept[0].change.block) & VMEM_BLOCK_WRITE));
	ck_assert_int_eq(map_answer(req(0, 1, 1, 0)), 0);
	ck_assert(vmem_block_flags(kept[1].change.block) & VMEM_BLOCK_WRITE);
}
END_TEST

/* --- a buffer of a device, or a guest_memfd that looks like one --- */

/*
 * If not 0: the type that fstatfs() returns; readlink() then returns a matching
 * name.
 */
static uint32_t shown_type;

/* libvmm-sys-util calls them as well. */
#define FOR_LIBRARIES __attribute__((visibility("default")))

FOR_LIBRARIES ssize_t readlink(const char *path, char *name, size_t size)
{
	const char *shown = "/dmabuf:";

	if (!shown_type)
		return syscall(SYS_readlinkat, AT_FDCWD, path, name, size);
	size = size < strlen(shown) ? size : strlen(shown);
	memcpy(name, shown, size);
	return (ssize_t)size;
}

#if __SIZEOF_LONG__ == 8
FOR_LIBRARIES int fstatfs(int fd, struct statfs *fs)
{
	int rc = (int)syscall(SYS_fstatfs, fd, fs);

	if (shown_type)
		fs->f_type = (__typeof__(fs->f_type))shown_type;
	return rc;
}
#endif

/* Linux makes a dma-buf only of a memfd that cannot shrink. */
static int udmabuf_new(uint64_t len)
{
	struct { uint32_t fd, flags; uint64_t offset, size; } args = { 0, 1, 0, len };
	int memory = memfd_create("buffer", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;

	args.fd = (uint32_t)memory;
	if (device >= 0 && !ftruncate(memory, (off_t)len) &&
	    !fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(device, _IOW('u', 0x42, args), &args);
	close(device);
	close(memory);
	return fd;
}

static int stand_in_new(uint64_t len)
{
	struct { uint64_t size, flags, rest[6]; } args = { len, 3, { 0 } };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, _IO(0xAE, 0x01), 0);
	int fd = vm < 0 ? -1 : ioctl(vm, _IOWR(0xAE, 0xd4, args), &args);

	close(vm);
	close(kvm);
	return fd;
}

static int buffer_new(uint64_t len)
{
	int fd = udmabuf_new(len);

	if (fd >= 0 || __SIZEOF_LONG__ != 8)
		return fd;
	shown_type = 0x444d4142;
	return stand_in_new(len);
}

static bool has_buffers(void)
{
	int fd = buffer_new(4 * PAGE);

	shown_type = 0;
	return fd >= 0 && close(fd) == 0;
}

START_TEST(dma_buf_is_mapped)
{
	unsigned char *own;

	run();
	close(file_fd);
	file_fd = buffer_new(4 * PAGE);
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file_fd, 0);
	ck_assert_ptr_ne(own, MAP_FAILED);
	own[PAGE] = 42;
	ck_assert_int_eq(map_answer(req(3, 2, 4, 0)), 0);
	ck_assert_uint_eq(vmem_block_hva(kept[0].change.block)[PAGE], 42);
	ck_assert_int_eq(map_answer(req(3, 8, 4, 1)), 1);	/* beyond its end */
	munmap(own, 4 * PAGE);
	shown_type = 0;
}
END_TEST

START_TEST(adjacent_mappings_are_adjacent_in_the_window)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 1, 1, 5)), 0);
	ck_assert_int_eq(map_answer(req(0, 2, 1, 6)), 0);
	ck_assert_ptr_eq(vmem_block_hva(kept[0].change.block) + PAGE,
			 vmem_block_hva(kept[1].change.block));
}
END_TEST

#if UINTPTR_MAX > UINT32_MAX
/* 64 GiB of address space, with a page at either end and one in the middle. */
START_TEST(window_of_64_gib_uses_memory_only_for_its_mappings)
{
	const uint64_t size = UINT64_C(64) << 30, pages = size / PAGE;
	const uint64_t at[] = { 0, pages / 2, pages - 1 };
	unsigned int i;

	peer.shmem.sizes[0] = size;
	run();
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 0), size);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(map_answer(req(0, at[i], 1, i)), 0);
		ck_assert_uint_eq(vmem_block_hva(kept[i].change.block)[0],
				  i + 1);
	}
	ck_assert_int_eq(map_answer(req(0, pages, 1, 0)), 1);
	ck_assert_int_eq(map_answer(req(0, pages - 1, 1, 0)), 1);
	ck_assert_int_eq(map_answer(req(3, 0, 4, 0)), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(unmap_answer(req(0, at[i], 1, i)), 0);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 1);
}
END_TEST
#endif

START_TEST(maps_of_one_read_are_one_batch)
{
	unsigned int i;

	run();
	for (i = 0; i < 20; i++)
		ask_map(req(0, i, 1, i));
	dispatch_both();
	ck_assert_uint_eq(notified.shmem, 1);
	ck_assert_uint_eq(notified.changes, 20);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

START_TEST(alternating_maps_and_unmaps_stay_in_order)
{
	run();
	ask_map(req(0, 0, 1, 0));
	ask_unmap(req(0, 0, 1, 0));
	ask_map(req(0, 0, 2, 0));
	ask_unmap(req(0, 0, 2, 0));
	ask_unmap(req(0, 0, 2, 0));
	dispatch_both();
	ck_assert_uint_eq(notified.shmem, 4);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

START_TEST(map_refused_by_the_owner_is_reverted)
{
	run();
	answer_with = -ENOSPC;
	ck_assert_int_eq(map_answer(req(0, 0, 4, 0)), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
	answer_with = 0;
	ck_assert_int_eq(map_answer(req(0, 0, 4, 0)), 0);
}
END_TEST

START_TEST(request_without_need_reply_gets_no_reply)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, 0, &r, sizeof(r), file_fd);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), -1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 1);
}
END_TEST

/* -------------------------------------------------------------- C1-11: sizes */

static const struct {
	uint32_t nregions;
	uint8_t at[2];
	uint64_t sizes[2];
	int code;
	const char *words;
} bad_regions[] = {
	{ 1, { 0, 1 }, { PAGE, PAGE }, -EBADMSG, "1 shared memory regions" },
	{ 3, { 0, 1 }, { PAGE, PAGE }, -EBADMSG, "3 shared memory regions" },
	{ 257, { 0, 1 }, { PAGE, PAGE }, -EBADMSG, "257" },
	{ UINT32_MAX, { 0, 1 }, { 0, 0 }, -EBADMSG, "4294967295" },
	{ 1, { 7, 7 }, { 4097, 4097 }, -EBADMSG, "region 7" },
	{ 1, { 0, 0 }, { UINT64_C(1) << 41, UINT64_C(1) << 41 }, -ENOSPC,
	  "exceed" },
	{ 2, { 0, 255 }, { UINT64_C(1) << 63, UINT64_C(1) << 63 }, -ENOSPC,
	  "exceed" },
	{ 2, { 0, 1 }, { 0 - PAGE, 2 * PAGE }, -ENOSPC, "exceed" },
};

START_TEST(c1_11_invalid_regions_end_the_handshake)
{
	unsigned int i;

	memset(&peer.shmem, 0, sizeof(peer.shmem));
	peer.shmem.nregions = bad_regions[_i].nregions;
	for (i = 0; i < 2; i++)
		peer.shmem.sizes[bad_regions[_i].at[i]] =
			bad_regions[_i].sizes[i];
	become_ready();
	assert_dead(bad_regions[_i].code, bad_regions[_i].words);
}
END_TEST

START_TEST(c1_11_device_without_regions_is_accepted)
{
	memset(&peer.shmem, 0, sizeof(peer.shmem));
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 1);
}
END_TEST

/* ---------------------------------------------------- requests that are refused */

/* Refused: nothing was reported or mapped, and the next request is granted. */
static void assert_refused(struct vhost_user_shmem_mmap r)
{
	unsigned int before = vhost_user_priv_shmem_count(fe);
	unsigned int changes_before = notified.changes;
	int fds = vsu_fd_count();

	ck_assert_int_eq(map_answer(r), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), before);
	ck_assert_uint_eq(notified.changes, changes_before);
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(map_answer(req(0, 60, 1, 0)), 0);
	ck_assert_int_eq(unmap_answer(req(0, 60, 1, 0)), 0);
}

static void assert_not_unmapped(struct vhost_user_shmem_mmap r)
{
	unsigned int before = vhost_user_priv_shmem_count(fe);

	ck_assert_int_eq(unmap_answer(r), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), before);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}

START_TEST(c2_04_map_before_a_ring_runs_is_refused)
{
	become_ready();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(c2_04_map_after_rings_stopped_is_refused)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 1);
}
END_TEST

START_TEST(c2_05_unknown_region_is_refused)
{
	run();
	assert_refused(req(1, 0, 1, 0));
	assert_refused(req(255, 0, 1, 0));
	assert_not_unmapped(req(1, 0, 1, 0));
}
END_TEST

START_TEST(c2_06_empty_mapping_is_refused)
{
	run();
	assert_refused(req(0, 0, 0, 0));
	assert_refused(req(0, 63, 0, 31));
}
END_TEST

START_TEST(c2_07_wrapping_end_in_the_region_is_refused)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 2, 0);

	run();
	r.shm_offset = 0 - PAGE;
	assert_refused(r);
	r.shm_offset = PAGE;
	r.len = 0 - PAGE;
	assert_refused(r);
}
END_TEST

START_TEST(c2_08_range_beyond_the_region_is_refused)
{
	run();
	assert_refused(req(3, 16, 1, 0));
	assert_refused(req(3, 15, 2, 0));
	assert_refused(req(3, 0, 17, 0));
	ck_assert_int_eq(map_answer(req(3, 15, 1, 0)), 0);
}
END_TEST

START_TEST(c2_09_wrapping_range_in_the_file_is_refused)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 2, 0);

	run();
	r.fd_offset = 0 - PAGE;
	assert_refused(r);
	r.fd_offset = INT64_MAX - PAGE + 1;
	assert_refused(r);
}
END_TEST

START_TEST(c2_10_unaligned_offset_or_length_is_refused)
{
	struct vhost_user_shmem_mmap r = req(0, 1, 1, 1);

	run();
	r.shm_offset += 256;
	assert_refused(r);
	r = req(0, 1, 1, 1);
	r.fd_offset += 256;
	assert_refused(r);
	r = req(0, 1, 1, 1);
	r.len += 256;
	assert_refused(r);
}
END_TEST

START_TEST(c2_11_map_without_a_descriptor_is_refused)
{
	const struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, sizeof(r), -1);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

START_TEST(c2_11_two_descriptors_are_closed)
{
	const struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);
	int before;

	run();
	before = vsu_fd_count();
	peer_ask_fds(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, sizeof(r),
		     (const int[]){ file_fd, file_fd }, 2);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

/* Opens a file of a kind that cannot be mapped. */
static int strange_fd(int kind)
{
	int pair[2];

	switch (kind) {
	case 0:
		return vsu_event_new();
	case 1:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 2:
		return open("/dev/zero", O_PATH | O_CLOEXEC);
	case 3:
		return epoll_create1(EPOLL_CLOEXEC);
	case 4:
		ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
		close(pair[1]);
		return pair[0];
	case 5:
		ck_assert_int_eq(vsu_sock_pair(pair), 0);
		close(pair[1]);
		return pair[0];
	default:
		return open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	}
}

START_TEST(c2_12_descriptor_that_cannot_be_mapped_is_refused)
{
	run();
	close(file_fd);
	file_fd = strange_fd(_i);
	ck_assert_int_ge(file_fd, 0);
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
	close(file_fd);
	file_fd = new_memfd(PAGE);
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
}
END_TEST

START_TEST(c2_13_mapping_beyond_the_file_is_refused)
{
	run();
	assert_refused(req(0, 0, 2, 31));
	assert_refused(req(0, 0, 1, 32));
	ck_assert_int_eq(ftruncate(file_fd, 31 * PAGE + 100), 0);
	ck_assert_int_eq(map_answer(req(0, 0, 2, 30)), 0);
}
END_TEST

/* A read-only descriptor of the memfd. */
static int read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

START_TEST(c2_14_writable_mapping_of_a_read_only_descriptor_is_refused)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);
	int writable = file_fd;

	run();
	file_fd = read_only(writable);
	close(writable);
	ck_assert_int_ge(file_fd, 0);
	ck_assert_int_eq(map_answer(r), 1);
	r.flags = 0;
	ck_assert_int_eq(map_answer(r), 0);
}
END_TEST

START_TEST(c2_15_unknown_flags_are_refused_and_padding_is_ignored)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	r.flags = 2;
	assert_refused(r);
	r.flags = VHOST_USER_SHMEM_RW | UINT64_C(1) << 63;
	assert_refused(r);
	r.flags = VHOST_USER_SHMEM_RW;
	memset(r.padding, 0xff, sizeof(r.padding));
	ck_assert_int_eq(map_answer(r), 0);
}
END_TEST

START_TEST(c2_16_overlap_is_refused_and_keeps_the_old_mapping)
{
	const struct { uint64_t off, len; } over[] = {
		{ 8, 8 }, { 10, 2 }, { 4, 16 }, { 4, 5 }, { 15, 4 }, { 8, 1 },
		{ 15, 1 },
	};
	unsigned int i;

	run();
	ck_assert_int_eq(map_answer(req(0, 8, 8, 3)), 0);
	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++)
		assert_refused(req(0, over[i].off, over[i].len, 0));
	ck_assert_uint_eq(vmem_block_hva(kept[0].change.block)[0], 4);
	ck_assert_uint_eq(vmem_block_hva(kept[0].change.block)[8 * PAGE - 1], 11);
	ck_assert_int_eq(map_answer(req(0, 7, 1, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 16, 1, 0)), 0);
}
END_TEST

START_TEST(c2_17_number_of_mappings_is_limited)
{
	unsigned int i;

	config.max_shmem_maps = 5;
	run();
	config.max_shmem_maps = 0;
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(map_answer(req(i % 2 ? 3 : 0, i, 1, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 20, 1, 0)), 1);
	ck_assert_int_eq(unmap_answer(req(3, 1, 1, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 20, 1, 0)), 0);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 5);
}
END_TEST

START_TEST(c2_17_mapped_bytes_are_limited)
{
	config.max_shmem_mapped = 6 * PAGE;
	run();
	config.max_shmem_mapped = 0;
	ck_assert_int_eq(map_answer(req(0, 0, 4, 0)), 0);
	ck_assert_int_eq(map_answer(req(3, 0, 3, 0)), 1);
	ck_assert_ptr_nonnull(strstr(notified.refusal.msg,
				     "0x4000 bytes mapped, with 0x3000 more the limit of 0x6000"));
	ck_assert_int_eq(map_answer(req(3, 0, 2, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 8, 1, 0)), 1);
	ck_assert_int_eq(unmap_answer(req(0, 0, 4, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 8, 4, 0)), 0);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 2);
}
END_TEST

START_TEST(c2_18_unmap_must_cover_exactly_one_mapping)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 8, 4, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 12, 4, 0)), 0);
	assert_not_unmapped(req(0, 20, 4, 0));
	assert_not_unmapped(req(0, 8, 2, 0));
	assert_not_unmapped(req(0, 9, 3, 0));
	assert_not_unmapped(req(0, 8, 8, 0));
	assert_not_unmapped(req(3, 8, 4, 0));
	ck_assert_int_eq(unmap_answer(req(0, 8, 4, 0)), 0);
	assert_not_unmapped(req(0, 8, 4, 0));
}
END_TEST

static void assert_refusal(unsigned int n, const char *request, const char *words)
{
	ck_assert_uint_eq(notified.refused, n);
	ck_assert_msg(strstr(notified.refusal.msg, request) &&
		      strstr(notified.refusal.msg, words), "%s", notified.refusal.msg);
}

START_TEST(every_refusal_is_reported_with_request_and_reason)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	map_answer(req(7, 0, 1, 0));
	assert_refusal(1, "SHMEM_MAP", "no shared memory region 7");
	map_answer(req(0, 63, 2, 0));
	assert_refusal(2, "SHMEM_MAP", "exceed a window");
	map_answer(req(0, 0, 1, 32));
	assert_refusal(3, "SHMEM_MAP", "the file has");
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, sizeof(r), -1);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	assert_refusal(4, "SHMEM_MAP", "0 descriptors; expected 1 to 1");
	unmap_answer(r);
	assert_refusal(5, "SHMEM_UNMAP", "no mapping of shared memory region 0");
	answer_with = -ENOSPC;
	map_answer(r);
	assert_refusal(6, "region 0", "cannot be mapped into the guest");
	answer_with = 0;
	ck_assert_int_eq(map_answer(r), 0);
	ck_assert_uint_eq(notified.refused, 6);
}
END_TEST

START_TEST(c2_19_unmap_with_a_descriptor_is_done_and_closes_it)
{
	const struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);
	int before;

	run();
	ck_assert_int_eq(map_answer(r), 0);
	before = vsu_fd_count();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_UNMAP, NEED, &r, sizeof(r),
		 file_fd);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(vsu_fd_count(), before - 1); /* that of the mapping */
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

START_TEST(c2_20_unmap_of_length_uint64_max_is_refused)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	ck_assert_int_eq(map_answer(r), 0);
	r.len = UINT64_MAX;
	assert_not_unmapped(r);
}
END_TEST

START_TEST(request_of_another_size_is_refused)
{
	const struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, 32, file_fd);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static void add_served(Suite *s)
{
	TCase *tc = front_case(s, "served", setup_shmem, teardown_shmem);

	tcase_add_test(tc, regions_have_the_sizes_that_were_announced);
	tcase_add_test(tc, mapping_shows_the_file_at_its_offset);
	tcase_add_test(tc, mapping_without_the_write_flag_is_read_only);
	if (has_buffers())
		tcase_add_test(tc, dma_buf_is_mapped);
	else
		puts("# dma-buf: skipped: /dev/udmabuf and guest_memfd are unavailable");
	tcase_add_test(tc, adjacent_mappings_are_adjacent_in_the_window);
#if UINTPTR_MAX > UINT32_MAX
	/* valgrind has no address space for such a window */
	if (!rig_under_valgrind())
		tcase_add_test(tc, window_of_64_gib_uses_memory_only_for_its_mappings);
#endif
	tcase_add_test(tc, maps_of_one_read_are_one_batch);
	tcase_add_test(tc, alternating_maps_and_unmaps_stay_in_order);
	tcase_add_test(tc, map_refused_by_the_owner_is_reverted);
	tcase_add_test(tc, request_without_need_reply_gets_no_reply);
}

static void add_regions(Suite *s)
{
	TCase *tc = front_case(s, "regions", setup_shmem, teardown_shmem);

	tcase_add_loop_test(tc, c1_11_invalid_regions_end_the_handshake, 0,
			    COUNT(bad_regions));
	tcase_add_test(tc, c1_11_device_without_regions_is_accepted);
}

static void add_refused(Suite *s)
{
	TCase *tc = front_case(s, "refused", setup_shmem, teardown_shmem);

	tcase_add_test(tc, c2_04_map_before_a_ring_runs_is_refused);
	tcase_add_test(tc, c2_04_map_after_rings_stopped_is_refused);
	tcase_add_test(tc, c2_05_unknown_region_is_refused);
	tcase_add_test(tc, c2_06_empty_mapping_is_refused);
	tcase_add_test(tc, c2_07_wrapping_end_in_the_region_is_refused);
	tcase_add_test(tc, c2_08_range_beyond_the_region_is_refused);
	tcase_add_test(tc, c2_09_wrapping_range_in_the_file_is_refused);
	tcase_add_test(tc, c2_10_unaligned_offset_or_length_is_refused);
	tcase_add_test(tc, c2_11_map_without_a_descriptor_is_refused);
	tcase_add_test(tc, c2_11_two_descriptors_are_closed);
	tcase_add_loop_test(tc, c2_12_descriptor_that_cannot_be_mapped_is_refused, 0,
			    7);
	tcase_add_test(tc, c2_13_mapping_beyond_the_file_is_refused);
	tcase_add_test(tc, c2_14_writable_mapping_of_a_read_only_descriptor_is_refused);
	tcase_add_test(tc, c2_15_unknown_flags_are_refused_and_padding_is_ignored);
	tcase_add_test(tc, c2_16_overlap_is_refused_and_keeps_the_old_mapping);
	tcase_add_test(tc, c2_17_number_of_mappings_is_limited);
	tcase_add_test(tc, c2_17_mapped_bytes_are_limited);
	tcase_add_test(tc, c2_18_unmap_must_cover_exactly_one_mapping);
	tcase_add_test(tc, every_refusal_is_reported_with_request_and_reason);
	tcase_add_test(tc, c2_19_unmap_with_a_descriptor_is_done_and_closes_it);
	tcase_add_test(tc, c2_20_unmap_of_length_uint64_max_is_refused);
	tcase_add_test(tc, request_of_another_size_is_refused);
}

int main(void)
{
	Suite *s = suite_create("frontend-shmem");

	add_served(s);
	add_regions(s);
	add_refused(s);
	return run_suite(s);
}
