/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the launch of encrypted machines. This program answers open() and
 * ioctl() itself: it records each step, fails one of them and interrupts others.
 */
#include <config.h>

#include <dirent.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kvm/launch.h"
#include "kvm/launch_command.h"
#include "kvm/launch_uapi.h"
#include "machine/exit_status.h"
#include "../util.h"

#define PAGE 4096u
#define VCPU 1000	/* descriptors that only the fake knows */

/* A host: values of the modules' parameters; NULL: no such file. */
static struct host {
	const char *module, *feature;
	int types;	/* KVM_CAP_VM_TYPES */
	bool no_kvm, no_sev;
} host;

static const char *fails;	/* name of the step that fails */
static int fails_with;
static unsigned int again;	/* interruptions of an addition, a page done before each */
static bool stuck;		/* interruptions without progress */
static char steps[512];
static bool snp;		/* the machine's type */
static int sev_fd = -1;		/* of /dev/sev */
static unsigned int calls;	/* of KVM_MEMORY_ENCRYPT_OP */
static uint64_t policy;
static uint32_t flags[4];
static uint8_t types[4];
static unsigned int nadded;

static struct vmm_launch launch;
static struct vsu_error err;

static int give_text(const char *text)
{
	int fd = memfd_create("parameter", 0);

	if (fd >= 0 && (write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET)))
		abort();
	return fd;
}

static int fake_open(const char *path, int oflags)
{
	const char *text = strstr(path, "/parameters/sev_snp") ||
			   strstr(path, "/parameters/tdx") ? host.feature :
			   strstr(path, "/parameters/") ? host.module : NULL;

	if (text)
		return give_text(text);
	errno = ENOENT;
	if (strstr(path, "/sys/module/") ||
	    (host.no_kvm && !strcmp(path, "/dev/kvm")) ||
	    (host.no_sev && !strcmp(path, "/dev/sev")))
		return -1;
	sev_fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", oflags);
	return sev_fd;
}

int open(const char *path, int oflags, ...)
{
	va_list ap;
	mode_t mode;

	if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/sys/module/", 12))
		return fake_open(path, oflags);
	va_start(ap, oflags);
	mode = oflags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)syscall(SYS_openat, AT_FDCWD, path, oflags, mode);
}

/* Records the step; true: it fails. */
static bool step(const char *name, int fd)
{
	const size_t len = strlen(steps);

	snprintf(steps + len, sizeof(steps) - len, "%s%s", len ? " " : "", name);
	if (fd >= VCPU)
		snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), ":%d",
			 fd - VCPU);
	if (!fails || strcmp(fails, name))
		return false;
	errno = fails_with;
	return true;
}

/* As the kernel does: a part is done, and the structure describes the rest. */
static int interrupt(uint64_t *from, uint64_t *to, uint64_t *left, uint64_t unit,
		     uint64_t page)
{
	if (!stuck && *left > unit && again) {
		*from += page;
		*to += PAGE;
		*left -= unit;
		again--;
	} else if (!stuck) {
		*left = 0;
		return 0;
	}
	errno = EAGAIN;
	return -1;
}

static int snp_update(struct vmm_sev_cmd *cmd)
{
	struct vmm_snp_launch_update *u = (void *)(uintptr_t)cmd->data;

	types[nadded++ % 4] = u->type;
	return interrupt(&u->gfn_start, &u->uaddr, &u->len, PAGE, 1);
}

static int sev_command(int fd, struct vmm_sev_cmd *cmd)
{
	static const char *const names[] = { "start", "update", "finish" };
	const char *name = cmd->id == VMM_SEV_INIT2 ? "init" :
			   names[cmd->id - VMM_SNP_LAUNCH_START];

	ck_assert_int_eq(cmd->sev_fd, sev_fd);
	cmd->error = 0x17;
	if (step(name, fd))
		return -1;
	if (cmd->id == VMM_SNP_LAUNCH_START)
		policy = ((struct vmm_snp_launch_start *)(uintptr_t)cmd->data)->policy;
	return cmd->id == VMM_SNP_LAUNCH_UPDATE ? snp_update(cmd) : 0;
}

