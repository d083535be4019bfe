/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of the pins (ARM DDI 0190). */
#include <config.h>

#include <stddef.h>

#include "arch/arm64/pl061.h"
#include "arch/arm64/primecell.h"

#define PART 0x061u
#define REVISION 0u

#define DATA_END	0x400u	/* below, bits 2 to 9 of the address choose pins */
#define AT_RAISED	0x414u
#define AT_PENDING	0x418u
#define AT_CLEAR	0x41cu
#define BUTTON (1u << VARCH_PL061_BUTTON)

/* Registers that only store. */
static const struct row {
	uint32_t at;
	size_t member;
} rows[] = {
	{ 0x400, offsetof(struct varch_pl061, direction) },
	{ 0x404, offsetof(struct varch_pl061, level) },
	{ 0x408, offsetof(struct varch_pl061, both) },
	{ 0x40c, offsetof(struct varch_pl061, rising) },
	{ 0x410, offsetof(struct varch_pl061, enabled) },
	{ 0x420, offsetof(struct varch_pl061, alternate) },
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

static uint8_t *find_register(struct varch_pl061 *p, uint64_t at)
{
	unsigned int i;

	for (i = 0; i < NROWS; i++)
		if (rows[i].at == at)
			return (uint8_t *)p + rows[i].member;
	return NULL;
}

static uint8_t pin_values(const struct varch_pl061 *p)
{
	return (uint8_t)((p->inputs & ~p->direction) | (p->outputs & p->direction));
}

/* Pins had the former values; interrupts by a level remain while it lasts. */
static void raise_causes(struct varch_pl061 *p, uint8_t former)
{
	const uint8_t now = pin_values(p), changed = (uint8_t)(now ^ former);
	const uint8_t reached = (uint8_t)~(now ^ p->rising);
	const uint8_t edges = (uint8_t)(changed & ~p->level & (p->both | reached));

	p->raised = (uint8_t)((p->raised | edges) & ~p->level) | (p->level & reached);
}

static void change_input(struct varch_pl061 *p, uint8_t inputs)
{
	const uint8_t former = pin_values(p);
	const bool up = p->raised & p->enabled;

	p->inputs = inputs;
	raise_causes(p, former);
	if (!up && (p->raised & p->enabled))
		p->interrupt(p->opaque);
}

void varch_pl061_press(struct varch_pl061 *p)
{
	const bool pressed = p->inputs & BUTTON;

	change_input(p, p->inputs | BUTTON);
	if (pressed && (p->raised & p->enabled & BUTTON))
		p->interrupt(p->opaque);
}

/* The button is released when the driver has seen that it is pressed. */
static uint8_t read_pins(struct varch_pl061 *p, uint8_t mask)
{
	const uint8_t value = pin_values(p) & mask;

	if (mask & ~p->direction & BUTTON)
		change_input(p, (uint8_t)(p->inputs & ~BUTTON));
	return value;
}

static uint32_t read_register(struct varch_pl061 *p, uint64_t at)
{
	const uint8_t *stored = find_register(p, at);

	if (at < DATA_END)
		return read_pins(p, (uint8_t)(at >> 2));
	if (stored)
		return *stored;
	if (at == AT_RAISED)
		return p->raised;
	if (at == AT_PENDING)
		return p->raised & p->enabled;
	return at >= VARCH_PRIMECELL_IDENTITY ? varch_primecell_identity(at, PART, REVISION) : 0;
}

static void write_register(struct varch_pl061 *p, uint64_t at, uint8_t value)
{
	const uint8_t former = pin_values(p), mask = (uint8_t)(at >> 2);
	uint8_t *stored = find_register(p, at);

	if (at < DATA_END)
		p->outputs = (uint8_t)((p->outputs & ~mask) | (value & mask));
	else if (stored)
		*stored = value;
	else if (at == AT_CLEAR)
		p->raised &= (uint8_t)~value;
	raise_causes(p, former);
	if (p->raised & p->enabled)
		p->interrupt(p->opaque);
}

void varch_pl061_access(void *opaque, struct varch_access *access)
{
	struct varch_pl061 *p = opaque;
	const uint64_t at = access->offset & ~UINT64_C(3);

	if (access->write)
		write_register(p, at, (uint8_t)access->value);
	else
		access->value = read_register(p, at);
}

void varch_pl061_save(const struct varch_pl061 *p, struct vsu_state_writer *w)
{
	unsigned int i;

	vsu_state_section(w, "gpio", 0);
	vsu_state_put(w, &p->inputs, 1);
	vsu_state_put(w, &p->outputs, 1);
	vsu_state_put(w, &p->raised, 1);
	for (i = 0; i < NROWS; i++)
		vsu_state_put(w, (const uint8_t *)p + rows[i].member, 1);
	vsu_state_section_end(w);
}

/* Pins and interrupts are any bits. */
int varch_pl061_load(struct varch_pl061 *p, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;
	int rc = vsu_state_find(state, "gpio", 0, &f, NULL);

	if (rc < 0)
		return 0;	/* the source had none */
	vsu_state_get(&f, &p->inputs, 1);
	vsu_state_get(&f, &p->outputs, 1);
	vsu_state_get(&f, &p->raised, 1);
	for (i = 0; i < NROWS; i++)
		vsu_state_get(&f, (uint8_t *)p + rows[i].member, 1);
	rc = vsu_state_fields_end(&f, err);
	/* KVM may have saved the interrupt controller before it had the last edge */
	if (!rc && (p->raised & p->enabled))
		p->interrupt(p->opaque);
	return rc;
}
