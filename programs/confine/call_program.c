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

/* A tracer sets this number to skip a call. */
#define CALL_SKIPPED UINT32_MAX

/*
 * A program is built from its end to its start, because jumps lead forward only: the place of
 * an instruction is the number of instructions from it to the end.
 */

/* An instruction, or the return of an action (place is 0). */
struct target {
	size_t place;
	uint32_t action;
};

/* From start to the next segment, all calls have the same items. */
struct segment {
	uint32_t start;
	size_t first, n;	/* items; n is 0: the action of target */
	struct target target;
};

#define RETURNS 4u

struct builder {
	const struct call_program *program;
	const struct call_item *items;
	struct segment *segments;
	size_t nsegments;
	struct sock_filter *code;	/* filled from its end */
	size_t len;		/* beyond BPF_MAXINSNS: the program is too long */
	struct target returns[RETURNS];	/* the first return of an action; place 0: none */
};

static size_t put_code(struct builder *b, int code, size_t jt, size_t jf, uint32_t k)
{
	if (b->len++ < BPF_MAXINSNS)
		b->code[BPF_MAXINSNS - b->len] =
			(struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	return b->len;
}

/* Whether a conditional jump reaches a place, also if two instructions are put between them. */
static bool is_near(const struct builder *b, size_t place)
{
	return b->len + 2 - place <= UINT8_MAX;
}

static size_t put_return(struct builder *b, uint32_t action)
{
	const struct target put = { put_code(b, BPF_RET | BPF_K, 0, 0, action), action };
	unsigned int i;

	for (i = 0; i < RETURNS; i++)
		if (!b->returns[i].place || b->returns[i].action == action) {
			b->returns[i] = put;
			break;
		}
	return put.place;
}

/* A place that the next conditional jump reaches. */
static size_t near_place(struct builder *b, struct target to)
{
	unsigned int i;

	for (i = 0; !to.place && i < RETURNS; i++)
		if (b->returns[i].place && b->returns[i].action == to.action &&
		    is_near(b, b->returns[i].place))
			return b->returns[i].place;
	if (!to.place)
		return put_return(b, to.action);
	return is_near(b, to.place) ? to.place :
	       put_code(b, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(b->len - to.place));
}

static struct target put_jump(struct builder *b, int condition, uint32_t k, struct target holds,
			      struct target fails)
{
	const size_t jt = near_place(b, holds), jf = near_place(b, fails);

	return (struct target){
		put_code(b, BPF_JMP | condition | BPF_K, b->len - jt, b->len - jf, k), 0
	};
}

static struct target put_load(struct builder *b, uint32_t offset)
{
	return (struct target){ put_code(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset), 0 };
}

/* ---------------------------------------------------------------- conditions */

/* A half of an argument, of which mask is compared. */
struct half {
	uint32_t offset, mask, value;
};

#define HALVES (2 * CALL_CONDITIONS)

/* The position of the lower or upper half of an argument. */
static uint32_t half_of(unsigned int arg, bool upper)
{
	const bool second = upper == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * arg + 4 * second);
}

/* The halves that a rule compares, in their order. Returns their number. */
static unsigned int halves_of(const struct call_rule *r, struct half halves[HALVES])
{
	unsigned int i, n = 0;

	for (i = 0; r && i < HALVES; i++) {
		const struct call_condition *c = &r->when[i / 2];
		const unsigned int shift = i % 2 ? 32 : 0;

		if ((uint32_t)(c->mask >> shift))
			halves[n++] = (struct half){
				half_of(c->arg, i % 2), (uint32_t)(c->mask >> shift),
				(uint32_t)(c->value >> shift)
			};
	}
	return n;
}

static struct target put_half_load(struct builder *b, const struct half *h)
{
	if (h->mask != UINT32_MAX)
		put_code(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, h->mask);
	return put_load(b, h->offset);
}

