/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory back-ends one by one, as a machine would allocate them. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/option.h>

#include "cvmm/exit_status.h"
#include "memory/memory.h"
#include "memory/memory_options.h"
#include "common/dry_run.h"
#include "cli/memory_command.h"

#include "common/program_log.h"

/* No guest: any width that leaves room for what is tried. */
#define PHYS_BITS 52

enum { JSON, HELP, PROPERTIES };

const struct vsu_option vmm_memory_command_options[] = {
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG,
		   .help = "one JSON object per line" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[PROPERTIES] = { .name = "PROPERTIES", .kind = VSU_OPTION_OPERAND,
			 .repeat = true },
	{ .name = NULL },
};

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_memory_command *c = opaque;

	if (index == JSON)
		c->json = value->number;
	else if (index == HELP)
		c->help = value->number;
	else if (c->n < VMM_MEMORY_COMMAND_LISTS)
		c->lists[c->n++] = value->text;
	else
		return vsu_error_set(err, -EINVAL,
				     "memory: more than %d lists of properties",
				     VMM_MEMORY_COMMAND_LISTS);
	return 0;
}

int vmm_memory_command_parse(struct vmm_memory_command *command, int argc,
			     char *const *argv, struct vsu_error *err)
{
	int rc;

	memset(command, 0, sizeof(*command));
	rc = vsu_option_parse_argv(vmm_memory_command_options, argc, argv,
				   take_option, command, NULL, err);
	if (rc < 0 || command->help || command->n)
		return rc;
	return vsu_error_set(err, -ENOENT,
			     "memory: no properties; example: 'size=1G,backend=memfd'");
}

static bool needs_kvm(const struct vmem_backend *backend)
{
	return vmem_backend_value(backend, "backend") ==
	       VMEM_KIND_GUEST_MEMFD ||
	       vmem_backend_value(backend, "guest-memfd") ||
	       vmem_backend_value(backend, "private");
}

static int memory_make(struct vmm_memory *memory, struct varch_vm *kvm,
		       struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	const struct varch_vm_config config = { .private_memory = vmm_memory_wants_private(memory) };
	int rc = 0;

	if (needs_kvm(memory->backends[0]))
		rc = varch_vm_open(kvm, &config, err);
	if (rc < 0)
		return cvmm_exit_status(CVMM_STEP_KVM, rc);
	kvm->phys_bits = PHYS_BITS;
	rc = vmm_memory_make(memory, kvm, sigbus, err);
	return rc ? cvmm_exit_status(CVMM_STEP_MEMORY, rc) : 0;
}

static int try_one(const struct vmm_memory_lists *lists, bool json,
		   struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	const struct vmm_memory_use use = { .trial = true, .log = &vmm_program_log };
	struct varch_vm kvm = { .kvm_fd = -1, .vm_fd = -1 };
	struct vmm_memory memory;
	int rc = vmm_memory_parse(&memory, lists, &use, err), status;

	status = rc ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc)
		    : memory_make(&memory, &kvm, sigbus, err);
	if (!status)
		vmm_report_block(memory.blocks[0], stdout, json);
	vmm_memory_free(&memory);
	varch_vm_close(&kvm);
	return status;
}

int vmm_memory_command_run(const struct vmm_memory_command *command,
			   struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct vmm_memory_lists lists = { .n = 1 };
	char name[32] = "memory";
	unsigned int i;
	int status = 0;

	lists.what = name;
	for (i = 0; !status && i < command->n; i++) {
		if (command->n > 1)
			snprintf(name, sizeof(name), "memory %u", i + 1);
		lists.list[0] = command->lists[i];
		status = try_one(&lists, command->json, sigbus, err);
	}
	return status;
}
