# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_LIBNBD: LIBNBD_CFLAGS, LIBNBD_LIBS and have_libnbd, for the module that
# programs load when they are asked for a disk of NBD; DL_LIBS to load it by.
AC_DEFUN([VMM_CHECK_LIBNBD], [
AC_ARG_WITH([libnbd],
	[AS_HELP_STRING([--without-libnbd], [leave out disks of NBD])],
	[], [with_libnbd=check])
have_libnbd=no
why_no_libnbd='was refused by --without-libnbd'
AS_IF([test "x$with_libnbd" != xno], [
	why_no_libnbd='is missing'
	PKG_CHECK_MODULES([LIBNBD], [libnbd >= 1.6], [have_libnbd=yes], [:])
	AS_IF([test "x$with_libnbd$have_libnbd" = xyesno],
		[AC_MSG_ERROR([libnbd was asked for and not found])])
])
AM_CONDITIONAL([HAVE_LIBNBD], [test "x$have_libnbd:$enable_virtio_devices" = xyes:yes])
AS_CASE([$have_libnbd:$enable_shared],
	[no:*], [build_disk_nbd="no: libnbd $why_no_libnbd"],
	[*:no], [build_disk_nbd="no: --disable-shared leaves out modules"],
	[build_disk_nbd=yes])
AM_CONDITIONAL([BUILD_DISK_NBD],
	[test "x$build_disk_nbd:$enable_virtio_devices" = xyes:yes])
vmm_saved_LIBS=$LIBS
AC_SEARCH_LIBS([dlopen], [dl])
AS_CASE([$ac_cv_search_dlopen], [-l*], [AC_SUBST([DL_LIBS], [$ac_cv_search_dlopen])])
LIBS=$vmm_saved_LIBS
])
