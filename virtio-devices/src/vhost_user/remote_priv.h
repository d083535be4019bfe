/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device in front of a vhost-user session: internal declarations. */
#ifndef VIRTIO_DEVICES_REMOTE_PRIV_H
#define VIRTIO_DEVICES_REMOTE_PRIV_H

#include <vhost/frontend_device.h>
#include <vhost/protocol.h>
#include <virtio-devices/state.h>
#include <virtio-devices/transport.h>
#include <virtio-devices/vhost_user_transport.h>

#include "core/server_priv.h"
#include "vhost_user/remote_phase.h"

#define CONFIG_MAX 256u		/* maximum of the protocol */
#define REMOTE_QUEUES 256u	/* maximum of the protocol */

struct remote_preset {
	uint32_t id, nqueues, config_size;
};

enum remote_change {
	REMOTE_SAME,
	REMOTE_RESET,		/* forget the queue */
	REMOTE_START,		/* forget the queue, then start it with its new ring */
};

/* Settings of the driver in its configuration space: remote_settings.c. */
#define MAX_SETTINGS 8u
#define MAX_SETTING_BYTES 8u

struct remote_setting {
	uint32_t off, len;
	unsigned char bytes[MAX_SETTING_BYTES];
};

struct remote_settings {
	struct remote_setting list[MAX_SETTINGS];
	unsigned int n;
};

/* remote_stream.c: the back-end's own state of its device on its way. */
struct remote_stream {
	enum {
		REMOTE_STREAM_IDLE,
		REMOTE_STREAM_MOVES,	/* through the pipe */
		REMOTE_STREAM_CHECKED,	/* the back-end was asked for its result */
		REMOTE_STREAM_DONE,
	} phase;
	enum { REMOTE_STREAM_SAVES, REMOTE_STREAM_LOADS } way;
	int fd;			/* this end of the pipe, or -1 */
	int timer_fd;		/* wakes the owner when the back-end is silent, or -1 */
	uint64_t until_ns;	/* the limit of the silence */
	unsigned char *bytes;	/* saved ones */
	size_t len, size;
	int result;		/* when done: 0 or a negative errno */
	struct vsu_error why;	/* of a failure */
	/* requests of transfers, also of dropped ones, without an answer yet */
	unsigned int unanswered_moves, unanswered_checks;
};

#define REMOTE_POSTCOPY_WAITS 1	/* no reply yet */

/* remote_postcopy.c: the guest runs before its memory has arrived. */
struct remote_postcopy {
	enum remote_postcopy_state {
		REMOTE_POSTCOPY_NONE,
		REMOTE_POSTCOPY_ADVISED,	/* the back-end has sent its userfaultfd */
		REMOTE_POSTCOPY_LISTENS,	/* its faults are served */
		REMOTE_POSTCOPY_ENDS,		/* the end must be sent */
		REMOTE_POSTCOPY_ENDED,		/* until the back-end has replied to it */
		REMOTE_POSTCOPY_LOST,		/* the back-end that was advised */
	} state;
	int answer;		/* of the last request, or REMOTE_POSTCOPY_WAITS */
	int faults;		/* the userfaultfd until the back-end listens, or -1 */
	struct virtdev_page_faults to;	/* while it listens */
	unsigned int number;	/* of to.add */
	unsigned int n;		/* regions of the last table */
	struct vhost_user_placed_region placed[2 * VHOST_USER_MAX_REGIONS];
};

struct virtdev_vhost_user {
	struct virtdev_vhost_user_config config;
	struct virtdev_vhost_user_ops ops;
	void *opaque;
	struct vhost_user_frontend *frontend;
	struct virtdev *dev;
	const struct remote_preset *preset;	/* or NULL */
	char *peer;
	char *who;		/* the back-end in sentences */
	bool stop_wanted;
	enum remote_phase phase;
	struct vsu_error why;	/* when it has failed */
	/* after attach: the transport, and entries for each queue of the device */
	struct virtdev_transport *t;	/* or NULL */
	struct virtdev_server server;
	struct virtdev_server_owner owner;	/* its queues: a copy */
	struct virtdev_server_queue *queues;
	struct queue_position *positions; /* none runs: no queue has one */
	uint64_t start_features; /* of the driver's start */
	enum {
		REMOTE_STAYS,
		REMOTE_MOVED,	/* a state was loaded, and the network does not know where it is */
	} place;
	struct remote_stream stream;
	struct remote_postcopy postcopy;
	enum {
		REMOTE_LOG_NONE,
		REMOTE_LOG_ON,
		REMOTE_LOG_ENDS,	/* as soon as the session can end it */
	} log;
	uint64_t kept_loads;	/* of the in-flight area, when the back-end was lost */
	enum virtdev_vhost_user_settings outcome; /* of the last replacement */
	/* the front-end has the configuration space (config.space) */
	bool own_space;
	/* Queues are stopped temporarily to apply changes[]. */
	bool changing;
	uint64_t features;	/* of the last start */
	enum remote_change changes[REMOTE_QUEUES];
	bool described[REMOTE_QUEUES];
	struct vhost_user_ring rings[REMOTE_QUEUES]; /* of queues to start */
	unsigned int config_asked;	/* requests for the configuration without a reply */
	/* the configuration must be read when requests are possible again */
	bool config_stale;
	/* The back-end has changed it since the last start; a reset can undo that. */
	bool config_reported;
	struct remote_settings settings;
	unsigned char bytes[CONFIG_MAX];
};

