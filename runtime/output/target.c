/* See target.h. */
#include "output/target.h"

#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL ".partial-"

static EntkStatus cannot_write(EntkError *error, const char *where, int number)
{
	return entk_fail(error, ENTK_SYSTEM, where, "cannot write: %s", strerror(number));
}

/* ---- what killed processes left -------------------------------------------------------------------------------- */

/* "PID", or "PID.XXXXXX": libzip writes to a temporary name of its own beside the one that it is given. 0: neither. */
static long parse_rest(const char *rest, bool *of_zip)
{
	char *end;
	if (*rest < '1' || *rest > '9')
		return 0;
	errno = 0;
	long pid = strtol(rest, &end, 10);
	*of_zip = *end == '.' && strlen(end) == 7 && !strchr(end + 1, '.');
	return errno == 0 && pid <= INT_MAX && (*end == '\0' || *of_zip) ? pid : 0;
}

/* Is somebody writing under this temporary name? Who wrote without a lock, or on a file system that has none, is known by the PID. */
static bool is_locked(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0)
		return errno != ENOENT;
	bool locked = flock(file, LOCK_EX | LOCK_NB) != 0;
	close(file);
	return locked;
}

/* Removes `path`, which stands for "NAME.partial-REST", if its writer is gone and it is a file of ours. */
static void remove_if_stale(const char *path, const char *rest)
{
	struct stat info;
	char base[PATH_MAX];
	bool of_zip = false;
	long pid = parse_rest(rest, &of_zip);
	if (pid == 0 || lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid())
		return;
	/* In a container our own number may be that of the process that was killed. */
	if (pid != (long)getpid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH))
		return;
	size_t length = strlen(path) - (of_zip ? 7 : 0);
	if (length >= sizeof base)
		return;
	memcpy(base, path, length);
	base[length] = '\0';
	if (!is_locked(base))
		unlink(path);
}

static void remove_stale(const EntkTarget *target)
{
	const char *slash = strrchr(target->final, '/'), *name = slash ? slash + 1 : target->final;
	const size_t length = strlen(name), marker = sizeof PARTIAL - 1;
	DIR *folder = opendir(target->folder);
	struct dirent *entry;
	while (folder && (entry = readdir(folder)) != NULL) {
		char *path;
		if (strncmp(entry->d_name, name, length) != 0 ||
		    strncmp(entry->d_name + length, PARTIAL, marker) != 0 ||
		    asprintf(&path, "%s/%s", target->folder, entry->d_name) < 0)
			continue;
		remove_if_stale(path, entry->d_name + length + marker);
		free(path);
	}
	if (folder)
		closedir(folder);
}

/* ---- from name to file ------------------------------------------------------------------------------------------- */

void entk_target_destroy(EntkTarget *target)
{
	/* Memory of zeros is an empty target too. */
	if (target->temporary && target->lock >= 0) {
		unlink(target->temporary);
		close(target->lock);
	}
	free(target->final);
	free(target->temporary);
	free(target->folder);
	*target = (EntkTarget){.lock = -1};
}

/* The names, for a path whose file exists or does not. */
static EntkStatus set_names(const char *path, EntkTarget *target, EntkError *error)
{
	target->final = target->exists ? realpath(path, NULL) : path_follow(path);
	if (!target->final && errno != ENOMEM)
		return cannot_write(error, path, errno);
	const char *slash = target->final ? strrchr(target->final, '/') : NULL;
	if (target->final && !slash)
		target->folder = strdup(".");
	else if (target->final)
		target->folder = strndup(target->final, slash == target->final ? 1 : (size_t)(slash - target->final));
	if (!target->folder || asprintf(&target->temporary, "%s" PARTIAL "%ld", target->final, (long)getpid()) < 0) {
		target->temporary = NULL;
		return entk_fail_memory(error, "a file's name", strlen(path));
	}
	return ENTK_OK;
}

