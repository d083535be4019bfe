/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about functions on the PCI bus whose registers move, and about their
 * notifications, which a KVM of the test's own keeps.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>

#include <virtio-devices/pci.h>
#include <vm-arch/pci_host.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "owner/owner.h"
#include "rig.h"

#define FUNCTIONS 2u
#define QUEUES 2u
#define COMMAND 4u
#define MEMORY 2u		/* bit of the command: BARs are decoded */
#define BAR0 0x10u

/* Addresses for BAR 0; the first two are those of the functions at first. */
#define A VARCH_PCI_WINDOW_GPA
#define B (A + VIRTDEV_PCI_BAR0_SIZE)
#define C (B + VIRTDEV_PCI_BAR0_SIZE)
#define BEYOND (VARCH_PCI_WINDOW_GPA + VARCH_PCI_WINDOW_LEN)

static struct {
	struct varch_ioeventfd io[4 * QUEUES];	/* event_fd -1: free */
	unsigned int calls, refused;
	unsigned int lines, messages, logged;
	bool line, line_at_end;	/* at_end: when the main thread ended a CPU's wait */
	bool send_fails;
	uint32_t sender, data;	/* of the last message */
	uint64_t address;
} kvm;

static struct varch_pci_host host;
static struct vmm_virtio_resources resources[FUNCTIONS];
static struct vmm_virtio *virtio[FUNCTIONS];
static struct virtdev *device[FUNCTIONS];
static int attach_fds;		/* descriptors of an attached function */
static bool is_freed;		/* function 0, while a CPU waits for the main thread */

/* ---------------------------------------------------------------- KVM and CPUs */

/* Used: with LTO, gcc does not see that the linker will refer to the wrappers. */

static struct varch_ioeventfd *io_at(uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < sizeof(kvm.io) / sizeof(kvm.io[0]); i++)
		if (kvm.io[i].event_fd >= 0 && kvm.io[i].gpa == gpa)
			return &kvm.io[i];
	return NULL;
}

static struct varch_ioeventfd *io_free(void)
{
	unsigned int i = 0;

	while (kvm.io[i].event_fd >= 0)
		ck_assert_uint_lt(++i, sizeof(kvm.io) / sizeof(kvm.io[0]));
	return &kvm.io[i];
}

int __attribute__((used))
__wrap_varch_vm_ioeventfd(const struct varch_vm *k, const struct varch_ioeventfd *io,
			     bool on, struct vsu_error *err);
/* One address has one eventfd, as in KVM. */
int __wrap_varch_vm_ioeventfd(const struct varch_vm *k, const struct varch_ioeventfd *io,
			     bool on, struct vsu_error *err)
{
	struct varch_ioeventfd *at = io_at(io->gpa);

	(void)k;
	(void)err;
	kvm.calls++;
	if (on && !at) {
		*io_free() = *io;
		return 0;
	}
	if (on || !at || at->event_fd != io->event_fd) {
		kvm.refused++;
		return on ? -EEXIST : -ENOENT;
	}
	at->event_fd = -1;
	return 0;
}

int __attribute__((used))
__wrap_varch_vm_set_line(const struct varch_vm *k, uint32_t line, bool high);
int __wrap_varch_vm_set_line(const struct varch_vm *k, uint32_t line, bool high)
{
	(void)k;
	(void)line;
	kvm.lines++;
	kvm.line = high;
	return 0;
}

int __attribute__((used))
__wrap_varch_vm_send_msi(const struct varch_vm *k, uint32_t sender, uint64_t address, uint32_t data);
int __wrap_varch_vm_send_msi(const struct varch_vm *k, uint32_t sender, uint64_t address, uint32_t data)
{
	(void)k;
	kvm.messages++;
	kvm.sender = sender;
	kvm.address = address;
	kvm.data = data;
	return kvm.send_fails ? -EINVAL : 0;
}

/* Without CPUs every access is one of the main thread. */
void __attribute__((used))
__wrap_varch_cpus_call_main(struct varch_cpus *cpus, varch_main_call_fn fn, void *opaque);
void __wrap_varch_cpus_call_main(struct varch_cpus *cpus, varch_main_call_fn fn, void *opaque)
{
	ck_assert_ptr_null(cpus);
	ck_assert(!fn(opaque, NULL));
	if (is_freed) {
		vmm_virtio_free(virtio[0]);
		virtio[0] = NULL;
	}
}

