/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a virtio function on a PCI bus. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/pci.h>

#include "../suite.h"
#include "core/state_priv.h"
#include "transport/pci_priv.h"

#define COMMAND 0x04u
#define BAR(n) (0x10u + 4 * (n))
#define ISR 0x1000u
#define TABLE 0x4000u
#define CONFIG_VECTOR 16u
#define STATUS 20u
#define QUEUE_SEL 22u
#define QUEUE_VECTOR 26u
#define NO_VECTOR 0xffffu

/* In the command register: memory, bus master. */
enum { MEMORY = 2, MASTER = 4, NO_INTX = 0x400 };

static const struct virtdev_pci_region regions[] = {
	{ 0, 0x3000, 1 }, { 0x4000, UINT64_C(1) << 33, 7 },
};

struct rig {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_pci *p;
	unsigned int messages[4], routes, lines, moves, notified;
	uint32_t last_queue;
	uint64_t bars[3];
};

static struct rig rig;

static void on_message(void *opaque, uint32_t vector)
{
	((struct rig *)opaque)->messages[vector]++;
}

static void on_route(void *opaque, uint32_t vector, uint64_t address, uint32_t data)
{
	(void)vector;
	(void)address;
	(void)data;
	((struct rig *)opaque)->routes++;
}

static void on_intx(void *opaque)
{
	((struct rig *)opaque)->lines++;
}

static void on_bar_moved(void *opaque, unsigned int bar, uint64_t gpa)
{
	struct rig *r = opaque;

	r->moves++;
	r->bars[bar] = gpa;
}

static void on_notify(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->notified++;
	r->last_queue = queue;
}

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	(void)self;
	memset(buf, (int)off + 1, len);
}

static void make_device(uint32_t nqueues)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.config_read = config_read,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_BLOCK, .nqueues = nqueues,
		.queue_size_max = 16,
		.config_size = 8,
		.features = VQ_F_VERSION_1 | VQ_F_NOTIFICATION_DATA,
	};
	const struct virtdev_transport_ops t_ops = {
		.size = sizeof(t_ops), .notify = on_notify,
		.features = VQ_F_NOTIFICATION_DATA,
	};

	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(rig.dev, &t_ops, &rig, &rig.t,
					       NULL), 0);
}

static int make_function(const struct virtdev_pci_config *config,
			 struct vsu_error *err)
{
	static const struct virtdev_pci_ops ops = {
		.size = sizeof(ops), .message = on_message, .intx = on_intx,
		.bar_moved = on_bar_moved, .route = on_route,
	};

	return virtdev_pci_new(rig.t, config, &ops, &rig, &rig.p, err);
}

static void setup(void)
{
	const struct virtdev_pci_config config = {
		.size = sizeof(config), .regions = regions, .nregions = 2,
	};

	memset(&rig, 0, sizeof(rig));
	make_device(2);
	ck_assert_int_eq(make_function(&config, NULL), 0);
}

static void teardown(void)
{
	virtdev_pci_free(rig.p);
	virtdev_transport_free(rig.t);
	virtdev_free(rig.dev);
}

static uint32_t space_get(uint32_t at, uint32_t len)
{
	return virtdev_pci_config_read(rig.p, at, len);
}

static void space_set(uint32_t at, uint32_t len, uint32_t value)
{
	virtdev_pci_config_write(rig.p, at, len, value);
}

static void bar_set(uint32_t at, uint32_t len, uint64_t value)
{
	virtdev_pci_write(rig.p, at, len, value);
}

static uint32_t bar_get(uint32_t at, uint32_t len)
{
	return (uint32_t)virtdev_pci_read(rig.p, at, len);
}

/*
 * Finds a capability by its id and, for vendor capabilities, virtio's type; 0:
 * absent.
 */
static uint32_t capability_find(uint32_t id, uint32_t type)
{
	uint32_t at = space_get(0x34, 1), hops = 0;

	for (; at && hops < 32; at = space_get(at + 1, 1), hops++)
		if (space_get(at, 1) == id &&
		    (id != 9 || space_get(at + 3, 1) == type))
			return at;
	ck_assert_uint_lt(hops, 32);
	return 0;
}

static void msix_enable(void)
{
	space_set(COMMAND, 2, MEMORY | MASTER);
	space_set(capability_find(0x11, 0) + 2, 2, 0x8000);
}