static struct vmm_tdx_init_vm tdx_vm;

static void give_capabilities(struct vmm_tdx_capabilities *caps)
{
	ck_assert_uint_eq(caps->cpuid.nent, VMM_TDX_MAX_CPUID);
	caps->supported_xfam = 0xe7;
	caps->cpuid.nent = 2;
	caps->cpuid.entries[0] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 0xff };
	caps->cpuid.entries[1] = (struct kvm_cpuid_entry2){ .function = 9, .eax = 1 };
}

static int tdx_command(int fd, struct vmm_tdx_cmd *cmd)
{
	static const char *const names[] = { "capabilities", "init", "vcpu", "region",
					     "finalize" };
	void *data = (void *)(uintptr_t)cmd->data;
	struct vmm_tdx_mem_region *r = data;

	cmd->hw_error = 0xc0000100;
	if (step(names[cmd->id], fd))
		return -1;
	if (cmd->id == VMM_TDX_CAPABILITIES)
		give_capabilities(data);
	if (cmd->id == VMM_TDX_INIT_VM)
		memcpy(&tdx_vm, data, sizeof(tdx_vm));
	if (cmd->id != VMM_TDX_INIT_MEM_REGION)
		return 0;
	flags[nadded++ % 4] = cmd->flags;
	return interrupt(&r->gpa, &r->source_addr, &r->nr_pages, 1, PAGE);
}

static int answer(int fd, unsigned long request, void *arg)
{
	struct kvm_cpuid2 *cpuid = arg;

	switch (request) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_CHECK_EXTENSION:
		return (uintptr_t)arg == KVM_CAP_VM_TYPES ? host.types : 1;
	case KVM_CREATE_VM:
		snp = (uintptr_t)arg == VMM_KVM_TYPE_SNP;
		if (step(snp ? "vm4" : "vm5", 0))
			return -1;
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	case KVM_GET_SUPPORTED_CPUID:
		cpuid->nent = 1;
		cpuid->entries[0] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 0xf0f };
		return 0;
	case KVM_MEMORY_ENCRYPT_OP:
		calls++;
		return snp ? sev_command(fd, arg) : tdx_command(fd, arg);
	default:
		return 0;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return answer(fd, request, arg);
}

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static const struct host complete = { "Y\n", "Y\n", .types = 0x3f };
static unsigned int fds;

static void setup(void)
{
	host = complete;
	fds = open_fds();
}

static void teardown(void)
{
	ck_assert_uint_eq(open_fds(), fds);
}

static unsigned char pages[5 * PAGE] __attribute__((aligned(4096)));

/* Opens and launches with two CPUs and two ranges, the second of which is not measured. */
static int run(enum vmm_launch_kind kind)
{
	static const int vcpus[] = { VCPU, VCPU + 1 };
	const struct vmm_launch_range ranges[] = {
		{ 0x100000, 4 * PAGE, pages, true },
		{ 0x200000, PAGE, pages + 4 * PAGE, false },
	};
	int rc;

	vsu_error_clear(&err);
	rc = vmm_launch_open(&launch, kind, &err);
	if (rc < 0)
		return rc;
	rc = vmm_launch_run(&launch, vcpus, 2, ranges, 2, &err);
	vmm_launch_close(&launch);
	return rc;
}

START_TEST(snp_steps_are_in_order)
{
	ck_assert_msg(!run(VMM_LAUNCH_SNP), "%s", err.msg);
	ck_assert_str_eq(steps, "vm4 init start update update finish");
	ck_assert_uint_eq(policy, 0x30000);
	ck_assert_uint_eq(types[0], VMM_SNP_PAGE_NORMAL);
	ck_assert_uint_eq(types[1], VMM_SNP_PAGE_UNMEASURED);
}
END_TEST

START_TEST(tdx_steps_are_in_order)
{
	ck_assert_msg(!run(VMM_LAUNCH_TDX), "%s", err.msg);
	ck_assert_str_eq(steps, "vm5 capabilities init vcpu:0 vcpu:1 region:0 region:0 finalize");
	ck_assert_uint_eq(flags[0], VMM_TDX_MEASURE);
	ck_assert_uint_eq(flags[1], 0);
}
END_TEST

