/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about blocks over a descriptor of the caller. */
#include <config.h>

#include <sys/mman.h>

#include <vmm-sys-util/foreign.h>

#include "util.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

START_TEST(piece_shows_the_bytes_at_its_file_offset)
{
	struct vmem_block *block;
	int fd = make_memfd(4 * PAGE);

	ck_assert_int_eq(new_block_fd(fd, PAGE, PAGE, RW_SHARED, &block), 0);
	ck_assert_uint_eq(vmem_block_len(block), PAGE);
	ck_assert_uint_eq(vmem_block_hva(block)[5], pattern(PAGE + 5));
	ck_assert_uint_eq(vmem_block_page_size(block), PAGE);
	ck_assert_int_eq(vmem_block_kind(block), VMEM_KIND_FD);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

START_TEST(unaligned_offset_keeps_the_rest)
{
	struct vmem_block *block;
	int fd = make_memfd(4 * PAGE);

	ck_assert_int_eq(new_block_fd(fd, PAGE + 3, PAGE, RW_SHARED, &block),
			 0);
	ck_assert_uint_eq(vmem_block_hva(block)[0], pattern(PAGE + 3));
	ck_assert_uint_eq(vmem_block_hva(block)[PAGE - 1],
			  pattern(2 * PAGE + 2));
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(block) % PAGE, 3);
	ck_assert_uint_eq(vmem_block_file_pos(block, 0), PAGE + 3);
	ck_assert_uint_eq(vmem_block_file_pos(block, 7), PAGE + 10);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

START_TEST(unaligned_length_is_kept_as_it_is)
{
	struct vmem_block *block;
	int fd = make_memfd(PAGE + 100);

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE + 100, RW_SHARED, &block), 0);
	ck_assert_uint_eq(vmem_block_len(block), PAGE + 100);
	ck_assert_uint_eq(vmem_block_hva(block)[PAGE + 99],
			  pattern(PAGE + 99));
	vmem_block_unref(block);
	close(fd);
}
END_TEST

START_TEST(shared_stores_reach_the_file_private_ones_do_not)
{
	struct vmem_block *shared, *private;
	int fd = make_memfd(PAGE);
	unsigned char byte;

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED, &shared), 0);
	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, VMEM_BLOCK_WRITE, &private),
			 0);
	vmem_block_hva(private)[9] = 0xaa;
	ck_assert_int_eq(pread(fd, &byte, 1, 9), 1);
	ck_assert_uint_eq(byte, pattern(9));
	vmem_block_hva(shared)[9] = 0x55;
	ck_assert_int_eq(pread(fd, &byte, 1, 9), 1);
	ck_assert_uint_eq(byte, 0x55);
	vmem_block_unref(shared);
	vmem_block_unref(private);
	close(fd);
}
END_TEST

static const struct refused {
	const char *what;
	uint64_t offset, len;	/* of a file of 64 KiB */
	uint32_t flags;
	int code;
} refused[] = {
	{ "no length", 0, 0, RW_SHARED, -EINVAL },
	{ "unknown flags", 0, 4096, 0x80, -EINVAL },
	{ "behind the end", 0, 64 * KIB + 1, RW_SHARED, -EINVAL },
	{ "at the end", 64 * KIB, 1, RW_SHARED, -EINVAL },
	{ "past the end", 128 * KIB, 4096, RW_SHARED, -EINVAL },
	{ "ends past the end", 60 * KIB, 8 * KIB, RW_SHARED, -EINVAL },
	{ "negative offset", UINT64_MAX - 4095, 4096, RW_SHARED, -EINVAL },
	{ "sum wraps", UINT64_MAX - 4095, 64 * KIB, RW_SHARED, -EINVAL },
	{ "offset 2^63", 1ull << 63, 4096, RW_SHARED, -EINVAL },
	{ "length 2^63", 0, 1ull << 63, RW_SHARED, -EINVAL },
	{ "last offset", 0x7ffffffffffff000, 4096, RW_SHARED, -EINVAL },
};