/* Whether a comparison that fails has loaded what the next alternative compares first. */
static bool has_loaded(const struct call_item *item, const struct half *next)
{
	struct half halves[HALVES];

	return halves_of(item->rule, halves) == 1 && halves[0].offset == next->offset &&
	       halves[0].mask == next->mask;
}

/*
 * If the conditions do not match, the next alternative of the call follows. before: the
 * alternative that this one follows, or NULL.
 */
static struct target put_item(struct builder *b, const struct call_item *item,
			      const struct call_item *before, struct target next)
{
	struct target at = { 0, item->action };
	struct half halves[HALVES];
	unsigned int i = halves_of(item->rule, halves);

	while (i--) {
		at = put_jump(b, BPF_JEQ, halves[i].value, at, next);
		if (i || !before || !has_loaded(before, &halves[i]))
			at = put_half_load(b, &halves[i]);
	}
	return at;
}

/* ---------------------------------------------------------------------- calls */

static struct target put_segment(struct builder *b, const struct segment *s)
{
	const struct call_item *item = b->items + s->first;
	struct target at = { 0, b->program->refused };
	size_t i;

	if (!s->n)
		return s->target;
	if (!item->rule)
		return (struct target){ 0, item->action };
	for (i = s->n; i--; )
		at = put_item(b, &item[i], i ? &item[i - 1] : NULL, at);
	return at;
}

static struct target put_tree(struct builder *b, size_t from, size_t to)
{
	const size_t middle = from + (to - from) / 2;
	struct target upper, lower;

	if (to - from == 1)
		return b->segments[from].target = put_segment(b, &b->segments[from]);
	upper = put_tree(b, middle, to);
	lower = put_tree(b, from, middle);
	return put_jump(b, BPF_JGE, b->segments[middle].start, upper, lower);
}

static void put_first(struct builder *b, struct target tree)
{
	size_t i;

	for (i = 0; i < b->nsegments; i++)
		if (b->segments[i].n && b->segments[i].start == b->program->first) {
			put_jump(b, BPF_JEQ, b->program->first, b->segments[i].target, tree);
			return;
		}
}

static void put_program(struct builder *b)
{
	const struct target foreign = { 0, b->program->foreign };
	const struct target tree = put_tree(b, 0, b->nsegments);

	if (!tree.place)
		put_return(b, tree.action);
	else
		put_first(b, tree);
	put_jump(b, BPF_JEQ, b->program->arch, put_load(b, NUMBER), foreign);
	put_load(b, ARCH);
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
	b->segments[b->nsegments++] =
		(struct segment){ start, first, n, { 0, b->program->refused } };
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
	if (b->program->foreign_from <= next)
		return;
	add_segment(b, b->program->foreign_from, 0, 0);
	b->segments[b->nsegments - 1].target.action = b->program->foreign;
	add_segment(b, CALL_SKIPPED, 0, 0);
}

/* Moves the program to the start of its memory, which shrinks. */
static void move_to_start(struct builder *b, struct sock_fprog *out)
{
	const size_t size = b->len * sizeof(*b->code);
	struct sock_filter *exact;

	memmove(b->code, b->code + BPF_MAXINSNS - b->len, size);
	exact = realloc(b->code, size);
	out->len = (unsigned short)b->len;
	out->filter = exact ? exact : b->code;
}

int call_program_build(const struct call_program *program, struct call_item *items,
		       size_t n, struct sock_fprog *out)
{
	struct builder b = { .program = program, .items = items };

	qsort(items, n, sizeof(*items), compare_items);
	b.segments = malloc((2 * n + 3) * sizeof(*b.segments));
	b.code = malloc(BPF_MAXINSNS * sizeof(*b.code));
	if (b.segments && b.code) {
		make_segments(&b, n);
		put_program(&b);
	}
	free(b.segments);
	if (!b.len || b.len > BPF_MAXINSNS) {
		free(b.code);
		return b.len ? -E2BIG : -ENOMEM;
	}
	move_to_start(&b, out);
	return 0;
}
