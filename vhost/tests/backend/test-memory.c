/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the memory that a front-end shares with the back-end. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/access.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

#define PAGE	4096u
#define MiB	(1u << 20)
#define LAST	UINT64_MAX

/* a table of up to 8 regions and their descriptors */
struct table {
	struct vhost_user_mem_table t;
	int fds[32];
	unsigned int nfds;
};

static void put(struct table *t, struct vhost_user_mem_region region, int fd)
{
	t->t.regions[t->t.nregions++] = region;
	t->fds[t->nfds++] = fd;
}

static uint64_t set_table(struct rig *r, const struct table *t)
{
	return rig_ack(r, VHOST_USER_SET_MEM_TABLE, &t->t,
		       8 + 32 * t->t.nregions, t->fds, t->nfds);
}

static uint64_t change(struct rig *r, uint32_t request,
		       struct vhost_user_mem_region region, int fd)
{
	struct vhost_user_mem_reg m = { .region = region };

	return rig_ack(r, request, &m, sizeof(m), &fd, fd >= 0);
}

static uint64_t add(struct rig *r, struct vhost_user_mem_region region, int fd)
{
	return change(r, VHOST_USER_ADD_MEM_REG, region, fd);
}

static struct vmem_map *map_of(struct rig *r)
{
	return vmem_space_current(vhost_user_priv_space(r->b));
}

static unsigned int count(struct rig *r)
{
	return map_of(r) ? vmem_map_count(map_of(r)) : 0;
}

static unsigned char *hva(struct rig *r, uint64_t gpa)
{
	struct vmem_region *region = vmem_map_find(map_of(r), gpa);

	ck_assert_ptr_nonnull(region);
	return vmem_region_hva(region) + (gpa - vmem_region_gpa(region));
}

static struct vhost_user_mem_region plain(uint64_t gpa, uint64_t size,
					  uint64_t uaddr, uint64_t offset)
{
	struct vhost_user_mem_region region = { gpa, size, uaddr, offset };

	return region;
}

/* accepted memory */

START_TEST(regions_in_any_order_are_found_at_their_addresses)
{
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_negotiate(&rig);
	put(&t, rig_region(8 * MiB, 64 * PAGE, 128 * PAGE), rig.memfd);
	put(&t, rig_region(0, 64 * PAGE, 0), rig.memfd);
	put(&t, rig_region(4 * MiB, 64 * PAGE, 64 * PAGE), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_eq(count(&rig), 3);
	rig.mem[128 * PAGE + 5] = 0x77;
	ck_assert_uint_eq(*hva(&rig, 8 * MiB + 5), 0x77);
	*hva(&rig, 4 * MiB + 63) = 0x66;
	ck_assert_uint_eq(rig.mem[64 * PAGE + 63], 0x66);
}
END_TEST

START_TEST(table_padded_to_eight_regions_is_accepted)
{
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_negotiate(&rig);
	put(&t, rig_region(0, RIG_MEMORY, 0), rig.memfd);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t,
				  sizeof(t.t), t.fds, 1), 0);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

/* Sizes and guest addresses need not be multiples of the page size. */
START_TEST(unaligned_sizes_and_addresses_are_accepted)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(add(&rig, rig_region(0x100, 0x3b10, PAGE), rig.memfd), 0);
	ck_assert_uint_eq(add(&rig, rig_region(0x8000, 1, 0x123), rig.memfd), 0);
	rig.mem[PAGE + 0x3b0f] = 0x11;
	rig.mem[0x123] = 0x22;
	ck_assert_uint_eq(*hva(&rig, 0x100 + 0x3b0f), 0x11);
	ck_assert_uint_eq(*hva(&rig, 0x8000), 0x22);
}
END_TEST

START_TEST(region_may_end_at_the_last_address)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(add(&rig, plain(LAST - PAGE + 1, PAGE,
					LAST - PAGE + 1, 0), rig.memfd), 0);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

