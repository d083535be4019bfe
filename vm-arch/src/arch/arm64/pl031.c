/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of the clock (ARM DDI 0224). */
#include <config.h>

#include "arch/arm64/pl031.h"
#include "arch/arm64/primecell.h"

#define PART 0x031u
#define REVISION 0u

#define AT_DATA		0x00u
#define AT_MATCH	0x04u
#define AT_LOAD		0x08u
#define AT_CONTROL	0x0cu
#define AT_ENABLED	0x10u
#define AT_RAISED	0x14u
#define AT_PENDING	0x18u
#define AT_CLEAR	0x1cu
#define STARTED 1u	/* of control, for ever */

static uint32_t count_seconds(const struct varch_pl031 *p)
{
	return (uint32_t)p->now(p->opaque) + p->offset;
}

/* The next second that equals match; the counter has 32 bits. */
static void set_alarm(struct varch_pl031 *p)
{
	const uint64_t now = p->now(p->opaque);

	p->alarm_at = now + (uint32_t)(p->match - ((uint32_t)now + p->offset));
	p->set_alarm(p->opaque, p->alarm_at);
}

void varch_pl031_alarm(struct varch_pl031 *p)
{
	const bool rises = !p->raised && p->enabled;

	p->raised = true;
	p->alarm_at = 0;
	if (rises)
		p->interrupt(p->opaque);
}

static uint32_t read_register(const struct varch_pl031 *p, uint64_t at)
{
	if (at >= VARCH_PRIMECELL_IDENTITY)
		return varch_primecell_identity(at, PART, REVISION);
	switch (at) {
	case AT_DATA:
		return count_seconds(p);
	case AT_MATCH:
		return p->match;
	case AT_LOAD:
		return p->load;
	case AT_CONTROL:
		return STARTED;
	case AT_ENABLED:
		return p->enabled;
	case AT_RAISED:
		return p->raised;
	case AT_PENDING:
		return p->raised && p->enabled;
	default:
		return 0;
	}
}

static void enable_alarm(struct varch_pl031 *p, bool enabled)
{
	const bool rises = p->raised && enabled && !p->enabled;

	p->enabled = enabled;
	if (rises)
		p->interrupt(p->opaque);
}

static void write_register(struct varch_pl031 *p, uint64_t at, uint32_t value)
{
	switch (at) {
	case AT_MATCH:
		p->match = value;
		set_alarm(p);
		break;
	case AT_LOAD:
		p->load = value;
		p->offset = value - (uint32_t)p->now(p->opaque);
		set_alarm(p);
		break;
	case AT_ENABLED:
		enable_alarm(p, value & 1);
		break;
	case AT_CLEAR:
		p->raised = p->raised && !(value & 1);
		break;
	default:
		break;
	}
}

void varch_pl031_access(void *opaque, struct varch_access *access)
{
	struct varch_pl031 *p = opaque;
	const uint64_t at = access->offset & ~UINT64_C(3);

	if (access->write)
		write_register(p, at, (uint32_t)access->value);
	else
		access->value = read_register(p, at);
}

void varch_pl031_save(const struct varch_pl031 *p, struct vsu_state_writer *w)
{
	vsu_state_section(w, "rtc", 0);
	vsu_state_put_u32(w, p->offset);
	vsu_state_put_u32(w, p->load);
	vsu_state_put_u32(w, p->match);
	vsu_state_put_u64(w, p->alarm_at);
	vsu_state_put_u32(w, p->enabled);
	vsu_state_put_u32(w, p->raised);
	vsu_state_section_end(w);
}

int varch_pl031_load(struct varch_pl031 *p, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, "rtc", 0, &f, NULL);

	if (rc < 0)
		return 0;	/* the source had none */
	p->offset = vsu_state_get_u32(&f);
	p->load = vsu_state_get_u32(&f);
	p->match = vsu_state_get_u32(&f);
	p->alarm_at = vsu_state_get_u64(&f);
	p->enabled = vsu_state_get_u32(&f) & 1;
	p->raised = vsu_state_get_u32(&f) & 1;
	rc = vsu_state_fields_end(&f, err);
	if (!rc && p->alarm_at)
		p->set_alarm(p->opaque, p->alarm_at);
	/* KVM may have saved the interrupt controller before it had the last edge */
	if (!rc && p->raised && p->enabled)
		p->interrupt(p->opaque);
	return rc;
}
