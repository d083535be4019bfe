/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the builder, its parser and its judgement; no file is made. */
#include <config.h>

#include <vm-memory/backend.h>
#include <vmm-sys-util/option.h>

#include "backend.h"
#include "util.h"

static struct vmem_backend *builder;
static struct vmem_backend_facts host;

/* A host where everything works, so that only the properties can be wrong. */
static void setup(void)
{
	ck_assert_int_eq(vmem_backend_new(&builder), 0);
	memset(&host, 0, sizeof(host));
	host.size = sizeof(host);
	host.host_page = 4096;
	host.page_size = 4096;
	host.huge_page = 2048 * KIB;
	host.kvm = VMEM_KVM_PRESENT | VMEM_KVM_GUEST_MEMFD |
		   VMEM_KVM_GMEM_MMAP | VMEM_KVM_GMEM_SHARED | VMEM_KVM_PRIVATE;
	host.file = VMEM_FILE_REGULAR;
}

static void teardown(void)
{
	vmem_backend_free(builder);
}

static int judge(const char *list, struct vsu_error *err)
{
	int rc = vmem_backend_parse(builder, "--memory", list, err);

	return rc < 0 ? rc : vmem_backend_check(builder, &host, err);
}

static const struct judged {
	const char *list;
	int rc;
	const char *reason;	/* a piece of the sentence */
} judged[] = {
	/* kinds and sizes */
	{ "size=4k", 0, NULL },
	{ "size=1", 0, NULL },			/* anonymous: rounded up */
	{ "backend=memfd,size=4k", 0, NULL },
	{ "backend=shm,size=4k", 0, NULL },
	{ "backend=file,size=4k,mem-path=/x", 0, NULL },
	{ "backend=guest-memfd,size=4k", 0, NULL },
	{ "", -EINVAL, "size is missing" },
	{ "size=0", -EINVAL, "size is 0" },
	{ "backend=memfd,size=1", -EINVAL, "smaller than a page" },
	{ "backend=memfd,size=4097", -EINVAL, "not a multiple" },
	{ "backend=shm,size=4097", -EINVAL, "not a multiple" },
	{ "backend=memfd,size=8E", -EINVAL, "exceeds" },
	{ "backend=nothing,size=4k", -EINVAL, "backend" },
	/* the words of the list */
	{ "sise=4k", -ENOENT, "did you mean 'size'" },
	{ "size=4k,size=8k", -EINVAL, "more than once" },
	{ "size=4k,share=maybe", -EINVAL, "neither on nor off" },
	{ "size=4k,rom=perhaps", -EINVAL, "rom" },
	{ "size=-1", -EINVAL, "is not a size" },
	{ "size=17E", -EINVAL, "size" },
	{ "size=4k,prealloc-threads=0", -EINVAL, "out of range" },
	/* properties of other kinds */
	{ "size=4k,mem-path=/x", -EINVAL, "belongs to backend=file" },
	{ "size=4k,offset=4k", -EINVAL, "belongs to backend=file" },
	{ "size=4k,readonly=on", -EINVAL, "belongs to backend=file" },
	{ "size=4k,seal=on", -EINVAL, "belongs to backend=memfd" },
	{ "size=4k,backend=shm,private=on", -EINVAL,
	  "belongs to backend=anon or backend=memfd" },
	{ "backend=file,size=4k,mem-path=/x,hugetlb=on", -EINVAL,
	  "belongs to backend=memfd" },
	{ "backend=shm,size=4k,private=on", -EINVAL, "private" },
	{ "backend=memfd,size=4k,slot=bound", -EINVAL,
	  "belongs to backend=guest-memfd" },
	{ "backend=file,size=4k", -EINVAL, "needs mem-path" },
	{ "backend=file,size=4k,mem-path=", -EINVAL, "needs mem-path" },
	/* sharing */
	{ "size=4k,share=on", 0, NULL },
	{ "backend=memfd,size=4k,share=off", 0, NULL },
	{ "backend=shm,size=4k,share=off", -EINVAL, "needs share=on" },
	{ "backend=guest-memfd,size=4k,share=off", -EINVAL,
	  "guest-memfd needs share=on" },
	/* guest_memfd: each refusal its own */
	{ "backend=memfd,guest-memfd=on,size=4k", 0, NULL },
	{ "backend=memfd,guest-memfd=on,size=4k,slot=bound", 0, NULL },
	{ "backend=shm,guest-memfd=on,size=4k", -EINVAL,
	  "belongs to backend=memfd" },
	{ "backend=guest-memfd,size=4k,hugetlb=on", -EINVAL,
	  "leave hugetlb out" },
	{ "backend=guest-memfd,size=4k,hugetlbsize=2M", -EINVAL,
	  "leave hugetlbsize out" },
	{ "backend=guest-memfd,size=4k,seal=on", -EINVAL, "leave seal out" },
	{ "backend=guest-memfd,size=4k,seal=off", 0, NULL },
	{ "backend=guest-memfd,size=4097", -EINVAL, "not a multiple" },
	{ "size=4k,private=on", 0, NULL },
	/* huge pages */
	{ "backend=memfd,size=2M,hugetlbsize=2M", -EINVAL, "needs hugetlb=on" },
	{ "backend=memfd,size=2M,hugetlb=on,hugetlbsize=3M", -EINVAL,
	  "power of two" },
	{ "backend=memfd,size=2M,hugetlb=on,hugetlbsize=0", -EINVAL,
	  "power of two" },
	{ "backend=memfd,size=2M,hugetlb=on,hugetlbsize=1", -EINVAL,
	  "hugetlbsize 1 is not larger than a page of 4k" },
	/* sizes in messages appear as they were typed */
	{ "backend=memfd,size=0.5k", -EINVAL,
	  "size 0.5k is smaller than a page of 4k" },
	{ "backend=memfd,size=0x1001", -EINVAL,
	  "size 0x1001 is not a multiple of the page size 4k" },
	{ "backend=memfd,size=4k,hugetlb=on,hugetlbsize=1.5M", -EINVAL,
	  "hugetlbsize 1.5M is not a power of two" },
	{ "backend=memfd,size=00000000000000000000000000512", -EINVAL,
	  "size 512 is smaller than a page of 4k" },
	/* reserve and prealloc */
	{ "size=4k,prealloc=on", 0, NULL },
	{ "size=4k,prealloc=on,reserve=off", -EINVAL, "exclude each other" },
	{ "size=4k,reserve=off", 0, NULL },
	/* NUMA */
	{ "size=4k,policy=bind,host-nodes=0", 0, NULL },
	{ "size=4k,policy=bind,host-nodes=0-3,host-nodes=7", 0, NULL },
	{ "size=4k,policy=bind", -EINVAL, "needs host-nodes" },
	{ "size=4k,host-nodes=0", -EINVAL, "needs a policy" },
	{ "size=4k,policy=default,host-nodes=0", -EINVAL, "needs a policy" },
	{ "size=4k,policy=bind,host-nodes=128", -EINVAL, "host-nodes" },
	{ "size=4k,policy=bind,host-nodes=3-1", -EINVAL, "host-nodes" },
	{ "size=4k,policy=bind,host-nodes=x", -EINVAL, "host-nodes" },
	{ "size=4k,policy=somewhere,host-nodes=0", -EINVAL, "policy" },
	/* a ROM needs nothing that stores */
	{ "backend=file,size=4k,mem-path=/x,rom=on", -EINVAL,
	  "rom=on needs readonly=on" },
};

