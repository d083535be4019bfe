/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A report for people or for programs: facts, each with its name, unit and value, which one call writes as JSON
 * or as text.
 *
 * Threads: no state.
 */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/json.h>

/* The units of memory differ in text only, as MiB that are rounded down, or up (room). */
enum vmm_unit { VMM_IS_NUMBER, VMM_IS_SIGNED, VMM_IS_HEX, VMM_IS_BYTES, VMM_IS_ROOM, VMM_IS_BOOL, VMM_IS_TEXT };

#define VMM_NUMBER(value) .unit = VMM_IS_NUMBER, .number = value
#define VMM_SIGNED(value) .unit = VMM_IS_SIGNED, .number = (uint64_t)(int64_t)(value)
#define VMM_HEX(value) .unit = VMM_IS_HEX, .number = value
#define VMM_BYTES(value) .unit = VMM_IS_BYTES, .number = value
#define VMM_ROOM(value) .unit = VMM_IS_ROOM, .number = value
#define VMM_BOOL(value) .unit = VMM_IS_BOOL, .number = value
#define VMM_TEXT(value) .unit = VMM_IS_TEXT, .text = value

struct vmm_fact {
	const char *name;	/* NULL: the end of the facts */
	enum vmm_unit unit;
	uint64_t number;
	const char *text;	/* NULL: the fact is absent */
	bool is_absent;
	/* In text, a fact that is joined follows the previous one and a colon. */
	enum vmm_place { VMM_EVERYWHERE, VMM_IN_JSON, VMM_IN_TEXT, VMM_IS_JOINED } place;
	const char *label;	/* the name in text; NULL: name; "": the value stands alone */
	const char *as;		/* the value in text; NULL: that of number or text */
	int width;		/* of its column, as of printf() */
};

/* Members of an object that is open, and an object. key NULL: in a list. */
void vmm_report_members(const struct vmm_fact *facts, struct vsu_json *to);
void vmm_report_object(const char *key, const struct vmm_fact *facts, struct vsu_json *to);

struct vmm_report {
	FILE *to;
	bool is_json;
	int width;		/* of names in text */
	struct vsu_json json;
	unsigned int open;	/* bit 0: an element of the inner list; the next ones: of the outer lists */
};

void vmm_report_begin(struct vmm_report *r, bool is_json, int width, FILE *to);
void vmm_report_end(struct vmm_report *r);

/* Members of the report; in text, each is a line "name value". */
void vmm_report_facts(struct vmm_report *r, const struct vmm_fact *facts);

/* A member of the report or of an element, which has elements until it ends. There is no text of it. */
void vmm_report_list(struct vmm_report *r, const char *name);
void vmm_report_end_list(struct vmm_report *r);

/* An object, until the next one; in text, a line "title name=value ..." */
void vmm_report_element(struct vmm_report *r, const char *title, const struct vmm_fact *facts);

/* An object, as above; in text, a line of a table with "-" for absent facts, or the line above with their names (no JSON). */
void vmm_report_row(struct vmm_report *r, const struct vmm_fact *facts, bool is_header);

/* A report of one line, "name=value ...", or one object. */
void vmm_report_line(const struct vmm_fact *facts, bool is_json, FILE *to);

#endif
