/* See lock.h. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The writer's name for messages: "process 123 on HOST". The text of a dead process of this machine means nothing. */
static bool read_owner(int file, char *owner, size_t size)
{
	char text[400], host[256], own_host[256] = "";
	long pid;
	ssize_t length = pread(file, text, sizeof text - 1, 0);
	if (length <= 0)
		return false;
	text[length] = '\0';
	if (sscanf(text, "%ld %255s", &pid, host) != 2)
		return false;
	gethostname(own_host, sizeof own_host - 1);
	if (strcmp(host, own_host) != 0) {
		snprintf(owner, size, "process %ld on %s", pid, host);
		return true;
	}
	if (pid == (long)getpid())
		snprintf(owner, size, "this very command");
	else
		snprintf(owner, size, "process %ld", pid);
	return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

static void write_owner(int file)
{
	char host[256] = "", text[400];
	gethostname(host, sizeof host - 1);
	int length = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host);
	/* For messages only: that it could not be written, on a full disk, hurts nobody. */
	if (ftruncate(file, 0) != 0 || pwrite(file, text, (size_t)length, 0) != length)
		return;
}

static EntkStatus busy(const char *path, int file, bool write, EntkError *error)
{
	char owner[400];
	if (read_owner(file, owner, sizeof owner))
		entk_fail(error, ENTK_SYSTEM, path, "%s is writing to this store", owner);
	else
		entk_fail(error, ENTK_SYSTEM, path, "another process is %s this store", write ? "using" : "writing to");
	close(file);
	return entk_fix(error, "wait for it, or choose another folder");
}

EntkStatus entk_store_lock(const char *path, bool write, int *file, EntkError *error)
{
	char name[4096];
	int length = snprintf(name, sizeof name, "%s/.lock", path);
	if (length < 0 || (size_t)length >= sizeof name)
		return entk_fail(error, ENTK_INPUT, path, "the name is too long");
	*file = open(name, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NONBLOCK, 0666);
	if (*file < 0 && !write && errno == ENOENT)
		return ENTK_OK;
	if (*file < 0) {
		entk_fail(error, ENTK_SYSTEM, path, "cannot lock the store: %s", strerror(errno));
		return write ? entk_fix(error, "the folder must be writable, on a disk that is not full")
			     : error->status;
	}
	while (flock(*file, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return busy(path, *file, write, error);
		/* File systems without locks: reading is harmless enough, two writers are not. */
		if (!write)
			return ENTK_OK;
		entk_fail(error, ENTK_SYSTEM, path, "cannot lock the store: %s", strerror(errno));
		close(*file);
		return entk_fix(error, "write to a file system with locks");
	}
	if (write)
		write_owner(*file);
	return ENTK_OK;
}

void entk_store_unlock(int file, bool write)
{
	if (file < 0)
		return;
	/* If the name stays, read_owner knows that its process has gone. */
	int ignored = write ? ftruncate(file, 0) : 0;
	(void)ignored;
	close(file);
}