START_TEST(combination_is_judged)
{
	const struct judged *j = &judged[_i];
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	host.file_size = 64 * KIB;
	rc = judge(j->list, &err);
	ck_assert_msg(rc == j->rc, "'%s' gave %d '%s'", j->list, rc, err.msg);
	if (j->reason)
		ck_assert_msg(strstr(err.msg, j->reason) != NULL,
			      "'%s' gave '%s'", j->list, err.msg);
}
END_TEST

/* Valid requests on hosts that lack a feature. */
static const struct lacking {
	const char *list;
	uint32_t kvm, overcommit;
	uint64_t huge_page;
	int rc;
	const char *reason;
} lacking[] = {
	{ "backend=guest-memfd,size=4k", 0, 0, 0, -EOPNOTSUPP, "needs KVM" },
	{ "backend=guest-memfd,size=4k", VMEM_KVM_PRESENT, 0, 0, -EOPNOTSUPP,
	  "has no guest_memfd" },
	{ "backend=guest-memfd,size=4k", VMEM_KVM_PRESENT |
	  VMEM_KVM_GUEST_MEMFD, 0, 0, -EOPNOTSUPP, "cannot be mapped" },
	{ "backend=guest-memfd,size=4k", VMEM_KVM_PRESENT |
	  VMEM_KVM_GUEST_MEMFD | VMEM_KVM_GMEM_MMAP, 0, 0, -EOPNOTSUPP,
	  "cannot begin shared" },
	{ "size=4k,private=on", 0, 0, 0, -EOPNOTSUPP, "needs KVM" },
	{ "size=4k,private=on", VMEM_KVM_PRESENT, 0, 0, -EOPNOTSUPP,
	  "needs guest_memfd" },
	{ "backend=memfd,size=4k,private=on", VMEM_KVM_PRESENT |
	  VMEM_KVM_GUEST_MEMFD, 0, 0, -EOPNOTSUPP, "attribute" },
	{ "size=4k,reserve=off", 0, 2, 0, -EOPNOTSUPP, "overcommit" },
	{ "size=4k,reserve=off", 0, VMEM_OVERCOMMIT_UNKNOWN, 0, -EOPNOTSUPP,
	  "overcommit" },
	{ "size=4k,reserve=off", 0, 1, 0, 0, NULL },
	{ "backend=memfd,size=4k,reserve=off", 0, 2, 0, 0, NULL },
	{ "backend=memfd,size=2M,hugetlb=on", 0, 0, 0, -EOPNOTSUPP,
	  "no huge pages" },
};

