/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A writer of AML, the byte code of ACPI's namespace (ACPI 6.4, chapter 20).
 *
 * Calls append to the caller's buffer. A container is opened by its own call
 * and closed by vmm_aml_end(), which inserts its length. After the first error
 * all later calls do nothing; vmm_aml_finish() returns that error.
 *
 * A name is a path such as "\\_SB_.PWRB": an optional root, then segments of
 * one to four letters A to Z, digits (not first) and underscores; shorter
 * segments are padded with underscores.
 */
#ifndef VMM_ACPI_AML_H
#define VMM_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_AML_DEPTH 8

struct vmm_aml {
	unsigned char *bytes;
	size_t size, len;
	int error;		/* the first error; 0: none */
	unsigned int depth;
	struct {
		size_t at;	/* where the length is inserted */
		bool resources;
	} open[VMM_AML_DEPTH];
};

void vmm_aml_init(struct vmm_aml *aml, void *bytes, size_t size);

/*
 * Sets *len to the number of bytes. -ENOSPC: the buffer is too small, -EINVAL:
 * an invalid name, -ELOOP: nested too deeply, -EPROTO: opened and closed
 * containers differ in number.
 */
int vmm_aml_finish(const struct vmm_aml *aml, size_t *len);

/* Containers, each closed by vmm_aml_end(). */
void vmm_aml_scope(struct vmm_aml *aml, const char *name);
void vmm_aml_device(struct vmm_aml *aml, const char *name);
void vmm_aml_method(struct vmm_aml *aml, const char *name, unsigned int args);
void vmm_aml_package(struct vmm_aml *aml, uint8_t n);	/* n elements follow */
void vmm_aml_resources(struct vmm_aml *aml);		/* descriptors follow */
void vmm_aml_if_arg_is(struct vmm_aml *aml, unsigned int arg, uint64_t value);
void vmm_aml_if_arg0_is_bytes(struct vmm_aml *aml, const void *bytes, uint8_t n);
void vmm_aml_if_local0_has(struct vmm_aml *aml, uint32_t bits);
/* In a region: 32-bit fields follow, consecutively. */
void vmm_aml_fields(struct vmm_aml *aml, const char *region);
void vmm_aml_end(struct vmm_aml *aml);

/* A named object; its value follows by one of the calls below. */
void vmm_aml_name(struct vmm_aml *aml, const char *name);

void vmm_aml_integer(struct vmm_aml *aml, uint64_t value);
void vmm_aml_string(struct vmm_aml *aml, const char *text);	/* ASCII */
void vmm_aml_bytes(struct vmm_aml *aml, const void *bytes, uint8_t n);
/* Three capital letters and four hexadecimal digits, as in "PNP0501". */
void vmm_aml_eisa_id(struct vmm_aml *aml, const char *id);

/* The space of the addresses of a region. */
enum vmm_aml_space {
	VMM_AML_MEMORY,
	VMM_AML_PORTS,
};

/* A region, and a field within vmm_aml_fields(). */
void vmm_aml_region(struct vmm_aml *aml, const char *name, enum vmm_aml_space space, uint64_t first,
		    uint8_t len);
void vmm_aml_field32(struct vmm_aml *aml, const char *name);

/* In a method: notifies the object's driver of an event. */
void vmm_aml_notify(struct vmm_aml *aml, const char *name, uint64_t event);
/* In a method: reads a field, writes one, calls a method without arguments. */
void vmm_aml_load_local0(struct vmm_aml *aml, const char *name);
void vmm_aml_store(struct vmm_aml *aml, uint64_t value, const char *name);
void vmm_aml_call(struct vmm_aml *aml, const char *name);
/* In a method: ends it with this result. */
void vmm_aml_return(struct vmm_aml *aml, uint64_t value);
void vmm_aml_return_bytes(struct vmm_aml *aml, const void *bytes, uint8_t n);

/*
 * Descriptors (ACPI 6.4, section 6.4). Interrupts are edge-triggered, active
 * high.
 */
void vmm_aml_memory32(struct vmm_aml *aml, uint32_t base, uint32_t len);
void vmm_aml_memory64(struct vmm_aml *aml, uint64_t base, uint64_t len);
/* Ranges that a bridge forwards: bus numbers, and memory. */
void vmm_aml_buses(struct vmm_aml *aml, uint16_t first, uint16_t last);
void vmm_aml_bridge_memory(struct vmm_aml *aml, uint64_t base, uint64_t len);
void vmm_aml_io(struct vmm_aml *aml, uint16_t port, uint8_t len);
void vmm_aml_interrupt(struct vmm_aml *aml, uint32_t irq);

#endif
