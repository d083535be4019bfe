/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks whether timer interrupts work in guests of this KVM: a guest of a few
 * instructions arms the TSC deadline timer of its APIC and waits for the
 * interrupt, ten times. In some machines that QEMU emulates, the guest and KVM
 * disagree about the time stamp counter, and no guest there can sleep.
 *
 *   kvm-timer [MILLISECONDS]    limit for an interrupt (3000)
 *
 * Exit status: 0 the interrupts arrived, 1 they did not, with the reason on
 * standard output, 2 such a guest cannot be created.
 */
#include <config.h>

#include <stdio.h>

#if defined(__x86_64__)

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

#define MEMORY 0x2000u
#define CODE 0x1000u
#define COUNTER 0x800u /* where the guest stores its counter */
#define ROUNDS 10u
#define TICKS 5000000u /* of the guest's code: 2 ms at 2.5 GHz */
#define MSR_TSC 0x10u
#define X2APIC (3u << 10) /* bits of IA32_APIC_BASE */
#define MAX_ENTRIES 256u

/*
 * Real mode. It spins instead of halting: before VMRUN QEMU loses the interrupt
 * delay of STI, and HLT would wait for an interrupt that was already handled.
 */
extern const char guest_code[], guest_code_end[];
__asm__(".pushsection .rodata\n"
	".code16\n"
	"guest_code:\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %ss\n"
	"	mov $0x800, %sp\n"
	"	movw $(0x1000 + handler - guest_code), 0x80\n" /* vector 32 */
	"	movw $0, 0x82\n"
	"	xor %edx, %edx\n"
	"	mov $0x80f, %ecx\n" /* spurious vector: enabled */
	"	mov $0x1ff, %eax\n"
	"	wrmsr\n"
	"	mov $0x832, %ecx\n" /* timer: TSC deadline, vector 32 */
	"	mov $0x40020, %eax\n"
	"	wrmsr\n"
	"again:\n"
	"	xor %bl, %bl\n"
	"	rdtsc\n"
	"	movl %eax, 0x800\n"
	"	movl %edx, 0x804\n"
	"	addl $5000000, %eax\n"
	"	adcl $0, %edx\n"
	"	mov $0x6e0, %ecx\n"
	"	wrmsr\n"
	"	sti\n"
	"wait:\n"
	"	test %bl, %bl\n"
	"	jz wait\n"
	"	cli\n"
	"	out %al, $0x10\n"
	"	jmp again\n"
	"handler:\n"
	"	mov $1, %bl\n"
	"	mov $0x80b, %ecx\n" /* end of interrupt */
	"	xor %eax, %eax\n"
	"	xor %edx, %edx\n"
	"	wrmsr\n"
	"	iret\n"
	"guest_code_end:\n"
	".code64\n"
	".popsection\n");

struct machine {
	int kvm, vm, vcpu;
	uint8_t *memory;
	const struct kvm_run *run;
};

static bool set_cpuid(const struct machine *m)
{
	const size_t size = sizeof(struct kvm_cpuid2) +
			    MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *cpuid = calloc(1, size);
	bool set;

	if (!cpuid)
		return false;
	cpuid->nent = MAX_ENTRIES;
	set = ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) == 0;
	/*
	 * x2APIC and TSC deadline, which KVM does not report by itself, and a
	 * hypervisor
	 */
	for (uint32_t i = 0; set && i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= 1u << 21 | 1u << 24 | 1u << 31;
	set = set && ioctl(m->vcpu, KVM_SET_CPUID2, cpuid) == 0;
	free(cpuid);
	return set;
}

static bool set_registers(const struct machine *m)
{
	const struct kvm_regs registers = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs s;

	if (ioctl(m->vcpu, KVM_GET_SREGS, &s) < 0)
		return false;
	s.cs.base = 0;
	s.cs.selector = 0;
	s.apic_base |= X2APIC;
	return ioctl(m->vcpu, KVM_SET_SREGS, &s) == 0 &&
	       ioctl(m->vcpu, KVM_SET_REGS, &registers) == 0;
}

static bool add_memory(struct machine *m)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->memory == MAP_FAILED)
		return false;
	memcpy(m->memory + CODE, guest_code,
	       (size_t)(guest_code_end - guest_code));
	region.userspace_addr = (uintptr_t)m->memory;
	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

/* The process ends soon, so the kernel closes the descriptors. */
static bool make_machine(struct machine *m)
{
	int size;

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	m->vm = m->kvm < 0 ? -1 : ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->vm < 0 || ioctl(m->vm, KVM_CREATE_IRQCHIP, 0) < 0 ||
	    !add_memory(m))
		return false;
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (m->vcpu < 0 || size < 0)
		return false;
	m->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      m->vcpu, 0);
	return m->run != MAP_FAILED && set_cpuid(m) && set_registers(m);
}

/* The guest's counter as KVM computes it. */
static uint64_t counter_of_kvm(const struct machine *m)
{
	/* struct kvm_msrs with one entry; clang warns of it inside another struct */
	_Alignas(8) unsigned char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)] = { 0 };
	struct kvm_msrs *one = (struct kvm_msrs *)room;

	one->nmsrs = 1;
	one->entries[0].index = MSR_TSC;
	return ioctl(m->vcpu, KVM_GET_MSRS, one) == 1 ? one->entries[0].data : 0;
}

static uint64_t counter_of_guest(const struct machine *m)
{
	uint64_t counter;

	memcpy(&counter, m->memory + COUNTER, sizeof(counter));
	return counter;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* SIGALRM ends KVM_RUN after that time. */
static void limit_run(unsigned long ms)
{
	const struct itimerval timer = {
		.it_value.tv_sec = (time_t)(ms / 1000),
		.it_value.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};
	const struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Waits for one interrupt: 0, -ETIMEDOUT, or an error of KVM_RUN. */
static int wait_for_interrupt(const struct machine *m, unsigned long ms)
{
	int rc;

	limit_run(ms);
	rc = ioctl(m->vcpu, KVM_RUN, 0);
	if (rc < 0)
		return errno == EINTR ? -ETIMEDOUT : -errno;
	return m->run->exit_reason == KVM_EXIT_IO ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	const unsigned long ms = argc > 1 ? strtoul(argv[1], NULL, 0) : 3000;
	struct machine m;
	int rc = 0;

	if (!make_machine(&m)) {
		perror("kvm-timer: no guest");
		return 2;
	}
	for (unsigned int i = 0; i < ROUNDS && rc == 0; i++)
		rc = wait_for_interrupt(&m, ms);
	if (rc == -ETIMEDOUT) {
		printf("a guest got no interrupt of its timer in %lu ms; counters: guest %" PRIu64 " when it armed the timer for %u more, KVM %" PRIu64 "\n",
		       ms, counter_of_guest(&m), TICKS, counter_of_kvm(&m));
		return 1;
	}
	if (rc < 0) {
		fprintf(stderr, "kvm-timer: KVM_RUN: %s (exit %u)\n",
			strerror(-rc), m.run->exit_reason);
		return 2;
	}
	return 0;
}

#else

int main(void)
{
	fputs("kvm-timer: guests are x86_64 only\n", stderr);
	return 2;
}

#endif