START_TEST(resent_table_keeps_its_mappings)
{
	struct table t = { .nfds = 0 };
	unsigned char *first, *second;

	rig_init(&rig);
	rig_negotiate(&rig);
	put(&t, rig_region(0, 64 * PAGE, 0), rig.memfd);
	put(&t, rig_region(4 * MiB, 64 * PAGE, 64 * PAGE), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	first = hva(&rig, 0);
	second = hva(&rig, 4 * MiB);
	t.t.regions[1].guest_addr = 6 * MiB;
	put(&t, rig_region(8 * MiB, 64 * PAGE, 128 * PAGE), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_ptr_eq(hva(&rig, 0), first);
	ck_assert_ptr_eq(hva(&rig, 6 * MiB), second);
	ck_assert_uint_eq(count(&rig), 3);
}
END_TEST

START_TEST(other_file_at_the_same_addresses_is_mapped_again)
{
	int other = memfd_create("other", MFD_CLOEXEC);
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_int_eq(ftruncate(other, RIG_MEMORY), 0);
	ck_assert_int_eq(pwrite(other, "x", 1, 77), 1);
	put(&t, rig_region(0, RIG_MEMORY, 0), other);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_eq(*hva(&rig, 77), 'x');
	ck_assert(rig.running[0]);
	vsu_fd_close(&other);
}
END_TEST

static int new_sealed(void)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, RIG_MEMORY), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK),
			 0);
	return fd;
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, flags | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The descriptor itself, a duplicate, and a new open file description. */
START_TEST(resent_table_of_sealed_memory_keeps_its_mapping)
{
	struct table t = { .nfds = 0 };
	int fds[3], i;
	unsigned char *first;

	rig_init(&rig);
	rig_negotiate(&rig);
	fds[0] = new_sealed();
	fds[1] = dup(fds[0]);
	fds[2] = reopen(fds[0], O_RDWR);
	put(&t, rig_region(0, RIG_MEMORY, 0), fds[0]);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	first = hva(&rig, 0);
	for (i = 0; i < 3; i++) {
		t.fds[0] = fds[i];
		ck_assert_uint_eq(set_table(&rig, &t), 0);
		ck_assert_ptr_eq(hva(&rig, 0), first);
	}
	ck_assert_uint_eq(count(&rig), 1);
	for (i = 0; i < 3; i++)
		vsu_fd_close(&fds[i]);
}
END_TEST

START_TEST(other_sealed_file_at_the_same_addresses_is_mapped_again)
{
	struct table t = { .nfds = 0 };
	int fds[2];

	rig_init(&rig);
	rig_negotiate(&rig);
	fds[0] = new_sealed();
	fds[1] = new_sealed();
	ck_assert_int_eq(pwrite(fds[1], "x", 1, 77), 1);
	put(&t, rig_region(0, RIG_MEMORY, 0), fds[0]);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	t.fds[0] = fds[1];
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_eq(*hva(&rig, 77), 'x');
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}
END_TEST

/* Results of the check of the first region do not apply to the second. */
START_TEST(sealed_memory_behind_another_file_keeps_its_mapping)
{
	struct table t = { .nfds = 0 };
	unsigned char *second;
	int fds[3], i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 3; i++)
		fds[i] = new_sealed();
	ck_assert_int_eq(pwrite(fds[2], "x", 1, 77), 1);
	put(&t, rig_region(0, RIG_MEMORY, 0), fds[0]);
	put(&t, rig_region(4 * MiB, RIG_MEMORY, 0), fds[1]);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	second = hva(&rig, 4 * MiB);
	t.fds[0] = fds[2];
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_eq(*hva(&rig, 77), 'x');
	ck_assert_ptr_eq(hva(&rig, 4 * MiB), second);
	for (i = 0; i < 3; i++)
		vsu_fd_close(&fds[i]);
}
END_TEST

/*
 * Descriptor numbers that this process uses lie between those received with the
 * table.
 */
START_TEST(resent_table_closes_only_its_own_descriptors)
{
	static const unsigned int holes[] = { 1, 2, 4, 7, 8, 9 };
	struct table t = { .nfds = 0 };
	int fds[8], ours[12], before;
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 8; i++) {
		fds[i] = new_sealed();
		put(&t, rig_region(i * 4 * MiB, RIG_MEMORY, 0), fds[i]);
	}
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	for (i = 0; i < 12; i++)
		ours[i] = dup(fds[0]);
	for (i = 0; i < 6; i++)
		vsu_fd_close(&ours[holes[i]]);
	before = vsu_fd_count();
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_int_eq(vsu_fd_count(), before);
	for (i = 0; i < 12; i++)
		ck_assert(ours[i] < 0 || fcntl(ours[i], F_GETFD) >= 0);
	for (i = 0; i < 12; i++)
		vsu_fd_close(&ours[i]);
	for (i = 0; i < 8; i++)
		vsu_fd_close(&fds[i]);
}
END_TEST

