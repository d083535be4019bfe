/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A fake KVM in this process. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vhost.h>

#include "fake_kvm.h"

#define MAP_SIZE (3 * 4096)
#define CAP_ATTRIBUTES 233	/* newer than some headers */
#define IN_PROGRESS 4u		/* a machine check, in its status */
#define CREATE_GUEST_MEMFD 0xc040aed4
#define SET_ATTRIBUTES 0x4020aed2
#define DATA_AT 4096	/* of a port's bytes, in struct kvm_run's pages */

struct fake_kvm fake;
__thread unsigned long fake_request;

void fake_kvm_init(void)
{
	unsigned int i;

	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < VARCH_MAX_CPUS; i++)
		fake.cpu[i].fd = -1;
	for (i = 0; i < FAKE_IRQS; i++)
		fake.irq_fd[i] = -1;
}

int fake_out(struct kvm_run *run, uint16_t port, uint8_t value)
{
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.size = 1;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = DATA_AT;
	((uint8_t *)run)[DATA_AT] = value;
	return 0;
}

int fake_in(struct kvm_run *run, uint16_t port)
{
	fake_out(run, port, 0);
	run->io.direction = KVM_EXIT_IO_IN;
	return 0;
}

int fake_power_off(struct kvm_run *run)
{
	return fake_out(run, VARCH_PORT_SLEEP_CONTROL, 0x34);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!strcmp(path, "/dev/kvm") ||
	    (fake.vhost && !strcmp(path, "/dev/vhost-vsock")))
		path = "/dev/null";
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static struct fake_cpu *cpu_of(int fd)
{
	unsigned int i;

	for (i = 0; i < fake.ncpus; i++)
		if (fake.cpu[i].fd == fd)
			return &fake.cpu[i];
	return NULL;
}

static int make_file(const char *name, off_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	return fd < 0 || ftruncate(fd, size) < 0 ? -errno : fd;
}

/* A file that can be mapped replaces the CPU. */
static int make_cpu(void)
{
	int fd = make_file("cpu", KVM_DIRTY_LOG_PAGE_OFFSET * 4096);

	fake.cpu[fake.ncpus].fd = fd;
	fake.ncpus += fd >= 0;
	return fd;
}

/* The guest computes until it is interrupted, as under KVM_RUN. */
static int compute(const struct kvm_run *run)
{
	while (!__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED))
		poll(NULL, 0, 1);
	return -EINTR;
}

static int run_cpu(struct fake_cpu *cpu)
{
	/* Past mmap(), which a test may make fail. */
	struct kvm_run *run = (struct kvm_run *)syscall(SYS_mmap, NULL, (size_t)MAP_SIZE, PROT_READ | PROT_WRITE,
							MAP_SHARED, cpu->fd, (off_t)0);
	int rc = FAKE_COMPUTES;

	if (__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED))
		rc = -EINTR;
	else if (fake.guest)
		rc = fake.guest((unsigned int)(cpu - fake.cpu),
				__atomic_fetch_add(&cpu->runs, 1, __ATOMIC_ACQ_REL),
				run);
	if (rc == FAKE_COMPUTES)
		rc = compute(run);
	munmap(run, MAP_SIZE);
	return rc;
}

/* A processor with the leaves of 2 CPUs, and KVM's leaves. */
static int give_cpuid(struct kvm_cpuid2 *table)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0, .eax = 1, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 },
		{ .function = 1, .ecx = 1u << 31, .edx = 0x078bfbff },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001, .eax = 1 },
		{ .function = 0x80000000, .eax = 0x80000008 },
		{ .function = 0x80000008, .eax = 40 },
	};

	memcpy(table->entries, leaves, sizeof(leaves));
	table->nent = sizeof(leaves) / sizeof(leaves[0]);
	return 0;
}

static int take_cpuid(struct fake_cpu *cpu, const struct kvm_cpuid2 *table)
{
	cpu->nleaves = table->nent < FAKE_LEAVES ? table->nent : FAKE_LEAVES;
	memcpy(cpu->leaves, table->entries,
	       cpu->nleaves * sizeof(cpu->leaves[0]));
	return 0;
}

static int give_cpu_leaves(const struct fake_cpu *cpu, struct kvm_cpuid2 *table)
{
	memcpy(table->entries, cpu->leaves, cpu->nleaves * sizeof(cpu->leaves[0]));
	table->nent = cpu->nleaves;
	return 0;
}

/* The registers that report whether a guest handles machine checks. */
static int give_msrs(struct fake_msrs *msrs)
{
	msrs->entries[0].data = 10;
	msrs->entries[1].data = fake.nchecks ? IN_PROGRESS : 0;
	msrs->entries[2].data = fake.takes_checks ? UINT64_MAX : 0;
	return (int)msrs->nmsrs;
}

static int take_check(const struct kvm_x86_mce *check)
{
	fake.check = *check;
	__atomic_add_fetch(&fake.nchecks, 1, __ATOMIC_RELEASE);
	return 0;
}

static int give_sregs(const struct fake_cpu *cpu, struct kvm_sregs *sregs)
{
	*sregs = cpu->sregs;
	if (fake.takes_checks)
		sregs->cr4 |= 1u << 6;
	return 0;
}

/* The guest has no page tables. */
static int translate(struct kvm_translation *t)
{
	t->physical_address = t->linear_address;
	t->valid = 1;
	return 0;
}