void __attribute__((used))
__wrap_varch_cpus_call_done(struct varch_cpus *cpus, struct varch_main_call *call);
void __wrap_varch_cpus_call_done(struct varch_cpus *cpus, struct varch_main_call *call)
{
	(void)cpus;
	(void)call;
	kvm.line_at_end = kvm.line;
}

/* --------------------------------------------------------------------- the rig */

static void on_line(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)opaque;
	(void)level;
	ck_assert_str_eq(cause, "route");
	ck_assert_ptr_nonnull(strstr(text, "0x1fee00000"));
	kvm.logged++;
}

static void function_make(unsigned int i)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = QUEUES, .queue_size_max = 16,
		.features = VQ_F_VERSION_1,
	};
	static const struct vmm_log log = { .line = on_line };
	struct vmm_virtio_resources *own = &resources[i];
	int before;

	*own = (struct vmm_virtio_resources){
		.loop = loop_begin(), .space = rig_space(), .pci = &host,
		.slot = i + 1, .gpa = A + i * VIRTDEV_PCI_BAR0_SIZE, .log = &log,
	};
	ck_assert_int_eq(virtdev_new(&ops, &info, &host, &device[i], NULL), 0);
	ck_assert_int_eq(vmm_virtio_local(own, device[i], NULL, &virtio[i], NULL), 0);
	before = vsu_fd_count();
	ck_assert_int_eq(vmm_virtio_attach_pci(virtio[i], NULL), 0);
	attach_fds = vsu_fd_count() - before;
}

static void setup(void)
{
	unsigned int i;

	memset(&host, 0, sizeof(host));
	memset(&kvm, 0, sizeof(kvm));
	for (i = 0; i < sizeof(kvm.io) / sizeof(kvm.io[0]); i++)
		kvm.io[i].event_fd = -1;
	for (i = 0; i < FUNCTIONS; i++)
		function_make(i);
}

static void teardown(void)
{
	unsigned int i;

	ck_assert_uint_eq(kvm.refused, 0);
	for (i = 0; i < FUNCTIONS; i++) {
		vmm_virtio_free(virtio[i]);
		vmem_space_reclaim(resources[i].space);
		vmem_space_free(resources[i].space);
		vsu_loop_free(resources[i].loop);
	}
}

static void space_write(unsigned int i, uint32_t at, uint64_t value)
{
	const struct varch_pci_function *f = &host.functions[i + 1];
	struct varch_access access = { .offset = at, .len = 4, .write = true,
				     .value = value };

	f->space(f->opaque, &access);
}

static void decode(unsigned int i, bool on)
{
	space_write(i, COMMAND, on ? MEMORY : 0);
}

/*
 * Moves the BAR as Linux does: with decoding off, so that no half of an address
 * takes effect.
 */
static void move(unsigned int i, uint64_t gpa)
{
	decode(i, false);
	space_write(i, BAR0, (uint32_t)gpa);
	space_write(i, BAR0 + 4, gpa >> 32);
	decode(i, true);
}

/* Whether a store to the notify registers at gpa kicks the function's queues. */
static bool notifies(unsigned int i, uint64_t gpa)
{
	const struct varch_ioeventfd *io;
	uint32_t queue;

	for (queue = 0; queue < QUEUES; queue++) {
		io = io_at(gpa + VIRTDEV_PCI_NOTIFY +
			   queue * VIRTDEV_PCI_NOTIFY_STEP);
		if (!io || io->event_fd != vmm_virtio_kick_fd(virtio[i], queue))
			return false;
	}
	return true;
}

static uint64_t registers_of(unsigned int i)
{
	return host.functions[i + 1].gpa;
}

/* ------------------------------------------------------------------ the claims */

START_TEST(registers_are_absent_until_memory_is_enabled)
{
	ck_assert_uint_eq(registers_of(0), VARCH_PCI_NOWHERE);
	ck_assert_uint_eq(kvm.calls, 0);
	decode(0, true);
	decode(1, true);
	ck_assert_uint_eq(registers_of(0), A);
	ck_assert_uint_eq(registers_of(1), B);
	ck_assert(notifies(0, A) && notifies(1, B));
}
END_TEST