static const struct guarded {
	int seals;
	uint64_t size, len;	/* of the file, of the region at its front */
} guarded[] = {
	{ 0, 2 * MiB, 2 * MiB },
	{ F_SEAL_SHRINK, 2 * MiB, 2 * MiB },
	{ F_SEAL_GROW, 2 * MiB, 2 * MiB },
	{ F_SEAL_GROW, 4 * MiB, 2 * MiB },
	{ F_SEAL_GROW, 3 * MiB, 3 * MiB },
	{ F_SEAL_GROW, 2 * MiB, PAGE },
};

/* Afterwards the front-end enlarges its file if the seals permit it. */
START_TEST(bytes_beyond_a_region_are_inaccessible)
{
	const struct guarded *g = &guarded[_i];
	int fd = memfd_create("guarded", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_int_eq(ftruncate(fd, (off_t)g->size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, g->seals), 0);
	ck_assert_uint_eq(add(&rig, plain(0, g->len, 0, 0), fd), 0);
	ck_assert_int_eq(ftruncate(fd, 8 * MiB) == 0, !(g->seals & F_SEAL_GROW));
	ck_assert_int_eq(read(zero, hva(&rig, g->len - 1), 1), 1);
	ck_assert_int_eq(read(zero, hva(&rig, g->len - 1) + 1, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	vsu_fd_close(&zero);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(slots_are_added_and_removed)
{
	int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
		ck_assert_uint_eq(add(&rig, rig_region(MiB, PAGE, 0), rig.memfd),
				  0);
		ck_assert_uint_eq(count(&rig), 2);
		ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
					 rig_region(0, PAGE, 12345), -1), 0);
		ck_assert_uint_eq(count(&rig), 1);
		ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
					 rig_region(MiB, PAGE, 0), -1), 0);
		ck_assert_uint_eq(count(&rig), 0);
	}
}
END_TEST

/* refused memory */

START_TEST(b2_01_table_without_regions_is_refused)
{
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_ne(set_table(&rig, &t), 0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t,
				  sizeof(t.t), NULL, 0), 0);
	ck_assert_uint_eq(count(&rig), 1);
	ck_assert(rig.running[0]);
}
END_TEST

START_TEST(b2_02_count_must_agree_with_payload_and_descriptors)
{
	static const uint32_t counts[] = { 2, 9, 0x08000001, 0xffffffff };
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_up(&rig);
	put(&t, rig_region(0, RIG_MEMORY, 0), rig.memfd);
	t.t.nregions = counts[_i];
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t, 40, t.fds,
				  1), 0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t,
				  sizeof(t.t), t.fds, 1), 0);
	t.t.nregions = 1;
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t, 40, NULL,
				  0), 0);
	t.fds[1] = rig.memfd;
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t.t, 40, t.fds,
				  2), 0);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

/*
 * The region is refused as a slot and in a table, and nothing remains mapped.
 */
static void refuse_region(struct rig *r, struct vhost_user_mem_region region,
			  int fd)
{
	unsigned int before = count(r);
	struct table t = { .nfds = 0 };

	put(&t, region, fd);
	ck_assert_uint_ne(add(r, region, fd), 0);
	ck_assert_uint_ne(set_table(r, &t), 0);
	ck_assert_uint_eq(count(r), before);
}

START_TEST(b2_03_empty_region_is_refused)
{
	rig_init(&rig);
	rig_up(&rig);
	refuse_region(&rig, plain(4 * MiB, 0, 4 * MiB, 0), rig.memfd);
}
END_TEST

START_TEST(b2_04_addresses_that_wrap_are_refused)
{
	rig_init(&rig);
	rig_up(&rig);
	refuse_region(&rig, plain(LAST - PAGE + 2, PAGE, 4 * MiB, 0), rig.memfd);
	refuse_region(&rig, plain(4 * MiB, PAGE, LAST - PAGE + 2, 0), rig.memfd);
	refuse_region(&rig, plain(LAST, LAST, LAST, 0), rig.memfd);
}
END_TEST

