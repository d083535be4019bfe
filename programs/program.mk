# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# What the folders of cvmm and of the programs that it executes have in common. Each has lists of
# its own: sources, programs, check_PROGRAMS, LDADD and TESTS.

AM_CPPFLAGS = -I$(srcdir) -I$(top_srcdir)/programs -I$(top_srcdir)/vmm/include -I$(top_srcdir)/vmm $(CVMM_EXEC_CFLAGS) $(VM_AGENT_CFLAGS) -I$(top_srcdir)/vmm/tests $(DEVICE_KINDS_CFLAGS) $(VIRTIO_DEVICES_CFLAGS) $(VHOST_CFLAGS) $(VIRTIO_QUEUE_CFLAGS) $(VM_ARCH_CFLAGS) $(VM_MEMORY_CFLAGS) $(VMM_SYS_UTIL_CFLAGS) $(CHECK_CFLAGS) -DDAEMON_FOLDER='"$(bindir)"' -DHELPER_FOLDER='"$(pkglibexecdir)"'
AM_CFLAGS = $(WARN_CFLAGS) $(HARDENING_CFLAGS) $(LIBEV_CFLAGS) $(PTHREAD_CFLAGS)
AM_LDFLAGS = $(HARDENING_LDFLAGS) $(RELOCATION_LDFLAGS)

# The machine and the libraries below it
machine_archives = $(top_builddir)/vmm/libmachine.la $(VM_ARCH_STATIC_LIBS) $(VM_AGENT_STATIC_LIBS) \
	$(top_builddir)/programs/libprograms.la $(VIRTIO_DEVICES_STATIC_LIBS) $(VHOST_STATIC_LIBS) \
	$(VIRTIO_QUEUE_STATIC_LIBS) $(VM_MEMORY_STATIC_LIBS) $(VMM_SYS_UTIL_STATIC_LIBS)
# Of a program that runs machines
machine_libs = $(top_builddir)/programs/common/libcommon.la $(CVMM_EXEC_STATIC_LIBS) \
	$(top_builddir)/programs/control/libcontrol.la $(machine_archives) $(LIBEV_LIBS)

# A machine of the library's tests, on a KVM of theirs; flags of a program's own give it
# objects of its own.
machine_rig = \
	../../vmm/tests/machine/fake_kvm.c \
	../../vmm/tests/machine/kernels.c \
	../control/tests/socket_user.c \
	../../vmm/tests/machine/plug_rig.c \
	../../vmm/tests/machine/rig.c \
	../../vmm/tests/machine/user_lines.c \
	$(NULL)
# tests/NAME without a _SOURCES line is made from tests/NAME.c.
AM_DEFAULT_SOURCE_EXT = .c

# Modules are loaded from the folder in which they were built.
AM_TESTS_ENVIRONMENT = CVMM_MODULES='$(abs_top_builddir)/device-kinds/.libs'; export CVMM_MODULES;
# Seconds that one program may take; 124 is the exit status of one that took more.
TEST_LIMIT = 900
LIMITED = timeout --foreground -k 60 $$(($(TEST_LIMIT) * $${CK_TIMEOUT_MULTIPLIER:-1}))
LOG_COMPILER = $(LIMITED)
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent \
	$(TEST_LINE) $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
VALGRIND_FLAGS = --leak-check=full --error-exitcode=99 --fair-sched=try
