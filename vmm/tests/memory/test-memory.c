/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about --memory, and about files that are truncated under a guest. */
#include <config.h>

#include <signal.h>

#include <vm-memory/map_edit.h>

#include "cvmm/exit_status.h"
#include "memory/memory.h"
#include "memory/memory_options.h"
#include "memory/windows.h"
#include "../guest.h"

static struct vmm_memory memory;
static struct vmm_memory_lists lists = { .what = "--memory" };
static struct vmm_memory_use use;
static struct vsu_error err;
static const struct varch_vm no_vm = { .kvm_fd = -1, .vm_fd = -1,
				      .phys_bits = 46 };

/* The linker inserts this wrapper; no map is returned on failure. */
static bool no_map;

int __real_vmem_map_new(struct vmem_map **out);
int __wrap_vmem_map_new(struct vmem_map **out);
int __wrap_vmem_map_new(struct vmem_map **out)
{
	return no_map ? -ENOMEM : __real_vmem_map_new(out);
}

int __real_vmem_map_edit_finish(const struct vmem_map_edit *e, struct vmem_map **out);
int __wrap_vmem_map_edit_finish(const struct vmem_map_edit *e, struct vmem_map **out);
int __wrap_vmem_map_edit_finish(const struct vmem_map_edit *e, struct vmem_map **out)
{
	return no_map ? -ENOMEM : __real_vmem_map_edit_finish(e, out);
}

static int parse(const char *list, bool shared)
{
	vsu_error_clear(&err);
	lists.n = list ? 1 : 0;
	lists.list[0] = list;
	use.shared = shared;
	return vmm_memory_parse(&memory, &lists, &use, &err);
}

static int make(const char *list, bool shared)
{
	int rc = parse(list, shared);

	return rc ? rc : vmm_memory_make(&memory, &no_vm, NULL, &err);
}

START_TEST(default_is_256_mib_of_anonymous_memory)
{
	ck_assert_int_eq(make(NULL, false), 0);
	ck_assert_uint_eq(vmem_block_len(memory.blocks[0]), 256 * MIB);
	ck_assert_int_eq(vmem_block_kind(memory.blocks[0]), VMEM_KIND_ANON);
	ck_assert_int_lt(vmm_memory_check_shared(&memory, "w", &err), 0);
	vmm_memory_free(&memory);
}
END_TEST

static const char *const preallocated[] = {
	"size=40M,prealloc=on,prealloc-threads=3",
	"size=40M,prealloc=on,prealloc-threads=1024,backend=memfd",
	"size=4k,prealloc=on,prealloc-threads=2,backend=shm",
	"size=20M,prealloc=on,backend=memfd",
};

START_TEST(all_pages_are_present_when_memory_was_made)
{
	ck_assert_int_eq(make(preallocated[_i], false), 0);
	ck_assert_uint_eq(vmem_block_present(memory.blocks[0]),
			  vmem_block_len(memory.blocks[0]));
	vmm_memory_free(&memory);
}
END_TEST

START_TEST(size_needs_no_key)
{
	ck_assert_int_eq(parse("8M,prealloc=on", false), 0);
	ck_assert_uint_eq(vmem_backend_value(memory.backends[0], "size"),
			  8 << 20);
	ck_assert_uint_eq(vmem_backend_value(memory.backends[0], "prealloc"), 1);
}
END_TEST

START_TEST(memory_is_sharable_by_default_for_back_ends)
{
	ck_assert_int_eq(make("size=1M,prealloc=off", true), 0);
	ck_assert_int_eq(vmem_block_kind(memory.blocks[0]), VMEM_KIND_MEMFD);
	ck_assert_uint_ne(vmem_block_seals(memory.blocks[0]), 0);
	ck_assert_int_eq(vmm_memory_check_shared(&memory, "w", &err), 0);
	vmm_memory_free(&memory);
}
END_TEST

START_TEST(only_an_unsealed_file_behind_memory_may_shrink)
{
	char path[] = "/tmp/test-memory-XXXXXX", list[128];
	const int fd = mkstemp(path);

	ck_assert_int_eq(make("size=1M", false), 0);
	ck_assert(!vmm_memory_may_shrink(&memory));
	vmm_memory_free(&memory);
	ck_assert_int_eq(make("size=1M", true), 0);
	ck_assert(!vmm_memory_may_shrink(&memory));
	vmm_memory_free(&memory);
	snprintf(list, sizeof(list), "size=1M,backend=file,share=on,mem-path=%s", path);
	ck_assert_int_eq(make(list, false), 0);
	ck_assert(vmm_memory_may_shrink(&memory));
	vmm_memory_free(&memory);
	close(fd);
	unlink(path);
}
END_TEST

