/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A 16550A serial port for monitors of their own making: a model of its registers, without
 * files, threads or clock. A machine of <cvmm/machine.h> has one already.
 *
 * A byte that the guest writes is sent at once. Received bytes below the trigger level time
 * out at once, because no more follow at that moment. The interrupt line rises once for all
 * pending causes, and falls when the driver has handled them.
 *
 * Threads: one at a time; the owner locks, if several CPUs run.
 */
#ifndef VARCH_SERIAL_H
#define VARCH_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_serial;

#define VARCH_SERIAL_COM1 0x3f8u	/* I/O port of a PC's first serial port; interrupt 4 */
#define VARCH_SERIAL_LEN 8u	/* number of registers, of a byte each */

/* The functions are called during varch_serial_read(), _write() and _input(). */
struct varch_serial_config {
	size_t size;		/* sizeof(struct varch_serial_config); not 0 */
	void *opaque;		/* for the functions */
	void (*output)(void *opaque, unsigned char byte); /* the guest has sent it */
	void (*interrupt)(void *opaque); /* the line rises; NULL: the driver polls */
};

/* config is copied. -EINVAL: no size, or no output; -ENOMEM. */
VARCH_API int varch_serial_new(const struct varch_serial_config *config, struct varch_serial **out,
			     struct vsu_error *err) VSU_NODISCARD;
VARCH_API void varch_serial_free(struct varch_serial *s);

/*
 * An access of one byte by the guest; offset is that of the register. Registers beyond
 * VARCH_SERIAL_LEN read as 255 and ignore writes.
 */
VARCH_API uint8_t varch_serial_read(struct varch_serial *s, uint32_t offset);
VARCH_API void varch_serial_write(struct varch_serial *s, uint32_t offset, uint8_t value);

/*
 * Bytes for the guest. Returns how many of them fit: more do after varch_serial_read(), or
 * after a varch_serial_write() that enables or empties the FIFO.
 */
VARCH_API size_t varch_serial_input(struct varch_serial *s, const unsigned char *bytes,
				  size_t n) VSU_NODISCARD;

VSU_END_DECLS

#endif
