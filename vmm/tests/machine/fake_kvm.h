/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A fake KVM in this process, for tests of whole machines on any host. A
 * program that links it implements open("/dev/kvm") and KVM's ioctl() itself,
 * and records their arguments. The test supplies the exits of a CPU: it plays
 * the guest.
 */
#ifndef VMM_TESTS_FAKE_KVM_H
#define VMM_TESTS_FAKE_KVM_H

#include <vm-arch/cpus.h>
#include <vm-arch/x86/ports.h>

#include "uapi.h"

#define FAKE_IRQS 24
#define FAKE_LEAVES 8
#define FAKE_SLOTS 64

struct fake_cpu {
	int fd;
	unsigned int runs;	/* atomic: calls of KVM_RUN that reached the guest */
	bool has_regs;		/* whether its initial registers were set */
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_mp_state state;
	struct kvm_guest_debug debug;
	struct kvm_cpuid_entry2 leaves[FAKE_LEAVES];
	uint32_t nleaves;
	uint64_t checks;	/* the capabilities of its machine checks; 0: not set up */
};

struct fake_kvm {
	struct fake_cpu cpu[VARCH_MAX_CPUS];
	unsigned int ncpus;
	/* Memory as the guest has it; memory_size 0: no such slot. */
	struct kvm_userspace_memory_region slot[FAKE_SLOTS];
	uint64_t written[FAKE_SLOTS]; /* the first 64 pages that KVM's log has */
	int irq_fd[FAKE_IRQS];	/* -1: unused */
	/*
	 * Whether this guest handles machine checks, and which it received,
	 * none of which it completes.
	 */
	bool takes_checks;
	uint64_t offered_checks; /* which KVM supports */
	struct kvm_x86_mce check;
	unsigned int nchecks;
	/*
	 * The guest, on the CPU's thread: fills run with its n-th exit and
	 * returns 0, or the negative errno of KVM_RUN; FAKE_COMPUTES if it
	 * stays in the guest. NULL: every entry stays there.
	 */
	int (*guest)(unsigned int cpu, unsigned int n, struct kvm_run *run);
	bool has_msi;		/* interrupts by messages */
	int max_cpus;		/* 0: VARCH_MAX_CPUS */
	bool vhost;		/* /dev/vhost-vsock is available */
	unsigned int private_calls;	/* atomic: that only private memory needs */
	/*
	 * Called before each call except KVM_RUN; true: the call fails.
	 * NULL: no call fails.
	 */
	bool (*lacks)(int code);
};

#define FAKE_COMPUTES 1

extern struct fake_kvm fake;

/* The request of this thread's present call, for lacks(). */
extern __thread unsigned long fake_request;

/* Resets the fake to an unused KVM. */
void fake_kvm_init(void);

/* Exits of a guest that stores to a port, loads from a port, powers off. */
int fake_out(struct kvm_run *run, uint16_t port, uint8_t value);
int fake_in(struct kvm_run *run, uint16_t port);
int fake_power_off(struct kvm_run *run);

#endif
