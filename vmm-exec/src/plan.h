/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine of one command: the words of its command line, its initrd in memory, and the
 * session that runs beside it.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_PLAN_H
#define VMM_EXEC_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/error.h>

#include "plan_words.h"

/*
 * Whether the kernel, a path or a name of the program, is of cvmm's own boot protocol: any KVM runs
 * it, and it has no initrd. NULL: that of the host, which is not.
 */
bool vmm_plan_is_builtin(const char *kernel);

/*
 * -EOPNOTSUPP: this host's KVM does not run this kernel, or only in emulation, which takes hours;
 * remedy is a further end of the sentence.
 */
int vmm_plan_check_kvm(const char *kernel, const char *remedy, struct vsu_error *err);

void vmm_plan_init(struct vmm_plan *p);

/*
 * After init: the machine is a clone of a template, by its name in the user's folder or a path with
 * a slash. Errors of cvmm_template_open(); -EPROTO: a template of another protocol.
 */
int vmm_plan_use_template(struct vmm_plan *p, const char *name, struct vsu_error *err);

/*
 * After init: opens files with the rights of this process. init is the program of a config
 * without one. -ENOENT and others: kernel, modules; -E2BIG: more folders than the template has;
 * errors of vmm_plan_check_network().
 * After any failure, vmm_plan_free().
 */
int vmm_plan_make(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
		  struct vsu_error *err);

/*
 * The command of a plan that waits, as the session does: command, environment, folder, host name,
 * terminal, streams and timeout. -EINVAL, -E2BIG: of the request, without an effect; errors of
 * vagent_session_request().
 */
int vmm_plan_request(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err);

/* The command of the configuration, whose texts it refers to. */
struct vagent_command vmm_plan_command_of(const struct cvmm_exec_config *c);

/*
 * The machine as a text, which the caller frees: those of plans that make the same machine of the
 * same folders are equal, except for networks. NULL: no memory.
 */
char *vmm_plan_describe(const struct vmm_plan *p, size_t *len);

/*
 * After init: a machine without a command, whose shared folders are empty folders of the template
 * t, which has their number, and that of network cards. Likewise.
 */
int vmm_plan_make_template(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
			   const struct cvmm_template_info *t, struct vsu_error *err);
void vmm_plan_free(struct vmm_plan *p);

/* After the machine was made, which has duplicates: closes the descriptors that its words name. */
void vmm_plan_close_given(struct vmm_plan *p);

/*
 * The end of the command after its machine has ended with a status and perhaps a sentence,
 * which is replaced by the session's if that has ended. hint: how to keep the kernel's messages.
 */
struct vagent_end vmm_plan_end(const struct vmm_plan *p, int status, const char *hint,
			    struct vsu_error *err);
/* Its status. */
int vmm_plan_status(const struct vmm_plan *p, int status, const char *hint, struct vsu_error *err);

#endif
