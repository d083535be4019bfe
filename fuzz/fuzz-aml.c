/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Any sequence of calls of the AML writer, into a buffer of any size: no store
 * is outside the buffer, the first error is kept, and the lengths of packages nest.
 * The first two bytes are the size; each call is a byte and its arguments.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acpi/aml.h"
#include "play.h"

#define MAX_SIZE 8192
#define GUARD 64
#define CALLS 15

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Consumes text up to a zero, at most 63 characters. */
static const char *take_text(struct input *in, char *text)
{
	unsigned int n = 0;

	while (n < 63 && in->p < in->end && *in->p)
		text[n++] = (char)*in->p++;
	if (in->p < in->end)
		in->p++;
	text[n] = '\0';
	return text;
}

static void call(struct varch_aml *aml, struct input *in)
{
	char text[64];

	switch (take(in, 1) % CALLS) {
	case 0:
		varch_aml_scope(aml, take_text(in, text));
		break;
	case 1:
		varch_aml_device(aml, take_text(in, text));
		break;
	case 2:
		varch_aml_method(aml, take_text(in, text),
			       (unsigned int)take(in, 1));
		break;
	case 3:
		varch_aml_package(aml, (uint8_t)take(in, 1));
		break;
	case 4:
		varch_aml_resources(aml);
		break;
	case 5:
		varch_aml_if_arg_is(aml, (unsigned int)take(in, 1), take_u64(in, 8));
		break;
	case 6:
		varch_aml_name(aml, take_text(in, text));
		break;
	case 7:
		varch_aml_integer(aml, take_u64(in, 8));
		break;
	case 8:
		varch_aml_string(aml, take_text(in, text));
		break;
	case 9:
		varch_aml_eisa_id(aml, take_text(in, text));
		break;
	case 10:
		varch_aml_notify(aml, take_text(in, text), take(in, 1));
		break;
	case 11:
		varch_aml_memory64(aml, take_u64(in, 8), take_u64(in, 8));
		break;
	case 12:
		varch_aml_interrupt(aml, take(in, 4));
		break;
	case 13:
		take_text(in, text);
		varch_aml_if_arg0_is_bytes(aml, text, (uint8_t)strlen(text));
		break;
	default:
		varch_aml_end(aml);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char bytes[MAX_SIZE + GUARD];
	struct input in = { data, data + size };
	struct varch_aml aml;
	size_t room, len = 0, i;
	int error = 0;

	room = take(&in, 2) % (MAX_SIZE + 1);
	memset(bytes, 0xee, sizeof(bytes));
	varch_aml_init(&aml, bytes, room);
	while (in.p < in.end) {
		call(&aml, &in);
		demand(aml.len <= room && (!error || aml.error == error));
		error = aml.error;
	}
	if (!varch_aml_finish(&aml, &len))
		demand(len <= room && !error && !aml.depth);
	for (i = room; i < room + GUARD; i++)
		demand(bytes[i] == 0xee);
	return 0;
}
