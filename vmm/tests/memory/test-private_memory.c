/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about private memory, with a KVM that supports it: this program
 * implements open() and ioctl() and records KVM's arguments. A memfd replaces
 * the guest_memfd of the private half.
 */
#include <config.h>

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <vm-arch/cpu_choice.h>
#include <vm-arch/load.h>
#include <vm-arch/slots.h>
#include <vm-arch/vm.h>
#include <vm-memory/access.h>
#include <vm-memory/kvm.h>

#include "cvmm/exit_status.h"
#include "memory/memory.h"
#include "memory/memory_options.h"
#include "memory/private_memory.h"
#include "../machine/uapi.h"
#include "../memory.h"

#define PAGE UINT64_C(4096)
#define CREATE_GUEST_MEMFD 0xc040aed4
#define SET_ATTRIBUTES 0x4020aed2
#define CAP_ATTRIBUTES 233

/* A conversion as KVM received it, and the shared byte found there. */
struct told {
	struct { uint64_t address, size, attributes, flags; } arg;
	unsigned char shared;
};

static struct varch_vm kvm;
static struct vmm_memory memory;
static struct vmm_private private_memory;
static struct vsu_error err;

static int vm_types = 3, attributes_errno;
static unsigned long vm_type, hypercalls;
static struct fake_region2 slot[8];
static unsigned int nslots;
static struct kvm_userspace_memory_region plain_slot;	/* the last one with one half */
static struct told told[8];
static unsigned int ntold, good_conversions; /* before attributes_errno */
static uint32_t features;	/* that the guest sees */

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)syscall(SYS_openat, AT_FDCWD,
			    strcmp(path, "/dev/kvm") ? path : "/dev/null",
			    flags, mode);
}

static int capability(unsigned long which)
{
	switch (which) {
	case KVM_CAP_VM_TYPES:
		return vm_types;
	case CAP_ATTRIBUTES:
		return 1 << 3;
	case KVM_CAP_EXIT_HYPERCALL:
		return 1 << 12;
	case KVM_CAP_NR_MEMSLOTS:
		return 64;
	default:
		return 1;
	}
}

static int make_file(const uint64_t *size)
{
	int fd = memfd_create("gmem", 0);

	ck_assert_int_eq(ftruncate(fd, (off_t)*size), 0);
	return fd;
}

static int convert(const void *arg)
{
	struct told *t = &told[ntold++];
	struct vmem_region *region;

	memcpy(&t->arg, arg, sizeof(t->arg));
	region = vmem_map_find(vmm_memory_map(&memory), t->arg.address);
	t->shared = ((unsigned char *)vmem_region_hva(region))
		[t->arg.address - vmem_region_gpa(region)];
	errno = ntold > good_conversions ? attributes_errno : 0;
	return errno ? -1 : 0;
}

/* A processor with only KVM's own leaf, one bit of which is set. */
static int give_cpuid(struct kvm_cpuid2 *table)
{
	table->nent = 1;
	table->entries[0].function = 0x40000001;
	table->entries[0].eax = 1;
	return 0;
}

