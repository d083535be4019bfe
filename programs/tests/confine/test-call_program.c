/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the programs of filters, which an interpreter executes here. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../../tests/support/suite.h"
#include "confine/call_program.h"

#define FOREIGN 11u
#define REFUSED 22u
#define ALLOWED 33u
#define IOCTL 16u

static const struct call_program program = {
	.arch = AUDIT_ARCH_X86_64, .foreign = FOREIGN, .refused = REFUSED, .first = IOCTL,
};
static struct seccomp_data call;

/* The instructions that a filter may have; jumps lead forward only. */
static uint32_t decide(const struct sock_fprog *p)
{
	const struct sock_filter *i;
	uint32_t a = 0;
	size_t at;

	for (at = 0; at < p->len; at++) {
		i = &p->filter[at];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(i->k + 4, sizeof(call));
			memcpy(&a, (const char *)&call + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JA:
			at += i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			ck_abort_msg("instruction %#x", i->code);
		}
	}
	ck_abort_msg("the program has no end");
	return 0;
}

static uint32_t decision(const struct sock_fprog *p, uint32_t number, unsigned int arg,
			 uint64_t value)
{
	memset(&call, 0, sizeof(call));
	call.nr = (int)number;
	call.arch = AUDIT_ARCH_X86_64;
	call.args[arg] = value;
	return decide(p);
}

START_TEST(calls_without_an_item_are_refused)
{
	struct call_item items[] = { { 3, NULL, ALLOWED }, { 7, NULL, ALLOWED }, { 4, NULL, ALLOWED } };
	struct sock_fprog p;
	uint32_t i;

	ck_assert_int_eq(call_program_build(&program, items, 3, &p), 0);
	for (i = 0; i < 12; i++)
		ck_assert_uint_eq(decision(&p, i, 0, 0),
				  i == 3 || i == 4 || i == 7 ? ALLOWED : REFUSED);
	ck_assert_uint_eq(decision(&p, UINT32_MAX, 0, 0), REFUSED);
	ck_assert_uint_eq(decision(&p, 0x40000003, 0, 0), REFUSED);
	call.nr = 3;
	call.arch = AUDIT_ARCH_I386;
	ck_assert_uint_eq(decide(&p), FOREIGN);
	free(p.filter);
}
END_TEST

START_TEST(both_halves_of_an_argument_are_compared)
{
	static const struct call_rule rules[] = {
		CALL_IF("", 1, 0xff00, 0xae00),
		CALL_IF("", 5, UINT64_MAX, UINT64_C(0x100000002)),
		CALL_IF("", 2, UINT64_C(0xff) << 32, UINT64_C(0x12) << 32),
	};
	struct call_item items[] = {
		{ IOCTL, &rules[0], ALLOWED }, { IOCTL, &rules[1], ALLOWED },
		{ 5, &rules[2], ALLOWED },
	};
	struct sock_fprog p;

	ck_assert_int_eq(call_program_build(&program, items, 3, &p), 0);
	ck_assert_uint_eq(decision(&p, IOCTL, 1, 0xae80), ALLOWED);
	ck_assert_uint_eq(decision(&p, IOCTL, 1, UINT64_C(0x50000ae80)), ALLOWED);
	ck_assert_uint_eq(decision(&p, IOCTL, 1, 0xaf80), REFUSED);
	ck_assert_uint_eq(decision(&p, IOCTL, 5, UINT64_C(0x100000002)), ALLOWED);
	ck_assert_uint_eq(decision(&p, IOCTL, 5, 2), REFUSED);
	ck_assert_uint_eq(decision(&p, IOCTL, 5, UINT64_C(0x100000000)), REFUSED);
	ck_assert_uint_eq(decision(&p, 5, 2, UINT64_C(0x1200000034)), ALLOWED);
	ck_assert_uint_eq(decision(&p, 5, 2, 0x12), REFUSED);
	free(p.filter);
}
END_TEST

static uint32_t decision_of_two(const struct sock_fprog *p, uint64_t first, uint64_t second)
{
	decision(p, 72, 1, first);
	call.args[2] = second;
	return decide(p);
}