START_TEST(tdx_machine_has_only_bits_that_kvm_supports)
{
	ck_assert_int_eq(run(VMM_LAUNCH_TDX), 0);
	ck_assert_uint_eq(tdx_vm.xfam, 0xe7);
	ck_assert_uint_eq(tdx_vm.attributes, 0);
	ck_assert_uint_eq(tdx_vm.cpuid.nent, 2);
	ck_assert_uint_eq(tdx_vm.cpuid.entries[0].ecx, 0x0f);
	ck_assert_uint_eq(tdx_vm.cpuid.entries[1].eax, 0);
}
END_TEST

static const struct failing {
	enum vmm_launch_kind kind;
	const char *step, *says, *done;
} failing[] = {
	{ VMM_LAUNCH_SNP, "vm4", "KVM cannot make a VM for SEV-SNP", "vm4" },
	{ VMM_LAUNCH_SNP, "init", "KVM_SEV_INIT2 failed (firmware error 0x17)", "vm4 init" },
	{ VMM_LAUNCH_SNP, "start", "KVM_SEV_SNP_LAUNCH_START failed", "vm4 init start" },
	{ VMM_LAUNCH_SNP, "update", "page at 0x100000: SEV-SNP: KVM_SEV_SNP_LAUNCH_UPDATE failed",
	  "vm4 init start update" },
	{ VMM_LAUNCH_SNP, "finish", "KVM_SEV_SNP_LAUNCH_FINISH failed",
	  "vm4 init start update update finish" },
	{ VMM_LAUNCH_TDX, "vm5", "KVM cannot make a VM for TDX", "vm5" },
	{ VMM_LAUNCH_TDX, "capabilities", "KVM_TDX_CAPABILITIES failed", "vm5 capabilities" },
	{ VMM_LAUNCH_TDX, "init", "KVM_TDX_INIT_VM failed (error of the TDX module 0xc0000100)",
	  "vm5 capabilities init" },
	{ VMM_LAUNCH_TDX, "vcpu", "KVM_TDX_INIT_VCPU failed", "vm5 capabilities init vcpu:0" },
	{ VMM_LAUNCH_TDX, "region", "page at 0x100000: TDX: KVM_TDX_INIT_MEM_REGION failed",
	  "vm5 capabilities init vcpu:0 vcpu:1 region:0" },
	{ VMM_LAUNCH_TDX, "finalize", "KVM_TDX_FINALIZE_VM failed",
	  "vm5 capabilities init vcpu:0 vcpu:1 region:0 region:0 finalize" },
};

/* The fixture finds descriptors that stayed open. */
START_TEST(failed_step_is_named_and_is_the_last)
{
	const struct failing *f = &failing[_i];

	fails = f->step;
	fails_with = EIO;
	ck_assert_int_eq(run(f->kind), -EIO);
	ck_assert_msg(strstr(err.msg, f->says), "it says: %s", err.msg);
	ck_assert_str_eq(steps, f->done);
}
END_TEST

START_TEST(interrupted_additions_continue)
{
	again = 3;
	ck_assert_msg(!run((enum vmm_launch_kind)_i), "%s", err.msg);
	ck_assert_uint_eq(again, 0);
	ck_assert_uint_eq(nadded, 2 + 3);
}
END_TEST

START_TEST(additions_without_progress_end)
{
	stuck = true;
	ck_assert_int_eq(run((enum vmm_launch_kind)_i), -EAGAIN);
	ck_assert_uint_eq(nadded, VMM_LAUNCH_MAX_ATTEMPTS);
	ck_assert_ptr_nonnull(strstr(err.msg, "page at 0x100000"));
}
END_TEST

START_TEST(interrupted_finish_ends)
{
	fails = _i == VMM_LAUNCH_SNP ? "finish" : "finalize";
	fails_with = EAGAIN;
	ck_assert_int_eq(run((enum vmm_launch_kind)_i), -EAGAIN);
	ck_assert_uint_lt(calls, 2 * VMM_LAUNCH_MAX_ATTEMPTS);
}
END_TEST

