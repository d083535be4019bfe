/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Builds the BPF program of a filter of system calls. */
#include <config.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "confine/call_program.h"

#define NUMBER offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)

/* From start to the next segment, all calls have the same items. */
struct segment {
	uint32_t start;
	size_t first, n;	/* items; n is 0: refused */
};

struct builder {
	const struct call_program *program;
	const struct call_item *items;
	struct segment *segments;
	size_t nsegments;
	struct sock_filter *code;
	size_t len;		/* beyond BPF_MAXINSNS: the program is too long */
};

static size_t put_code(struct builder *b, int code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (b->len < BPF_MAXINSNS)
		b->code[b->len] = (struct sock_filter){ (uint16_t)code, jt, jf, k };
	return b->len++;
}

static void put_return(struct builder *b, uint32_t action)
{
	put_code(b, BPF_RET | BPF_K, 0, 0, action);
}

/*
 * Completes a conditional jump over the block behind it: the jump is taken if its condition
 * holds (or does not hold). A jump reaches 255 instructions; a longer block requires a
 * second jump before it.
 */
static void pass_over(struct builder *b, size_t jump, bool holds)
{
	const size_t block = jump + 1, n = b->len - block;

	if (b->len >= BPF_MAXINSNS)
		return;
	if (n <= UINT8_MAX) {
		*(holds ? &b->code[jump].jt : &b->code[jump].jf) = (uint8_t)n;
		return;
	}
	memmove(b->code + block + 1, b->code + block, n * sizeof(*b->code));
	b->code[block] = (struct sock_filter){ BPF_JMP | BPF_JA, 0, 0, (uint32_t)n };
	*(holds ? &b->code[jump].jf : &b->code[jump].jt) = 1;
	b->len++;
}

/* The position of the lower or upper half of an argument. */
static uint32_t half_of(unsigned int arg, bool upper)
{
	const bool second = upper == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * arg + 4 * second);
}

/* left: number of instructions of this item behind those of this half. */
static void put_half(struct builder *b, const struct call_condition *c, bool upper, uint8_t left)
{
	const uint32_t mask = (uint32_t)(c->mask >> 32 * upper);

	put_code(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, half_of(c->arg, upper));
	if (mask != UINT32_MAX)
		put_code(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	put_code(b, BPF_JMP | BPF_JEQ | BPF_K, 0, left, (uint32_t)(c->value >> 32 * upper));
}

static uint8_t half_len(uint64_t mask, bool upper)
{
	const uint32_t half = (uint32_t)(mask >> 32 * upper);

	return !half ? 0 : half == UINT32_MAX ? 2 : 3;
}

static uint8_t rule_len(const struct call_rule *r)
{
	uint8_t len = 0;
	unsigned int i;

	for (i = 0; i < CALL_CONDITIONS; i++)
		len += half_len(r->when[i].mask, false) + half_len(r->when[i].mask, true);
	return len;
}

/* If the conditions do not match, the next alternative of the call follows. */
static void put_item(struct builder *b, const struct call_item *item)
{
	const struct call_rule *r = item->rule;
	uint8_t left = r ? rule_len(r) + 1 : 0, len;
	unsigned int half;

	for (half = 0; r && half < 2 * CALL_CONDITIONS; half++) {
		len = half_len(r->when[half / 2].mask, half % 2);
		left -= len;
		if (len)
			put_half(b, &r->when[half / 2], half % 2, left);
	}
	put_return(b, item->action);
}

static void put_segment(struct builder *b, const struct segment *s)
{
	const struct call_item *item = b->items + s->first;
	size_t i;

	for (i = 0; i < s->n; i++) {
		put_item(b, &item[i]);
		if (!item[i].rule)
			return;
	}
	put_return(b, b->program->refused);
}

static void put_tree(struct builder *b, size_t from, size_t to)
{
	const size_t middle = from + (to - from) / 2;
	size_t jump;

	if (to - from == 1) {
		put_segment(b, &b->segments[from]);
		return;
	}
	jump = put_code(b, BPF_JMP | BPF_JGE | BPF_K, 0, 0, b->segments[middle].start);
	put_tree(b, from, middle);
	pass_over(b, jump, true);
	put_tree(b, middle, to);
}

static void put_first(struct builder *b)
{
	size_t i, jump;

	for (i = 0; i < b->nsegments; i++)
		if (b->segments[i].n && b->segments[i].start == b->program->first)
			break;
	if (i == b->nsegments)
		return;
	jump = put_code(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, b->program->first);
	put_segment(b, &b->segments[i]);
	pass_over(b, jump, false);
}

static void put_program(struct builder *b)
{
	put_code(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, ARCH);
	put_code(b, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, b->program->arch);
	put_return(b, b->program->foreign);
	put_code(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, NUMBER);
	put_first(b);
	put_tree(b, 0, b->nsegments);
}

/* Sorts by number; items without a rule precede the others, whose order remains. */
static int compare_items(const void *left, const void *right)
{
	const struct call_item *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (!a->rule != !b->rule)
		return a->rule ? 1 : -1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void add_segment(struct builder *b, uint32_t start, size_t first, size_t n)
{
	b->segments[b->nsegments++] = (struct segment){ start, first, n };
}

/* Whether the last segment has the same unconditional action. */
static bool continues_last(const struct builder *b, const struct call_item *item)
{
	const struct segment *last;
	const struct call_item *other;

	if (!b->nsegments || item->rule)
		return false;
	last = b->segments + b->nsegments - 1;
	other = b->items + last->first;
	return last->n && !other->rule && other->action == item->action;
}

static void make_segments(struct builder *b, size_t n)
{
	uint32_t next = 0, number;
	size_t i, end;

	for (i = 0; i < n; i = end) {
		number = b->items[i].number;
		for (end = i + 1; end < n && b->items[end].number == number; )
			end++;
		if (number > next)
			add_segment(b, next, 0, 0);
		if (number > next || !continues_last(b, &b->items[i]))
			add_segment(b, number, i, end - i);
		next = number + 1;
	}
	add_segment(b, next, 0, 0);
}

int call_program_build(const struct call_program *program, struct call_item *items,
		       size_t n, struct sock_fprog *out)
{
	struct builder b = { .program = program, .items = items };

	qsort(items, n, sizeof(*items), compare_items);
	b.segments = calloc(2 * n + 1, sizeof(*b.segments));
	b.code = calloc(BPF_MAXINSNS, sizeof(*b.code));
	if (b.segments && b.code) {
		make_segments(&b, n);
		put_program(&b);
	}
	free(b.segments);
	if (!b.len || b.len > BPF_MAXINSNS) {
		free(b.code);
		return b.len ? -E2BIG : -ENOMEM;
	}
	out->len = (unsigned short)b.len;
	out->filter = b.code;
	return 0;
}