/* remote_announce.c: after the queues have started, of a network card that was moved */
void virtdev_priv_remote_announce(struct virtdev_vhost_user *r);

/* remote_kind.c */

/* NULL: an unknown kind. */
const struct remote_preset *virtdev_priv_remote_preset(uint32_t id);
/* Number of queues: from the caller, the device, or its kind, in this order. */
uint32_t virtdev_priv_remote_queues(const struct virtdev_vhost_user *r,
				    uint64_t features);

/* remote_settings.c: what each start repeats, and a saved state contains */

/* True if the bytes are a setting of this kind, which a back-end must remember. */
bool virtdev_priv_remote_is_setting(const struct virtdev_vhost_user *r,
				    uint32_t off, uint32_t len);
int virtdev_priv_remote_keep(struct virtdev_vhost_user *r, uint32_t off,
			     const void *buf, uint32_t len,
			     struct vsu_error *err);
/* The settings appear in the configuration space, in place of what the back-end has replied. */
void virtdev_priv_remote_show_settings(struct virtdev_vhost_user *r);
void virtdev_priv_remote_forget_settings(struct virtdev_vhost_user *r);
/* Operations of struct virtdev_ops. Without settings, save writes nothing. */
void virtdev_priv_remote_save_settings(void *self, struct virtdev_state_writer *w);
int virtdev_priv_remote_load_settings(void *self, uint32_t version,
				      struct virtdev_state_reader *r,
				      struct vsu_error *err);

/* remote_postcopy.c: operations of the session, with config.postcopy. */
extern const struct vhost_user_frontend_device_ops virtdev_priv_remote_postcopy_ops;
/* Call it after each dispatch: sends the end if it is due. */
void virtdev_priv_remote_end_postcopy(struct virtdev_vhost_user *r);
/* Call it when the back-end is lost or freed. */
void virtdev_priv_remote_postcopy_lost(struct virtdev_vhost_user *r);

/* remote_queue.c */

bool virtdev_priv_remote_has_changes(const struct virtdev_vhost_user *r);
/* If the device runs: begins to apply changes[], if there are any. */
void virtdev_priv_remote_change(struct virtdev_vhost_user *r);
/*
 * Queues were stopped. False: the whole device was to stop, not single queues.
 */
bool virtdev_priv_remote_changed(struct virtdev_vhost_user *r);
/* Drops pending changes: the whole device starts again or stops. */
void virtdev_priv_remote_forget(struct virtdev_vhost_user *r);

/*
 * For VQ_F_RING_RESET: the first function resets one queue of a running device,
 * the second starts a queue after its reset, with a new ring. The descriptors of
 * the ring are borrowed until the queue runs. The back-end needs no support for
 * this: it completes the requests that it has popped, stops all queues and
 * continues the others.
 *
 *   0        reset: ops->queue_reset follows; start: the queue will run
 *   1        reset only: the queue did not run; ops->queue_reset does not follow
 *   -EINVAL  invalid queue; start: the queue was not reset
 *   -EAGAIN  the back-end is disconnected: reset the whole device
 */
int virtdev_priv_remote_reset_queue(struct virtdev_vhost_user *r, uint32_t queue);
int virtdev_priv_remote_start_queue(struct virtdev_vhost_user *r, uint32_t queue,
				    const struct vhost_user_ring *ring, struct vsu_error *err);

/* remote_session.c */
struct vhost_user_frontend_ops;
extern const struct vhost_user_frontend_ops virtdev_priv_remote_session_ops;
extern const struct vhost_user_frontend_ops virtdev_priv_remote_optional_ops; /* shmem, connect */
/* Reads the configuration space; later, if too many requests are unanswered. */
void virtdev_priv_remote_ask_config(struct virtdev_vhost_user *r);

/*
 * Operations of the server, with arguments and results as in struct server_ops; self is the
 * struct virtdev_vhost_user.
 */
