/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the state of a vCPU that cannot be saved, and about sections that cannot
 * be loaded, on a KVM that this test plays.
 */
#include <config.h>

#include <vm-arch/arch.h>

#include "../../util.h"
#include "arch/own.h"
#include "arch/x86/cpuid_table.h"
#include "arch/x86/msrs.h"
#include "kvm/uapi.h"

static const struct varch_vm kvm;
static struct vsu_state_writer writer;
static struct vsu_error err;
static struct kvm_nested_state nested;	/* of the vCPU */
static int nested_size, nested_result, xsave_size;
static unsigned long last_request, failing_request;

int __wrap_varch_ioctl(int fd, unsigned long request, void *arg);
int __wrap_varch_vm_capability(const struct varch_vm *of, int capability);

int __wrap_varch_vm_capability(const struct varch_vm *of, int capability)
{
	(void)of;
	return capability == KVM_CAP_NESTED_STATE ? nested_size :
	       capability == KVM_CAP_XSAVE2 ? xsave_size : 0;
}

/* All other registers are 0. */
int __wrap_varch_ioctl(int fd, unsigned long request, void *arg)
{
	struct kvm_nested_state *out = arg;

	(void)fd;
	last_request = request;
	if (request == failing_request)
		return -EINVAL;
	if (request == KVM_SET_MSRS)
		return (int)((struct kvm_msrs *)arg)->nmsrs;
	if (request != KVM_GET_NESTED_STATE)
		return 0;
	ck_assert_uint_eq(out->size, nested_size);
	*out = nested;
	return nested_result;
}

static void setup(void)
{
	memset(&nested, 0, sizeof(nested));
	nested_size = sizeof(nested) + 8192;
	nested_result = 0;
	failing_request = 0;
	xsave_size = sizeof(struct kvm_xsave);
	memset(&writer, 0, sizeof(writer));
	vsu_state_begin(&writer, NULL);
}

static void teardown(void)
{
	free(writer.out.bytes);
}

static int save(void)
{
	return varch_cpu_save(&kvm, 3, 1, &writer, &err);
}

static void refused(int rc, const char *sentence)
{
	ck_assert_int_eq(save(), rc);
	ck_assert_str_eq(err.msg, sentence);
}

static void set_vmx(uint16_t flags, uint64_t vmxon_pa)
{
	nested.format = KVM_STATE_NESTED_FORMAT_VMX;
	nested.flags = flags;
	nested.hdr.vmx.vmxon_pa = vmxon_pa;
	nested.hdr.vmx.vmcs12_pa = UINT64_MAX;
}

static void set_svm(uint16_t flags)
{
	nested.format = KVM_STATE_NESTED_FORMAT_SVM;
	nested.flags = flags;
}

START_TEST(guest_that_uses_no_virtualization_is_saved)
{
	set_vmx(0, UINT64_MAX);
	ck_assert_int_eq(save(), 0);
	set_svm(KVM_STATE_NESTED_GIF_SET);
	ck_assert_int_eq(save(), 0);
	nested_size = 0;
	ck_assert_int_eq(save(), 0);
}
END_TEST

/* By the table of docs/state-format.md. The fake KVM reports no MSR, and all of its CPUID. */
static const struct { uint32_t kind; size_t len; } format[] = {
	{ 1, VARCH_CPUID_MAX * sizeof(struct kvm_cpuid_entry2) }, { 2, 4 },
	{ 3, sizeof(struct kvm_mp_state) }, { 4, sizeof(struct kvm_regs) },
	{ 5, sizeof(struct kvm_sregs2) }, { 6, 4096 }, { 7, sizeof(struct kvm_xcrs) },
	{ 8, sizeof(struct kvm_debugregs) }, { 9, sizeof(struct kvm_lapic_state) }, { 10, 0 },
	{ 11, sizeof(struct kvm_vcpu_events) },
};

START_TEST(records_of_a_cpu_are_those_of_the_format)
{
	struct vsu_state_fields f;
	struct vsu_state state;
	unsigned int i;

	nested_size = 0;
	ck_assert_int_eq(save(), 0);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	ck_assert_int_eq(vsu_state_find(&state, "cpu", 1, &f, &err), 0);
	for_rows(i, COUNT(format)) {
		ck_assert_uint_eq(vsu_state_get_u32(&f), format[i].kind);
		ck_assert_uint_eq(vsu_state_get_u32(&f), format[i].len);
		ck_assert_ptr_nonnull(vsu_state_get_bytes(&f, format[i].len));
	}
	ck_assert_int_eq(vsu_state_fields_end(&f, &err), 0);
}
END_TEST