static int answer_cpu(struct fake_cpu *cpu, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_RUN:
		return run_cpu(cpu);
	case KVM_SET_REGS:
		cpu->regs = *(const struct kvm_regs *)arg;
		cpu->has_regs = true;
		return 0;
	case KVM_GET_REGS:
		*(struct kvm_regs *)arg = cpu->regs;
		return 0;
	case KVM_GET_SREGS:
		return give_sregs(cpu, arg);
	case KVM_SET_SREGS:
		cpu->sregs = *(const struct kvm_sregs *)arg;
		return 0;
	case KVM_SET_GUEST_DEBUG:
		cpu->debug = *(const struct kvm_guest_debug *)arg;
		return 0;
	case KVM_TRANSLATE:
		return translate(arg);
	case KVM_SET_MP_STATE:
		cpu->state = *(const struct kvm_mp_state *)arg;
		return 0;
	case KVM_SET_CPUID2:
		return take_cpuid(cpu, arg);
	case KVM_GET_CPUID2:
		return give_cpu_leaves(cpu, arg);
	case KVM_GET_MSRS:
		return give_msrs(arg);
	case KVM_SET_MSRS:	/* accepts all */
		return (int)((const struct kvm_msrs *)arg)->nmsrs;
	case KVM_X86_SET_MCE:
		return take_check(arg);
	case KVM_X86_SETUP_MCE:
		cpu->checks = *(const uint64_t *)arg;
		return 0;
	default:
		return 0;
	}
}

static int take_irqfd(const struct kvm_irqfd *irq)
{
	if (irq->gsi < FAKE_IRQS)
		fake.irq_fd[irq->gsi] =
			irq->flags & KVM_IRQFD_FLAG_DEASSIGN ? -1 :
			(int)irq->fd;
	return 0;
}

/* A missing slot cannot be removed. */
static int take_slot(const struct kvm_userspace_memory_region *slot)
{
	struct kvm_userspace_memory_region *now = &fake.slot[slot->slot];

	if (!slot->memory_size && !now->memory_size)
		return -EINVAL;
	*now = *slot;
	return 0;
}

/* Reading the log clears it. */
static int give_log(const struct kvm_dirty_log *log)
{
	uint64_t *words = log->dirty_bitmap;

	if (!(fake.slot[log->slot].flags & KVM_MEM_LOG_DIRTY_PAGES))
		return -ENOENT;
	words[0] = fake.written[log->slot];
	fake.written[log->slot] = 0;
	return 0;
}

static int capability(unsigned long which)
{
	switch (which) {
	case KVM_CAP_NR_MEMSLOTS:
		return FAKE_SLOTS;
	case KVM_CAP_MAX_VCPUS:
		return fake.max_cpus ? fake.max_cpus : VARCH_MAX_CPUS;
	case KVM_CAP_SIGNAL_MSI:
		return fake.has_msi;
	case KVM_CAP_MCE:
		return 32;
	case KVM_CAP_VM_TYPES:
		return 1 | 1 << KVM_X86_SW_PROTECTED_VM;
	case KVM_CAP_EXIT_HYPERCALL:
		return 1 << KVM_HC_MAP_GPA_RANGE;
	case CAP_ATTRIBUTES:
		return 1 << 3;		/* private */
	default:
		return 1;
	}
}

static int answer_vm(unsigned long request, unsigned long arg)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_CREATE_VM:
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	case KVM_CHECK_EXTENSION:
		return capability(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return MAP_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		return give_cpuid((struct kvm_cpuid2 *)arg);
	case KVM_CREATE_VCPU:
		return make_cpu();
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		*(uint64_t *)arg = fake.offered_checks;
		return 0;
	case CREATE_GUEST_MEMFD:
		return make_file("private", *(const off_t *)arg);
	case KVM_SET_USER_MEMORY_REGION:
		return take_slot((const void *)arg);
	case KVM_GET_DIRTY_LOG:
		return give_log((const struct kvm_dirty_log *)arg);
	case KVM_IRQFD:
		return take_irqfd((const struct kvm_irqfd *)arg);
	default:
		return 0;
	}
}

static bool is_for_private(unsigned long request, unsigned long arg)
{
	switch (request) {
	case KVM_CREATE_VM:
		return arg != 0;
	case KVM_ENABLE_CAP:
		return ((const struct kvm_enable_cap *)arg)->cap == KVM_CAP_EXIT_HYPERCALL;
	case CREATE_GUEST_MEMFD:
	case FAKE_SET_REGION2:
	case SET_ATTRIBUTES:
		return true;
	default:
		return false;
	}
}

static int answer(int fd, unsigned long request, unsigned long arg)
{
	struct fake_cpu *cpu = cpu_of(fd);

	if (is_for_private(request, arg))
		__atomic_fetch_add(&fake.private_calls, 1, __ATOMIC_RELAXED);
	fake_request = request;
	if (request != KVM_RUN && request != KVM_CHECK_EXTENSION &&
	    fake.lacks && fake.lacks(ENOMEM))
		return -ENOMEM;
	return cpu ? answer_cpu(cpu, request, (void *)arg) :
		     answer_vm(request, arg);
}

/* Accepts every request; offers VIRTIO 1 only. */
static int answer_vhost(unsigned long request, void *arg)
{
	if (request == VHOST_GET_FEATURES)
		*(uint64_t *)arg = UINT64_C(1) << 32;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;
	int rc;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	if (fake.vhost && _IOC_TYPE(request) == VHOST_VIRTIO)
		return answer_vhost(request, (void *)arg);
	if (_IOC_TYPE(request) != KVMIO)
		return (int)syscall(SYS_ioctl, fd, request, arg);
	rc = answer(fd, request, arg);
	if (rc < 0)
		errno = -rc;
	return rc < 0 ? -1 : rc;
}