START_TEST(missing_host_support_has_its_own_error)
{
	const struct lacking *l = &lacking[_i];
	struct vsu_error err = VSU_ERROR_INIT;

	host.kvm = l->kvm;
	host.overcommit = l->overcommit;
	host.huge_page = l->huge_page;
	ck_assert_int_eq(judge(l->list, &err), l->rc);
	if (l->reason)
		ck_assert_msg(strstr(err.msg, l->reason) != NULL, "'%s'",
			      err.msg);
}
END_TEST

/* The mode matters only if nothing is reserved. */
START_TEST(overcommit_mode_is_that_of_the_kernel)
{
	struct vmem_backend_facts facts;
	char text[16] = "";
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);

	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_int_eq(vmem_backend_parse(builder, "memory", "size=4k,reserve=off", NULL), 0);
	ck_assert_int_eq(vmem_priv_host_facts(builder, &facts), 0);
	ck_assert_uint_eq(facts.overcommit, strtoul(text, NULL, 10));
}
END_TEST

/* Files at mem-path, judged without looking. */
static const struct found {
	const char *list;
	enum vmem_file_state file;
	uint64_t size, page, align;
	int rc;
} found[] = {
	/* huge pages: cases 28 to 31 and 33 */
	{ "size=2M,offset=4k", VMEM_FILE_REGULAR, 0, 2 << 20, 0, -EINVAL },
	{ "size=2M,align=4k", VMEM_FILE_REGULAR, 0, 2 << 20, 0, -EINVAL },
	{ "size=1M", VMEM_FILE_REGULAR, 0, 2 << 20, 0, -EINVAL },
	{ "size=3M", VMEM_FILE_MISSING, 0, 2 << 20, 0, -EINVAL },
	{ "size=2M,offset=2M", VMEM_FILE_REGULAR, 4 << 20, 2 << 20, 0, 0 },
	/* block devices: 25 to 27 */
	{ "size=2M", VMEM_FILE_BLOCK, 1 << 20, 4096, 0, -EINVAL },
	{ "size=1M,offset=4k", VMEM_FILE_BLOCK, 1 << 20, 4096, 0, -EINVAL },
	{ "size=4k,offset=512", VMEM_FILE_BLOCK, 1 << 20, 4096, 0, -EINVAL },
	{ "size=512k,offset=512k", VMEM_FILE_BLOCK, 1 << 20, 4096, 0, 0 },
	/* other things */
	{ "size=4k", VMEM_FILE_MISSING, 0, 4096, 0, 0 },
	{ "size=4k,readonly=on", VMEM_FILE_MISSING, 0, 4096, 0, -ENOENT },
	{ "size=4k", VMEM_FILE_DIRECTORY, 0, 4096, 0, 0 },
	{ "size=4k,readonly=on", VMEM_FILE_DIRECTORY, 0, 4096, 0, -EISDIR },
	{ "size=4k", VMEM_FILE_FIFO, 0, 4096, 0, -ENODEV },
	{ "size=4k", VMEM_FILE_SOCKET, 0, 4096, 0, -ENODEV },
	{ "size=4k", VMEM_FILE_OTHER, 0, 4096, 0, -ENODEV },
	{ "size=4k,readonly=on", VMEM_FILE_REGULAR, 0, 4096, 0, -EINVAL },
	/* character devices know no size; a DAX device has an alignment */
	{ "size=1G,offset=1G", VMEM_FILE_CHAR, 0, 4096, 0, 0 },
	{ "size=2M", VMEM_FILE_CHAR, 4 << 20, 4096, 2 << 20, -EINVAL },
	{ "size=2M,align=2M", VMEM_FILE_CHAR, 4 << 20, 4096, 2 << 20, 0 },
	{ "size=8M,align=2M", VMEM_FILE_CHAR, 4 << 20, 4096, 2 << 20, -EINVAL },
	/*
	 * the file was not inspected: only what needs no inspection is checked
	 */
	{ "size=4097", VMEM_FILE_UNKNOWN, 0, 4096, 0, 0 },
};

