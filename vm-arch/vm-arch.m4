dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything vm-arch asks of the build machine, for its own configure, for the
dnl tree's and for a project that embeds the folder. After LT_INIT.
AC_DEFUN([VM_ARCH_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VM_ARCH_LT_VERSION], [0:0:0])
AC_REQUIRE([AX_PTHREAD])
dnl The folder of the architecture in src/arch
AS_CASE([$host_cpu], [x86_64], [vm_arch_cpu=x86], [aarch64], [vm_arch_cpu=arm64], [vm_arch_cpu=])
AC_SUBST([VM_ARCH_CPU], [$vm_arch_cpu])
AM_CONDITIONAL([ARCH_X86], [test "x$vm_arch_cpu" = xx86])
AM_CONDITIONAL([ARCH_ARM64], [test "x$vm_arch_cpu" = xarm64])
AS_CASE([$vm_arch_cpu:$enable_vm_arch],
	[*:no], [build_vm_arch="no$why_no_vm_arch"],
	[:*], [build_vm_arch="no: it runs on x86-64 and arm64 only, this is $host_cpu"],
	[build_vm_arch=yes])
AS_CASE([$asked_for_vm_arch:$build_vm_arch],
	[yes:no*], [AC_MSG_ERROR([--enable-vm-arch is impossible here ($build_vm_arch)])])
AM_CONDITIONAL([BUILD_VM_ARCH], [test "x$build_vm_arch" = xyes])

dnl A debugger, where guests can be debugged
AC_ARG_ENABLE([gdb],
	[AS_HELP_STRING([--disable-gdb], [leave out debugging of guests by gdb])],
	[], [enable_gdb=auto])
AS_CASE([$build_vm_arch:$vm_arch_cpu:$enable_gdb],
	[no*], [build_gdb=no],
	[*:no], [build_gdb=no],
	[yes:x86:*], [build_gdb=yes],
	[*:yes], [AC_MSG_ERROR([--enable-gdb is impossible here: guests of $host_cpu cannot be debugged])],
	[build_gdb="no: guests of $host_cpu cannot be debugged"])
AM_CONDITIONAL([BUILD_GDB], [test "x$build_gdb" = xyes])
AC_SUBST([build_gdb])

dnl zlib, for kernels that are compressed
AC_ARG_WITH([zlib],
	[AS_HELP_STRING([--without-zlib], [leave out kernels that are compressed by gzip])],
	[], [with_zlib=check])
have_zlib=no
AS_IF([test "x$with_zlib" != xno], [
	PKG_CHECK_MODULES([ZLIB], [zlib >= 1.2.8], [
		dnl pkg-config may speak of the machine that builds, not of the other.
		vm_arch_saved_CPPFLAGS=$CPPFLAGS
		vm_arch_saved_LIBS=$LIBS
		CPPFLAGS="$CPPFLAGS $ZLIB_CFLAGS"
		LIBS="$ZLIB_LIBS $LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <zlib.h>]],
			[[z_stream z = { 0 }; return inflateInit2(&z, 31);]])],
			[have_zlib=yes])
		CPPFLAGS=$vm_arch_saved_CPPFLAGS
		LIBS=$vm_arch_saved_LIBS
	], [:])
	AS_IF([test "x$with_zlib$have_zlib" = xyesno], [AC_MSG_ERROR(
		[zlib was asked for and not found for the machine that runs it])])
])
AS_IF([test "x$have_zlib" = xyes],
	[AC_DEFINE([HAVE_ZLIB], [1], [Define to 1 if zlib is there; tests use it everywhere.])])
AM_CONDITIONAL([HAVE_ZLIB], [test "x$have_zlib" = xyes])
dnl A kernel for x86 decompresses itself: there no start of a VMM has to load zlib.
boots_gzip=no
AS_IF([test "x$have_zlib:$vm_arch_cpu" = xyes:arm64], [
	boots_gzip=yes
	AC_DEFINE([BOOTS_GZIP], [1], [Define to 1 to decompress kernels of gzip.])
	AC_SUBST([GZIP_LIBS], [$ZLIB_LIBS])
	AC_SUBST([GZIP_REQUIRES], [zlib])
])
])