START_TEST(piece_is_refused)
{
	const struct refused *r = &refused[_i];
	struct vmem_block *block = (void *)(uintptr_t)0x1234;
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = make_memfd(64 * KIB), before = vsu_fd_count();
	struct vmem_fd_desc d = { fd, r->flags, r->offset, r->len, NULL, NULL };

	ck_assert_msg(vmem_block_new_fd(&d, &block, &err) == r->code, "%s",
		      r->what);
	ck_assert_uint_eq((uintptr_t)block, 0x1234);
	ck_assert_int_eq(err.code, r->code);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_int_eq(vsu_fd_count(), before);
	close(fd);
}
END_TEST

START_TEST(file_size_is_named_when_it_is_too_small)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block;
	int fd = make_memfd(PAGE);
	struct vmem_fd_desc d = { fd, RW_SHARED, PAGE, PAGE, NULL, NULL };

	ck_assert_int_eq(vmem_block_new_fd(&d, &block, &err), -EINVAL);
	ck_assert_uint_eq(err.got, 2 * PAGE);
	ck_assert_uint_eq(err.limit, PAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "0x1000"));
	close(fd);
}
END_TEST

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

START_TEST(read_only_fd_refuses_shared_writing)
{
	struct vmem_block *block;
	int fd = make_memfd(PAGE), ro = reopen(fd, O_RDONLY);

	ck_assert_int_ge(ro, 0);
	ck_assert_int_eq(new_block_fd(ro, 0, PAGE, RW_SHARED, &block), -EACCES);
	ck_assert_int_eq(new_block_fd(ro, 0, PAGE, VMEM_BLOCK_WRITE, &block),
			 0);
	vmem_block_unref(block);
	ck_assert_int_eq(new_block_fd(ro, 0, PAGE, VMEM_BLOCK_SHARED, &block),
			 0);
	vmem_block_unref(block);
	close(ro);
	close(fd);
}
END_TEST

START_TEST(descriptor_that_cannot_be_mapped_is_refused)
{
	struct vmem_block *block;
	int fds[2], dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_lt(new_block_fd(fds[0], 0, PAGE, 0, &block), 0);
	ck_assert_int_lt(new_block_fd(dir, 0, PAGE, 0, &block), 0);
	ck_assert_int_eq(new_block_fd(-1, 0, PAGE, 0, &block), -EBADF);
	close(fds[0]);
	close(fds[1]);
	close(dir);
}
END_TEST

START_TEST(block_keeps_its_own_close_on_exec_fd)
{
	struct vmem_block *block;
	int fd = make_memfd(PAGE), before;

	before = vsu_fd_count();
	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED, &block), 0);
	ck_assert_int_ne(vmem_block_fd(block), fd);
	ck_assert_int_eq(vsu_fd_count(), before + 1);
	ck_assert_int_eq(fcntl(vmem_block_fd(block), F_GETFD), FD_CLOEXEC);
	vmem_block_unref(block);
	ck_assert_int_eq(vsu_fd_count(), before);
	close(fd);
}
END_TEST

START_TEST(last_reference_unmaps)
{
	struct vmem_block *block = make_block(PAGE);
	unsigned char *hva = vmem_block_hva(block);
	unsigned char vec;

	ck_assert_ptr_eq(vmem_block_ref(block), block);
	ck_assert_ptr_null(vmem_block_unref(block));
	ck_assert_int_eq(mincore(hva, PAGE, &vec), 0);
	vmem_block_unref(block);
	ck_assert_int_eq(mincore(hva, PAGE, &vec), -1);
	ck_assert_ptr_null(vmem_block_unref(NULL));
}
END_TEST

/*
 * The block is unmapped while the file is open. The expensive part, freeing the
 * file's pages, happens when the last descriptor is closed.
 */
