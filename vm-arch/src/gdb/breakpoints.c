/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory as the client sees it, and breakpoints, some of which are in memory. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "gdb/stub_private.h"

#define PAGE 4096u
/* Bytes of memory in a packet of hexadecimal digits. */
#define MAX_MEMORY (VARCH_GDB_PACKET / 2 - 16)

bool varch_gdb_range(const char **at, uint64_t *address, uint64_t *len)
{
	return varch_gdb_number(at, address) && *(*at)++ == ',' && varch_gdb_number(at, len);
}

/* ------------------------------------------------------------------------- memory */

/* Calls an operation for the part of each page; returns the number of bytes before a failure. */
static size_t read_memory(struct varch_gdb_stub *s, uint64_t address, unsigned char *to, size_t n)
{
	size_t done, part;
	uint64_t gpa;

	for (done = 0; done < n; done += part) {
		part = PAGE - (size_t)((address + done) % PAGE);
		part = part < n - done ? part : n - done;
		if (s->ops.find_memory(s->opaque, s->cpu, address + done, &gpa) < 0 ||
		    s->ops.read_memory(s->opaque, gpa, to + done, part) < 0)
			break;
	}
	return done;
}

static int write_memory(struct varch_gdb_stub *s, uint64_t address, const unsigned char *from, size_t n,
			size_t *done)
{
	uint64_t gpa;
	size_t part;
	int rc;

	for (*done = 0; *done < n; *done += part) {
		part = PAGE - (size_t)((address + *done) % PAGE);
		part = part < n - *done ? part : n - *done;
		rc = s->ops.find_memory(s->opaque, s->cpu, address + *done, &gpa);
		if (!rc)
			rc = s->ops.write_memory(s->opaque, gpa, from + *done, part);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The client sees its own breakpoints as the instructions that they replace, but what the guest has overwritten. */
static void hide_breakpoints(const struct varch_gdb_stub *s, uint64_t address, unsigned char *bytes, size_t n)
{
	unsigned int i;
	uint64_t at;

	for (i = 0; i < s->nsoftware; i++) {
		at = s->software[i].address - address;
		if (at < n && bytes[at] == s->target.trap)
			bytes[at] = s->software[i].byte;
	}
}

void varch_gdb_on_read(struct varch_gdb_stub *s, const char *at)
{
	unsigned char bytes[MAX_MEMORY];
	uint64_t address, len;
	size_t n;

	if (!varch_gdb_range(&at, &address, &len) || *at) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	n = read_memory(s, address, bytes, len < MAX_MEMORY ? (size_t)len : MAX_MEMORY);
	if (!n && len) {
		varch_gdb_reply_result(s, -EFAULT);
		return;
	}
	hide_breakpoints(s, address, bytes, n);
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_hex(&s->writer, bytes, n);
	varch_gdb_reply_end(s);
}

/* A breakpoint stays in memory; what is written there is what it replaces. */
static int write_around(struct varch_gdb_stub *s, uint64_t address, unsigned char *bytes, size_t n)
{
	unsigned char replaced[VARCH_GDB_MAX_SOFTWARE];
	unsigned int i;
	size_t done;
	int rc;

	for (i = 0; i < s->nsoftware; i++) {
		if (s->software[i].address - address >= n)
			continue;
		replaced[i] = bytes[s->software[i].address - address];
		bytes[s->software[i].address - address] = s->target.trap;
	}
	rc = write_memory(s, address, bytes, n, &done);
	for (i = 0; i < s->nsoftware; i++)
		if (s->software[i].address - address < done)
			s->software[i].byte = replaced[i];
	return rc;
}

void varch_gdb_on_write(struct varch_gdb_stub *s, const char *at)
{
	unsigned char bytes[MAX_MEMORY];
	uint64_t address, len;

	if (!varch_gdb_range(&at, &address, &len) || *at++ != ':' || len > sizeof(bytes) ||
	    !varch_gdb_bytes(&at, bytes, (size_t)len) || *at)
		varch_gdb_reply_result(s, -EINVAL);
	else
		varch_gdb_reply_result(s, write_around(s, address, bytes, (size_t)len));
}

/* The bytes are binary, not hexadecimal. */
void varch_gdb_on_write_binary(struct varch_gdb_stub *s, const char *at)
{
	unsigned char bytes[VARCH_GDB_PACKET];
	uint64_t address, len;

	if (!varch_gdb_range(&at, &address, &len) || *at++ != ':' ||
	    len != s->reader.len - (size_t)(at - (const char *)s->reader.data)) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	memcpy(bytes, at, (size_t)len);
	varch_gdb_reply_result(s, write_around(s, address, bytes, (size_t)len));
}

/* -------------------------------------------------------------------- breakpoints */

bool varch_gdb_has_software(const struct varch_gdb_stub *s, uint64_t address)
{
	unsigned int i;

	for (i = 0; i < s->nsoftware; i++)
		if (s->software[i].address == address)
			return true;
	return false;
}

static int software_add(struct varch_gdb_stub *s, uint64_t address)
{
		unsigned char byte;
	uint64_t gpa;
	int rc;

	if (varch_gdb_has_software(s, address))
		return 0;
	if (s->nsoftware == VARCH_GDB_MAX_SOFTWARE)
		return -ENOSPC;
	rc = s->ops.find_memory(s->opaque, s->cpu, address, &gpa);
	if (!rc)
		rc = s->ops.read_memory(s->opaque, gpa, &byte, 1);
	if (!rc)
		rc = s->ops.write_memory(s->opaque, gpa, &s->target.trap, 1);
	if (rc < 0)
		return rc;
	s->software[s->nsoftware].address = address;
	s->software[s->nsoftware].gpa = gpa;
	s->software[s->nsoftware++].byte = byte;
	return 0;
}

/* Memory that the guest has overwritten keeps what it has. */
static void restore_byte(const struct varch_gdb_stub *s, uint64_t gpa, unsigned char byte)
{
	unsigned char now;

	if (!s->ops.read_memory(s->opaque, gpa, &now, 1) && now == s->target.trap)
		(void)!s->ops.write_memory(s->opaque, gpa, &byte, 1);
}

/*
 * The CPU may execute another program meanwhile, which lacks the page. And the guest may have
 * copied the page, so that the address has another one now.
 */
static void software_restore(struct varch_gdb_stub *s, unsigned int i)
{
	const unsigned char byte = s->software[i].byte;
	uint64_t gpa;

	restore_byte(s, s->software[i].gpa, byte);
	if (!s->ops.find_memory(s->opaque, s->cpu, s->software[i].address, &gpa) && gpa != s->software[i].gpa)
		restore_byte(s, gpa, byte);
	s->software[i] = s->software[--s->nsoftware];
}

static int software_remove(struct varch_gdb_stub *s, uint64_t address)
{
	unsigned int i;

	for (i = 0; i < s->nsoftware; i++)
		if (s->software[i].address == address) {
			software_restore(s, i);
			break;
		}
	return 0;
}

static unsigned int hardware_find(const struct varch_gdb_stub *s, const struct varch_gdb_breakpoint *b)
{
	unsigned int i = 0;

	while (i < s->nhardware && (s->hardware[i].kind != b->kind || s->hardware[i].address != b->address ||
				    s->hardware[i].len != b->len))
		i++;
	return i;
}

static int hardware_add(struct varch_gdb_stub *s, const struct varch_gdb_breakpoint *b)
{
	int rc;

	if (hardware_find(s, b) < s->nhardware)
		return 0;
	if (s->nhardware == VARCH_GDB_MAX_HARDWARE)
		return -ENOSPC;
	s->hardware[s->nhardware++] = *b;
	rc = s->ops.set_breakpoints(s->opaque, s->hardware, s->nhardware);
	s->nhardware -= rc < 0;
	return rc;
}

static int hardware_remove(struct varch_gdb_stub *s, const struct varch_gdb_breakpoint *b)
{
	const unsigned int i = hardware_find(s, b);

	if (i == s->nhardware)
		return 0;
	s->hardware[i] = s->hardware[--s->nhardware];
	return s->ops.set_breakpoints(s->opaque, s->hardware, s->nhardware);
}

/* "KIND,ADDRESS,LENGTH". The processor watches 1, 2, 4 or 8 aligned bytes. */
static bool read_breakpoint(const char *at, struct varch_gdb_breakpoint *b)
{
	uint64_t len;
	const int kind = varch_gdb_digit(*at);

	if (kind < 0 || kind > VARCH_GDB_ACCESS || *++at != ',')
		return false;
	at++;
	if (!varch_gdb_range(&at, &b->address, &len) || *at)
		return false;
	b->kind = (enum varch_gdb_kind)kind;
	b->len = b->kind <= VARCH_GDB_EXECUTION ? 1 : (unsigned int)(len & 15);
	return b->kind <= VARCH_GDB_EXECUTION ||
	       ((len == 1 || len == 2 || len == 4 || len == 8) && !(b->address % len));
}

void varch_gdb_on_insert(struct varch_gdb_stub *s, const char *at)
{
	struct varch_gdb_breakpoint b;

	if (!read_breakpoint(at, &b))
		varch_gdb_reply_result(s, -EINVAL);
	else if (b.kind == VARCH_GDB_SOFTWARE)
		varch_gdb_reply_result(s, software_add(s, b.address));
	else if (b.kind == VARCH_GDB_READ)
		varch_gdb_reply_text(s, "");	/* no target watches reads alone */
	else
		varch_gdb_reply_result(s, hardware_add(s, &b));
}

void varch_gdb_on_remove(struct varch_gdb_stub *s, const char *at)
{
	struct varch_gdb_breakpoint b;

	if (!read_breakpoint(at, &b))
		varch_gdb_reply_result(s, -EINVAL);
	else
		varch_gdb_reply_result(s, b.kind == VARCH_GDB_SOFTWARE ? software_remove(s, b.address) : hardware_remove(s, &b));
}

void varch_gdb_end(struct varch_gdb_stub *s)
{
	while (s->nsoftware)
		software_restore(s, s->nsoftware - 1);
	s->nhardware = 0;
	(void)!s->ops.set_breakpoints(s->opaque, s->hardware, 0);
}
