/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory of huge pages whose parts arrive while the guest runs. The huge
 * pages have 16 KiB by the word of this test, so that no host lacks them; one test has
 * those of the host. Requires userfaultfd.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>

#include "../memory.h"
#include "migration/missing.h"
#include "migration/page_place.h"

#define PAGE VMM_SET_PAGE
#define HUGE (4 * PAGE)
#define LEN (4 * HUGE)
#define GPA MIB
#define MISSING (2 * HUGE)	/* offset of the two that are missing */
#define UNUSED HUGE		/* of one that was never used */

static struct vmm_memory memory;
static struct vmem_map *map;
static struct vmm_placer placer;
static unsigned char *hva;
static uint64_t page_size;	/* 0: as it is */
static uint64_t unit;		/* of pages as they are */
static struct vsu_error err;

uint64_t __real_vmem_block_page_size(const struct vmem_block *b);
uint64_t __wrap_vmem_block_page_size(const struct vmem_block *b);

uint64_t __wrap_vmem_block_page_size(const struct vmem_block *b)
{
	return page_size ? page_size : __real_vmem_block_page_size(b);
}

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

/* Linux before 5.14. */
int __wrap_madvise(void *at, size_t len, int advice)
{
	if (advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE)
		return __real_madvise(at, len, advice);
	errno = EINVAL;
	return -1;
}

static uint64_t woken_at, woken_len;	/* of a source without a descriptor */

int __real_vmem_userfault_wake(int fd, uint64_t at, uint64_t len);
int __wrap_vmem_userfault_wake(int fd, uint64_t at, uint64_t len);

int __wrap_vmem_userfault_wake(int fd, uint64_t at, uint64_t len)
{
	if (fd >= 0)
		return __real_vmem_userfault_wake(fd, at, len);
	woken_at = at;
	woken_len = len;
	return 0;
}

/* The first huge page has the content 7. */
static void begin(const char *properties, uint64_t len, uint64_t missing, uint64_t n)
{
	int fd = vmem_userfault_open(&err);

	ck_assert_int_ge(fd, 0);
	memset(&memory, 0, sizeof(memory));
	memory.blocks[memory.nblocks++] = make_block(properties);
	map = with_piece(empty_map(), memory.blocks[0], 0, GPA, len);
	hva = vmem_block_hva(memory.blocks[0]);
	memset(hva, 7, page_size ? HUGE : len / 2);
	memset(&placer, 0, sizeof(placer));
	placer.map = vmem_map_ref(map);
	placer.sources[placer.nsources++].fd = fd;
	ck_assert_int_eq(vmm_page_set_init(&placer.missing, &memory, NULL, 0, map, &err), 0);
	vmm_page_set_clear(&placer.missing);
	vmm_page_set_add(&placer.missing, GPA + missing, n);
	if (!page_size)
		ck_assert_msg(!vmm_placer_check(&placer.missing, fd, &unit, &err), "%s", err.msg);
	ck_assert_msg(!vmm_placer_begin(&placer, &err), "%s", err.msg);
}

static void setup(void)
{
	vsu_error_clear(&err);
	page_size = HUGE;
	begin("size=64K", LEN, MISSING + PAGE, HUGE);
}

static void teardown(void)
{
	vmm_placer_free(&placer);
	vmem_map_unref(map);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
	page_size = 0;
}

/* A section of memory from the source; value < 0: zeros. */
static int receive(uint64_t offset, int value, uint64_t len)
{
	struct vsu_state_writer w = { 0 };
	struct vsu_state_section s = { .name = "pages" };
	unsigned char *bytes = malloc(len);
	int rc;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, value, len);
	if (value < 0)
		strcpy(s.name, "zeros");
	vsu_state_section(&w, s.name, 0);
	vsu_state_put_u64(&w, GPA + offset);
	if (value < 0)
		vsu_state_put_u64(&w, len);
	else
		vsu_state_put(&w, bytes, len);
	s.bytes = w.out.bytes + w.section + VSU_STATE_HEADER;
	s.len = w.out.len - w.section - VSU_STATE_HEADER;
	rc = vmm_placer_receive(&placer, &s, &err);
	free(w.out.bytes);
	free(bytes);
	return rc;
}

static bool is_missing(uint64_t offset)
{
	return vmm_page_set_has(&placer.missing, GPA + offset);
}

/* Memory that is there; to read a missing page would wait for it. */
static void assert_content(uint64_t offset, int value, uint64_t len)
{
	uint64_t i;

	for (i = offset; i < offset + len; i += PAGE)
		ck_assert_msg(hva[i] == value, "%d at %#" PRIx64 ", expected %d", hva[i], i, value);
}

START_TEST(huge_page_is_missing_as_a_whole)
{
	ck_assert_uint_eq(placer.missing.npages, 2 * HUGE / PAGE);
	ck_assert(is_missing(MISSING) && !is_missing(MISSING - PAGE));
	ck_assert(is_missing(LEN - PAGE));
	assert_content(0, 7, HUGE);
}
END_TEST