START_TEST(b2_05_offsets_that_wrap_are_refused)
{
	rig_init(&rig);
	rig_up(&rig);
	refuse_region(&rig, plain(4 * MiB, PAGE, 4 * MiB, LAST), rig.memfd);
	refuse_region(&rig, plain(4 * MiB, PAGE, 4 * MiB, LAST - PAGE + 1),
		      rig.memfd);
	refuse_region(&rig, plain(4 * MiB, PAGE, 4 * MiB, INT64_MAX), rig.memfd);
	refuse_region(&rig, plain(0, LAST, 0, 0), rig.memfd);
	refuse_region(&rig, plain(0, LAST - 5, 0, 1), rig.memfd);
}
END_TEST

START_TEST(b2_06_overlap_in_either_space_is_refused)
{
	struct table t = { .nfds = 0 };
	unsigned char *before;

	rig_init(&rig);
	rig_up(&rig);
	before = hva(&rig, 0);
	put(&t, plain(4 * MiB, 2 * PAGE, 16 * MiB, 0), rig.memfd);
	put(&t, plain(4 * MiB + PAGE, PAGE, 32 * MiB, 0), rig.memfd);
	ck_assert_uint_ne(set_table(&rig, &t), 0);
	t.t.regions[1] = plain(8 * MiB, PAGE, 16 * MiB + 2 * PAGE - 1, 0);
	ck_assert_uint_ne(set_table(&rig, &t), 0);
	ck_assert_ptr_eq(hva(&rig, 0), before);
	ck_assert(rig.running[0]);
	t.t.regions[1] = plain(4 * MiB + 2 * PAGE, PAGE, 16 * MiB + 2 * PAGE,
			       0);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
}
END_TEST

START_TEST(b2_07_file_shorter_than_its_region_is_refused)
{
	rig_init(&rig);
	rig_up(&rig);
	refuse_region(&rig, rig_region(4 * MiB, RIG_MEMORY + 1, 0), rig.memfd);
	refuse_region(&rig, rig_region(4 * MiB, PAGE, RIG_MEMORY), rig.memfd);
	refuse_region(&rig, rig_region(4 * MiB, 2 * PAGE, RIG_MEMORY - PAGE),
		      rig.memfd);
}
END_TEST