START_TEST(b5_16_pages_of_a_large_file_are_freed_where_it_is_closed)
{
	struct vmem_fd_desc desc = { .fd = memfd_create("peer", MFD_CLOEXEC),
				     .flags = VMEM_BLOCK_WRITE |
					      VMEM_BLOCK_SHARED,
				     .len = 1 << 20 };
	int before = vsu_fd_count() - 1;
	struct vmem_block *block;
	unsigned char present;
	void *hva;

	ck_assert_int_eq(vsu_closer_new(&desc.closer, NULL), 0);
	ck_assert_int_eq(ftruncate(desc.fd, 1 << 20), 0);
	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	close(desc.fd);
	hva = vmem_block_hva(block);
	ck_assert_int_eq(mincore(hva, 1, &present), 0);
	vmem_block_unref(block);
	ck_assert_int_eq(mincore(hva, 1, &present), -1);
	ck_assert_uint_eq(vsu_closer_waiting(desc.closer), 1);
	ck_assert_int_eq(vsu_closer_turn(desc.closer), 1);
	vsu_closer_free(desc.closer);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(file_is_examined_once)
{
	struct vmem_fd_desc d = { make_memfd(PAGE), RW_SHARED, 0, PAGE, NULL,
				  NULL };
	struct vmem_fd_facts facts, closed;
	int before = vsu_fd_count();
	struct vmem_block *block;

	ck_assert_int_eq(vmem_fd_look(d.fd, &facts), 0);
	ck_assert_uint_eq(facts.size, PAGE);
	facts.size = PAGE - 1;
	ck_assert_int_eq(vmem_block_new_take_known_fd(&d, &facts, &block, NULL),
			 -EINVAL);
	facts.size = PAGE;
	ck_assert_int_eq(vmem_block_new_take_known_fd(&d, &facts, &block, NULL),
			 0);
	ck_assert_uint_eq(vmem_block_hva(block)[5], pattern(5));
	ck_assert_int_eq(vmem_block_fd(block), d.fd);
	ck_assert_int_eq(vsu_fd_count(), before);
	vmem_block_unref(block);
	ck_assert_int_eq(vmem_fd_look(d.fd, &closed), -EBADF);
}
END_TEST

START_TEST(file_without_a_size_is_held_to_none)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct vmem_fd_facts facts;

	ck_assert_int_eq(vmem_fd_look(fd, &facts), 0);
	ck_assert_uint_eq(facts.size, UINT64_MAX);
	close(fd);
}
END_TEST