static const struct {
	const char *head, *how;
	int rc;
} images[] = {
	{ "QFI\xfb", "share=on", -EINVAL },
	{ "QFI\xfb", "share=off", 0 },
	{ "QFI\xfb", "share=on,readonly=on", 0 },
	{ "\0\0\0\0", "share=on", 0 },
};

START_TEST(image_of_a_disk_is_not_written_as_memory)
{
	char path[] = "/tmp/test-memory-XXXXXX", list[128];
	const int fd = mkstemp(path);

	ck_assert_int_eq(pwrite(fd, images[_i].head, 4, 0), 4);
	ck_assert_int_eq(ftruncate(fd, MIB), 0);
	snprintf(list, sizeof(list), "size=1M,backend=file,%s,mem-path=%s", images[_i].how, path);
	ck_assert_int_eq(parse(list, false), 0);
	ck_assert_int_eq(vmm_memory_check_images(&memory, &err), images[_i].rc);
	ck_assert_msg(!images[_i].rc || (strstr(err.msg, "--memory: mem-path '/tmp/test-memory-") &&
		      strstr(err.msg, "' begins like a qcow2 image of a disk")), "%s", err.msg);
	vmm_memory_free(&memory);
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(lack_of_memory_for_the_map_is_reported)
{
	no_map = true;
	ck_assert_int_eq(make("size=1M", false), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(err.msg, "memory"));
	vmm_memory_free(&memory);
}
END_TEST

START_TEST(no_memory_for_the_map_of_a_device_is_an_error)
{
	struct vmm_windows shmem = { .memory = &memory };
	struct vmem_map *map = NULL;

	ck_assert_int_eq(make("size=1M", false), 0);
	no_map = true;
	ck_assert_int_eq(vmm_window_map_for(&shmem, NULL, false, &map),
			 -ENOMEM);
	ck_assert_ptr_null(map);
	vmm_memory_free(&memory);
}
END_TEST

static const struct { const char *list, *msg; } unshared[] = {
	{ "size=1M,backend=anon", "socket needs memory that can be shared: "
	  "--memory has no file behind it; use backend=memfd" },
	{ "size=1M,share=off", "socket needs memory that can be shared: "
	  "--memory has no file behind it; use backend=memfd" },
	{ "size=1M,backend=memfd,share=off", "socket needs memory that can be "
	  "shared: --memory has share=off; use share=on" },
};

START_TEST(error_names_the_refused_memory)
{
	ck_assert_int_eq(make(unshared[_i].list, true), 0);
	assert_refused(vmm_memory_check_shared(&memory, "socket", &err),
		       -EINVAL, unshared[_i].msg, err);
	vmm_memory_free(&memory);
}
END_TEST

static const struct {
	const char *list;
	enum cvmm_step stage;
	int status;
	const char *says;
} refusals[] = {
	{ "size=1M,shared=on", CVMM_STEP_OPTIONS, 64,
	  "unknown key 'shared'; did you mean 'share'?" },
	{ "size=1M,share=maybe", CVMM_STEP_OPTIONS, 65, "'maybe'" },
	{ "size=1M,backend=fil", CVMM_STEP_OPTIONS, 65, "'file'" },
	{ "size=1M,size=2M", CVMM_STEP_OPTIONS, 65, "more than once" },
	{ "size=1M,at=here", CVMM_STEP_OPTIONS, 65, "'at': 'here'" },
	{ "size=1M,at=", CVMM_STEP_OPTIONS, 65, "'at': ''" },
	{ "size=1M,at", CVMM_STEP_OPTIONS, 65, "write at=ADDRESS" },
	{ "size=1M,at=1M,at=2M", CVMM_STEP_OPTIONS, 65, "more than once" },
	{ "backend=memfd", CVMM_STEP_OPTIONS, 65, "size" },
	{ "size=0", CVMM_STEP_OPTIONS, 65, "size" },
	{ "0", CVMM_STEP_OPTIONS, 65, "size is 0" },
	{ "512", CVMM_STEP_OPTIONS, 65, "'512' is a size in bytes; write '512M' for MiB" },
	{ "much", CVMM_STEP_OPTIONS, 65, "key 'size': 'much' is not a size" },
	{ "size=4097,backend=memfd", CVMM_STEP_OPTIONS, 65, "size 4097" },
	{ "size=1M,backend=file", CVMM_STEP_OPTIONS, 65, "mem-path" },
	{ "size=1M,mem-path=/tmp/x", CVMM_STEP_OPTIONS, 65, "mem-path" },
	{ "size=1M,backend=file,mem-path=/nowhere/x", CVMM_STEP_MEMORY, 66,
	  "/nowhere/x" },
	{ "size=1M,backend=file,mem-path=/nowhere/x,readonly=on,rom=off",
	  CVMM_STEP_MEMORY, 66, "/nowhere/x" },
	{ "size=1M,backend=file,mem-path=/nowhere/x,rom=on", CVMM_STEP_OPTIONS,
	  65, "rom" },
	{ "size=1M,backend=file,mem-path=/nowhere/x,rom=off,readonly=on,"
	  "share=on", CVMM_STEP_OPTIONS, 65, "rom" },
	{ "size=1M,backend=file,mem-path=/nowhere/x,offset=0xfffffffffffff000",
	  CVMM_STEP_OPTIONS, 65, "offset" },
	{ "size=1M,backend=shm,share=off", CVMM_STEP_OPTIONS, 65, "share" },
	{ "size=1M,backend=guest-memfd,seal=on", CVMM_STEP_OPTIONS, 65,
	  "seal" },
	{ "size=1M,backend=guest-memfd,share=off", CVMM_STEP_OPTIONS, 65,
	  "share" },
	{ "size=1M,slot=bound", CVMM_STEP_OPTIONS, 65, "slot" },
	{ "size=1M,at=3G", CVMM_STEP_OPTIONS, 65, "devices" },
	{ "size=1M,at=12", CVMM_STEP_OPTIONS, 65, "at=0xc" },
};

START_TEST(refuses_with_status_and_name)
{
	int rc = parse(refusals[_i].list, false);
	enum cvmm_step stage = CVMM_STEP_OPTIONS;

	if (!rc) {
		stage = CVMM_STEP_MEMORY;
		rc = vmm_memory_make(&memory, &no_vm, NULL, &err);
	}
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(stage, refusals[_i].stage);
	ck_assert_msg(cvmm_exit_status(stage, rc) == refusals[_i].status,
		      "%d: %s", rc, err.msg);
	ck_assert_msg(strstr(err.msg, refusals[_i].says), "%s", err.msg);
	vmm_memory_free(&memory);
}
END_TEST

START_TEST(free_accepts_memory_that_was_never_made)
{
	memset(&memory, 0, sizeof(memory));
	vmm_memory_free(&memory);
	ck_assert_int_eq(parse("size=1M", false), 0);
	vmm_memory_free(&memory);
}
END_TEST

/* Counts in the page at 64 MiB and each page behind it, 8 in all. */
GUEST(count_pages, "2: mov $0x4000000, %edx\n"
      "1: incq (%rdx,%rsi,8)\n add $0x1000, %edx\n cmp $0x4008000, %edx\n"
      "jb 1b\n incq (%rdi)\n jmp 2b");

#define FILE_GPA (64 * MIB)

static struct vm vm;
static char path[] = "/tmp/cvmm-memory-XXXXXX";
static struct vmem_sigbus *table;
static int file;

/* Memory from a file at 64 MiB, in addition to the test machine's own. */
static void make_file_memory(struct vmem_sigbus *sigbus)
{
	static char list[128];

	file = mkstemp(path);
	ck_assert_int_eq(ftruncate(file, 1 << 20), 0);
	snprintf(list, sizeof(list), "size=32k,at=64M,backend=file,share=on,"
		 "offset=64k,mem-path=%s", path);
	ck_assert_int_eq(parse(list, false), 0);
	ck_assert_int_eq(vmm_memory_make(&memory, &no_vm, sigbus, &err), 0);
	unlink(path);
	vm_make(&vm);
	vm.map = with_piece(vm.map, memory.blocks[0], 0, FILE_GPA, 32 * KIB);
	ck_assert_int_eq(varch_slots_apply(vm.slots, vm.map, NULL), 0);
}

static bool on_repair(void *opaque, unsigned int cpu)
{
	return vmm_memory_repair(opaque, cpu, false);
}

static void run_on_file(unsigned int ncpus)
{
	vm_add_cpus(&vm, ncpus, count_pages, count_pages_end, on_repair,
		    &memory);
	ck_assert_int_eq(varch_cpus_start(vm.cpus, NULL), 0);
	vm_wait_above(&vm, 0, 10);
}

static void free_all(void)
{
	vm_free(&vm);
	vmm_memory_free(&memory);
	vmem_sigbus_free(table);
	close(file);
}

/*
 * Laps after the truncation: all pages are counted in, including those without
 * a file.
 */
static void assert_goes_on(unsigned int ncpus)
{
	unsigned int i;

	for (i = 0; i < ncpus; i++)
		vm_wait_above(&vm, i, vm_counter(&vm, i) + 10);
}

START_TEST(running_guest_survives_a_file_that_is_cut)
{
	const unsigned char *hva;

	ck_assert_int_eq(vmem_sigbus_new(8, &table, NULL), 0);
	make_file_memory(table);
	run_on_file(_i);
	ck_assert_int_eq(ftruncate(file, (64 + 12) * 1024 + 100), 0);
	assert_goes_on((unsigned int)_i);
	ck_assert_int_eq(ftruncate(file, 0), 0);	/* and once more */
	assert_goes_on((unsigned int)_i);
	vm_stop(&vm);
	ck_assert(vmem_block_failed(memory.blocks[0]));
	hva = vmem_block_hva(memory.blocks[0]);
	ck_assert_uint_gt(counter_at(hva + 7 * 4096), 0);
	free_all();
}
END_TEST

START_TEST(page_in_which_a_file_ends_keeps_its_bytes)
{
	const unsigned char *hva;

	ck_assert_int_eq(vmem_sigbus_new(8, &table, NULL), 0);
	make_file_memory(table);
	hva = vmem_block_hva(memory.blocks[0]);
	ck_assert_int_eq(pwrite(file, "kept", 4, 65536 + 3 * 4096 + 8), 4);
	ck_assert_int_eq(ftruncate(file, 65536 + 3 * 4096 + 100), 0);
	ck_assert(vmm_memory_repair(&memory, 0, false));
	ck_assert_mem_eq(hva + 3 * 4096 + 8, "kept", 4);
	ck_assert_uint_eq(hva[4 * 4096], 0);
	free_all();
}
END_TEST

START_TEST(each_cpu_goes_on_once_for_each_repair)
{
	ck_assert_int_eq(vmem_sigbus_new(8, &table, NULL), 0);
	make_file_memory(table);
	ck_assert(!vmm_memory_repair(&memory, 0, false));
	ck_assert_int_eq(ftruncate(file, 65536 + 4096), 0);
	ck_assert(vmm_memory_repair(&memory, 0, false));
	ck_assert(!vmm_memory_repair(&memory, 0, false));
	ck_assert(vmm_memory_repair(&memory, 1, false));
	ck_assert(!vmm_memory_repair(&memory, 1, false));
	ck_assert_int_eq(ftruncate(file, 1 << 20), 0);	/* growing the file repairs it */
	ck_assert(!vmm_memory_repair(&memory, 0, false));
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert(vmm_memory_repair(&memory, 1, false));
	ck_assert(vmm_memory_repair(&memory, 0, false));
	free_all();
}
END_TEST

START_TEST(unrepairable_fault_ends_with_70)
{
	make_file_memory(NULL);
	run_on_file(1);
	ck_assert_int_eq(ftruncate(file, 0), 0);
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 70);
	ck_assert_ptr_nonnull(strstr(vm.err.msg, "CPU 0: "));
	free_all();
}
END_TEST

