/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes facts as JSON or as text. */
#include <config.h>

#include <inttypes.h>

#include "plain.h"
#include "report.h"

#define MAX_NUMBER 32
#define MIB_BITS 20

static bool is_absent(const struct vmm_fact *f)
{
	return f->is_absent || (f->unit == VMM_IS_TEXT && !f->text);
}

void vmm_report_members(const struct vmm_fact *f, struct vsu_json *to)
{
	for (; f->name; f++) {
		if (f->place == VMM_IN_TEXT || is_absent(f))
			continue;
		if (f->unit == VMM_IS_TEXT)
			vsu_json_text(to, f->name, f->text);
		else if (f->unit == VMM_IS_BOOL)
			vsu_json_bool(to, f->name, f->number);
		else if (f->unit == VMM_IS_SIGNED)
			vsu_json_i64(to, f->name, (int64_t)f->number);
		else
			vsu_json_u64(to, f->name, f->number);
	}
}

void vmm_report_object(const char *key, const struct vmm_fact *facts, struct vsu_json *to)
{
	vsu_json_open(to, key, '{');
	vmm_report_members(facts, to);
	vsu_json_close(to, '}');
}

/* ----------------------------------------------------------------------- text */

static const char *label_of(const struct vmm_fact *f)
{
	return f->label ? f->label : f->name;
}

static bool is_in_text(const struct vmm_fact *f)
{
	return f->place != VMM_IN_JSON && !is_absent(f);
}

static const char *value_of(const struct vmm_fact *f, char text[MAX_NUMBER])
{
	const uint64_t up = f->unit == VMM_IS_ROOM ? (1u << MIB_BITS) - 1 : 0;

	if (f->as || f->unit == VMM_IS_TEXT)
		return f->as ? f->as : f->text;
	if (f->unit == VMM_IS_HEX)
		snprintf(text, MAX_NUMBER, "%#" PRIx64, f->number);
	else if (f->unit == VMM_IS_BYTES || f->unit == VMM_IS_ROOM)
		snprintf(text, MAX_NUMBER, "%" PRIu64 "M", (f->number + up) >> MIB_BITS);
	else if (f->unit == VMM_IS_SIGNED)
		snprintf(text, MAX_NUMBER, "%" PRId64, (int64_t)f->number);
	else
		snprintf(text, MAX_NUMBER, "%" PRIu64, f->number);
	return text;
}

static void print_items(const struct vmm_fact *f, FILE *to)
{
	const char *gap = "";
	char text[MAX_NUMBER];

	for (; f->name; f++) {
		if (!is_in_text(f))
			continue;
		fprintf(to, "%s%s%s", f->place == VMM_IS_JOINED ? ":" : gap, label_of(f), *label_of(f) ? "=" : "");
		vmm_print_plain(value_of(f, text), to);
		gap = " ";
	}
	fputc('\n', to);
}

static void print_lines(const struct vmm_fact *f, int width, FILE *to)
{
	char text[MAX_NUMBER];

	for (; f->name; f++) {
		if (!is_in_text(f))
			continue;
		fprintf(to, "%-*s ", width, label_of(f));
		vmm_print_plain(value_of(f, text), to);
		fputc('\n', to);
	}
}

/* Only the last columns, without a width, can have control characters. */
static void print_cells(const struct vmm_fact *f, bool is_header, FILE *to)
{
	char text[MAX_NUMBER];
	const char *cell;

	for (; f->name; f++) {
		if (f->place == VMM_IS_JOINED ? is_header || is_absent(f) : f->place != VMM_EVERYWHERE)
			continue;
		cell = is_header ? label_of(f) : is_absent(f) ? "-" : value_of(f, text);
		if (f->place == VMM_IS_JOINED)
			fputs(": ", to);
		if (f->width)
			fprintf(to, "%*s ", f->width, cell);
		else
			vmm_print_plain(cell, to);
	}
	fputc('\n', to);
}

/* -------------------------------------------------------------------- reports */

void vmm_report_begin(struct vmm_report *r, bool is_json, int width, FILE *to)
{
	*r = (struct vmm_report){ .to = to, .is_json = is_json, .width = width, .json.to = to };
	if (is_json)
		vsu_json_open(&r->json, NULL, '{');
}

void vmm_report_end(struct vmm_report *r)
{
	if (!r->is_json)
		return;
	vsu_json_close(&r->json, '}');
	fputc('\n', r->to);
}

void vmm_report_facts(struct vmm_report *r, const struct vmm_fact *facts)
{
	if (r->is_json)
		vmm_report_members(facts, &r->json);
	else
		print_lines(facts, r->width, r->to);
}

void vmm_report_list(struct vmm_report *r, const char *name)
{
	r->open <<= 1;
	if (r->is_json)
		vsu_json_open(&r->json, name, '[');
}

void vmm_report_end_list(struct vmm_report *r)
{
	if (r->open & 1)
		vsu_json_close(&r->json, '}');
	if (r->is_json)
		vsu_json_close(&r->json, ']');
	r->open >>= 1;
}

static void write_object(struct vmm_report *r, const struct vmm_fact *facts)
{
	if (r->open & 1)
		vsu_json_close(&r->json, '}');
	r->open |= 1;
	vsu_json_open(&r->json, NULL, '{');
	vmm_report_members(facts, &r->json);
}

void vmm_report_element(struct vmm_report *r, const char *title, const struct vmm_fact *facts)
{
	if (r->is_json) {
		write_object(r, facts);
		return;
	}
	fprintf(r->to, "%-*s ", r->width, title);
	print_items(facts, r->to);
}

void vmm_report_row(struct vmm_report *r, const struct vmm_fact *facts, bool is_header)
{
	if (!r->is_json)
		print_cells(facts, is_header, r->to);
	else if (!is_header)
		write_object(r, facts);
}

void vmm_report_line(const struct vmm_fact *facts, bool is_json, FILE *to)
{
	struct vmm_report r;

	vmm_report_begin(&r, is_json, 0, to);
	if (is_json)
		vmm_report_members(facts, &r.json);
	else
		print_items(facts, to);
	vmm_report_end(&r);
}
