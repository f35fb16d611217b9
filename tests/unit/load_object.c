#include "load_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <dlfcn.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cmocka.h>

extern char **environ;

const char *temporary_path(const char *suffix)
{
	static char path[4096];
	static unsigned count;
	const char *directory = getenv("TMPDIR");
	snprintf(path, sizeof path, "%s/entk-test-%ld-%u%s", directory != NULL ? directory : "/tmp", (long)getpid(),
		 count++, suffix);
	return path;
}

void *load_object(const char *object_path)
{
	char object[4096], library[4096];
	snprintf(object, sizeof object, "%s", object_path);
	snprintf(library, sizeof library, "%s", temporary_path(".so"));
	char *argv[] = {"cc", "-shared", "-o", library, object, "-lm", NULL};
	pid_t child;
	int status;
	assert_int_equal(posix_spawnp(&child, "cc", NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		fail_msg("%s", dlerror());
	remove(object);
	remove(library);
	return handle;
}

void *load_symbol(void *library, const char *name)
{
	void *symbol = dlsym(library, name);
	if (symbol == NULL)
		fail_msg("no symbol %s", name);
	return symbol;
}
