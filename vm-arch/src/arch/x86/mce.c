/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One error bank is used, and only when the guest can take the exception. */
#include <config.h>

#include <errno.h>

#include <vm-arch/arch.h>

#include "arch/x86/kvm_x86.h"
#include "arch/x86/mce.h"
#include "kvm/ioctl.h"

#define BANKS 10u
#define BANK 9u

#define CR4_MCE (UINT64_C(1) << 6)

#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MC_CTL(bank) (0x400 + 4 * (bank))
#define MCG_CTL_P (UINT64_C(1) << 8)
#define MCG_SER_P (UINT64_C(1) << 24)	/* recovery by software */
#define MCG_BANKS 0xffu

#define MCG_STATUS_RIPV (UINT64_C(1) << 0)
#define MCG_STATUS_EIPV (UINT64_C(1) << 1)
#define MCG_STATUS_MCIP (UINT64_C(1) << 2)

#define MCI_STATUS_VAL (UINT64_C(1) << 63)
#define MCI_STATUS_UC (UINT64_C(1) << 61)
#define MCI_STATUS_EN (UINT64_C(1) << 60)
#define MCI_STATUS_MISCV (UINT64_C(1) << 59)
#define MCI_STATUS_ADDRV (UINT64_C(1) << 58)
#define MCI_STATUS_S (UINT64_C(1) << 56)
#define MCI_STATUS_AR (UINT64_C(1) << 55)
#define MCI_STATUS_LOST_PAGE (MCI_STATUS_VAL | MCI_STATUS_UC | MCI_STATUS_EN | \
			      MCI_STATUS_MISCV | MCI_STATUS_ADDRV | \
			      MCI_STATUS_S)
#define ERROR_DATA_LOAD 0x134u		/* of a load that needs the data now */
#define ERROR_SCRUBBED 0xc0u		/* found by the memory's controller */
#define MISC_PHYSICAL_PAGE (2u << 6 | 12u)	/* the address, to 4 KiB */

void varch_mce_setup(const struct varch_vm *kvm, int cpu_fd)
{
	uint64_t offered = 0, wanted;

	if (varch_vm_capability(kvm, KVM_CAP_MCE) < (int)BANKS ||
	    varch_ioctl(kvm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED,
			  &offered) < 0)
		return;
	wanted = BANKS | (offered & (MCG_CTL_P | MCG_SER_P));
	varch_ioctl(cpu_fd, KVM_X86_SETUP_MCE, &wanted);
}

/* True if the guest has enabled everything; KVM drops other events. */
static int check_enabled(int cpu_fd)
{
	enum { CAP, STATUS, CONTROL, COUNT };
	struct varch_kvm_msrs msrs = {
		.nmsrs = COUNT,
		.entries = {
			[CAP] = { .index = MSR_MCG_CAP },
			[STATUS] = { .index = MSR_MCG_STATUS },
			[CONTROL] = { .index = MSR_MC_CTL(BANK) },
		},
	};
	struct kvm_sregs sregs;

	if (varch_ioctl(cpu_fd, KVM_GET_SREGS, &sregs) < 0 ||
	    !(sregs.cr4 & CR4_MCE))
		return -EOPNOTSUPP;
	if (varch_ioctl(cpu_fd, KVM_GET_MSRS, &msrs) != COUNT ||
	    (msrs.entries[CAP].data & MCG_BANKS) <= BANK ||
	    msrs.entries[CONTROL].data != UINT64_MAX)
		return -EOPNOTSUPP;
	return msrs.entries[STATUS].data & MCG_STATUS_MCIP ? -EBUSY : 0;
}

int varch_report_loss(int cpu_fd, uint64_t gpa, bool touched)
{
	struct kvm_x86_mce mce = {
		.bank = BANK, .addr = gpa, .misc = MISC_PHYSICAL_PAGE,
		.status = MCI_STATUS_LOST_PAGE | ERROR_SCRUBBED,
		.mcg_status = MCG_STATUS_MCIP | MCG_STATUS_RIPV,
	};
	int rc = check_enabled(cpu_fd);

	if (rc < 0)
		return rc;
	if (touched) {	/* the instruction has not been executed, so it can be restarted */
		mce.status = MCI_STATUS_LOST_PAGE | MCI_STATUS_AR |
			     ERROR_DATA_LOAD;
		mce.mcg_status |= MCG_STATUS_EIPV;
	}
	return varch_ioctl(cpu_fd, KVM_X86_SET_MCE, &mce);
}