/* Like a driver that uses vector 0 for the configuration. */
static void vectors_choose(void)
{
	uint32_t i;

	bar_set(CONFIG_VECTOR, 2, 0);
	for (i = 0; i < 2; i++) {
		bar_set(QUEUE_SEL, 2, i);
		bar_set(QUEUE_VECTOR, 2, i + 1);
	}
	for (i = 0; i < 3; i++)
		bar_set(TABLE + 16 * i + 12, 4, 0);
}

static void driver_start(uint64_t features)
{
	bar_set(STATUS, 1, 3);
	bar_set(8, 4, 1);
	bar_set(12, 4, features >> 32);
	bar_set(STATUS, 1, 11);
	bar_set(QUEUE_SEL, 2, 1);
	bar_set(28, 2, 1);
	bar_set(STATUS, 1, 15);
	ck_assert_uint_eq(bar_get(STATUS, 1), 15);
}

START_TEST(identity_is_that_of_a_modern_block_device)
{
	ck_assert_uint_eq(space_get(0, 4), 0x10421af4);
	ck_assert_uint_ge(space_get(8, 1), 1);
	ck_assert_uint_eq(space_get(0x0a, 2), 0x0180);
	ck_assert_uint_eq(space_get(0x0e, 1), 0);
	ck_assert_uint_eq(space_get(6, 2) & 0x10, 0x10);
	ck_assert_uint_eq(space_get(0x3d, 1), 1);
}
END_TEST

START_TEST(every_area_has_a_capability_in_bar_0)
{
	uint32_t type, at, end;

	for (type = 1; type <= 4; type++) {
		at = capability_find(9, type);
		ck_assert_uint_ne(at, 0);
		ck_assert_uint_eq(space_get(at + 4, 1), 0);
		end = space_get(at + 8, 4) + space_get(at + 12, 4);
		ck_assert_uint_le(end, VIRTDEV_PCI_BAR0_SIZE);
	}
	at = capability_find(9, 2);
	ck_assert_uint_eq(space_get(at + 16, 4), VIRTDEV_PCI_NOTIFY_STEP);
	ck_assert_uint_eq(space_get(capability_find(0x11, 0) + 2, 2), 2);
}
END_TEST

START_TEST(shared_memory_regions_have_capabilities_of_64_bits)
{
	uint32_t at = capability_find(9, 8);

	ck_assert_uint_eq(space_get(at + 4, 1), 2);
	ck_assert_uint_eq(space_get(at + 5, 1), 1);
	ck_assert_uint_eq(space_get(at + 12, 4), 0x3000);
	at = space_get(at + 1, 1);
	ck_assert_uint_eq(space_get(at + 3, 1), 8);
	ck_assert_uint_eq(space_get(at + 5, 1), 7);
	ck_assert_uint_eq(space_get(at + 8, 4), 0x4000);
	ck_assert_uint_eq(space_get(at + 20, 4), 2);
}
END_TEST

START_TEST(bar_reads_its_size_and_decodes_its_address)
{
	space_set(BAR(0), 4, UINT32_MAX);
	ck_assert_uint_eq(space_get(BAR(0), 4), 0xffff0004);
	space_set(BAR(1), 4, UINT32_MAX);
	ck_assert_uint_eq(space_get(BAR(1), 4), UINT32_MAX);
	space_set(BAR(2), 4, UINT32_MAX);
	ck_assert_uint_eq(space_get(BAR(2), 4), 0x0000000c);
	ck_assert_uint_eq(space_get(BAR(4), 4), 0);
	ck_assert_uint_eq(rig.moves, 0);
	virtdev_pci_place_bar(rig.p, 0, UINT64_C(0x1234560000));
	virtdev_pci_place_bar(rig.p, 2, UINT64_C(1) << 40);
	ck_assert_uint_eq(virtdev_pci_bar(rig.p, 0), VIRTDEV_PCI_UNPLACED);
	space_set(COMMAND, 2, MEMORY);
	ck_assert_uint_eq(rig.moves, 2);
	ck_assert_uint_eq(rig.bars[0], UINT64_C(0x1234560000));
	ck_assert_uint_eq(rig.bars[2], UINT64_C(1) << 40);
	space_set(COMMAND, 2, 0);
	ck_assert_uint_eq(rig.bars[0], VIRTDEV_PCI_UNPLACED);
}
END_TEST

