/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the 16550A, by the registers of its datasheet. */
#include <config.h>


#include "serial/serial_private.h"
#include "../util.h"

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5,
       MSR = 6, SCR = 7 };

static struct varch_serial port;
static unsigned char sent[256];
static unsigned int nsent, edges;

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	sent[nsent++ % sizeof(sent)] = byte;
}

static void on_interrupt(void *opaque)
{
	(void)opaque;
	edges++;
}

static void put(uint64_t offset, uint8_t value)
{
	struct varch_access access = { .offset = offset, .value = value,
				     .len = 1, .write = true };

	varch_serial_access(&port, &access);
}

static void setup(void)
{
	memset(&port, 0, sizeof(port));
	nsent = edges = 0;
	varch_serial_init(&port);
	port.output = on_output;
	port.interrupt = on_interrupt;
	put(FCR, 0x01);
}

static uint8_t get(uint64_t offset)
{
	struct varch_access access = { .offset = offset, .len = 1 };

	varch_serial_access(&port, &access);
	ck_assert_uint_le(access.value, 0xff);
	return (uint8_t)access.value;
}

static void type(const char *text)
{
	ck_assert_uint_eq(varch_serial_input(&port, (const void *)text,
					   strlen(text)), strlen(text));
}

START_TEST(written_byte_goes_out)
{
	put(DATA, 'h');
	put(DATA, 0);
	put(DATA, 0xff);
	ck_assert_uint_eq(nsent, 3);
	ck_assert_mem_eq(sent, "h\0\xff", 3);
}
END_TEST

START_TEST(line_status_reports_room_and_input)
{
	ck_assert_uint_eq(get(LSR), 0x60);
	type("x");
	ck_assert_uint_eq(get(LSR), 0x61);
	ck_assert_uint_eq(get(DATA), 'x');
	ck_assert_uint_eq(get(LSR), 0x60);
}
END_TEST

START_TEST(busy_transmitter_interrupts_when_it_has_room)
{
	put(IER, 2);
	ck_assert_uint_eq(get(IIR) & 0xf, 2);
	varch_serial_set_busy(&port, true);
	put(DATA, 'a');
	ck_assert_uint_eq(nsent, 1);	/* a byte stored despite that is sent */
	ck_assert_uint_eq(get(LSR) & 0x60, 0);
	ck_assert_uint_eq(get(IIR) & 0xf, 1);
	edges = 0;
	varch_serial_set_busy(&port, false);
	ck_assert_uint_eq(edges, 1);
	ck_assert_uint_eq(get(LSR) & 0x60, 0x60);
	ck_assert_uint_eq(get(IIR) & 0xf, 2);
}
END_TEST

START_TEST(input_comes_in_order_and_empty_reads_0)
{
	type("abc");
	ck_assert_uint_eq(get(DATA), 'a');
	type("d");
	ck_assert_uint_eq(get(DATA), 'b');
	ck_assert_uint_eq(get(DATA), 'c');
	ck_assert_uint_eq(get(DATA), 'd');
	ck_assert_uint_eq(get(DATA), 0);
}
END_TEST

START_TEST(fifo_has_16_bytes_and_the_port_without_it_one)
{
	unsigned char many[20];

	memset(many, 'm', sizeof(many));
	ck_assert_uint_eq(varch_serial_room(&port), 16);
	ck_assert_uint_eq(varch_serial_input(&port, many, sizeof(many)), 16);
	ck_assert_uint_eq(varch_serial_room(&port), 0);
	get(DATA);
	ck_assert_uint_eq(varch_serial_room(&port), 1);
	put(FCR, 0x00);
	ck_assert_uint_eq(varch_serial_input(&port, many, sizeof(many)), 1);
	ck_assert_uint_eq(varch_serial_room(&port), 0);
}
END_TEST

START_TEST(switching_the_fifo_on_or_off_clears_it)
{
	type("abc");
	put(FCR, 0x41);
	ck_assert_uint_eq(get(LSR) & 1, 1);	/* stored while the FIFO was on: kept */
	put(FCR, 0x00);
	ck_assert_uint_eq(get(LSR) & 1, 0);
	type("a");
	put(FCR, 0x01);
	ck_assert_uint_eq(get(LSR) & 1, 0);
}
END_TEST

