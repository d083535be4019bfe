/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm pool". */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/option_place.h>

#include "common/machine_rows.h"
#include "common/foreign_words.h"
#include "exec/pool_command.h"

#define DEFAULT_SIZE 4

/* Much longer than a clone needs until it waits for a command. */
#define READY_MS 120000

enum { SIZE, ROOT, RW, DIR, HIDE, SHOW, CHDIR, SANDBOX, JAIL, HELP, TEMPLATE };

const struct vsu_option vmm_pool_command_options[] = {
	[SIZE] = { .name = "size", .kind = VSU_OPTION_U64, .arg = "N", .min = 1, .max = VMM_POOL_MAX_SIZE,
		   .preset = "4", .help = "number of machines that wait for a command" },
	[ROOT] = VMM_ROW_ROOT,
	[RW] = { .name = "rw", .kind = VSU_OPTION_FLAG, .help = "write to the root itself" },
	[DIR] = VMM_ROW_DIR, [HIDE] = VMM_ROW_HIDE, [SHOW] = VMM_ROW_SHOW, [CHDIR] = VMM_ROW_CHDIR,
	[SANDBOX] = VMM_ROW_SANDBOX, [JAIL] = VMM_ROW_JAIL,
	[HELP] = VSU_OPTION_ROW_HELP,
	[TEMPLATE] = { .name = "TEMPLATE", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

#define PLACE(member) VSU_PLACE(struct vmm_pool_command_line, member)
static const struct vsu_place places[] = {
	[SIZE] = PLACE(size), [ROOT] = PLACE(machine.root), [RW] = PLACE(machine.writable_root),
	[CHDIR] = PLACE(machine.folder), [SANDBOX] = PLACE(machine.sandbox), [JAIL] = PLACE(machine.jail),
	[HELP] = PLACE(help), [TEMPLATE] = PLACE(machine.from),
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	static const enum vmm_exec_list lists[] = {
		[DIR] = VMM_EXEC_LIST_DIR, [HIDE] = VMM_EXEC_LIST_HIDE, [SHOW] = VMM_EXEC_LIST_SHOW,
	};
	struct vmm_pool_command_line *c = opaque;

	return vsu_place_store(&places[index], c, value) ? 0 :
	       vmm_exec_options_add(&c->machine, lists[index], vmm_pool_command_options[index].name,
				    value->text, err);
}

int vmm_pool_command_parse(struct vmm_pool_command_line *c, int argc, char *const *argv,
			   struct vsu_error *err)
{
	int rc;

	*c = (struct vmm_pool_command_line){ .size = DEFAULT_SIZE, .machine = { .timeout_ms = READY_MS } };
	rc = vsu_option_parse_argv(vmm_pool_command_options, argc, argv, take_option, c, NULL, err);
	if (rc < 0)
		vmm_foreign_explain(vmm_foreign_exec, vmm_pool_command_options, argc, argv, false, err);
	if (rc < 0 || c->help)
		return rc;
	return c->machine.from ? 0 : vsu_error_set(err, -ENOENT, "pool: no template; example: 'cvmm pool base'");
}