static TCase *kvm_case(void)
{
	TCase *tc = tcase_create("cut");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, running_guest_survives_a_file_that_is_cut, 1,
			    3);
	tcase_add_test(tc, page_in_which_a_file_ends_keeps_its_bytes);
	tcase_add_test(tc, each_cpu_goes_on_once_for_each_repair);
	tcase_add_test(tc, unrepairable_fault_ends_with_70);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("memory");
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, default_is_256_mib_of_anonymous_memory);
	tcase_add_test(tc, only_an_unsealed_file_behind_memory_may_shrink);
	tcase_add_loop_test(tc, image_of_a_disk_is_not_written_as_memory, 0, 4);
	tcase_add_test(tc, lack_of_memory_for_the_map_is_reported);
	tcase_add_test(tc, no_memory_for_the_map_of_a_device_is_an_error);
	tcase_add_loop_test(tc, all_pages_are_present_when_memory_was_made, 0, COUNT(preallocated));
	tcase_add_test(tc, size_needs_no_key);
	tcase_add_test(tc, memory_is_sharable_by_default_for_back_ends);
	tcase_add_loop_test(tc, error_names_the_refused_memory,
			    0, COUNT(unshared));
	tcase_add_loop_test(tc, refuses_with_status_and_name, 0,
			    COUNT(refusals));
	tcase_add_test(tc, free_accepts_memory_that_was_never_made);
	suite_add_tcase(s, tc);
	if (!no_kvm())
		suite_add_tcase(s, kvm_case());
	return run_suite(s);
}
