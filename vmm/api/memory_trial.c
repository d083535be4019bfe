/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guest memory without a machine, as one would allocate it. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/sized.h>

#include "cvmm/exit_status.h"
#include "cvmm/memory.h"
#include "memory/memory.h"
#include "memory/memory_options.h"
#include "owner/owner.h"

/* No guest: any width that leaves room for what is tried. */
#define PHYS_BITS 52

struct cvmm_memory {
	struct vmm_log log;
	struct varch_vm kvm;	/* closed, unless it provides the memory */
	struct vmm_memory memory;
};

/* The members that both know, and the one that is required. */
static int read_trial(struct cvmm_memory_trial *trial, const struct cvmm_memory_trial *given,
		      struct vsu_error *err)
{
	int rc = vsu_copy_sized(trial, sizeof(*trial), given, "struct cvmm_memory_trial", err);

	return rc || trial->properties ? rc :
	       vsu_error_set(err, -EINVAL, "properties is NULL; give those of a memory, as \"size=1G\"");
}

static bool needs_kvm(const struct vmem_backend *backend)
{
	return vmem_backend_value(backend, "backend") == VMEM_KIND_GUEST_MEMFD ||
	       vmem_backend_value(backend, "guest-memfd") || vmem_backend_value(backend, "private");
}

static int open_kvm(struct cvmm_memory *m, struct vsu_error *err)
{
	const struct varch_vm_config config = { .private_memory = vmm_memory_wants_private(&m->memory) };
	const int rc = needs_kvm(m->memory.backends[0]) ? varch_vm_open(&m->kvm, &config, err) : 0;

	m->kvm.phys_bits = PHYS_BITS;
	return rc;
}

/* *step is the one that fails. */
static int make_memory(struct cvmm_memory *m, const struct cvmm_memory_trial *trial,
		       enum cvmm_step *step, struct vsu_error *err)
{
	const struct vmm_memory_use use = { .trial = true, .log = &m->log };
	const struct vmm_memory_lists lists = {
		.what = trial->name ? trial->name : "memory", .list = { trial->properties }, .n = 1,
	};
	int rc;

	m->log = (struct vmm_log){ trial->log, trial->opaque };
	*step = CVMM_STEP_OPTIONS;
	rc = vmm_memory_parse(&m->memory, &lists, &use, err);
	if (rc < 0)
		return rc;
	*step = CVMM_STEP_KVM;
	rc = open_kvm(m, err);
	if (rc < 0)
		return rc;
	*step = CVMM_STEP_MEMORY;
	return vmm_memory_make(&m->memory, &m->kvm, trial->sigbus, err);
}

int cvmm_memory_new(const struct cvmm_memory_trial *given, struct cvmm_memory **out,
		    struct vsu_error *err)
{
	struct cvmm_memory_trial trial;
	struct cvmm_memory *m;
	enum cvmm_step step;
	int rc;

	*out = NULL;
	rc = read_trial(&trial, given, err);
	if (rc < 0)
		return rc;
	m = calloc(1, sizeof(*m));
	if (!m)
		return vsu_error_set(err, -ENOMEM, "no memory for a trial");
	m->kvm = (struct varch_vm){ .kvm_fd = -1, .vm_fd = -1 };
	rc = make_memory(m, &trial, &step, err);
	if (rc < 0) {
		if (trial.status)
			*trial.status = cvmm_exit_status(step, rc);
		cvmm_memory_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

const struct vmem_block *cvmm_memory_block(const struct cvmm_memory *m)
{
	return m->memory.blocks[0];
}

void cvmm_memory_free(struct cvmm_memory *m)
{
	if (!m)
		return;
	vmm_memory_free(&m->memory);
	varch_vm_close(&m->kvm);
	free(m);
}