/* The existing mapping would be kept if its file were still long enough. */
START_TEST(b2_07_resent_table_of_a_truncated_file_is_refused)
{
	struct table t = { .nfds = 0 };

	rig_init(&rig);
	rig_negotiate(&rig);
	put(&t, rig_region(0, RIG_MEMORY, 0), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_int_eq(ftruncate(rig.memfd, PAGE), 0);
	ck_assert_uint_ne(set_table(&rig, &t), 0);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

/* Passes trivially on a host without huge pages. */
START_TEST(b2_09_part_of_a_huge_page_is_exact_or_refused)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	char *mem;

	rig_init(&rig);
	rig_up(&rig);
	if (fd >= 0 && ftruncate(fd, 2 * MiB) == 0 &&
	    add(&rig, rig_region(4 * MiB, PAGE + 1, PAGE), fd) == 0) {
		mem = mmap(NULL, 2 * MiB, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0);
		if (mem != MAP_FAILED) {
			mem[2 * PAGE] = 'h';
			ck_assert_int_eq(*hva(&rig, 4 * MiB + PAGE), 'h');
			munmap(mem, 2 * MiB);
		}
	}
	ck_assert_uint_ne(add(&rig, rig_region(8 * MiB, 4 * MiB, PAGE), fd < 0 ?
			      rig.memfd : fd), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b2_10_descriptor_that_cannot_be_mapped_is_refused)
{
	struct vhost_user_mem_region region = rig_region(4 * MiB, PAGE, 0);
	int fds[5], i;

	rig_init(&rig);
	rig_up(&rig);
	fds[0] = eventfd(0, EFD_CLOEXEC);
	fds[1] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[2] = open("/", O_PATH | O_CLOEXEC);
	fds[3] = epoll_create1(EPOLL_CLOEXEC);
	fds[4] = rig.sock;
	for (i = 0; i < 5; i++) {
		ck_assert_int_ge(fds[i], 0);
		refuse_region(&rig, region, fds[i]);
	}
	for (i = 0; i < 4; i++)
		vsu_fd_close(&fds[i]);
}
END_TEST

static int read_only(int fd)
{
	return reopen(fd, O_RDONLY);
}

static struct vmem_region *region_at(struct rig *r, uint64_t gpa)
{
	struct vmem_region *region = vmem_map_find(map_of(r), gpa);

	ck_assert_ptr_nonnull(region);
	return region;
}

/* Every store function of a device fails on read-only guest memory. */
static void expect_no_store(struct rig *r, uint64_t gpa, uint32_t offset)
{
	const struct vmem_view *view = vmem_map_view(map_of(r));
	unsigned char bytes[PAGE], before[PAGE];
	struct iovec iov[4];
	uint64_t done;

	memcpy(before, r->mem + offset, PAGE);
	memset(bytes, 0xaa, sizeof(bytes));
	ck_assert_int_eq(vmem_read(view, gpa, bytes, 8), 8);
	ck_assert_int_eq(vmem_write(view, gpa, bytes, 8), -EFAULT);
	ck_assert_int_eq(vmem_write_exact(view, gpa, bytes, PAGE), -EFAULT);
	ck_assert_int_eq(vmem_store_u16(view, gpa, 1, __ATOMIC_RELAXED),
			 -EFAULT);
	ck_assert_int_le(vmem_slices(view, gpa, 8, VMEM_WRITE, iov, 4, &done),
			 0);
	ck_assert_mem_eq(r->mem + offset, before, PAGE);
}

START_TEST(b2_18_memory_whose_descriptor_cannot_be_written_is_rom)
{
	int fd;

	rig_init(&rig);
	rig_up(&rig);
	fd = read_only(rig.memfd);
	ck_assert_uint_eq(add(&rig, rig_region(4 * MiB, PAGE, 7 * PAGE), fd), 0);
	ck_assert(vmem_region_is_rom(region_at(&rig, 4 * MiB)));
	rig.mem[7 * PAGE + 3] = 0x55;
	ck_assert_uint_eq(*hva(&rig, 4 * MiB + 3), 0x55);
	expect_no_store(&rig, 4 * MiB, 7 * PAGE);
	ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
				 rig_region(4 * MiB, PAGE, 7 * PAGE), -1), 0);
	ck_assert_uint_eq(count(&rig), 1);
	vsu_fd_close(&fd);
}
END_TEST