static int answer(unsigned long request, unsigned long arg)
{
	switch (request) {
	case KVM_GET_SUPPORTED_CPUID:
		return give_cpuid((struct kvm_cpuid2 *)arg);
	case KVM_SET_CPUID2:
		features = ((const struct kvm_cpuid2 *)arg)->entries[0].eax;
		return 0;
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_CREATE_VM:
		vm_type = arg;
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	case KVM_CHECK_EXTENSION:
		return capability(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return 3 * 4096;
	case KVM_ENABLE_CAP:
		if (((struct kvm_enable_cap *)arg)->cap ==
		    KVM_CAP_EXIT_HYPERCALL)
			hypercalls = ((struct kvm_enable_cap *)arg)->args[0];
		return 0;
	case CREATE_GUEST_MEMFD:
		return make_file((const uint64_t *)arg);
	case SET_ATTRIBUTES:
		return convert((const void *)arg);
	case FAKE_SET_REGION2:
		memcpy(&slot[nslots++], (const void *)arg, sizeof(slot[0]));
		return 0;
	case KVM_SET_USER_MEMORY_REGION:
		memcpy(&plain_slot, (const void *)arg, sizeof(plain_slot));
		return 0;
	default:
		return 0;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	return answer(request, arg);
}

static void make(const char *first, const char *second)
{
	const struct vmm_memory_lists o = { .list = { first, second },
					      .n = second ? 2 : 1,
					      .what = "--memory" };

	ck_assert_int_eq(vmm_memory_parse(&memory, &o, NULL, &err), 0);
	ck_assert_int_eq(varch_vm_open(&kvm, &(struct varch_vm_config){
		.private_memory = vmm_memory_wants_private(&memory) }, &err), 0);
	kvm.phys_bits = 46;
	ck_assert_msg(!vmm_memory_make(&memory, &kvm, NULL, &err), "%s",
		      err.msg);
	ck_assert_int_eq(vmm_private_init(&private_memory, vmm_memory_map(&memory),
					  &err), 0);
}

static void teardown(void)
{
	vmm_private_free(&private_memory);
	vmm_memory_free(&memory);
	varch_vm_close(&kvm);
}

static unsigned char *shared_at(uint64_t off)
{
	return vmem_block_hva(memory.blocks[0]) + off;
}

static unsigned char private_at(uint64_t off)
{
	unsigned char byte = 0xee;

	ck_assert_int_eq(pread(vmem_block_private_fd(memory.blocks[0]), &byte,
			       1, (off_t)off), 1);
	return byte;
}

/* Fills both halves: 0x51 shared, 0x52 private. */
static void fill(void)
{
	const uint64_t len = vmem_block_len(memory.blocks[0]);
	int fd = vmem_block_private_fd(memory.blocks[0]);
	unsigned char *at = mmap(NULL, len, PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	memset(at, 0x52, len);
	munmap(at, len);
	memset(shared_at(0), 0x51, len);
}

static int ask(uint64_t gpa, uint64_t len, bool to_private, bool fault)
{
	const struct varch_conversion c = { gpa, len, to_private, fault };
	const struct vmem_map *map = vmm_memory_map(&memory);
	int rc;

	vsu_error_clear(&err);
	rc = vmm_private_begin(&private_memory, map, 0, &c, &err);
	return rc < 0 ? rc : vmm_private_finish(&private_memory, kvm.vm_fd, map,
						&c, &err);
}

static const char *const kinds[] = {
	"size=1M,private=on", "size=1M,private=on,backend=memfd",
};

START_TEST(machine_is_of_the_kind_that_has_private_memory)
{
	make(kinds[_i], NULL);
	ck_assert_uint_eq(vm_type, 1);
	ck_assert(kvm.map_hypercall);
	ck_assert_uint_eq(hypercalls, 1 << 12);
}
END_TEST

START_TEST(other_memory_gets_a_plain_machine)
{
	make("size=1M", NULL);
	ck_assert_uint_eq(vm_type, 0);
	ck_assert(!kvm.map_hypercall);
	ck_assert_uint_eq(hypercalls, 0);
}
END_TEST

START_TEST(host_without_that_kind_is_refused_by_name)
{
	vm_types = 1;
	ck_assert_int_eq(varch_vm_open(&kvm, &(struct varch_vm_config){ .private_memory = true }, &err), -EOPNOTSUPP);
	ck_assert_int_eq(cvmm_exit_status(CVMM_STEP_KVM, -EOPNOTSUPP), 69);
	ck_assert_ptr_nonnull(strstr(err.msg, "private=on"));
	ck_assert_ptr_nonnull(strstr(err.msg, "KVM_X86_SW_PROTECTED_VM"));
}
END_TEST

START_TEST(guest_is_told_of_the_hypercall_where_there_is_one)
{
	static const struct varch_cpu_choice choice = { .model = VARCH_CPU_HOST };
	const struct varch_loaded loaded = { .protocol = VARCH_PROTOCOL_BUILTIN, .entry = 0x100000 };

	make(_i ? "size=1M,private=on" : "size=1M", NULL);
	ck_assert_int_eq(varch_load_cpu(&loaded, &kvm, -1, 0, 1, &choice, &err), 0);
	ck_assert_uint_eq(features, _i ? 1 | 1 << 16 : 1);
}
END_TEST

/* Split at 3 GiB, so that the second slot starts inside both halves. */
START_TEST(slot_has_both_halves)
{
	const char *list = _i ? "size=4G,private=on,backend=memfd,reserve=off"
			      : "size=4G,private=on,reserve=off";
	struct varch_slots *slots;
	unsigned int i;

	make(list, NULL);
	ck_assert_int_eq(varch_slots_new(&kvm, &slots), 0);
	ck_assert_int_eq(varch_slots_apply(slots, vmm_memory_map(&memory), &err),
			 0);
	ck_assert_uint_eq(nslots, 2);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(slot[i].flags, 1 << 2);
		ck_assert_uint_eq(slot[i].guest_phys_addr, i * 4 * GIB);
		ck_assert_uint_eq(slot[i].userspace_addr,
				  (uintptr_t)shared_at(i * 3 * GIB));
		ck_assert_int_eq((int)slot[i].guest_memfd,
				 vmem_block_private_fd(memory.blocks[0]));
		ck_assert_uint_eq(slot[i].guest_memfd_offset, i * 3 * GIB);
	}
	varch_slots_free(slots);
}
END_TEST

/* The second half is a guest_memfd, as that of a bound slot. */
START_TEST(e3_13_log_of_a_guest_memfd_is_refused_with_the_remedy)
{
	struct varch_slots *slots;

	make("size=1M,private=on", NULL);
	ck_assert_int_eq(varch_slots_new(&kvm, &slots), 0);
	ck_assert_int_eq(varch_slots_apply(slots, vmm_memory_map(&memory), &err), 0);
	ck_assert_int_eq(varch_slots_log(slots, true, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "can be saved, not migrated, unless it is started with slot=plain"));
	ck_assert_uint_eq(nslots, 1);
	ck_assert_uint_eq(slot[0].flags, 1 << 2);
	varch_slots_free(slots);
}
END_TEST

START_TEST(private_pages_leave_the_shared_half)
{
	make(kinds[_i], NULL);
	fill();
	ck_assert_int_eq(ask(2 * PAGE, 3 * PAGE, true, false), 0);
	ck_assert_uint_eq(ntold, 1);
	ck_assert_uint_eq(told[0].arg.address, 2 * PAGE);
	ck_assert_uint_eq(told[0].arg.size, 3 * PAGE);
	ck_assert_uint_eq(told[0].arg.attributes, 1 << 3);
	ck_assert_uint_eq(told[0].arg.flags, 0);
	ck_assert_uint_eq(told[0].shared, 0x51);	/* KVM is called first */
	ck_assert_uint_eq(*shared_at(2 * PAGE - 1), 0x51);
	ck_assert_uint_eq(*shared_at(2 * PAGE), 0);
	ck_assert_uint_eq(*shared_at(5 * PAGE - 1), 0);
	ck_assert_uint_eq(*shared_at(5 * PAGE), 0x51);
	ck_assert_uint_eq(private_at(2 * PAGE), 0x52);
}
END_TEST

START_TEST(shared_pages_leave_the_private_half)
{
	make(kinds[_i], NULL);
	fill();
	ck_assert_int_eq(ask(2 * PAGE, 3 * PAGE, false, false), 0);
	ck_assert_uint_eq(told[0].arg.attributes, 0);
	ck_assert_uint_eq(private_at(2 * PAGE - 1), 0x52);
	ck_assert_uint_eq(private_at(2 * PAGE), 0);
	ck_assert_uint_eq(private_at(5 * PAGE - 1), 0);
	ck_assert_uint_eq(private_at(5 * PAGE), 0x52);
	ck_assert_uint_eq(*shared_at(2 * PAGE), 0x51);
}
END_TEST

START_TEST(conversion_goes_on_in_the_next_region)
{
	make("size=1M,private=on", "size=1M,private=on,backend=memfd");
	ck_assert_int_eq(ask(MIB - PAGE, 2 * PAGE, true, false), 0);
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(told[0].arg.address, MIB - PAGE);
	ck_assert_uint_eq(told[0].arg.size, PAGE);
	ck_assert_uint_eq(told[1].arg.address, MIB);
	ck_assert_uint_eq(told[1].arg.size, PAGE);
}
END_TEST

/* The first MiB has two halves, the second has one, a third does not exist. */
static const struct { uint64_t gpa, len; const char *says; } refused[] = {
	{ MIB - PAGE, 2 * PAGE, "at 0x100000" },
	{ MIB, PAGE, "at 0x100000" },
	{ 2 * MIB, PAGE, "at 0x200000" },
	{ PAGE, 0, "whole pages" },
	{ PAGE + 1, PAGE, "whole pages" },
	{ PAGE, 100, "whole pages" },
	{ UINT64_MAX - PAGE + 1, 2 * PAGE, "whole pages" },
	{ UINT64_MAX - PAGE + 1, PAGE, "whole pages" },
};

START_TEST(what_is_not_all_two_layer_memory_changes_nothing)
{
	make("size=1M,private=on", "size=1M");
	fill();
	ck_assert_int_eq(ask(refused[_i].gpa, refused[_i].len, true, false),
			 -EINVAL);
	ck_assert_msg(strstr(err.msg, refused[_i].says), "%s", err.msg);
	ck_assert_uint_eq(ntold, 0);
	ck_assert_uint_eq(*shared_at(MIB - PAGE), 0x51);
	ck_assert_uint_eq(private_memory.failed, 1);
}
END_TEST

START_TEST(what_kvm_refuses_is_not_given_back)
{
	make("size=1M,private=on", NULL);
	fill();
	attributes_errno = _i ? ENOMEM : ENOTTY;
	ck_assert_int_eq(ask(PAGE, PAGE, true, false),
			 _i ? -ENOMEM : -EOPNOTSUPP);
	ck_assert_int_lt(ask(PAGE, PAGE, false, false), 0);
	ck_assert_uint_eq(private_memory.conversions, 0);
	ck_assert_uint_eq(private_memory.failed, 2);
	ck_assert_uint_eq(*shared_at(PAGE), 0x51);
	ck_assert_uint_eq(private_at(PAGE), 0x52);
}
END_TEST

static const int survivable[] = { EINVAL, E2BIG, EBUSY, EAGAIN };

/* The list of private memory and KVM differ. */
START_TEST(e2_54_guest_does_not_continue_after_a_part_of_a_conversion)
{
	make("size=1M,private=on", "size=1M,private=on");
	attributes_errno = survivable[_i];
	good_conversions = 1;
	ck_assert_int_eq(ask(MIB - PAGE, 2 * PAGE, true, false), -EIO);
	ck_assert_uint_eq(ntold, 2);
	ck_assert(err.msg[0]);
}
END_TEST

START_TEST(fault_that_comes_again_is_answered_once)
{
	make("size=1M,private=on", NULL);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.msg, "memory at 0x1000 to private"));
	ck_assert_int_eq(ask(PAGE, PAGE, false, true), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, false, false), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(ask(2 * PAGE, PAGE, true, true), 0);
	ck_assert_uint_eq(private_memory.conversions, 6);
	ck_assert_uint_eq(private_memory.failed, 1);
}
END_TEST

