/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of the owner that concern a device. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/sized.h>

#include "api/given_fds.h"
#include "api/requests_private.h"
#include "machine/live.h"
#include "machine/sharing.h"
#include "run/plug.h"

static int check_properties(const char *properties, struct vsu_error *err)
{
	return properties ? 0 :
	       vsu_error_set(err, -EINVAL, "properties is NULL; expected a list such as \"blk,path=disk.img\"");
}

/* A device that exists or is coming. prefix: of the sentence. */
static int find_device(struct vmm_machine *m, unsigned int number, const char *prefix,
		       struct vmm_device **out, struct vsu_error *err)
{
	struct vmm_device *d = number < m->ndevices ? &m->devices[number] : NULL;

	if (!d || (!d->virtio && !d->coming))
		return vsu_error_set(err, -ENOENT, "%sno device '%u'; 'status' lists them", prefix,
				     number);
	*out = d;
	return 0;
}

/* ------------------------------------------------------------------- addition */

static int add_device(struct cvmm_machine *m, const char *list, struct cvmm_given_fds *given,
		      struct virtdev *own, unsigned int *number, struct cvmm_request *r)
{
	const struct vmm_device_fds fds = cvmm_priv_given_fds(given);
	struct vmm_device *d;
	int rc = vmm_machine_add_device(m->machine, list, &fds, own, &r->result.device, &r->why);

	if (rc < 0)
		return rc;
	if (number)
		*number = r->result.device;
	d = &m->machine->devices[r->result.device];
	r->subject = d->virtio ? NULL : vmm_machine_arrival(d);
	return 0;
}

int cvmm_machine_add_device(struct cvmm_machine *m, const char *properties, const int *fds,
			    unsigned int nfds, unsigned int *number, cvmm_answer_fn answer,
			    void *opaque, struct vsu_error *err)
{
	struct cvmm_given_fds given = { .fds = fds, .n = nfds };
	struct cvmm_request r = { .m = m };
	int rc = check_properties(properties, &r.why);

	if (!rc)
		rc = vsu_check_array(fds, nfds, "fds", &r.why);
	if (!rc && nfds > CVMM_MAX_GIVEN_FDS)
		rc = vsu_error_set(&r.why, -E2BIG, "%u descriptors; expected at most %u", nfds,
				   CVMM_MAX_GIVEN_FDS);
	if (!rc)
		rc = cvmm_priv_request_begin(&r, VMM_RULE_DEVICE_ADD, answer, opaque);
	if (!rc)
		rc = add_device(m, properties, &given, NULL, number, &r);
	return cvmm_priv_request_end(&r, rc, err);
}

int cvmm_machine_add_own_device(struct cvmm_machine *m, const struct cvmm_own_device *own,
				unsigned int *number, cvmm_answer_fn answer, void *opaque,
				struct vsu_error *err)
{
	struct cvmm_given_fds none = { .n = 0 };
	struct cvmm_request r = { .m = m };
	int rc = cvmm_priv_check_own(own, &r.why);
	char *list;

	if (!rc)
		rc = cvmm_priv_request_begin(&r, VMM_RULE_DEVICE_ADD, answer, opaque);
	if (!rc && asprintf(&list, "own:%s", own->name) < 0)
		rc = vsu_error_set(&r.why, -ENOMEM, "no memory for a device");
	if (!rc) {
		rc = add_device(m, list, &none, own->dev, number, &r);
		free(list);
	}
	return cvmm_priv_request_end(&r, rc, err);
}

/* --------------------------------------------------------------------- changes */

int cvmm_machine_remove_device(struct cvmm_machine *m, unsigned int number, bool force,
			       cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_request r = { .m = m };
	struct vmm_device *d = NULL;
	int rc = cvmm_priv_request_begin(&r, VMM_RULE_DEVICE_DEL, answer, opaque);
	bool cancels;

	if (!rc)
		rc = find_device(m->machine, number, "", &d, &r.why);
	if (rc < 0)
		return cvmm_priv_request_end(&r, rc, err);
	cancels = d->coming;
	/* a request with an answer also waits for a removal that another one has begun */
	if (!d->leaving || force || !answer)
		rc = vmm_machine_remove_device(m->machine, d, force, &r.why);
	/* the answer to a cancelled addition may begin another one, which takes the place */
	r.subject = !cancels && d->virtio ? d : NULL;
	return cvmm_priv_request_end(&r, rc, err);
}

int cvmm_machine_resize_device(struct cvmm_machine *m, unsigned int number, uint64_t bytes,
			       struct vsu_error *err)
{
	struct vmm_device *d = NULL;
	int rc = cvmm_priv_check_request(m, VMM_RULE_RESIZE, err);

	if (!rc)
		rc = find_device(m->machine, number, "resize: ", &d, err);
	if (rc < 0)
		return rc;
	if (!vmm_machine_local_device(d) || !d->spec.kind->resize)
		return vsu_error_set(err, -EOPNOTSUPP, "resize: device '%u' cannot be resized", number);
	if (d->spec.id == VIRTDEV_ID_BLOCK)
		rc = vmm_rule_check(m->machine, VMM_RULE_RESIZE_DISK, err);
	if (rc < 0)
		return rc;
	vmm_virtio_lock(d->virtio);
	rc = d->spec.kind->resize(vmm_machine_local_device(d), bytes, err);
	vmm_virtio_unlock(d->virtio);
	if (!rc)
		vmm_live_resize(d, bytes);
	return rc;
}

/* Requests of the guest that wait continue by the new limits within VIRTDEV_RATE_WAIT_NS. */
int cvmm_machine_limit_device(struct cvmm_machine *m, unsigned int number, const char *properties,
			      struct vsu_error *err)
{
	struct vmm_device *d = NULL;
	int rc = check_properties(properties, err);

	if (!rc)
		rc = cvmm_priv_check_request(m, VMM_RULE_LIMIT, err);
	if (!rc)
		rc = find_device(m->machine, number, "limit: ", &d, err);
	if (rc < 0)
		return rc;
	if (!vmm_machine_local_device(d))
		return vsu_error_set(err, -EOPNOTSUPP, "limit: device '%u' is served by another process or the kernel, which this process cannot limit",
				     number);
	return vmm_live_limit(d, vmm_machine_local_device(d), properties, err);
}