/* Like a driver that sizes a BAR without disabling memory decoding. */
START_TEST(a3_14_bar_at_the_end_of_memory_is_not_decoded)
{
	virtdev_pci_place_bar(rig.p, 0, 0x10000);
	virtdev_pci_place_bar(rig.p, 1, 0x10000);
	space_set(COMMAND, 2, MEMORY);
	space_set(BAR(1), 4, UINT32_MAX);
	space_set(BAR(0), 4, UINT32_MAX);
	ck_assert_uint_eq(rig.bars[0], VIRTDEV_PCI_UNPLACED);
	ck_assert_uint_eq(virtdev_pci_bar(rig.p, 1), VIRTDEV_PCI_UNPLACED);
}
END_TEST

START_TEST(each_source_uses_the_vector_set_by_the_driver)
{
	msix_enable();
	vectors_choose();
	virtdev_transport_interrupt(rig.t, 1);
	ck_assert_uint_eq(rig.messages[2], 1);
	virtdev_transport_interrupt(rig.t, 0);
	ck_assert_uint_eq(rig.messages[1], 1);
	virtdev_transport_interrupt(rig.t, VIRTDEV_INTERRUPT_CONFIG);
	ck_assert_uint_eq(rig.messages[0], 1);
	ck_assert_uint_eq(rig.lines, 0);
	ck_assert(!virtdev_pci_intx(rig.p));
}
END_TEST

START_TEST(a3_10_invalid_vector_reads_as_no_vector)
{
	msix_enable();
	vectors_choose();
	bar_set(CONFIG_VECTOR, 2, 3);
	ck_assert_uint_eq(bar_get(CONFIG_VECTOR, 2), NO_VECTOR);
	bar_set(QUEUE_SEL, 2, 0);
	bar_set(QUEUE_VECTOR, 2, 0x8000);
	ck_assert_uint_eq(bar_get(QUEUE_VECTOR, 2), NO_VECTOR);
	bar_set(QUEUE_SEL, 2, 2);
	bar_set(QUEUE_VECTOR, 2, 1);
	ck_assert_uint_eq(bar_get(QUEUE_VECTOR, 2), NO_VECTOR);
	virtdev_transport_interrupt(rig.t, 0);
	virtdev_transport_interrupt(rig.t, 2);
	virtdev_transport_interrupt(rig.t, VIRTDEV_INTERRUPT_CONFIG);
	ck_assert_uint_eq(rig.messages[0] + rig.messages[1] + rig.messages[2],
			  0);
}
END_TEST

START_TEST(no_message_is_sent_without_bus_mastering)
{
	msix_enable();
	vectors_choose();
	space_set(COMMAND, 2, MEMORY);
	virtdev_transport_interrupt(rig.t, 0);
	ck_assert_uint_eq(rig.messages[1], 0);
	space_set(COMMAND, 2, MEMORY | MASTER);
	ck_assert_uint_eq(rig.messages[1], 1);
}
END_TEST

/* By a route, KVM would send messages to a driver that expects INTx. */
START_TEST(vectors_have_no_routes_until_msix_is_enabled)
{
	uint32_t i;

	space_set(COMMAND, 2, MEMORY | MASTER);
	vectors_choose();
	for (i = 0; i < 3; i++)
		bar_set(TABLE + 16 * i, 4, 0xfee00000);
	ck_assert_uint_eq(rig.routes, 0);
	msix_enable();
	ck_assert_uint_eq(rig.routes, 3);
}
END_TEST

START_TEST(without_msix_the_line_is_high_until_the_isr_status_is_read)
{
	virtdev_transport_interrupt(rig.t, 0);
	ck_assert_uint_eq(rig.lines, 1);
	ck_assert(virtdev_pci_intx(rig.p));
	ck_assert_uint_eq(space_get(6, 2) & 8, 8);
	virtdev_transport_interrupt(rig.t, VIRTDEV_INTERRUPT_CONFIG);
	ck_assert_uint_eq(bar_get(ISR, 1), 3);
	ck_assert(!virtdev_pci_intx(rig.p));
	ck_assert_uint_eq(space_get(6, 2) & 8, 0);
}
END_TEST

/* Recreates the function on a bus without messages. */
static void remake_without_messages(void)
{
	const struct virtdev_pci_config config = {
		.size = sizeof(config), .vectors = 3,
	};
	static const struct virtdev_pci_ops ops = {
		.size = sizeof(ops), .intx = on_intx,
	};

	virtdev_pci_free(rig.p);
	ck_assert_int_eq(virtdev_pci_new(rig.t, &config, &ops, &rig, &rig.p,
					 NULL), 0);
}

