/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the kernel's advice and policy calls for a block, and their order; the
 * linker replaces these calls by a recorder that calls them (see Makefile.am).
 */
#include <config.h>

#include <linux/mempolicy.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include <vm-memory/backend.h>

#include "util.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* One letter per call. */
static char calls[32];
static long mbind_args[6];
static int mbind_refusal;	/* an errno for the first mbind() */

static void witness(char call)
{
	size_t n = strlen(calls);

	if (n < sizeof(calls) - 1)
		calls[n] = call;
}

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice)
{
	static const char *const letters[] = {
		[MADV_HUGEPAGE] = "H", [MADV_DONTFORK] = "F",
		[MADV_MERGEABLE] = "M", [MADV_DONTDUMP] = "D",
		[MADV_POPULATE_READ] = "R", [MADV_POPULATE_WRITE] = "P",
	};

	witness(letters[advice][0]);
	return __real_madvise(at, len, advice);
}

/* A host with as many nodes as asked for. */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	unsigned int i;
	va_list ap;

	ck_assert_int_eq(number, SYS_mbind);
	va_start(ap, number);
	for (i = 0; i < 6; i++)
		mbind_args[i] = va_arg(ap, long);
	va_end(ap);
	witness('N');
	errno = mbind_refusal;
	mbind_refusal = 0;
	return errno ? -1 : 0;
}

static struct vmem_block *alloc(const char *list)
{
	struct vmem_backend *b;
	struct vmem_block *block = NULL;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), 0);
	vmem_backend_free(b);
	return block;
}

static const struct order {
	const char *list, *calls;
} orders[] = {
	{ "size=64k", "HFM" },
	{ "size=64k,merge=off,dump=off", "HFD" },
	{ "size=64k,share=on", "HF" },
	{ "backend=memfd,size=64k,dump=off,prealloc=on", "HFDP" },
	{ "size=64k,policy=bind,host-nodes=0,prealloc=on,dump=off", "HFMDNP" },
};

START_TEST(policies_come_before_the_pages)
{
	vmem_block_unref(alloc(orders[_i].list));
	ck_assert_str_eq(calls, orders[_i].calls);
}
END_TEST

static const struct order again[] = {
	{ "size=64k,merge=off", "HF" },
	{ "size=64k,dump=off", "HFMD" },
	{ "backend=memfd,size=64k,dump=off,policy=interleave,host-nodes=0-1",
	  "HFDN" },
};

START_TEST(pages_mapped_anew_have_the_policies_of_the_rest)
{
	struct vmem_block *b = alloc(again[_i].list);
	const long mode = mbind_args[2];

	memset(calls, 0, sizeof(calls));
	ck_assert_int_eq(vmem_block_remap(b, PAGE, 2 * PAGE, NULL), 0);
	ck_assert_str_eq(calls, again[_i].calls);
	if (strchr(calls, 'N')) {
		ck_assert_int_eq(mbind_args[0],
				 (long)(uintptr_t)vmem_block_hva(b) +
				 (long)PAGE);
		ck_assert_int_eq(mbind_args[1], 2 * PAGE);
		ck_assert_int_eq(mbind_args[2], mode);
	}
	vmem_block_unref(b);
}
END_TEST

static const struct numa {
	const char *list;
	int mode;
	uint64_t nodes[2];
} numas[] = {
	{ "policy=bind,host-nodes=0", MPOL_BIND, { 1, 0 } },
	{ "policy=interleave,host-nodes=0-1,host-nodes=127", MPOL_INTERLEAVE,
	  { 3, 1ull << 63 } },
	{ "policy=preferred,host-nodes=64", MPOL_PREFERRED, { 0, 1 } },
	{ "policy=preferred,host-nodes=0,host-nodes=2", 5, { 5, 0 } },
};

START_TEST(nodes_are_bound_with_pages_that_are_there_moved)
{
	struct vmem_block *b;
	struct vmem_backend *builder;
	const uint64_t *nodes;

	ck_assert_int_eq(vmem_backend_new(&builder), 0);
	ck_assert_int_eq(vmem_backend_parse(builder, "x", numas[_i].list,
					    NULL), 0);
	vmem_backend_set_size(builder, 64 * KIB);
	ck_assert_int_eq(vmem_backend_alloc(builder, &b, NULL), 0);
	ck_assert_int_eq(mbind_args[0], (long)(uintptr_t)vmem_block_hva(b));
	ck_assert_int_eq(mbind_args[1], 64 * KIB);
	ck_assert_int_eq(mbind_args[2], numas[_i].mode);
	nodes = (const uint64_t *)(uintptr_t)mbind_args[3];
	ck_assert_mem_eq(nodes, numas[_i].nodes, 16);
	ck_assert_int_eq(mbind_args[4], 129);	/* the kernel takes one less */
	ck_assert_int_eq(mbind_args[5], MPOL_MF_STRICT | MPOL_MF_MOVE);
	vmem_block_unref(b);
	vmem_backend_free(builder);
}
END_TEST

/* Kernels before 5.15 prefer one node only. */
START_TEST(several_preferred_nodes_become_one_where_the_kernel_is_old)
{
	mbind_refusal = EINVAL;
	vmem_block_unref(alloc("size=64k,policy=preferred,host-nodes=0-1"));
	ck_assert_str_eq(calls, "HFMNN");
	ck_assert_int_eq(mbind_args[2], MPOL_PREFERRED);
}
END_TEST

/* The flags of the map at hva in /proc/self/smaps; "" where it is missing. */
static void vm_flags(const struct vmem_block *b, char *flags, size_t size)
{
	char start[32], line[512];
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false;

	snprintf(start, sizeof(start), "%lx-",
		 (unsigned long)(uintptr_t)vmem_block_hva(b));
	*flags = '\0';
	while (f && !*flags && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			inside = true;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%s", line + 8);
	}
	if (f)
		fclose(f);
}

static const struct shown {
	const char *list, *has[4], *lacks[3];
} shown[] = {
	{ "size=64k,dump=off,reserve=off", { "dd", "dc", "nr" }, { NULL } },
	{ "size=64k,merge=off", { "dc" }, { "mg", "dd", "nr" } },
	{ "size=64k,share=on", { "sh" }, { "mg" } },
};

START_TEST(host_policies_show_in_the_mapping)
{
	const struct shown *s = &shown[_i];
	struct vmem_block *b = alloc(s->list);
	char flags[512];
	unsigned int i;

	vm_flags(b, flags, sizeof(flags));
	for (i = 0; *flags && i < 4 && s->has[i]; i++)
		ck_assert_msg(strstr(flags, s->has[i]) != NULL, "%s", flags);
	for (i = 0; i < 3 && s->lacks[i]; i++)
		ck_assert_msg(strstr(flags, s->lacks[i]) == NULL, "%s", flags);
	vmem_block_unref(b);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");

	suite_add_tcase(s, tc);
	LOOP(tc, policies_come_before_the_pages, orders);
	LOOP(tc, pages_mapped_anew_have_the_policies_of_the_rest, again);
	LOOP(tc, nodes_are_bound_with_pages_that_are_there_moved, numas);
	tcase_add_test(tc,
		several_preferred_nodes_become_one_where_the_kernel_is_old);
	LOOP(tc, host_policies_show_in_the_mapping, shown);
	return run_suite_apart(s);
}