/* A new table keeps an existing mapping only if its access is the same. */
START_TEST(b2_18_rom_resent_as_writable_is_mapped_again)
{
	struct table t = { .nfds = 0 };
	int fd;

	rig_init(&rig);
	rig_negotiate(&rig);
	fd = read_only(rig.memfd);
	put(&t, rig_region(0, RIG_MEMORY, 0), fd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(vmem_region_is_rom(region_at(&rig, 0)));
	t.fds[0] = rig.memfd;
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(!vmem_region_is_rom(region_at(&rig, 0)));
	*hva(&rig, 5) = 0x44;
	ck_assert_uint_eq(rig.mem[5], 0x44);
	vsu_fd_close(&fd);
}
END_TEST

/* A region whose file is sent again by a read-only descriptor must not stay writable. */
START_TEST(b2_18_sealed_memory_resent_as_rom_is_mapped_again)
{
	struct table t = { .nfds = 0 };
	int fd, rom;

	rig_init(&rig);
	rig_negotiate(&rig);
	fd = new_sealed();
	rom = reopen(fd, O_RDONLY);
	put(&t, rig_region(0, RIG_MEMORY, 0), fd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(!vmem_region_is_rom(region_at(&rig, 0)));
	t.fds[0] = rom;
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(vmem_region_is_rom(region_at(&rig, 0)));
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(vmem_region_is_rom(region_at(&rig, 0)));
	vsu_fd_close(&fd);
	vsu_fd_close(&rom);
}
END_TEST

START_TEST(b2_11_failure_at_any_region_leaves_the_old_table)
{
	unsigned int i, bad;
	unsigned char *before;

	rig_init(&rig);
	rig_up(&rig);
	before = hva(&rig, 0);
	for (bad = 0; bad < 8; bad++) {
		struct table t = { .nfds = 0 };

		for (i = 0; i < 8; i++)
			put(&t, rig_region(i * MiB, PAGE, i == bad ?
					   RIG_MEMORY : i * PAGE), rig.memfd);
		ck_assert_uint_ne(set_table(&rig, &t), 0);
		ck_assert_uint_eq(count(&rig), 1);
		ck_assert_ptr_eq(hva(&rig, 0), before);
		ck_assert(rig.running[0] && rig.running[1]);
	}
	ck_assert_uint_eq(rig.quiesces, 0);
}
END_TEST

START_TEST(b2_12_chain_in_flight_keeps_replaced_memory)
{
	int other = memfd_create("other", MFD_CLOEXEC);
	struct table t = { .nfds = 0 };
	struct iovec iov[2];
	struct vq_chain chain = { .iov = iov, .iov_max = 2 };
	struct vq *q;

	rig_init(&rig);
	rig_up(&rig);
	q = vhost_user_backend_vq(rig.b, 0);
	rig_offer(&rig, 0, 3);
	ck_assert_int_eq(vq_pop(q, &chain), 1);
	ck_assert_int_eq(ftruncate(other, RIG_MEMORY), 0);
	ck_assert_int_eq(pwrite(other, rig.mem, RIG_MEMORY, 0), RIG_MEMORY);
	put(&t, rig_region(0, RIG_MEMORY, 0), other);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert(!rig.asked_drain);
	memset(iov[0].iov_base, 0x33, iov[0].iov_len);
	vq_push(q, &chain, 64);
	vq_publish(q);
	/* the used ring was written in the new memory */
	ck_assert_uint_eq(rig_used(&rig, 0), 0);
	ck_assert_uint_eq(hva(&rig, 0x6000)[2], 1);
	vsu_fd_close(&other);
}
END_TEST

START_TEST(b2_13_sum_of_regions_is_limited)
{
	rig_prepare(&rig);
	rig.config.max_memory = 4 * PAGE;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(add(&rig, rig_region(0, 3 * PAGE, 0), rig.memfd), 0);
	refuse_region(&rig, rig_region(MiB, 5 * PAGE, 0), rig.memfd);
	ck_assert_uint_ne(add(&rig, rig_region(MiB, PAGE + 1, 0), rig.memfd), 0);
	ck_assert_uint_eq(add(&rig, rig_region(MiB, PAGE, 0), rig.memfd), 0);
}
END_TEST

START_TEST(b2_14_overlapping_or_excess_slot_is_refused)
{
	unsigned int i;

	rig_prepare(&rig);
	rig.config.max_slots = 5;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_MAX_MEM_SLOTS), 5);
	ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
	ck_assert_uint_ne(add(&rig, rig_region(0, 2 * PAGE, 0), rig.memfd), 0);
	ck_assert_uint_ne(add(&rig, plain(MiB, PAGE, RIG_UADDR, 0), rig.memfd), 0);
	for (i = 1; i < 5; i++)
		ck_assert_uint_eq(add(&rig, rig_region(i * PAGE, PAGE, 0),
				      rig.memfd), 0);
	ck_assert_uint_ne(add(&rig, rig_region(MiB, PAGE, 0), rig.memfd), 0);
	ck_assert_uint_eq(count(&rig), 5);
}
END_TEST

/* QEMU up to 7.2 sends it once for each queue pair of a network card. */
START_TEST(b2_14_slot_that_is_added_twice_is_unchanged)
{
	int other = memfd_create("other", MFD_CLOEXEC);

	rig_prepare(&rig);
	rig.config.max_slots = 1;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
	hva(&rig, 0)[5] = 0x77;
	ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
	ck_assert_uint_eq(hva(&rig, 0)[5], 0x77);
	ck_assert_uint_eq(count(&rig), 1);
	ck_assert_int_eq(ftruncate(other, RIG_MEMORY), 0);
	ck_assert_uint_ne(add(&rig, rig_region(0, PAGE, 0), other), 0);
	ck_assert_uint_eq(hva(&rig, 0)[5], 0x77);
	ck_assert_uint_eq(count(&rig), 1);
	vsu_fd_close(&other);
}
END_TEST

