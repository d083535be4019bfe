/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Privileges that a program drops before it serves guests or peers. */
#ifndef PROGRAMS_PRIVILEGES_H
#define PROGRAMS_PRIVILEGES_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A sanitizer's runtime uses further system calls and files. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/*
 * Forbids other processes of the same user to trace this process or to read its memory, and
 * disables its core dump; children inherit this. An executed program can be traced again.
 * No effect under a sanitizer, whose search for leaks traces the process.
 */
void confine_forbid_tracing(void);
/* Undoes confine_forbid_tracing(), for debuggers. */
void confine_permit_tracing(void);

/* Sets no_new_privs for this thread, later threads and executed programs. */
int confine_new_privileges(struct vsu_error *err);

/*
 * Drops all capabilities except keep, a mask of CAP_ numbers, as far as this
 * process has them; executed programs gain none either. Affects the calling
 * thread only, so call it before starting others. Sets no_new_privs.
 */
int confine_capabilities(uint64_t keep, struct vsu_error *err);

#endif
