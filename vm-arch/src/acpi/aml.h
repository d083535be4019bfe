/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A writer of AML, the byte code of ACPI's namespace (ACPI 6.4, chapter 20).
 *
 * Calls append to the caller's buffer. A container is opened by its own call
 * and closed by varch_aml_end(), which inserts its length. After the first error
 * all later calls do nothing; varch_aml_finish() returns that error.
 *
 * A name is a path such as "\\_SB_.PWRB": an optional root, then segments of
 * one to four letters A to Z, digits (not first) and underscores; shorter
 * segments are padded with underscores.
 */
#ifndef VARCH_ACPI_AML_H
#define VARCH_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARCH_AML_DEPTH 8

struct varch_aml {
	unsigned char *bytes;
	size_t size, len;
	int error;		/* the first error; 0: none */
	unsigned int depth;
	struct {
		size_t at;	/* where the length is inserted */
		bool resources;
	} open[VARCH_AML_DEPTH];
};

void varch_aml_init(struct varch_aml *aml, void *bytes, size_t size);

/*
 * Sets *len to the number of bytes. -ENOSPC: the buffer is too small, -EINVAL:
 * an invalid name, -ELOOP: nested too deeply, -EPROTO: opened and closed
 * containers differ in number.
 */
int varch_aml_finish(const struct varch_aml *aml, size_t *len);

/* Containers, each closed by varch_aml_end(). */
void varch_aml_scope(struct varch_aml *aml, const char *name);
void varch_aml_device(struct varch_aml *aml, const char *name);
void varch_aml_method(struct varch_aml *aml, const char *name, unsigned int args);
void varch_aml_package(struct varch_aml *aml, uint8_t n);	/* n elements follow */
void varch_aml_resources(struct varch_aml *aml);		/* descriptors follow */
void varch_aml_if_arg_is(struct varch_aml *aml, unsigned int arg, uint64_t value);
void varch_aml_if_arg0_is_bytes(struct varch_aml *aml, const void *bytes, uint8_t n);
void varch_aml_if_local0_has(struct varch_aml *aml, uint32_t bits);
/* In a region: 32-bit fields follow, consecutively. */
void varch_aml_fields(struct varch_aml *aml, const char *region);
void varch_aml_end(struct varch_aml *aml);

/* A named object; its value follows by one of the calls below. */
void varch_aml_name(struct varch_aml *aml, const char *name);

void varch_aml_integer(struct varch_aml *aml, uint64_t value);
void varch_aml_string(struct varch_aml *aml, const char *text);	/* ASCII */
void varch_aml_bytes(struct varch_aml *aml, const void *bytes, uint8_t n);
/* Three capital letters and four hexadecimal digits, as in "PNP0501". */
void varch_aml_eisa_id(struct varch_aml *aml, const char *id);

/* The space of the addresses of a region. */
enum varch_aml_space {
	VARCH_AML_MEMORY,
	VARCH_AML_PORTS,
};

/* A region, and a field within varch_aml_fields(). */
void varch_aml_region(struct varch_aml *aml, const char *name, enum varch_aml_space space, uint64_t first,
		    uint8_t len);
void varch_aml_field32(struct varch_aml *aml, const char *name);

/* In a method: notifies the object's driver of an event. */
void varch_aml_notify(struct varch_aml *aml, const char *name, uint64_t event);
/* In a method: reads a field, writes one, calls a method without arguments. */
void varch_aml_load_local0(struct varch_aml *aml, const char *name);
void varch_aml_store(struct varch_aml *aml, uint64_t value, const char *name);
void varch_aml_call(struct varch_aml *aml, const char *name);
/* In a method: ends it with this result. */
void varch_aml_return(struct varch_aml *aml, uint64_t value);
void varch_aml_return_bytes(struct varch_aml *aml, const void *bytes, uint8_t n);

/*
 * Descriptors (ACPI 6.4, section 6.4). Interrupts are edge-triggered, active
 * high.
 */
void varch_aml_memory32(struct varch_aml *aml, uint32_t base, uint32_t len);
void varch_aml_memory64(struct varch_aml *aml, uint64_t base, uint64_t len);
/* Ranges that a bridge forwards: bus numbers, and memory. */
void varch_aml_buses(struct varch_aml *aml, uint16_t first, uint16_t last);
void varch_aml_bridge_memory(struct varch_aml *aml, uint64_t base, uint64_t len);
void varch_aml_io(struct varch_aml *aml, uint16_t port, uint8_t len);
void varch_aml_interrupt(struct varch_aml *aml, uint32_t irq);

#endif