START_TEST(without_a_message_callback_the_function_has_no_msix)
{
	remake_without_messages();
	ck_assert_uint_eq(capability_find(0x11, 0), 0);
	ck_assert_uint_ne(capability_find(9, 1), 0);
	bar_set(CONFIG_VECTOR, 2, 0);
	ck_assert_uint_eq(bar_get(CONFIG_VECTOR, 2), NO_VECTOR);
	bar_set(QUEUE_SEL, 2, 0);
	bar_set(QUEUE_VECTOR, 2, 1);
	ck_assert_uint_eq(bar_get(QUEUE_VECTOR, 2), NO_VECTOR);
	bar_set(TABLE + 12, 4, 0);
	ck_assert_uint_eq(bar_get(TABLE + 12, 4), 0);
}
END_TEST

START_TEST(without_msix_a_driver_gets_the_interrupt_of_each_source)
{
	remake_without_messages();
	space_set(COMMAND, 2, MEMORY | MASTER);
	driver_start(VQ_F_VERSION_1);
	virtdev_transport_interrupt(rig.t, 1);
	ck_assert_uint_eq(rig.lines, 1);
	ck_assert_uint_eq(bar_get(ISR, 1), 1);
	ck_assert(!virtdev_pci_intx(rig.p));
	virtdev_transport_config_changed(rig.t);
	ck_assert_uint_eq(rig.lines, 2);
	ck_assert_uint_eq(bar_get(ISR, 1), 2);
	ck_assert(!virtdev_pci_intx(rig.p));
}
END_TEST

START_TEST(driver_that_disables_msix_gets_intx)
{
	const uint32_t control = capability_find(0x11, 0) + 2;

	msix_enable();
	vectors_choose();
	virtdev_transport_interrupt(rig.t, 0);
	space_set(control, 2, 0);
	ck_assert_uint_eq(rig.lines, 0);
	virtdev_transport_interrupt(rig.t, 0);
	ck_assert_uint_eq(rig.messages[1], 1);
	ck_assert_uint_eq(rig.lines, 1);
	ck_assert(virtdev_pci_intx(rig.p));
	ck_assert_uint_eq(bar_get(ISR, 1), 1);
}
END_TEST

START_TEST(disabled_intx_is_asserted_when_enabled)
{
	space_set(COMMAND, 2, NO_INTX);
	virtdev_transport_interrupt(rig.t, 0);
	ck_assert_uint_eq(rig.lines, 0);
	ck_assert(!virtdev_pci_intx(rig.p));
	space_set(COMMAND, 2, 0);
	ck_assert_uint_eq(rig.lines, 1);
}
END_TEST

/* The window accesses BAR 0 with the configured width. */
START_TEST(configuration_window_accesses_bar_0)
{
	const uint32_t at = capability_find(9, 5);

	space_set(at + 8, 4, STATUS);
	space_set(at + 12, 4, 1);
	space_set(at + 16, 1, 1);
	ck_assert_uint_eq(bar_get(STATUS, 1), 1);
	ck_assert_uint_eq(space_get(at + 16, 1), 1);
	space_set(at + 8, 4, 18);
	space_set(at + 12, 4, 2);
	ck_assert_uint_eq(space_get(at + 16, 2), 2);
}
END_TEST

static const struct {
	uint32_t bar, offset, len;
} bad_windows[] = {
	{ 0, STATUS, 0 }, { 0, STATUS, 3 }, { 0, STATUS, 8 },
	{ 0, STATUS, UINT32_MAX }, { 0, STATUS + 1, 2 }, { 1, STATUS, 1 },
	{ 2, STATUS, 1 }, { 255, STATUS, 1 }, { 0, 0xffffffff, 1 },
	{ 0, VIRTDEV_PCI_BAR0_SIZE, 4 },
};

START_TEST(a3_14_invalid_window_accesses_nothing)
{
	const uint32_t at = capability_find(9, 5);

	space_set(at + 4, 1, bad_windows[_i].bar);
	space_set(at + 8, 4, bad_windows[_i].offset);
	space_set(at + 12, 4, bad_windows[_i].len);
	space_set(at + 16, 4, 1);
	ck_assert_uint_eq(bar_get(STATUS, 1), 0);
	space_get(at + 16, 4);
}
END_TEST