START_TEST(last_part_places_a_huge_page)
{
	ck_assert_int_eq(receive(MISSING, 1, PAGE), 0);
	ck_assert_int_eq(receive(MISSING + PAGE, -1, 2 * PAGE), 0);
	ck_assert(is_missing(MISSING));
	ck_assert_int_eq(receive(MISSING + 3 * PAGE, 3, PAGE), 0);
	ck_assert(!is_missing(MISSING) && is_missing(MISSING + HUGE));
	assert_content(MISSING, 1, PAGE);
	assert_content(MISSING + PAGE, 0, 2 * PAGE);
	assert_content(MISSING + 3 * PAGE, 3, PAGE);
	ck_assert_int_eq(receive(MISSING + HUGE, -1, HUGE), 0);
	assert_content(MISSING + HUGE, 0, HUGE);
}
END_TEST

START_TEST(section_ends_within_the_next_huge_page)
{
	ck_assert_int_eq(receive(MISSING, 1, HUGE + PAGE), 0);
	ck_assert(!is_missing(MISSING) && is_missing(MISSING + HUGE));
	ck_assert_int_eq(receive(MISSING + HUGE + PAGE, 2, HUGE - PAGE), 0);
	ck_assert_uint_eq(placer.missing.npages, 0);
	assert_content(MISSING, 1, HUGE + PAGE);
	assert_content(MISSING + HUGE + PAGE, 2, HUGE - PAGE);
}
END_TEST

/* The guest may have written to it. */
START_TEST(huge_page_that_arrives_again_is_ignored)
{
	ck_assert_int_eq(receive(MISSING, 1, HUGE), 0);
	hva[MISSING] = 9;
	ck_assert_int_eq(receive(MISSING, 2, HUGE), 0);
	ck_assert_int_eq(receive(0, 2, HUGE), 0);
	assert_content(MISSING, 9, PAGE);
	assert_content(MISSING + PAGE, 1, HUGE - PAGE);
	assert_content(0, 7, HUGE);
}
END_TEST

static const struct {
	uint64_t first, second;
} disorders[] = {
	{ MISSING + PAGE, 0 },	/* the first is not the beginning */
	{ MISSING, MISSING + 2 * PAGE }, { MISSING, MISSING + HUGE + PAGE },
};

START_TEST(e2_20_parts_in_another_order_are_refused)
{
	int rc = receive(disorders[_i].first, 1, PAGE);

	if (disorders[_i].second) {
		ck_assert_int_eq(rc, 0);
		rc = receive(disorders[_i].second, 1, PAGE);
	}
	ck_assert_int_eq(rc, -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "in another order"));
	ck_assert_uint_eq(placer.missing.npages, 2 * HUGE / PAGE);
}
END_TEST

START_TEST(page_that_was_never_used_has_zeros_while_another_arrives)
{
	ck_assert_int_eq(receive(MISSING, 1, 2 * PAGE), 0);
	ck_assert_int_eq(vmm_placer_provide(&placer, &placer.sources[0],
					    GPA + UNUSED + PAGE), 0);
	assert_content(UNUSED, 0, HUGE);
	ck_assert_int_eq(receive(MISSING + 2 * PAGE, 1, 2 * PAGE), 0);
	assert_content(MISSING, 1, HUGE);
}
END_TEST

/* The source may know of none of its pages. */
static void assert_present(uint64_t offset, uint64_t len)
{
	unsigned char present[LEN / PAGE];
	uint64_t i;

	ck_assert_int_eq(mincore(hva + offset, len, present), 0);
	for (i = 0; i < len / PAGE; i++)
		ck_assert_msg(present[i] & 1, "%" PRIu64, i);
}

START_TEST(present_page_stays_and_those_beside_it_are_placed)
{
	static const unsigned char own[PAGE] = { 9 };

	teardown();
	begin("size=64K", LEN, MISSING, 4 * PAGE);
	ck_assert_int_eq(vmem_userfault_copy(placer.sources[0].fd, (uintptr_t)hva + MISSING + PAGE,
					    own, PAGE), 0);
	ck_assert_int_eq(receive(MISSING, _i, 4 * PAGE), 0);
	ck_assert_uint_eq(placer.missing.npages, 0);
	assert_present(MISSING, 4 * PAGE);
	assert_content(MISSING, _i < 0 ? 0 : _i, PAGE);
	assert_content(MISSING + PAGE, 9, PAGE);
	assert_content(MISSING + 2 * PAGE, _i < 0 ? 0 : _i, 2 * PAGE);
}
END_TEST