/* The other bits are not programmed while the first is 0. */
START_TEST(fifo_control_without_enable_is_ignored)
{
	put(FCR, 0x00);
	type("a");
	put(FCR, 0xc2);
	ck_assert_uint_eq(get(LSR) & 1, 1);
	put(IER, 0x01);
	ck_assert_uint_eq(get(IIR), 0x04);
}
END_TEST

static const struct { uint8_t fcr; unsigned int level; } triggers[] = {
	{ 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 },
};

START_TEST(trigger_level_separates_data_from_a_timeout)
{
	const unsigned int level = triggers[_i].level;
	unsigned int n;

	put(FCR, triggers[_i].fcr);
	put(IER, 0x01);
	for (n = 1; n <= 16; n++) {
		type("x");
		ck_assert_uint_eq(get(IIR), n < level ? 0xcc : 0xc4);
	}
	for (n = 16; n; n--) {
		ck_assert_uint_eq(get(IIR), n < level ? 0xcc : 0xc4);
		get(DATA);
	}
	ck_assert_uint_eq(get(IIR), 0xc1);
}
END_TEST

START_TEST(port_without_fifo_has_no_timeout)
{
	put(FCR, 0x00);
	put(IER, 0x01);
	type("a");
	ck_assert_uint_eq(get(IIR), 0x04);
	get(DATA);
	type("b");
	ck_assert_uint_eq(edges, 2);
}
END_TEST

START_TEST(clearing_the_fifo_drops_input)
{
	type("abc");
	put(FCR, 0x03);
	ck_assert_uint_eq(get(LSR), 0x60);
	ck_assert_uint_eq(varch_serial_room(&port), 16);
}
END_TEST

START_TEST(identification_contains_the_fifo_state)
{
	ck_assert_uint_eq(get(IIR), 0xc1);
	put(FCR, 0x00);
	ck_assert_uint_eq(get(IIR), 0x01);
}
END_TEST

START_TEST(divisor_latch_hides_data_and_enable)
{
	put(IER, 0x05);
	put(LCR, 0x83);
	put(DATA, 0x34);
	put(IER, 0x12);
	ck_assert_uint_eq(get(DATA), 0x34);
	ck_assert_uint_eq(get(IER), 0x12);
	ck_assert_uint_eq(nsent, 0);
	put(LCR, 0x03);
	ck_assert_uint_eq(get(IER), 0x05);
	ck_assert_uint_eq(get(LCR), 0x03);
}
END_TEST

START_TEST(input_interrupts_when_enabled)
{
	type("a");
	ck_assert_uint_eq(edges, 0);
	put(IER, 0x01);
	ck_assert_uint_eq(edges, 1);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x04);
	get(DATA);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x01);
	type("b");
	ck_assert_uint_eq(edges, 2);
}
END_TEST

START_TEST(input_interrupts_once_until_it_is_read)
{
	put(FCR, 0x81);
	put(IER, 0x01);
	type("a");
	type("bc");
	ck_assert_uint_eq(edges, 1);
	get(DATA);
	get(LSR);
	get(DATA);
	get(DATA);
	ck_assert_uint_eq(edges, 1);
	type("d");
	ck_assert_uint_eq(edges, 2);
}
END_TEST

/*
 * A driver that reads as many bytes as the level states is notified of the
 * rest.
 */
START_TEST(bytes_left_below_the_trigger_level_are_a_timeout_of_their_own)
{
	unsigned int n;

	put(FCR, 0x81);
	put(IER, 0x01);
	type("0123456789");
	ck_assert_uint_eq(edges, 1);
	for (n = 0; n < 2; n++)
		get(DATA);
	ck_assert_uint_eq(edges, 1);
	for (n = 0; n < 8; n++)
		get(DATA);
	ck_assert_uint_eq(edges, 2);
	ck_assert_uint_eq(get(IIR), 0xc1);
}
END_TEST

START_TEST(empty_transmitter_interrupts_and_reading_iir_acknowledges)
{
	put(IER, 0x02);
	ck_assert_uint_eq(edges, 1);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x02);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x01);
	put(DATA, 'x');
	ck_assert_uint_eq(edges, 2);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x02);
}
END_TEST

