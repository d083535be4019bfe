/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about file systems that are too small for the memory: a tmpfs of 1 MiB
 * in a mount namespace of the test. Skipped if none can be mounted.
 */
#include <config.h>

#include <signal.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>

#include "mounts.h"
#include "util.h"

static char dir[] = "/tmp/vmem-test-XXXXXX";
static char path[64];
static struct vmem_sigbus *table;

static int alloc(const char *props, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	char list[256];
	int rc;

	snprintf(list, sizeof(list), "backend=file,mem-path=%s,share=on,%s",
		 path, props);
	ck_assert_int_eq(vmem_backend_new(&b), 0);
	vmem_backend_set_sigbus(b, table);
	rc = vmem_backend_parse(b, "x", list, err);
	if (!rc)
		rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

START_TEST(d1_11_prealloc_on_a_full_disk_is_refused_and_leaves_nothing)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	struct stat st;

	ck_assert_int_eq(alloc("size=4M,prealloc=on", &b, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "no room"));
	ck_assert_ptr_null(b);
	ck_assert_int_eq(stat(path, &st), -1);
	ck_assert_int_eq(alloc("size=512k,prealloc=on", &b, &err), 0);
	memset(vmem_block_hva(b), 1, 512 * KIB);
	vmem_block_unref(b);
	unlink(path);
}
END_TEST

static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, si))
		signal(sig, SIG_DFL);
}

START_TEST(d1_11_without_prealloc_the_block_fails_and_the_process_lives)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO };
	struct vmem_block *b;

	ck_assert_int_eq(vmem_sigbus_new(4, &table, NULL), 0);
	ck_assert_int_eq(sigaction(SIGBUS, &sa, NULL), 0);
	ck_assert_int_eq(alloc("size=4M", &b, NULL), 0);
	memset(vmem_block_hva(b), 1, 4096 * KIB);
	ck_assert(vmem_block_failed(b));
	vmem_block_unref(b);
	vmem_sigbus_free(table);
	unlink(path);
}
END_TEST

START_TEST(populating_slices_finds_the_end_of_the_disk)
{
	struct vmem_block *b;
	uint64_t off;
	int rc = 0;

	ck_assert_int_eq(alloc("size=4M", &b, NULL), 0);
	for (off = 0; off < 4096 * KIB && !rc; off += 256 * KIB)
		rc = vmem_block_populate(b, off, 256 * KIB, NULL);
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_uint_gt(off, 512 * KIB);
	vmem_block_unref(b);
	unlink(path);
}
END_TEST

int main(void)
{
	const char *why = mount_own(dir, "tmpfs", "size=1m");
	Suite *s;
	TCase *tc;
	int rc;

	if (why) {
		rmdir(dir);
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	s = suite_create("full_disk");
	tc = tcase_create("full_disk");
	snprintf(path, sizeof(path), "%s/file", dir);
	suite_add_tcase(s, tc);
	tcase_add_test(tc,
		d1_11_prealloc_on_a_full_disk_is_refused_and_leaves_nothing);
	tcase_add_test(tc,
		d1_11_without_prealloc_the_block_fails_and_the_process_lives);
	tcase_add_test(tc, populating_slices_finds_the_end_of_the_disk);
	rc = run_suite_apart(s);
	umount(dir);
	rmdir(dir);
	return rc;
}
