/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The floor of a start: a program that makes the KVM calls of cvmm in the same order, for a
 * guest that writes one byte, and does nothing else. It uses none of the libraries and
 * checks only what it requires.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY (256u << 20)
#define TABLES 0x10000
#define CODE 0x100000

static int kvm, vm, cpu;
static unsigned char *memory;
static struct kvm_run *run;

static int must(int rc, const char *what)
{
	if (rc < 0) {
		perror(what);
		exit(69);
	}
	return rc;
}

static void *must_map(size_t len, int flags, int fd)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	must(at == MAP_FAILED ? -1 : 0, "mmap");
	return at;
}

static void make_vm(void)
{
	static const int capabilities[] = {
		KVM_CAP_USER_MEMORY, KVM_CAP_IRQCHIP, KVM_CAP_IOEVENTFD,
		KVM_CAP_IRQFD, KVM_CAP_READONLY_MEM, KVM_CAP_IMMEDIATE_EXIT,
		KVM_CAP_EXT_CPUID, KVM_CAP_NR_MEMSLOTS, 231, 234, 244,
	};
	unsigned int i;

	kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	must(ioctl(kvm, KVM_GET_API_VERSION, 0), "version");
	vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "VM");
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		ioctl(vm, KVM_CHECK_EXTENSION, (long)capabilities[i]);
	must(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000L), "TSS");
	must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "interrupt controllers");
}

static void make_memory(void)
{
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY };

	memory = must_map(MEMORY, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	slot.userspace_addr = (uintptr_t)memory;
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "slot");
}

/* An identity map of 4 GiB by pages of 2 MiB. */
static void make_tables(void)
{
	uint64_t *at = (uint64_t *)(void *)(memory + TABLES);
	uint64_t i;

	at[0] = (TABLES + 0x1000) | 7;
	for (i = 0; i < 4; i++)
		at[512 + i] = (TABLES + 0x2000 + i * 0x1000) | 7;
	for (i = 0; i < 4 * 512; i++)
		at[1024 + i] = i << 21 | 0x87;
}

static struct kvm_segment segment(uint16_t selector, int code)
{
	struct kvm_segment s = {
		.limit = UINT32_MAX, .present = 1, .s = 1, .g = 1,
		.selector = selector, .dpl = 3, .type = code ? 11 : 3,
		.l = (uint8_t)code, .db = !code,
	};

	return s;
}

static void set_registers(void)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 0x3002 };
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs s;

	must(ioctl(cpu, KVM_GET_SREGS, &s), "registers");
	s.cs = segment(0x1b, 1);
	s.ds = s.es = s.fs = s.gs = s.ss = segment(0x23, 0);
	s.cr0 = 0x80000033;
	s.cr3 = TABLES;
	s.cr4 = 0x620;
	s.efer = 0x500;
	must(ioctl(cpu, KVM_SET_SREGS, &s), "registers");
	must(ioctl(cpu, KVM_SET_MP_STATE, &state), "state");
	must(ioctl(cpu, KVM_SET_REGS, &regs), "registers");
}

static void make_cpu(void)
{
	int size = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "size");
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	if (!cpuid)
		exit(EXIT_FAILURE);
	cpuid->nent = 256;
	must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "CPUID");
	cpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "CPU");
	run = must_map((size_t)size, MAP_SHARED, cpu);
	must(ioctl(cpu, KVM_SET_CPUID2, cpuid), "CPUID");
	free(cpuid);
	set_registers();
}

static void make_console(void)
{
	struct kvm_irqfd irq = { .gsi = 4 };

	irq.fd = (uint32_t)must(eventfd(0, EFD_CLOEXEC), "eventfd");
	must(ioctl(vm, KVM_IRQFD, &irq), "irqfd");
}

static void *run_guest(void *arg)
{
	do
		must(ioctl(cpu, KVM_RUN, 0), "run");
	while (run->exit_reason != KVM_EXIT_IO);
	return arg;
}

int main(void)
{
	/* mov $0x3f8, %edx; mov $'x', %al; out %al, %dx; jmp . */
	static const unsigned char code[] = {
		0xba, 0xf8, 0x03, 0, 0, 0xb0, 'x', 0xee, 0xeb, 0xfe,
	};
	pthread_t thread;

	make_vm();
	make_memory();
	make_tables();
	memcpy(memory + CODE, code, sizeof(code));
	make_cpu();
	make_console();
	pthread_create(&thread, NULL, run_guest, NULL);
	pthread_join(thread, NULL);
	if (write(1, (char *)run + run->io.data_offset, 1) != 1)
		return 1;
	pause();
	return 0;
}
