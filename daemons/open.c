/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates or checks the device of a daemon. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/exit.h>

#include "open.h"

const char *daemon_option_name(const struct vmm_device_key *key)
{
	return key->daemon_name ? key->daemon_name : key->option.name;
}

/* The exit status if a resource of the device is unavailable. */
int daemon_open_status(int rc)
{
	switch (-rc) {
	case EINVAL:
	case EBADMSG:
	case ENAMETOOLONG:
		return VSU_EXIT_DATA;
	case EADDRINUSE:
	case EBUSY:
		return VSU_EXIT_BUSY;
	case EAGAIN:
	case EOPNOTSUPP:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return VSU_EXIT_HOST;
	}
	return VSU_EXIT_INPUT;
}

/* A message of the model names the rejected value; do not add the first option. */
static bool is_of_model(const struct vmm_device_kind *kind, const struct vsu_error *err)
{
	const size_t len = strlen(kind->name);

	return !strncmp(err->msg, kind->name, len) && err->msg[len] == ':';
}

static int device_status(const struct vmm_device_kind *kind, int rc, struct vsu_error *err)
{
	if (rc < 0 && kind->keys[0].required && !is_of_model(kind, err))
		vsu_error_prefix(err, rc, "--%s", daemon_option_name(&kind->keys[0]));
	return rc < 0 ? daemon_open_status(rc) : VSU_EXIT_OK;
}

int daemon_open_device(const struct vmm_device_kind *kind, const void *config,
		       const struct vmm_device_common *common,
		       struct virtdev_measured **measured,
		       struct virtdev **out, struct vsu_error *err)
{
	struct virtdev *dev;
	int rc = vmm_device_make(kind, config, common, &dev, err);

	if (rc < 0)
		return device_status(kind, rc, err);
	rc = measured ? vmm_latency_measure(dev, measured) : 0;
	if (rc < 0) {
		virtdev_free(dev);
		vsu_error_sys(err, rc, "--metrics");
		return VSU_EXIT_HOST;
	}
	*out = dev;
	return VSU_EXIT_OK;
}

int daemon_judge_device(const struct vmm_device_kind *kind, const void *config,
			const struct vmm_device_common *common,
			struct vsu_error *err)
{
	return kind->judge ? device_status(kind, kind->judge(config, common, err), err) :
			     VSU_EXIT_OK;
}
