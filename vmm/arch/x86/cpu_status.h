/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of a vCPU in the form of a core file.
 *
 * Threads: the main thread, while no CPU runs.
 */
#ifndef VMM_X86_CPU_STATUS_H
#define VMM_X86_CPU_STATUS_H

#include <sys/procfs.h>

#include <vmm-sys-util/error.h>

/* Its process id is the number of the CPU from 1 on; 0 is none. */
int vmm_x86_cpu_status(int cpu_fd, unsigned int cpu, struct elf_prstatus *out,
		       struct vsu_error *err);

#endif