static const struct busy {
	uint16_t format, flags;
	uint64_t vmxon_pa;	/* VMX only */
} busy[] = {
	{ KVM_STATE_NESTED_FORMAT_VMX, KVM_STATE_NESTED_GUEST_MODE, 0x1000 },
	{ KVM_STATE_NESTED_FORMAT_VMX, KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING, 0x1000 },
	{ KVM_STATE_NESTED_FORMAT_VMX, 0, 0x1000 },	/* between two runs */
	{ KVM_STATE_NESTED_FORMAT_SVM, KVM_STATE_NESTED_GIF_SET | KVM_STATE_NESTED_GUEST_MODE, 0 },
	{ KVM_STATE_NESTED_FORMAT_SVM, KVM_STATE_NESTED_GIF_SET | KVM_STATE_NESTED_RUN_PENDING, 0 },
	{ KVM_STATE_NESTED_FORMAT_SVM, 0, 0 },	/* after CLGI */
};

START_TEST(guest_that_runs_guests_is_refused_by_name)
{
	if (busy[_i].format == KVM_STATE_NESTED_FORMAT_VMX)
		set_vmx(busy[_i].flags, busy[_i].vmxon_pa);
	else
		set_svm(busy[_i].flags);
	refused(-EOPNOTSUPP, "CPU 1: the guest runs nested virtual machines, whose state cannot be saved");
}
END_TEST

START_TEST(failed_call_is_named)
{
	set_svm(KVM_STATE_NESTED_GIF_SET);
	nested_result = -EIO;
	ck_assert_int_eq(save(), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "CPU 1: KVM_GET_NESTED_STATE"));
}
END_TEST

START_TEST(larger_extended_state_is_refused_with_the_remedy)
{
	set_svm(KVM_STATE_NESTED_GIF_SET);
	xsave_size = 11008;
	refused(-EOPNOTSUPP, "CPU 1: its extended state has 11008 bytes, but at most 4096 can be saved");
}
END_TEST

/* ------------------------------------------------------------------------- load */

/* A section has one of each, in this order; their kinds count from 1. */
static const struct record {
	uint32_t len, max;	/* max: bytes, if their number varies */
	unsigned long set;
	const char *name;
} records[] = {
	{ sizeof(struct kvm_cpuid_entry2), VARCH_CPUID_MAX * sizeof(struct kvm_cpuid_entry2),
	  KVM_SET_CPUID2, "CPUID2" },
	{ sizeof(uint32_t), 0, 0, "TSC_KHZ" },
	{ sizeof(struct kvm_mp_state), 0, KVM_SET_MP_STATE, "MP_STATE" },
	{ sizeof(struct kvm_regs), 0, KVM_SET_REGS, "REGS" },
	{ sizeof(struct kvm_sregs2), 0, KVM_SET_SREGS2, "SREGS2" },
	{ sizeof(struct kvm_xsave), 0, KVM_SET_XSAVE, "XSAVE" },
	{ sizeof(struct kvm_xcrs), 0, 0, "XCRS" },	/* zeros are not set */
	{ sizeof(struct kvm_debugregs), 0, KVM_SET_DEBUGREGS, "DEBUGREGS" },
	{ sizeof(struct kvm_lapic_state), 0, KVM_SET_LAPIC, "LAPIC" },
	{ sizeof(struct kvm_msr_entry), VARCH_MAX_MSRS * sizeof(struct kvm_msr_entry),
	  KVM_SET_MSRS, "MSRS" },
	{ sizeof(struct kvm_vcpu_events), 0, KVM_SET_VCPU_EVENTS, "VCPU_EVENTS" },
};

static void put_record(unsigned int i, uint32_t len, uint32_t bytes)
{
	void *zeros = calloc(1, bytes + 1);

	ck_assert_ptr_nonnull(zeros);
	vsu_state_put_u32(&writer, i + 1);
	vsu_state_put_u32(&writer, len);
	vsu_state_put(&writer, zeros, bytes);
	free(zeros);
}

static void put_records(unsigned int from, unsigned int end)
{
	for (; from < end; from++)
		put_record(from, records[from].len, records[from].len);
}

static void begin(unsigned int end)
{
	vsu_state_section(&writer, "cpu", 1);
	put_records(0, end);
}

static int load(void)
{
	struct vsu_state state;

	vsu_state_section_end(&writer);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, NULL), 0);
	vsu_error_clear(&err);
	return varch_cpu_load(&kvm, 3, 1, &state, &err);
}