START_TEST(b2_15_unknown_slot_cannot_be_removed)
{
	static const struct vhost_user_mem_region wrong[] = {
		{ 1, PAGE, RIG_UADDR, 0 }, { 0, PAGE - 1, RIG_UADDR, 0 },
		{ 0, PAGE, RIG_UADDR + 1, 0 }, { 0, 0, 0, 0 },
	};
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
	for (i = 0; i < 4; i++)
		ck_assert_uint_ne(change(&rig, VHOST_USER_REM_MEM_REG, wrong[i],
					 -1), 0);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

START_TEST(b2_16_ring_waits_while_its_memory_is_removed)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
				 rig_region(0, RIG_MEMORY, 0), -1), 0);
	ck_assert(rig.asked_drain);
	ck_assert(!rig.running[0] && !rig.running[1]);
	ck_assert(!vq_is_enabled(vhost_user_backend_vq(rig.b, 0)));
	ck_assert_uint_eq(add(&rig, rig_region(0, RIG_MEMORY, 0), rig.memfd), 0);
	ck_assert(rig.running[0] && rig.running[1]);
	rig_offer(&rig, 0, 2);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_used(&rig, 0), 2);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 2);
}
END_TEST

START_TEST(ring_continues_in_memory_at_a_new_guest_address)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
				 rig_region(0, RIG_MEMORY, 0), -1), 0);
	ck_assert_uint_eq(add(&rig, plain(64 * MiB, RIG_MEMORY, RIG_UADDR, 0),
			      rig.memfd), 0);
	ck_assert(rig.running[0]);
	ck_assert(vq_is_enabled(vhost_user_backend_vq(rig.b, 0)));
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 1);
}
END_TEST

/*
 * A resent table, a table with one more region, and one with that region
 * removed.
 */
START_TEST(table_that_only_grows_quiesces_no_ring)
{
	struct table t = { .nfds = 0 };
	unsigned int asked;

	rig_init(&rig);
	rig_up(&rig);
	asked = rig.quiesces;
	put(&t, rig_region(0, RIG_MEMORY, 0), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	put(&t, rig_region(4 * MiB, PAGE, 0), rig.memfd);
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_eq(rig.quiesces, asked);
	ck_assert_uint_eq(count(&rig), 2);
	ck_assert_uint_eq(rig.runs[0], 1);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	t.t.nregions = t.nfds = 1;
	ck_assert_uint_eq(set_table(&rig, &t), 0);
	ck_assert_uint_ne(rig.quiesces, asked);
	ck_assert_uint_eq(count(&rig), 1);
}
END_TEST

START_TEST(added_memory_quiesces_no_ring)
{
	unsigned int asked;

	rig_init(&rig);
	rig_up(&rig);
	asked = rig.quiesces;
	ck_assert_uint_eq(add(&rig, rig_region(4 * MiB, PAGE, 0), rig.memfd), 0);
	ck_assert_uint_eq(rig.quiesces, asked);
	ck_assert_uint_eq(rig.runs[0], 1);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

START_TEST(b2_17_descriptor_on_removal_is_closed_and_ignored)
{
	int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 40; i++) {	/* not counted as an error of the peer */
		ck_assert_uint_eq(add(&rig, rig_region(0, PAGE, 0), rig.memfd), 0);
		ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG,
					 rig_region(0, PAGE, 0), rig.memfd), 0);
	}
}
END_TEST

START_TEST(all_slots_can_be_filled_and_the_next_is_refused)
{
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 509; i++)
		ck_assert_uint_eq(add(&rig, rig_region(i * 2 * PAGE, PAGE, 0),
				      rig.memfd), 0);
	ck_assert_uint_ne(add(&rig, rig_region(i * 2 * PAGE, PAGE, 0), rig.memfd),
			  0);
}
END_TEST