EntkStatus entk_target_create(const char *path, EntkTarget *target, EntkError *error)
{
	struct stat info;
	*target = (EntkTarget){.lock = -1};
	if (!*path)
		return entk_fail(error, ENTK_USAGE, NULL, "the output's name is empty");
	target->exists = stat(path, &info) == 0;
	if (target->exists && !S_ISREG(info.st_mode))
		return entk_fail(error, ENTK_SYSTEM, path, "cannot write: it is %s, expected a regular file",
				 S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
	if (target->exists && access(path, W_OK) != 0)
		return cannot_write(error, path, errno);
	if (target->exists) {
		target->mode = info.st_mode & 0777;
		target->owner = info.st_uid;
		target->group = info.st_gid;
	}
	EntkStatus status = set_names(path, target, error);
	if (status == ENTK_OK && access(target->folder, W_OK | X_OK) != 0) {
		cannot_write(error, path, errno);
		status = entk_fix(error, "the folder %s must exist and be writable", target->folder);
	}
	if (status != ENTK_OK)
		entk_target_destroy(target);
	else
		remove_stale(target);
	return status;
}

EntkStatus entk_target_begin(EntkTarget *target, EntkError *error)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int file = open(target->temporary, flags, target->exists ? 0600 : 0666);
	if (file < 0)
		return entk_target_fail(target, errno, error);
	target->lock = file;
	(void)flock(file, LOCK_EX | LOCK_NB);
	/* Before there is anything to read in it. */
	if (target->exists && fchmod(file, target->mode) != 0)
		return entk_target_fail(target, errno, error);
	return ENTK_OK;
}

EntkStatus entk_target_fail(EntkTarget *target, int number, EntkError *error)
{
	if (target->lock >= 0) {
		unlink(target->temporary);
		close(target->lock);
		target->lock = -1;
	}
	return entk_fail(error, ENTK_SYSTEM, target->final, "cannot write: %s; nothing was left behind",
			 strerror(number));
}

/* Everything that the file under the temporary name needs before it may stand under the final one. libzip has put another file in
 * the place of the one that was begun. */
static bool complete(const EntkTarget *target)
{
	int file = open(target->temporary, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	/* Only who may give files away can keep the owner; anybody else's file is their own. The owner comes first: a change of it takes
	 * bits of the mode away. */
	int ignored = target->exists ? fchown(file, target->owner, target->group) : 0;
	(void)ignored;
	bool good = (!target->exists || fchmod(file, target->mode) == 0) && fsync(file) == 0;
	int number = errno;
	close(file);
	errno = number;
	return good;
}

EntkStatus entk_target_commit(EntkTarget *target, EntkError *error)
{
	if (!complete(target) || rename(target->temporary, target->final) != 0)
		return entk_target_fail(target, errno, error);
	close(target->lock);
	target->lock = -1;
	/* Some file systems cannot sync folders; the file itself is safe. */
	int folder = open(target->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0) {
		(void)fsync(folder);
		close(folder);
	}
	return ENTK_OK;
}

EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error)
{
	EntkTarget target;
	if (strcmp(path, "-") == 0) {
		if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0)
			return entk_fail(error, ENTK_SYSTEM, "stdout", "cannot write: %s", strerror(errno));
		return ENTK_OK;
	}
	EntkStatus status = entk_target_create(path, &target, error);
	if (status == ENTK_OK)
		status = entk_target_begin(&target, error);
	if (status != ENTK_OK) {
		entk_target_destroy(&target);
		return status;
	}
	FILE *file = fopen(target.temporary, "wb");
	bool good = file && fwrite(text, 1, size, file) == size && fflush(file) == 0;
	int number = errno;
	if (file && fclose(file) != 0 && good) {
		good = false;
		number = errno;
	}
	status = good ? entk_target_commit(&target, error) : entk_target_fail(&target, number, error);
	entk_target_destroy(&target);
	return status;
}