/* Two pages that KVM does not see as private, one after the other. */
START_TEST(faults_that_alternate_without_a_change_end)
{
	make("size=1M,private=on", NULL);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(ask(2 * PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), -EPROTO);
	ck_assert_int_eq(ask(2 * PAGE, PAGE, true, true), -EPROTO);
}
END_TEST

/* The other CPU converted it between the fault and its handling. */
START_TEST(fault_that_another_cpu_resolved_is_not_repeated)
{
	const struct varch_conversion c = { PAGE, PAGE, true, true };
	const struct vmem_map *map;

	make("size=1M,private=on", NULL);
	map = vmm_memory_map(&memory);
	ck_assert_int_eq(ask(PAGE, PAGE, true, true), 0);
	ck_assert_int_eq(vmm_private_begin(&private_memory, map, 1, &c, &err), 0);
	ck_assert_int_eq(vmm_private_begin(&private_memory, map, 1, &c, &err),
			 -EPROTO);
}
END_TEST

static bool device_has(uint64_t gpa, uint64_t len)
{
	const struct vmem_map *map = vmem_space_current(private_memory.space);

	return vmem_check_range(vmem_map_view(map), gpa, len,
				VMEM_READ | VMEM_WRITE);
}

START_TEST(devices_have_shared_pages_only)
{
	make("size=1M,private=on", "size=1M,private=on,backend=memfd");
	ck_assert(device_has(0, 2 * MIB));
	ck_assert_int_eq(ask(MIB - 2 * PAGE, 3 * PAGE, true, false), 0);
	ck_assert(device_has(0, MIB - 2 * PAGE));
	ck_assert(!device_has(MIB - 2 * PAGE, 1));
	ck_assert(!device_has(MIB - 2 * PAGE - 1, 2));
	ck_assert(!device_has(MIB + PAGE - 1, 2));
	ck_assert(device_has(MIB + PAGE, MIB - PAGE));
	ck_assert_int_eq(ask(MIB - PAGE, PAGE, false, false), 0);
	ck_assert(device_has(MIB - PAGE, PAGE));
	ck_assert(!device_has(MIB - PAGE, PAGE + 1));
	ck_assert_int_eq(ask(0, 2 * MIB, false, false), 0);
	ck_assert(device_has(0, 2 * MIB));
}
END_TEST

