/*
 * sys: the system calls of base that touch files, in one place (private to base).
 *
 * Built with -DGF_TEST_FAULTS, GAPFERRY_FAIL=CALL:N[:ERRNO] makes the N-th of these calls
 * of that kind fail once (write, pwrite, read, pread, fsync, rename, link, open, mkdir;
 * ERRNO is a number or a name, EIO when left out); N counts from the last change of the
 * variable.  Without the macro they are the system calls themselves.
 */
#ifndef GF_BASE_SYS_H
#define GF_BASE_SYS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef GF_TEST_FAULTS

ssize_t gf_sys_read(int fd, void *buf, size_t n);
ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t offset);
ssize_t gf_sys_write(int fd, const void *buf, size_t n);
ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t offset);
int gf_sys_fsync(int fd);
int gf_sys_openat(int dir, const char *path, int flags, mode_t mode);
int gf_sys_mkdirat(int dir, const char *path, mode_t mode);
int gf_sys_renameat(int old_dir, const char *old_path, int new_dir, const char *new_path);
int gf_sys_linkat(int old_dir, const char *old_path, int new_dir, const char *new_path, int flags);

#else

#define gf_sys_read read
#define gf_sys_pread pread
#define gf_sys_write write
#define gf_sys_pwrite pwrite
#define gf_sys_fsync fsync
#define gf_sys_openat openat
#define gf_sys_mkdirat mkdirat
#define gf_sys_renameat renameat
#define gf_sys_linkat linkat

#endif

#endif
