/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory back-ends one by one, as a machine would allocate them. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/option.h>

#include "cli/exit_status.h"
#include "memory/memory.h"
#include "cli/dry_run.h"
#include "cli/memory_command.h"

/* No guest: any width that leaves room for what is tried. */
#define PHYS_BITS 52

enum { JSON, HELP };

const struct vsu_option vmm_try_options[] = {
	[JSON] = { "json", VSU_OPTION_FLAG, NULL, "one JSON object a line",
		   0, 0, NULL, false },
	[HELP] = { "help", VSU_OPTION_FLAG, NULL, "show this help",
		   0, 0, NULL, false },
	{ NULL, VSU_OPTION_FLAG, NULL, NULL, 0, 0, NULL, false },
};

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value,
		     struct vsu_error *err)
{
	struct vmm_try *what = opaque;

	(void)err;
	if (index == JSON)
		what->json = value->number;
	else
		what->help = value->number;
	return 0;
}

/* An option may stand behind the lists, too. */
static int parse_behind(struct vmm_try *what, int argc, char *const *argv,
			struct vsu_error *err)
{
	int i, next, rc = 0;

	for (i = what->first; !rc && i < argc; i++)
		if (argv[i][0] == '-')
			rc = vsu_option_parse_argv(vmm_try_options, 2,
						   argv + i - 1, on_option,
						   what, &next, err);
	return rc;
}

int vmm_try_parse(struct vmm_try *what, int argc, char *const *argv,
		  struct vsu_error *err)
{
	int rc;

	memset(what, 0, sizeof(*what));
	rc = vsu_option_parse_argv(vmm_try_options, argc, argv, on_option,
				   what, &what->first, err);
	if (!rc)
		rc = parse_behind(what, argc, argv, err);
	if (rc || what->help)
		return rc;
	if (what->first >= argc)
		return vsu_error_set(err, -ENOENT, "memory: nothing to try; "
			"name properties, as in 'size=1G,backend=memfd'");
	return 0;
}

static bool needs_kvm(const struct vmem_backend *backend)
{
	return vmem_backend_value(backend, "backend") ==
	       VMEM_KIND_GUEST_MEMFD ||
	       vmem_backend_value(backend, "guest-memfd") ||
	       vmem_backend_value(backend, "private");
}

static int make(struct vmm_memory *memory, struct vmm_kvm *kvm,
		struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	int rc = 0;

	if (needs_kvm(memory->backends[0]))
		rc = vmm_kvm_open(kvm, vmm_memory_wants_private(memory), err);
	if (rc)
		return vmm_exit_status(VMM_STAGE_KVM, rc);
	kvm->phys_bits = PHYS_BITS;
	rc = vmm_memory_make(memory, kvm, sigbus, err);
	return rc ? vmm_exit_status(VMM_STAGE_MEMORY, rc) : 0;
}

static int try_one(const char *list, bool json, struct vmem_sigbus *sigbus,
		   struct vsu_error *err)
{
	const struct vmm_options options = { .memory = { list },
					     .nmemory = 1, .dry_run = true };
	struct vmm_kvm kvm = { .kvm_fd = -1, .vm_fd = -1 };
	struct vmm_memory memory;
	int rc = vmm_memory_parse(&memory, &options, false, err), status;

	status = rc ? vmm_exit_status(VMM_STAGE_OPTIONS, rc)
		    : make(&memory, &kvm, sigbus, err);
	if (!status)
		vmm_report_block(memory.blocks[0], stdout, json);
	vmm_memory_free(&memory);
	vmm_kvm_close(&kvm);
	return status;
}

int vmm_try_memory(const struct vmm_try *what, int argc, char *const *argv,
		   struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	int i, status = 0;

	for (i = what->first; !status && i < argc; i++)
		if (argv[i][0] != '-')
			status = try_one(argv[i], what->json, sigbus, err);
	return status;
}
