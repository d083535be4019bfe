/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the small ports: reset, power, parking, the clock. */
#include <config.h>

#include <vm-arch/arch.h>
#include <vm-arch/boot_protocol.h>
#include <vm-arch/bus.h>
#include <vm-arch/x86/ports.h>
#include <vmm-sys-util/event.h>

#include "../../util.h"

static struct varch_bus bus;
static struct varch_power ports;
static unsigned int resets, powers, offs, panics;
static uint8_t status;

static void on_power(void *opaque, uint8_t value)
{
	ck_assert_ptr_eq(opaque, &ports);
	status = value;
	powers++;
}

static void on_reset(void *opaque)
{
	ck_assert_ptr_eq(opaque, &ports);
	resets++;
}

static void on_power_off(void *opaque)
{
	ck_assert_ptr_eq(opaque, &ports);
	offs++;
}

static void on_panic(void *opaque)
{
	ck_assert_ptr_eq(opaque, &ports);
	panics++;
}

static void setup(void)
{
	bus = (struct varch_bus){ 0 };
	ports = (struct varch_power){ .power = on_power, .reset = on_reset,
				    .power_off = on_power_off,
				    .panic = on_panic, .opaque = &ports };
	resets = powers = offs = panics = 0;
	ck_assert_int_eq(varch_power_add(&ports, &bus, NULL), 0);
}

/* True if the store parks the CPU. */
static bool out(uint64_t port, uint32_t len, uint64_t value)
{
	struct varch_access access = { .value = value, .len = len, .write = true };

	varch_bus_access(&bus, port, &access);
	return access.park;
}

static struct varch_access in(uint64_t port, uint32_t len)
{
	struct varch_access access = { .len = len };

	varch_bus_access(&bus, port, &access);
	return access;
}

START_TEST(store_to_the_power_port_ends_the_machine_with_its_status)
{
	ck_assert(out(CVMM_PORT_POWER, 1, 42));
	ck_assert_uint_eq(powers, 1);
	ck_assert_uint_eq(status, 42);
}
END_TEST

START_TEST(a_status_has_eight_bits_whatever_the_store_was)
{
	ck_assert(out(CVMM_PORT_POWER, 4, 0x12345607));
	ck_assert_uint_eq(status, 7);
}
END_TEST

START_TEST(load_from_the_power_port_has_no_effect)
{
	ck_assert(!in(CVMM_PORT_POWER, 1).park);
	ck_assert_uint_eq(powers, 0);
}
END_TEST

START_TEST(a_cpu_that_loads_from_the_park_port_stops_for_good)
{
	ck_assert(in(CVMM_PORT_PARK, 1).park);
	ck_assert(!out(CVMM_PORT_PARK, 1, 1));
	ck_assert_uint_eq(powers + resets, 0);
}
END_TEST

START_TEST(only_the_reset_command_to_the_keyboard_controller_resets)
{
	out(CVMM_PORT_I8042, 1, 0xfd);
	out(CVMM_PORT_I8042 - 4, 1, 0xfe);	/* its data port */
	in(CVMM_PORT_I8042, 1);
	ck_assert_uint_eq(resets, 0);
	ck_assert(!out(CVMM_PORT_I8042, 1, 0xfe));
	ck_assert_uint_eq(resets, 1);
}
END_TEST

START_TEST(the_clock_counts_milliseconds_from_the_start)
{
	uint64_t ms;

	ports.start_ns -= UINT64_C(5000000000);
	ms = in(CVMM_PORT_CLOCK, 4).value;
	ck_assert_uint_ge(ms, 5000);
	ck_assert_uint_le(ms, (vsu_now_ns() - ports.start_ns) / 1000000);
	ck_assert_uint_ge(in(CVMM_PORT_CLOCK, 4).value, ms);
}
END_TEST

START_TEST(the_clock_cannot_be_set)
{
	ports.start_ns -= UINT64_C(5000000000);
	ck_assert(!out(CVMM_PORT_CLOCK, 4, 0));
	ck_assert_uint_ge(in(CVMM_PORT_CLOCK, 4).value, 5000);
}
END_TEST

START_TEST(sleep_state_5_powers_off_and_no_other_store_does)
{
	unsigned int type;

	for (type = 0; type < 8; type++)
		if (type != 5)
			ck_assert(!out(VARCH_PORT_SLEEP_CONTROL, 1,
				       type << 2 | 0x20));
	ck_assert(!out(VARCH_PORT_SLEEP_CONTROL, 1, 5 << 2));
	ck_assert(!out(VARCH_PORT_SLEEP_STATUS, 1, 5 << 2 | 0x20));
	ck_assert_uint_eq(in(VARCH_PORT_SLEEP_STATUS, 1).value, 0);
	ck_assert_uint_eq(offs, 0);
	ck_assert(out(VARCH_PORT_SLEEP_CONTROL, 1, 5 << 2 | 0x20));
	ck_assert_uint_eq(offs, 1);
	ck_assert_uint_eq(resets + powers, 0);
}
END_TEST

START_TEST(reset_register_takes_its_value_alone)
{
	ck_assert(!out(VARCH_PORT_RESET, 1, 0));
	ck_assert(!out(VARCH_PORT_RESET, 1, 0x80));
	ck_assert_uint_eq(resets, 0);
	ck_assert(out(VARCH_PORT_RESET, 1, VARCH_RESET_VALUE));
	ck_assert_uint_eq(resets, 1);
}
END_TEST

START_TEST(panic_port_lists_its_events_and_accepts_them)
{
	ck_assert_uint_eq(in(VARCH_PORT_PANIC, 1).value, 1);
	ck_assert(!out(VARCH_PORT_PANIC, 1, 0x2));
	ck_assert_uint_eq(panics, 0);
	ck_assert(out(VARCH_PORT_PANIC, 1, 0x1));
	ck_assert_uint_eq(panics, 1);
}
END_TEST

/* A kernel waits for the clock's update bit, and for the keyboard's input. */
START_TEST(absent_clock_and_keyboard_never_appear_busy)
{
	out(0x70, 1, 0x0a);
	ck_assert_uint_eq(in(0x71, 1).value, 0);
	ck_assert_uint_eq(in(0x61, 1).value, 0);
	ck_assert_uint_eq(in(0x64, 1).value, 0);
}
END_TEST

START_TEST(ports_that_lie_on_others_are_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(varch_power_add(&ports, &bus, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "speaker gate"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ports");
	TCase *t = tcase_create("ports");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, store_to_the_power_port_ends_the_machine_with_its_status);
	tcase_add_test(t, a_status_has_eight_bits_whatever_the_store_was);
	tcase_add_test(t, load_from_the_power_port_has_no_effect);
	tcase_add_test(t, a_cpu_that_loads_from_the_park_port_stops_for_good);
	tcase_add_test(t, only_the_reset_command_to_the_keyboard_controller_resets);
	tcase_add_test(t, the_clock_counts_milliseconds_from_the_start);
	tcase_add_test(t, the_clock_cannot_be_set);
	tcase_add_test(t, sleep_state_5_powers_off_and_no_other_store_does);
	tcase_add_test(t, reset_register_takes_its_value_alone);
	tcase_add_test(t, panic_port_lists_its_events_and_accepts_them);
	tcase_add_test(t, absent_clock_and_keyboard_never_appear_busy);
	tcase_add_test(t, ports_that_lie_on_others_are_refused_by_name);
	suite_add_tcase(s, t);
	return run_suite(s);
}