START_TEST(rings_may_lie_at_guest_addresses)
{
	struct vhost_user_mem_table t = {
		.nregions = 1, .regions = { { 0, RIG_MEMORY, 0, 0 } },
	};
	struct vhost_user_vring_addr addr = rig_addr(0);

	rig_prepare(&rig);
	rig.config.protocol_features = UINT64_MAX;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert(vhost_user_priv_protocol_features(rig.b) &
		  VHOST_USER_PROTOCOL_BIT(GPA_ADDRESSES));
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t, 40,
				  &rig.memfd, 1), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0,
					RIG_SIZE), 0);
	addr.desc -= RIG_UADDR;
	addr.avail -= RIG_UADDR;
	addr.used -= RIG_UADDR;
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
}
END_TEST

static void add_refusals(Suite *s)
{
	TCase *tc = rig_case_of(s, "refusals", &rig);

	tcase_add_test(tc, b2_01_table_without_regions_is_refused);
	tcase_add_loop_test(tc, b2_02_count_must_agree_with_payload_and_descriptors,
			    0, 4);
	tcase_add_test(tc, b2_03_empty_region_is_refused);
	tcase_add_test(tc, b2_04_addresses_that_wrap_are_refused);
	tcase_add_test(tc, b2_05_offsets_that_wrap_are_refused);
	tcase_add_test(tc, b2_06_overlap_in_either_space_is_refused);
	tcase_add_test(tc, b2_07_file_shorter_than_its_region_is_refused);
	tcase_add_test(tc, b2_07_resent_table_of_a_truncated_file_is_refused);
	tcase_add_test(tc, b2_09_part_of_a_huge_page_is_exact_or_refused);
	tcase_add_test(tc, b2_10_descriptor_that_cannot_be_mapped_is_refused);
	tcase_add_test(tc,
		b2_18_memory_whose_descriptor_cannot_be_written_is_rom);
	tcase_add_test(tc,
		b2_18_rom_resent_as_writable_is_mapped_again);
	tcase_add_test(tc, b2_18_sealed_memory_resent_as_rom_is_mapped_again);
	tcase_add_test(tc, b2_11_failure_at_any_region_leaves_the_old_table);
	tcase_add_test(tc, b2_13_sum_of_regions_is_limited);
	tcase_add_test(tc, b2_14_overlapping_or_excess_slot_is_refused);
	tcase_add_test(tc, b2_14_slot_that_is_added_twice_is_unchanged);
	tcase_add_test(tc, b2_15_unknown_slot_cannot_be_removed);
}

int main(void)
{
	Suite *s = suite_create("backend-memory");
	TCase *tc = rig_case_of(s, "memory", &rig);

	tcase_add_test(tc, regions_in_any_order_are_found_at_their_addresses);
	tcase_add_test(tc, table_padded_to_eight_regions_is_accepted);
	tcase_add_test(tc, unaligned_sizes_and_addresses_are_accepted);
	tcase_add_test(tc, region_may_end_at_the_last_address);
	tcase_add_test(tc, resent_table_keeps_its_mappings);
	tcase_add_test(tc, other_file_at_the_same_addresses_is_mapped_again);
	tcase_add_test(tc, resent_table_of_sealed_memory_keeps_its_mapping);
	tcase_add_test(tc, other_sealed_file_at_the_same_addresses_is_mapped_again);
	tcase_add_test(tc, sealed_memory_behind_another_file_keeps_its_mapping);
	tcase_add_test(tc, resent_table_closes_only_its_own_descriptors);
	tcase_add_loop_test(tc, bytes_beyond_a_region_are_inaccessible, 0,
			    sizeof(guarded) / sizeof(guarded[0]));
	tcase_add_test(tc, slots_are_added_and_removed);
	tcase_add_test(tc, b2_12_chain_in_flight_keeps_replaced_memory);
	tcase_add_test(tc, b2_16_ring_waits_while_its_memory_is_removed);
	tcase_add_test(tc, ring_continues_in_memory_at_a_new_guest_address);
	tcase_add_test(tc, table_that_only_grows_quiesces_no_ring);
	tcase_add_test(tc, added_memory_quiesces_no_ring);
	tcase_add_test(tc, b2_17_descriptor_on_removal_is_closed_and_ignored);
	tcase_add_test(tc, rings_may_lie_at_guest_addresses);
	if (!rig_under_valgrind())	/* valgrind manages RLIMIT_NOFILE itself */
		tcase_add_test(tc, all_slots_can_be_filled_and_the_next_is_refused);
	add_refusals(s);
	return run_suite(s);
}