/* KVM, the fake one, looks at the map while it converts. */
START_TEST(devices_lose_a_page_before_kvm_converts_it)
{
	const struct varch_conversion c = { PAGE, PAGE, !_i, false };
	const struct vmem_map *map;

	make("size=1M,private=on", NULL);
	map = vmm_memory_map(&memory);
	if (_i)
		ck_assert_int_eq(ask(PAGE, PAGE, true, false), 0);
	ck_assert_int_eq(vmm_private_begin(&private_memory, map, 0, &c, &err),
			 !_i);
	ck_assert(!device_has(PAGE, 1));
	ck_assert_int_eq(vmm_private_finish(&private_memory, kvm.vm_fd, map, &c,
					    &err), 0);
	ck_assert(device_has(PAGE, 1) == _i);
}
END_TEST

/* Memory with one half, at either side of private memory. */
static const struct { const char *first, *second; } beside[] = {
	{ "size=1M", "size=1M,private=on" },
	{ "size=1M,private=on", "size=1M,backend=memfd" },
	{ "size=1M,private=on,backend=memfd", "size=1M,backend=memfd,share=off" },
};

/* The address of the other piece. */
static uint64_t make_beside(int i)
{
	make(beside[i].first, beside[i].second);
	return strstr(beside[i].second, "private") ? 0 : MIB;
}