START_TEST(empty_transmitter_interrupts_once_for_bytes_in_a_row)
{
	unsigned int n;

	put(IER, 0x02);
	get(IIR);
	for (n = 0; n < 16; n++)
		put(DATA, 'x');
	ck_assert_uint_eq(edges, 2);
	get(IIR);
	ck_assert_uint_eq(edges, 2);
}
END_TEST

/* Storing a byte acknowledges as well, for drivers that never read IIR. */
START_TEST(empty_transmitter_interrupts_again_without_iir)
{
	put(IER, 0x02);
	get(LSR);
	put(DATA, 'a');
	get(LSR);
	put(DATA, 'b');
	ck_assert_uint_eq(edges, 3);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x02);
}
END_TEST

/*
 * Line status, data, transmitter, modem: each is reported after the previous
 * ones.
 */
START_TEST(causes_come_by_priority)
{
	unsigned int i;

	put(MCR, 0x10);
	put(MCR, 0x12);		/* a change of the modem's lines */
	for (i = 0; i < 17; i++)
		put(DATA, 'x');
	put(IER, 0x0f);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x06);
	ck_assert_uint_eq(get(LSR), 0x63);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x04);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(get(DATA), 'x');
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x02);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x00);
	ck_assert_uint_ne(get(MSR) & 0x0f, 0);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x01);
	ck_assert_uint_eq(edges, 1);
}
END_TEST

START_TEST(loopback_returns_bytes_and_sends_none)
{
	put(MCR, 0x10);
	put(DATA, 'L');
	ck_assert_uint_eq(nsent, 0);
	ck_assert_uint_eq(get(DATA), 'L');
}
END_TEST

static const struct { uint8_t mcr, msr; } wires[] = {
	{ 0x10, 0x00 }, { 0x11, 0x20 }, { 0x12, 0x10 }, { 0x14, 0x40 },
	{ 0x18, 0x80 }, { 0x1a, 0x90 }, { 0x1f, 0xf0 },
};

/* Drivers detect the port this way. */
START_TEST(loopback_wires_control_to_status)
{
	put(MCR, wires[_i].mcr);
	ck_assert_uint_eq(get(MSR) & 0xf0, wires[_i].msr);
	put(MCR, 0);
	ck_assert_uint_eq(get(MSR) & 0xf0, 0xb0);
}
END_TEST

/* Only the end of a ring is reported; reading clears it. */
START_TEST(modem_status_reports_changes)
{
	put(MCR, 0x10);
	get(MSR);
	put(MCR, 0x1f);
	ck_assert_uint_eq(get(MSR), 0xfb);
	ck_assert_uint_eq(get(MSR), 0xf0);
	put(MCR, 0x1b);
	ck_assert_uint_eq(get(MSR), 0xb4);
	put(MCR, 0x1b);
	ck_assert_uint_eq(get(MSR), 0xb0);
}
END_TEST

/* Loopback disconnects the line: typed input stays with its owner. */
START_TEST(loopback_ignores_input)
{
	put(MCR, 0x10);
	ck_assert_uint_eq(varch_serial_room(&port), 0);
	ck_assert_uint_eq(varch_serial_input(&port, (const void *)"a", 1), 0);
	put(MCR, 0x00);
	ck_assert_uint_eq(varch_serial_room(&port), 16);
}
END_TEST

START_TEST(overrun_is_reported_once_and_keeps_the_fifo)
{
	unsigned int i;

	put(MCR, 0x10);
	for (i = 0; i < 160; i++)
		put(DATA, (uint8_t)i);
	ck_assert_uint_eq(get(LSR), 0x63);
	ck_assert_uint_eq(get(LSR), 0x61);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(get(DATA), i);
	ck_assert_uint_eq(get(LSR), 0x60);
}
END_TEST

START_TEST(overrun_without_fifo_keeps_the_newest_byte)
{
	put(FCR, 0x00);
	put(MCR, 0x10);
	put(DATA, 'a');
	put(DATA, 'b');
	ck_assert_uint_eq(get(LSR), 0x63);
	ck_assert_uint_eq(get(DATA), 'b');
	ck_assert_uint_eq(get(LSR), 0x60);
}
END_TEST

START_TEST(scratch_and_control_keep_what_is_written)
{
	put(SCR, 0xa5);
	put(MCR, 0xff);
	put(IER, 0xff);
	ck_assert_uint_eq(get(SCR), 0xa5);
	ck_assert_uint_eq(get(MCR), 0x1f);
	ck_assert_uint_eq(get(IER), 0x0f);
}
END_TEST

