dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything device-kinds asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder. After LT_INIT.
AC_DEFUN([DEVICE_KINDS_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([DEVICE_KINDS_LT_VERSION], [0:0:0])
AC_REQUIRE([AX_PTHREAD])
dnl libnbd, for the module of disks of NBD
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
AM_CONDITIONAL([HAVE_LIBNBD], [test "x$have_libnbd" = xyes])
AS_CASE([$have_libnbd:$enable_shared:$enable_device_kinds],
	[*:*:no], [build_disk_nbd="no$why_no_device_kinds"],
	[no:*], [build_disk_nbd="no: libnbd $why_no_libnbd"],
	[*:no:*], [build_disk_nbd="no: --disable-shared leaves out modules"],
	[build_disk_nbd=yes])
AM_CONDITIONAL([BUILD_DISK_NBD], [test "x$build_disk_nbd" = xyes])
])