START_TEST(a8_25_plain_memory_beside_private_memory_has_one_half)
{
	const uint64_t plain = make_beside(_i);
	struct varch_slots *slots;

	ck_assert_uint_eq(vm_type, 1);
	ck_assert_int_eq(varch_slots_new(&kvm, &slots), 0);
	ck_assert_int_eq(varch_slots_apply(slots, vmm_memory_map(&memory), &err), 0);
	ck_assert_uint_eq(nslots, 1);
	ck_assert_uint_eq(slot[0].guest_phys_addr, MIB - plain);
	ck_assert_uint_eq(slot[0].flags, 1 << 2);
	ck_assert_uint_eq(plain_slot.guest_phys_addr, plain);
	ck_assert_uint_eq(plain_slot.memory_size, MIB);
	ck_assert_uint_eq(plain_slot.flags, 0);
	varch_slots_free(slots);
}
END_TEST

START_TEST(a8_25_plain_memory_beside_private_memory_stays_with_the_devices)
{
	const uint64_t plain = make_beside(_i), private = MIB - plain;

	ck_assert_int_eq(ask(private, MIB, true, false), 0);
	ck_assert(!device_has(private, 1) && !device_has(private + MIB - 1, 1));
	ck_assert(device_has(plain, MIB));
	ck_assert_int_eq(ask(plain, PAGE, true, false), -EINVAL);
	ck_assert_int_eq(ask(plain, PAGE, false, false), -EINVAL);
	ck_assert(device_has(plain, MIB));
	ck_assert_ptr_null(vmm_private_find(&private_memory, plain));
	ck_assert_int_eq(ask(private, MIB, false, false), 0);
	ck_assert(device_has(0, 2 * MIB));
}
END_TEST

