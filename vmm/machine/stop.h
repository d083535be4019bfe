/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Stops CPUs and devices so that their state can be collected. A stop waits at most 10
 * seconds for requests of a device in this process, or for an access of a CPU to a
 * device; another process that serves a device has 20 seconds in all, also for its state,
 * within the time limits of its protocol.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_STOP_H
#define VMM_MACHINE_STOP_H

#include "machine/machine.h"

/*
 * Pauses the CPUs, and calls step at the end of each turn of the loop until it returns
 * another value than 1. One stop at a time; the machine's activity (life.h) is its reason.
 */
void vmm_stop_begin(struct vmm_machine *m, int (*step)(void *opaque), void *opaque);

/*
 * For step: pauses the next device. 1: not stopped yet; 0: CPUs
 * and devices are stopped. Unless collects, a CPU may be between two accesses of a string
 * instruction, and devices get no part of their state ready. -EAGAIN: such an instruction
 * has too many accesses; -ETIMEDOUT; or the error of a device that cannot pause.
 */
int vmm_stop_step(struct vmm_machine *m, bool collects, struct vsu_error *err);

/*
 * The part for devices, when the CPUs are paused. -EAGAIN: call it again after a turn of
 * the loop. -ETIMEDOUT and other errors as above.
 */
int vmm_stop_devices(struct vmm_machine *m, bool collects, struct vsu_error *err);

/*
 * A wait for something else in the course of the stop. -EAGAIN: a turn of the loop
 * follows; -ETIMEDOUT: the time of the stop is over.
 */
int vmm_stop_wait(struct vmm_machine *m);

/* The time for requests of a device in this process. */
uint64_t vmm_stop_limit_ns(const struct vmm_machine *m);
/* Then all waits for devices and disks end, of the stop that has begun. */
uint64_t vmm_stop_deadline_ns(const struct vmm_machine *m);

/* Resumes the devices that were paused or began to pause, and the CPUs. No effect without a stop. */
void vmm_stop_end(struct vmm_machine *m);

/* Step is not called again: the machine ends. */
void vmm_stop_abandon(struct vmm_machine *m);

bool vmm_stop_has_begun(const struct vmm_machine *m);

/*
 * In place of vmm_stop_end(), while the user pauses the CPUs: the devices stay paused, so
 * that none carries out a request of the guest, such as a write to a disk, also in another
 * stop. Only for a stop that collected. Release resumes them: with the CPUs, and before a
 * migration or a change of the devices.
 */
void vmm_stop_hold(struct vmm_machine *m);
void vmm_stop_release(struct vmm_machine *m);

/* The CPUs stop until the command "resume", or until a debugger continues them. */
void vmm_stop_for_user(struct vmm_machine *m);
void vmm_stop_end_for_user(struct vmm_machine *m);

#endif
