/*
 * syscalls: a tracer that makes the n-th call of one kind fail, or kills there (tests/faults/syscalls.py).
 *
 *   syscalls REPORT - COMMAND...                      REPORT: a line "ROLE NUMBER" for each call, as they come
 *   syscalls REPORT ROLE:NUMBER:N:ERRNO COMMAND...    that call fails (ERRNO 0: SIGKILL to its process, at its entry)
 *
 * ROLE is parent, all threads of COMMAND together, or child, all processes that it forks.  (strace counts for each
 * thread by itself and from exec on, so that the first calls of a child cannot be had without the loader's of the same
 * number.)  Counted is from the first call that is not the dynamic loader's.  Ends as COMMAND did; processes that
 * COMMAND leaves have five seconds, are killed then and reported as "left".
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { PARENT, CHILD, KINDS = 1024, TASKS = 4096 };

static const char *const roles[] = { "parent", "child" };
static FILE *report;
static pid_t first;
static bool placing, fired;
static int wanted_role, with;
static uint64_t wanted, wanted_n;
static uint64_t count[2][KINDS], top_of_heap[2];
static uint64_t loader, loader_end;
static bool begun;

/* One thread.  in: a call that it is in; failing: that call is to fail. */
static struct task {
	pid_t tid, tgid;
	uint64_t in;
	bool failing;
} tasks[TASKS];
static size_t n_tasks;

static void die(const char *what)
{
	fprintf(stderr, "syscalls: %s: %s\n", what, strerror(errno));
	exit(120);
}

static pid_t group_of(pid_t tid)
{
	char path[64], line[256];
	int tgid = tid;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", tid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return tgid;
}

static struct task *task_of(pid_t tid)
{
	for (size_t i = 0; i < n_tasks; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	if (n_tasks == TASKS)
		die("more threads than there is room for");
	tasks[n_tasks] = (struct task){ .tid = tid, .tgid = group_of(tid) };
	return &tasks[n_tasks++];
}

static void forget(pid_t tid)
{
	struct task *t = task_of(tid);

	*t = tasks[--n_tasks];
}

/* Where the dynamic loader is: at AT_BASE, up to the end of its last mapping.  A static program has none. */
static void find_loader(pid_t pid)
{
	char path[64], line[512], name[512], loader_name[512] = "";
	Elf64_auxv_t a;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/auxv", pid);
	f = fopen(path, "r");
	while (f != NULL && fread(&a, sizeof a, 1, f) == 1 && a.a_type != AT_NULL)
		if (a.a_type == AT_BASE)
			loader = a.a_un.a_val;
	if (f != NULL)
		(void)fclose(f);
	(void)snprintf(path, sizeof path, "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %511s", &from, &to, name) != 3)
			continue;
		if (from == loader)
			strcpy(loader_name, name);
		if (loader_name[0] != '\0' && strcmp(name, loader_name) == 0)
			loader_end = to;
	}
	if (f != NULL)
		(void)fclose(f);
}

/* ---- what to do at a call ---- */

#if defined __x86_64__

static void set_number(pid_t tid, long nr)
{
	(void)ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.orig_rax), nr);
}

static void set_result(pid_t tid, uint64_t value)
{
	(void)ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), value);
}

#elif defined __aarch64__

static void set_number(pid_t tid, long nr)
{
	int n = (int)nr;
	struct iovec v = { &n, sizeof n };

	(void)ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &v);
}

static void set_result(pid_t tid, uint64_t value)
{
	struct user_regs_struct r;
	struct iovec v = { &r, sizeof r };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) != 0)
		return;
	r.regs[0] = value;
	(void)ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v);
}

#endif

