# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The tests, included by ../Makefile.am: a program is one line of a list.
unit_tests = \
	tests/balloon/test-balloon \
	tests/blk/test-blk \
	tests/blk/test-health \
	tests/blk/test-latency \
	tests/blk/test-limit \
	tests/blk/test-queue \
	tests/blk/test-ranges \
	tests/blk/test-turn \
	tests/console/test-console \
	tests/console/test-control \
	tests/console/test-record \
	tests/core/test-calls \
	tests/core/test-device \
	tests/core/test-feature_names \
	tests/core/test-inline \
	tests/core/test-later \
	tests/core/test-kept \
	tests/core/test-latency \
	tests/core/test-metrics \
	tests/core/test-move \
	tests/core/test-offers \
	tests/core/test-queue_names \
	tests/core/test-rate \
	tests/core/test-region \
	tests/core/test-state \
	tests/disk/test-direct \
	tests/disk/test-disk \
	tests/disk/test-hand_over \
	tests/disk/test-image \
	tests/disk/test-mmap \
	tests/disk/test-overlay \
	tests/disk/test-resize \
	tests/disk/test-step \
	tests/disk/test-uring \
	tests/fs/test-append \
	tests/fs/test-dax \
	tests/fs/test-dax-deferred \
	tests/fs/test-file-handle \
	tests/fs/test-file-systems \
	tests/fs/test-fs \
	tests/fs/test-hidden \
	tests/fs/test-hostile \
	tests/fs/test-idmap \
	tests/fs/test-jobs \
	tests/fs/test-label \
	tests/fs/test-latency \
	tests/fs/test-lock \
	tests/fs/test-mounts \
	tests/fs/test-overlay \
	tests/fs/test-privileges \
	tests/fs/test-recover \
	tests/fs/test-reset \
	tests/fs/test-state \
	tests/fs/test-sync \
	tests/fs/test-users \
	tests/fs/test-xattr \
	tests/link/test-link \
	tests/link/test-stream_again \
	tests/link/test-tap \
	tests/net/test-block \
	tests/net/test-control \
	tests/net/test-limit \
	tests/net/test-receive \
	tests/net/test-reconnect \
	tests/net/test-replaced \
	tests/net/test-send \
	tests/mem/test-mem \
	tests/pmem/test-pmem \
	tests/port/test-port \
	tests/rng/test-rng \
	tests/test-lack \
	tests/test-version \
	tests/test-wrong_calls \
	tests/transport/test-mmio \
	tests/transport/test-msix \
	tests/transport/test-pci \
	tests/transport/test-queue_reset \
	tests/transport/test-reset \
	tests/transport/test-transport \
	tests/vhost_kern/test-kern \
	tests/vhost_kern/test-pairs \
	tests/vhost_kern/test-server \
	tests/vhost_user/test-continued \
	tests/vhost_user/test-serve \
	tests/vhost_user/test-remote \
	tests/vhost_user/test-remote_attach \
	tests/vhost_user/test-remote_phase \
	tests/vhost_user/test-remote_postcopy \
	tests/vhost_user/test-remote_state \
	tests/vhost_user/test-remote_stream \
	tests/vhost_user/test-polling \
	tests/vhost_user/test-server \
	tests/vhost_user/test-state \
	tests/vsock/test-hostile \
	tests/vsock/test-seqpacket \
	tests/vsock/test-vsock \
	$(NULL)
check_LTLIBRARIES = tests/librig.la
tests_librig_la_SOURCES = \
	tests/blk-rig.c \
	tests/blk-rig.h \
	tests/closed_on_exec.h \
	tests/console-rig.c \
	tests/console-rig.h \
	tests/fake-disk.c \
	tests/fake-disk.h \
	tests/folder.c \
	tests/folder.h \
	tests/fs/dax-rig.c \
	tests/fs/dax-rig.h \
	tests/fs/fs-rig.c \
	tests/fs/fs-rig.h \
	tests/guest.c \
	tests/guest.h \
	tests/image.c \
	tests/image.h \
	tests/net-rig.c \
	tests/net-rig.h \
	tests/server-rig.c \
	tests/server-rig.h \
	tests/suite.h \
	tests/vhost_user/remote-rig.h \
	tests/vhost_user/sides.h \
	tests/vsock/vsock-rig.c \
	tests/vsock/vsock-rig.h \
	tests/wrong_struct.h \
	$(NULL)
tests_blk_test_limit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_blk_test_latency_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_net_test_limit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_disk_test_image_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_fd_kind -Wl,--wrap=ioctl
tests_fs_test_dax_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=virtdev_priv_fs_stat -Wl,--wrap=getpagesize
tests_fs_test_recover_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=virtdev_priv_fs_stat -Wl,--wrap=fallocate -Wl,--wrap=fallocate64
tests_fs_test_mounts_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=virtdev_priv_fs_stat -Wl,--wrap=name_to_handle_at
tests_fs_test_jobs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fstatfs -Wl,--wrap=fstatfs64 -Wl,--wrap=lseek -Wl,--wrap=lseek64 \
	-Wl,--wrap=readlinkat -Wl,--wrap=faccessat -Wl,--wrap=syncfs -Wl,--wrap=virtdev_priv_fs_xattr