START_TEST(notifications_follow_a_moved_bar)
{
	decode(0, true);
	move(0, C);
	ck_assert_uint_eq(registers_of(0), C);
	ck_assert(notifies(0, C));
	ck_assert_ptr_null(io_at(A + VIRTDEV_PCI_NOTIFY));
}
END_TEST

START_TEST(disabling_memory_costs_no_call_of_kvm)
{
	unsigned int before, i;

	decode(0, true);
	before = kvm.calls;
	for (i = 0; i < 10; i++) {
		decode(0, false);
		ck_assert_uint_eq(registers_of(0), VARCH_PCI_NOWHERE);
		decode(0, true);
		ck_assert_uint_eq(registers_of(0), A);
	}
	ck_assert_uint_eq(kvm.calls, before);
}
END_TEST

START_TEST(function_may_use_the_address_of_a_disabled_one)
{
	decode(0, true);
	decode(0, false);
	move(1, A);
	ck_assert_uint_eq(registers_of(1), A);
	ck_assert(notifies(1, A));
	move(0, B);
	ck_assert(notifies(0, B) && notifies(1, A));
}
END_TEST

START_TEST(two_functions_can_exchange_their_addresses)
{
	decode(0, true);
	decode(1, true);
	decode(0, false);
	decode(1, false);
	move(0, B);
	move(1, A);
	ck_assert(notifies(0, B) && notifies(1, A));
	ck_assert_uint_eq(registers_of(0), B);
	ck_assert_uint_eq(registers_of(1), A);
}
END_TEST

START_TEST(a_neighbour_keeps_the_notifications_of_a_disabled_function)
{
	unsigned int before;

	decode(0, true);
	decode(0, false);
	move(1, B);
	ck_assert(notifies(0, A) && notifies(1, B));
	before = kvm.calls;
	decode(0, true);
	ck_assert_uint_eq(kvm.calls, before);
}
END_TEST

START_TEST(registers_beyond_the_window_are_absent)
{
	decode(0, true);
	move(0, BEYOND);
	ck_assert_uint_eq(registers_of(0), VARCH_PCI_NOWHERE);
	move(0, UINT64_C(1) << 40);
	ck_assert_uint_eq(registers_of(0), VARCH_PCI_NOWHERE);
	ck_assert_ptr_null(io_at(BEYOND + VIRTDEV_PCI_NOTIFY));
	move(0, BEYOND - VIRTDEV_PCI_BAR0_SIZE);
	ck_assert(notifies(0, BEYOND - VIRTDEV_PCI_BAR0_SIZE));
}
END_TEST

/* ------------------------------------------- registers by the configuration space */

#define CAPABILITIES 0x34u
#define VENDOR 9u	/* id of a capability */
#define ACCESS 5u	/* its type: the capability for accesses (VIRTIO 1.3, section 4.1.4.9) */
enum { FEATURE_SELECT = 8, FEATURE = 12, STATUS = 20, QUEUE_SIZE = 24, QUEUE_ENABLE = 28 };

static uint32_t space_read(unsigned int i, uint32_t at, uint32_t len)
{
	const struct varch_pci_function *f = &host.functions[i + 1];
	struct varch_access access = { .offset = at, .len = len };

	f->space(f->opaque, &access);
	return (uint32_t)access.value;
}

static uint32_t window_of(unsigned int i)
{
	uint32_t at = space_read(i, CAPABILITIES, 1);

	while (at && (space_read(i, at, 1) != VENDOR || space_read(i, at + 3, 1) != ACCESS))
		at = space_read(i, at + 1, 1);
	ck_assert_uint_ne(at, 0);
	return at;
}

static void write_register(unsigned int i, uint32_t offset, uint32_t len, uint32_t value)
{
	const uint32_t at = window_of(i);

	space_write(i, at + 8, offset);
	space_write(i, at + 12, len);
	space_write(i, at + 16, value);
}