START_TEST(file_is_judged_by_its_facts)
{
	const struct found *f = &found[_i];
	struct vsu_error err = VSU_ERROR_INIT;

	host.file = f->file;
	host.file_size = f->size;
	host.page_size = f->page;
	host.file_align = f->align;
	ck_assert_int_eq(judge("backend=file,mem-path=/x", &err), -EINVAL);
	ck_assert_msg(judge(f->list, &err) == f->rc, "'%s' '%s'", f->list,
		      err.msg);
}
END_TEST

START_TEST(d1_07_block_device_is_as_large_as_it_says)
{
	host.file = VMEM_FILE_BLOCK;
	host.file_size = 1 << 20;
	ck_assert_int_eq(judge("backend=file,mem-path=/dev/x,size=1M", NULL),
			 0);
	ck_assert_int_eq(judge("size=2M", NULL), -EINVAL);
}
END_TEST

START_TEST(d1_09_size_that_is_no_multiple_of_the_huge_page_is_refused)
{
	host.page_size = 2 << 20;
	ck_assert_int_eq(judge("backend=memfd,hugetlb=on,size=3M", NULL),
			 -EINVAL);
	ck_assert_int_eq(judge("size=4M", NULL), 0);
}
END_TEST

START_TEST(d1_12_guest_memfd_refuses_what_it_does_not_do)
{
	ck_assert_int_eq(judge("backend=guest-memfd,size=4k,share=off", NULL),
			 -EINVAL);
	ck_assert_int_eq(judge("share=on,hugetlb=on", NULL), -EINVAL);
	ck_assert_int_eq(judge("hugetlb=off,seal=on", NULL), -EINVAL);
	ck_assert_int_eq(judge("seal=off", NULL), 0);
}
END_TEST

START_TEST(d1_14_size_zero_or_beyond_64_bits_is_refused)
{
	ck_assert_int_eq(judge("size=0", NULL), -EINVAL);
	ck_assert_int_eq(judge("size=16E", NULL), -EINVAL);
	ck_assert_int_eq(judge("size=0xffffffffffffffff", NULL), -EINVAL);
}
END_TEST

START_TEST(too_small_names_all_three_numbers)
{
	struct vsu_error err = VSU_ERROR_INIT;

	host.file_size = 64 * KIB;
	ck_assert_int_eq(judge("backend=file,mem-path=/a,size=36k,offset=32k",
			       &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "65536 bytes"));
	ck_assert_ptr_nonnull(strstr(err.msg, "size 36k"));
	ck_assert_ptr_nonnull(strstr(err.msg, "offset 32k"));
	ck_assert_uint_eq(err.got, 68 * KIB);
	ck_assert_uint_eq(err.limit, 64 * KIB);
}
END_TEST