/* For a person: the arguments, a text where one points to it, a path where one is a descriptor. */
static void tell(const struct task *t, const struct ptrace_syscall_info *i)
{
	fprintf(report, "fired");
	for (size_t k = 0; k < 3; k++) {
		char text[128] = "", path[64];
		struct iovec here = { text, sizeof text - 1 }, there = { (void *)i->entry.args[k], sizeof text - 1 };
		ssize_t n;

		fprintf(report, " %#lx", (unsigned long)i->entry.args[k]);
		if (i->entry.args[k] < 1024) {
			(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", t->tgid, (int)i->entry.args[k]);
			n = k == 0 ? readlink(path, text, sizeof text - 1) : -1;
		} else {
			n = process_vm_readv(t->tid, &here, 1, &there, 1, 0);
		}
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		for (const char *p = text; *p != '\0'; p++)
			if (*p < ' ' || *p > '~')
				text[0] = '\0';
		if (text[0] != '\0')
			fprintf(report, "<%s>", text);
	}
	fprintf(report, "\n");
}

static void entry(struct task *t, const struct ptrace_syscall_info *i)
{
	int role = t->tgid == first ? PARENT : CHILD;
	uint64_t nr = i->entry.nr;

	t->in = nr;
	if (!begun && i->instruction_pointer >= loader && i->instruction_pointer < loader_end)
		return;
	begun = true;
	if (nr >= KINDS)
		return;
	count[role][nr]++;
	if (!placing)
		fprintf(report, "%s %u\n", roles[role], (unsigned)nr);
	if (!placing || fired || role != wanted_role || nr != wanted || count[role][nr] != wanted_n)
		return;
	fired = true;
	tell(t, i);
	if (with == 0) {
		(void)kill(t->tgid, SIGKILL);
		return;
	}
	t->failing = true;
	/* close gives the descriptor up whatever it returns (close(2)). */
	if (nr != SYS_close)
		set_number(t->tid, -1);
}

/* brk does not fail: it returns the end that there was. */
static void leave(struct task *t, const struct ptrace_syscall_info *i)
{
	int role = t->tgid == first ? PARENT : CHILD;

	if (t->failing)
		set_result(t->tid, t->in == SYS_brk ? top_of_heap[role] : (uint64_t) - (int64_t)with);
	else if (t->in == SYS_brk)
		top_of_heap[role] = (uint64_t)i->exit.rval;
	if (role == PARENT)
		top_of_heap[CHILD] = top_of_heap[PARENT];
	t->failing = false;
}

/* ---- the run ---- */

static void start(char **argv)
{
	int status;

	first = fork();
	if (first < 0)
		die("fork");
	if (first == 0) {
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(first, &status, WUNTRACED) != first || !WIFSTOPPED(status))
		die("the command did not stop");
	if (ptrace(PTRACE_SEIZE, first, 0,
		PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0)
		die("PTRACE_SEIZE");
	(void)kill(first, SIGCONT);
}

static void stopped(pid_t tid, int status)
{
	struct task *t = task_of(tid);
	int sig = WSTOPSIG(status), event = status >> 16;
	static bool executed;

	if (sig == (SIGTRAP | 0x80)) {
		struct ptrace_syscall_info i;

		if (executed && ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof i, &i) > 0) {
			if (i.op == PTRACE_SYSCALL_INFO_ENTRY)
				entry(t, &i);
			else if (i.op == PTRACE_SYSCALL_INFO_EXIT)
				leave(t, &i);
		}
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		if (!executed)
			find_loader(tid);
		executed = true;
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP &&
	    (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
		if (executed) {
			(void)ptrace(PTRACE_LISTEN, tid, 0, 0);
			return;
		}
		sig = 0;
	} else if (event != 0) {
		sig = 0;
	}
	(void)ptrace(PTRACE_SYSCALL, tid, 0, sig);
}

static volatile sig_atomic_t late;

static void too_late(int sig)
{
	late = sig;
}

int main(int argc, char **argv)
{
	const struct sigaction alarmed = { .sa_handler = too_late };
	int ended = -1;
	char role[8];
	unsigned long nr, n;

	if (argc < 4)
		return 120;
	report = fopen(argv[1], "w");
	if (report == NULL)
		die(argv[1]);
	placing = strcmp(argv[2], "-") != 0;
	if (placing && sscanf(argv[2], "%7[a-z]:%lu:%lu:%d", role, &nr, &n, &with) != 4)
		return 120;
	if (placing) {
		wanted_role = *role == 'c' ? CHILD : PARENT;
		wanted = nr;
		wanted_n = n;
	}
	(void)sigaction(SIGALRM, &alarmed, NULL); /* no SA_RESTART: it ends waitpid */
	start(argv + 3);
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR && late)
			break;
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break; /* nobody is left */
		if (WIFSTOPPED(status)) {
			stopped(tid, status);
			continue;
		}
		forget(tid);
		if (tid == first) {
			ended = status;
			(void)alarm(5);
		}
	}
	if (late)
		fprintf(report, "left\n");
	if (fclose(report) != 0)
		die(argv[1]);
	if (WIFSIGNALED(ended)) {
		(void)signal(WTERMSIG(ended), SIG_DFL);
		(void)kill(getpid(), WTERMSIG(ended));
	}
	return WEXITSTATUS(ended);
}
