/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the serial port of other monitors; tests/legacy/ has its registers. */
#include <config.h>

#include <vm-arch/serial.h>
#include "../util.h"
#include "../suite.h"

enum { DATA, IER, LSR = 5, SCR = 7 };

static struct vsu_error err;
static unsigned int sent, raised;

static void on_output(void *opaque, unsigned char byte)
{
	ck_assert_ptr_eq(opaque, &sent);
	sent = sent << 8 | byte;
}

static void on_interrupt(void *opaque)
{
	ck_assert_ptr_eq(opaque, &sent);
	raised++;
}

static struct varch_serial *port_new(void (*interrupt)(void *opaque))
{
	const struct varch_serial_config config = {
		.size = sizeof(config), .opaque = &sent, .output = on_output,
		.interrupt = interrupt,
	};
	struct varch_serial *s;

	ck_assert_int_eq(varch_serial_new(&config, &s, &err), 0);
	return s;
}

START_TEST(written_bytes_are_sent_at_once)
{
	struct varch_serial *s = port_new(NULL);

	varch_serial_write(s, DATA, 'a');
	varch_serial_write(s, DATA, 'b');
	ck_assert_uint_eq(sent, 'a' << 8 | 'b');
	ck_assert_uint_eq(varch_serial_read(s, LSR), 0x60);
	varch_serial_free(s);
}
END_TEST

START_TEST(line_rises_when_the_driver_permits_it)
{
	struct varch_serial *s = port_new(on_interrupt);

	varch_serial_write(s, DATA, 'a');
	ck_assert_uint_eq(raised, 0);
	varch_serial_write(s, IER, 2);
	ck_assert_uint_eq(raised, 1);
	varch_serial_free(s);
}
END_TEST

START_TEST(input_waits_for_room)
{
	struct varch_serial *s = port_new(on_interrupt);

	varch_serial_write(s, IER, 1);
	ck_assert_uint_eq(varch_serial_input(s, (const unsigned char *)"ab", 2), 1);
	ck_assert_uint_eq(raised, 1);
	ck_assert_uint_eq(varch_serial_input(s, (const unsigned char *)"b", 1), 0);
	ck_assert_uint_eq(varch_serial_read(s, LSR), 0x61);
	ck_assert_uint_eq(varch_serial_read(s, DATA), 'a');
	ck_assert_uint_eq(varch_serial_input(s, (const unsigned char *)"b", 1), 1);
	ck_assert_uint_eq(raised, 2);
	ck_assert_uint_eq(varch_serial_read(s, DATA), 'b');
	varch_serial_free(s);
}
END_TEST

START_TEST(registers_beyond_the_port_do_not_exist)
{
	struct varch_serial *s = port_new(NULL);
	uint32_t i;

	varch_serial_write(s, SCR, 7);
	for (i = VARCH_SERIAL_LEN; i < 3 * VARCH_SERIAL_LEN; i++) {
		varch_serial_write(s, i, 9);
		ck_assert_uint_eq(varch_serial_read(s, i), 255);
	}
	varch_serial_write(s, 0u - VARCH_SERIAL_COM1, 9);
	ck_assert_uint_eq(varch_serial_read(s, UINT32_MAX), 255);
	ck_assert_uint_eq(varch_serial_read(s, SCR), 7);
	ck_assert_uint_eq(sent, 0);
	varch_serial_free(s);
	varch_serial_free(NULL);
}
END_TEST

START_TEST(config_without_its_size_or_output_is_rejected)
{
	struct varch_serial_config config = { .size = 0, .output = on_output };
	struct varch_serial *s;

	ck_assert_int_eq(varch_serial_new(&config, &s, &err), -EINVAL);
	config.size = sizeof(config);
	config.output = NULL;
	ck_assert_int_eq(varch_serial_new(&config, &s, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "config->output is NULL"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serial_port");
	TCase *tc = tcase_create("serial_port");

	tcase_add_test(tc, written_bytes_are_sent_at_once);
	tcase_add_test(tc, line_rises_when_the_driver_permits_it);
	tcase_add_test(tc, input_waits_for_room);
	tcase_add_test(tc, registers_beyond_the_port_do_not_exist);
	tcase_add_test(tc, config_without_its_size_or_output_is_rejected);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