/* Another process may have used it, if it is shared. */
START_TEST(present_huge_page_stays)
{
	static const unsigned char own[HUGE] = { 9 };

	ck_assert_int_eq(vmem_userfault_copy(placer.sources[0].fd, (uintptr_t)hva + MISSING,
					    own, HUGE), 0);
	ck_assert_msg(!receive(MISSING, _i, 2 * HUGE), "%s", err.msg);
	ck_assert_uint_eq(placer.missing.npages, 0);
	assert_content(MISSING, 9, PAGE);
	assert_content(MISSING + HUGE, _i < 0 ? 0 : _i, HUGE);
}
END_TEST

START_TEST(page_that_a_back_end_waits_for_is_provided_on_any_kernel)
{
	const struct vmm_fault_source other = { .fd = -1 };
	unsigned char present = 0;

	teardown();
	begin("size=64K,backend=memfd", LEN, MISSING, HUGE);
	vmm_placer_end(&placer);
	ck_assert_int_eq(vmm_placer_provide(&placer, &other, GPA + MISSING), 0);
	ck_assert_int_eq(mincore(hva + MISSING, PAGE, &present), 0);
	ck_assert_uint_eq(present & 1, 1);
}
END_TEST

/* The kernel wakes those of whole pages only. _i: whether the set has the memory. */
START_TEST(other_process_is_woken_for_a_whole_page)
{
	const uint64_t there = UINT64_C(1) << 30;
	struct vmm_fault_source *other = &placer.sources[placer.nsources++];

	*other = (struct vmm_fault_source){ .fd = -1, .ranges = calloc(1, sizeof(*other->ranges)), .n = 1 };
	other->ranges[0] = (struct vmm_fault_range){ GPA, LEN, there };
	if (!_i)
		vmm_page_set_free(&placer.missing);
	ck_assert_int_eq(vmm_placer_provide(&placer, other, GPA + PAGE), 0);
	ck_assert_uint_eq(woken_at, there);
	ck_assert_uint_eq(woken_len, HUGE);
}
END_TEST

START_TEST(page_of_more_than_the_maximum_is_refused_by_size)
{
	uint64_t granule;

	page_size = 2 * VMM_PLACE_MAX_PAGE;
	ck_assert_int_eq(vmm_placer_check(&placer.missing, placer.sources[0].fd, &granule,
					  &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "0x100000 has pages of 67108864 bytes"));
}
END_TEST

START_TEST(huge_page_of_the_host_is_placed_by_its_last_part)
{
	teardown();
	begin("size=4M,backend=memfd,hugetlb=on,hugetlbsize=2M", 4 * MIB, 2 * MIB, PAGE);
	ck_assert_uint_eq(unit, 2 * MIB);
	ck_assert_int_eq(receive(2 * MIB, 1, MIB), 0);
	ck_assert_uint_eq(placer.missing.npages, 2 * MIB / PAGE);
	ck_assert_int_eq(receive(3 * MIB, 2, MIB), 0);
	ck_assert_uint_eq(placer.missing.npages, 0);
	assert_content(0, 7, 2 * MIB);
	assert_content(2 * MIB, 1, MIB);
	assert_content(3 * MIB, 2, MIB);
}
END_TEST

/* Its other flags stay. */
START_TEST(descriptor_of_another_process_does_not_block)
{
	int fd = vmem_userfault_open(&err);
	const int flags = fcntl(fd, F_GETFL);

	ck_assert(flags >= 0 && flags & O_NONBLOCK);
	ck_assert_int_eq(fcntl(fd, F_SETFL, (flags & ~O_NONBLOCK) | O_APPEND), 0);
	ck_assert_int_eq(vmem_userfault_adopt(fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL), flags | O_APPEND);
	close(fd);
	fd = memfd_create("other", MFD_CLOEXEC);
	ck_assert_int_eq(vmem_userfault_adopt(fd), -EINVAL);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("page_place");
	TCase *tc = tcase_create("huge");
	int fd = vmem_userfault_open(&err);

	if (fd < 0)
		return skip_all(err.msg);
	vsu_fd_close(&fd);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, huge_page_is_missing_as_a_whole);
	tcase_add_test(tc, last_part_places_a_huge_page);
	tcase_add_test(tc, section_ends_within_the_next_huge_page);
	tcase_add_test(tc, huge_page_that_arrives_again_is_ignored);
	tcase_add_loop_test(tc, e2_20_parts_in_another_order_are_refused, 0, COUNT(disorders));
	tcase_add_test(tc, page_that_was_never_used_has_zeros_while_another_arrives);
	tcase_add_loop_test(tc, present_page_stays_and_those_beside_it_are_placed, -1, 2);
	tcase_add_loop_test(tc, present_huge_page_stays, -1, 2);
	tcase_add_test(tc, page_that_a_back_end_waits_for_is_provided_on_any_kernel);
	tcase_add_loop_test(tc, other_process_is_woken_for_a_whole_page, 0, 2);
	tcase_add_test(tc, page_of_more_than_the_maximum_is_refused_by_size);
	tcase_add_test(tc, descriptor_of_another_process_does_not_block);
	tcase_add_test_unless(tc, no_huge_pages(), huge_page_of_the_host_is_placed_by_its_last_part);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