START_TEST(a3_11_configuration_space_accepts_only_aligned_accesses)
{
	ck_assert_uint_eq(space_get(1, 2), UINT32_MAX);
	ck_assert_uint_eq(space_get(0, 3), UINT32_MAX);
	ck_assert_uint_eq(space_get(0xfe, 4), UINT32_MAX);
	ck_assert_uint_eq(space_get(0x100, 4), UINT32_MAX);
	ck_assert_uint_eq(space_get(UINT32_MAX - 3, 4), UINT32_MAX);
	space_set(0x100, 4, 0);
	space_set(2, 4, 0);
	space_set(0, 4, 0);
	ck_assert_uint_eq(space_get(0, 4), 0x10421af4);
}
END_TEST

START_TEST(a3_17_reset_clears_vectors_and_interrupts)
{
	msix_enable();
	vectors_choose();
	virtdev_transport_interrupt(rig.t, VIRTDEV_INTERRUPT_CONFIG);
	bar_set(STATUS, 1, 0);
	ck_assert_uint_eq(bar_get(CONFIG_VECTOR, 2), NO_VECTOR);
	ck_assert_uint_eq(bar_get(QUEUE_SEL, 2), 0);
	ck_assert_uint_eq(bar_get(QUEUE_VECTOR, 2), NO_VECTOR);
	ck_assert_uint_eq(bar_get(ISR, 1), 0);
}
END_TEST

/* A write by the guest and an ioeventfd of the kernel use the same address. */
/* Loads the function's own state with another vector of the configuration or a queue. */
static int load_with_vector(unsigned int source, uint16_t vector)
{
	const size_t at = 8 + PCI_SPACE + 16 + 2 * source;	/* behind head, space and selectors */
	struct virtdev_state_writer w = { .out.max = VIRTDEV_STATE_MAX };
	struct virtdev_state_reader r;
	int rc;

	virtdev_pci_state_save(rig.p, &w);
	ck_assert_uint_lt(at + 2, w.out.len);
	w.out.bytes[at] = (unsigned char)vector;
	w.out.bytes[at + 1] = (unsigned char)(vector >> 8);
	r = (struct virtdev_state_reader){ .in = { .at = w.out.bytes, .left = w.out.len } };
	rc = virtdev_pci_state_load(rig.p, &r, NULL);
	free(w.out.bytes);
	return rc;
}

/* There are three, for the configuration and two queues. */
START_TEST(state_with_an_invalid_vector_is_refused)
{
	const unsigned int source = (unsigned int)_i;

	ck_assert_int_eq(load_with_vector(source, 3), -EBADMSG);
	ck_assert_int_eq(load_with_vector(source, 0xfffe), -EBADMSG);
	ck_assert_int_eq(load_with_vector(source, 2), 0);
	bar_set(QUEUE_SEL, 2, source - 1);
	ck_assert_uint_eq(bar_get(source ? QUEUE_VECTOR : CONFIG_VECTOR, 2), 2);
	ck_assert_int_eq(load_with_vector(source, NO_VECTOR), 0);
}
END_TEST

START_TEST(notification_address_selects_the_queue)
{
	driver_start(VQ_F_VERSION_1);
	bar_set(VIRTDEV_PCI_NOTIFY + VIRTDEV_PCI_NOTIFY_STEP, 2, 0);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(rig.last_queue, 1);
	bar_set(VIRTDEV_PCI_NOTIFY, 2, 1);
	bar_set(VIRTDEV_PCI_NOTIFY + 5, 2, 1);
	bar_set(VIRTDEV_PCI_NOTIFY + 8, 2, 1);
	bar_set(VIRTDEV_PCI_NOTIFY + 4, 1, 1);
	ck_assert_uint_eq(rig.notified, 1);
}
END_TEST

START_TEST(notification_data_requires_all_32_bits)
{
	driver_start(VQ_F_VERSION_1 | VQ_F_NOTIFICATION_DATA);
	bar_set(VIRTDEV_PCI_NOTIFY + VIRTDEV_PCI_NOTIFY_STEP, 4, 0x70003);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(rig.last_queue, 1);
	bar_set(VIRTDEV_PCI_NOTIFY + VIRTDEV_PCI_NOTIFY_STEP, 2, 1);
	ck_assert_uint_eq(rig.notified, 1);
}
END_TEST

