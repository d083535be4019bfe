dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything libcvmm asks of the build machine, for its own configure and for the
dnl tree's. After LT_INIT.
AC_DEFUN([CVMM_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([CVMM_LT_VERSION], [0:0:0])
AC_REQUIRE([AX_PTHREAD])
dnl The folder of the architecture in vmm/arch
AS_CASE([$host_cpu], [x86_64], [cvmm_arch=x86], [aarch64], [cvmm_arch=arm64], [cvmm_arch=])
AC_SUBST([CVMM_ARCH], [$cvmm_arch])
AM_CONDITIONAL([ARCH_X86], [test "x$cvmm_arch" = xx86])
AM_CONDITIONAL([ARCH_ARM64], [test "x$cvmm_arch" = xarm64])
AS_CASE([$cvmm_arch:$enable_vmm],
	[*:no], [build_vmm=no],
	[:*], [build_vmm="no: it runs on x86-64 and arm64 only, this is $host_cpu"],
	[build_vmm=yes])
AM_CONDITIONAL([BUILD_VMM], [test "x$build_vmm" = xyes])


dnl zlib, for kernels that are compressed
AC_ARG_WITH([zlib],
	[AS_HELP_STRING([--without-zlib], [leave out kernels that are compressed by gzip])],
	[], [with_zlib=check])
have_zlib=no
AS_IF([test "x$with_zlib" != xno], [
	PKG_CHECK_MODULES([ZLIB], [zlib >= 1.2.8], [
		dnl pkg-config may speak of the machine that builds, not of the other.
		cvmm_saved_CPPFLAGS=$CPPFLAGS
		cvmm_saved_LIBS=$LIBS
		CPPFLAGS="$CPPFLAGS $ZLIB_CFLAGS"
		LIBS="$ZLIB_LIBS $LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <zlib.h>]],
			[[z_stream z = { 0 }; return inflateInit2(&z, 31);]])],
			[have_zlib=yes])
		CPPFLAGS=$cvmm_saved_CPPFLAGS
		LIBS=$cvmm_saved_LIBS
	], [:])
	AS_IF([test "x$with_zlib$have_zlib" = xyesno], [AC_MSG_ERROR(
		[zlib was asked for and not found for the machine that runs it])])
])
AS_IF([test "x$have_zlib" = xyes],
	[AC_DEFINE([HAVE_ZLIB], [1], [Define to 1 if zlib is there; tests use it everywhere.])])
AM_CONDITIONAL([HAVE_ZLIB], [test "x$have_zlib" = xyes])
dnl A kernel for x86 decompresses itself: there no start of cvmm has to load zlib.
boots_gzip=no
AS_IF([test "x$have_zlib:$cvmm_arch" = xyes:arm64], [
	boots_gzip=yes
	AC_DEFINE([BOOTS_GZIP], [1], [Define to 1 to decompress kernels of gzip.])
	AC_SUBST([GZIP_LIBS], [$ZLIB_LIBS])
	AC_SUBST([GZIP_REQUIRES], [zlib])
])

dnl gnutls, for the module of migration over TLS
AC_ARG_WITH([gnutls],
	[AS_HELP_STRING([--without-gnutls], [leave out migration over TLS])],
	[], [with_gnutls=check])
have_gnutls=no
why_no_gnutls='was refused by --without-gnutls'
AS_IF([test "x$with_gnutls" != xno], [
	why_no_gnutls='is missing'
	PKG_CHECK_MODULES([GNUTLS], [gnutls >= 3.6.5], [have_gnutls=yes], [:])
	AS_IF([test "x$with_gnutls$have_gnutls" = xyesno],
		[AC_MSG_ERROR([gnutls was asked for and not found])])
])
AS_CASE([$have_gnutls:$enable_shared:$build_vmm],
	[*:*:no*], [build_migration_tls=no],
	[no:*], [build_migration_tls="no: gnutls $why_no_gnutls"],
	[*:no:*], [build_migration_tls="no: --disable-shared leaves out modules"],
	[build_migration_tls=yes])
AM_CONDITIONAL([BUILD_MIGRATION_TLS], [test "x$build_migration_tls" = xyes])
])