START_TEST(setters_and_text_record_the_same)
{
	vmem_backend_set_kind(builder, VMEM_KIND_FILE);
	vmem_backend_set_size(builder, 8192);
	ck_assert_int_eq(vmem_backend_parse(builder, "x", "offset=4k,share=on,readonly=on,mem-path=/x",
					    NULL), 0);
	ck_assert_uint_eq(vmem_backend_value(builder, "backend"),
			  VMEM_KIND_FILE);
	ck_assert_uint_eq(vmem_backend_value(builder, "size"), 8192);
	ck_assert_uint_eq(vmem_backend_value(builder, "offset"), 4096);
	ck_assert_uint_eq(vmem_backend_value(builder, "share"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "readonly"), 1);
	ck_assert(vmem_backend_given(builder, "mem-path"));
	ck_assert(!vmem_backend_given(builder, "rom"));
	ck_assert(!vmem_backend_given(builder, "nonsense"));
	ck_assert_int_eq(vmem_backend_set(builder, "size", "1G", NULL), 0);
	ck_assert_uint_eq(vmem_backend_value(builder, "size"), 1ull << 30);
}
END_TEST

START_TEST(defaults_depend_on_the_kind)
{
	ck_assert_uint_eq(vmem_backend_value(builder, "share"), 0);
	vmem_backend_set_kind(builder, VMEM_KIND_FILE);
	ck_assert_uint_eq(vmem_backend_value(builder, "share"), 0);
	vmem_backend_set_kind(builder, VMEM_KIND_MEMFD);
	ck_assert_uint_eq(vmem_backend_value(builder, "share"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "seal"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "merge"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "dump"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "reserve"), 1);
	ck_assert_uint_eq(vmem_backend_value(builder, "prealloc"), 0);
}
END_TEST

START_TEST(value_with_commas_survives_one_property_at_a_time)
{
	struct vsu_error err = VSU_ERROR_INIT;

	host.file = VMEM_FILE_FIFO;
	vmem_backend_set_kind(builder, VMEM_KIND_FILE);
	vmem_backend_set_size(builder, 4096);
	ck_assert_int_eq(vmem_backend_set(builder, "mem-path", "/a,,b,c=d",
					  NULL), 0);
	ck_assert_int_eq(vmem_backend_check(builder, &host, &err), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.msg, "'/a,,b,c=d'"));
	ck_assert_int_eq(vmem_backend_set(builder, "a,b", "x", NULL), -ENOENT);
	ck_assert_int_eq(vmem_backend_set(builder, "offset", "x", NULL),
			 -EINVAL);
}
END_TEST

START_TEST(copy_has_the_properties_and_outlives_the_original)
{
	struct vmem_backend *copy;

	ck_assert_int_eq(judge("backend=file,size=1.5M,mem-path=/a,share=on,host-nodes=0-1,policy=bind",
			       NULL), 0);
	ck_assert_int_eq(vmem_backend_copy(builder, &copy), 0);
	vmem_backend_free(builder);
	builder = copy;
	ck_assert_str_eq(vmem_backend_text(copy, "mem-path"), "/a");
	ck_assert_uint_eq(vmem_backend_value(copy, "size"), 1536 * KIB);
	ck_assert(vmem_backend_given(copy, "share") && !vmem_backend_given(copy, "rom"));
	ck_assert_int_eq(vmem_backend_check(copy, &host, NULL), 0);
}
END_TEST

/* The lists as they are written: each is read, written, and read again. */
static const char *const written[] = {
	"", "size=1.5M", "backend=memfd,size=0x1000,share=off,seal=on",
	"backend=file,size=4k,mem-path=/a,,b=c,,,,d,offset=4k,align=2M,share=on,readonly=off,rom=auto,discard-data=on,pmem=on",
	"merge=off,dump=on,prealloc=on,prealloc-threads=1024,reserve=off",
	"policy=interleave,host-nodes=0,host-nodes=2-4,host-nodes=63-65",
	"backend=guest-memfd,size=18446744073709551615,guest-memfd=on,private=on,slot=bound",
	"hugetlb=on,hugetlbsize=2M", "mem-path=", "mem-path= \"fd:7\" \xc3\xa4",
};

START_TEST(list_is_written_as_it_is_read)
{
	char *list;

	ck_assert_int_eq(vmem_backend_parse(builder, "--memory", written[_i], NULL), 0);
	ck_assert_int_eq(vmem_backend_write(builder, &list), 0);
	ck_assert_str_eq(list, written[_i]);
	free(list);
}
END_TEST