START_TEST(all_conditions_of_a_rule_must_hold)
{
	static const struct call_rule rules[] = {
		CALL_IF_BOTH("", 1, UINT32_MAX, 4, 2, 0x2000, 0),
		CALL_IF_BOTH("", 1, UINT64_MAX, 1, 2, UINT64_MAX, UINT64_C(0x100000009)),
		CALL_IF_INT("", 1, 3),
	};
	struct call_item items[] = {
		{ 72, &rules[0], ALLOWED }, { 72, &rules[1], ALLOWED }, { 72, &rules[2], ALLOWED },
	};
	struct sock_fprog p;

	ck_assert_int_eq(call_program_build(&program, items, 3, &p), 0);
	ck_assert_uint_eq(decision_of_two(&p, 4, 0x800), ALLOWED);
	ck_assert_uint_eq(decision_of_two(&p, 4, 0x2800), REFUSED);
	ck_assert_uint_eq(decision_of_two(&p, 8, 0x800), REFUSED);
	ck_assert_uint_eq(decision_of_two(&p, 1, UINT64_C(0x100000009)), ALLOWED);
	ck_assert_uint_eq(decision_of_two(&p, 1, 9), REFUSED);
	ck_assert_uint_eq(decision_of_two(&p, UINT64_C(0x300000001), UINT64_C(0x100000009)), REFUSED);
	ck_assert_uint_eq(decision_of_two(&p, 3, 0x2000), ALLOWED);
	free(p.filter);
}
END_TEST

START_TEST(item_without_a_rule_decides_before_others)
{
	static const struct call_rule rule = CALL_IF("", 0, UINT64_MAX, 1);
	struct call_item items[] = {
		{ 9, &rule, ALLOWED }, { 9, NULL, ALLOWED }, { 10, NULL, 44 },
	};
	struct sock_fprog p;

	ck_assert_int_eq(call_program_build(&program, items, 3, &p), 0);
	ck_assert_uint_eq(decision(&p, 9, 0, 1), ALLOWED);
	ck_assert_uint_eq(decision(&p, 9, 0, 2), ALLOWED);
	ck_assert_uint_eq(decision(&p, 10, 0, 0), 44);
	free(p.filter);
}
END_TEST

#define MANY 250u

/* Blocks of more than 255 instructions: every other call has two rules. */
START_TEST(long_programs_decide_each_call)
{
	static struct call_rule rules[2 * MANY];
	static struct call_item items[2 * MANY];
	struct sock_fprog p;
	uint32_t i;

	for (i = 0; i < 2 * MANY; i++) {
		rules[i] = (struct call_rule)CALL_IF_INT("", i % 6, 1000 + i);
		items[2 * MANY - 1 - i] = (struct call_item){ i / 2 * 2, &rules[i], ALLOWED };
	}
	ck_assert_int_eq(call_program_build(&program, items, 2 * MANY, &p), 0);
	ck_assert_uint_gt(p.len, 4 * 255);
	for (i = 0; i < 2 * MANY; i++) {
		ck_assert_uint_eq(decision(&p, i / 2 * 2, i % 6, 1000 + i), ALLOWED);
		ck_assert_uint_eq(decision(&p, i / 2 * 2, i % 6, 999), REFUSED);
		ck_assert_uint_eq(decision(&p, i / 2 * 2 + 1, i % 6, 1000 + i), REFUSED);
	}
	free(p.filter);
}
END_TEST

START_TEST(program_that_is_too_long_is_rejected)
{
	static struct call_rule rules[2000];
	static struct call_item items[2000];
	struct sock_fprog p;
	uint32_t i;

	for (i = 0; i < 2000; i++) {
		rules[i] = (struct call_rule)CALL_IF("", 0, UINT64_MAX, i);
		items[i] = (struct call_item){ i, &rules[i], ALLOWED };
	}
	ck_assert_int_eq(call_program_build(&program, items, 2000, &p), -E2BIG);
	ck_assert_int_eq(call_program_build(&program, items, 0, &p), 0);
	ck_assert_uint_eq(decision(&p, 5, 0, 5), REFUSED);
	free(p.filter);
}
END_TEST

START_TEST(alternatives_of_one_argument_load_it_once)
{
	static struct call_rule rules[30];
	struct call_item items[30];
	struct sock_fprog p;
	unsigned int i;

	for (i = 0; i < 30; i++) {
		rules[i] = (struct call_rule)CALL_IF_INT("", 1, i);
		items[i] = (struct call_item){ IOCTL, &rules[i], ALLOWED };
	}
	ck_assert_int_eq(call_program_build(&program, items, 30, &p), 0);
	ck_assert_uint_le(p.len, 30 + 10);
	for (i = 0; i < 31; i++)
		ck_assert_uint_eq(decision(&p, IOCTL, 1, i), i < 30 ? ALLOWED : REFUSED);
	free(p.filter);
}
END_TEST

