/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a serial port: its registers and received bytes.
 *
 * Threads: as <vm-arch/serial.h>.
 */
#ifndef VARCH_SERIAL_PRIVATE_H
#define VARCH_SERIAL_PRIVATE_H

#include <vm-arch/serial.h>
#include <vmm-sys-util/state.h>

/* Section "serial". */
void varch_serial_save(const struct varch_serial *s, struct vsu_state_writer *w);
/* -EBADMSG: a state that no port can have. */
int varch_serial_load(struct varch_serial *s, const struct vsu_state *state, struct vsu_error *err);

#endif