/* Too long a piece, and a read-only descriptor for a block to be stored to. */
START_TEST(descriptor_of_a_refused_block_stays_the_callers)
{
	struct vmem_fd_desc d = { make_memfd(PAGE), RW_SHARED, 0, 2 * PAGE,
				  NULL, NULL };
	int before = vsu_fd_count(), writable = d.fd;
	struct vmem_fd_facts facts;
	struct vmem_block *block;
	char path[40];

	ck_assert_int_eq(vmem_fd_look(d.fd, &facts), 0);
	ck_assert_int_eq(vmem_block_new_take_known_fd(&d, &facts, &block, NULL),
			 -EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	d.fd = open(path, O_RDONLY | O_CLOEXEC);
	d.len = PAGE;
	ck_assert_int_eq(vmem_block_new_take_known_fd(&d, &facts, &block, NULL),
			 -EACCES);
	ck_assert_int_eq(vsu_fd_count(), before + 1);
	ck_assert_int_eq(close(d.fd), 0);
	ck_assert_int_eq(close(writable), 0);
}
END_TEST

/* An inaccessible page follows the last page. */
START_TEST(guard_page_stops_an_overrun)
{
	struct vmem_block *block = make_block(2 * PAGE);

	die_of_faults();
	(void)*(volatile unsigned char *)(vmem_block_hva(block) + 2 * PAGE);
	vmem_block_unref(block);
}
END_TEST

/* Size that one page table maps; no folio of a file extends beyond it. */
#define TABLE (PAGE * (PAGE / 8))

static struct vmem_block *make_sealed_block(uint64_t size, uint64_t offset,
					    uint64_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct vmem_block *block = NULL;

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	ck_assert_int_eq(new_block_fd(fd, offset, len,
				      RW_SHARED | VMEM_FD_CANNOT_GROW, &block), 0);
	close(fd);
	return block;
}

static void overrun_sealed(uint64_t size, uint64_t offset, uint64_t len)
{
	unsigned char *hva = vmem_block_hva(make_sealed_block(size, offset,
							      len));

	hva[0] = hva[len - 1] = 1;
	die_of_faults();
	(void)*(volatile unsigned char *)(hva + len);
}

START_TEST(end_of_a_file_that_cannot_grow_is_a_guard)
{
	overrun_sealed(2 * TABLE, TABLE, TABLE);
}
END_TEST

START_TEST(file_that_goes_on_behind_the_piece_is_no_guard)
{
	overrun_sealed(2 * TABLE, 0, TABLE);
}
END_TEST

/* Some kernels map all of a folio, past the end of its file. */
START_TEST(end_inside_a_folio_is_no_guard)
{
	overrun_sealed(TABLE + PAGE, 0, TABLE + PAGE);
}
END_TEST

START_TEST(overrun_into_a_guard_fails_system_calls)
{
	struct vmem_block *block = make_sealed_block(TABLE, 0, TABLE);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(read(fd, vmem_block_hva(block) + TABLE, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_uint_eq(vmem_block_flags(block), RW_SHARED);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

START_TEST(read_only_block_cannot_be_stored_to)
{
	struct vmem_block *block = NULL;
	int fd = make_memfd(PAGE);

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, VMEM_BLOCK_SHARED, &block),
			 0);
	die_of_faults();
	*(volatile unsigned char *)vmem_block_hva(block) = 1;
	vmem_block_unref(block);
}
END_TEST

START_TEST(seals_are_those_of_the_file)
{
	struct vmem_block *block;
	int fd = make_memfd(PAGE);

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED, &block), 0);
	ck_assert_uint_eq(vmem_block_seals(block), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_uint_eq(vmem_block_seals(block), F_SEAL_SHRINK);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

/* mmap() alone takes a piece behind the end, and the first touch kills. */
START_TEST(offset_37_behind_the_end_is_refused)
{
	struct vmem_block *b = NULL;
	int fd = make_memfd(4 * PAGE);
	void *raw = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd,
			 (off_t)(4 * PAGE));

	ck_assert_ptr_ne(raw, MAP_FAILED);
	munmap(raw, PAGE);
	ck_assert_int_eq(new_block_fd(fd, 4 * PAGE, PAGE, RW_SHARED, &b),
			 -EINVAL);
	ck_assert_int_eq(new_block_fd(fd, 64 * PAGE, PAGE, RW_SHARED, &b),
			 -EINVAL);
	ck_assert_ptr_null(b);
	close(fd);
}
END_TEST

/* mmap() refuses both as they are; the offset can be made to fit. */
START_TEST(offset_38_empty_is_refused_and_unaligned_is_rounded)
{
	struct vmem_block *b = NULL;
	int fd = make_memfd(4 * PAGE);

	ck_assert_ptr_eq(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 512),
			 MAP_FAILED);
	ck_assert_int_eq(new_block_fd(fd, 0, 0, RW_SHARED, &b), -EINVAL);
	ck_assert_int_eq(new_block_fd(fd, 512, PAGE, RW_SHARED, &b), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[0], pattern(512));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(offset_39_descriptor_that_does_not_allow_it_is_refused)
{
	struct vmem_block *b = NULL;
	int fd = make_memfd(PAGE), wo = reopen(fd, O_WRONLY);
	int ro = reopen(fd, O_RDONLY);

	ck_assert_int_eq(new_block_fd(wo, 0, PAGE, RW_SHARED, &b), -EACCES);
	ck_assert_int_eq(new_block_fd(wo, 0, PAGE, 0, &b), -EACCES);
	ck_assert_int_eq(new_block_fd(ro, 0, PAGE, RW_SHARED, &b), -EACCES);
	ck_assert_ptr_null(b);
	close(ro);
	close(wo);
	close(fd);
}
END_TEST

/* Seals of a peer, and the mappings that each allows. */
static const struct sealed {
	int seal;
	int rw_shared, ro_shared, rw_private, discard;
} sealed[] = {
	{ F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW, 0, 0, 0, 0 },
	{ F_SEAL_FUTURE_WRITE, -EPERM, 0, 0, -EPERM },
	{ F_SEAL_WRITE, -EPERM, 0, 0, 0 },
};

static int try_block(int fd, uint32_t flags)
{
	struct vmem_block *b = NULL;
	int rc = new_block_fd(fd, 0, PAGE, flags, &b);

	vmem_block_unref(b);
	return rc;
}

START_TEST(sealed_file_is_mapped_as_its_seals_allow)
{
	const struct sealed *s = &sealed[_i];
	int fd = make_memfd(PAGE);
	struct vmem_block *b;

	/* a writable mapping may be there before, but for F_SEAL_WRITE */
	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED, &b), 0);
	if (s->seal == F_SEAL_WRITE) {
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, s->seal), -1);
		b = vmem_block_unref(b);
	}
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, s->seal), 0);
	ck_assert_int_eq(try_block(fd, RW_SHARED), s->rw_shared);
	ck_assert_int_eq(try_block(fd, VMEM_BLOCK_SHARED), s->ro_shared);
	ck_assert_int_eq(try_block(fd, VMEM_BLOCK_WRITE), s->rw_private);
	if (b) {
		vmem_block_hva(b)[1] = 0x42;
		ck_assert_int_eq(vmem_block_discard(b, 0, PAGE, NULL),
				 s->discard);
	}
	vmem_block_unref(b);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("block-fd");
	TCase *tc = tcase_create("block-fd");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, piece_shows_the_bytes_at_its_file_offset);
	tcase_add_test(tc, unaligned_offset_keeps_the_rest);
	tcase_add_test(tc, unaligned_length_is_kept_as_it_is);
	tcase_add_test(tc, shared_stores_reach_the_file_private_ones_do_not);
	tcase_add_loop_test(tc, piece_is_refused, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, file_size_is_named_when_it_is_too_small);
	tcase_add_test(tc, read_only_fd_refuses_shared_writing);
	tcase_add_test(tc, descriptor_that_cannot_be_mapped_is_refused);
	tcase_add_test(tc, block_keeps_its_own_close_on_exec_fd);
	tcase_add_test(tc, last_reference_unmaps);
	tcase_add_test(tc,
		b5_16_pages_of_a_large_file_are_freed_where_it_is_closed);
	tcase_add_test(tc, descriptor_of_a_refused_block_stays_the_callers);
	tcase_add_test(tc, file_is_examined_once);
	tcase_add_test(tc, file_without_a_size_is_held_to_none);
	tcase_add_test_raise_signal(tc, guard_page_stops_an_overrun, SIGSEGV);
	tcase_add_test_raise_signal(tc, end_of_a_file_that_cannot_grow_is_a_guard,
				    SIGBUS);
	tcase_add_test_raise_signal(tc, file_that_goes_on_behind_the_piece_is_no_guard,
				    SIGSEGV);
	tcase_add_test_raise_signal(tc, end_inside_a_folio_is_no_guard, SIGSEGV);
	tcase_add_test(tc, overrun_into_a_guard_fails_system_calls);
	tcase_add_test_raise_signal(tc, read_only_block_cannot_be_stored_to,
				    SIGSEGV);
	tcase_add_test(tc, seals_are_those_of_the_file);
	tcase_add_test(tc,
		       offset_37_behind_the_end_is_refused);
	tcase_add_test(tc,
		       offset_38_empty_is_refused_and_unaligned_is_rounded);
	tcase_add_test(tc,
		       offset_39_descriptor_that_does_not_allow_it_is_refused);
	tcase_add_loop_test(tc, sealed_file_is_mapped_as_its_seals_allow, 0,
			    sizeof(sealed) / sizeof(sealed[0]));
	return run_suite_apart(s);
}
