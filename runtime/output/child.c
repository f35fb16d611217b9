/* See child.h. The handlers of SIGINT and SIGTERM restart what they interrupt, so waiting is done in steps. */
#include "output/child.h"

#include "support/cancel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From quick to slow: a short program costs no time, a long one no work. */
#define FIRST_NAP 1000000
#define LAST_NAP  20000000

EntkStatus entk_child_wait(pid_t child, const char *program, int *status, struct rusage *usage, EntkError *error)
{
	struct timespec nap = {.tv_nsec = FIRST_NAP};
	bool told = false;
	for (;;) {
		pid_t ended = wait4(child, status, WNOHANG, usage);
		if (ended == child)
			break;
		if (ended < 0 && errno != EINTR)
			return entk_fail(error, ENTK_SYSTEM, program, "cannot wait for it: %s", strerror(errno));
		if (*entk_cancel_flag() && !told) {
			kill(child, SIGTERM);
			told = true;
		}
		nanosleep(&nap, NULL);
		nap.tv_nsec = 2 * nap.tv_nsec < LAST_NAP ? 2 * nap.tv_nsec : LAST_NAP;
	}
	return told ? entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted") : ENTK_OK;
}

size_t entk_child_read(int from, char *text, size_t size)
{
	size_t length = 0;
	while (length + 1 < size && !*entk_cancel_flag()) {
		struct pollfd ready = {.fd = from, .events = POLLIN};
		if (poll(&ready, 1, LAST_NAP / 1000000) <= 0)
			continue;
		ssize_t count = read(from, text + length, size - 1 - length);
		if (count == 0 || (count < 0 && errno != EINTR))
			break;
		length += count > 0 ? (size_t)count : 0;
	}
	text[length] = '\0';
	return length;
}