START_TEST(size_without_text_is_written_as_a_number)
{
	char *list;

	vmem_backend_set_size(builder, UINT64_MAX);
	vmem_backend_set_kind(builder, VMEM_KIND_SHM);
	ck_assert_int_eq(vmem_backend_set(builder, "hugetlbsize", "000000000000000000000000002M", NULL), 0);
	ck_assert_int_eq(vmem_backend_write(builder, &list), 0);
	ck_assert_str_eq(list, "backend=shm,size=18446744073709551615,hugetlbsize=2097152");
	free(list);
}
END_TEST

START_TEST(unset_property_has_its_default)
{
	const struct vsu_option *p;

	ck_assert_int_eq(judge("backend=file,size=4k,mem-path=/a,share=on,host-nodes=1,policy=bind,merge=off",
			       NULL), 0);
	for (p = vmem_backend_options(); p->name; p++)
		vmem_backend_unset(builder, p->name);
	vmem_backend_unset(builder, "unknown");
	for (p = vmem_backend_options(); p->name; p++)
		ck_assert_msg(!vmem_backend_given(builder, p->name), "%s", p->name);
	ck_assert_ptr_null(vmem_backend_text(builder, "mem-path"));
	ck_assert_uint_eq(vmem_backend_value(builder, "merge"), 1);
	/* without the node of before */
	ck_assert_int_eq(judge("size=4k,policy=bind,host-nodes=0", NULL), 0);
	ck_assert_uint_eq(builder->nodes[0], 1);
}
END_TEST

START_TEST(table_has_every_property_and_a_help_for_it)
{
	static const char *const names[] = {
		"backend", "size", "mem-path", "offset", "align", "share",
		"readonly", "rom", "discard-data", "pmem", "merge", "dump",
		"prealloc", "prealloc-threads", "reserve", "policy",
		"host-nodes", "hugetlb", "hugetlbsize", "seal", "guest-memfd",
		"private", "slot",
	};
	const struct vsu_option *o = vmem_backend_options();
	unsigned int i;

	for (i = 0; o[i].name; i++) {
		ck_assert_str_eq(o[i].name, names[i]);
		ck_assert_ptr_nonnull(o[i].help);
	}
	ck_assert_uint_eq(i, sizeof(names) / sizeof(names[0]));
}
END_TEST

START_TEST(block_over_an_fd_is_not_a_backend)
{
	vmem_backend_set_kind(builder, VMEM_KIND_FD);
	vmem_backend_set_size(builder, 4096);
	ck_assert_int_eq(vmem_backend_check(builder, &host, NULL), -EINVAL);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("backend");
	TCase *tc = tcase_create("backend");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	LOOP(tc, combination_is_judged, judged);
	LOOP(tc, missing_host_support_has_its_own_error, lacking);
	tcase_add_test(tc, overcommit_mode_is_that_of_the_kernel);
	LOOP(tc, file_is_judged_by_its_facts, found);
	tcase_add_test(tc, d1_07_block_device_is_as_large_as_it_says);
	tcase_add_test(tc,
		d1_09_size_that_is_no_multiple_of_the_huge_page_is_refused);
	tcase_add_test(tc, d1_12_guest_memfd_refuses_what_it_does_not_do);
	tcase_add_test(tc, d1_14_size_zero_or_beyond_64_bits_is_refused);
	tcase_add_test(tc, too_small_names_all_three_numbers);
	tcase_add_test(tc, setters_and_text_record_the_same);
	tcase_add_test(tc, defaults_depend_on_the_kind);
	tcase_add_test(tc,
		       value_with_commas_survives_one_property_at_a_time);
	tcase_add_test(tc, copy_has_the_properties_and_outlives_the_original);
	tcase_add_loop_test(tc, list_is_written_as_it_is_read, 0,
			    sizeof(written) / sizeof(written[0]));
	tcase_add_test(tc, size_without_text_is_written_as_a_number);
	tcase_add_test(tc, unset_property_has_its_default);
	tcase_add_test(tc, table_has_every_property_and_a_help_for_it);
	tcase_add_test(tc, block_over_an_fd_is_not_a_backend);
	return run_suite(s);
}