START_TEST(fields_have_one_width_and_can_be_read_back)
{
	bar_set(0, 2, 1);
	ck_assert_uint_eq(bar_get(0, 4), 0);
	bar_set(0, 4, 1);
	ck_assert_uint_eq(bar_get(4, 4), (VQ_F_VERSION_1 |
					  VQ_F_NOTIFICATION_DATA) >> 32);
	bar_set(32, 4, 0x1000);
	bar_set(52, 4, 0x12);
	ck_assert_uint_eq(bar_get(32, 4), 0x1000);
	ck_assert_uint_eq(bar_get(52, 4), 0x12);
	bar_set(36, 8, UINT64_MAX);
	ck_assert_uint_eq(bar_get(36, 4), 0);
	ck_assert_uint_eq(bar_get(0x2000, 4), 0x01010101);
	ck_assert_uint_eq(bar_get(UINT32_MAX, 1), 0);
}
END_TEST

START_TEST(accesses_are_classified_by_thread)
{
	ck_assert_int_eq(virtdev_pci_class(STATUS, 1, true),
			 VIRTDEV_ACCESS_CONTROL);
	ck_assert_int_eq(virtdev_pci_class(STATUS, 1, false),
			 VIRTDEV_ACCESS_PLAIN);
	ck_assert_int_eq(virtdev_pci_class(STATUS, 4, true),
			 VIRTDEV_ACCESS_PLAIN);
	ck_assert_int_eq(virtdev_pci_class(ISR, 1, false), VIRTDEV_ACCESS_ANY);
}
END_TEST

static void expect_refused(const struct virtdev_pci_config *config,
			   const char *word)
{
	struct virtdev_pci *p = rig.p;
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(make_function(config, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, word), "%s", err.msg);
	rig.p = p;
}

START_TEST(areas_without_room_are_refused_by_name)
{
	const struct virtdev_pci_region bad[] = { { 0, 0x2000, 0 },
						  { 0x1000, 0x1000, 1 } };
	struct virtdev_pci_config config = { .size = sizeof(config) };

	config.vectors = VIRTDEV_PCI_VECTORS + 1;
	expect_refused(&config, "vectors");
	config.vectors = 0;
	config.nregions = VIRTDEV_PCI_REGIONS + 1;
	expect_refused(&config, "shared memory regions");
	config.nregions = 2;
	expect_refused(&config, "config->regions is NULL");
	config.regions = bad;
	expect_refused(&config, "region 1");
	config.size = 0;
	expect_refused(&config, "struct virtdev_pci_config");
	teardown();
	make_device(VIRTDEV_PCI_QUEUES + 1);
	config.size = sizeof(config);
	rig.p = NULL;
	expect_refused(&config, "queues");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pci");
	TCase *tc = tcase_create("pci");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity_is_that_of_a_modern_block_device);
	tcase_add_test(tc, every_area_has_a_capability_in_bar_0);
	tcase_add_test(tc, shared_memory_regions_have_capabilities_of_64_bits);
	tcase_add_test(tc, bar_reads_its_size_and_decodes_its_address);
	tcase_add_test(tc, a3_14_bar_at_the_end_of_memory_is_not_decoded);
	tcase_add_test(tc, each_source_uses_the_vector_set_by_the_driver);
	tcase_add_test(tc, a3_10_invalid_vector_reads_as_no_vector);
	tcase_add_test(tc,
		no_message_is_sent_without_bus_mastering);
	tcase_add_test(tc, vectors_have_no_routes_until_msix_is_enabled);
	tcase_add_test(tc,
		without_msix_the_line_is_high_until_the_isr_status_is_read);
	tcase_add_test(tc,
		without_a_message_callback_the_function_has_no_msix);
	tcase_add_test(tc,
		without_msix_a_driver_gets_the_interrupt_of_each_source);
	tcase_add_test(tc, driver_that_disables_msix_gets_intx);
	tcase_add_test(tc,
		disabled_intx_is_asserted_when_enabled);
	tcase_add_test(tc, configuration_window_accesses_bar_0);
	tcase_add_loop_test(tc, a3_14_invalid_window_accesses_nothing,
			    0, sizeof(bad_windows) / sizeof(bad_windows[0]));
	tcase_add_test(tc, a3_11_configuration_space_accepts_only_aligned_accesses);
	tcase_add_test(tc, a3_17_reset_clears_vectors_and_interrupts);
	tcase_add_loop_test(tc, state_with_an_invalid_vector_is_refused, 0, 3);
	tcase_add_test(tc, notification_address_selects_the_queue);
	tcase_add_test(tc, notification_data_requires_all_32_bits);
	tcase_add_test(tc, fields_have_one_width_and_can_be_read_back);
	tcase_add_test(tc, accesses_are_classified_by_thread);
	tcase_add_test(tc, areas_without_room_are_refused_by_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