static void load_is_refused(int rc, const char *sentence)
{
	ck_assert_int_eq(load(), rc);
	ck_assert_msg(strstr(err.msg, sentence) != NULL, "'%s', expected '%s'", err.msg, sentence);
}

START_TEST(section_of_all_records_is_loaded)
{
	begin(COUNT(records));
	ck_assert_msg(!load(), "%s", err.msg);
	ck_assert_uint_eq(last_request, KVM_SET_VCPU_EVENTS);
}
END_TEST

/* A processor without XSAVE has no extended control register, and KVM refuses to set none. */
START_TEST(extended_control_registers_are_set_if_there_are_any)
{
	const struct kvm_xcrs xcrs = { .nr_xcrs = (uint32_t)_i };

	failing_request = KVM_SET_XCRS;
	begin(6);
	vsu_state_put_u32(&writer, 7);
	vsu_state_put_u32(&writer, sizeof(xcrs));
	vsu_state_put(&writer, &xcrs, sizeof(xcrs));
	put_records(7, COUNT(records));
	if (_i)
		load_is_refused(-EINVAL, "CPU 1: KVM_SET_XCRS");
	else
		ck_assert_msg(!load(), "%s", err.msg);
}
END_TEST

/* One byte less, one byte more, and more than the largest number of entries. */
START_TEST(record_of_another_length_is_refused_by_name)
{
	const struct record *r = &records[_i / 3];
	const uint32_t lens[] = { r->len - 1, r->len + 1, r->max + r->len * (r->max ? 1 : 2) };
	char sentence[64];

	begin((unsigned int)_i / 3);
	put_record((unsigned int)_i / 3, lens[_i % 3], lens[_i % 3]);
	put_records((unsigned int)_i / 3 + 1, COUNT(records));
	snprintf(sentence, sizeof(sentence), "CPU 1: KVM_SET_%s", r->name);
	load_is_refused(-EBADMSG, sentence);
	ck_assert_msg(!r->set || last_request != r->set, "%s was called", sentence);
}
END_TEST

START_TEST(missing_record_is_refused_by_number)
{
	char sentence[64];

	begin((unsigned int)_i);
	put_records((unsigned int)_i + 1, COUNT(records));
	snprintf(sentence, sizeof(sentence), "CPU 1: its section lacks record %d", _i + 1);
	load_is_refused(-EBADMSG, sentence);
}
END_TEST

START_TEST(record_beyond_the_end_of_its_section_is_refused)
{
	begin(COUNT(records) - 1);
	put_record(COUNT(records) - 1, UINT32_MAX - (uint32_t)_i, 8);
	load_is_refused(-EBADMSG, "CPU 1: its section lacks record 11");
}
END_TEST

START_TEST(bytes_behind_the_last_record_are_refused)
{
	begin(COUNT(records));
	vsu_state_put(&writer, "", 1);
	load_is_refused(-EBADMSG, "section 'cpu'");
}
END_TEST

/* Records that are set by one call when they are zeros. */
static const unsigned int single[] = { 0, 2, 3, 4, 5, 7, 8, 10 };

START_TEST(failed_call_of_a_load_is_named)
{
	const struct record *r = &records[single[_i]];
	char sentence[64];

	failing_request = r->set;
	begin(COUNT(records));
	snprintf(sentence, sizeof(sentence), "CPU 1: KVM_SET_%s", r->name);
	load_is_refused(-EINVAL, sentence);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_state");
	TCase *tc = tcase_create("cpu_state");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, guest_that_uses_no_virtualization_is_saved);
	tcase_add_test(tc, records_of_a_cpu_are_those_of_the_format);
	tcase_add_loop_test(tc, guest_that_runs_guests_is_refused_by_name, 0, COUNT(busy));
	tcase_add_test(tc, failed_call_is_named);
	tcase_add_test(tc, larger_extended_state_is_refused_with_the_remedy);
	tcase_add_test(tc, section_of_all_records_is_loaded);
	tcase_add_loop_test(tc, extended_control_registers_are_set_if_there_are_any, 0, 2);
	tcase_add_loop_test(tc, record_of_another_length_is_refused_by_name, 0, 3 * COUNT(records));
	tcase_add_loop_test(tc, missing_record_is_refused_by_number, 0, COUNT(records));
	tcase_add_loop_test(tc, record_beyond_the_end_of_its_section_is_refused, 0, 2);
	tcase_add_test(tc, bytes_behind_the_last_record_are_refused);
	tcase_add_loop_test(tc, failed_call_of_a_load_is_named, 0, COUNT(single));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
