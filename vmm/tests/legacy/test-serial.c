/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the 16550. */
#include <config.h>

#include "legacy/serial.h"
#include "../util.h"

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5,
       MSR = 6, SCR = 7 };

static struct vmm_serial port;
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

static void setup(void)
{
	memset(&port, 0, sizeof(port));
	nsent = edges = 0;
	vmm_serial_init(&port);
	port.output = on_output;
	port.interrupt = on_interrupt;
}

static void put(uint64_t offset, uint8_t value)
{
	struct vmm_access access = { .offset = offset, .value = value,
				     .len = 1, .write = true };

	vmm_serial_access(&port, &access);
}

static uint8_t get(uint64_t offset)
{
	struct vmm_access access = { .offset = offset, .len = 1 };

	vmm_serial_access(&port, &access);
	ck_assert_uint_le(access.value, 0xff);
	return (uint8_t)access.value;
}

static void type(const char *text)
{
	ck_assert_uint_eq(vmm_serial_input(&port, (const void *)text,
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

START_TEST(line_status_tells_of_room_and_of_input)
{
	ck_assert_uint_eq(get(LSR), 0x60);
	type("x");
	ck_assert_uint_eq(get(LSR), 0x61);
	ck_assert_uint_eq(get(DATA), 'x');
	ck_assert_uint_eq(get(LSR), 0x60);
}
END_TEST

START_TEST(busy_transmitter_interrupts_when_it_takes_more)
{
	put(IER, 2);
	ck_assert_uint_eq(get(IIR) & 0xf, 2);
	vmm_serial_set_busy(&port, true);
	put(DATA, 'a');
	ck_assert_uint_eq(nsent, 1);	/* what is stored all the same goes out */
	ck_assert_uint_eq(get(LSR) & 0x60, 0);
	ck_assert_uint_eq(get(IIR) & 0xf, 1);
	edges = 0;
	vmm_serial_set_busy(&port, false);
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

START_TEST(fifo_takes_what_it_has_room_for)
{
	unsigned char many[VMM_SERIAL_FIFO + 10];

	memset(many, 'm', sizeof(many));
	ck_assert_uint_eq(vmm_serial_room(&port), VMM_SERIAL_FIFO);
	ck_assert_uint_eq(vmm_serial_input(&port, many, sizeof(many)),
			  VMM_SERIAL_FIFO);
	ck_assert_uint_eq(vmm_serial_room(&port), 0);
	get(DATA);
	ck_assert_uint_eq(vmm_serial_room(&port), 1);
}
END_TEST

START_TEST(clearing_the_fifo_drops_input)
{
	type("abc");
	put(FCR, 0x03);
	ck_assert_uint_eq(get(LSR), 0x60);
	ck_assert_uint_eq(vmm_serial_room(&port), VMM_SERIAL_FIFO);
}
END_TEST

START_TEST(identification_says_whether_fifos_are_on)
{
	ck_assert_uint_eq(get(IIR), 0x01);
	put(FCR, 0x01);
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

START_TEST(byte_that_is_left_interrupts_again)
{
	put(IER, 0x01);
	type("ab");
	edges = 0;
	get(DATA);	/* an edge would otherwise be missing for b */
	ck_assert_uint_eq(edges, 1);
	get(DATA);
	ck_assert_uint_eq(edges, 1);
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

START_TEST(input_comes_before_the_transmitter)
{
	put(IER, 0x03);
	type("a");
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x04);
	get(DATA);
	ck_assert_uint_eq(get(IIR) & 0x0f, 0x02);
}
END_TEST

START_TEST(loopback_brings_bytes_back_and_sends_none)
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

/* How drivers find out that there is a port at all. */
START_TEST(loopback_wires_control_to_status)
{
	put(MCR, wires[_i].mcr);
	ck_assert_uint_eq(get(MSR) & 0xf0, wires[_i].msr);
	put(MCR, 0);
	ck_assert_uint_eq(get(MSR), 0xb0);
}
END_TEST

START_TEST(overrun_in_loopback_is_bounded)
{
	unsigned int i;

	put(MCR, 0x10);
	for (i = 0; i < 10 * VMM_SERIAL_FIFO; i++)
		put(DATA, 'x');
	ck_assert_uint_eq(vmm_serial_room(&port), 0);
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

int main(void)
{
	Suite *s = suite_create("serial");
	TCase *tc = tcase_create("serial");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, written_byte_goes_out);
	tcase_add_test(tc, line_status_tells_of_room_and_of_input);
	tcase_add_test(tc, busy_transmitter_interrupts_when_it_takes_more);
	tcase_add_test(tc, input_comes_in_order_and_empty_reads_0);
	tcase_add_test(tc, fifo_takes_what_it_has_room_for);
	tcase_add_test(tc, clearing_the_fifo_drops_input);
	tcase_add_test(tc, identification_says_whether_fifos_are_on);
	tcase_add_test(tc, divisor_latch_hides_data_and_enable);
	tcase_add_test(tc, input_interrupts_when_enabled);
	tcase_add_test(tc, byte_that_is_left_interrupts_again);
	tcase_add_test(tc,
		empty_transmitter_interrupts_and_reading_iir_acknowledges);
	tcase_add_test(tc, input_comes_before_the_transmitter);
	tcase_add_test(tc, loopback_brings_bytes_back_and_sends_none);
	tcase_add_loop_test(tc, loopback_wires_control_to_status, 0,
			    COUNT(wires));
	tcase_add_test(tc, overrun_in_loopback_is_bounded);
	tcase_add_test(tc, scratch_and_control_keep_what_is_written);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