static const struct lacking {
	enum vmm_launch_kind kind;
	struct host host;
	int code;
	const char *says;
} lacking[] = {
	{ VMM_LAUNCH_SNP, { .no_kvm = true }, -ENOENT, "/dev/kvm" },
	{ VMM_LAUNCH_SNP, { .types = 1 }, -EOPNOTSUPP, "module kvm_amd" },
	{ VMM_LAUNCH_SNP, { .module = "Y\n" }, -EOPNOTSUPP, "Linux 6.11" },
	{ VMM_LAUNCH_SNP, { "Y\n", "N\n", .types = 1 }, -EOPNOTSUPP, "sev_snp=1" },
	{ VMM_LAUNCH_SNP, { "Y\n", "Y\n", .types = 0xf }, -EOPNOTSUPP, "bit 4 of KVM_CAP_VM_TYPES" },
	{ VMM_LAUNCH_SNP, { "Y\n", "Y\n", 0x3f, .no_sev = true }, -ENOENT, "'/dev/sev'" },
	{ VMM_LAUNCH_SNP, { "Y\n", "Y\n", .types = 0x1f }, -EOPNOTSUPP, "cannot boot a guest" },
	{ VMM_LAUNCH_TDX, { .types = 3 }, -EOPNOTSUPP, "module kvm_intel" },
	{ VMM_LAUNCH_TDX, { .module = "Y\n" }, -EOPNOTSUPP, "Linux 6.16" },
	{ VMM_LAUNCH_TDX, { "Y\n", "N\n", .types = 1 }, -EOPNOTSUPP, "tdx=1" },
	{ VMM_LAUNCH_TDX, { "Y\n", "Y\n", .types = 0x1f }, -EOPNOTSUPP, "bit 5 of KVM_CAP_VM_TYPES" },
	{ VMM_LAUNCH_TDX, { .types = 0x20 }, -EOPNOTSUPP, "cannot boot a guest" },
};

START_TEST(refusal_names_what_the_host_lacks)
{
	const struct lacking *l = &lacking[_i];

	host = l->host;
	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_launch_refuse(l->kind, &err), l->code);
	ck_assert_msg(strstr(err.msg, l->says), "it says: %s", err.msg);
	ck_assert_int_eq(vmm_exit_status(VMM_STAGE_KVM, l->code), 69);
}
END_TEST

START_TEST(ranges_are_whole_pages)
{
	const struct vmm_launch_range bad[] = {
		{ 0x100000, 0, pages, true }, { 0x100000, 100, pages, true },
		{ 0x100010, PAGE, pages, true }, { 0x100000, PAGE, pages + 8, true },
	};
	const int vcpu = VCPU;

	ck_assert_int_eq(vmm_launch_open(&launch, VMM_LAUNCH_SNP, &err), 0);
	ck_assert_int_eq(vmm_launch_run(&launch, &vcpu, 1, &bad[_i], 1, &err), -EINVAL);
	ck_assert_str_eq(steps, "vm4 init start");
	vmm_launch_close(&launch);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("launch");
	TCase *tc = tcase_create("launch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, snp_steps_are_in_order);
	tcase_add_test(tc, tdx_steps_are_in_order);
	tcase_add_test(tc, tdx_machine_has_only_bits_that_kvm_supports);
	tcase_add_loop_test(tc, failed_step_is_named_and_is_the_last, 0, COUNT(failing));
	tcase_add_loop_test(tc, interrupted_additions_continue, VMM_LAUNCH_SNP,
			    VMM_LAUNCH_TDX + 1);
	tcase_add_loop_test(tc, additions_without_progress_end, VMM_LAUNCH_SNP,
			    VMM_LAUNCH_TDX + 1);
	tcase_add_loop_test(tc, interrupted_finish_ends, VMM_LAUNCH_SNP,
			    VMM_LAUNCH_TDX + 1);
	tcase_add_loop_test(tc, refusal_names_what_the_host_lacks, 0, COUNT(lacking));
	tcase_add_loop_test(tc, ranges_are_whole_pages, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
