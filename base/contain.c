/*
 * Walls: no_new_privs, resource limits, Landlock and a seccomp filter (prctl(2), landlock(7), seccomp(2)).
 *
 * The numbers are the kernel's own and stand here because the headers of Debian 12 end at Landlock's ABI 2.  What a kernel
 * does not know is not asked of it.
 */
#define _GNU_SOURCE /* syscall, O_TMPFILE */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/contain.h"
#include "base/walls.h"

/* ---- Landlock ---- */

#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1U /* flag: say the ABI */

/* Rights to files: the first 13 with ABI 1, refer with 2, truncate with 3, ioctl on devices with 5. */
#define FS_ALL(abi) ((abi) >= 5 ? 0xffffU : (abi) >= 3 ? 0x7fffU : (abi) >= 2 ? 0x3fffU : 0x1fffU)
#define FS_READ_FILE (1U << 2)
#define FS_READ_DIR (1U << 3)
#define FS_IOCTL_DEV (1U << 15)
#define NET_ALL 3U   /* ABI 4: bind and connect of TCP */
#define SCOPE_ALL 3U /* ABI 6: abstract sockets and signals to outside */

/* No rule is added: what is handled is denied.  Returns the ABI, 0 where there is no Landlock. */
static unsigned char landlock(bool may_read)
{
	struct {
		uint64_t fs, net, scope;
	} rules = { 0 };
	long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, (size_t)0, LANDLOCK_VERSION), fd;
	bool stands;

	if (abi < 1)
		return 0;
	rules.fs = FS_ALL(abi) & ~(may_read ? FS_READ_FILE | FS_READ_DIR | FS_IOCTL_DEV : 0U);
	rules.net = abi >= 4 ? NET_ALL : 0;
	rules.scope = abi >= 6 ? SCOPE_ALL : 0;
	fd = syscall(LANDLOCK_CREATE_RULESET, &rules, abi >= 6 ? sizeof rules : abi >= 4 ? (size_t)16 : (size_t)8, 0U);
	if (fd < 0)
		return 0;
	stands = syscall(LANDLOCK_RESTRICT_SELF, (int)fd, 0U) == 0;
	(void)close((int)fd);
	return stands ? (unsigned char)(abi < 255 ? abi : 255) : 0;
}

/* ---- seccomp ---- */

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(at))
#define NUMBER offsetof(struct seccomp_data, nr)
/* The lower half, on machines that put it first, which both of these are. */
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i))
#define RETURN(x) BPF_STMT(BPF_RET | BPF_K, (x))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define SKIP_UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, n)
/* Of another machine's numbering (32 bits, x32) nothing is understood. */
#define BEGIN                                                                                                          \
	LOAD(offsetof(struct seccomp_data, arch)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),                    \
	    RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(NUMBER), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1),    \
	    REFUSE
#define ALLOW_CALL(nr) SKIP_UNLESS(nr, 1), ALLOW
#define REFUSE_CALL(nr) SKIP_UNLESS(nr, 1), REFUSE
/* A call whose argument i has one of these bits. */
#define REFUSE_BITS(nr, i, bits)                                                                                       \
	SKIP_UNLESS(nr, 4), LOAD(ARGUMENT(i)), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, 1), REFUSE,   \
	    ALLOW

#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC)