tests_fs_test_hidden_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=virtdev_priv_fs_is_listed -Wl,--wrap=fstatfs -Wl,--wrap=fstatfs64
tests_fs_test_sync_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=syncfs
tests_fs_test_reset_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_link_test_tap_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open
tests_vsock_test_vsock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=virtdev_priv_vsock_send
tests_mem_test_mem_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fallocate -Wl,--wrap=fallocate64
tests_rng_test_rng_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_core_test_calls_LDFLAGS = -pthread
tests_core_test_rate_LDFLAGS = -pthread
tests_core_test_calls_SOURCES = \
	tests/core/test-calls.c \
	tests/transport/mmio_registers.c \
	tests/transport/pci_registers.c \
	tests/transport/registers.h \
	tests/transport/transport_rig.c \
	$(NULL)
tests_core_test_later_SOURCES = \
	tests/core/test-later.c \
	tests/transport/mmio_registers.c \
	tests/transport/registers.h \
	tests/transport/transport_rig.c \
	$(NULL)
tests_core_test_move_SOURCES = \
	tests/core/test-move.c \
	tests/transport/mmio_registers.c \
	tests/transport/pci_registers.c \
	tests/transport/registers.h \
	$(NULL)
tests_transport_test_queue_reset_SOURCES = \
	tests/transport/mmio_registers.c \
	tests/transport/pci_registers.c \
	tests/transport/registers.h \
	tests/transport/test-queue_reset.c \
	tests/transport/transport_rig.c \
	$(NULL)
tests_transport_test_reset_SOURCES = \
	tests/transport/mmio_registers.c \
	tests/transport/pci_registers.c \
	tests/transport/registers.h \
	tests/transport/test-reset.c \
	tests/transport/transport_rig.c \
	$(NULL)
tests_transport_test_transport_SOURCES = \
	tests/transport/mmio_registers.c \
	tests/transport/pci_registers.c \
	tests/transport/registers.h \
	tests/transport/test-transport.c \
	tests/transport/transport_rig.c \
	$(NULL)
tests_test_lack_LDFLAGS = -Wl,--wrap=calloc -Wl,--wrap=malloc -Wl,--wrap=strdup -Wl,--wrap=mmap -Wl,--wrap=epoll_create1 \
	-Wl,--wrap=epoll_ctl -Wl,--wrap=vsu_fd_dup -Wl,--wrap=vsu_event_new -Wl,--wrap=vsu_timer_new
tests_vhost_kern_test_kern_SOURCES = \
	tests/vhost_kern/fake-kernel.c \
	tests/vhost_kern/fake-kernel.h \
	tests/vhost_kern/test-kern.c \
	$(NULL)
tests_vhost_kern_test_pairs_SOURCES = \
	tests/vhost_kern/fake-kernel.c \
	tests/vhost_kern/fake-kernel.h \
	tests/vhost_kern/test-pairs.c \
	$(NULL)
tests_vhost_kern_test_server_SOURCES = \
	tests/vhost_kern/fake-kernel.c \
	tests/vhost_kern/fake-kernel.h \
	tests/vhost_kern/test-server.c \
	$(NULL)
tests_vhost_user_test_continued_LDFLAGS = -Wl,--wrap=vsu_timer_arm
tests_vhost_user_test_serve_LDFLAGS = -pthread -Wl,--wrap=vsu_now_ns
tests_vhost_user_test_polling_LDFLAGS = -Wl,--wrap=epoll_wait -Wl,--wrap=vsu_now_ns
tests_vhost_user_test_remote_attach_LDFLAGS = -pthread -Wl,--wrap=vhost_user_frontend_kept_loads
tests_vhost_user_test_remote_postcopy_LDFLAGS = -pthread
tests_vhost_user_test_remote_state_LDFLAGS = -pthread -Wl,--wrap=vhost_user_frontend_protocol_features -Wl,--wrap=vhost_user_frontend_announce
tests_vhost_user_test_remote_stream_LDFLAGS = -Wl,--wrap=vhost_user_frontend_move_state \
	-Wl,--wrap=vhost_user_frontend_check_state -Wl,--wrap=vhost_user_frontend_fd \
	-Wl,--wrap=vhost_user_frontend_dispatch -Wl,--wrap=vhost_user_frontend_state -Wl,--wrap=vsu_now_ns
tests_vhost_user_test_server_LDFLAGS = -pthread
LDADD = tests/librig.la libvirtio-devices-private.la $(VHOST_LIBS) $(VIRTIO_QUEUE_LIBS) $(VM_MEMORY_LIBS) $(VMM_SYS_UTIL_LIBS) $(LIBURING_LIBS) $(CHECK_LIBS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