/* The interrupt controller may have been saved before the last edge reached it. */
START_TEST(cause_that_is_pending_interrupts_again_after_a_load)
{
	struct vsu_state_writer w = { 0 };
	struct vsu_state state;

	vsu_state_begin(&w, NULL);
	put(IER, _i ? 0x01 : 0);
	type("x");
	ck_assert_uint_eq(edges, (unsigned int)_i);
	varch_serial_save(&port, &w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	setup();
	ck_assert_int_eq(varch_serial_load(&port, &state, NULL), 0);
	ck_assert_uint_eq(edges, (unsigned int)_i);
	ck_assert_uint_eq(get(DATA), 'x');
	type("y");
	ck_assert_uint_eq(edges, 2 * (unsigned int)_i);
	free(w.out.bytes);
}
END_TEST

/* Bytes that a port with FIFO and one without it cannot have received. */
START_TEST(state_with_more_bytes_than_the_port_holds_is_refused)
{
	const uint32_t count = _i ? 17 : 2, fcr = _i ? 1 : 0;
	struct vsu_error err = VSU_ERROR_INIT;
	struct vsu_state_writer w = { 0 };
	struct vsu_state state;
	unsigned int i;

	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "serial", 0);
	for (i = 0; i < 8 + 5; i++)	/* the FIFO's control is the seventh register */
		vsu_state_put_u32(&w, i == 6 ? fcr : 0);
	vsu_state_put_u32(&w, count);
	for (i = 0; i < count; i++)
		vsu_state_put_u32(&w, 'x');
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(varch_serial_load(&port, &state, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, _i ? "17 bytes, but holds 16" : "2 bytes, but holds 1"));
	ck_assert_uint_eq(varch_serial_room(&port), _i ? 16 : 1);
	free(w.out.bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serial");
	TCase *tc = tcase_create("serial");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, written_byte_goes_out);
	tcase_add_test(tc, line_status_reports_room_and_input);
	tcase_add_test(tc, busy_transmitter_interrupts_when_it_has_room);
	tcase_add_test(tc, input_comes_in_order_and_empty_reads_0);
	tcase_add_test(tc, fifo_has_16_bytes_and_the_port_without_it_one);
	tcase_add_test(tc, switching_the_fifo_on_or_off_clears_it);
	tcase_add_test(tc, fifo_control_without_enable_is_ignored);
	tcase_add_loop_test(tc, trigger_level_separates_data_from_a_timeout, 0,
			    COUNT(triggers));
	tcase_add_test(tc, port_without_fifo_has_no_timeout);
	tcase_add_test(tc, clearing_the_fifo_drops_input);
	tcase_add_test(tc, identification_contains_the_fifo_state);
	tcase_add_test(tc, divisor_latch_hides_data_and_enable);
	tcase_add_test(tc, input_interrupts_when_enabled);
	tcase_add_test(tc, input_interrupts_once_until_it_is_read);
	tcase_add_test(tc,
		bytes_left_below_the_trigger_level_are_a_timeout_of_their_own);
	tcase_add_test(tc,
		empty_transmitter_interrupts_and_reading_iir_acknowledges);
	tcase_add_test(tc,
		empty_transmitter_interrupts_once_for_bytes_in_a_row);
	tcase_add_test(tc, empty_transmitter_interrupts_again_without_iir);
	tcase_add_test(tc, causes_come_by_priority);
	tcase_add_test(tc, loopback_returns_bytes_and_sends_none);
	tcase_add_loop_test(tc, loopback_wires_control_to_status, 0,
			    COUNT(wires));
	tcase_add_test(tc, modem_status_reports_changes);
	tcase_add_test(tc, loopback_ignores_input);
	tcase_add_test(tc, overrun_is_reported_once_and_keeps_the_fifo);
	tcase_add_test(tc, overrun_without_fifo_keeps_the_newest_byte);
	tcase_add_test(tc, scratch_and_control_keep_what_is_written);
	tcase_add_loop_test(tc, cause_that_is_pending_interrupts_again_after_a_load, 0, 2);
	tcase_add_loop_test(tc, state_with_more_bytes_than_the_port_holds_is_refused, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