static bool filter(struct sock_filter *code, size_t n, unsigned flags)
{
	struct sock_fprog program = { .len = (unsigned short)n, .filter = code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

/* What memory, threads' locks and an end need; reading; and writing to the line. */
static bool filter_reader(int line)
{
	struct sock_filter code[] = { BEGIN, ALLOW_CALL(SYS_read), ALLOW_CALL(SYS_readv), ALLOW_CALL(SYS_pread64),
		ALLOW_CALL(SYS_lseek), ALLOW_CALL(SYS_close), ALLOW_CALL(SYS_brk), ALLOW_CALL(SYS_munmap),
		ALLOW_CALL(SYS_mremap), ALLOW_CALL(SYS_madvise), ALLOW_CALL(SYS_futex), ALLOW_CALL(SYS_sched_yield),
		ALLOW_CALL(SYS_rt_sigreturn), ALLOW_CALL(SYS_rt_sigprocmask), ALLOW_CALL(SYS_clock_gettime),
		ALLOW_CALL(SYS_getrandom), ALLOW_CALL(SYS_getpid), ALLOW_CALL(SYS_gettid),
		ALLOW_CALL(SYS_restart_syscall), ALLOW_CALL(SYS_exit), ALLOW_CALL(SYS_exit_group),
		REFUSE_BITS(SYS_mmap, 2, PROT_EXEC), REFUSE_BITS(SYS_mprotect, 2, PROT_EXEC),
		SKIP_UNLESS(SYS_writev, 3), LOAD(ARGUMENT(0)), SKIP_UNLESS(line, 1), ALLOW, REFUSE };

	return filter(code, sizeof code / sizeof *code, 0);
}

/* All threads of this process, and no call that changes something outside it. */
static bool filter_self(void)
{
	struct sock_filter code[] = { BEGIN,
#ifdef SYS_open /* the calls that newer machines never had */
		REFUSE_BITS(SYS_open, 1, WRITING), REFUSE_CALL(SYS_creat), REFUSE_CALL(SYS_mkdir),
		REFUSE_CALL(SYS_rmdir), REFUSE_CALL(SYS_unlink), REFUSE_CALL(SYS_rename), REFUSE_CALL(SYS_link),
		REFUSE_CALL(SYS_symlink), REFUSE_CALL(SYS_mknod), REFUSE_CALL(SYS_chmod), REFUSE_CALL(SYS_chown),
		REFUSE_CALL(SYS_lchown), REFUSE_CALL(SYS_utimes), REFUSE_CALL(SYS_futimesat), REFUSE_CALL(SYS_renameat),
#endif
		REFUSE_BITS(SYS_openat, 2, WRITING), REFUSE_CALL(SYS_openat2), REFUSE_CALL(SYS_truncate),
		REFUSE_CALL(SYS_mkdirat), REFUSE_CALL(SYS_unlinkat), REFUSE_CALL(SYS_renameat2),
		REFUSE_CALL(SYS_linkat), REFUSE_CALL(SYS_symlinkat), REFUSE_CALL(SYS_mknodat), REFUSE_CALL(SYS_fchmod),
		REFUSE_CALL(SYS_fchmodat), REFUSE_CALL(SYS_fchown), REFUSE_CALL(SYS_fchownat),
		REFUSE_CALL(SYS_utimensat), REFUSE_CALL(SYS_setxattr), REFUSE_CALL(SYS_lsetxattr),
		REFUSE_CALL(SYS_fsetxattr), REFUSE_CALL(SYS_removexattr), REFUSE_CALL(SYS_lremovexattr),
		REFUSE_CALL(SYS_fremovexattr), REFUSE_CALL(SYS_socket), REFUSE_CALL(SYS_socketpair),
		REFUSE_CALL(SYS_connect), REFUSE_CALL(SYS_bind), REFUSE_CALL(SYS_listen), REFUSE_CALL(SYS_accept),
		REFUSE_CALL(SYS_accept4), REFUSE_CALL(SYS_execve), REFUSE_CALL(SYS_execveat), REFUSE_CALL(SYS_ptrace),
		REFUSE_CALL(SYS_process_vm_readv), REFUSE_CALL(SYS_process_vm_writev), REFUSE_CALL(SYS_pidfd_getfd),
		REFUSE_CALL(SYS_io_uring_setup), REFUSE_CALL(SYS_bpf), REFUSE_CALL(SYS_mount), REFUSE_CALL(SYS_umount2),
		REFUSE_CALL(SYS_pivot_root), REFUSE_CALL(SYS_chroot), REFUSE_CALL(SYS_unshare), REFUSE_CALL(SYS_setns),
		REFUSE_CALL(SYS_open_by_handle_at), REFUSE_CALL(SYS_init_module), REFUSE_CALL(SYS_finit_module),
		REFUSE_CALL(SYS_kexec_load), REFUSE_CALL(SYS_reboot), ALLOW };

	return filter(code, sizeof code / sizeof *code, SECCOMP_FILTER_FLAG_TSYNC);
}

#else

static bool filter_reader(int line)
{
	(void)line;
	return false;
}

static bool filter_self(void)
{
	return false;
}

#endif

/* ---- together ---- */

static const struct rlimit none = { 0, 0 };

/* How many pages of data this process has; 0: not known. */
static rlim_t data_pages(void)
{
	char text[256] = "", *number = text;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	/* size resident shared text lib data dt (proc(5)) */
	for (int i = 0; n > 0 && i < 5; i++) {
		number = strchr(number, ' ');
		if (number == NULL)
			return 0;
		number++;
	}
	return (rlim_t)strtoull(number, NULL, 10);
}

/* A child begins with all that its parent has (and a sanitizer's terabytes): it may have that, and so much more.  There is
 * no limit on its time, for none lets a large archive on a slow machine through and holds an endless loop; who waits for
 * that can end the program. */
static void limit_memory(void)
{
	rlim_t pages = data_pages(), most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + GF_CONTAINED_MEMORY;
	struct rlimit r = { most, most };

	if (pages > 0)
		(void)setrlimit(RLIMIT_DATA, &r);
}

gf_walls gf_walls_reader(int line)
{
	gf_walls w = { 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_FSIZE, &none);
	limit_memory();
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	w.landlock = landlock(false); /* opens a descriptor, so before the next line */
	(void)setrlimit(RLIMIT_NOFILE, &none);
	(void)setrlimit(RLIMIT_NPROC, &none);
	w.seccomp = filter_reader(line);
	return w;
}

void gf_walls_text(gf_walls w, char walls[GF_WALLS_SIZE])
{
	char kernel[32] = "no Landlock";

	if (w.landlock > 0)
		(void)snprintf(kernel, sizeof kernel, "Landlock %d", w.landlock);
	(void)snprintf(walls, GF_WALLS_SIZE, "%s, %s", kernel, w.seccomp ? "seccomp" : "no seccomp");
}

void gf_contain_self(char walls[GF_WALLS_SIZE])
{
	gf_walls w = { 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	w.landlock = landlock(true);
	w.seccomp = filter_self();
	gf_walls_text(w, walls);
}