int virtdev_priv_remote_activate(void *self, uint64_t features, struct vsu_error *err);
int virtdev_priv_remote_pause(void *self);
int virtdev_priv_remote_resume(void *self, struct vsu_error *err);
int virtdev_priv_remote_check_save(const void *self, struct vsu_error *err);
int virtdev_priv_remote_collect(void *self, struct vsu_error *err);
int virtdev_priv_remote_take(void *self, void **bytes, size_t *len, struct vsu_error *err);
int virtdev_priv_remote_load(void *self, const void *bytes, size_t len, struct vsu_error *err);
int virtdev_priv_remote_check_log(const void *self, struct vsu_error *err);
int virtdev_priv_remote_set_log(void *self, const struct virtdev_server_log *log,
				struct vsu_error *err);
int virtdev_priv_remote_advise(void *self, struct vsu_error *err);
int virtdev_priv_remote_listen(void *self, const struct virtdev_page_faults *to,
			       struct vsu_error *err);
void virtdev_priv_remote_request_end(void *self);

/* remote_start.c */

/*
 * Starts n queues as the driver set them up: rings[i] is queue i, and a ring of
 * size 0 is not set up. The descriptors are duplicated.
 */
int virtdev_priv_remote_start_rings(struct virtdev_vhost_user *r, uint64_t features,
				    const struct vhost_user_ring *rings, uint32_t n,
				    struct vsu_error *err);
/*
 * 0: ops->stopped follows; 1: no queue ran, or the session has failed:
 * ops->stopped does not follow.
 */
int virtdev_priv_remote_stop(struct virtdev_vhost_user *r);
/* Starts the queues that the driver set up, at positions[] if there are any. */
int virtdev_priv_remote_start(struct virtdev_vhost_user *r, struct vsu_error *err);
/* Called after each dispatch: performs a start that waited. */
void virtdev_priv_remote_start_late(struct virtdev_vhost_user *r);

/* remote_replaced.c: the back-end disconnected; an attempt to connect; another one serves. */
void virtdev_priv_remote_lost(struct virtdev_vhost_user *r);
void virtdev_priv_remote_tries(struct virtdev_vhost_user *r);
void virtdev_priv_remote_replaced(struct virtdev_vhost_user *r, bool rings_lost);

/* remote_log.c: after each dispatch: ends the log, if that is due. */
void virtdev_priv_remote_end_log(struct virtdev_vhost_user *r);

/* remote_state.c: a device has no state but its queues and its configuration space. */
bool virtdev_priv_remote_is_stateless(const struct virtdev_vhost_user *r);

/* remote_positions.c */

bool virtdev_priv_remote_is_away(const struct virtdev_vhost_user *r);
/* A start waits for the next back-end, or for the end of this dispatch. */
bool virtdev_priv_remote_waits(const struct virtdev_vhost_user *r);
/* The queues were returned: a reset of the driver that waits for that is complete. */
void virtdev_priv_remote_reset_done(struct virtdev_vhost_user *r);
/* The queues of a pause have stopped. */
void virtdev_priv_remote_note_positions(struct virtdev_vhost_user *r, const uint32_t *bases,
					unsigned int n);
bool virtdev_priv_remote_has_positions(const struct virtdev_vhost_user *r);
void virtdev_priv_remote_clear_positions(struct virtdev_vhost_user *r);

/*
 * remote_stream.c. -EAGAIN: call it again after a dispatch; 0: stream.bytes are the state,
 * until it is dropped.
 */
int virtdev_priv_remote_stream_save(struct virtdev_vhost_user *r, struct vsu_error *err);
/* The back-end loads bytes; then write passes what the pipe accepts, until phase is DONE. */
int virtdev_priv_remote_stream_begin_load(struct virtdev_vhost_user *r, struct vsu_error *err);
int virtdev_priv_remote_stream_write(struct virtdev_vhost_user *r, const unsigned char *bytes,
				     size_t len);
/* remote_load.c: blocks until that. */
int virtdev_priv_remote_stream_load(struct virtdev_vhost_user *r, const void *bytes, size_t len,
				    struct vsu_error *err);
void virtdev_priv_remote_stream_drop(struct virtdev_vhost_user *r);
/* Call it after each dispatch. */
void virtdev_priv_remote_stream_turn(struct virtdev_vhost_user *r);
/* Call it for a new session and at the end of one: no answers follow. */
void virtdev_priv_remote_stream_lost(struct virtdev_vhost_user *r);
/* callbacks of the session */
void virtdev_priv_remote_on_state_moves(void *opaque, int result, int fd);
void virtdev_priv_remote_on_state_moved(void *opaque, int result);

#endif