START_TEST(map_in_use_is_not_quiet)
{
	const struct varch_conversion c = { PAGE, PAGE, true, false };
	struct vmem_map *map;

	make("size=1M,private=on", NULL);
	map = vmem_map_ref(vmem_space_current(private_memory.space));
	ck_assert_int_eq(vmm_private_begin(&private_memory, vmm_memory_map(&memory),
					   0, &c, &err), 1);
	ck_assert(!vmm_private_is_quiet(&private_memory));
	vmem_map_unref(map);
	ck_assert(vmm_private_is_quiet(&private_memory));
}
END_TEST

/* Every second page, until there is no room for one more. */
START_TEST(separate_ranges_are_bounded)
{
	uint64_t at = 0;
	unsigned int i;

	make("size=16M,private=on", NULL);
	ntold = 0;
	for (i = 0; i < VMEM_GPA_SET_MAX; i++, at += 2 * PAGE, ntold = 0)
		ck_assert_int_eq(ask(at, PAGE, true, false), 0);
	ck_assert_int_eq(ask(at, PAGE, true, false), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 1024 separate ranges"));
	ck_assert_uint_eq(ntold, 0);
	ck_assert(device_has(at, PAGE));
	ck_assert_int_eq(ask(PAGE, PAGE, true, false), 0);
	ck_assert_int_eq(ask(at, PAGE, true, false), 0);
}
END_TEST

static void assert_piece(uint64_t gpa, uint64_t conversions, uint64_t failed,
			 uint64_t released)
{
	const struct vmm_private_piece *p = vmm_private_find(&private_memory, gpa);

	ck_assert_uint_eq(p->conversions, conversions);
	ck_assert_uint_eq(p->failed, failed);
	ck_assert_uint_eq(p->released, released);
}

START_TEST(each_piece_has_its_counts)
{
	make("size=1M,private=on", "size=1M,private=on,backend=memfd");
	ck_assert_int_eq(ask(MIB - PAGE, 2 * PAGE, true, false), 0);
	ck_assert_int_eq(ask(MIB, 4 * PAGE, true, false), 0);
	ck_assert_int_eq(ask(MIB - PAGE, PAGE, false, false), 0);
	ck_assert_int_eq(ask(2 * MIB - PAGE, 2 * PAGE, true, false), -EINVAL);
	ck_assert_int_eq(ask(2 * MIB, PAGE, true, false), -EINVAL);
	assert_piece(0, 2, 0, 2 * PAGE);
	assert_piece(MIB, 2, 1, 5 * PAGE);
	ck_assert_ptr_null(vmm_private_find(&private_memory, 2 * MIB));
	ck_assert_uint_eq(private_memory.conversions, 3);
	ck_assert_uint_eq(private_memory.failed, 2);
}
END_TEST

/* The conversion that completes a huge page releases it; the content shows that. */
START_TEST(huge_page_is_released_when_all_of_it_is_private)
{
	make("size=4M,private=on,backend=memfd,hugetlb=on,hugetlbsize=2M", NULL);
	memset(shared_at(0), 0x51, 4 * MIB);
	ck_assert_int_eq(ask(PAGE, MIB, true, false), 0);
	ck_assert_int_eq(ask(MIB + PAGE, 2 * MIB, true, false), 0);
	ck_assert_uint_eq(*shared_at(0), 0x51);
	ck_assert_uint_eq(*shared_at(PAGE), 0);
	assert_piece(0, 2, 0, 0);
	ck_assert_int_eq(ask(0, PAGE, true, false), 0);
	ck_assert_uint_eq(*shared_at(0), 0);
	ck_assert_uint_eq(*shared_at(2 * MIB - 1), 0);
	ck_assert_uint_eq(*shared_at(3 * MIB + PAGE), 0x51);
	assert_piece(0, 3, 0, 2 * MIB);
	ck_assert_int_eq(ask(3 * MIB, MIB, true, false), 0);
	ck_assert_uint_eq(*shared_at(3 * MIB + PAGE), 0);
	assert_piece(0, 4, 0, 4 * MIB);
}
END_TEST

START_TEST(guest_may_ask_for_the_same_again)
{
	make("size=1M,private=on", NULL);
	ck_assert_int_eq(ask(PAGE, PAGE, true, false), 0);
	ck_assert_int_eq(ask(PAGE, PAGE, true, false), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("private_memory");
	TCase *tc = tcase_create("private");
	const int n = COUNT(kinds);

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, machine_is_of_the_kind_that_has_private_memory,
			    0, n);
	tcase_add_test(tc, other_memory_gets_a_plain_machine);
	tcase_add_test(tc, host_without_that_kind_is_refused_by_name);
	tcase_add_loop_test(tc,
		guest_is_told_of_the_hypercall_where_there_is_one, 0, 2);
	tcase_add_loop_test(tc, slot_has_both_halves, 0, 2);
	tcase_add_test(tc, e3_13_log_of_a_guest_memfd_is_refused_with_the_remedy);
	tcase_add_loop_test(tc, private_pages_leave_the_shared_half, 0, n);
	tcase_add_loop_test(tc, shared_pages_leave_the_private_half, 0, n);
	tcase_add_test(tc, conversion_goes_on_in_the_next_region);
	tcase_add_loop_test(tc,
		what_is_not_all_two_layer_memory_changes_nothing, 0,
		COUNT(refused));
	tcase_add_loop_test(tc, what_kvm_refuses_is_not_given_back, 0, 2);
	tcase_add_loop_test(tc, e2_54_guest_does_not_continue_after_a_part_of_a_conversion, 0,
			    (int)COUNT(survivable));
	tcase_add_test(tc, fault_that_comes_again_is_answered_once);
	tcase_add_test(tc, faults_that_alternate_without_a_change_end);
	tcase_add_test(tc, fault_that_another_cpu_resolved_is_not_repeated);
	tcase_add_test(tc, devices_have_shared_pages_only);
	tcase_add_loop_test(tc, devices_lose_a_page_before_kvm_converts_it, 0, 2);
	tcase_add_loop_test(tc, a8_25_plain_memory_beside_private_memory_has_one_half, 0,
			    COUNT(beside));
	tcase_add_loop_test(tc, a8_25_plain_memory_beside_private_memory_stays_with_the_devices, 0,
			    COUNT(beside));
	tcase_add_test(tc, map_in_use_is_not_quiet);
	tcase_add_test(tc, separate_ranges_are_bounded);
	tcase_add_test(tc, each_piece_has_its_counts);
	tcase_add_test_unless(tc, no_huge_pages(),
			      huge_page_is_released_when_all_of_it_is_private);
	tcase_add_test(tc, guest_may_ask_for_the_same_again);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