/* A tracer that skips a call sets its number to -1. */
START_TEST(numbers_of_another_architecture_are_foreign)
{
	const struct call_program with = {
		.arch = AUDIT_ARCH_X86_64, .foreign = FOREIGN, .refused = ALLOWED, .foreign_from = 1u << 30,
	};
	struct call_item items[] = { { 3, NULL, REFUSED } };
	struct sock_fprog p;

	ck_assert_int_eq(call_program_build(&with, items, 1, &p), 0);
	ck_assert_uint_eq(decision(&p, 3, 0, 0), REFUSED);
	ck_assert_uint_eq(decision(&p, (1u << 30) - 1, 0, 0), ALLOWED);
	ck_assert_uint_eq(decision(&p, 1u << 30, 0, 0), FOREIGN);
	ck_assert_uint_eq(decision(&p, UINT32_MAX - 1, 0, 0), FOREIGN);
	ck_assert_uint_eq(decision(&p, UINT32_MAX, 0, 0), ALLOWED);
	free(p.filter);
}
END_TEST

static uint64_t state;

static uint32_t draw(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

static struct call_rule draw_rule(void)
{
	static const uint64_t masks[] = { 0, UINT32_MAX, UINT32_MAX, 0xff00, UINT64_MAX, UINT64_C(1) << 40 };
	struct call_rule r = { .name = "" };
	unsigned int i;

	for (i = 0; i < CALL_CONDITIONS; i++) {
		r.when[i].arg = draw(2);
		r.when[i].mask = masks[draw(6)];
		r.when[i].value = ((uint64_t)draw(2) << 40 | draw(2) << 8 | draw(2)) & r.when[i].mask;
	}
	return r;
}

static bool holds(const struct call_rule *r)
{
	unsigned int i;

	for (i = 0; i < CALL_CONDITIONS; i++)
		if ((call.args[r->when[i].arg] & r->when[i].mask) != r->when[i].value)
			return false;
	return true;
}

/* The items are sorted: the first that permits the call decides. */
static uint32_t decision_of_items(const struct call_item *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (items[i].number == (uint32_t)call.nr && (!items[i].rule || holds(items[i].rule)))
			return items[i].action;
	return REFUSED;
}

START_TEST(programs_decide_as_their_items)
{
	struct call_rule rules[200];
	struct call_item items[200];
	struct sock_fprog p;
	uint32_t n, i;

	state = 0x9e3779b97f4a7c15 + (uint64_t)_i;
	n = 1 + draw(200);
	for (i = 0; i < n; i++) {
		rules[i] = draw_rule();
		items[i] = (struct call_item){ draw(60), draw(3) ? &rules[i] : NULL, ALLOWED + draw(2) };
	}
	ck_assert_int_eq(call_program_build(&program, items, n, &p), 0);
	for (i = 0; i < 2000; i++) {
		decision(&p, draw(64), 0, 0);
		call.args[0] = (uint64_t)draw(2) << 40 | draw(2) << 8 | draw(2);
		call.args[1] = (uint64_t)draw(2) << 40 | draw(2) << 8 | draw(2);
		ck_assert_uint_eq(decide(&p), decision_of_items(items, n));
	}
	free(p.filter);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("call_program");
	TCase *tc = tcase_create("call_program");

	tcase_add_test(tc, calls_without_an_item_are_refused);
	tcase_add_test(tc, both_halves_of_an_argument_are_compared);
	tcase_add_test(tc, all_conditions_of_a_rule_must_hold);
	tcase_add_test(tc, item_without_a_rule_decides_before_others);
	tcase_add_test(tc, long_programs_decide_each_call);
	tcase_add_test(tc, program_that_is_too_long_is_rejected);
	tcase_add_test(tc, alternatives_of_one_argument_load_it_once);
	tcase_add_test(tc, numbers_of_another_architecture_are_foreign);
	tcase_add_loop_test(tc, programs_decide_as_their_items, 0, 50);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