static bool is_kicked(unsigned int i)
{
	struct pollfd p = { .fd = vmm_virtio_kick_fd(virtio[i], 1), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(notification_by_the_configuration_space_kicks_its_queue)
{
	const uint32_t notify = VIRTDEV_PCI_NOTIFY + VIRTDEV_PCI_NOTIFY_STEP;

	write_register(0, STATUS, 1, 3);
	write_register(0, FEATURE_SELECT, 4, 1);
	write_register(0, FEATURE, 4, 1);
	write_register(0, STATUS, 1, 11);
	write_register(0, 22, 2, 1);
	write_register(0, QUEUE_SIZE, 2, 16);
	write_register(0, QUEUE_ENABLE, 2, 1);
	write_register(0, notify, 2, 1);
	ck_assert(!is_kicked(0));
	write_register(0, STATUS, 1, 15);
	vsu_event_drain(vmm_virtio_kick_fd(virtio[0], 1), NULL);	/* that of its start */
	write_register(0, notify, 2, 1);
	ck_assert(is_kicked(0) && !is_kicked(1));
}
END_TEST

/* ---------------------------------------------------------------- interrupts */

#define NO_INTX 0x400u		/* bit of the command */
#define MASTER 4u
#define MSIX 0x11u		/* id of a capability */
#define ENABLE 0x80000000u
#define ISR 0x1000u
#define CONFIG_VECTOR 16u
#define TABLE 0x4000u
#define ROUTE UINT64_C(0x1fee00000)

static uint64_t access_register(unsigned int i, uint64_t offset, uint32_t len, bool write, uint64_t value)
{
	const struct varch_pci_function *f = &host.functions[i + 1];
	struct varch_access access = { .offset = offset, .len = len, .write = write, .value = value };

	f->registers(f->opaque, &access);
	return access.value;
}

static void set_vector(uint32_t vector, uint64_t address, uint32_t data)
{
	const uint64_t at = TABLE + vector * UINT64_C(16);

	access_register(0, at + 12, 4, true, 1);
	access_register(0, at, 8, true, address);
	access_register(0, at + 8, 4, true, data);
	access_register(0, at + 12, 4, true, 0);
}

static void start_driver(void)
{
	space_write(0, COMMAND, MEMORY | MASTER);
	access_register(0, STATUS, 1, true, 3);
	access_register(0, FEATURE_SELECT, 4, true, 1);
	access_register(0, FEATURE, 4, true, 1);
	access_register(0, STATUS, 1, true, 11);
	access_register(0, STATUS, 1, true, 15);
}

static void start_with_messages(void)
{
	uint32_t at = space_read(0, CAPABILITIES, 1);

	start_driver();
	while (space_read(0, at, 1) != MSIX)
		at = space_read(0, at + 1, 1);
	space_write(0, at, ENABLE);
	access_register(0, CONFIG_VECTOR, 2, true, 1);
}

START_TEST(function_needs_no_descriptors)
{
	ck_assert_int_eq(attach_fds, 0);
}
END_TEST

START_TEST(interrupt_sends_the_message_of_its_vector)
{
	start_with_messages();
	virtdev_config_changed(device[0]);
	ck_assert_uint_eq(kvm.messages, 0);
	set_vector(0, 0xfee00000, 0x30);
	set_vector(1, 0xfee01000, 0x41);
	ck_assert_uint_eq(kvm.messages, 1);	/* it was pending */
	virtdev_config_changed(device[0]);
	ck_assert_uint_eq(kvm.messages, 2);
	ck_assert_uint_eq(kvm.sender, 8);
	ck_assert_uint_eq(kvm.address, 0xfee01000);
	ck_assert_uint_eq(kvm.data, 0x41);
	ck_assert(!kvm.line);
}
END_TEST

START_TEST(a3_26_routes_cost_no_call_of_kvm)
{
	unsigned int calls, lines;
	uint32_t i;

	start_with_messages();
	calls = kvm.calls;
	lines = kvm.lines;
	for (i = 0; i < 100; i++)
		set_vector(i % (QUEUES + 1), 0xfee00000 + (i << 12), i);
	ck_assert_uint_eq(kvm.calls, calls);
	ck_assert_uint_eq(kvm.lines, lines);
	ck_assert_uint_eq(kvm.messages, 0);
}
END_TEST

START_TEST(refused_message_is_logged_once_for_each_route)
{
	kvm.send_fails = true;
	start_with_messages();
	set_vector(1, ROUTE, 1);
	virtdev_config_changed(device[0]);
	virtdev_config_changed(device[0]);
	ck_assert_uint_eq(kvm.logged, 1);
	set_vector(1, ROUTE, 2);
	virtdev_config_changed(device[0]);
	ck_assert_uint_eq(kvm.logged, 2);
	ck_assert_uint_eq(kvm.messages, 3);
}
END_TEST

START_TEST(line_is_high_until_its_status_is_read)
{
	unsigned int before;

	start_driver();
	ck_assert(!kvm.line);
	virtdev_config_changed(device[0]);
	ck_assert(kvm.line);
	before = kvm.lines;
	virtdev_config_changed(device[0]);
	ck_assert_uint_eq(kvm.lines, before);
	ck_assert_uint_eq(access_register(0, ISR, 1, false, 0), 2);
	ck_assert(!kvm.line);
	access_register(0, ISR, 1, false, 0);
	ck_assert_uint_eq(kvm.lines, before + 1);
}
END_TEST

START_TEST(line_follows_command_and_reset)
{
	start_driver();
	virtdev_config_changed(device[0]);
	space_write(0, COMMAND, MEMORY | MASTER | NO_INTX);
	ck_assert(!kvm.line);
	space_write(0, COMMAND, MEMORY | MASTER);
	ck_assert(kvm.line);
	access_register(0, STATUS, 1, true, 0);
	ck_assert(!kvm.line);
}
END_TEST

/* From then on the device may be freed. */
START_TEST(line_is_set_before_a_waiting_cpu_continues)
{
	start_driver();
	virtdev_config_changed(device[0]);
	space_write(0, COMMAND, MEMORY | MASTER | NO_INTX);
	ck_assert(!kvm.line_at_end);
	space_write(0, COMMAND, MEMORY | MASTER);
	ck_assert(kvm.line_at_end);
	access_register(0, STATUS, 1, true, 0);
	ck_assert(!kvm.line_at_end);
}
END_TEST

START_TEST(function_can_be_freed_before_a_waiting_cpu_continues)
{
	const struct varch_pci_function f = host.functions[1];
	struct varch_access access = { .offset = COMMAND, .len = 4, .write = true, .value = MEMORY };

	is_freed = true;
	f.space(f.opaque, &access);
	is_freed = false;
	ck_assert_ptr_null(virtio[0]);
}
END_TEST

/* A controller that was loaded may have it high without a reason. */
START_TEST(first_access_lowers_an_unknown_line)
{
	kvm.line = true;
	decode(0, true);
	ck_assert(!kvm.line);
	ck_assert_uint_eq(kvm.lines, 1);
}
END_TEST

START_TEST(freed_function_leaves_its_line_low)
{
	start_driver();
	virtdev_config_changed(device[0]);
	ck_assert(kvm.line);
	vmm_virtio_free(virtio[0]);
	virtio[0] = NULL;
	ck_assert(!kvm.line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio-pci");
	TCase *tc = tcase_create("bars");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, registers_are_absent_until_memory_is_enabled);
	tcase_add_test(tc, notifications_follow_a_moved_bar);
	tcase_add_test(tc, disabling_memory_costs_no_call_of_kvm);
	tcase_add_test(tc, function_may_use_the_address_of_a_disabled_one);
	tcase_add_test(tc, two_functions_can_exchange_their_addresses);
	tcase_add_test(tc, a_neighbour_keeps_the_notifications_of_a_disabled_function);
	tcase_add_test(tc, registers_beyond_the_window_are_absent);
	tcase_add_test(tc, notification_by_the_configuration_space_kicks_its_queue);
	suite_add_tcase(s, tc);
	tc = tcase_create("interrupts");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, function_needs_no_descriptors);
	tcase_add_test(tc, interrupt_sends_the_message_of_its_vector);
	tcase_add_test(tc, a3_26_routes_cost_no_call_of_kvm);
	tcase_add_test(tc, refused_message_is_logged_once_for_each_route);
	tcase_add_test(tc, line_is_high_until_its_status_is_read);
	tcase_add_test(tc, line_follows_command_and_reset);
	tcase_add_test(tc, line_is_set_before_a_waiting_cpu_continues);
	tcase_add_test(tc, function_can_be_freed_before_a_waiting_cpu_continues);
	tcase_add_test(tc, first_access_lowers_an_unknown_line);
	tcase_add_test(tc, freed_function_leaves_its_line_low);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
