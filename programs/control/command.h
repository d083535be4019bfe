/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The argument of the functions of commands.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_COMMAND_H
#define VMM_CONTROL_COMMAND_H

struct cvmm_machine;
struct vmm_control;

/* A machine and its socket. All zero: no socket. */
struct vmm_commands {
	struct cvmm_machine *machine;	/* NULL: it is not made yet, or was freed */
	struct vmm_control *control;
	/*
	 * Sets the level from which on lines are logged, unless name is NULL. Returns its name,
	 * or NULL if no level has this name. The member is NULL if there are no levels.
	 */
	const char *(*log_level)(const char *name);
};

#endif
