/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The launch of an AMD SEV-SNP machine. KVM encrypts the CPUs' state at its end. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "kvm/launch.h"
#include "kvm/launch_command.h"
#include "kvm/launch_uapi.h"

static_assert(sizeof(struct vmm_sev_cmd) == 24, "as the kernel has it");
static_assert(sizeof(struct vmm_sev_init) == 48, "as the kernel has it");
static_assert(sizeof(struct vmm_snp_launch_start) == 64, "as the kernel has it");
static_assert(sizeof(struct vmm_snp_launch_update) == 64, "as the kernel has it");
static_assert(sizeof(struct vmm_snp_launch_finish) == 88, "as the kernel has it");

/* Bits of the guest's policy: multithreading is allowed; the other one must be set. */
#define POLICY_SMT		(UINT64_C(1) << 16)
#define POLICY_RESERVED		(UINT64_C(1) << 17)

static int snp_explain(struct vsu_error *err)
{
	char value[8];
	int rc = vmm_launch_parameter("/sys/module/kvm_amd/parameters/sev", value,
				      sizeof(value));

	if (rc < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "SEV-SNP needs the kernel module kvm_amd, which is not loaded, and an AMD EPYC 7003 or newer");
	rc = vmm_launch_parameter("/sys/module/kvm_amd/parameters/sev_snp", value,
				  sizeof(value));
	if (rc < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "SEV-SNP needs Linux 6.11 or newer on the host: its kvm_amd has no parameter 'sev_snp'");
	if (value[0] != 'Y')
		return vsu_error_set(err, -EOPNOTSUPP, "SEV-SNP is off in this host's kvm_amd; enable SEV-SNP in the BIOS and load the module with sev=1 sev_snp=1");
	return 0;
}

static int snp_command(struct vmm_launch *l, uint32_t id, void *data, const uint64_t *left,
		   const char *name, struct vsu_error *err)
{
	struct vmm_sev_cmd cmd = { .id = id, .data = (uintptr_t)data,
				   .sev_fd = (uint32_t)l->device_fd };
	int rc = vmm_launch_repeat(l->kvm.vm_fd, &cmd, left);

	return rc < 0 ? vsu_error_sys(err, rc, "SEV-SNP: %s failed (firmware error %#" PRIx32 ")",
				      name, cmd.error) : 0;
}

static int snp_init(struct vmm_launch *l, struct vsu_error *err)
{
	struct vmm_sev_init arg = { 0 };
	const uint64_t one = 1;

	l->device_fd = open("/dev/sev", O_RDWR | O_CLOEXEC);
	if (l->device_fd < 0)
		return vsu_error_sys(err, -errno, errno == ENOENT ?
			"cannot open '/dev/sev' (is the ccp module loaded, and the PSP enabled in the BIOS?)" :
			"cannot open '/dev/sev' (may this user read and write it?)");
	return snp_command(l, VMM_SEV_INIT2, &arg, &one, "KVM_SEV_INIT2", err);
}

static int snp_start(struct vmm_launch *l, struct vsu_error *err)
{
	struct vmm_snp_launch_start arg = {
		.policy = POLICY_RESERVED | POLICY_SMT,
	};
	const uint64_t one = 1;

	return snp_command(l, VMM_SNP_LAUNCH_START, &arg, &one,
		       "KVM_SEV_SNP_LAUNCH_START", err);
}

static int snp_add(struct vmm_launch *l, const struct vmm_launch_range *range,
	       struct vsu_error *err)
{
	struct vmm_snp_launch_update arg = {
		.gfn_start = range->gpa / 4096,
		.uaddr = (uintptr_t)range->content, .len = range->len,
		.type = range->measured ? VMM_SNP_PAGE_NORMAL :
					  VMM_SNP_PAGE_UNMEASURED,
	};
	uint64_t left;
	int rc;

	do {
		left = arg.len;
		rc = snp_command(l, VMM_SNP_LAUNCH_UPDATE, &arg, &arg.len,
			     "KVM_SEV_SNP_LAUNCH_UPDATE", err);
	} while (!rc && arg.len && arg.len < left);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "page at %#" PRIx64,
					arg.gfn_start * 4096);
	return !arg.len ? 0 : vsu_error_set(err, -EPROTO, "SEV-SNP: KVM_SEV_SNP_LAUNCH_UPDATE left %" PRIu64 " bytes unprocessed",
					    arg.len);
}

static int snp_finish(struct vmm_launch *l, struct vsu_error *err)
{
	struct vmm_snp_launch_finish arg = { 0 };
	const uint64_t one = 1;

	return snp_command(l, VMM_SNP_LAUNCH_FINISH, &arg, &one,
		       "KVM_SEV_SNP_LAUNCH_FINISH", err);
}

const struct vmm_launch_ops vmm_launch_snp = {
	.name = "SEV-SNP", .vm_type = VMM_KVM_TYPE_SNP,
	.explain = snp_explain, .init = snp_init, .start = snp_start,
	.add = snp_add, .finish = snp_finish,
};
